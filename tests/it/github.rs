//! What GitHub Actions is told: beside the change, in the step's summary, in its log.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cargo_gate::exit_code::ExitCode;
use cargo_gate::model::{
    Attempt, AttemptOutcome, CaseRecord, Ending, Judgement, Outcome, Reason, Severity, Shard, Totals, Verdict,
};
use cargo_gate::report::Insights;
use cargo_gate::report::github::{Findings, MOST_BYTES, Sources, TestFindings, Weighed, annotate, summary};
use cargo_gate::report::shards::{ShardLine, ShardState};
use proptest::prelude::*;

use crate::report::runs;
use crate::support::inert::{assert_inert, without_commands};
use crate::support::{Ended, Fixture};

/// Findings of nothing but a judgement.
pub(crate) fn findings<'a>(title: &'a str, judgement: &'a Judgement) -> Findings<'a> {
    Findings::of_judgement(title, judgement)
}

/// Of a workspace that is the repository and has every file.
fn sources() -> Sources<'static> {
    Sources {
        repository: "/repo".into(),
        workspace: "/repo".into(),
        built_in: "/repo".into(),
        target_dir: "/repo/target".into(),
        packages: [].into(),
        is_file: &|_| true,
    }
}

/// The commands that say it.
pub(crate) fn annotated(findings: &Findings<'_>) -> String {
    let mut out = Vec::new();
    annotate(findings, &sources(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn judgement(verdict: Verdict, code: ExitCode, reasons: &[(&'static str, &str)]) -> Judgement {
    let reasons = reasons.iter().map(|(id, text)| Reason::new(id, *text)).collect();
    Judgement { verdict, codes: vec![code], reasons }
}

fn case(key: &str, outcome: Outcome, text: &str) -> CaseRecord {
    let attempt = |outcome, text: Option<&str>| Attempt {
        outcome,
        took: None,
        ending: None,
        why: None,
        text: text.map(Into::into),
    };
    let failed = attempt(AttemptOutcome::Failed, Some(text));
    let attempts = match outcome {
        Outcome::Skipped => Vec::new(),
        Outcome::Passed => vec![attempt(AttemptOutcome::Passed, None)],
        Outcome::Flaky => vec![failed, attempt(AttemptOutcome::Passed, None)],
        Outcome::Error => vec![Attempt { outcome: AttemptOutcome::Error, ending: Some(Ending::Signaled(6)), ..failed }],
        Outcome::Timeout => {
            let why = Some("it ran longer than 2s, and was killed".to_owned());
            vec![Attempt { outcome: AttemptOutcome::Timeout, why, text: None, ..failed }]
        }
        Outcome::Failed => vec![failed],
    };
    CaseRecord {
        key: Arc::new(key.parse().unwrap()),
        outcome,
        took: None,
        attempts,
        line: None,
        leaked: false,
        binary_hash: None,
    }
}

fn one_of_each() -> Vec<CaseRecord> {
    let panic = |line: u32| format!("thread 'x' panicked at src/db.rs:{line}:5:\n100% wrong, again:\nleft\n");
    vec![
        case("app/app::passes", Outcome::Passed, ""),
        case("app/app::fails", Outcome::Failed, &panic(7)),
        case("app/app::silent", Outcome::Failed, ""),
        case("app/app::aborts", Outcome::Error, &panic(9)),
        case("app/app::hangs", Outcome::Timeout, ""),
        case("app/app::ignored", Outcome::Skipped, ""),
        case("app/test:net::peer", Outcome::Flaky, &panic(11)),
        case("app/test:db::slow", Outcome::Failed, &panic(13)),
    ]
}

fn told<R>(cases: &[CaseRecord], insights: &Insights, tell: impl FnOnce(TestFindings<'_>) -> R) -> R {
    told_of(cases, insights, Severity::Warn, tell)
}

/// Where flaky tests and vanished ones weigh so much.
fn told_of<R>(
    cases: &[CaseRecord],
    insights: &Insights,
    soft: Severity,
    tell: impl FnOnce(TestFindings<'_>) -> R,
) -> R {
    let severity = |case: &CaseRecord| match case.outcome {
        _ if insights.quarantined.iter().any(|line| line.key == case.key) => Severity::Ignore,
        Outcome::Flaky => soft,
        _ => Severity::Block,
    };
    let totals = Totals::of(cases);
    let cases: Vec<Weighed<'_>> = cases.iter().map(|case| Weighed { case, severity: severity(case) }).collect();
    tell(TestFindings { totals, not_run: 2, cases: &cases, insights, vanished: soft })
}

fn red() -> Judgement {
    judgement(Verdict::Fail, ExitCode::TestsFailed, &[("tests-failed", "4 of 8 tests do not pass: app/app::fails")])
}

#[test]
fn every_test_that_does_not_simply_pass_has_an_annotation_of_its_weight() {
    let red = red();
    let text = told(&one_of_each(), &runs::insights(), |tests| {
        annotated(&Findings { tests: Some(tests), ..findings("Tests", &red) })
    });
    insta::assert_snapshot!(text);
}

#[test]
fn what_shuts_the_gate_is_an_error_whatever_it_is() {
    let flaky = [case("app/app::a", Outcome::Flaky, "no")];
    let gone = Insights { vanished: runs::insights().vanished, ..Insights::default() };
    let at = |judgement: &Judgement, cases: &[CaseRecord], insights: &Insights| {
        let soft = if judgement.verdict == Verdict::Pass { Severity::Warn } else { Severity::Block };
        told_of(cases, insights, soft, |tests| {
            annotated(&Findings { tests: Some(tests), ..findings("Tests", judgement) })
        })
    };
    let pass = judgement(Verdict::Pass, ExitCode::Pass, &[("pass", "all pass")]);
    assert!(
        at(&pass, &flaky, &Insights::default()).starts_with("::warning title=FLAKY app/app%3A%3Aa::passed at try 2")
    );
    assert!(at(&pass, &[], &gone).starts_with("::warning title=Vanished::2 tests"));
    assert_eq!(at(&pass, &[], &Insights::default()), "");
    let fail = |id| judgement(Verdict::Fail, ExitCode::TestsFailed, &[(id, "why")]);
    assert!(at(&fail("flaky"), &flaky, &Insights::default()).starts_with("::error title=FLAKY "));
    assert!(at(&fail("vanished"), &[], &gone).starts_with("::error title=Vanished::"));
    for (verdict, code) in [
        (Verdict::Fail, ExitCode::BuildFailed),
        (Verdict::Fail, ExitCode::Interrupted),
        (Verdict::Nothing, ExitCode::NoTests),
        (Verdict::Deferred, ExitCode::Deferred),
        (Verdict::ToolError, ExitCode::NeverExecuted),
    ] {
        let why = judgement(verdict, code, &[("x", "100% broken")]);
        assert_eq!(annotated(&findings("Tests", &why)), "::error title=Tests::100%25 broken\n");
    }
}

#[test]
fn each_reason_that_shuts_the_gate_is_told_once() {
    let reasons = [
        ("shard-missing", "shard 3/3 left nothing"),
        ("tests-failed", "1 of 8 tests does not pass"),
        ("soft-environment", "run with CARGO_GATE_RETRIES"),
    ];
    let red = judgement(Verdict::Fail, ExitCode::NeverExecuted, &reasons);
    let failing = [case("app/app::a", Outcome::Failed, "no")];
    let text = told(&failing, &Insights::default(), |tests| {
        annotated(&Findings { tests: Some(tests), ..findings("Tests", &red) })
    });
    assert_eq!(text, "::error title=Tests::shard 3/3 left nothing\n::error title=FAIL app/app%3A%3Aa::no\n");
    let spared = [case("app/app::b", Outcome::Flaky, "no")];
    let text = told(&spared, &Insights::default(), |tests| {
        annotated(&Findings { tests: Some(tests), ..findings("Tests", &red) })
    });
    assert_eq!(text.matches("::error ").count(), 2, "what nothing else tells is told as a reason: {text}");
}

#[test]
fn only_what_is_shown_is_looked_for() {
    let cases: Vec<CaseRecord> = (0..500)
        .map(|i| case(&format!("app/app::case_{i:03}"), Outcome::Failed, "thread 'x' panicked at src/db.rs:7:5:\nno"))
        .collect();
    let looked = std::cell::Cell::new(0);
    let sources = Sources {
        is_file: &|_| {
            looked.set(looked.get() + 1);
            true
        },
        ..sources()
    };
    let red = red();
    told(&cases, &Insights::default(), |tests| {
        let findings = Findings { tests: Some(tests), ..findings("Tests", &red) };
        annotate(&findings, &sources, &mut Vec::new()).unwrap();
    });
    assert_eq!(looked.get(), 9, "ten are shown, and one of them is the number of the others");
}

#[test]
fn a_level_has_ten_annotations_at_most_and_the_last_counts_the_rest() {
    for (failing, last) in
        [(10, "failed"), (11, "2 more errors, in the report"), (500, "491 more errors, in the report")]
    {
        let cases: Vec<CaseRecord> =
            (0..failing).map(|i| case(&format!("app/app::case_{i:03}"), Outcome::Failed, "failed")).collect();
        let red = red();
        let text = told(&cases, &Insights::default(), |tests| {
            annotated(&Findings { tests: Some(tests), ..findings("Tests", &red) })
        });
        assert_eq!(text.lines().count(), 10, "{text}");
        assert!(text.trim_end().ends_with(&format!("::{last}")), "{text}");
    }
}

fn shards() -> Vec<ShardLine> {
    let missing = ShardLine::missing(Shard::new(2, 2).unwrap());
    let failed = ShardLine {
        shard: Shard::new(1, 2).unwrap(),
        state: ShardState::Ended,
        host: Some("a | word <b>".into()),
        verdict: Some(Verdict::Fail),
        tests: 1_204,
        failed: 2,
        duration_ms: Some(61_000),
        ..missing.clone()
    };
    vec![failed, missing]
}

#[test]
fn a_summary_says_the_verdict_and_what_a_person_asks_next() {
    let (red, shards) = (red(), shards());
    let text = told(&one_of_each(), &runs::insights(), |tests| {
        let duration = Some(Duration::from_millis(12_345));
        summary(&Findings { tests: Some(tests), duration, shards: &shards, ..findings("Tests", &red) }, MOST_BYTES)
    });
    insta::assert_snapshot!(text);
}

#[test]
fn a_summary_that_does_not_fit_is_cut_with_a_sentence() {
    let red = red();
    let of = |room| {
        told(&one_of_each(), &runs::insights(), |tests| {
            summary(&Findings { tests: Some(tests), ..findings("Tests", &red) }, room)
        })
    };
    let whole = of(MOST_BYTES);
    for room in 0..=whole.len() + 200 {
        let text = of(room);
        assert!(text.len() <= room, "{room}");
        if text != whole && !text.is_empty() {
            assert!(text.ends_with("All of it is in the report.\n"), "{text}");
        }
    }
    assert!(of(0).is_empty() && of(whole.len() - 1).contains("## Tests: failed"));
}

/// One annotation, as GitHub's runner reads it.
#[derive(Debug)]
struct Said {
    level: String,
    properties: BTreeMap<String, String>,
}

impl Said {
    fn read(line: &str) -> Option<Self> {
        let (command, _) = line.strip_prefix("::")?.split_once("::")?;
        let (level, properties) = command.split_once(' ')?;
        let decode = |text: &str| {
            let text = text.replace("%2C", ",").replace("%3A", ":").replace("%0A", "\n").replace("%0D", "\r");
            text.replace("%25", "%")
        };
        let pair = |text: &str| text.split_once('=').map(|(name, value)| (name.to_owned(), decode(value)));
        Some(Self { level: level.to_owned(), properties: properties.split(',').map(pair).collect::<Option<_>>()? })
    }

    fn property(&self, name: &str) -> &str {
        self.properties.get(name).map(String::as_str).unwrap_or_default()
    }

    fn place(&self) -> String {
        format!("{}:{}", self.property("file"), self.property("line"))
    }
}

proptest! {
    #[test]
    fn no_text_of_a_test_speaks_to_github(text in "(\\PC|[\n\r:%,#\\[|<`]){0,60}", name in "[^\u{0}-\u{1f}]{1,12}") {
        let mut failing = case("app/app::x", Outcome::Failed, &text);
        let key: Result<cargo_gate::model::TestKey, _> = format!("app/app::{name}").parse();
        prop_assume!(key.is_ok());
        failing.key = Arc::new(key.unwrap());
        let red = judgement(Verdict::Fail, ExitCode::TestsFailed, &[("tests-failed", &text)]);
        let (commands, markdown) = told(&[failing], &Insights::default(), |tests| {
            let findings = Findings { tests: Some(tests), ..findings("Tests", &red) };
            (annotated(&findings), summary(&findings, MOST_BYTES))
        });
        prop_assert_eq!(commands.lines().count(), 1, "{}", commands);
        let said = Said::read(commands.trim_end()).unwrap();
        prop_assert_eq!(&said.level, "error");
        prop_assert!(said.properties.keys().all(|name| ["file", "line", "col", "title"].contains(&name.as_str())));
        assert_inert(&markdown);
    }
}

/// A repository whose workspace lies in a folder, with a member in a folder of that.
fn repository() -> Fixture {
    let fixture = Fixture::bare();
    let package = |name: &str| format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
    let root = format!("[workspace]\nmembers = [\"crates/core\"]\n{}", package("top"));
    fixture
        .write("rust/Cargo.toml", &root)
        .write("rust/src/lib.rs", "#[test]\nfn at_the_top() {\n    panic!(\"top\");\n}\n")
        .write("rust/crates/core/Cargo.toml", &package("core-of-it"))
        .write(
            "rust/crates/core/src/lib.rs",
            "//! ```\n//! assert_eq!(1, 2, \"in a doctest\");\n//! ```\n\n\
             pub fn half(of: u32) -> u32 {\n    assert!(of % 2 == 0, \"{of} is odd,\\n100% so\");\n    of / 2\n}\n\n\
             #[test]\nfn in_the_member() {\n    half(7);\n}\n",
        )
        .write("rust/crates/core/tests/it.rs", HOSTILE);
    fixture
}

/// Tests that print orders to GitHub, fail with them, are many, and are not all the same.
const HOSTILE: &str = r#"
use std::io::Write;
const ORDERS: &str = "::error::pwned\n  ::set-output name=a::pwned\n::stop-commands::pwned\n::add-mask::pwned\nx ##[error]pwned\n\r::warning::pwned\n::group::pwned\n";
#[test]
fn hostile() {
    println!("{}", ORDERS.repeat(5));
    panic!("{ORDERS}%0A::error::pwned");
}
#[test]
fn hostile_past_the_harness() {
    std::io::stderr().write_all(ORDERS.as_bytes()).unwrap();
    std::io::stdout().write_all(ORDERS.as_bytes()).unwrap();
    panic!("no");
}
#[test]
fn second_time_lucky() {
    let mark = std::path::Path::new(&std::env::var("GATE_FIXTURE_DIR").unwrap()).join("mark");
    let came = mark.exists();
    std::fs::write(mark, "").unwrap();
    assert!(came, "not yet");
}
#[test]
fn spared() {
    panic!("known");
}
#[test]
fn elsewhere() {
    let mut of: Vec<u32> = vec![2, 1];
    of.sort_by(|_, _| panic!("compared"));
}
"#;

fn summary_file(fixture: &Fixture) -> PathBuf {
    fixture.scratch().join("summary.md")
}

fn in_actions<'a>(fixture: &Fixture, args: impl IntoIterator<Item = &'a str>) -> Ended {
    let invocation = fixture.gate(args).in_dir(fixture.root().join("rust"));
    let invocation = invocation.env("CI", "true").env("GITHUB_ACTIONS", "true");
    invocation.env("GITHUB_WORKSPACE", fixture.root()).env("GITHUB_STEP_SUMMARY", summary_file(fixture)).run()
}

fn annotations(ended: &Ended) -> Vec<Said> {
    let is_one = |line: &&str| ["::error ", "::warning ", "::notice "].iter().any(|word| line.starts_with(word));
    ended.stderr().lines().filter(is_one).map(|line| Said::read(line).unwrap_or_else(|| panic!("{line}"))).collect()
}

/// Level and place of the annotation with this title.
fn place_of(ended: &Ended, title: &str) -> (String, String) {
    let all = annotations(ended);
    let said = all.iter().find(|said| said.property("title").ends_with(title));
    let said = said.unwrap_or_else(|| panic!("no annotation of {title}: {ended}"));
    (said.level.clone(), said.place())
}

#[test]
fn a_failing_test_stands_at_its_line_in_the_repository_and_in_the_summary() {
    let fixture = repository();
    fixture.write("rust/gate.toml", "[[quarantine]]\ntest = \"core-of-it/test:it::spared\"\nreason = \"upstream\"\n");
    let args = ["test", "--retries", "1", "--format", "json"];
    let ended = in_actions(&fixture, args);
    ended.assert_code(100);
    for (title, level, place) in [
        ("top/top::at_the_top", "error", "rust/src/lib.rs:3"),
        ("core-of-it/core_of_it::in_the_member", "error", "rust/crates/core/src/lib.rs:6"),
        ("core-of-it/test:it::elsewhere", "error", "rust/crates/core/tests/it.rs:29"),
        ("core-of-it/doc:doc::crates/core/src/lib.rs - #1", "error", "rust/crates/core/src/lib.rs:1"),
        ("core-of-it/test:it::second_time_lucky", "warning", "rust/crates/core/tests/it.rs:20"),
        ("core-of-it/test:it::spared", "notice", "rust/crates/core/tests/it.rs:24"),
    ] {
        assert_eq!(place_of(&ended, title), (level.to_owned(), place.to_owned()), "{title}");
    }
    assert_eq!(ended.json()["exit_code"], 100, "standard output is the document and nothing else");
    assert_eq!(ended.stdout().lines().count(), 1);
    assert_inert(&without_commands(&ended.stderr()));
    let log = ended.stderr();
    assert_eq!(log.matches("\n::group::").count(), log.matches("\n::endgroup::\n").count());
    assert!(log.contains("\n::group::Output of core-of-it/test:it::hostile\n"), "{log}");
    let written = std::fs::read_to_string(summary_file(&fixture)).unwrap();
    assert!(written.starts_with("## Tests: failed\n"), "{written}");
    for part in ["`core-of-it/core_of_it::in_the_member`", "### Flaky", "passed at try 2", "upstream", "| broken |"] {
        assert!(written.contains(part), "{part}: {written}");
    }
    assert_inert(&written);
    // The next command of the same step comes below.
    in_actions(&fixture, ["test", "--lib", "-p", "top"]).assert_code(100);
    let both = std::fs::read_to_string(summary_file(&fixture)).unwrap();
    assert!(both.starts_with(&written) && both.matches("## Tests: failed").count() == 2, "{both}");
}

#[test]
fn github_hears_of_it_where_it_listens_or_is_asked_for() {
    let fixture = repository();
    let speaks = |flags: &[&str], variables: &[(&str, &str)]| {
        let _ = std::fs::remove_file(summary_file(&fixture));
        let mut invocation = fixture.gate(["test", "-p", "top", "--lib"]).in_dir(fixture.root().join("rust"));
        invocation = invocation.args(flags.iter().copied()).env("GITHUB_STEP_SUMMARY", summary_file(&fixture));
        for (name, value) in variables {
            invocation = invocation.env(name, value);
        }
        let ended = invocation.run();
        ended.assert_code(100);
        assert_eq!(ended.stdout(), "");
        let is_said = !annotations(&ended).is_empty();
        assert_eq!(summary_file(&fixture).exists(), is_said, "{ended}");
        is_said
    };
    let actions = ("GITHUB_ACTIONS", "true");
    assert!(!speaks(&[], &[]));
    assert!(!speaks(&[], &[("CI", "true")]));
    assert!(speaks(&[], &[actions]));
    assert!(speaks(&["--annotations", "github"], &[]));
    assert!(!speaks(&["--annotations", "none"], &[actions]));
    assert!(speaks(&["--annotations", "auto"], &[actions, ("CARGO_GATE_CI_ANNOTATIONS", "none")]));
    assert!(!speaks(&[], &[actions, ("CARGO_GATE_CI_ANNOTATIONS", "none")]));
    fixture.write("rust/gate.toml", "[ci]\nannotations = \"none\"\n");
    assert!(!speaks(&[], &[actions]));
}

#[test]
fn a_summary_that_cannot_be_written_is_a_warning() {
    let fixture = repository();
    std::fs::create_dir(summary_file(&fixture)).unwrap();
    let ended = in_actions(&fixture, ["test", "-p", "top", "--lib"]);
    ended.assert_code(100).assert_stderr_has("warning: the step's summary cannot be written: ");
}

#[test]
fn a_gate_says_its_steps_and_its_tests_once() {
    let fixture = repository();
    fixture.write(
        "rust/gate.toml",
        "[[pipeline.default.step]]\nname = \"lint\"\nkind = \"lint\"\nseverity = \"warn\"\n\
         command = [\"cargo\", \"no-such-command\"]\n\
         [[pipeline.default.step]]\nname = \"tests\"\nkind = \"test\"\nargs = [\"-p\", \"top\", \"--lib\"]\n",
    );
    let ended = in_actions(&fixture, ["run", "--format", "json"]);
    ended.assert_code(100);
    assert_eq!(ended.json()["exit_code"], 100);
    assert_eq!(place_of(&ended, "top/top::at_the_top"), ("error".to_owned(), "rust/src/lib.rs:3".to_owned()));
    assert_eq!(place_of(&ended, "Step tests").0, "error");
    assert_eq!(place_of(&ended, "Step lint").0, "warning");
    assert_eq!(annotations(&ended).len(), 3, "{ended}");
    let written = std::fs::read_to_string(summary_file(&fixture)).unwrap();
    assert_eq!(written.matches("## Gate: failed").count(), 1, "{written}");
    assert!(!written.contains("## Tests: ") && written.contains("### Steps") && written.contains("at_the_top"));
}

#[test]
fn what_a_step_weighs_its_tests_and_its_coverage_weigh() {
    let fixture = repository();
    fixture.write("rust/lcov.info", "SF:src/lib.rs\nDA:1,1\nDA:2,0\nend_of_record\n").write(
        "rust/gate.toml",
        "[[pipeline.default.step]]\nname = \"soft\"\nkind = \"test\"\nseverity = \"warn\"\n\
         args = [\"-p\", \"top\", \"--lib\"]\n\
         [[pipeline.default.step]]\nname = \"hard\"\nkind = \"test\"\n\
         args = [\"-p\", \"core-of-it\", \"--test\", \"it\", \"--retries\", \"1\", \"--flaky-result\", \"fail\"]\n\
         [[pipeline.default.step]]\nname = \"covered\"\nkind = \"coverage\"\nseverity = \"warn\"\n\
         args = [\"--from\", \"lcov.info\", \"--floor\", \"90\"]\n",
    );
    let ended = in_actions(&fixture, ["run", "--keep-going"]);
    ended.assert_code(100);
    for (title, level) in [
        ("top/top::at_the_top", "warning"),
        ("Step soft", "warning"),
        ("core-of-it/test:it::second_time_lucky", "error"),
        ("core-of-it/test:it::elsewhere", "error"),
        ("Step hard", "error"),
        ("Coverage", "warning"),
        ("Step covered", "warning"),
    ] {
        assert_eq!(place_of(&ended, title).0, level, "{title}: {ended}");
    }
}

#[test]
fn a_command_that_cannot_begin_says_so_too() {
    let fixture = repository();
    let told = |args: &[&str], title: &str| {
        let ended = in_actions(&fixture, args.iter().copied());
        ended.assert_code(96);
        let said = annotations(&ended);
        assert_eq!(said.len(), 1, "{ended}");
        assert_eq!((said[0].level.as_str(), said[0].property("title")), ("error", title), "{ended}");
        let written = std::fs::read_to_string(summary_file(&fixture)).unwrap();
        assert!(written.ends_with('\n') && written.contains(&format!("## {title}: failed")), "{written}");
        std::fs::remove_file(summary_file(&fixture)).unwrap();
    };
    told(&["run"], "Gate");
    fixture.write("rust/gate.toml", "florp = 1\n");
    told(&["test", "-p", "top"], "Tests");
    told(&["coverage", "-p", "top"], "Coverage");
    told(&["run"], "Gate");
    told(&["join", "nowhere"], "Tests");
    fixture.write("rust/gate.toml", "florp = 1\n[ci]\nannotations = \"none\"\n");
    let silent = in_actions(&fixture, ["test", "-p", "top"]);
    silent.assert_code(96);
    assert!(annotations(&silent).is_empty() && !summary_file(&fixture).exists(), "{silent}");
}

#[test]
fn a_broken_build_is_an_error_beside_the_run() {
    let fixture = repository();
    fixture.write("rust/src/lib.rs", "fn half(");
    let ended = in_actions(&fixture, ["test", "-p", "top"]);
    ended.assert_code(101);
    assert_eq!(place_of(&ended, "Tests"), ("error".to_owned(), ":".to_owned()));
}

#[test]
fn coverage_from_elsewhere_is_told_as_well_and_leaves_standard_output_alone() {
    let fixture = repository();
    fixture.write("rust/lcov.info", "SF:src/lib.rs\nDA:1,1\nDA:2,0\nend_of_record\n");
    let ended =
        in_actions(&fixture, ["coverage", "--from", "lcov.info", "--floor", "90", "--no-record", "--format", "json"]);
    ended.assert_code(20);
    assert_eq!(ended.json()["exit_code"], 20);
    assert_eq!(place_of(&ended, "Coverage"), ("error".to_owned(), ":".to_owned()));
    assert_eq!(annotations(&ended).len(), 1, "{ended}");
    let written = std::fs::read_to_string(summary_file(&fixture)).unwrap();
    assert_eq!(written.matches("1 of 2 lines is covered").count(), 1, "{written}");
    assert!(
        written.starts_with("## Coverage: failed\n") && written.contains("| 50.00 % | – | 90 % | -40.00 |"),
        "{written}"
    );
}
