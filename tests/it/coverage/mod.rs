//! `cargo gate coverage` from outside. What takes cargo-llvm-cov is ignored unless it is asked for, since a machine with
//! nothing but Rust has none: `cargo test --test it -- --ignored coverage::` gets it first.

mod elsewhere;
mod failures;
mod figures;
mod patch;
mod pipeline;
mod ratchet;
mod surroundings;
mod totals;

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::support::{Ended, Fixture, Invocation, coverage_tools};

/// Covered and total of each metric.
type Totals = BTreeMap<String, (u64, u64)>;

/// A copy of a fixture on a machine that has what measuring takes.
fn measurable(fixture: &str) -> Fixture {
    coverage_tools::obtain();
    Fixture::alone(fixture)
}

/// `cargo gate coverage`, with its document on standard output.
fn coverage<'a>(fixture: &Fixture, args: impl IntoIterator<Item = &'a str>) -> Invocation {
    fixture.gate(["coverage", "--format", "json"]).args(args)
}

/// The totals that a document has.
#[track_caller]
fn totals(ended: &Ended) -> Totals {
    let document = ended.json();
    let totals = document["coverage"]["totals"].as_object().unwrap_or_else(|| panic!("no totals\n{ended}"));
    let pair = |figure: &Value| (figure["covered"].as_u64().unwrap(), figure["total"].as_u64().unwrap());
    totals.iter().map(|(metric, figure)| (metric.clone(), pair(figure))).collect()
}

/// What `cargo llvm-cov` itself measures, with nothing there that could be stale.
#[track_caller]
fn clean_totals<'a>(fixture: &Fixture, args: impl IntoIterator<Item = &'a str>) -> Totals {
    let target = fixture.scratch().join("clean");
    let _ = fs::remove_dir_all(&target);
    let ended = fixture
        .cargo(["llvm-cov", "--json", "--summary-only"].into_iter().chain(args))
        .env("CARGO_TARGET_DIR", &target)
        .run();
    ended.assert_code(0);
    let document = ended.json();
    let totals = &document["data"][0]["totals"];
    let pair = |metric: &str| {
        let number = |field: &str| totals[metric][field].as_u64().unwrap();
        (metric.to_owned(), (number("covered"), number("count")))
    };
    ["lines", "regions", "functions"].map(pair).into()
}

/// A reason or warning of the document, by its id.
#[track_caller]
fn text_of(document: &Value, list: &str, id: &str) -> String {
    let list = document["coverage"][list].as_array().unwrap();
    let found = list.iter().find(|reason| reason["id"] == id).unwrap_or_else(|| panic!("no `{id}` in {list:?}"));
    found["text"].as_str().unwrap().to_owned()
}

/// What lies in the directory of instrumented builds with this extension.
fn files_with(fixture: &Fixture, extension: &str) -> Vec<String> {
    let mut waiting = vec![fixture.target_dir().join("gate-coverage")];
    let mut found = Vec::new();
    while let Some(dir) = waiting.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}
