//! Archives, from both sides: a build that is packed, and an archive in the place of a build.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::Refused;
use super::ask::{Asked, sysroot};
use super::history::{self, Looking};
use super::outputs::Observers;
use super::session::{CameTo, Session};
use crate::cargo::archive::{
    self, ArtifactEntry, Destination, Here, Inventory, LaunchEntry, Overlay, Place, SCHEMA_VERSION,
};
use crate::cargo::build::{Built, Failure};
use crate::cargo::launch::Role;
use crate::cargo::workspace::Workspace;
use crate::cli::{TestArgs, says_what_is_built};
use crate::event::Fact;
use crate::exit_code::ExitCode;
use crate::model::{Judgement, Verdict};
use crate::report::words;
use crate::sys::git;
use crate::sys::signals::Signals;

/// An archive that stands in for a build.
#[derive(Clone, Debug)]
pub(in crate::commands) struct Archived {
    pub(in crate::commands) path: PathBuf,
    pub(in crate::commands) inventory: Inventory,
}

impl Archived {
    /// Opens it.
    pub(super) fn open(path: PathBuf) -> Result<Self, Refused> {
        let inventory = archive::open(&path).map_err(refused)?;
        Ok(Self { path, inventory })
    }

    /// Refuses what cannot run on this host, or be compiled with this compiler. Gives what may go wrong with it.
    pub(super) fn fits(&self, host: &str, rustc: &str) -> Result<Option<String>, Refused> {
        let Inventory { host: theirs, rustc: with, .. } = &self.inventory;
        let refused = |why: String| Err(Refused::new(ExitCode::Config, why));
        if theirs != host {
            return refused(format!("the archive was built on {theirs}, and this is {host}"));
        }
        let first = |text: &str| text.lines().next().unwrap_or_default().to_owned();
        let (with, this) = (first(with), first(rustc));
        if with == this {
            return Ok(None);
        }
        if self.inventory.has_doctests() {
            return refused(format!(
                "the archive has doctests, which are compiled where they run, against what {with} built: this is {this}"
            ));
        }
        Ok(Some(format!(
            "the archive was built by {with}, and this is {this}: what loads the compiler's libraries, as tests of \
             procedural macros do, will not start"
        )))
    }
}

/// A build that is to be packed.
#[derive(Clone, Copy)]
pub(in crate::commands) struct Packing<'a> {
    /// What was asked for when it was built.
    pub(in crate::commands) args: &'a TestArgs,
    pub(in crate::commands) asked: &'a Asked,
    pub(in crate::commands) built: &'a Built,
    /// Where the archive goes.
    pub(in crate::commands) path: &'a Path,
}

impl Packing<'_> {
    /// Packs it, and says what went in and what did not.
    pub(in crate::commands) fn pack(&self, signals: &Signals) -> Result<(), Refused> {
        let Self { asked, built, .. } = *self;
        let contents = archive::collect(built, &asked.ground()?.workspace).map_err(refused)?;
        let mut inventory = self.inventory()?;
        inventory.directories.clone_from(&contents.directories);
        inventory.files = contents.files.iter().map(|(path, (_, entry))| (path.clone(), *entry)).collect();
        let path = asked.cwd.join(self.path);
        archive::pack(&path, &inventory, &contents, &|| signals.interrupt().is_some()).map_err(refused)?;
        let bytes = fs_err::metadata(&path).map_err(|error| refused(error.into()))?.len();
        contents.left_out.iter().for_each(|text| asked.stage.complain("warning", text));
        if !self.args.build.flags.quiet {
            asked.stage.complain("note", &self.sentence(bytes));
        }
        Ok(())
    }

    fn sentence(&self, bytes: u64) -> String {
        let launches = &self.built.launches;
        let doctests = match launches.iter().filter(|launch| launch.role == Role::Rustdoc).count() {
            0 => String::new(),
            crates => format!(" and the doctests of {}", words::count(crates as u64, "crate", "crates")),
        };
        let binaries = words::count(self.built.artifacts.len() as u64, "test binary", "test binaries");
        let tenths = bytes / 100_000;
        format!("packed {binaries}{doctests} into {} ({}.{} MB)", self.path.display(), tenths / 10, tenths % 10)
    }

    /// All of the inventory but its files.
    fn inventory(&self) -> Result<Inventory, Refused> {
        let Self { args, asked, built, path } = *self;
        let workspace = &asked.ground()?.workspace;
        let user = asked.user_config()?;
        let context = asked.context(&user.triples);
        let place = Place {
            workspace_root: workspace.root.clone(),
            target_directory: workspace.target_dir.clone(),
            sysroot: sysroot(&asked.cargo, &asked.stage)?,
        };
        let looking = Looking::of(asked, &context, Vec::new(), Vec::new());
        let looking = looking.map(|mut looking| {
            looking.own.push(asked.cwd.join(path));
            looking
        });
        let tested = looking.and_then(|looking| history::look(looking).join().ok());
        // Without git, the key is made of paths, too, and says nothing elsewhere.
        let tested = tested.filter(|tested| tested.checkout.as_ref().is_some_and(|checkout| checkout.commit.is_some()));
        let text = |text: &std::ffi::OsStr| {
            let why = || format!("`{}` cannot go into an archive: it is no UTF-8", text.to_string_lossy());
            text.to_str().map(str::to_owned).ok_or_else(|| Refused::new(ExitCode::Config, why()))
        };
        let texts = |words: &[OsString]| words.iter().map(|word| text(word)).collect::<Result<Vec<_>, Refused>>();
        let artifacts = built.artifacts.iter().map(|artifact| {
            let package = workspace.packages.get(&artifact.package).map(|package| package.name.clone());
            Ok(ArtifactEntry {
                package: package.unwrap_or_default(),
                kind: artifact.kind,
                name: artifact.name.clone(),
                source: text(artifact.source.as_os_str())?,
                executable: text(artifact.executable.as_os_str())?,
            })
        });
        let passed_on = args.passed_on();
        let owned = [place.target_directory.as_path(), place.sysroot.as_path()];
        // What cargo's configuration sets is read where the archive runs.
        let given = user.environment(&built.environment);
        let launches = built.launches.iter().map(|launch| {
            let environment = Overlay::of(&launch.env, &given, &owned).map_err(|name| {
                let why = format!("the variable {name}, which cargo sets, cannot go into an archive: it is no UTF-8");
                Refused::new(ExitCode::Config, why)
            })?;
            Ok(LaunchEntry {
                role: launch.role,
                triple: launch.triple.clone(),
                cwd: text(launch.cwd.as_os_str())?,
                argv: texts(&archive::without_passed_on(launch, &passed_on))?,
                environment,
            })
        });
        Ok(Inventory {
            schema_version: SCHEMA_VERSION,
            host: asked.host.clone(),
            rustc: asked.rustc.clone(),
            rustflags: asked.rustflags(),
            context,
            cargo_flags: texts(&asked.build.given(&says_what_is_built()))?,
            commit: tested.as_ref().and_then(|tested| tested.checkout.as_ref()?.commit.clone()),
            input_key: tested.map(|tested| tested.input_key),
            artifacts: artifacts.collect::<Result<_, Refused>>()?,
            launches: launches.collect::<Result<_, Refused>>()?,
            place,
            directories: BTreeSet::new(),
            files: std::collections::BTreeMap::new(),
        })
    }
}

