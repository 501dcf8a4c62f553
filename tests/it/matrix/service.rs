//! What GitHub Actions does with a workflow, done here: each job in a directory of its own, with nothing of the others
//! but what they uploaded.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::workflow::{Act, Job, Step, Workflow};
use crate::support::{Ended, Fixture, Invocation};

/// What holds for each machine, by job and shard.
type Each<'f, T> = Box<dyn Fn(&str, &str) -> T + 'f>;

/// One run of a workflow.
pub(super) struct Service<'f> {
    /// Where the code comes from: a repository with everything committed.
    fixture: &'f Fixture,
    /// Where machines, artifacts and caches are.
    place: PathBuf,
    /// The how manieth time a run goes on: caches are kept under a name of their own each time.
    pub(super) attempt: u32,
    /// More variables of every machine.
    pub(super) env: Vec<(String, String)>,
    /// What else happens to a machine, by job and shard.
    pub(super) mishap: Each<'f, Mishap>,
    /// A history that a machine finds in its checkout, by job and shard.
    pub(super) history: Each<'f, Option<PathBuf>>,
}

/// What happens to a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mishap {
    /// Nothing.
    None,
    /// It goes, with all that is on it, before its script runs.
    Gone,
    /// Its script is killed as soon as its tests run; what comes after goes on.
    Killed,
}

/// What became of the jobs.
#[derive(Default)]
pub(super) struct Outcome {
    /// Each machine's job with its shard, and whether it passed.
    pub(super) passed: BTreeMap<String, bool>,
    /// The scripts that ran, in order, by job and shard.
    pub(super) scripts: Vec<(String, Ended)>,
    /// What was written to the step summaries of each machine.
    pub(super) summaries: BTreeMap<String, String>,
}

impl Outcome {
    /// The last script of a job that calls the gate.
    #[track_caller]
    pub(super) fn of(&self, job: &str) -> &Ended {
        let found = self.scripts.iter().rev().find(|(name, _)| name == job);
        &found.unwrap_or_else(|| panic!("no script of {job} ran")).1
    }
}

impl<'f> Service<'f> {
    pub(super) fn new(fixture: &'f Fixture) -> Self {
        let place = fixture.scratch().join("actions");
        fs::create_dir_all(&place).unwrap();
        let (mishap, history) = (Box::new(|_: &str, _: &str| Mishap::None), Box::new(|_: &str, _: &str| None));
        Self { fixture, place, attempt: 1, env: Vec::new(), mishap, history }
    }

    /// A program of ours on the machine that was used last.
    pub(super) fn command(&self, name: &str) -> Invocation {
        let program = Path::new(env!("CARGO_BIN_EXE_cargo-gate")).with_file_name(name);
        self.fixture.command(program.to_str().unwrap()).in_dir(self.place.join("work"))
    }

    /// Runs a workflow once. Artifacts are of this run alone; caches stay.
    pub(super) fn run(&self, workflow: &Workflow, number: u32) -> Outcome {
        let mut outcome = Outcome::default();
        for job in &workflow.jobs {
            let needed = |name: &String| {
                outcome.passed.iter().filter(|(machine, _)| machine.split(' ').next() == Some(name)).all(|(_, ok)| *ok)
            };
            if !job.always && !job.needs.iter().all(needed) {
                continue;
            }
            for shard in &job.shards {
                self.run_machine(job, shard, number, &mut outcome);
            }
        }
        outcome
    }

    fn run_machine(&self, job: &Job, shard: &str, number: u32, outcome: &mut Outcome) {
        let name = if shard.is_empty() { job.name.clone() } else { format!("{} {shard}", job.name) };
        // As on hosted runners, every checkout is at the same path; no machine sees another's.
        let machine = Machine { service: self, dir: self.place.join("work"), number, job: &job.name, shard };
        let _ = fs::remove_dir_all(&machine.dir);
        fs::create_dir_all(&machine.dir).unwrap();
        let mishap = (self.mishap)(&job.name, shard);
        let mut passed = true;
        for step in job.steps.iter() {
            if !passed && !step.always {
                continue;
            }
            passed &= match &step.act {
                Act::Run(_) if mishap == Mishap::Gone => {
                    outcome.passed.insert(name, false);
                    return;
                }
                Act::Run(script) => {
                    let ended = machine.script(&machine.filled(script), mishap);
                    let ok = ended.code() == Some(0);
                    outcome.scripts.push((name.clone(), ended));
                    ok
                }
                Act::Use(action, inputs) => machine.action(action, inputs, step),
            };
        }
        outcome.summaries.insert(name.clone(), fs::read_to_string(machine.summary()).unwrap_or_default());
        outcome.passed.insert(name, passed);
    }
}

struct Machine<'s> {
    service: &'s Service<'s>,
    dir: PathBuf,
    number: u32,
    job: &'s str,
    shard: &'s str,
}

