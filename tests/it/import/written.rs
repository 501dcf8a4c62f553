//! What is written is read back the same: by writers of the tests' own, and by the tool's own JUnit.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use cargo_gate::import::{Format, RustBinaries, imported};
use cargo_gate::model::{
    Attempt, AttemptOutcome, BinaryId, CaseRecord, ContentHash, Context, Judgement, Kind, Outcome, RunHead, RunId,
    RunRecord, RunState, TestKey, Totals, Verdict, WORKSPACE_SUITE,
};
use cargo_gate::report::junit;
use proptest::prelude::*;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestRerun, TestSuite};

use super::{one, origin};

/// What became of a test, as a writer is told it.
#[derive(Clone, Debug)]
struct Told {
    name: String,
    outcome: Outcome,
    ms: u64,
    text: String,
}

/// A name as tools give them: no blanks around it, none doubled, no control characters.
fn name() -> impl Strategy<Value = String> {
    "[a-zA-Zé<&>\"'\\\\\\]#$.:/0-9-]{1,8}( [a-zA-Zé<&>'\\]#.:0-9]{1,5}){0,2}"
}

fn told(outcomes: &'static [Outcome]) -> impl Strategy<Value = Vec<Told>> {
    let one = (name(), proptest::sample::select(outcomes), 0_u64..100_000, "[a-z<&>\\]]{1,9}");
    let one = one.prop_map(|(name, outcome, ms, text)| Told { name, outcome, ms, text });
    proptest::collection::vec(one, 0..8)
}

fn junit_case(told: &Told) -> TestCase {
    let took = Duration::from_millis(told.ms);
    let broken = |kind: NonSuccessKind, ty: &str| {
        let mut status = TestCaseStatus::non_success(kind);
        status.set_message("it says why").set_type(ty).set_description(told.text.as_str());
        status
    };
    let status = match told.outcome {
        Outcome::Passed => TestCaseStatus::success(),
        Outcome::Failed => broken(NonSuccessKind::Failure, "failure"),
        Outcome::Error => broken(NonSuccessKind::Error, "error"),
        Outcome::Timeout => broken(NonSuccessKind::Failure, "test timeout"),
        Outcome::Skipped => TestCaseStatus::skipped(),
        Outcome::Flaky => {
            let mut status = TestCaseStatus::success();
            let mut rerun = TestRerun::new(NonSuccessKind::Failure);
            rerun.set_description(told.text.as_str());
            status.add_rerun(rerun);
            status
        }
    };
    let mut case = TestCase::new(told.name.as_str(), status);
    case.set_time(took);
    case
}

fn tap_of(told: &[Told], nested: bool) -> String {
    let (indent, mut text) = if nested { ("    ", "1..1\n# Subtest: outer\n".to_owned()) } else { ("", String::new()) };
    for (number, told) in (1..).zip(told) {
        let name = told.name.replace('\\', "\\\\").replace('#', "\\#");
        let (word, directive) = match told.outcome {
            Outcome::Passed => ("ok", ""),
            Outcome::Skipped => ("ok", " # SKIP why"),
            _ => ("not ok", ""),
        };
        writeln!(text, "{indent}{word} {number} - {name}{directive}").unwrap();
        writeln!(
            text,
            "{indent}  ---\n{indent}  duration_ms: {}\n{indent}  message: {}\n{indent}  ...",
            told.ms, told.text
        )
        .unwrap();
    }
    writeln!(text, "{indent}1..{}", told.len()).unwrap();
    if nested {
        let ok = told.iter().all(|told| !told.outcome.is_failure());
        writeln!(text, "{}ok 1 - outer", if ok { "" } else { "not " }).unwrap();
    }
    text
}

