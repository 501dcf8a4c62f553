//! What people and machines read of a whole gate.

mod made;

use std::io::Write as _;
use std::sync::{Arc, Mutex};

use cargo_gate::event::Fact;
use cargo_gate::exit_code::ExitCode;
use cargo_gate::model::{Ending, StepKind, StepRecord, StepState, Verdict};
use cargo_gate::report::github::Findings;
use cargo_gate::report::markdown::Smoke;
use cargo_gate::report::pipeline::markdown::pipeline_report;
use cargo_gate::report::pipeline::{DryRun, SmokeReport, dry_run, json, terminal};
use cargo_gate::report::{EventStream, Insights, Look, PipelineReport, PipelineTerminal, Verbosity, frontmatter};
use made::Gate;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::github;
use crate::support::inert::{assert_inert, outside_fences};

/// All that people see of a gate: its steps as they go, and its end.
fn seen(gate: &Gate, look: Look) -> String {
    let mut out = Vec::new();
    let mut observer = PipelineTerminal::new(&mut out, look);
    gate.play(&mut observer);
    drop(observer);
    out.extend(terminal::page(&gate.report, look).into_bytes());
    String::from_utf8(out).unwrap()
}

fn plain(gate: &Gate) -> String {
    seen(gate, Look::default())
}

fn on(columns: usize, gate: &Gate) -> String {
    seen(gate, Look { columns: Some(columns), ..Look::default() })
}

fn with(verbosity: Verbosity, gate: &Gate) -> String {
    seen(gate, Look { verbosity, ..Look::default() })
}

fn planned(columns: Option<usize>, plan: &DryRun) -> String {
    dry_run::page(plan, Look { columns, ..Look::default() })
}

fn written(value: &impl serde::Serialize) -> Value {
    let mut line = Vec::new();
    cargo_gate::report::json::write_line(&mut line, value).unwrap();
    serde_json::from_slice(&line).unwrap()
}

fn document(gate: &Gate) -> Value {
    written(&json::document(&gate.report))
}

fn annotated(report: &PipelineReport) -> String {
    github::annotated(&Findings { pipeline: Some(report), ..github::findings("Gate", &report.judgement) })
}

fn markdown(gate: &Gate) -> String {
    pipeline_report(&gate.report, &[], &Insights::default())
}

fn events(gate: &Gate) -> String {
    let mut out = Vec::new();
    gate.play(&mut EventStream::new(&mut out));
    String::from_utf8(out).unwrap()
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
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
    a_green_gate: plain(&made::green());
    a_green_gate_on_80_columns: on(80, &made::green());
    a_green_gate_on_40_columns: on(40, &made::green());
    a_green_gate_in_quiet: with(Verbosity::Quiet, &made::green());
    a_lint_that_fails: plain(&made::failing_lint());
    a_lint_that_fails_on_120_columns: on(120, &made::failing_lint());
    a_lint_that_fails_on_80_columns: on(80, &made::failing_lint());
    a_lint_that_fails_on_40_columns: on(40, &made::failing_lint());
    a_lint_that_fails_in_quiet: with(Verbosity::Quiet, &made::failing_lint());
    a_lint_that_fails_in_verbose: with(Verbosity::Verbose, &made::failing_lint());
    several_failures: on(80, &made::several_failures());
    cached_and_skipped_steps: on(80, &made::cached_and_skipped());
    changes_that_concern_nothing: on(80, &made::nothing_concerned());
    a_setup_that_is_to_be_tried_again: on(80, &made::setup_tool_error(false));
    a_setup_that_never_executed: on(80, &made::setup_tool_error(true));
    an_interrupted_gate: on(80, &made::interrupted());
    a_smoke_check_that_fails: on(80, &made::smoke_failure());
    a_worktree_that_is_kept: on(80, &made::kept_worktree());
    hostile_names_and_output: on(80, &made::hostile(made::HOSTILE));
    a_plan: planned(None, &made::plan());
    a_plan_on_80_columns: planned(Some(80), &made::plan());
    a_plan_on_40_columns: planned(Some(40), &made::plan());
    a_plan_that_nothing_concerns: planned(Some(80), &made::gated_out());
    a_hostile_plan: planned(Some(80), &made::hostile_plan(made::HOSTILE));
    a_plan_as_json: pretty(&written(&dry_run::document(&made::plan())));
    a_lint_that_fails_as_json: pretty(&document(&made::failing_lint()));
    a_smoke_check_that_fails_as_json: pretty(&document(&made::smoke_failure()));
    a_lint_that_fails_as_markdown: markdown(&made::failing_lint());
    several_failures_as_markdown: markdown(&made::several_failures());
    a_smoke_check_that_fails_as_markdown: markdown(&made::smoke_failure());
    hostile_names_and_output_as_markdown: markdown(&made::hostile(made::HOSTILE));
    several_failures_as_annotations: annotated(&made::several_failures().report);
    several_failures_as_events: events(&made::several_failures());
}

