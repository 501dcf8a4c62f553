//! The build as a step of the session: composed, tried again where that helps, told to people as cargo tells it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::gather;
use super::outputs::{self, Observers};
use super::session::Session;
use crate::cargo::build::{self, Built};
use crate::cargo::compose::{self, Composition, Place};
use crate::cargo::{launch, recall};
use crate::event::Fact;
use crate::model::InfraMode;
use crate::sys::process::Launch;

impl Session<'_> {
    /// Builds, or unpacks what was built; where that fails for no fault of the code, tries again as often as the
    /// settings say.
    pub(super) fn with_retries<'o>(
        &self,
        observers: &mut Observers<'o>,
        build: impl Fn(&mut Observers<'o>) -> Result<Built, build::Failure>,
    ) -> (Result<Built, build::Failure>, u32) {
        let infra = &self.asked.settings().infra;
        let mut tries = 1;
        loop {
            let built = build(observers);
            let Err(build::Failure::Tool(why)) = &built else { return (built, tries) };
            let of = infra.retries + 1;
            if infra.mode == InfraMode::Defer || tries >= of || !self.wait(why, tries, of, observers) {
                return (built, tries);
            }
            tries += 1;
        }
    }

    /// Waits before another try; false when the user asked for an end meanwhile.
    pub(super) fn wait(&self, why: &str, attempt: u32, of: u32, observers: &mut Observers<'_>) -> bool {
        let delay = self.asked.settings().infra.delay;
        // Beyond the end of a step nothing is tried.
        if self.asked.stage.deadline().is_some_and(|deadline| Instant::now() + delay >= deadline) {
            return false;
        }
        observers.tell(Fact::ToolFailed { why: why.to_owned(), attempt, of, retry_in: Some(delay) });
        let until = Instant::now() + delay;
        while Instant::now() < until {
            if self.signals.interrupt().is_some() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(50).min(until.saturating_duration_since(Instant::now())));
        }
        true
    }

    /// Where what cargo launches is kept.
    pub(super) fn kept_launches(&self) -> Option<PathBuf> {
        // An instrumented build launches other files: each kind recalls its own.
        let name = if self.head.instrumented { recall::INSTRUMENTED_FILE } else { recall::FILE };
        // Those of a worktree are never launched again, and would displace the others.
        let ground = self.asked.ground().ok().filter(|_| self.asked.stage.origin().is_none())?;
        Some(ground.gate_dir.join(name).into_std_path_buf())
    }

    /// Builds; `env` is the environment to build in, where it is not this process's own.
    pub(super) fn build(
        &self,
        env: Option<&[(OsString, OsString)]>,
        observers: &mut Observers<'_>,
    ) -> Result<Built, build::Failure> {
        let internal = |error: std::io::Error| build::Failure::Tool(format!("cannot prepare the build: {error}"));
        let real = gather::rustdoc(self.asked, &self.user);
        let dir = build::prepare(&self.asked.own_exe, &real).map_err(internal)?;
        let shim = dir.path().join(launch::RUSTDOC_NAME);
        let stage = &self.asked.stage;
        let by_environment = stage.variable_os("RUSTDOC").is_some();
        let look = outputs::look(self.args, &self.surroundings);
        let quiet = self.args.build.flags.quiet;
        let progress = look.progress.then_some(look.columns).flatten().and_then(|columns| u16::try_from(columns).ok());
        let mut user = self.asked.cargo_flags.clone();
        user.extend(quiet.then(|| "-q".into()));
        let place = |triple: &String| Place::of(triple, &self.user, &self.asked.own_exe, dir.path());
        let runners: Vec<_> = self.user.triples.iter().map(|triple| (triple.clone(), place(triple))).collect();
        let composition = Composition {
            own_exe: &self.asked.own_exe,
            dir: dir.path(),
            runners: &runners,
            user: &user,
            passed_on: &self.args.passed_on(),
            rustdoc: (!by_environment).then_some(shim.as_path()),
            terminal: Some(compose::Terminal { color: look.color, progress }),
        };
        let args = compose::cargo_test(&composition);
        let mut env = env.map_or_else(|| stage.environment(), <[_]>::to_vec);
        let variables = compose::variables(&composition);
        env.retain(|(name, _)| !variables.iter().any(|(ours, _)| ours == name));
        env.extend(variables);
        if by_environment {
            env.retain(|(name, _)| name != "RUSTDOC");
            env.push(("RUSTDOC".into(), shim.into()));
        }
        let request = build::Request {
            launch: Launch { program: self.asked.cargo.clone(), args, cwd: self.asked.cwd.clone(), env },
            dir: dir.path(),
            grace: self.asked.settings().test.grace,
            signals: self.signals,
            deadline: stage.deadline(),
            toolchain: &self.asked.rustc,
            kept: &|| self.kept_launches(),
        };
        let mut tell = |words: &[u8]| stage.say(words);
        let mut finished = None;
        let built = build::build(&request, &mut tell, &mut |success, took| finished = Some((success, took)));
        if let Some((success, took)) = finished {
            observers.tell(Fact::BuildFinished { success, took });
        }
        built
    }
}
