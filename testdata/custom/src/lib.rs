//! What the harnesses of this fixture share.

use std::env;
use std::fs::OpenOptions;
use std::io::Write;

/// Adds a line with this process's arguments to `<name>.starts` in `GATE_FIXTURE_DIR`, so that a test of a runner can
/// tell how often it was started, and with what.
pub fn note_start(name: &str) {
    let Some(dir) = env::var_os("GATE_FIXTURE_DIR") else { return };
    let path = std::path::Path::new(&dir).join(format!("{name}.starts"));
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    writeln!(file, "{}", env::args().skip(1).collect::<Vec<_>>().join(" ")).unwrap();
}
