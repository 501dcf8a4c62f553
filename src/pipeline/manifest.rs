//! What a pipeline meant to run, written before its first step; what it ran, written at its end.
//!
//! Both lie in the run's own folder and are on the disk before anything else happens. A run that was killed leaves the
//! first alone, which says so. They are functions of the planned steps and of what became of them; only [`Manifest::save`],
//! [`Completion::save`] and [`load`] touch the disk.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, ErrorKind};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::model::{Ending, RunId, StepRecord, StepState};
use crate::sys::fs::replace;

/// The version of both shapes.
const SCHEMA_VERSION: u32 = 1;

/// The name of what was meant, in the run's folder.
pub const MEANT: &str = "validation_manifest.json";

/// The name of what was done.
pub const DONE: &str = "validation_complete.json";

/// On what a pipeline ran.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// On everything.
    #[default]
    Full,
    /// On what changed since a revision; empty where the changes were named otherwise.
    Changed(String),
    /// On these packages.
    Packages(Vec<String>),
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("full"),
            Self::Changed(revision) => write!(f, "changed:{revision}"),
            Self::Packages(names) => write!(f, "packages:{}", names.join(",")),
        }
    }
}

/// A step that is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned<'a> {
    /// Its name.
    pub name: &'a str,
    /// What will run, as [`StepRecord::command`].
    pub command: &'a [String],
}

/// What a pipeline meant to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this shape.
    pub schema_version: u32,
    /// The run.
    pub run_id: String,
    /// The commands of the steps that are to run, in plan order, as they can be typed.
    pub expected_commands: Vec<String>,
    /// Where.
    pub cwd: Utf8PathBuf,
    /// The names of these steps, in the same order.
    pub ids: Vec<String>,
    /// `full`, `changed:REF` or `packages:…`.
    pub scope: String,
}

impl Manifest {
    /// Of the steps that are to run, in plan order; steps that are skipped are not among them.
    #[must_use]
    pub fn new<'a>(
        run_id: &RunId,
        cwd: &Utf8Path,
        scope: &Scope,
        planned: impl IntoIterator<Item = Planned<'a>>,
    ) -> Self {
        let (ids, expected_commands) =
            planned.into_iter().map(|step| (step.name.to_owned(), typed(step.command))).unzip();
        Self {
            schema_version: SCHEMA_VERSION,
            run_id: run_id.to_string(),
            expected_commands,
            cwd: cwd.to_owned(),
            ids,
            scope: scope.to_string(),
        }
    }

    /// Puts it into the run's folder; it is on the disk when this returns.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub fn save(&self, run_dir: &Utf8Path) -> io::Result<()> {
        save(&run_dir.join(MEANT), self)
    }
}

/// What a pipeline ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Completion {
    /// The version of this shape.
    pub schema_version: u32,
    /// The run.
    pub run_id: String,
    /// What was meant, as in [`Manifest`].
    pub expected_commands: Vec<String>,
    /// The commands of the steps that were executed, or known from before, in plan order.
    pub actual_commands: Vec<String>,
    /// How many these are.
    pub commands_executed: usize,
    /// How many were meant.
    pub commands_expected: usize,
    /// **R22**: are the two lists equal, order included?
    pub all_executed: bool,
    /// What was meant and not executed, as often as it is missing.
    pub missing_commands: Vec<String>,
    /// Why the pipeline failed, of several reasons the first; null where it did not.
    pub failure_reason: Option<String>,
    /// Every step, in plan order.
    pub steps: Vec<StepDone>,
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepDone {
    /// Its name.
    pub name: String,
    /// Did it do what it was to do?
    pub ok: bool,
    /// Its exit status, of a signal the negative number; null where nothing ran.
    pub returncode: Option<i32>,
    /// How long it took.
    pub duration_seconds: f64,
    /// Was it known from before?
    pub cached: bool,
    /// What became of it, in a word.
    pub state: StepState,
    /// Why, in one sentence.
    #[serde(default)]
    pub why: String,
    /// Where all it printed lies.
    #[serde(default)]
    pub log: Option<Utf8PathBuf>,
    /// The run of tests that it was, as the history knows it.
    #[serde(default)]
    pub run_id: Option<RunId>,
}

