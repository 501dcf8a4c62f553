//! Puts together what a step depends on.

use std::ffi::{OsStr, OsString};

use camino::Utf8Path;

use super::parts::Parts;
use super::programs::programs;
use super::survey::Survey;
use crate::config::Step;
use crate::model::PathPatterns;

/// What is the same for every step of a run.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// Where the steps run.
    pub root: &'a Utf8Path,
    /// All of `rustc -vV`, as asked there.
    pub rustc: &'a str,
    /// The environment that steps are given.
    pub variables: &'a [(OsString, OsString)],
    /// The files that configure what looks at code.
    pub config_files: &'a PathPatterns,
}

/// Variables that decide what compilers and lints say. `PATH` is none of them: what it leads to is looked at instead.
const VARIABLES: [&str; 21] = [
    "AR",
    "CARGO_ENCODED_RUSTDOCFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_INCREMENTAL",
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
    parts.add("where it runs", [invocation.cwd.as_ref().map_or("", |cwd| cwd.as_str())]);
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
    if step.kind.is_lint_like() && !setting.config_files.is_empty() {
        let config = survey.see(Some(setting.config_files));
        let named = config.files.iter().map(|(path, hash)| (format!("config file {path}"), *hash));
        parts.named.extend(named);
        parts.add_unreadable(config.unreadable);
    }
    parts.add_files(survey.see(inputs));
    // It is named as what it is, once.
    parts.files.retain(|path, _| !parts.named.contains_key(&format!("config file {path}")));
    parts
}

fn decides(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    let name = if cfg!(windows) { name.to_ascii_uppercase() } else { name.to_owned() };
    let begins = BEGINNINGS.iter().any(|beginning| name.starts_with(beginning));
    (begins || VARIABLES.contains(&name.as_str())) && !PLACES.contains(&name.as_str())
}
