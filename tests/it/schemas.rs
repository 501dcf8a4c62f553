//! **Section 10**: the JSON documents have the shapes that `cargo gate schema` says, all of them and no others. Beside
//! these tests each one that reads a document of a real run holds it against its schema: see [`shapes`].

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use cargo_gate::analytics::flaky::State;
use cargo_gate::exit_code::ExitCode;
use cargo_gate::model::{Kind, Metric, Outcome, RunState, StepKind, StepState, Verdict, Word};
use cargo_gate::pipeline::manifest::{DONE, MEANT};
use cargo_gate::report::schema::{self, DOCUMENTS, Document};
use serde_json::{Value, json};

use crate::coverage_report;
use crate::support::commands::every_command;
use crate::support::{Fixture, shapes};

/// A workspace whose tests do what tests do, with a gate of one step.
fn demo() -> Fixture {
    let demo = Fixture::alone("demo");
    let step = "[[pipeline.default.step]]\nname = \"quick\"\nkind = \"custom\"\ncommand = [\"cargo\", \"--version\"]\n";
    let junit = "<testsuite name=\"a\"><testcase name=\"b\" classname=\"c\" time=\"0.1\"/></testsuite>";
    demo.write(".config/gate.toml", step).write("junit.xml", junit);
    demo
}

/// One way to see each document that needs no more than a workspace, in an order in which each has something to show.
const SEEN: [(&str, &str, i32); 31] = [
    ("config-show", "config show", 0),
    ("test-list", "test --list", 0),
    ("test", "test --retries 1 --events events.ndjson", 100),
    ("test", "test", 100),
    ("run-dry-run", "run --dry-run", 0),
    ("run", "run", 0),
    ("report", "report", 0),
    ("flaky", "flaky --all", 0),
    ("explain", "explain crashes", 0),
    ("order", "order", 0),
    ("order-backtest", "order --backtest", 0),
    ("history-list", "history list", 0),
    ("history-show", "history show last", 0),
    ("history-stats", "history stats", 0),
    ("history-add", "history add --suite nightly --verdict pass", 0),
    ("history-export", "history export --output runs.gz", 0),
    ("history-merge", "history merge runs.gz", 0),
    ("history-push", "history push --dry-run", 0),
    ("shards", "shards 2", 0),
    ("test", "test --shard 1/1", 100),
    ("join", "join target/gate/shard", 100),
    ("history-import", "history import junit.xml", 0),
    ("history-prune", "history prune --max-runs 2 --dry-run", 0),
    ("history-undo", "history undo last", 0),
    ("status", "status --within 24h", 100),
    ("baseline-set", "baseline set 50", 0),
    ("baseline-show", "baseline show", 0),
    ("baseline-reset", "baseline reset --reason again", 0),
    ("verdict", "verdict target/gate/test-report.md", 100),
    ("init", "init --force --no-try", 0),
    ("doctor", "doctor", 0),
];

