//! Puts together what a step depends on.

use std::ffi::{OsStr, OsString};

use camino::Utf8Path;

use super::parts::Parts;
use super::programs::programs;
use super::survey::Survey;
use crate::config::Step;
use crate::model::{Isolate, PathPatterns, Word};

/// What is the same for every step of a run.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// Where the steps run.
    pub root: &'a Utf8Path,
    /// Whether that is a checkout of its own, which lacks whatever git ignores.
    pub isolate: Isolate,
    /// All of `rustc -vV`, as asked there.
    pub rustc: &'a str,
    /// The environment that steps are given.
    pub variables: &'a [(OsString, OsString)],
    /// The files that configure what looks at code.
    pub config_files: &'a PathPatterns,
}

/// Variables that decide what compilers and lints say. `PATH` is none of them: what it leads to is looked at instead.
const VARIABLES: [&str; 20] = [
    "AR",
    "CARGO_ENCODED_RUSTDOCFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CC",
    "CFLAGS",
    "CLIPPY_ARGS",
    "CLIPPY_CONF_DIR",
    "CPPFLAGS",
    "CXX",
    "CXXFLAGS",
    "LDFLAGS",
    "RUSTC",
    "RUSTC_BOOTSTRAP",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTDOC",
    "RUSTDOCFLAGS",
    "RUSTFLAGS",
    "RUSTFMT",
    "RUSTUP_TOOLCHAIN",
];

/// How the names begin of further ones.
const BEGINNINGS: [&str; 4] = ["CARGO_BUILD_", "CARGO_PROFILE_", "CARGO_TARGET_", "CARGO_UNSTABLE_"];

/// Where things go, which changes nothing of what is said of them.
const PLACES: [&str; 3] = ["CARGO_BUILD_BUILD_DIR", "CARGO_BUILD_TARGET_DIR", "CARGO_TARGET_DIR"];

/// Everything that a step depends on, as it is now.
#[must_use]
pub fn parts_of(step: &Step, setting: &Setting<'_>, survey: &Survey) -> Parts {
    let mut parts = Parts::default();
    let invocation = &step.invocation;
    let how: &str = if invocation.shell { "shell" } else { "argv" };
    let command = [how, &invocation.command.len().to_string()].map(str::to_owned).into_iter();
    parts.add("the command", command.chain(invocation.command.iter().chain(&step.args).cloned()));
    let cwd = invocation.cwd.as_ref().map_or("", |cwd| cwd.as_str());
    parts.add("where it runs", [cwd, setting.isolate.word()]);
    for (name, value) in &invocation.env {
        parts.add(format!("its variable {name}"), [value]);
    }
    for (name, value) in setting.variables.iter().filter(|(name, _)| decides(name)) {
        parts.add(name.to_string_lossy(), [value.as_encoded_bytes()]);
    }
    parts.add("rustc", [setting.rustc]);
    parts.add("cargo gate", [env!("CARGO_PKG_VERSION")]);
    for (name, identity) in programs(invocation, setting.root, setting.variables) {
        parts.add(format!("the program {name}"), [identity]);
    }
    let inputs = step.inputs.as_ref().filter(|inputs| !inputs.is_empty());
    parts.add("the list of its inputs", inputs.iter().flat_map(|inputs| inputs.texts()));
    parts.add_files(survey.see(inputs));
    if step.kind.is_lint_like() && !setting.config_files.is_empty() {
        let config = survey.see(Some(setting.config_files));
        for (path, hash) in config.files {
            // It is named as what it is, once.
            parts.files.remove(&path);
            parts.named.insert(format!("config file {path}"), hash);
        }
        parts.add_unreadable(config.unreadable);
    }
    parts
}

