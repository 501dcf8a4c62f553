//! Archives, from both sides: a build that is packed, and an archive in the place of a build.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::Refused;
use super::ask::{Asked, sysroot};
use super::history::{self, Looking};
use super::session::{CameTo, Session};
use crate::cargo::archive::{
    self, ArtifactEntry, Destination, Here, Inventory, LaunchEntry, MOST_OF_AN_OUT_DIR, Overlay, Place, SCHEMA_VERSION,
};
use crate::cargo::build::Built;
use crate::cargo::workspace::Workspace;
use crate::cli::SAYS_WHAT_IS_BUILT;
use crate::exit_code::ExitCode;
use crate::model::{Context, Judgement, Verdict};
use crate::sys::git;
use crate::sys::signals::Signals;

/// An archive that stands in for a build.
#[derive(Clone, Debug)]
pub(in crate::commands) struct Opened {
    pub(in crate::commands) path: PathBuf,
    pub(in crate::commands) inventory: Inventory,
}

impl Opened {
    /// Opens it.
    pub(super) fn open(path: PathBuf) -> Result<Self, Refused> {
        let inventory = archive::open(&path).map_err(refused)?;
        Ok(Self { path, inventory })
    }

    /// Refuses what cannot run on this host, or be compiled with this compiler.
    pub(super) fn fits(&self, host: &str, rustc: &str) -> Result<(), Refused> {
        let Inventory { host: theirs, rustc: with, .. } = &self.inventory;
        let refused = |why: String| Err(Refused::new(ExitCode::Config, why));
        if theirs != host {
            return refused(format!("the archive was built on {theirs}, and this is {host}"));
        }
        let first = |text: &str| text.lines().next().unwrap_or_default().to_owned();
        if self.inventory.has_doctests() && first(with) != first(rustc) {
            return refused(format!(
                "the archive has doctests, which are compiled where they run, against what {} built: this is {}",
                first(with),
                first(rustc)
            ));
        }
        Ok(())
    }
}

/// What was packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::commands) struct Packed {
    pub(in crate::commands) binaries: usize,
    pub(in crate::commands) doctests: usize,
    /// The length of the archive.
    pub(in crate::commands) bytes: u64,
    /// What was left out: a sentence each.
    pub(in crate::commands) left_out: Vec<String>,
}

impl Packed {
    /// One sentence.
    pub(in crate::commands) fn sentence(&self, path: &Path) -> String {
        let count = |count: usize, one: &str, more: &str| format!("{count} {}", if count == 1 { one } else { more });
        let doctests = match self.doctests {
            0 => String::new(),
            crates => format!(" and the doctests of {}", count(crates, "crate", "crates")),
        };
        let tenths = self.bytes / 100_000;
        format!(
            "packed {}{doctests} into {} ({}.{} MB)",
            count(self.binaries, "test binary", "test binaries"),
            path.display(),
            tenths / 10,
            tenths % 10
        )
    }
}

/// Packs what a build left into an archive. The context is that of the build.
pub(in crate::commands) fn write_archive(
    asked: &Asked,
    context: &Context,
    built: &Built,
    path: &Path,
    signals: &Signals,
) -> Result<Packed, Refused> {
    let workspace = &asked.ground()?.workspace;
    let contents = archive::collect(built, workspace, MOST_OF_AN_OUT_DIR).map_err(refused)?;
    let mut inventory = inventory(asked, context, built, path)?;
    inventory.directories.clone_from(&contents.directories);
    inventory.files = contents.files.iter().map(|(path, (_, entry))| (path.clone(), *entry)).collect();
    archive::pack(path, &inventory, &contents, &|| signals.interrupt().is_some()).map_err(refused)?;
    let bytes = fs_err::metadata(path).map_err(|error| refused(error.into()))?.len();
    let (binaries, launches) = (inventory.artifacts.len(), inventory.launches.len());
    Ok(Packed { binaries, doctests: launches.saturating_sub(binaries), bytes, left_out: contents.left_out })
}

