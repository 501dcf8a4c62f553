//! The three runners, and what it takes to start them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use serde_json::Value;

/// Who runs the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runner {
    /// `cargo test --no-fail-fast`
    CargoTest,
    /// `cargo nextest run --no-fail-fast`
    Nextest,
    /// `cargo gate test`
    Gate,
}

impl Runner {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::CargoTest => "cargo test",
            Self::Nextest => "cargo nextest run",
            Self::Gate => "cargo gate test",
        }
    }
}

/// A test target: package, kind and name.
pub(crate) type Target = (String, String, String);

/// A workspace to run on.
pub(crate) struct Workspace {
    pub(crate) name: String,
    pub(crate) dir: PathBuf,
    gate: PathBuf,
    flags: Vec<OsString>,
    /// Can nextest be asked?
    pub(crate) nextest: bool,
    /// Packages by the name of their library, for doctests.
    pub(crate) packages_of_libs: BTreeMap<String, String>,
    /// Targets by their executables.
    pub(crate) targets: BTreeMap<PathBuf, Target>,
}

impl Workspace {
    /// Builds the tests, so that everything that follows finds them built, and learns their names.
    pub(crate) fn open(dir: &Path, gate: &Path, flags: &[OsString], nextest: bool) -> io::Result<Self> {
        let dir = dir.canonicalize()?;
        let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let has_nextest = || {
            let status = Command::new("cargo").args(["nextest", "--version"]).stdout(Stdio::null()).status();
            status.is_ok_and(|status| status.success())
        };
        let mut workspace = Self {
            name,
            dir,
            gate: gate.canonicalize()?,
            flags: flags.to_vec(),
            nextest: nextest && has_nextest(),
            packages_of_libs: BTreeMap::new(),
            targets: BTreeMap::new(),
        };
        workspace.learn()?;
        Ok(workspace)
    }

    fn learn(&mut self) -> io::Result<()> {
        let output = self.cargo(&["metadata", "--no-deps", "--format-version=1"]).stderr(Stdio::inherit()).output()?;
        let metadata: Value = serde_json::from_slice(&output.stdout)?;
        let mut names = BTreeMap::new();
        for package in array(&metadata, "packages") {
            let name = text(package, "name");
            names.insert(text(package, "id"), name.clone());
            for target in array(package, "targets").iter().filter(|target| kind_of(target) == "lib") {
                self.packages_of_libs.insert(text(target, "name").replace('-', "_"), name.clone());
            }
        }
        let mut build = self.cargo(&["test", "--no-run", "--message-format=json-render-diagnostics"]);
        let output = build.args(self.flags()).output()?;
        if !output.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        for line in output.stdout.split(|byte| *byte == b'\n') {
            let Ok(message) = serde_json::from_slice::<Value>(line) else { continue };
            let (Some(executable), true) = (message["executable"].as_str(), message["profile"]["test"] == true) else {
                continue;
            };
            let package = names.get(&text(&message, "package_id")).cloned().unwrap_or_default();
            let target = (package, kind_of(&message["target"]), text(&message["target"], "name"));
            self.targets.insert(executable.into(), target);
        }
        Ok(())
    }

    /// Builds for the runners that build a little differently.
    pub(crate) fn build(&self) -> io::Result<()> {
        if self.nextest {
            let mut command = self.cargo(&["nextest", "run", "--no-run"]);
            command.args(self.flags()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        }
        Ok(())
    }

    /// All runners that can be asked.
    pub(crate) fn runners(&self) -> Vec<Runner> {
        let mut runners = vec![Runner::CargoTest, Runner::Gate];
        if self.nextest {
            runners.insert(1, Runner::Nextest);
        }
        runners
    }

    /// A runner's command, with nothing on its standard input.
    pub(crate) fn command(&self, runner: Runner) -> Command {
        let mut command = match runner {
            Runner::CargoTest => self.cargo(&["test", "--no-fail-fast"]),
            Runner::Nextest => self.cargo(&["nextest", "run", "--no-fail-fast", "--no-tests=pass"]),
            Runner::Gate => self.gate(&["test"]),
        };
        command.args(self.flags());
        command
    }

    /// The gate as people call it: cargo finds it by its name.
    pub(crate) fn gate(&self, words: &[&str]) -> Command {
        let dirs = self.gate.parent().map(Path::to_owned).into_iter();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(dirs.chain(std::env::split_paths(&path))).unwrap_or(path);
        let mut command = self.cargo(&["gate"]);
        command.args(words).env("PATH", path);
        command
    }

    pub(crate) fn cargo(&self, words: &[&str]) -> Command {
        let mut command = Command::new("cargo");
        command.args(words);
        self.prepared(command)
    }

    /// The flags, with the whole workspace selected.
    pub(crate) fn flags(&self) -> impl Iterator<Item = OsString> {
        std::iter::once("--workspace".into()).chain(self.flags.iter().cloned())
    }

    fn prepared(&self, mut command: Command) -> Command {
        command.current_dir(&self.dir).stdin(Stdio::null());
        // What `cargo bench` sets is about this package.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            let is_of_cargo = text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_");
            if is_of_cargo || ["CARGO", "CARGO_TARGET_DIR", "RUSTUP_TOOLCHAIN"].contains(&&*text) {
                command.env_remove(name);
            }
        }
        command
    }
}

/// Runs a command with both outputs in one file, in the order in which they came.
pub(crate) fn run_into(mut command: Command, file: &Path) -> io::Result<(ExitStatus, Vec<u8>)> {
    let out = File::options().create(true).write(true).truncate(true).open(file)?;
    drop(out);
    let out = File::options().append(true).open(file)?;
    let status = command.stdout(out.try_clone()?).stderr(out).status()?;
    Ok((status, std::fs::read(file)?))
}

pub(crate) fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

fn array<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The kind as test keys have it.
fn kind_of(target: &Value) -> String {
    let kinds = array(target, "kind").iter().filter_map(Value::as_str);
    let known = ["bin", "test", "example", "bench", "custom-build"];
    kinds.into_iter().find(|kind| known.contains(kind)).unwrap_or("lib").to_owned()
}