impl Session<'_> {
    /// Packs a build, in the place of running it.
    pub(super) fn archive(&self, built: &Built, path: &Path) -> Result<CameTo, Refused> {
        Packing { args: self.args, asked: self.asked, built, path }.pack(self.signals)?;
        Ok(CameTo { judgement: nothing(), run: None, coverage: None })
    }

    /// What an archive holds, as if cargo had built it here. Refuses what does not belong here, and writes nothing.
    pub(super) fn restored(&self, archived: &Archived) -> Result<Built, Refused> {
        let inventory = &archived.inventory;
        let ground = self.asked.ground().map_err(|refused| {
            let why = format!("an archive runs in a checkout of the sources it was built from: {}", refused.why);
            Refused::new(ExitCode::Config, why)
        })?;
        let workspace = &ground.workspace;
        refuse_other_commit(inventory, workspace)?;
        let sysroot = sysroot(&self.asked.cargo, &self.asked.stage)?;
        let environment = self.user.environment(&self.asked.stage.environment());
        let passed_on = self.args.passed_on();
        let here = Here { workspace, sysroot: &sysroot, environment: &environment, passed_on: &passed_on };
        let built = archive::restore(inventory, &here).map_err(refused)?;
        if !here.remap(&inventory.place).is_identity() && !self.args.build.flags.quiet {
            let text = format!(
                "the archive was built in {}: paths that are compiled in, as by `env!(\"CARGO_MANIFEST_DIR\")`, lead there",
                inventory.place.workspace_root
            );
            self.asked.stage.complain("note", &text);
        }
        Ok(built)
    }

    /// Puts an archive's files in place, as a build would have.
    pub(super) fn unpack(
        &self,
        archived: &Archived,
        restored: &Built,
        observers: &mut Observers<'_>,
    ) -> Result<Built, Failure> {
        let since = Instant::now();
        let workspace = &self.asked.ground().map_err(|refused| Failure::Unusable(refused.why))?.workspace;
        let packages: BTreeSet<&str> = workspace.packages.values().map(|package| package.name.as_str()).collect();
        let destination = Destination {
            target_directory: &workspace.target_dir,
            packages: &packages,
            is_interrupted: &|| self.signals.interrupt().is_some(),
        };
        let unpacked = archive::unpack(&archived.path, &destination);
        let took = since.elapsed();
        observers.tell(Fact::BuildFinished { success: unpacked.is_ok(), took });
        match unpacked {
            Ok(_) => Ok(Built { took, ..restored.clone() }),
            Err(error) => Err(self.signals.interrupt().map_or_else(|| failure(&error), Failure::Interrupted)),
        }
    }
}

/// A disk that is full is no fault of the archive.
fn failure(error: &archive::Error) -> Failure {
    match error {
        archive::Error::Io(_) => Failure::Tool(format!("the archive cannot be unpacked: {error}")),
        archive::Error::Refused(_) | archive::Error::Interrupted => Failure::Unusable(error.to_string()),
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
