//! What people and machines read of a run.

pub(crate) mod runs;
mod script;

use std::io::Write as _;
use std::sync::{Arc, Mutex};

use cargo_gate::model::CaseRecord;
use cargo_gate::report::markdown::{Smoke, test_report};
use cargo_gate::report::{EventStream, Insights, Look, Terminal, TestDocument, Verbosity, frontmatter, json, junit};
use proptest::prelude::*;
use script::Script;

fn seen(run: &Script, look: Look, insights: Option<Insights>) -> String {
    let mut out = Vec::new();
    let mut terminal = Terminal::new(&mut out, look);
    if let Some(insights) = insights {
        terminal = terminal.with_insights(move |_, _| insights.clone());
    }
    run.play(&mut terminal);
    drop(terminal);
    String::from_utf8(out).unwrap()
}

fn plain(run: &Script) -> String {
    seen(run, Look::default(), None)
}

fn with(run: &Script, verbosity: Verbosity) -> String {
    seen(run, Look { verbosity, ..Look::default() }, None)
}

macro_rules! people_see {
    ($($test:ident: $shown:expr;)*) => {
        $(#[test]
        fn $test() {
            insta::assert_snapshot!($shown);
        })*
    };
}

people_see! {
    a_run_that_passes: plain(&runs::all_pass());
    failures_with_their_output: plain(&runs::failures());
    failures_in_a_narrow_window: seen(&runs::failures(), Look { columns: Some(40), ..Look::default() }, Some(runs::insights()));
    failures_with_what_the_history_says: seen(&runs::failures(), Look { columns: Some(80), ..Look::default() }, Some(runs::insights()));
    failures_in_quiet: with(&runs::failures(), Verbosity::Quiet);
    a_pass_in_quiet: with(&runs::all_pass(), Verbosity::Quiet);
    each_test_in_verbose: with(&runs::retried(), Verbosity::Verbose);
    tests_that_are_tried_again: plain(&runs::retried());
    a_crash_and_its_culprit: plain(&runs::crash());
    a_test_that_hangs: plain(&runs::timeout());
    an_interrupted_run: plain(&runs::interrupted());
    a_build_that_fails: plain(&runs::build_failed());
    a_tool_error: plain(&runs::deferred());
    a_selection_that_matches_nothing: plain(&runs::nothing());
    hostile_names_and_output: plain(&runs::hostile());
}

/// Every run, as its observers would be told of it.
fn every_run() -> Vec<Script> {
    vec![
        runs::all_pass(),
        runs::failures(),
        runs::retried(),
        runs::crash(),
        runs::timeout(),
        runs::interrupted(),
        runs::busy(),
        runs::build_failed(),
        runs::deferred(),
        runs::nothing(),
        runs::hostile(),
    ]
}

fn borrowed(cases: &[Arc<CaseRecord>]) -> Vec<&CaseRecord> {
    cases.iter().map(Arc::as_ref).collect()
}

#[test]
fn the_verdict_is_the_last_line() {
    for run in every_run() {
        let (record, _) = run.outcome();
        let sentence = cargo_gate::report::inert::one_line(record.judgement.sentence());
        for verbosity in [Verbosity::Quiet, Verbosity::Normal, Verbosity::Verbose] {
            let text = with(&run, verbosity);
            assert!(text.lines().last().unwrap().ends_with(&sentence), "{text}");
        }
    }
}

#[test]
fn colours_change_nothing_but_colours() {
    for run in every_run() {
        let colored = seen(&run, Look { color: true, ..Look::default() }, Some(runs::insights()));
        assert!(colored.contains("\x1b["));
        assert_eq!(console::strip_ansi_codes(&colored), seen(&run, Look::default(), Some(runs::insights())));
    }
}

