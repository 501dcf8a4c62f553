//! The workspace as `cargo metadata --no-deps` tells it.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::path::Path;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::{Dependency, DependencyKind, Metadata, MetadataCommand, PackageId};

use super::build::kind_of;
use crate::exit_code::ExitCode;
use crate::model::BinaryId;

/// What the tool needs to know of a workspace.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// Its root directory.
    pub root: Utf8PathBuf,
    /// cargo's target directory.
    pub target_dir: Utf8PathBuf,
    /// Its packages.
    pub packages: BTreeMap<PackageId, Package>,
    /// Do members run while others are built, as procedural macros or within build scripts?
    pub runs_in_builds: bool,
}

/// A member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its `Cargo.toml`.
    pub manifest: Utf8PathBuf,
    /// Its targets that have tests or may have some.
    pub targets: Vec<Target>,
}

/// A target of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its test binary.
    pub binary: BinaryId,
    /// Is it the library of a procedural macro?
    pub proc_macro: bool,
}

/// cargo could not tell.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// cargo is not there.
    #[error("cannot start `{cargo}`: {source}")]
    NoCargo {
        /// What was to be started.
        cargo: String,
        /// Why it could not.
        source: std::io::Error,
    },
    /// cargo said no; these are its words, without the `error: ` they begin with.
    #[error("{0}")]
    Refused(String),
    /// cargo's answer cannot be read.
    #[error("cannot read what `cargo metadata` says: {0}")]
    Unreadable(cargo_metadata::Error),
}

impl Error {
    /// The exit code it leads to.
    #[must_use]
    pub const fn exit_code(&self) -> ExitCode {
        match self {
            Self::NoCargo { .. } => ExitCode::Config,
            Self::Refused(_) => ExitCode::BuildFailed,
            Self::Unreadable(_) => ExitCode::Internal,
        }
    }
}

impl Package {
    fn of(package: cargo_metadata::Package) -> Self {
        let name = package.name.to_string();
        let target = |target: &cargo_metadata::Target| {
            let binary = BinaryId { package: name.clone(), kind: kind_of(target)?, binary: target.name.clone() };
            Some(Target { binary, proc_macro: target.is_proc_macro() })
        };
        let targets = package.targets.iter().filter_map(target).collect();
        Self { name, manifest: package.manifest_path, targets }
    }
}

impl Workspace {
    /// Asks cargo, with those of the user's flags that bear on the question.
    pub fn query(cargo: &OsString, flags: &[OsString]) -> Result<Self, Error> {
        Self::query_from(Path::new("."), &[], cargo, flags)
    }

    /// The same from another directory, with variables that this process does not have.
    pub fn query_from(
        cwd: &Path,
        variables: &[(OsString, OsString)],
        cargo: &OsString,
        flags: &[OsString],
    ) -> Result<Self, Error> {
        let mut command = MetadataCommand::new();
        command.cargo_path(cargo).no_deps().current_dir(cwd);
        for (name, value) in variables {
            command.env(name, value);
        }
        command.other_options(flags.iter().map(|flag| flag.to_string_lossy().into_owned()).collect::<Vec<_>>());
        match command.exec() {
            Ok(metadata) => Ok(Self::from_metadata(metadata)),
            Err(cargo_metadata::Error::CargoMetadata { stderr }) => {
                let words = stderr.trim();
                Err(Error::Refused(words.strip_prefix("error: ").unwrap_or(words).to_owned()))
            }
            Err(cargo_metadata::Error::Io(source)) => {
                Err(Error::NoCargo { cargo: cargo.to_string_lossy().into_owned(), source })
            }
            Err(other) => Err(Error::Unreadable(other)),
        }
    }

    fn from_metadata(metadata: Metadata) -> Self {
        let folders: HashSet<&Utf8Path> =
            metadata.packages.iter().filter_map(|package| package.manifest_path.parent()).collect();
        let is_member = |dependency: &Dependency| dependency.path.as_deref().is_some_and(|path| folders.contains(path));
        let in_build_script =
            |dependency: &Dependency| dependency.kind == DependencyKind::Build && is_member(dependency);
        let runs_in_builds = metadata.packages.iter().any(|package| {
            package.targets.iter().any(cargo_metadata::Target::is_proc_macro)
                || package.dependencies.iter().any(in_build_script)
        });
        let packages = metadata.packages.into_iter().map(|package| (package.id.clone(), Package::of(package)));
        let packages = packages.collect();
        Self { root: metadata.workspace_root, target_dir: metadata.target_directory, packages, runs_in_builds }
    }

    /// What stands for it as a whole: the package at its root, or the name of its directory.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name_from(&self.root)
    }

    /// The same of a workspace that was copied from this root.
    #[must_use]
    pub fn name_from<'a>(&'a self, origin: &'a Utf8Path) -> &'a str {
        let is_at_root = |package: &&Package| package.manifest.parent() == Some(&*self.root);
        let package = self.packages.values().find(is_at_root).map(|package| package.name.as_str());
        package.or_else(|| origin.file_name()).unwrap_or("workspace")
    }

    /// `--target-dir` was given: relative to where cargo is started.
    pub fn set_target_dir(&mut self, dir: &Path) {
        let absolute = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
        if let Ok(dir) = Utf8PathBuf::from_path_buf(absolute) {
            self.target_dir = dir;
        }
    }
}
