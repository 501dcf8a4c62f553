//! Suites of every kind, really run, into one history. What needs pytest and node is asked for by name.

use std::path::Path;

use super::*;
use crate::config::{ConfigFile, Layers, Resolved, Suite};
use crate::history::sqlite::SqliteStore;
use crate::history::store::{Page, RunFilter, Store, StoredRun};
use crate::model::{Outcome, Runner};
use crate::pipeline::suite::discover;

/// A copy of the small suites with a gate directory, and settings.
struct Place {
    dir: tempfile::TempDir,
    settings: Settings,
    context: Context,
    checkout: Checkout,
    signals: Signals,
}

fn copy(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).unwrap();
    for entry in fs_err::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(fs_err::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

impl Place {
    fn new(config: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/suites"), &dir.path().join("work"));
        let file =
            ConfigFile { name: "gate.toml".into(), text: format!("[default.infra]\ndelay = \"10ms\"\n{config}") };
        let layers = Layers { file: Some(&file), ..Layers::default() };
        let settings = Resolved::from_layers(&layers).unwrap().settings;
        let context = Context { target: "here".into(), features: String::new(), profile: "test".into() };
        let checkout = Checkout { commit: Some("c0ffee".into()), ..Checkout::default() };
        Self { dir, settings, context, checkout, signals: Signals::none() }
    }

    fn path(&self, name: &str) -> Utf8PathBuf {
        Utf8Path::from_path(self.dir.path()).unwrap().join(name)
    }

    /// Runs what a configured suite stands for.
    fn run(&self, suite: &Suite) -> Vec<SuiteCame> {
        let (root, gate, logs) = (self.path("work"), self.path("gate"), self.path("gate/runs/r1"));
        let env = crate::sys::process::own_environment();
        discover(suite, &root)
            .unwrap()
            .iter()
            .map(|found| {
                let name = &found.suite.name;
                let site = SuiteRun {
                    settings: &self.settings,
                    root: &root,
                    package: "app",
                    gate_dir: Some(&gate),
                    log_dir: &logs,
                    context: &self.context,
                    checkout: Some(&self.checkout),
                    input_key: None,
                    toolchain: "rustc 1.95.0",
                    trigger: Some("pre-push"),
                    env: &env,
                    told: exec::Told { run_id: "r1", step: name, dir: &logs, lock_dir: &gate },
                    mutex: None,
                    signals: &self.signals,
                };
                let came = run(found, &site, &mut |_| {});
                assert_eq!(came.warnings, [""; 0], "{name}");
                came
            })
            .collect()
    }

    fn one(&self, suite: &Suite) -> SuiteCame {
        let mut came = self.run(suite);
        assert_eq!(came.len(), 1);
        came.remove(0)
    }

    /// All runs on record, oldest first.
    fn recorded(&self) -> Vec<StoredRun> {
        let store = SqliteStore::open_existing(&self.path("gate")).unwrap().unwrap();
        let mut runs = store.runs(&RunFilter::default(), Page::ALL).unwrap();
        runs.reverse();
        runs
    }
}

fn suite(runner: Runner, command: &[&str]) -> Suite {
    let mut suite = Suite { name: "outside".into(), runner, ..Suite::default() };
    suite.invocation.command = command.iter().map(|word| (*word).to_owned()).collect();
    suite
}

fn discovered(runner: Runner, place: &str) -> Suite {
    Suite { discover: Some(place.into()), ..suite(runner, &[]) }
}

fn outcomes(came: &SuiteCame) -> Vec<(String, Outcome)> {
    let mut all: Vec<_> = came.cases.iter().map(|case| (case.key.to_string(), case.outcome)).collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

fn wanted(all: &[(&str, Outcome)]) -> Vec<(String, Outcome)> {
    all.iter().map(|(key, outcome)| ((*key).to_owned(), *outcome)).collect()
}

#[cfg(unix)]
mod of_the_shell {
    use super::*;
    use crate::model::ResultFormat;
    use crate::sys::host::{boot_id, is_alive};

    #[test]
    fn r26_each_script_of_a_folder_is_run_judged_and_remembered() {
        let place = Place::new("");
        let [fails, passes]: [SuiteCame; 2] =
            place.run(&discovered(Runner::Script, "checks")).try_into().ok().expect("two scripts");
        assert_eq!((passes.state, passes.why.as_str()), (StepState::Passed, "the process exited with 0"));
        assert_eq!((fails.state, fails.ending), (StepState::Failed, Some(Ending::Exited(3))));
        assert_eq!(outcomes(&fails), wanted(&[("app/suite:outside/fails::outside/fails", Outcome::Failed)]));
        assert!(fs_err::read_to_string(&fails.log).unwrap().contains("the third check found something"));
        let runs = place.recorded();
        let told: Vec<_> = runs.iter().map(|run| (run.head.suite.as_str(), run.verdict())).collect();
        assert_eq!(told, [("outside/fails", Some(Verdict::Fail)), ("outside/passes", Some(Verdict::Pass))]);
        let head = &runs[0].head;
        assert_eq!((head.trigger.as_str(), head.commit.as_deref()), ("pre-push", Some("c0ffee")));
    }

    #[test]
    fn r26_a_manifest_has_its_own_formats_rates_and_weights() {
        let place = Place::new("");
        let [tap, totals]: [SuiteCame; 2] =
            place.run(&discovered(Runner::Script, "suites.toml")).try_into().ok().expect("two suites");
        assert_eq!((tap.state, tap.record.verdict()), (StepState::Warned, Verdict::Fail));
        assert_eq!(
            outcomes(&tap),
            wanted(&[
                ("app/suite:outside/tap::adds", Outcome::Passed),
                ("app/suite:outside/tap::divides", Outcome::Failed),
                ("app/suite:outside/tap::multiplies", Outcome::Skipped),
            ])
        );
        assert_eq!(
            (totals.state, totals.why.as_str()),
            (StepState::Passed, "1 of 10 tests does not pass: at least 90 % must")
        );
        assert_eq!((totals.record.totals.tests, totals.record.totals.passed), (10, 9));
    }

    #[test]
    fn what_is_missing_in_results_is_an_error() {
        let place = Place::new("");
        let came = place.one(&Suite { format: Some(ResultFormat::Tap), ..suite(Runner::Script, &["./cut-off.sh"]) });
        assert_eq!((came.state, came.ending), (StepState::Failed, Some(Ending::Exited(0))));
        assert!(came.record.totals.errored > 0, "{:?}", came.record.totals);
    }

    #[test]
    fn results_of_an_earlier_run_are_never_read() {
        let place = Place::new("");
        let stale = "<testsuite><testcase name=\"old\"/></testsuite>";
        fs_err::write(place.path("work/results.xml"), stale).unwrap();
        let came = place.one(&Suite { result_path: Some("results.xml".into()), ..suite(Runner::Script, &["true"]) });
        assert_eq!(came.state, StepState::Failed);
        assert!(came.why.contains("it wrote no results to"), "{}", came.why);
        assert!(!place.path("work/results.xml").exists());
    }

    #[test]
    fn r26_a_suite_that_hangs_is_ended_with_its_children_and_is_no_fault_of_the_code() {
        let place = Place::new("retries = 1\n");
        let hangs = Suite { timeout: Some(Duration::from_millis(500)), ..suite(Runner::Script, &["./hangs.sh"]) };
        let came = place.one(&hangs);
        assert_eq!((came.state, came.tries), (StepState::ToolError, 2));
        assert_eq!(came.tool_error.as_deref(), Some("it ran into its limit of 500ms"));
        assert!(came.tail.contains("waiting"));
        let child = fs_err::read_to_string(place.path("work/child.pid")).unwrap();
        let state = fs_err::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
        // Whoever inherits it may not have taken note of its end yet.
        let is_gone = state.contains(") Z") || !is_alive(child.trim().parse().unwrap(), boot_id());
        assert!(is_gone, "its child is still there: {state}");
        let runs = place.recorded();
        assert_eq!((runs.len(), runs[0].state), (1, RunState::ToolError));
    }

    #[test]
    fn what_cannot_be_started_is_told_at_once() {
        let place = Place::new("retries = 5\n");
        let came = place.one(&suite(Runner::Script, &["no-such-program-anywhere"]));
        assert_eq!((came.state, came.tries, came.tool_error.as_deref()), (StepState::Failed, 1, None));
        assert_eq!(came.record.exit_code(), ExitCode::Config);
        assert!(came.why.contains("no-such-program-anywhere"), "{}", came.why);
        assert!(came.cases.is_empty());
    }

    #[test]
    fn quarantine_spares_tests_of_suites() {
        let place = Place::new("[[quarantine]]\ntest = \"app/suite:outside::divides\"\nreason = \"halves\"\n");
        let came = place.one(&Suite { format: Some(ResultFormat::Tap), ..suite(Runner::Script, &["./tap.sh"]) });
        assert_eq!((came.state, came.record.totals.failed), (StepState::Passed, 1));
    }

    #[test]
    fn a_runner_that_is_not_what_it_seems_never_passes() {
        let place = Place::new("");
        for (runner, command) in [(Runner::Pytest, "true"), (Runner::Unittest, "true"), (Runner::Node, "true")] {
            let came = place.one(&suite(runner, &[command]));
            assert_eq!(came.state, StepState::Failed, "{runner}: {}", came.why);
        }
    }
}

/// A python that has pytest: that of PATH, or the system's, to which packages of the system belong.
fn python() -> &'static str {
    let has_pytest = |python: &&str| {
        let asked = std::process::Command::new(python).args(["-m", "pytest", "--version"]).output();
        asked.is_ok_and(|output| output.status.success())
    };
    ["python3", "/usr/bin/python3"].into_iter().find(has_pytest).expect("pytest is installed")
}

#[test]
#[ignore = "needs pytest and node"]
fn r26_shell_python_and_node_are_in_one_history() {
    let place = Place::new("");
    let named = |name: &str, suite: Suite| Suite { name: name.into(), ..suite };
    let mut pytest = named("py", discovered(Runner::Pytest, "py"));
    pytest.invocation.command = [python(), "-m", "pytest"].map(str::to_owned).to_vec();
    let py = place.one(&pytest);
    assert_eq!(
        outcomes(&py),
        wanted(&[
            ("app/suite:py::pytest::py.test_sample::test_adds", Outcome::Passed),
            ("app/suite:py::pytest::py.test_sample::test_divides", Outcome::Failed),
            ("app/suite:py::pytest::py.test_sample::test_multiplies", Outcome::Skipped),
        ])
    );
    let unit = place.one(&named("unit", discovered(Runner::Unittest, "unit")));
    assert_eq!(
        outcomes(&unit),
        wanted(&[
            ("app/suite:unit::test_sample.Sample::test_adds", Outcome::Passed),
            ("app/suite:unit::test_sample.Sample::test_divides", Outcome::Failed),
            ("app/suite:unit::test_sample.Sample::test_many", Outcome::Passed),
            ("app/suite:unit::test_sample.Sample::test_multiplies", Outcome::Skipped),
        ])
    );
    let js = place.one(&named("js", discovered(Runner::Node, "js")));
    assert_eq!(
        outcomes(&js),
        wanted(&[
            ("app/suite:js::halves::test::divides", Outcome::Failed),
            ("app/suite:js::test::adds", Outcome::Passed),
            ("app/suite:js::test::multiplies", Outcome::Skipped),
        ])
    );
    #[cfg(unix)]
    place.run(&discovered(Runner::Script, "checks"));
    for came in [&py, &unit, &js] {
        assert_eq!((came.state, came.ending), (StepState::Failed, Some(Ending::Exited(1))), "{}", came.why);
    }
    let runs = place.recorded();
    let suites: Vec<&str> = runs.iter().map(|run| run.head.suite.as_str()).collect();
    assert!(suites.starts_with(&["py", "unit", "js"]), "{suites:?}");
    let store = SqliteStore::open_existing(&place.path("gate")).unwrap().unwrap();
    let failing =
        store.summaries(&place.context).unwrap().into_iter().filter(|test| test.summary.counts().failures > 0);
    let failing: Vec<String> = failing.map(|test| test.key.to_string()).collect();
    assert!(failing.contains(&"app/suite:js::halves::test::divides".to_owned()), "{failing:?}");
}

#[test]
#[ignore = "needs pytest and node"]
fn node_writes_tap_where_it_is_wanted() {
    let place = Place::new("");
    let tap = Suite { format: Some(crate::model::ResultFormat::Tap), ..discovered(Runner::Node, "js") };
    let came = place.one(&tap);
    let failed: Vec<_> = outcomes(&came).into_iter().filter(|(_, outcome)| *outcome == Outcome::Failed).collect();
    assert_eq!(failed, wanted(&[("app/suite:outside::halves::divides", Outcome::Failed)]));
    assert_eq!(came.record.totals.skipped, 1);
}

#[test]
#[ignore = "needs pytest and node"]
fn an_empty_folder_is_no_pass() {
    let place = Place::new("");
    fs_err::create_dir_all(place.path("work/none")).unwrap();
    for runner in [Runner::Pytest, Runner::Unittest, Runner::Node] {
        let mut suite = discovered(runner, "none");
        if runner == Runner::Pytest {
            suite.invocation.command = [python(), "-m", "pytest"].map(str::to_owned).to_vec();
        }
        let came = place.one(&suite);
        assert_eq!(came.state, StepState::Failed, "{runner}: {}", came.why);
        assert!(came.why.contains("there is no test in it"), "{runner}: {}", came.why);
    }
}