#[test]
fn the_way_on_is_the_last_line_and_why_stands_before_it() {
    for gate in made::every() {
        let why = cargo_gate::report::inert::one_line(gate.report.judgement.sentence());
        for verbosity in [Verbosity::Quiet, Verbosity::Normal, Verbosity::Verbose] {
            let text = with(verbosity, &gate);
            let last: Vec<&str> = text.lines().rev().take(4).collect();
            let opens = matches!(gate.report.judgement.verdict, Verdict::Pass | Verdict::Nothing);
            assert_eq!(last[0].trim_start().starts_with("Next "), !opens, "{text}");
            assert!(last.iter().any(|line| line.ends_with(&why)), "{text}");
        }
    }
}

#[test]
fn the_next_command_is_the_one_that_looks_into_what_failed() {
    for (gate, want) in [
        (made::failing_lint(), "cargo gate run --only clippy"),
        (made::several_failures(), "cargo gate run --only clippy --only test --only doc"),
        (made::setup_tool_error(false), "cargo gate run"),
        (made::interrupted(), "cargo gate run"),
    ] {
        let text = plain(&gate);
        assert_eq!(text.lines().last().unwrap().trim(), format!("Next {want}"), "{text}");
    }
    let mut named = made::failing_lint();
    named.report.pipeline = "release".into();
    named.report.steps = vec![Arc::new(StepRecord { next: None, ..StepRecord::clone(&named.report.steps[1]) })];
    assert!(plain(&named).ends_with("        Next cargo gate run release --only clippy\n"));
}

#[test]
fn what_could_not_be_executed_is_never_called_a_fault_of_the_code() {
    for is_spent in [false, true] {
        let gate = made::setup_tool_error(is_spent);
        for verbosity in [Verbosity::Quiet, Verbosity::Normal, Verbosity::Verbose] {
            assert!(terminal::page(&gate.report, Look { verbosity, ..Look::default() }).contains("fault"));
        }
        let report = markdown(&gate);
        assert!(report.contains("The suite did not execute: this is not a code fault."), "{report}");
        let head = frontmatter::FrontMatter::parse(&report).unwrap();
        assert_eq!(
            (head.get("tool_error"), head.get("result"), head.get("exit_code")),
            (Some("true"), Some("FAIL"), Some(""))
        );
    }
}

#[test]
fn colours_change_nothing_but_colours() {
    for gate in made::every() {
        for columns in [None, Some(40), Some(80)] {
            let colored = seen(&gate, Look { color: true, columns, ..Look::default() });
            assert!(colored.contains("\x1b["));
            assert_eq!(console::strip_ansi_codes(&colored), seen(&gate, Look { columns, ..Look::default() }));
        }
    }
    let colored = dry_run::page(&made::plan(), Look { color: true, ..Look::default() });
    assert_eq!(console::strip_ansi_codes(&colored), planned(None, &made::plan()));
}

#[test]
fn quiet_tells_of_failures_alone() {
    assert_eq!(with(Verbosity::Quiet, &made::green()), "      Passed 6 steps passed\n");
    let failing = with(Verbosity::Quiet, &made::failing_lint());
    assert!(failing.contains("FAIL [   3.210s] clippy") && failing.contains("swapping"), "{failing}");
    assert!(!failing.contains("fmt") && !failing.contains("NOT RUN"), "{failing}");
}

#[test]
fn the_gates_own_steps_are_not_told_twice() {
    let text = plain(&made::several_failures());
    assert_eq!(text.matches("5 of 1,204 tests failed").count(), 1, "{text}");
    assert_eq!(text.matches("cargo gate test --failed").count(), 0, "{text}");
}

#[test]
fn long_output_is_cut_to_its_end() {
    let mut gate = Gate::new(&[("doc", StepKind::Custom)]);
    let tail: String = (1..=100).map(|i| format!("line {i}\n")).collect();
    gate.run(made::failed("doc", StepKind::Custom, 1, 1, &tail));
    let text = plain(&gate.end(Verdict::Fail, &[ExitCode::StepFailed], &["doc failed"]));
    assert!(text.contains("    … 70 lines before\n    line 71\n") && text.contains("    line 100\n\n"), "{text}");
}

/// A terminal that takes live lines and prints alike, as they come.
#[derive(Clone, Debug, Default)]
struct Screen(Arc<Mutex<Vec<u8>>>);