fn libtest_of(told: &[Told]) -> String {
    let mut text = format!("{{ \"type\": \"suite\", \"event\": \"started\", \"test_count\": {} }}\n", told.len());
    for told in told {
        let name = serde_json::to_string(&told.name).unwrap();
        writeln!(text, "{{ \"type\": \"test\", \"event\": \"started\", \"name\": {name} }}").unwrap();
    }
    for told in told {
        let name = serde_json::to_string(&told.name).unwrap();
        let event = match told.outcome {
            Outcome::Passed => "ok",
            Outcome::Skipped => "ignored",
            _ => "failed",
        };
        let (seconds, said) = (told.ms as f64 / 1000.0, serde_json::to_string(&told.text).unwrap());
        writeln!(
            text,
            "{{ \"type\": \"test\", \"name\": {name}, \"event\": \"{event}\", \"exec_time\": {seconds}, \"stdout\": {said} }}"
        )
        .unwrap();
    }
    let count = |wanted: Outcome| told.iter().filter(|told| told.outcome == wanted).count();
    let (passed, failed, ignored) = (count(Outcome::Passed), count(Outcome::Failed), count(Outcome::Skipped));
    let event = if failed > 0 { "failed" } else { "ok" };
    writeln!(
        text,
        "{{ \"type\": \"suite\", \"event\": \"{event}\", \"passed\": {passed}, \"failed\": {failed}, \"ignored\": {ignored} }}"
    )
    .unwrap();
    text
}

/// Compares names, outcomes and durations, and that failures say what they said.
#[track_caller]
fn assert_same(format: Format, text: &str, told: &[Told], outer: &[&str]) {
    let results = one(format, text.as_bytes());
    assert_eq!(results.problems().collect::<Vec<_>>(), Vec::<&str>::new(), "{text}");
    let read: Vec<_> = results.cases().collect();
    assert_eq!(read.len(), told.len(), "{text}");
    for (read, told) in read.into_iter().zip(told) {
        let path: Vec<&str> = outer.iter().copied().chain([told.name.as_str()]).collect();
        assert_eq!(
            (&read.path, read.outcome),
            (&path.iter().map(|part| (*part).to_owned()).collect(), told.outcome),
            "{text}"
        );
        if told.outcome != Outcome::Skipped {
            assert_eq!(read.took, Some(Duration::from_millis(told.ms)), "{text}");
        }
        let fails = read.attempts.iter().find(|attempt| attempt.outcome != AttemptOutcome::Passed);
        let said = fails.map(|attempt| attempt.text.as_deref().unwrap_or_default().contains(&told.text));
        assert_eq!(said, (told.outcome.is_failure() || told.outcome == Outcome::Flaky).then_some(true), "{text}");
    }
}

proptest! {
    #[test]
    fn junit_that_is_written_is_read(told in told(&Outcome::ALL), suite in name()) {
        let mut report = Report::new("report");
        let mut written = TestSuite::new(suite.as_str());
        written.add_test_cases(told.iter().map(junit_case));
        report.add_test_suite(written);
        let text = report.to_string().unwrap();
        assert_same(Format::Junit, &text, &told, &[]);
        let results = one(Format::Junit, text.as_bytes());
        prop_assert!(results.suites.iter().all(|read| read.path == [suite.clone()]));
    }

    #[test]
    fn tap_that_is_written_is_read(told in told(&[Outcome::Passed, Outcome::Failed, Outcome::Skipped]), nested: bool) {
        // A subtest without points says nothing that its own point does not.
        let nested = nested && !told.is_empty();
        let outer: &[&str] = if nested { &["outer"] } else { &[] };
        assert_same(Format::Tap, &tap_of(&told, nested), &told, outer);
    }

    #[test]
    fn libtest_json_that_is_written_is_read(told in told(&[Outcome::Passed, Outcome::Failed, Outcome::Skipped])) {
        // A dollar is nextest's sign between the binary and the test.
        let told: Vec<Told> = told.into_iter().map(|told| Told { name: told.name.replace('$', "-"), ..told }).collect();
        assert_same(Format::LibtestJson, &libtest_of(&told), &told, &[]);
    }

    #[test]
    fn totals_that_are_written_are_read(passed in 0_u32.., failed in 0_u32.., pad in 0_usize..20, color: bool) {
        let (passed, failed) = (u64::from(passed), u64::from(failed));
        let color = |line: String| if color { format!("\u{1b}[1;31m{line}\u{1b}[0m") } else { line };
        let line = |label: &str, number: u64| color(format!("  {label}:{}{number:>4}", " ".repeat(pad)));
        let lines = [line("Total Tests", passed + failed), line("Passed", passed), line("Failed", failed)].join("\r\n");
        let results = one(Format::Simple, lines.as_bytes());
        prop_assert_eq!(results.problems().count(), 0);
        let counts = Totals { tests: passed + failed, passed, failed, ..Totals::default() };
        prop_assert_eq!(results.suites.first().and_then(|suite| suite.counts).unwrap_or_default(), counts);
    }

    /// Whatever names come: each case has a key of its own, and each key is one that can be written and read.
    #[test]
    fn every_key_can_be_written_and_read(
        suites in proptest::collection::vec((".{0,6}", proptest::collection::vec((".{0,6}", ".{0,6}"), 0..5)), 0..4),
        package in ".{0,6}", named in proptest::option::of("[^ ]{1,5}"),
    ) {
        let mut report = Report::new("report");
        for (suite, cases) in &suites {
            let mut written = TestSuite::new(suite.as_str());
            for (class, name) in cases {
                let mut case = TestCase::new(name.as_str(), TestCaseStatus::success());
                case.set_classname(class.as_str());
                written.add_test_case(case);
            }
            report.add_test_suite(written);
        }
        let results = one(Format::Junit, report.to_string().unwrap().as_bytes());
        let none = RustBinaries::default();
        let run = imported(&results, super::Origin { package, suite: named, ..origin(&none) });
        prop_assert_eq!(run.cases.len(), results.cases().count());
        let mut keys = std::collections::HashSet::new();
        for case in &run.cases {
            let parsed = case.key.to_string().parse::<TestKey>();
            prop_assert_eq!(parsed.as_ref(), Ok(&*case.key));
            prop_assert!(keys.insert(case.key.to_string()), "{} comes twice", case.key);
        }
    }
}