impl Completion {
    /// Of what was meant, and of every step in plan order. `failure`: why the pipeline failed where that is known
    /// better than from the order of its steps, of which else the first that failed says it.
    #[must_use]
    pub fn new(meant: &Manifest, steps: &[StepRecord], failure: Option<&str>) -> Self {
        let expected_commands = meant.expected_commands.clone();
        let actual_commands: Vec<String> =
            steps.iter().filter(|step| was_executed(step)).map(|step| typed(&step.command)).collect();
        Self {
            schema_version: SCHEMA_VERSION,
            run_id: meant.run_id.clone(),
            commands_executed: actual_commands.len(),
            commands_expected: expected_commands.len(),
            all_executed: actual_commands == expected_commands,
            missing_commands: missing(&expected_commands, &actual_commands),
            failure_reason: failure.map(str::to_owned).or_else(|| first_failure(steps)),
            steps: steps.iter().map(StepDone::of).collect(),
            expected_commands,
            actual_commands,
        }
    }

    /// Puts it into the run's folder; it is on the disk when this returns.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub fn save(&self, run_dir: &Utf8Path) -> io::Result<()> {
        save(&run_dir.join(DONE), self)
    }
}

impl StepDone {
    fn of(step: &StepRecord) -> Self {
        Self {
            name: step.name.clone(),
            ok: step.is_ok(),
            returncode: step.returncode(),
            duration_seconds: step.took.as_secs_f64(),
            cached: step.state == StepState::Cached,
            state: step.state,
            why: step.why.clone(),
            log: step.log.clone(),
            run_id: step.run_id.clone(),
        }
    }

    /// How long it took; nothing where that is no time.
    #[must_use]
    pub fn took(&self) -> Duration {
        Duration::try_from_secs_f64(self.duration_seconds).unwrap_or_default()
    }
}

/// What a run's folder holds; a run that was killed has no second one, and an older run neither.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// What was meant.
    pub meant: Option<Manifest>,
    /// What was done.
    pub done: Option<Completion>,
}

/// Reads both back. Keys that are not known are passed over.
///
/// # Errors
///
/// What the file system says, and [`ErrorKind::InvalidData`] for what is no manifest.
pub fn load(run_dir: &Utf8Path) -> io::Result<Kept> {
    Ok(Kept { meant: read(&run_dir.join(MEANT))?, done: read(&run_dir.join(DONE))? })
}

/// A command as it can be typed into a POSIX shell.
#[must_use]
pub fn typed(command: &[String]) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    let word = |word: &String| match !word.is_empty() && word.chars().all(is_plain) {
        true => word.clone(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    };
    command.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// Was there a process, or is the step known from one? What could not even start was not executed, whatever it is
/// called.
const fn was_executed(step: &StepRecord) -> bool {
    match step.ending {
        Some(Ending::NotStarted) => false,
        Some(_) => step.state.is_executed(),
        None => step.state.is_executed() && !matches!(step.state, StepState::ToolError),
    }
}

fn missing(expected: &[String], actual: &[String]) -> Vec<String> {
    let mut left: HashMap<&str, usize> = HashMap::new();
    for command in actual {
        *left.entry(command).or_default() += 1;
    }
    let is_missing = |command: &&String| match left.get_mut(command.as_str()) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    };
    expected.iter().filter(is_missing).cloned().collect()
}

fn first_failure(steps: &[StepRecord]) -> Option<String> {
    let failed = steps.iter().find(|step| matches!(step.state, StepState::Failed | StepState::ToolError))?;
    Some(match failed.why.as_str() {
        "" => format!("{} failed", failed.name),
        why => format!("{}: {why}", failed.name),
    })
}

fn save(path: &Utf8Path, document: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(document).map_err(io::Error::other)?;
    text.push(b'\n');
    replace(path.as_std_path(), &text)
}

