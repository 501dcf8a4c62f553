//! What an archive says, as a build of the place where it runs.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
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
    /// The environment that cargo would hand on, over which it sets what is its own.
    pub environment: &'a Environment,
    /// Filters and libtest's arguments, which cargo would pass on.
    pub passed_on: &'a [OsString],
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

/// What an archive holds as cargo would have built it here, whether its files are in place by now ([`super::unpack`])
/// or not.
pub fn restore(inventory: &Inventory, here: &Here<'_>) -> Result<Built, Error> {
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
        took: Duration::ZERO,
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
    argv.extend(as_passed_on(entry.role, here.passed_on));
    let mut env = entry.environment.over(here.environment, remap);
    if let Some(cargo) = cargo_of(here.sysroot) {
        env.retain(|(name, _)| name != "CARGO");
        env.push(("CARGO".into(), cargo.into_std_path_buf().into()));
    }
    Ok(LaunchRecord { role: entry.role, triple: entry.triple.clone(), cwd, argv, env })
}

/// Filters and libtest's arguments as cargo gives them to what it launches.
fn as_passed_on(role: Role, words: &[OsString]) -> Vec<OsString> {
    let flag = || (role == Role::Rustdoc).then(|| "--test-args".into());
    words.iter().flat_map(|word| flag().into_iter().chain([word.clone()])).collect()
}

/// The words of a launch without these, which cargo passed on: what runs of an archive is said where it runs.
#[must_use]
pub fn without_passed_on(launch: &LaunchRecord, words: &[OsString]) -> Vec<OsString> {
    let (mut argv, passed_on) = (launch.argv.clone(), as_passed_on(launch.role, words));
    // Behind them cargo puts words of its own.
    let found = argv.windows(passed_on.len().max(1)).rposition(|window| window == passed_on);
    if let Some(at) = found {
        argv.drain(at..at + passed_on.len());
    }
    argv
}

/// cargo tells tests which cargo it is.
fn cargo_of(sysroot: &Utf8Path) -> Option<Utf8PathBuf> {
    let cargo = sysroot.join("bin").join(if cfg!(windows) { "cargo.exe" } else { "cargo" });
    cargo.is_file().then_some(cargo)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cargo::archive::inventory::tests::inventory;
    use crate::cargo::workspace::Package;

    struct Checkout {
        _dir: tempfile::TempDir,
        workspace: Workspace,
    }

    /// Of one package, with these files.
    fn checkout(package: &str, files: &[&str]) -> Checkout {
        let dir = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(dir.path().into()).unwrap();
        for file in files {
            fs_err::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            fs_err::write(root.join(file), "").unwrap();
        }
        let id = PackageId { repr: "here".to_owned() };
        let member = Package { name: package.to_owned(), manifest: root.join("Cargo.toml"), targets: Vec::new() };
        let target_dir = root.join("built");
        let packages = [(id, member)].into();
        Checkout { _dir: dir, workspace: Workspace { root, target_dir, packages, runs_in_builds: false } }
    }

    fn restored(inventory: &Inventory, checkout: &Checkout) -> Result<Built, String> {
        let here = Here {
            workspace: &checkout.workspace,
            sysroot: Utf8Path::new("/other"),
            environment: &[("HOME".into(), "/h".into())],
            passed_on: &["name".into()],
        };
        restore(inventory, &here).map_err(|error| error.to_string())
    }

    #[test]
    fn a_launch_has_the_paths_the_environment_and_the_filters_of_here() {
        let mut inventory = inventory(&[("debug/deps/app-1", b"")]);
        let mut doctests = inventory.launches[0].clone();
        doctests.role = Role::Rustdoc;
        doctests.argv =
            ["", "--test", "src/lib.rs", "-L", "dependency=/there/target/debug/deps"].map(str::to_owned).into();
        inventory.launches.push(doctests);
        let checkout = checkout("app", &["src/lib.rs"]);
        let built = restored(&inventory, &checkout).unwrap();
        let root = checkout.workspace.root.as_str();
        assert_eq!(built.artifacts[0].package.repr, "here");
        let [binary, doctests] = &built.launches[..] else { panic!("{:?}", built.launches) };
        assert_eq!(binary.cwd, checkout.workspace.root);
        assert_eq!(binary.argv, [format!("{root}/built/debug/deps/app-1").as_str(), "name"].map(OsString::from));
        let wanted = [("HOME", "/h"), ("CARGO_MANIFEST_DIR", root)];
        assert_eq!(binary.env, wanted.map(|(name, value)| (OsString::from(name), OsString::from(value))));
        let dependency = format!("dependency={root}/built/debug/deps");
        assert_eq!(doctests.argv[4..], [dependency.as_str(), "--test-args", "name"].map(OsString::from));
    }

    #[test]
    fn what_was_chosen_when_an_archive_was_packed_is_not_in_it() {
        let of = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        let without = |role, argv: &[&str], words: &[&str]| {
            let (triple, cwd, env) = (String::new(), PathBuf::new(), Vec::new());
            without_passed_on(&LaunchRecord { role, triple, cwd, argv: of(argv), env }, &of(words))
        };
        let (binary, rustdoc) = (Role::Binary, Role::Rustdoc);
        assert_eq!(
            without(binary, &["app", "name", "--exact", "--quiet"], &["name", "--exact"]),
            of(&["app", "--quiet"])
        );
        assert_eq!(without(binary, &["app", "app"], &["app"]), of(&["app"]));
        assert_eq!(without(binary, &["app"], &[]), of(&["app"]));
        let argv =
            ["", "--test", "lib.rs", "--test-args", "name", "--test-args", "-v", "--test-args", "--quiet", "-Dx"];
        let wanted = ["", "--test", "lib.rs", "--test-args", "--quiet", "-Dx"];
        assert_eq!(without(rustdoc, &argv, &["name", "-v"]), of(&wanted));
    }

    #[test]
    fn where_the_sources_are_not_it_is_said_that_they_are_needed() {
        let inventory = inventory(&[("debug/deps/app-1", b"")]);
        let of = |package: &str, files: &[&str]| restored(&inventory, &checkout(package, files)).unwrap_err();
        assert!(of("app", &[]).contains("an archive runs in a checkout of the sources"), "{}", of("app", &[]));
        assert!(of("other", &["src/lib.rs"]).ends_with("the package app is no member of the workspace"));
    }

    #[test]
    fn an_archive_that_contradicts_itself_is_refused() {
        let whole = inventory(&[("debug/deps/app-1", b"")]);
        let checkout = checkout("app", &["src/lib.rs"]);
        let without = |change: fn(&mut Inventory)| {
            let mut inventory = whole.clone();
            change(&mut inventory);
            restored(&inventory, &checkout).unwrap_err()
        };
        assert!(without(|inventory| inventory.files.clear()).contains("does not hold the test executable"));
        assert!(without(|inventory| inventory.launches.clear()).contains("did not launch it"));
        assert!(without(|inventory| inventory.artifacts.clear()).contains("did not say what it is"));
    }
}
