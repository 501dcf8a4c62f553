//! What cargo launched last time, for a build after which it would launch the same.
//!
//! Launching hundreds of binaries only to have them recorded takes longer than many a suite. What cargo launches is
//! decided by its own executable, its command line and directory, the variables and configuration files it reads, the
//! manifests, and what it says of the artifacts and build scripts. Where none of that has changed since the launches
//! were recorded, they are taken from there; where any of it cannot be known, they are not. Kept is what cargo sets on
//! top of the environment, never the environment; with an `[env]` table or a `--config FILE` of the user's, nothing is
//! kept.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fs_err as fs;

use super::launch::{LaunchRecord, from_fields, to_fields};
use crate::sys::process::Launch;

/// The name of the file in the gate's directory.
pub const FILE: &str = "launches";

/// The same of instrumented builds.
pub const INSTRUMENTED_FILE: &str = "launches-instrumented";

type Key = [u8; 32];

/// Everything that is known before the build and decides what cargo launches. `None` where that is not certain.
#[derive(Clone, Debug)]
pub struct Situation(blake3::Hasher);

/// What a build said that decides what cargo launches; the order in which it says it does not matter.
#[derive(Clone, Debug, Default)]
pub struct Messages {
    said: BTreeSet<Key>,
    files: BTreeSet<PathBuf>,
    variables: BTreeSet<OsString>,
}

/// Launches that are not kept yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsaved {
    key: Key,
    launches: Vec<LaunchRecord>,
}

impl Situation {
    /// Of a call of cargo; `dir` is what differs from call to call in its arguments, `toolchain` what rustc says of
    /// itself.
    #[must_use]
    pub fn of(launch: &Launch, dir: &Path, toolchain: &str) -> Option<Self> {
        let mut hasher = blake3::Hasher::new();
        let mut field = |text: &[u8]| {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text);
        };
        field(env!("CARGO_PKG_VERSION").as_bytes());
        field(toolchain.as_bytes());
        field(launch.program.as_encoded_bytes());
        field(stamp(Path::new(&launch.program)).as_bytes());
        field(launch.cwd.as_os_str().as_encoded_bytes());
        if launch.args.windows(2).any(|pair| is_beyond_telling(pair, &launch.cwd)) {
            return None;
        }
        let dir = dir.to_string_lossy();
        for arg in &launch.args {
            field(arg.to_string_lossy().replace(&*dir, "\0").as_bytes());
        }
        let mut variables: Vec<_> = launch.env.iter().filter(|(name, _)| is_read_by_cargo(name)).collect();
        variables.sort();
        for (name, value) in variables {
            field(name.as_encoded_bytes());
            field(value.to_string_lossy().replace(&*dir, "\0").as_bytes());
        }
        for file in config_files(launch) {
            let Ok(text) = fs::read_to_string(&file) else { continue };
            let table: toml::Table = text.parse().ok()?;
            if table.contains_key("env") || table.contains_key("include") {
                return None;
            }
            field(file.as_os_str().as_encoded_bytes());
            field(text.as_bytes());
        }
        Some(Self(hasher))
    }

    /// What names the launches of a build in this situation.
    fn key(mut self, messages: &Messages) -> Key {
        for said in &messages.said {
            self.0.update(said);
        }
        for file in &messages.files {
            self.0.update(file.as_os_str().as_encoded_bytes());
            self.0.update(stamp(file).as_bytes());
        }
        *self.0.finalize().as_bytes()
    }

    /// The launches that were kept, if this build would launch the same.
    #[must_use]
    pub fn recall(self, messages: &Messages, file: &Path, env: &[(OsString, OsString)]) -> Option<Vec<LaunchRecord>> {
        let bytes = fs::read(file).ok().filter(|_| !messages.meets(env))?;
        let (key, fields) = bytes.split_at_checked(size_of::<Key>())?;
        let launches = (key == self.key(messages)).then(|| from_fields(fields))??;
        let whole = |mut launch: LaunchRecord| {
            let set = std::mem::take(&mut launch.env);
            let is_set: BTreeSet<&OsString> = set.iter().map(|(name, _)| name).collect();
            launch.env = env.iter().filter(|(name, _)| !is_set.contains(name)).cloned().collect();
            launch.env.extend(set);
            launch
        };
        Some(launches.into_iter().map(whole).collect())
    }

    /// The launches to keep, without the environment that cargo itself was given.
    #[must_use]
    pub fn keep(self, messages: &Messages, launches: &[LaunchRecord], env: &[(OsString, OsString)]) -> Option<Unsaved> {
        if messages.meets(env) {
            return None;
        }
        let own: BTreeSet<&(OsString, OsString)> = env.iter().collect();
        let names: BTreeSet<&OsString> = env.iter().map(|(name, _)| name).collect();
        let bare = |launch: &LaunchRecord| {
            let passed: BTreeSet<&OsString> = launch.env.iter().map(|(name, _)| name).collect();
            let set = launch.env.iter().filter(|variable| !own.contains(variable)).cloned().collect();
            // A variable that cargo takes away is more than can be written down here.
            names.is_subset(&passed).then(|| LaunchRecord { env: set, ..launch.clone() })
        };
        let launches = launches.iter().map(bare).collect::<Option<Vec<_>>>()?;
        Some(Unsaved { key: self.key(messages), launches })
    }
}

