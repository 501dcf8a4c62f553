//! **Section 10**: the JSON documents have the shapes that `cargo gate schema` says, all of them and no others. Beside
//! these tests each one that reads a document of a real run holds it against its schema: see [`shapes`].

use std::collections::BTreeSet;
use std::fs;

use cargo_gate::analytics::flaky::State;
use cargo_gate::cli;
use cargo_gate::config::settings;
use cargo_gate::exit_code::ExitCode;
use cargo_gate::model::{AttemptOutcome, Kind, Metric, Outcome, RunState, StepKind, StepState, Verdict, Word};
use cargo_gate::report::schema::{self, DOCUMENTS};
use serde_json::{Value, json};

use crate::support::{Fixture, shapes};

/// What it takes to see every document once: after what came before it, the arguments and the exit code.
const SEEN: [(&str, i32); 27] = [
    ("init --no-try --format json", 0),
    ("config show --format json", 0),
    ("test --list --format json", 0),
    ("test --format json", 100),
    ("test --retries 1 --format json", 100),
    ("run --only quick --dry-run --format json", 0),
    ("run --only quick --format json", 0),
    ("report --format json", 0),
    ("flaky --all --format json", 0),
    ("explain crashes --format json", 0),
    ("order --format json", 0),
    ("order --backtest --format json", 0),
    ("history list --format json", 0),
    ("history show last --format json", 0),
    ("history stats --format json", 0),
    ("history add --suite nightly --verdict pass --format json", 0),
    ("history export --output runs.gz --format json", 0),
    ("history merge runs.gz --format json", 0),
    ("history push --dry-run --format json", 0),
    ("history import junit.xml --format json", 0),
    ("history prune --max-runs 1 --format json", 0),
    ("history undo last --format json", 0),
    ("status --within 24h --format json", 100),
    ("baseline set 50 --format json", 0),
    ("baseline show --format json", 0),
    ("baseline reset --reason again --format json", 0),
    ("verdict target/gate/test-report.md --format json", 0),
];

const CONFIG: &str = "[[pipeline.default.step]]\nname = \"quick\"\nkind = \"custom\"\ncommand = [\"true\"]\n";

const JUNIT: &str =
    "<testsuite name=\"a\" tests=\"1\" failures=\"0\"><testcase name=\"b\" classname=\"c\" time=\"0.1\"/></testsuite>";