/// All of the inventory but its files; `path` is where the archive goes.
fn inventory(asked: &Asked, context: &Context, built: &Built, path: &Path) -> Result<Inventory, Refused> {
    let workspace = &asked.ground()?.workspace;
    let place = Place {
        workspace_root: workspace.root.clone(),
        target_directory: workspace.target_dir.clone(),
        sysroot: sysroot(&asked.cargo, &asked.stage)?,
    };
    let looking = Looking::of(asked, context, Vec::new(), Vec::new());
    let looking = looking.map(|mut looking| {
        looking.own.push(path.to_owned());
        looking
    });
    let tested = looking.and_then(|looking| history::look(looking).join().ok());
    // Without git, the key is made of paths, too, and says nothing elsewhere.
    let tested = tested.filter(|tested| tested.checkout.as_ref().is_some_and(|checkout| checkout.commit.is_some()));
    let text = |text: &std::ffi::OsStr| {
        let why = || format!("`{}` cannot go into an archive: it is no UTF-8", text.to_string_lossy());
        text.to_str().map(str::to_owned).ok_or_else(|| Refused::new(ExitCode::Config, why()))
    };
    let artifacts = built.artifacts.iter().map(|artifact| {
        let package = workspace.packages.get(&artifact.package).map(|package| package.name.clone());
        Ok(ArtifactEntry {
            package: package.unwrap_or_default(),
            package_id: artifact.package.repr.clone(),
            kind: artifact.kind,
            name: artifact.name.clone(),
            source: text(artifact.source.as_os_str())?,
            executable: text(artifact.executable.as_os_str())?,
        })
    });
    let owned = [place.target_directory.as_path(), place.sysroot.as_path()];
    let launches = built.launches.iter().map(|launch| {
        let environment = Overlay::of(&launch.env, &built.environment, &owned).map_err(|name| {
            let why = format!("the variable {name}, which cargo sets, cannot go into an archive: it is no UTF-8");
            Refused::new(ExitCode::Config, why)
        })?;
        Ok(LaunchEntry {
            role: launch.role,
            triple: launch.triple.clone(),
            cwd: text(launch.cwd.as_os_str())?,
            argv: launch.argv.iter().map(|word| text(word)).collect::<Result<_, _>>()?,
            environment,
        })
    });
    Ok(Inventory {
        schema_version: SCHEMA_VERSION,
        written_by: concat!("cargo-gate ", env!("CARGO_PKG_VERSION")).to_owned(),
        host: asked.host.clone(),
        rustc: asked.rustc.clone(),
        rustflags: asked.rustflags(),
        context: context.clone(),
        cargo_flags: asked.build.given(&SAYS_WHAT_IS_BUILT).iter().map(|word| text(word)).collect::<Result<_, _>>()?,
        commit: tested.as_ref().and_then(|tested| tested.checkout.as_ref()?.commit.clone()),
        input_key: tested.map(|tested| tested.input_key),
        artifacts: artifacts.collect::<Result<_, Refused>>()?,
        launches: launches.collect::<Result<_, Refused>>()?,
        place,
        directories: BTreeSet::new(),
        files: std::collections::BTreeMap::new(),
    })
}

impl Session<'_> {
    /// Packs a build, in the place of running it.
    pub(super) fn archive(&self, built: &Built, path: &Path) -> Result<CameTo, Refused> {
        let stage = &self.asked.stage;
        let packed = write_archive(self.asked, &self.context, built, &stage.cwd.join(path), self.signals)?;
        packed.left_out.iter().for_each(|text| stage.complain("warning", text));
        stage.complain("note", &packed.sentence(path));
        Ok(CameTo { judgement: nothing(), run: None, coverage: None })
    }

    /// What an archive holds, as if cargo had just built it; its files are put in place.
    pub(super) fn unpack(&self, opened: &Opened) -> Result<Built, Refused> {
        let since = Instant::now();
        let Opened { path, inventory } = opened;
        let ground = self.asked.ground().map_err(|refused| {
            let why = format!("an archive runs in a checkout of the sources it was built from: {}", refused.why);
            Refused::new(ExitCode::Config, why)
        })?;
        let workspace = &ground.workspace;
        let sysroot = sysroot(&self.asked.cargo, &self.asked.stage)?;
        let environment = self.asked.stage.environment();
        let arguments: Vec<OsString> = self.args.filters.iter().map(OsString::from).collect();
        let arguments = [arguments, self.args.libtest.in_order.clone()].concat();
        let here = Here { workspace, sysroot: &sysroot, environment: &environment, arguments: &arguments };
        // Before anything is written: does it belong here?
        refuse_other_commit(inventory, workspace)?;
        archive::restore(inventory, &here, since.elapsed()).map_err(refused)?;
        let packages: BTreeSet<&str> = workspace.packages.values().map(|package| package.name.as_str()).collect();
        let destination = Destination {
            target_directory: &workspace.target_dir,
            packages: &packages,
            is_interrupted: &|| self.signals.interrupt().is_some(),
        };
        archive::unpack(path, &destination).map_err(refused)?;
        self.tell_of_differences(inventory, &here);
        archive::restore(inventory, &here, since.elapsed()).map_err(refused)
    }

    fn tell_of_differences(&self, inventory: &Inventory, here: &Here<'_>) {
        let stage = &self.asked.stage;
        if !here.remap(&inventory.place).is_identity() && !self.args.build.flags.quiet {
            let text = format!(
                "the archive was built in {}: paths that are compiled in, as by `env!(\"CARGO_MANIFEST_DIR\")`, lead there",
                inventory.place.workspace_root
            );
            stage.complain("note", &text);
        }
    }
}

/// Its tests would go on record, and pass, as those of a commit that they are not of.
fn refuse_other_commit(inventory: &Inventory, workspace: &Workspace) -> Result<(), Refused> {
    let commits = inventory.commit.as_ref().zip(git::resolve(&workspace.root, "HEAD"));
    match commits.filter(|(theirs, ours)| *theirs != ours) {
        Some((theirs, ours)) => {
            let why = format!(
                "the archive was built from commit {theirs}, and {ours} is checked out: check out the former, or pack \
                 an archive of the latter"
            );
            Err(Refused::new(ExitCode::Config, why))
        }
        None => Ok(()),
    }
}

fn nothing() -> Judgement {
    Judgement { verdict: Verdict::Nothing, codes: vec![ExitCode::Pass], reasons: Vec::new() }
}

fn refused(error: archive::Error) -> Refused {
    let code = match error {
        archive::Error::Interrupted => ExitCode::Interrupted,
        archive::Error::Io(_) | archive::Error::Refused(_) => ExitCode::Config,
    };
    Refused::new(code, error.to_string())
}