impl Messages {
    /// Takes a line of cargo's about an artifact or a build script.
    pub fn take(&mut self, line: &[u8]) {
        // Whether it was built just now makes no difference.
        let line = line.trim_ascii_end();
        let line = [&b",\"fresh\":true}"[..], b",\"fresh\":false}"]
            .iter()
            .find_map(|end| line.strip_suffix(*end))
            .unwrap_or(line);
        self.said.insert(*blake3::hash(line).as_bytes());
    }

    /// Takes the variables that a build script sets for its package.
    pub fn set_variables<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        self.variables.extend(names.into_iter().map(OsString::from));
        self.variables.insert("OUT_DIR".into());
    }

    /// Does the caller's environment name one of them? Then it is not told whose value is whose.
    fn meets(&self, env: &[(OsString, OsString)]) -> bool {
        env.iter().any(|(name, _)| self.variables.contains(name))
    }

    /// Takes a file that must stay as it is.
    pub fn depend_on(&mut self, file: &Path) {
        self.files.insert(file.to_owned());
    }

    /// Takes a manifest, and those above it from which it may inherit.
    pub fn depend_on_manifest(&mut self, manifest: &Path) {
        for dir in manifest.ancestors().skip(1) {
            if !self.files.insert(dir.join("Cargo.toml")) {
                break;
            }
        }
    }
}

impl Unsaved {
    /// Keeps them.
    pub fn save(&self, file: &Path) -> io::Result<()> {
        let mut bytes = self.key.to_vec();
        bytes.extend(to_fields(&self.launches));
        crate::sys::fs::replace(file, &bytes)
    }
}

/// Size and time of a file, as a text that changes when the file does.
fn stamp(file: &Path) -> String {
    let stamp = |metadata: std::fs::Metadata| {
        let time = metadata.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(format!("{} {}", metadata.len(), time.as_nanos()))
    };
    fs::metadata(file).ok().and_then(stamp).unwrap_or_default()
}

/// Is this a `--config` that names a file, or sets variables?
fn is_beyond_telling(pair: &[OsString], cwd: &Path) -> bool {
    let [flag, value] = pair else { return false };
    let sets_variables = |text: &str| {
        text.parse::<toml::Table>().is_ok_and(|table| table.contains_key("env") || table.contains_key("include"))
    };
    flag == "--config" && (cwd.join(value).is_file() || value.to_str().is_none_or(sets_variables))
}

/// Variables that change what cargo does, rather than being handed on as they are.
fn is_read_by_cargo(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let prefixes = ["CARGO", "__CARGO", "RUST", "LD_", "DYLD_"];
    prefixes.iter().any(|prefix| name.starts_with(prefix)) || ["PATH", "LIBPATH", "HOME"].contains(&&*name)
}

