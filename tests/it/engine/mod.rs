//! The engine held to its specification from outside: the real binary on the real fixtures, one module a subject.

use std::path::Path;

use camino::Utf8PathBuf;
use cargo_gate::history::sqlite::SqliteStore;
use cargo_gate::history::store::{Page, RunFilter, Store, StoredRun};
use serde_json::Value;

use crate::support::{Ended, Fixture};

mod codes;
mod crashes;
mod doctests;
mod formats;
mod harnesses;
mod infra;
mod limits;
mod memory;
mod notify;
mod output;
mod retries;
mod reviewed;
mod scale;
mod selection;
mod signals;
mod slots;
mod surroundings;

/// The entry of a test in the JSON of a run, by its name.
#[track_caller]
fn entry(ended: &Ended, name: &str) -> Value {
    let json = ended.json();
    let mut found = json["tests"].as_array().into_iter().flatten().filter(|test| test["name"] == name);
    let entry = found.next().unwrap_or_else(|| panic!("no test {name} in the JSON\n{ended}"));
    assert!(found.next().is_none(), "{name} twice in the JSON\n{ended}");
    entry.clone()
}

/// The counts of the totals and `not_run`, in the order: tests, passed, failed, errored, timeout, flaky, skipped,
/// not run.
#[track_caller]
fn counts(ended: &Ended) -> [u64; 8] {
    let json = ended.json();
    let total = |name: &str| json["totals"][name].as_u64().unwrap_or_else(|| panic!("no total {name}\n{ended}"));
    let [tests, passed, failed, errored, timeout, flaky, skipped] =
        ["tests", "passed", "failed", "errored", "timeout", "flaky", "skipped"].map(total);
    [tests, passed, failed, errored, timeout, flaky, skipped, json["not_run"].as_u64().unwrap()]
}

/// The text of all reasons in the JSON.
#[track_caller]
fn reasons(ended: &Ended) -> String {
    let json = ended.json();
    let texts = json["reasons"].as_array().into_iter().flatten().map(|reason| reason["text"].as_str().unwrap());
    texts.collect::<Vec<_>>().join("\n")
}

/// Every run on record, the newest first.
#[track_caller]
fn runs(fixture: &Fixture) -> Vec<StoredRun> {
    store(fixture).map(|store| store.runs(&RunFilter::default(), Page::ALL).unwrap()).unwrap_or_default()
}

/// The history of a fixture, if there is one.
#[track_caller]
fn store(fixture: &Fixture) -> Option<SqliteStore> {
    SqliteStore::open_existing(&Utf8PathBuf::from_path_buf(fixture.gate_dir()).unwrap()).unwrap()
}

/// The one file of that ending in a directory of fixture notes, read.
#[track_caller]
fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Writes an executable script into the fixture's scratch directory and gives its path.
fn script(fixture: &Fixture, name: &str, body: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    let path = fixture.scratch().join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.into_os_string().into_string().unwrap()
}

/// The triple of the machine that the tests run on.
fn host() -> String {
    let output = std::process::Command::new("rustc").arg("-vV").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}
