//! Where a pipeline runs: the workspace or a worktree of its commit, the folders of the run, what its steps are told.

use std::ffi::OsString;
use std::sync::OnceLock;

use camino::{Utf8Path, Utf8PathBuf};

use super::ask::Asked;
use crate::cli::LibtestArgs;
use crate::commands::isolation::Isolated;
use crate::commands::place::cargo;
use crate::commands::stage::{Origin, Stage};
use crate::commands::test::{Refused, context_of, rustc_version, slots};
use crate::config::{ConfigFile, Pipeline, Settings};
use crate::history::input::{self, input_key};
use crate::model::{ContentHash, Context};
use crate::pipeline::cache::{Setting, StepCache, Survey};
use crate::pipeline::exec::Told;
use crate::pipeline::suite::file_stem;
use crate::sys::digest::hash;
use crate::sys::git::{self, Checkout};
use crate::sys::process::own_environment;
use crate::sys::signals::Signals;

/// All that a step needs to know of where it runs.
pub(super) struct Site<'a> {
    pub(super) asked: &'a Asked<'a>,
    pub(super) pipeline: &'a Pipeline,
    /// The workspace's root as the steps see it.
    pub(super) root: Utf8PathBuf,
    /// What the worktree was made from, where the steps run in one.
    pub(super) origin: Option<Origin>,
    pub(super) config: Option<ConfigFile>,
    /// The folder of this run …
    pub(super) run_dir: Utf8PathBuf,
    /// … and of what its steps print.
    pub(super) logs: Utf8PathBuf,
    pub(super) locks: Utf8PathBuf,
    /// What every step sees beside the process's own variables …
    own: Vec<(OsString, OsString)>,
    /// … and both together.
    pub(super) environment: Vec<(OsString, OsString)>,
    pub(super) cache: StepCache,
    pub(super) survey: Survey,
    known: OnceLock<Toolchain>,
    tested: OnceLock<Tested>,
}

/// What the compiler says of itself.
pub(super) struct Toolchain {
    /// All of `rustc -vV`.
    pub(super) rustc: String,
    pub(super) context: Context,
}

/// What is looked at.
pub(super) struct Tested {
    pub(super) checkout: Option<Checkout>,
    /// None without git: what is not built has no hash.
    pub(super) input_key: Option<ContentHash>,
}

impl<'a> Site<'a> {
    /// The workspace itself, or the same place in the worktree that begins there.
    pub(super) fn new(
        asked: &'a Asked<'a>,
        pipeline: &'a Pipeline,
        isolated: Option<&Isolated>,
    ) -> Result<Self, Refused> {
        let place = &asked.place;
        let home = &place.workspace.root;
        let config = ConfigFile::load(home).map_err(|errors| Refused::new(errors.exit_code(), errors.to_string()))?;
        let (root, origin) = match isolated {
            None => (home.clone(), None),
            Some(isolated) => (isolated.root.clone(), Some(isolated.origin.clone())),
        };
        let mut own: Vec<(OsString, OsString)> = Vec::new();
        if let Some(dir) = &asked.args.place.target_dir {
            let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.clone());
            own.push(("CARGO_TARGET_DIR".into(), dir.into_os_string()));
        }
        own.extend(isolated.into_iter().flat_map(Isolated::variables));
        let mut environment = own_environment();
        environment.retain(|(known, _)| !own.iter().any(|(name, _)| name == known));
        environment.extend(own.iter().cloned());
        let run_dir = place.gate_dir.join("runs").join(asked.run_id.as_str());
        let target = place.workspace.target_dir.as_path();
        Ok(Self {
            asked,
            pipeline,
            survey: Survey::new(&root, &[target, &place.gate_dir], &place.gate_dir),
            root,
            origin,
            config,
            logs: run_dir.join("logs"),
            run_dir,
            locks: place.gate_dir.join("locks"),
            own,
            environment,
            cache: StepCache::open(&place.gate_dir, &asked.args.pipeline),
            known: OnceLock::new(),
            tested: OnceLock::new(),
        })
    }

    pub(super) const fn settings(&self) -> &Settings {
        self.asked.place.settings()
    }

    pub(super) const fn signals(&self) -> &Signals {
        &self.asked.signals
    }

    pub(super) fn gate_dir(&self) -> &Utf8Path {
        &self.asked.place.gate_dir
    }

    /// How many steps may run at once.
    pub(super) fn slots(&self) -> usize {
        let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        slots(self.settings(), &LibtestArgs::default(), cpus, &Stage::default())
    }

    /// What a step is told of the run.
    pub(super) fn told<'s>(&'s self, step: &'s str) -> Told<'s> {
        Told { run_id: self.asked.run_id.as_str(), step, dir: &self.run_dir, lock_dir: &self.locks }
    }

    /// Where all goes that a step prints.
    pub(super) fn log(&self, step: &str) -> Utf8PathBuf {
        self.logs.join(format!("{}.log", file_stem(step)))
    }

    /// The file that stands for a mutex.
    pub(super) fn lock(&self, mutex: &str) -> Utf8PathBuf {
        self.locks.join(format!("{}.lock", file_stem(mutex)))
    }

    /// Where a step of the gate's own is on, without what only the pipeline knows.
    pub(super) fn stage(&self, env: &[(String, String)], step: &str) -> Stage {
        let own = env.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let told = self.told(step).variables().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let env = self.own.iter().cloned().chain(own).chain(told).collect();
        Stage { cwd: self.root.clone().into_std_path_buf(), env, step: None }
    }

    /// What the compiler says, asked once.
    pub(super) fn toolchain(&self) -> &Toolchain {
        self.known.get_or_init(|| {
            // The commit of a worktree may name another toolchain.
            let here = self.origin.is_none().then(|| self.asked.rustc()).flatten();
            let rustc = here.unwrap_or_else(|| {
                let stage = Stage { cwd: self.root.clone().into_std_path_buf(), ..Stage::default() };
                rustc_version(&cargo(), &stage)
            });
            let context = context_of(&rustc);
            Toolchain { rustc, context }
        })
    }

    /// What is looked at, asked once.
    pub(super) fn tested(&self) -> &Tested {
        self.tested.get_or_init(|| {
            let mut checkout = git::read_checkout(&self.root);
            if let (Some(checkout), Some(origin)) = (&mut checkout, &self.origin) {
                checkout.branch.clone_from(&origin.branch);
            }
            let toolchain = self.toolchain();
            let rustflags = hash(&std::env::var("RUSTFLAGS").unwrap_or_default());
            let setting = input::Setting { context: &toolchain.context, rustc: &toolchain.rustc, rustflags };
            let output = &self.asked.place.workspace.target_dir;
            let key = checkout.as_ref().map(|checkout| input_key(checkout, &self.root, output, &setting));
            Tested { checkout, input_key: key }
        })
    }

    /// What the cache's keys are made of beside the step.
    pub(super) fn setting(&self) -> Setting<'_> {
        Setting {
            root: &self.root,
            isolate: self.pipeline.isolate,
            rustc: &self.toolchain().rustc,
            variables: &self.environment,
            config_files: &self.pipeline.config_files,
        }
    }
}