/// Where cargo looks for its configuration.
fn config_files(launch: &Launch) -> Vec<PathBuf> {
    let variable = |wanted: &str| launch.env.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
    let homes = [variable("CARGO_HOME").map(PathBuf::from), std::env::home_dir().map(|home| home.join(".cargo"))];
    let mut dirs: Vec<PathBuf> = launch.cwd.ancestors().map(|dir| dir.join(".cargo")).collect();
    dirs.extend(homes.into_iter().flatten());
    dirs.iter().flat_map(|dir| ["config", "config.toml"].map(|name| dir.join(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cargo::launch::Role;

    fn env(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        pairs.iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    struct Scene {
        dir: tempfile::TempDir,
        launch: Launch,
        launches: Vec<LaunchRecord>,
    }

    fn scene() -> Scene {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("Cargo.toml"), "").unwrap();
        fs::write(dir.path().join("binary"), "").unwrap();
        let launch = Launch {
            program: "cargo".into(),
            args: ["test", "--config", "x=/x/one/y"].map(OsString::from).into(),
            cwd: dir.path().into(),
            env: env(&[("CARGO_HOME", "/nowhere"), ("TOKEN", "secret"), ("PATH", "/bin")]),
        };
        let mut of_test = launch.env.clone();
        of_test.retain(|(name, _)| name != "PATH");
        of_test.extend(env(&[("CARGO_PKG_NAME", "app"), ("PATH", "/lib:/bin")]));
        let record = LaunchRecord {
            role: Role::Binary,
            triple: "a-b-c".into(),
            cwd: dir.path().into(),
            argv: vec![dir.path().join("binary").into()],
            env: of_test,
        };
        Scene { dir, launch, launches: vec![record] }
    }

    impl Scene {
        fn situation(&self, temporary: &str) -> Option<Situation> {
            let mut launch = self.launch.clone();
            launch.args[2] = format!("x={temporary}/y").into();
            Situation::of(&launch, Path::new(temporary), "rustc 1.0")
        }

        fn messages(&self, fresh: bool) -> Messages {
            let mut messages = Messages::default();
            messages.take(format!("{{\"reason\":\"compiler-artifact\",\"fresh\":{fresh}}}\n").as_bytes());
            messages.depend_on(&self.dir.path().join("binary"));
            messages.depend_on_manifest(&self.dir.path().join("Cargo.toml"));
            messages
        }

        fn file(&self) -> PathBuf {
            self.dir.path().join(FILE)
        }

        fn save(&self) {
            let situation = self.situation("/x/one").unwrap();
            let kept = situation.keep(&self.messages(false), &self.launches, &self.launch.env).unwrap();
            kept.save(&self.file()).unwrap();
        }

        fn recall(&self) -> Option<Vec<LaunchRecord>> {
            self.situation("/x/two")?.recall(&self.messages(true), &self.file(), &self.launch.env)
        }
    }

    fn sorted(mut launches: Vec<LaunchRecord>) -> Vec<LaunchRecord> {
        launches.iter_mut().for_each(|launch| launch.env.sort());
        launches
    }

    #[test]
    fn what_would_be_launched_again_is_recalled_without_the_environment_being_kept() {
        let mut scene = scene();
        scene.save();
        assert_eq!(scene.recall().map(sorted), Some(sorted(scene.launches.clone())));
        let kept = fs::read(scene.file()).unwrap();
        assert!(!kept.windows(6).any(|bytes| bytes == b"secret"));
        // What cargo only hands on is handed on as it is now.
        scene.launch.env[1].1 = "other".into();
        scene.launches[0].env[1].1 = "other".into();
        assert_eq!(scene.recall().map(sorted), Some(sorted(scene.launches.clone())));
    }

    #[test]
    fn nothing_is_recalled_once_anything_has_changed_that_cargo_reads() {
        let changes: [fn(&mut Scene); 6] = [
            |scene| scene.launch.env.push(("RUSTFLAGS".into(), "-g".into())),
            |scene| scene.launch.args.push("--release".into()),
            |scene| fs::write(scene.dir.path().join("binary"), "changed").unwrap(),
            |scene| fs::write(scene.dir.path().join("Cargo.toml"), "changed").unwrap(),
            |scene| {
                fs::create_dir(scene.dir.path().join(".cargo")).unwrap();
                fs::write(scene.dir.path().join(".cargo/config.toml"), "[build]\n").unwrap();
            },
            |scene| fs::write(scene.file(), "damaged").unwrap(),
        ];
        for change in changes {
            let mut scene = scene();
            scene.save();
            assert!(scene.recall().is_some());
            change(&mut scene);
            assert_eq!(scene.recall(), None);
        }
    }

    #[test]
    fn a_variable_that_both_the_caller_and_a_build_script_set_is_not_told_apart() {
        let scene = scene();
        let mut messages = scene.messages(false);
        messages.set_variables(["TOKEN"]);
        let situation = scene.situation("/x/one").unwrap();
        assert_eq!(situation.keep(&messages, &scene.launches, &scene.launch.env), None);
    }

    #[test]
    fn what_cannot_be_told_is_not_kept() {
        let mut scene = scene();
        scene.launches[0].env.retain(|(name, _)| name != "TOKEN");
        let situation = scene.situation("/x/one").unwrap();
        assert_eq!(situation.keep(&scene.messages(false), &scene.launches, &scene.launch.env), None);
        fs::write(scene.dir.path().join("more.toml"), "").unwrap();
        for config in ["more.toml", "env.X=\"1\""] {
            scene.launch.args.extend(["--config".into(), config.into()]);
            assert!(scene.situation("/x/one").is_none(), "{config}");
            scene.launch.args.truncate(3);
        }
        assert!(scene.situation("/x/one").is_some());
        fs::create_dir(scene.dir.path().join(".cargo")).unwrap();
        fs::write(scene.dir.path().join(".cargo/config.toml"), "[env]\nA = \"b\"\n").unwrap();
        assert!(scene.situation("/x/one").is_none());
    }
}
