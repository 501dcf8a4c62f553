//! Passes things on to the tests: a variable, and a file in `OUT_DIR`.

use std::{env, fs, path::Path};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=GATE_FIXTURE_BUILD");
    println!("cargo::rustc-env=FROM_BUILD_SCRIPT=hello");
    println!("cargo::rustc-check-cfg=cfg(from_build_script)");
    println!("cargo::rustc-cfg=from_build_script");
    let out = env::var_os("OUT_DIR").unwrap();
    println!("cargo::rustc-link-search=native={}", Path::new(&out).display());
    fs::write(Path::new(&out).join("generated.rs"), "pub const GENERATED: u32 = 42;\n").unwrap();
}