#[test]
fn what_the_tool_writes_itself_comes_back_under_its_own_keys() {
    let binary = |kind, binary: &str| BinaryId { package: "app".to_owned(), kind, binary: binary.to_owned() };
    let binaries = [binary(Kind::Lib, "app"), binary(Kind::Bin, "app"), binary(Kind::Test, "db")];
    let rust = RustBinaries::of(binaries.clone().map(|id| (id, false)));
    let attempt = |outcome, text: Option<&str>| Attempt {
        outcome,
        took: Some(Duration::from_millis(5)),
        ending: None,
        why: None,
        text: text.map(Arc::from),
    };
    let (passed, failed) = (attempt(AttemptOutcome::Passed, None), attempt(AttemptOutcome::Failed, Some("it broke")));
    let case = |id: &BinaryId, name: &str, outcome, attempts: Vec<Attempt>| CaseRecord {
        key: Arc::new(TestKey { binary: id.clone(), name: name.to_owned() }),
        outcome,
        took: attempts.last().and_then(|attempt| attempt.took),
        attempts,
        line: None,
        leaked: false,
        binary_hash: None,
    };
    let cases = [
        case(&binaries[0], "tests::adds", Outcome::Passed, vec![passed.clone()]),
        case(&binaries[1], "tests::adds", Outcome::Failed, vec![failed.clone()]),
        case(&binaries[2], "slow", Outcome::Flaky, vec![failed, passed]),
        case(&binaries[2], "later", Outcome::Skipped, vec![]),
    ];
    let start = "2026-01-31T12:00:00Z".parse().unwrap();
    let record = RunRecord {
        head: RunHead {
            id: RunId::new(start, 1),
            start,
            context: Context { target: "t".into(), features: String::new(), profile: "test".into() },
            suite: WORKSPACE_SUITE.to_owned(),
            version: None,
            trigger: "manual".into(),
            host: "host".into(),
            toolchain: "rustc".into(),
            commit: None,
            branch: None,
            dirty: None,
            ci_link: None,
            input_key: Some(ContentHash([1; 16])),
            instrumented: false,
            full: true,
            shard: None,
            pid: 1,
            boot_id: None,
        },
        state: RunState::Executed,
        totals: Totals::of(&cases),
        not_run: 0,
        duration: Duration::from_millis(20),
        judgement: Judgement { verdict: Verdict::Fail, codes: vec![], reasons: vec![] },
        plan_digest: None,
        coverage: None,
    };
    let mut text = Vec::new();
    junit::write(&mut text, &record, &cases).unwrap();
    let run = imported(&one(Format::Junit, &text), origin(&rust));
    assert_eq!((run.head.start, run.took, run.totals), (start, record.duration, record.totals));
    let told = |case: &CaseRecord| (case.key.clone(), case.outcome, case.took, case.attempts.len());
    let mut wanted: Vec<_> = cases.iter().map(told).collect();
    wanted.sort_by(|a, b| a.0.binary.cmp(&b.0.binary));
    assert_eq!(run.cases.iter().map(|case| told(case)).collect::<Vec<_>>(), wanted);
}