impl Screen {
    fn add(&self, text: &str) -> std::io::Result<()> {
        self.clone().write_all(text.as_bytes())
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl indicatif::TermLike for Screen {
    fn width(&self) -> u16 {
        80
    }
    fn move_cursor_up(&self, _: usize) -> std::io::Result<()> {
        Ok(())
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
fn nothing_is_drawn_or_said_while_the_gates_own_step_has_the_terminal() {
    let screen = Screen::default();
    let target = || indicatif::ProgressDrawTarget::term_like(Box::new(screen.clone()));
    let mut observer = PipelineTerminal::new(screen.clone(), Look::default()).with_progress(target());
    let mut gate = Gate::new(&[("fmt", StepKind::Format), ("test", StepKind::Test)]);
    gate.start("fmt", StepKind::Format, false).start("test", StepKind::Test, true);
    gate.play(&mut observer);
    let before = screen.text();
    assert!(before.contains("Running 0 of 2 steps") && before.contains("─ test\n"), "{before}");

    let mut while_it_runs = Gate::new(&[]);
    while_it_runs.events.clear();
    while_it_runs.print("fmt", "Diff in lib.rs").finish(made::step("fmt", StepKind::Format, 5));
    while_it_runs.tell(Fact::Warned { id: "x", text: "slow disk".into() });
    while_it_runs.play(&mut observer);
    assert_eq!(screen.text(), before);

    while_it_runs.events.clear();
    while_it_runs.finish(made::step("test", StepKind::Test, 9)).play(&mut observer);
    drop(observer);
    let after = screen.text().split_off(before.len());
    let order = ["] fmt (format)", "warning: slow disk", "] test\n"].map(|text| after.find(text).unwrap());
    assert!(order.is_sorted(), "{after}");
}

#[test]
fn a_gate_that_ends_early_loses_no_line() {
    let screen = Screen::default();
    let target = indicatif::ProgressDrawTarget::term_like(Box::new(screen.clone()));
    let mut observer = PipelineTerminal::new(screen.clone(), Look::default()).with_progress(target);
    let mut gate = Gate::new(&[("test", StepKind::Test)]);
    gate.start("test", StepKind::Test, true).tell(Fact::Warned { id: "x", text: "slow disk".into() });
    gate.play(&mut observer);
    assert!(!screen.text().contains("slow disk"));
    drop(observer);
    assert!(screen.text().ends_with("warning: slow disk\n"), "{}", screen.text());
}

/// R15: 0 passes, anything else fails, a signal and none at all included, and so does a smoke check.
#[test]
fn reports_are_read_back_as_they_were_meant() {
    let pass = [ExitCode::Pass];
    let failed = [ExitCode::StepFailed];
    for (ending, codes, smoke, passes, code) in [
        (Some(Ending::Exited(0)), &pass, Smoke::Ok, true, "0"),
        (Some(Ending::Exited(0)), &pass, Smoke::Skipped, true, "0"),
        (Some(Ending::Exited(0)), &failed, Smoke::Failed, false, "0"),
        (Some(Ending::Exited(0)), &pass, Smoke::Failed, false, "0"),
        (Some(Ending::Exited(3)), &failed, Smoke::Skipped, false, "3"),
        (Some(Ending::Signaled(9)), &failed, Smoke::Skipped, false, "-9"),
        (Some(Ending::NotStarted), &failed, Smoke::Skipped, false, ""),
        (None, &failed, Smoke::Skipped, false, ""),
    ] {
        let mut gate = Gate::new(&[("test", StepKind::Test)]);
        let state = if passes { StepState::Passed } else { StepState::Failed };
        gate.run(StepRecord { ending, state, ..made::step("test", StepKind::Test, 1) });
        gate.report.smoke = Some(SmokeReport { state: smoke, checks: Vec::new() });
        let verdict = if passes { Verdict::Pass } else { Verdict::Fail };
        let report = markdown(&gate.end(verdict, codes, &["why"]));
        let head = frontmatter::FrontMatter::parse(&report).unwrap();
        assert_eq!(frontmatter::read(&report).passes, passes, "{report}");
        assert_eq!((head.get("exit_code"), head.get("smoke")), (Some(code), Some(smoke.as_str())), "{report}");
        assert_eq!(report.contains("# Gate: PASS"), passes, "{report}");
    }
}

#[test]
fn annotations_are_capped_and_say_so() {
    let mut gate = Gate::new(&[]);
    for i in 0..30 {
        gate.run(made::failed(&format!("step{i}"), StepKind::Lint, 1, 1, ""));
    }
    let text = annotated(&gate.end(Verdict::Fail, &[ExitCode::StepFailed], &["step0 failed"]).report);
    assert_eq!(text.lines().count(), 10);
    assert!(text.ends_with("::error title=Gate::21 more errors, in the report\n"), "{text}");
    assert_eq!(annotated(&made::green().report), "");
    let mut bare = Gate::new(&[]).end(Verdict::Fail, &[ExitCode::Config], &["100% wrong"]);
    bare.report.steps.clear();
    assert_eq!(annotated(&bare.report), "::error title=Gate::100%25 wrong\n");
}

#[test]
fn steps_are_events_with_their_outcome() {
    let text = events(&made::failing_lint());
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().all(|line| line["event"] == "step-finished" && line["schema_version"] == 1), "{text}");
    let names: Vec<&str> = lines.iter().map(|line| line["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["fmt", "clippy", "test", "scripts", "coverage", "smoke"]);
    assert_eq!(
        (&lines[1]["state"], &lines[1]["returncode"], &lines[1]["ms"]),
        (&json!("failed"), &json!(101), &json!(3210))
    );
    assert_eq!((&lines[2]["state"], &lines[2]["returncode"]), (&json!("not-run"), &Value::Null));
}

#[test]
fn the_fields_of_the_documents_are_the_documented_ones() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let section = readme.split("\n## ").find(|section| section.starts_with("Output\n")).unwrap();
    let event = serde_json::from_str(events(&made::green()).lines().next().unwrap()).unwrap();
    for (begins, document) in [
        ("- `run --format json`", document(&made::smoke_failure())),
        ("- `run --dry-run --format json`", written(&dry_run::document(&made::plan()))),
        ("- `--events FILE|-`", event),
    ] {
        let (_, item) = section.split_once(begins).unwrap_or_else(|| panic!("no item {begins}"));
        let item = item.split("\n- ").next().unwrap();
        let codes = item.split('`').skip(1).step_by(2);
        let documented: Vec<&str> =
            codes.flat_map(|code| code.split(|c: char| !c.is_alphanumeric() && c != '_')).collect();
        let mut found = Vec::new();
        fields(&document, &mut found);
        let missing: Vec<&String> = found.iter().filter(|field| !documented.contains(&field.as_str())).collect();
        assert!(missing.is_empty(), "{begins}: the README does not say what these are: {missing:?}");
    }
}

/// Every field of a document, however deep.
fn fields(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => object.iter().for_each(|(name, value)| {
            found.push(name.clone());
            fields(value, found);
        }),
        Value::Array(array) => array.iter().for_each(|value| fields(value, found)),
        _ => {}
    }
}

fn nasty() -> impl Strategy<Value = String> {
    "\\PC{1,20}|(::error::|##\\[|`{1,5}|\\||---\n|</b>|\x1b\\[31m|\x1b\\]|\r|\n|\t|,|:|%|%0A|\u{202e}|[\\x00-\\x9f]){1,12}"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_is_more_than_text_at_a_terminal(text in nasty(), columns in prop::option::of(1_usize..200)) {
        for verbosity in [Verbosity::Quiet, Verbosity::Normal, Verbosity::Verbose] {
            assert_inert(&seen(&made::hostile(&text), Look { columns, verbosity, ..Look::default() }));
        }
        assert_inert(&planned(columns, &made::hostile_plan(&text)));
    }

    #[test]
    fn nothing_breaks_out_of_markdown(text in nasty()) {
        let report = markdown(&made::hostile(&text));
        assert_inert(&report);
        prop_assert!(!frontmatter::read(&report).passes);
        // Every table keeps its columns, whatever stands in its cells.
        let shape = |report: &str| -> Vec<usize> {
            let rows = outside_fences(report).filter(|line| line.starts_with('|'));
            rows.map(|line| line.matches('|').count()).collect()
        };
        prop_assert_eq!(shape(&report), shape(&markdown(&made::hostile("x"))), "{}", report);
        for line in outside_fences(&report).skip_while(|line| !line.starts_with('#')) {
            let outside_code: String = line.split('`').step_by(2).collect();
            prop_assert!(!outside_code.contains(['<', '>', '@', '[']), "{}", line);
        }
    }

    #[test]
    fn nothing_breaks_out_of_an_annotation(text in nasty()) {
        let written = annotated(&made::hostile(&text).report);
        prop_assert_eq!(written.lines().count(), 1, "{}", written);
        prop_assert!(written.trim_end_matches('\n').chars().all(|c| !c.is_control()), "{}", written);
        let (head, _) = written.strip_prefix("::error title=").unwrap().split_once("::").unwrap();
        prop_assert!(!head.contains([':', ',']), "{}", written);
    }

    #[test]
    fn a_document_holds_every_text_as_it_is(text in nasty()) {
        let document = document(&made::hostile(&text));
        for field in ["/scope", "/reasons/0/text", "/steps/0/name", "/steps/0/why", "/steps/0/command/1", "/steps/0/log", "/smoke/checks/0/url", "/worktree"] {
            prop_assert_eq!(document.pointer(field).and_then(Value::as_str), Some(text.as_str()), "{}", field);
        }
    }
}