#[test]
fn every_document_of_real_commands_has_its_shape_and_a_mutated_one_is_refused() {
    let demo = demo();
    let mut documents: Vec<(&str, Value)> = Vec::new();
    // A build without PostgreSQL has nothing to send to.
    let is_there = |name: &str| cfg!(feature = "postgres") || name != "history-push";
    for (name, line, code) in SEEN.into_iter().filter(|(name, ..)| is_there(name)) {
        let mut call = demo.gate(line.split(' ').chain(["--format", "json"]));
        if name == "history-push" {
            call = call.env("CARGO_GATE_STORE_URL", "postgres://nowhere.invalid/gate");
        }
        let ended = call.run();
        // What is installed where the tests run is not for this test to say.
        if name != "doctor" {
            ended.assert_code(code);
        }
        documents.push((name, ended.json()));
    }
    documents.push(("shard", serde_json::from_str(&demo.read("target/gate/shard/shard.json")).unwrap()));
    let events = demo.read("events.ndjson");
    documents.extend(events.lines().map(|line| ("events", serde_json::from_str(line).unwrap())));
    for run in fs::read_dir(demo.gate_dir().join("runs")).unwrap() {
        for (name, file) in [("validation-manifest", MEANT), ("validation-complete", DONE)] {
            if let Ok(text) = fs::read_to_string(run.as_ref().unwrap().path().join(file)) {
                documents.push((name, serde_json::from_str(&text).unwrap()));
            }
        }
    }
    // What it takes to measure is not installed everywhere.
    documents.extend(coverage_report::documents().map(|document| ("coverage", document)));
    // Nor is a server to send to; the tests that have one hold what really comes against its schema.
    let sent = include_str!("../../testdata/formats/documents/1/history-push.json");
    documents.push(("history-push", serde_json::from_str(sent).unwrap()));
    let seen: BTreeSet<&str> = documents.iter().map(|(name, _)| *name).collect();
    assert_eq!(seen, DOCUMENTS.iter().map(|document| document.name).collect());
    leave(&documents);
    let mut unminded = BTreeSet::new();
    for (name, document) in &documents {
        shapes::assert_fits(name, document);
        for (what, mutant) in mutants(document) {
            if shapes::faults(name, &mutant).is_empty() {
                unminded.insert(format!("{name}: {what}"));
            }
        }
    }
    assert_eq!(unminded, BTreeSet::new(), "nobody minds it");
}

/// Leaves them where samples of a new version are taken from: CONTRIBUTING.md says how. Of several the first.
fn leave(documents: &[(&str, Value)]) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("documents");
    fs::create_dir_all(&folder).unwrap();
    for document in DOCUMENTS {
        let mut of_name = documents.iter().filter(|(name, _)| *name == document.name).map(|(_, document)| document);
        let (extension, text) = match document.name {
            "events" => ("ndjson", of_name.map(|line| format!("{line}\n")).collect()),
            _ => ("json", format!("{:#}\n", of_name.next().unwrap())),
        };
        fs::write(folder.join(format!("{}.{extension}", document.name)), text).unwrap();
    }
}

/// The document without each of its fields, with something else in each, and with one too many in every object.
fn mutants(document: &Value) -> Vec<(String, Value)> {
    let mut mutants = Vec::new();
    for (name, value) in document.as_object().unwrap() {
        let something_else = if value.is_object() { json!("odd") } else { json!({ "odd": [[]] }) };
        let mut odd = document.clone();
        odd[name] = something_else;
        mutants.push((format!("an odd {name}"), odd));
    }
    let mut objects = Vec::new();
    collect_objects(document, "", &mut objects);
    for at in objects.iter().filter(|at| !BY_NAME.contains(&at.as_str())) {
        let names = document.pointer(at).unwrap().as_object().unwrap().keys();
        for name in names.filter(|name| !OPTIONAL.contains(&name.as_str())) {
            let mut mutant = document.clone();
            mutant.pointer_mut(at).unwrap().as_object_mut().unwrap().remove(name);
            mutants.push((format!("the lack of {name} in {at}/"), mutant));
        }
    }
    for at in objects {
        let mut mutant = document.clone();
        mutant.pointer_mut(&at).unwrap().as_object_mut().unwrap().insert("unheard-of".into(), json!([]));
        mutants.push((format!("one field more in {at}/"), mutant));
    }
    mutants
}

/// What is there only where there is something to say.
const OPTIONAL: [&str; 5] = ["quarantine", "line", "leaked", "message", "shards"];

/// Tables in which each name may be lacking.
const BY_NAME: [&str; 3] = ["/coverage/totals", "/triggers", "/suites"];

/// What is the user's own: settings, and tables of the configuration.
const OPEN: [&str; 8] = ["settings", "value", "groups", "override", "quarantine", "floor", "exempt", "pipeline"];

