//! Coverage: does the gate come to the totals of `cargo llvm-cov`, and how long does each take, from nothing, again, and
//! after a file was touched? Each has a target directory of its own, so that whatever lies in the workspace's stays.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use serde_json::Value;
use tempfile::TempDir;

use crate::runners::Workspace;
use crate::timing::{Cost, cost, median, ratio, seconds};

/// The head of the table.
pub(crate) const HEAD: &str = "\
| workspace | what is there | `cargo llvm-cov --json` | `cargo gate coverage` | of `cargo llvm-cov` |
|---|---|---|---|---|";

/// Covered and total of lines, regions and functions.
type Totals = [(u64, u64); 3];

const METRICS: [&str; 3] = ["lines", "regions", "functions"];

/// The two, with what they build.
struct Pair<'w> {
    workspace: &'w Workspace,
    theirs: TempDir,
    ours: TempDir,
}

impl<'w> Pair<'w> {
    fn new(workspace: &'w Workspace) -> io::Result<Self> {
        Ok(Self { workspace, theirs: tempfile::tempdir()?, ours: tempfile::tempdir()? })
    }

    fn exported(&self) -> PathBuf {
        self.theirs.path().join("exported.json")
    }

    fn their_command(&self) -> Command {
        let mut command = self.workspace.cargo(&["llvm-cov", "--json", "--output-path"]);
        command.arg(self.exported()).args(self.workspace.flags()).env("CARGO_TARGET_DIR", self.theirs.path());
        command
    }

    fn our_command(&self) -> Command {
        let mut command = self.workspace.gate(&["coverage", "--policy", "absolute", "--ratchet", "manual"]);
        command.args(self.workspace.flags()).env("CARGO_TARGET_DIR", self.ours.path());
        command
    }

    fn forget(&self) -> io::Result<()> {
        for dir in [self.theirs.path(), self.ours.path()] {
            fs::remove_dir_all(dir)?;
            fs::create_dir(dir)?;
        }
        Ok(())
    }
}

/// Compares and gives the rows of the table, and whether the totals are the same.
pub(crate) fn compare(workspace: &Workspace, runs: usize, told: &mut dyn Write) -> io::Result<(Vec<String>, bool)> {
    let pair = Pair::new(workspace)?;
    pair.their_command().stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    let output = pair.our_command().args(["--format", "json"]).stderr(Stdio::null()).output()?;
    let document: Value = serde_json::from_slice(&output.stdout)?;
    let export: Value = serde_json::from_slice(&fs::read(pair.exported())?)?;
    let totals = (of(&export["data"][0]["totals"], "count"), of(&document["coverage"]["totals"], "total"));
    let (theirs, ours) = totals;
    let is_same = theirs == ours && theirs[0].1 > 0;
    writeln!(told, "{:>18}: {METRICS:?} {theirs:?} / {ours:?}", if is_same { "same totals" } else { "DIFFER" })?;
    let touched = document["coverage"]["files"][0]["path"].as_str().map(|path| workspace.dir.join(path));
    let mut rows = Vec::new();
    for state in [State::Nothing, State::All, State::Touched] {
        let mut costs = (Vec::new(), Vec::new());
        for _ in 0..runs {
            if let State::Nothing = state {
                pair.forget()?;
            }
            for (command, costs) in [(pair.their_command(), &mut costs.0), (pair.our_command(), &mut costs.1)] {
                if let (State::Touched, Some(file)) = (state, &touched) {
                    touch(file)?;
                }
                costs.push(cost(command)?);
            }
        }
        rows.push(row(workspace, state, &costs.0, &costs.1));
    }
    Ok((rows, is_same))
}

/// What is there when it begins.
#[derive(Clone, Copy)]
enum State {
    Nothing,
    All,
    Touched,
}

fn of(totals: &Value, total: &str) -> Totals {
    METRICS.map(|metric| {
        let number = |field: &str| totals[metric][field].as_u64().unwrap_or_default();
        (number("covered"), number(total))
    })
}

fn touch(file: &Path) -> io::Result<()> {
    File::options().append(true).open(file)?.set_modified(SystemTime::now())
}

fn row(workspace: &Workspace, state: State, theirs: &[Cost], ours: &[Cost]) -> String {
    let state = match state {
        State::Nothing => "nothing",
        State::All => "everything",
        State::Touched => "everything, one file touched",
    };
    let (name, ratio) = (&workspace.name, ratio(ours, theirs));
    format!("| {name} | {state} | {} | {} | {ratio} |", seconds(median(theirs)), seconds(median(ours)))
}