fn read<T: DeserializeOwned>(path: &Utf8Path) -> io::Result<Option<T>> {
    let text = match fs_err::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let invalid = |error| io::Error::new(ErrorKind::InvalidData, format!("`{path}` cannot be read: {error}"));
    serde_json::from_slice(&text).map(Some).map_err(invalid)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Word;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn step(name: &str, command: &str, state: StepState, ending: Option<Ending>) -> StepRecord {
        StepRecord { name: name.to_owned(), command: words(command), state, ending, ..StepRecord::default() }
    }

    fn meant(steps: &[StepRecord]) -> Manifest {
        let planned = steps.iter().filter(|step| step.state != StepState::Skipped);
        let planned = planned.map(|step| Planned { name: &step.name, command: &step.command });
        Manifest::new(&RunId::from_stored("01-a"), Utf8Path::new("/work"), &Scope::Full, planned)
    }

    #[test]
    fn the_two_say_what_was_meant_and_what_was_done() {
        let steps = [
            StepRecord {
                took: Duration::from_millis(1500),
                ..step("fmt", "cargo fmt --check", StepState::Cached, None)
            },
            step("docs", "cargo doc", StepState::Skipped, None),
            StepRecord {
                why: "left with code 3".to_owned(),
                log: Some("/runs/01-a/logs/test.log".into()),
                run_id: Some(RunId::from_stored("02-b")),
                ..step("test", "sh -c x", StepState::Failed, Some(Ending::Exited(3)))
            },
            step("deploy", "deploy.sh", StepState::NotRun, None),
        ];
        let meant = meant(&steps);
        assert_eq!(
            serde_json::to_value(&meant).unwrap(),
            serde_json::json!({
                "schema_version": 1,
                "run_id": "01-a",
                "expected_commands": ["cargo fmt --check", "sh -c x", "deploy.sh"],
                "cwd": "/work",
                "ids": ["fmt", "test", "deploy"],
                "scope": "full",
            })
        );
        let step = |name, ok, code: Option<i32>, took: f64, state: &str| {
            let cached = state == "cached";
            serde_json::json!({
                "name": name, "ok": ok, "returncode": code, "duration_seconds": took, "cached": cached, "state": state,
                "why": "", "log": null, "run_id": null,
            })
        };
        let mut red = step("test", false, Some(3), 0.0, "failed");
        red["why"] = "left with code 3".into();
        red["log"] = "/runs/01-a/logs/test.log".into();
        red["run_id"] = "02-b".into();
        assert_eq!(
            serde_json::to_value(Completion::new(&meant, &steps, None)).unwrap(),
            serde_json::json!({
                "schema_version": 1,
                "run_id": "01-a",
                "expected_commands": ["cargo fmt --check", "sh -c x", "deploy.sh"],
                "actual_commands": ["cargo fmt --check", "sh -c x"],
                "commands_executed": 2,
                "commands_expected": 3,
                "all_executed": false,
                "missing_commands": ["deploy.sh"],
                "failure_reason": "test: left with code 3",
                "steps": [
                    step("fmt", true, None, 1.5, "cached"),
                    step("docs", false, None, 0.0, "skipped"),
                    red,
                    step("deploy", false, None, 0.0, "not-run"),
                ],
            })
        );
    }

    #[test]
    fn scopes_are_written_as_words() {
        let packages = Scope::Packages(vec!["app".to_owned(), "core".to_owned()]);
        let written = [Scope::Full, Scope::Changed("origin/main".to_owned()), packages].map(|scope| scope.to_string());
        assert_eq!(written, ["full", "changed:origin/main", "packages:app,core"]);
    }

    #[test]
    fn a_reason_that_is_known_better_comes_first_and_a_green_run_has_none() {
        let green = [step("a", "true", StepState::Passed, Some(Ending::Exited(0)))];
        let red = [step("a", "false", StepState::Failed, Some(Ending::Exited(1)))];
        let reason = |steps: &[StepRecord], failure| Completion::new(&meant(steps), steps, failure).failure_reason;
        assert_eq!(reason(&green, None), None);
        assert_eq!(reason(&green, Some("SIGINT came")).as_deref(), Some("SIGINT came"));
        assert_eq!(reason(&red, None).as_deref(), Some("a failed"));
        let warned = [step("a", "false", StepState::Warned, Some(Ending::Exited(1)))];
        assert_eq!(reason(&warned, None), None);
    }

    #[test]
    fn what_could_not_start_was_not_executed() {
        for (state, ending, executed) in [
            (StepState::Passed, Some(Ending::Exited(0)), true),
            (StepState::Failed, Some(Ending::Signaled(9)), true),
            (StepState::Failed, Some(Ending::NotStarted), false),
            (StepState::ToolError, Some(Ending::Exited(1)), true),
            (StepState::ToolError, Some(Ending::NotStarted), false),
            (StepState::ToolError, None, false),
            (StepState::Cached, None, true),
            (StepState::Skipped, None, false),
            (StepState::NotRun, None, false),
        ] {
            assert_eq!(was_executed(&step("a", "true", state, ending)), executed, "{state} {ending:?}");
        }
    }

    #[test]
    fn commands_can_be_typed() {
        for (command, want) in [
            (&["cargo", "clippy", "--", "-Dwarnings"][..], "cargo clippy -- -Dwarnings"),
            (&["sh", "-c", "echo 'a' && b"], r"sh -c 'echo '\''a'\'' && b'"),
            (&["x", ""], "x ''"),
            (&["~", "a*", "$HOME", "ä"], "'~' 'a*' '$HOME' 'ä'"),
            (&[], ""),
        ] {
            let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(typed(&command), want);
        }
    }

    #[test]
    fn both_are_read_back_and_unknown_keys_are_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let run_dir = Utf8Path::from_path(dir.path()).unwrap().join("runs/01-a");
        assert_eq!(load(&run_dir).unwrap(), Kept::default());
        let steps = [step("a", "true", StepState::Passed, Some(Ending::Exited(0)))];
        let meant = meant(&steps);
        meant.save(&run_dir).unwrap();
        assert_eq!(load(&run_dir).unwrap(), Kept { meant: Some(meant.clone()), done: None }, "as after a kill");
        let done = Completion::new(&meant, &steps, None);
        done.save(&run_dir).unwrap();
        let mut later = serde_json::to_value(&meant).unwrap();
        later.as_object_mut().unwrap().insert("colour".to_owned(), "green".into());
        std::fs::write(run_dir.join(MEANT), later.to_string()).unwrap();
        assert_eq!(load(&run_dir).unwrap(), Kept { meant: Some(meant), done: Some(done.clone()) });
        // What an earlier version wrote says less of a step.
        let mut earlier = serde_json::to_value(&done).unwrap();
        for key in ["why", "log", "run_id"] {
            earlier["steps"][0].as_object_mut().unwrap().remove(key);
        }
        std::fs::write(run_dir.join(DONE), earlier.to_string()).unwrap();
        assert_eq!(load(&run_dir).unwrap().done.as_ref(), Some(&done));
        std::fs::write(run_dir.join(DONE), "{").unwrap();
        let error = load(&run_dir).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert!(error.to_string().contains(DONE), "{error}");
    }

    fn any_step() -> impl Strategy<Value = StepRecord> {
        let endings = [None, Some(Ending::Exited(0)), Some(Ending::Signaled(9)), Some(Ending::NotStarted)];
        ("[ab]", "[xy ]{0,2}", prop::sample::select(StepState::ALL), prop::sample::select(endings.to_vec()))
            .prop_map(|(name, command, state, ending)| step(&name, &command, state, ending))
    }

    proptest! {
        /// **R22**
        #[test]
        fn all_is_executed_where_the_ordered_lists_are_equal_and_nowhere_else(
            planned in prop::collection::vec(any_step(), 0..5),
            became in prop::collection::vec(any_step(), 0..5),
            is_as_planned in any::<bool>(),
        ) {
            let meant = meant(&planned);
            let became = if is_as_planned { planned } else { became };
            let done = Completion::new(&meant, &became, None);
            prop_assert_eq!(done.all_executed, done.expected_commands == done.actual_commands);
            prop_assert_eq!(done.commands_expected, done.expected_commands.len());
            prop_assert_eq!(done.commands_executed, done.actual_commands.len());
            if done.all_executed {
                prop_assert!(done.missing_commands.is_empty());
            }
            // As often as each is missing, and in the order that was meant.
            let times = |all: &[String], one: &String| all.iter().filter(|other| *other == one).count();
            for command in &done.expected_commands {
                let (wanted, got) = (times(&done.expected_commands, command), times(&done.actual_commands, command));
                prop_assert_eq!(times(&done.missing_commands, command), wanted.saturating_sub(got));
            }
            let mut rest = done.expected_commands.iter();
            prop_assert!(done.missing_commands.iter().all(|command| rest.any(|other| other == command)));
            prop_assert!(done.missing_commands.len() <= done.expected_commands.len());
        }
    }
}
