//! Writes down how a process was started.

use std::env;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

/// Writes `<name>.cwd`, `<name>.env` (sorted, one variable a line, escaped) and `<name>.argv` to the directory that
/// `GATE_ENV_DUMP` names; without it, does nothing.
pub fn write(name: &str) {
    let Some(dir) = env::var_os("GATE_ENV_DUMP").map(PathBuf::from) else { return };
    let mut variables: Vec<_> = env::vars_os().collect();
    variables.sort();
    let lines = variables.iter().fold(String::new(), |mut lines, (name, value)| {
        writeln!(lines, "{}={value:?}", name.display()).unwrap();
        lines
    });
    fs::write(dir.join(format!("{name}.env")), lines).unwrap();
    fs::write(dir.join(format!("{name}.cwd")), format!("{}\n", env::current_dir().unwrap().display())).unwrap();
    let argv = env::args_os().fold(String::new(), |argv, arg| format!("{argv}{arg:?}\n"));
    fs::write(dir.join(format!("{name}.argv")), argv).unwrap();
}
