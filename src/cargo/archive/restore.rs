//! What an archive says, as a build of the place where it runs.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::PackageId;

use super::inventory::{ArtifactEntry, LaunchEntry, Place, entry_path};
use super::overlay::Environment;
use super::{Error, Inventory, Remap};
use crate::cargo::build::{Artifact, Built, reconcile};
use crate::cargo::launch::{LaunchRecord, Role};
use crate::cargo::outputs::Outputs;
use crate::cargo::workspace::Workspace;

/// The place where an archive runs.
pub struct Here<'a> {
    /// The checkout.
    pub workspace: &'a Workspace,
    /// What `rustc --print sysroot` says.
    pub sysroot: &'a Utf8Path,
    /// The environment that launches get, with what cargo would set on top of it.
    pub environment: &'a Environment,
    /// Filters and libtest's arguments, as cargo would pass them on.
    pub arguments: &'a [OsString],
}

impl Here<'_> {
    /// The paths of an archive as those of here.
    #[must_use]
    pub fn remap(&self, there: &Place) -> Remap {
        Remap::of(&[
            (&there.workspace_root, &self.workspace.root),
            (&there.target_directory, &self.workspace.target_dir),
            (&there.sysroot, self.sysroot),
        ])
    }
}

/// What an archive holds as cargo would have built it here. Its files are in place ([`super::unpack`]).
pub fn restore(inventory: &Inventory, here: &Here<'_>, took: Duration) -> Result<Built, Error> {
    let remap = here.remap(&inventory.place);
    let members: BTreeMap<&str, &PackageId> =
        here.workspace.packages.iter().map(|(id, package)| (package.name.as_str(), id)).collect();
    let artifact = |entry: &ArtifactEntry| artifact(entry, inventory, &members, &remap);
    let artifacts = inventory.artifacts.iter().map(artifact).collect::<Result<Vec<_>, _>>()?;
    let launch = |entry: &LaunchEntry| launch(entry, here, &remap);
    let launches = inventory.launches.iter().map(launch).collect::<Result<Vec<_>, _>>()?;
    reconcile(&artifacts, &launches).map_err(|why| Error::Refused(format!("the archive contradicts itself: {why}")))?;
    Ok(Built {
        artifacts,
        executables: Vec::new(),
        outputs: Outputs::default(),
        launches,
        environment: here.environment.to_vec(),
        took,
        to_keep: None,
    })
}

fn artifact(
    entry: &ArtifactEntry,
    inventory: &Inventory,
    members: &BTreeMap<&str, &PackageId>,
    remap: &Remap,
) -> Result<Artifact, Error> {
    let file = entry_path(&inventory.place.target_directory, Utf8Path::new(&entry.executable));
    if file.is_none_or(|file| !inventory.files.contains_key(&file)) {
        return Err(Error::Refused(format!("the archive does not hold the test executable `{}`", entry.executable)));
    }
    let Some(package) = members.get(entry.package.as_str()) else {
        return Err(needs_checkout(&format!("the package {} is no member of the workspace", entry.package)));
    };
    let source = PathBuf::from(remap.text(&entry.source));
    if !source.is_file() {
        return Err(needs_checkout(&format!("`{}` is missing", source.display())));
    }
    let executable = remap.text(&entry.executable).into();
    Ok(Artifact { package: (*package).clone(), kind: entry.kind, name: entry.name.clone(), source, executable })
}

fn needs_checkout(why: &str) -> Error {
    Error::Refused(format!("an archive runs in a checkout of the sources it was built from, and here {why}"))
}

fn launch(entry: &LaunchEntry, here: &Here<'_>, remap: &Remap) -> Result<LaunchRecord, Error> {
    let cwd = PathBuf::from(remap.text(&entry.cwd));
    if !cwd.is_dir() {
        return Err(needs_checkout(&format!("the directory `{}` is missing", cwd.display())));
    }
    let mut argv: Vec<OsString> = entry.argv.iter().map(|word| remap.text(word).into()).collect();
    for argument in here.arguments {
        argv.extend((entry.role == Role::Rustdoc).then(|| "--test-args".into()));
        argv.push(argument.clone());
    }
    let mut env = entry.environment.over(here.environment, remap);
    if let Some(cargo) = cargo_of(here.sysroot) {
        env.retain(|(name, _)| name != "CARGO");
        env.push(("CARGO".into(), cargo.into_os_string()));
    }
    Ok(LaunchRecord { role: entry.role, triple: entry.triple.clone(), cwd, argv, env })
}

/// cargo tells tests which cargo it is.
fn cargo_of(sysroot: &Utf8Path) -> Option<PathBuf> {
    let name = if cfg!(windows) { "cargo.exe" } else { "cargo" };
    Some(Utf8PathBuf::from(sysroot).join("bin").join(name).into_std_path_buf())
        .filter(|cargo: &PathBuf| Path::is_file(cargo))
}
