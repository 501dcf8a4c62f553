//! Which ratchet is a workspace's own, and under which keys its figures are kept there: the same for every command
//! that reads or moves one.

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use super::complain;
use super::place::{Place, cargo, variables};
use crate::cargo::tools::Workbench;
use crate::cargo::user_config::{self, Lookup};
use crate::cli::BuildArgs;
use crate::config::{CoverageSettings, Metric};
use crate::coverage::baseline::Subject;
use crate::coverage::ratchet::RatchetKey;
use crate::coverage::ratchet_file::RatchetFile;
use crate::exit_code::ExitCode;

/// A workspace's ratchet.
#[derive(Clone, Debug)]
pub(super) struct OwnRatchet {
    pub(super) file: RatchetFile,
    /// What the workspace is called in it.
    pub(super) workspace: String,
}

/// What else is in a key: figures of other targets and features are other figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BuiltFor {
    pub(super) target: String,
    pub(super) features: String,
}

impl OwnRatchet {
    /// The one that the settings name, or else the one in the gate directory.
    pub(super) fn of(root: &Utf8Path, gate_dir: &Utf8Path, settings: &CoverageSettings) -> Self {
        let chosen = settings.ratchet_file.as_deref().map(|path| plain(&root.join(path)));
        let file = RatchetFile::of(gate_dir, chosen.as_deref());
        let workspace = label(&plain(root), &plain(file.path()));
        Self { file, workspace }
    }

    /// The key of a figure.
    pub(super) fn key(&self, built_for: &BuiltFor, subject: Subject, metric: Metric) -> RatchetKey {
        RatchetKey {
            workspace: self.workspace.clone(),
            target: built_for.target.clone(),
            features: built_for.features.clone(),
            subject,
            metric,
        }
    }
}

/// What a workspace is called in a ratchet: its way from there, so that no two workspaces share a name, and a checkout
/// elsewhere, of the same files, finds its own. One that the file lies in is `.`.
fn label(root: &Utf8Path, file: &Utf8Path) -> String {
    let dir = file.parent().unwrap_or(file);
    if dir.starts_with(root) {
        return ".".to_owned();
    }
    let shared = root.components().zip(dir.components()).take_while(|(one, other)| one == other).count();
    let up = dir.components().skip(shared).map(|_| "..");
    let down = root.components().skip(shared).map(|part| part.as_str());
    up.chain(down).collect::<Vec<_>>().join("/")
}

/// The path without `.` and `..`, as it is written.
pub(super) fn plain(path: &Utf8Path) -> Utf8PathBuf {
    let mut plain = Utf8PathBuf::new();
    for part in path.components() {
        match part {
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir if plain.file_name().is_some() => {
                plain.pop();
            }
            // Above the root there is nothing but the root.
            Utf8Component::ParentDir if plain.has_root() => {}
            part => plain.push(part.as_str()),
        }
    }
    plain
}

impl BuiltFor {
    /// What a build with these flags of cargo's, and those of the configuration, is for. What goes wrong has been said
    /// by then.
    pub(super) fn configured(place: &Place, words: &[String]) -> Result<Self, ExitCode> {
        let refuse = |code: ExitCode, why: String| {
            complain("error", &why);
            code
        };
        let asked = BuildArgs::from_words(words).and_then(|flags| flags.with_configured(&place.settings().test.args));
        let flags = asked.map_err(|error| refuse(ExitCode::Config, about_configured(&error.to_string())))?.flags;
        let cwd = std::env::current_dir().map_err(|error| refuse(ExitCode::Internal, error.to_string()))?;
        let bench = Workbench { cargo: cargo(), cwd, env: variables() };
        let host = bench.host().ok_or_else(|| {
            refuse(ExitCode::Config, "cannot learn the host's triple from `rustc -vV`: is rustc installed?".to_owned())
        })?;
        let config_flags: Vec<String> = flags.config.iter().map(|flag| flag.to_string_lossy().into_owned()).collect();
        let lookup = Lookup {
            cwd: &bench.cwd,
            host: &host,
            targets: &flags.target,
            config_flags: &config_flags,
            cargo: &bench.cargo,
            env: &bench.env,
        };
        let found = user_config::look_up(&lookup).map_err(|error| refuse(ExitCode::Config, error.to_string()))?;
        // Without a target the host is meant.
        let target = found.triples.get(1..).filter(|asked| !asked.is_empty()).map(|asked| asked.join(","));
        Ok(Self { target: target.unwrap_or(host), features: flags.canonical_features() })
    }
}

/// cargo's flags in the configuration that make no sense, in one line.
fn about_configured(words: &str) -> String {
    let first = words.lines().next().unwrap_or_default().trim_start_matches("error: ");
    format!("`test.args` in the configuration: {first}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r5_no_two_workspaces_share_a_name_and_a_checkout_elsewhere_finds_its_own() {
        for (root, file, expected) in [
            ("/w/app", "/w/app/target/gate/ratchet.toml", "."),
            ("/w/app", "/w/app/ratchet.toml", "."),
            ("/w/app", "/w/ratchet.toml", "app"),
            ("/w/one/app", "/w/ratchet.toml", "one/app"),
            ("/w/app", "/w/ci/ratchet.toml", "../app"),
            ("/elsewhere/w/app", "/elsewhere/w/ci/ratchet.toml", "../app"),
            ("/w/app", "/cache/gate/ratchet.toml", "../../w/app"),
            ("/v/app", "/cache/gate/ratchet.toml", "../../v/app"),
        ] {
            assert_eq!(label(root.into(), file.into()), expected, "{root} {file}");
        }
    }

    #[test]
    fn paths_are_compared_without_detours() {
        for (path, expected) in [("/w/app/../ci/./r.toml", "/w/ci/r.toml"), ("/../x", "/x"), ("a/../../b", "../b")] {
            assert_eq!(plain(path.into()), expected);
        }
    }
}