impl Machine<'_> {
    /// A text with its expressions filled in.
    fn filled(&self, text: &str) -> String {
        let (number, attempt) = (self.number.to_string(), self.service.attempt.to_string());
        let known = [("matrix.shard", self.shard), ("github.run_id", &number), ("github.run_attempt", &attempt)];
        let fill = |text: String, (name, value): (&str, &str)| text.replace(&format!("${{{{ {name} }}}}"), value);
        let filled = known.into_iter().fold(text.to_owned(), fill);
        assert!(!filled.contains("${{"), "this expression is not known here: {filled}");
        filled
    }

    fn summary(&self) -> PathBuf {
        self.dir.join("../summary.md")
    }

    fn script(&self, script: &str, mishap: Mishap) -> Ended {
        let bin = Path::new(env!("CARGO_BIN_EXE_cargo-gate")).parent().unwrap();
        let path = std::env::join_paths(
            [bin.to_owned()].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
        );
        let mut call = self.service.fixture.command("bash").args(["--noprofile", "--norc", "-eo", "pipefail", "-c"]);
        call = call.arg(script).in_dir(&self.dir).env("PATH", path.unwrap()).without_env("CARGO");
        let killed = self.service.place.join("killed");
        for (name, value) in [
            ("CI", "true"),
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_REF_NAME", "main"),
            ("GITHUB_RUN_ID", &self.number.to_string()),
            ("GITHUB_WORKSPACE", self.dir.to_str().unwrap()),
            ("GITHUB_STEP_SUMMARY", self.summary().to_str().unwrap()),
            ("GATE_FIXTURE_KILL", if mishap == Mishap::Killed { killed.to_str().unwrap() } else { "" }),
        ] {
            call = call.env(name, value);
        }
        for (name, value) in &self.service.env {
            call = call.env(name, value);
        }
        call.run()
    }

    fn action(&self, action: &str, inputs: &BTreeMap<String, String>, step: &Step) -> bool {
        let input = |name: &str| inputs.get(name).map(|text| self.filled(text));
        let wanted = |name: &str| input(name).unwrap_or_else(|| panic!("{step:?} has no `{name}`"));
        let artifacts = self.service.place.join(format!("artifacts-{}", self.number));
        let caches = self.service.place.join("caches");
        match action {
            "actions/checkout" => {
                let root = self.service.fixture.root();
                let clone = self.service.fixture.command("git").args(["clone", "-q"]).arg(root).arg(&self.dir).run();
                clone.assert_code(0);
                if let Some(history) = (self.service.history)(self.job, self.shard) {
                    copy(&history, &self.dir.join("target/gate/history.sqlite"));
                }
                true
            }
            // The tool is there already.
            "taiki-e/install-action" => true,
            "actions/upload-artifact" => {
                let (name, path) = (wanted("name"), wanted("path"));
                let paths: Vec<PathBuf> = path.lines().map(|line| self.dir.join(line.trim())).collect();
                if paths.iter().any(|path| !path.exists()) {
                    return input("if-no-files-found").as_deref() != Some("error");
                }
                for path in paths {
                    let to = artifacts.join(&name);
                    if path.is_dir() { copy(&path, &to) } else { copy(&path, &to.join(path.file_name().unwrap())) }
                }
                true
            }
            "actions/download-artifact" => {
                let to = self.dir.join(input("path").unwrap_or_default());
                match (input("name"), input("pattern")) {
                    (Some(name), None) => {
                        let from = artifacts.join(&name);
                        from.exists().then(|| copy(&from, &to)).is_some()
                    }
                    (None, Some(pattern)) => {
                        let start = pattern.strip_suffix('*').expect("a pattern that ends with a star");
                        for entry in fs::read_dir(&artifacts).into_iter().flatten() {
                            let entry = entry.unwrap();
                            if entry.file_name().to_str().unwrap().starts_with(start) {
                                copy(&entry.path(), &to.join(entry.file_name()));
                            }
                        }
                        true
                    }
                    other => panic!("{step:?}: {other:?}"),
                }
            }
            "actions/cache/restore" => {
                let start = wanted("restore-keys");
                let mut found: Vec<(Vec<u32>, PathBuf)> = fs::read_dir(&caches)
                    .into_iter()
                    .flatten()
                    .filter_map(|entry| {
                        let path = entry.unwrap().path();
                        let time = path.file_name()?.to_str()?.strip_prefix(start.trim())?;
                        Some((time.split('-').map(|number| number.parse().unwrap()).collect(), path))
                    })
                    .collect();
                found.sort();
                if let Some((_, newest)) = found.pop() {
                    copy(&newest, &self.dir.join(wanted("path")));
                }
                true
            }
            "actions/cache/save" => {
                let cache = caches.join(wanted("key"));
                assert!(!cache.exists(), "what is kept under a name stays as it is: {}", cache.display());
                copy(&self.dir.join(wanted("path")), &cache);
                true
            }
            other => panic!("this action is not known here: {other}"),
        }
    }
}

/// Copies a file or a tree; what is not there is not copied.
fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
        return;
    }
    for entry in fs::read_dir(from).into_iter().flatten() {
        let entry = entry.unwrap();
        copy(&entry.path(), &to.join(entry.file_name()));
    }
}
