//! Workspaces too large to keep: written by these functions, a pure function of their numbers.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::Fixture;

/// One binary, `many/test:b000`, with so many tests that pass, named `t00000` and on. What it compiles to is shared
/// by all copies.
pub(crate) fn tests_in_one_binary(tests: usize) -> Fixture {
    generate(1, tests)
}

/// So many binaries `many/test:b000` and on, each with so many tests `t00000` and on, all of which pass. What they
/// compile to is shared by all copies.
pub(crate) fn tiny_binaries(binaries: usize, tests_each: usize) -> Fixture {
    generate(binaries, tests_each)
}

fn generate(binaries: usize, tests: usize) -> Fixture {
    let compiled = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fixtures/many-{binaries}x{tests}"));
    let fixture = Fixture::empty(compiled);
    let manifest = "[workspace]\n\n[package]\nname = \"many\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
                    [lib]\ntest = false\ndoctest = false\n\n[profile.dev]\ndebug = false\nopt-level = 0\n";
    fixture.write("Cargo.toml", manifest).write("src/lib.rs", "");
    let mut body = String::new();
    for test in 0..tests {
        writeln!(body, "#[test]\nfn t{test:05}() {{}}").unwrap();
    }
    for binary in 0..binaries {
        fixture.write(&format!("tests/b{binary:03}.rs"), &body);
    }
    backdate(&fixture.root());
    fixture
}

/// The same contents get the same modification times each time they are written, so that cargo finds fresh what it
/// compiled from an earlier copy.
fn backdate(dir: &Path) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            backdate(&path);
        } else {
            let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
            File::options().write(true).open(path).unwrap().set_modified(long_ago).unwrap();
        }
    }
}