/// A terminal that takes the progress line and the prints alike, as they come.
#[derive(Clone, Debug, Default)]
struct Screen(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Screen {
    fn add(&self, text: &str) -> std::io::Result<()> {
        self.clone().write_all(text.as_bytes())
    }
}

impl indicatif::TermLike for Screen {
    fn width(&self) -> u16 {
        80
    }
    fn move_cursor_up(&self, n: usize) -> std::io::Result<()> {
        if n > 0 { self.add("<up>") } else { Ok(()) }
    }
    fn move_cursor_down(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }
    fn move_cursor_right(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }
    fn move_cursor_left(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }
    fn write_line(&self, text: &str) -> std::io::Result<()> {
        self.add(&format!("{text}\n"))
    }
    fn write_str(&self, text: &str) -> std::io::Result<()> {
        self.add(text)
    }
    fn clear_line(&self) -> std::io::Result<()> {
        self.add("<clear>")
    }
    fn flush(&self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn no_line_shares_its_place_with_the_progress() {
    let screen = Screen::default();
    let target = indicatif::ProgressDrawTarget::term_like(Box::new(screen.clone()));
    let mut terminal = Terminal::new(screen.clone(), Look::default()).with_progress(target);
    runs::busy().play(&mut terminal);
    let text = String::from_utf8(screen.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("Testing "), "{text}");
    // Each permanent line begins where a line ended, or where the progress was cleared away.
    let printed = text.lines().filter_map(|line| line.find(" FAIL [").map(|at| &line[..at]));
    for before in printed {
        let before = before.trim_end();
        assert!(before.is_empty() || before.ends_with("<clear>"), "{before}");
    }
    assert!(!text.split("1 failure").last().unwrap().contains("Testing"), "{text}");
}

#[test]
fn a_text_is_shown_once_and_after_its_line_whenever_it_comes() {
    let mut early = Script::built(1, 1, None);
    let fails = script::key("app/app::fails");
    early.tell(cargo_gate::event::Fact::FailureText { key: fails, attempt: 1, text: "the reason\n".into() });
    early.fail("app/app::fails", 1).text("app/app::fails", 1, "the reason\n");
    let text = plain(early.end(
        cargo_gate::model::RunState::Executed,
        cargo_gate::model::Verdict::Fail,
        &[cargo_gate::exit_code::ExitCode::TestsFailed],
        "1 of 1 tests failed.",
    ));
    let running = text.split("1 failure").next().unwrap();
    assert_eq!(running.matches("the reason").count(), 1, "{text}");
    assert!(running.find("FAIL").unwrap() < running.find("the reason").unwrap(), "{text}");
}

#[test]
fn the_json_document_has_the_documented_shape() {
    let (record, cases) = runs::failures().outcome();
    let document = TestDocument::new(&record, borrowed(&cases), &runs::insights(), |key| {
        (key.name == "slow").then(|| "flaky".to_owned())
    });
    let mut line = Vec::new();
    json::write_line(&mut line, &document).unwrap();
    assert_eq!(serde_json::from_slice::<TestDocument>(&line).unwrap(), document);
    let mut value: serde_json::Value = serde_json::from_slice(&line).unwrap();
    let tests = value["tests"].as_array_mut().unwrap();
    assert_eq!(tests.len(), 66);
    tests.retain(|test| test["outcome"] == "failed" || test["name"] == "case_0007");
    insta::assert_snapshot!(serde_json::to_string_pretty(&value).unwrap());
}

#[test]
fn events_are_one_versioned_object_a_line() {
    let mut out = Vec::new();
    runs::retried().play(&mut EventStream::new(&mut out));
    let text = String::from_utf8(out).unwrap();
    for line in text.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(value["schema_version"], 1);
        let at: jiff::Timestamp = value["at"].as_str().unwrap().parse().unwrap();
        assert!(value["at"].as_str().unwrap().ends_with('Z'), "{at}");
    }
    let shown: Vec<&str> = text.lines().filter(|line| !line.contains("case_")).collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn a_reader_that_is_gone_ends_the_events_quietly() {
    struct Gone;
    impl std::io::Write for Gone {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut events = EventStream::new(Gone);
    runs::all_pass().play(&mut events);
    assert!(events.error().is_none());
    runs::all_pass().play(&mut Terminal::new(Gone, Look::default()));
}

#[test]
fn junit_tells_failures_reruns_and_flaky_tests_apart() {
    let (record, cases) = runs::retried().outcome();
    let mut out = Vec::new();
    junit::write(&mut out, &record, borrowed(&cases)).unwrap();
    let text = String::from_utf8(out).unwrap();
    let shown: Vec<&str> = text.lines().filter(|line| !line.contains("case_")).collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn every_run_is_junit_that_can_be_read_back() {
    for run in every_run() {
        let (record, cases) = run.outcome();
        let mut out = Vec::new();
        junit::write(&mut out, &record, borrowed(&cases)).unwrap();
        let text = String::from_utf8(out).unwrap();
        let valid = |c: char| matches!(c, '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        assert!(text.chars().all(valid), "{text}");
        let back = quick_junit::Report::deserialize_from_str(&text).unwrap();
        assert_eq!(back.tests, cases.len());
        let failed = back.failures + back.errors;
        assert_eq!(failed, cases.iter().filter(|case| case.outcome.is_failure()).count());
    }
}

/// A run of one failing test, with this name and this output.
fn one_failure(name: &str, text: &str) -> Script {
    use cargo_gate::model::{AttemptOutcome, Outcome};
    let mut key = cargo_gate::model::TestKey::clone(&script::key("app/app::x"));
    name.clone_into(&mut key.name);
    let mut attempt = script::attempt(AttemptOutcome::Failed, 1);
    attempt.text = Some(text.into());
    attempt.why = Some(name.to_owned());
    let mut run = Script::built(1, 1, None);
    run.finish(script::case(&Arc::new(key), Outcome::Failed, vec![attempt]));
    run.end(
        cargo_gate::model::RunState::Executed,
        cargo_gate::model::Verdict::Fail,
        &[cargo_gate::exit_code::ExitCode::TestsFailed],
        text,
    );
    run
}

proptest! {
    #[test]
    fn no_name_and_no_output_breaks_a_format(
        name in any::<String>().prop_filter("a test has a name", |name| !name.is_empty()),
        text in "\\PC{0,20}|(\\]\\]>|```|---\n|result: PASS\n|::error::|##\\[|\x1b\\[31m|\x1b\\]|\r|\n|<!--|[\\x00-\\x9f]){0,12}",
    ) {
        let run = one_failure(&name, &text);
        let (record, cases) = run.outcome();
        let shown = cargo_gate::report::inert::one_line(&name);

        let mut xml = Vec::new();
        junit::write(&mut xml, &record, borrowed(&cases)).unwrap();
        let back = quick_junit::Report::deserialize_from_str(&String::from_utf8(xml).unwrap()).unwrap();
        prop_assert_eq!(back.test_suites[0].test_cases[0].name.as_str(), shown);

        let mut events = Vec::new();
        run.play(&mut EventStream::new(&mut events));
        let lines: Vec<serde_json::Value> =
            String::from_utf8(events).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        prop_assert_eq!(lines.len(), 4);
        prop_assert_eq!(lines[2]["name"].as_str().unwrap(), name);

        let report = test_report(&record, &borrowed(&cases), Smoke::Skipped, &Insights::default());
        prop_assert!(!frontmatter::read(&report).passes);

        for verbosity in [Verbosity::Quiet, Verbosity::Verbose] {
            let seen = with(&run, verbosity);
            prop_assert!(seen.chars().all(|c| matches!(c, '\n' | '\t') || !c.is_control()), "{seen:?}");
            for line in seen.lines() {
                prop_assert!(!line.trim_start().starts_with("::") && !line.contains("##["), "{line}");
            }
        }
    }
}

#[test]
fn the_markdown_report_says_why() {
    let (record, cases) = runs::failures().outcome();
    insta::assert_snapshot!(test_report(&record, &borrowed(&cases), Smoke::Skipped, &runs::insights()));
}

#[test]
fn a_hostile_markdown_report_stays_a_report() {
    let (record, cases) = runs::hostile().outcome();
    insta::assert_snapshot!(test_report(&record, &borrowed(&cases), Smoke::Skipped, &runs::insights()));
}

#[test]
fn reports_are_read_back_as_they_were_meant() {
    for run in every_run() {
        let (record, cases) = run.outcome();
        let passes = record.exit_code() == cargo_gate::exit_code::ExitCode::Pass;
        for (smoke, want) in [(Smoke::Skipped, passes), (Smoke::Ok, passes), (Smoke::Failed, false)] {
            let report = test_report(&record, &borrowed(&cases), smoke, &Insights::default());
            assert_eq!(frontmatter::read(&report).passes, want, "{report}");
            let head = frontmatter::FrontMatter::parse(&report).unwrap();
            assert_eq!(head.get("run_id"), Some("20260131T120000000Z-1a2b3c4d"));
            assert_eq!(head.get("gate_exit_code"), Some(record.exit_code().to_string().as_str()));
        }
    }
}

#[test]
fn a_suite_that_did_not_execute_is_no_code_fault() {
    let (record, cases) = runs::deferred().outcome();
    let report = test_report(&record, &borrowed(&cases), Smoke::Skipped, &Insights::default());
    let head = frontmatter::FrontMatter::parse(&report).unwrap();
    assert_eq!((head.get("tool_error"), head.get("exit_code")), (Some("true"), Some("")));
    assert!(report.contains("not a code fault"));
}
