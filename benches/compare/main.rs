//! Holds the gate against its yardsticks on real workspaces: do `cargo test`, cargo-nextest and the gate come to the
//! same outcomes, and how long does each take?
//!
//! ```sh
//! cargo bench --bench compare -- [OPTIONS] WORKSPACE… [-- FLAGS FOR cargo test]
//! ```
//!
//! | option | does |
//! |---|---|
//! | `--parity N` | compares the outcomes of N runs each (default 1; 0: not at all) |
//! | `--runs N` | times N warm runs each, in turn (default 5; 0: not at all) |
//! | `--record` | times the gate with and without `--no-record`, too |
//! | `--first` | times the way to the first test, too |
//! | `--coverage` | nothing of that, but coverage: the totals and the times of `cargo llvm-cov` and `cargo gate coverage` |
//! | `--no-nextest` | leaves cargo-nextest out |
//! | `--gate FILE` | the gate to use (its file is called `cargo-gate`), instead of the one that was built along |
//!
//! A workspace's row goes to standard output as Markdown (`*`: without its doctests, which nextest does not run), what
//! happens meanwhile to standard error. The exit code is 1 where outcomes differ without an explanation: nextest runs no
//! doctests; a test binary that crashes takes along what `cargo test` would have said of its other tests, one that leaves
//! with 0 takes it along silently; a test may print what looks like a result and is none; and a test that comes out
//! differently from run to run under one runner says nothing about another.

mod coverage;
mod outcomes;
mod parity;
mod runners;
mod timing;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use runners::Workspace;

/// What is asked.
struct Asked {
    parity: usize,
    runs: usize,
    record: bool,
    first: bool,
    coverage: bool,
    nextest: bool,
    gate: PathBuf,
    workspaces: Vec<PathBuf>,
    flags: Vec<OsString>,
}

fn asked() -> Result<Asked, String> {
    let mut asked = Asked {
        parity: 1,
        runs: 5,
        record: false,
        first: false,
        coverage: false,
        nextest: true,
        gate: env!("CARGO_BIN_EXE_cargo-gate").into(),
        workspaces: Vec::new(),
        flags: Vec::new(),
    };
    let mut words = std::env::args_os().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{} needs a value", word.display()));
        let number = |value: OsString| {
            let text = value.to_string_lossy().into_owned();
            text.parse().map_err(|_| format!("`{text}` is no number"))
        };
        match word.to_str() {
            // From `cargo bench` itself.
            Some("--bench") => {}
            Some("--parity") => asked.parity = number(value()?)?,
            Some("--runs") => asked.runs = number(value()?)?,
            Some("--record") => asked.record = true,
            Some("--first") => asked.first = true,
            Some("--coverage") => asked.coverage = true,
            Some("--no-nextest") => asked.nextest = false,
            Some("--gate") => asked.gate = value()?.into(),
            Some("--") => asked.flags = words.by_ref().collect(),
            Some(flag) if flag.starts_with('-') => return Err(format!("unknown option {flag}")),
            _ => asked.workspaces.push(word.into()),
        }
    }
    if asked.workspaces.is_empty() { Err("name at least one workspace's directory".into()) } else { Ok(asked) }
}

fn main() -> ExitCode {
    let mut stderr = io::stderr();
    let asked = match asked() {
        Ok(asked) => asked,
        Err(why) => {
            let _ = writeln!(stderr, "error: {why}\nusage: compare [OPTIONS] WORKSPACE… [-- FLAGS FOR cargo test]");
            return ExitCode::from(2);
        }
    };
    let mut differs = false;
    let mut has_head = false;
    for dir in &asked.workspaces {
        let workspace = Workspace::open(dir, &asked.gate, &asked.flags, asked.nextest);
        match workspace.and_then(|workspace| compare(&workspace, &asked, &mut has_head)) {
            Ok(is_alike) => differs |= !is_alike,
            Err(error) => {
                let _ = writeln!(stderr, "error: {}: {error}", dir.display());
                differs = true;
            }
        }
    }
    ExitCode::from(u8::from(differs))
}

fn compare(workspace: &Workspace, asked: &Asked, has_head: &mut bool) -> io::Result<bool> {
    let mut stderr = io::stderr().lock();
    writeln!(stderr, "\n# {}", workspace.name)?;
    if asked.coverage {
        let (rows, is_same) = coverage::compare(workspace, asked.runs, &mut stderr)?;
        let head = (!std::mem::replace(has_head, true)).then(|| coverage::HEAD.to_owned());
        let mut stdout = io::stdout().lock();
        head.iter().chain(&rows).try_for_each(|line| writeln!(stdout, "{line}"))?;
        return Ok(is_same);
    }
    workspace.build()?;
    let alike = parity::compare(workspace, asked.parity, &mut stderr)?;
    let mut stdout = io::stdout().lock();
    if asked.runs > 0 {
        let row = timing::times(workspace, asked.runs, &mut stderr)?;
        if !std::mem::replace(has_head, true) {
            writeln!(stdout, "{}", timing::HEAD)?;
        }
        writeln!(stdout, "{row}")?;
    }
    if asked.record {
        timing::recording(workspace, asked.runs.max(5), &mut stderr)?;
    }
    if asked.first {
        timing::first_test(workspace, asked.runs.max(5), &mut stderr)?;
    }
    stdout.flush()?;
    Ok(alike)
}
