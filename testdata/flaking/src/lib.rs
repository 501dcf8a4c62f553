//! By what the tests of this fixture decide.

use std::path::PathBuf;
use std::{env, fs};

/// Which run of the test `name` this is, from 1, counted in `GATE_FIXTURE_DIR`.
pub fn nth_run(name: &str) -> u32 {
    let scratch = PathBuf::from(env::var_os("GATE_FIXTURE_DIR").expect("GATE_FIXTURE_DIR names a directory"));
    let counter = scratch.join(name);
    let runs = fs::read_to_string(&counter).ok().and_then(|text| text.parse().ok()).unwrap_or(0) + 1;
    fs::write(&counter, runs.to_string()).unwrap();
    runs
}

/// Is the code in order? `behaviour.txt` stands for code, and needs no compiler.
pub fn is_sound() -> bool {
    fs::read_to_string("behaviour.txt").unwrap().trim() == "sound"
}
