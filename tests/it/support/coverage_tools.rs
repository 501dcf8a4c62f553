//! The tools that measuring takes. Tests that measure obtain them as a user would; where that fails they fail: a test
//! that is left out would read as a pass.

use std::sync::Once;

use super::Fixture;

/// Sees to it that cargo-llvm-cov and LLVM's tools are there, by the network if need be. Once is enough.
pub(crate) fn obtain() {
    static OBTAINED: Once = Once::new();
    OBTAINED.call_once(|| {
        let doctor = Fixture::bare().gate(["doctor", "--install"]).without_env("CARGO_NET_OFFLINE").run();
        doctor.assert_code(0);
    });
}