fn decides(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    let name = if cfg!(windows) { name.to_ascii_uppercase() } else { name.to_owned() };
    let begins = BEGINNINGS.iter().any(|beginning| name.starts_with(beginning));
    (begins || VARIABLES.contains(&name.as_str())) && !PLACES.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Invocation;
    use crate::model::StepKind;

    struct Scene {
        _folder: tempfile::TempDir,
        root: camino::Utf8PathBuf,
        step: Step,
        rustc: &'static str,
        variables: Vec<(OsString, OsString)>,
        config_files: PathPatterns,
        isolate: Isolate,
    }

    impl Scene {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let root = camino::Utf8PathBuf::try_from(folder.path().to_owned()).unwrap();
            let invocation = Invocation {
                command: ["lint", "all"].map(str::to_owned).into(),
                env: vec![("MODE".to_owned(), "a".to_owned())],
                ..Invocation::default()
            };
            let config_files = PathPatterns::new(&["clippy.toml"]).unwrap();
            let inputs = Some(PathPatterns::new(&["src/**"]).unwrap());
            let step = Step { kind: StepKind::Lint, invocation, inputs, ..Step::default() };
            let variables = vec![("PATH".into(), root.join("bin").into_os_string()), ("CC".into(), "cc".into())];
            let scene =
                Self { _folder: folder, root, step, rustc: "rustc 1", variables, config_files, isolate: Isolate::None };
            for path in ["src/lib.rs", "src/a.rs", "clippy.toml", "bin/lint", "README.md"] {
                scene.write(path, "one");
            }
            scene
        }

        fn write(&self, path: &str, text: &str) {
            let file = self.root.join(path);
            fs_err::create_dir_all(file.parent().unwrap()).unwrap();
            fs_err::write(file, text).unwrap();
        }

        fn set(&mut self, name: &str, value: &str) {
            self.variables.retain(|(known, _)| known != name);
            self.variables.push((name.into(), value.into()));
        }

        fn parts(&self) -> Parts {
            let survey = Survey::new(&self.root, &[], &self.root.join("gate"));
            let (rustc, variables, config_files) = (self.rustc, self.variables.as_slice(), &self.config_files);
            let setting = Setting { root: &self.root, isolate: self.isolate, rustc, variables, config_files };
            parts_of(&self.step, &setting, &survey)
        }
    }

    /// What is done to a scene, and what is said of it.
    type Change = (fn(&mut Scene), Option<&'static str>);

    #[test]
    fn each_thing_that_a_step_depends_on_is_named_when_it_changes_and_nothing_else_is() {
        let changes: [Change; 25] = [
            (|scene| scene.step.invocation.command.push("more".to_owned()), Some("the command changed")),
            (|scene| scene.step.invocation.command = vec!["lint".into(), "a ll".into()], Some("the command changed")),
            (|scene| scene.step.args.push("--all".to_owned()), Some("the command changed")),
            (|scene| scene.step.invocation.env[0].1 = "b".to_owned(), Some("its variable MODE changed")),
            (|scene| scene.step.invocation.env.clear(), Some("its variable MODE is gone")),
            (|scene| scene.set("RUSTFLAGS", "-Dwarnings"), Some("RUSTFLAGS is new")),
            (|scene| scene.set("CC", "clang"), Some("CC changed")),
            (|scene| scene.set("CARGO_PROFILE_DEV_LTO", "thin"), Some("CARGO_PROFILE_DEV_LTO is new")),
            (|scene| scene.set("CARGO_TARGET_DIR", "/elsewhere"), None),
            (|scene| scene.set("EDITOR", "ed"), None),
            (|scene| scene.rustc = "rustc 2", Some("rustc changed")),
            (|scene| scene.write("bin/lint", "another"), Some("the program lint changed")),
            (|scene| scene.write("clippy.toml", "two"), Some("config file clippy.toml changed")),
            (|scene| scene.config_files = PathPatterns::default(), Some("config file clippy.toml is gone")),
            (|scene| scene.write("src/lib.rs", "two"), Some("src/lib.rs changed")),
            (|scene| scene.write("src/lib.rs", "one"), None),
            (|scene| scene.write("src/deep/new.rs", "two"), Some("src/deep/new.rs is new")),
            (|scene| fs_err::remove_file(scene.root.join("src/a.rs")).unwrap(), Some("src/a.rs is gone")),
            (
                |scene| {
                    ["src/a.rs", "src/b.rs", "src/lib.rs"].map(|path| scene.write(path, "two")).into_iter().collect()
                },
                Some("src/a.rs changed (and 2 more)"),
            ),
            (|scene| scene.write("README.md", "two"), None),
            (|scene| scene.step.timeout = None, None),
            (
                |scene| scene.step.inputs = PathPatterns::new(&["src/**", "src/*"]).ok(),
                Some("the list of its inputs changed"),
            ),
            (|scene| scene.step.invocation.shell = true, Some("the command changed (and 1 more)")),
            (|scene| scene.isolate = Isolate::Worktree, Some("where it runs changed")),
            (
                |scene| {
                    scene.step.invocation.cwd = Some("src".into());
                },
                Some("where it runs changed"),
            ),
        ];
        for (at, (change, said)) in changes.into_iter().enumerate() {
            let mut scene = Scene::new();
            let before = scene.parts();
            assert_eq!(before.files.keys().map(|path| &**path).collect::<Vec<_>>(), ["src/a.rs", "src/lib.rs"]);
            change(&mut scene);
            assert_eq!(scene.parts().difference(&before).as_deref(), said, "change {at}");
        }
    }

    #[test]
    fn only_what_looks_at_code_depends_on_what_configures_that() {
        let mut scene = Scene::new();
        scene.step.kind = StepKind::Custom;
        assert!(!scene.parts().named.contains_key("config file clippy.toml"));
        // Without inputs it depends on every file, and that is one of them.
        (scene.step.kind, scene.step.inputs) = (StepKind::Lint, None);
        let parts = scene.parts();
        assert!(parts.named.contains_key("config file clippy.toml"));
        let files: Vec<&str> = parts.files.keys().map(|path| &**path).collect();
        assert_eq!(files, ["README.md", "bin/lint", "src/a.rs", "src/lib.rs"]);
    }
}
