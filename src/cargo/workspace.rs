//! The workspace as `cargo metadata --no-deps` tells it.

use std::collections::BTreeMap;
use std::ffi::OsString;

use camino::Utf8PathBuf;
use cargo_metadata::{Metadata, MetadataCommand, PackageId};

/// What the tool needs to know of a workspace.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// Its root directory.
    pub root: Utf8PathBuf,
    /// cargo's target directory.
    pub target_dir: Utf8PathBuf,
    /// Its packages.
    pub packages: BTreeMap<PackageId, Package>,
}

/// A member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its `Cargo.toml`.
    pub manifest: Utf8PathBuf,
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
    /// cargo said no; these are its words.
    #[error("{0}")]
    Refused(String),
    /// cargo's answer cannot be read.
    #[error("cannot read what `cargo metadata` says: {0}")]
    Unreadable(cargo_metadata::Error),
}

impl Workspace {
    /// Asks cargo, with those of the user's flags that bear on the question.
    pub fn query(cargo: &OsString, flags: &[OsString]) -> Result<Self, Error> {
        let mut command = MetadataCommand::new();
        command.cargo_path(cargo).no_deps();
        command.other_options(flags.iter().map(|flag| flag.to_string_lossy().into_owned()).collect::<Vec<_>>());
        match command.exec() {
            Ok(metadata) => Ok(Self::from_metadata(metadata)),
            Err(cargo_metadata::Error::CargoMetadata { stderr }) => Err(Error::Refused(stderr)),
            Err(cargo_metadata::Error::Io(source)) => {
                Err(Error::NoCargo { cargo: cargo.to_string_lossy().into_owned(), source })
            }
            Err(other) => Err(Error::Unreadable(other)),
        }
    }

    fn from_metadata(metadata: Metadata) -> Self {
        let packages = metadata
            .packages
            .into_iter()
            .map(|package| (package.id, Package { name: package.name.to_string(), manifest: package.manifest_path }))
            .collect();
        Self { root: metadata.workspace_root, target_dir: metadata.target_directory, packages }
    }

    /// Its name, for where several share a directory: the root directory's.
    #[must_use]
    pub fn name(&self) -> &str {
        self.root.file_name().unwrap_or("workspace")
    }
}