fn collect_objects(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            let is_open = OPEN.iter().any(|open| at.ends_with(&format!("/{open}")));
            if !is_open {
                found.push(at.to_owned());
                fields.iter().for_each(|(name, inner)| collect_objects(inner, &format!("{at}/{name}"), found));
            }
        }
        // They are all of one shape.
        Value::Array(items) => {
            items.iter().take(1).for_each(|inner| collect_objects(inner, &format!("{at}/0"), found));
        }
        _ => {}
    }
}

#[test]
fn every_command_that_writes_json_has_a_schema_of_its_name() {
    let has_json = |command: &clap::Command| {
        command.get_arguments().any(|arg| {
            arg.get_long() == Some("format")
                && arg.get_possible_values().iter().any(|value| value.matches("json", false))
        })
    };
    let speaking = every_command().into_iter().filter(|(_, command)| has_json(command));
    let names: Vec<String> = speaking.map(|(path, _)| path.replace(' ', "-")).collect();
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        let document = DOCUMENTS.iter().find(|document| document.name == name);
        let document = document.unwrap_or_else(|| panic!("`{name} --format json` writes a document without a schema"));
        assert_eq!(document.from, format!("cargo gate {} --format json", name.replace('-', " ")));
    }
}

#[test]
fn the_words_in_the_schemas_are_those_of_the_code() {
    fn words<W: Word>() -> Value {
        W::ALL.iter().map(|word| word.word()).collect()
    }
    let all = |name: &str, definition: &str| schema::of(name).unwrap()["$defs"][definition]["enum"].clone();
    let mut codes = ExitCode::ALL.map(ExitCode::number);
    codes.sort_unstable();
    for (name, definition, wanted) in [
        ("test", "exit_code", json!(codes)),
        ("test", "verdict", json!(Verdict::ALL)),
        ("test", "outcome", json!(Outcome::ALL)),
        ("test", "kind", json!(Kind::ALL)),
        ("test", "state", json!(State::ALL)),
        ("history-list", "run_state", json!(RunState::ALL)),
        ("run", "step_kind", words::<StepKind>()),
        ("run", "step_state", words::<StepState>()),
        ("report", "metric", words::<Metric>()),
    ] {
        assert_eq!(all(name, definition), wanted, "{definition}");
    }
    let without_flaky_and_skipped: Vec<Value> = all("test", "outcome")
        .as_array()
        .unwrap()
        .iter()
        .filter(|word| !["flaky", "skipped"].contains(&word.as_str().unwrap()))
        .cloned()
        .collect();
    assert_eq!(all("explain", "attempt_outcome"), json!(without_flaky_and_skipped));
}

#[test]
fn the_command_lists_the_documents_and_prints_the_schema_of_one() {
    let fixture = Fixture::bare();
    let listed = fixture.gate(["schema"]).run();
    let names: Vec<String> =
        listed.assert_code(0).stdout().lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    assert!(names.iter().eq(DOCUMENTS.iter().map(|document| document.name)));
    for name in names {
        let printed = fixture.gate(["schema", &name]).run();
        assert_eq!(printed.assert_code(0).json(), schema::of(&name).unwrap());
    }
    fixture.gate(["schema", "tests"]).run().assert_code(2).assert_stderr_has("history-list");
}

#[test]
fn the_readme_has_the_table_of_documents() {
    const MARKERS: (&str, &str) = ("<!-- schemas:begin -->\n", "<!-- schemas:end -->");
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (_, rest) = readme.split_once(MARKERS.0).expect("the marker where the table begins");
    let (table, _) = rest.split_once(MARKERS.1).expect("the marker where the table ends");
    let line = |document: &Document| format!("| `{}` | `{}` |\n", document.name, document.from);
    let wanted = format!("| schema | document |\n|---|---|\n{}", DOCUMENTS.iter().map(line).collect::<String>());
    assert_eq!(table, wanted);
}
