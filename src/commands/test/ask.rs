//! What is asked, put together: command line, workspace, settings, toolchain. What is cargo's alone is handed to cargo.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use camino::Utf8PathBuf;

use super::Refused;
use super::archiving::Archived;
use super::ground::{Ground, LateGround, may_have_config};
use super::resolve::{refused, resolve};
use crate::cargo::user_config::{self, Lookup, UserConfig};
use crate::cli::{BuildArgs, TestArgs, cargo_args};
use crate::commands::complain;
use crate::commands::quarantine::{day, expired, refuse_when_strict};
use crate::commands::stage::Stage;
use crate::config::settings::DISABLE;
use crate::config::{ConfigFile, Resolved, Settings};
use crate::exit_code::ExitCode;
use crate::model::{ContentHash, Context};
use crate::sys::digest::hash;

/// Everything that is known before the build.
#[derive(Debug)]
pub(in crate::commands) struct Asked {
    pub(in crate::commands) stage: Stage,
    pub(in crate::commands) cargo: OsString,
    pub(in crate::commands) cwd: PathBuf,
    pub(in crate::commands) own_exe: PathBuf,
    ground: LateGround,
    /// The gate's own files that the command line names.
    pub(in crate::commands) files: Vec<PathBuf>,
    /// The file that settings were read from.
    pub(in crate::commands) config: Option<ConfigFile>,
    pub(in crate::commands) resolved: Resolved,
    /// cargo's flags, the configured ones before the user's.
    pub(in crate::commands) build: BuildArgs,
    /// The same as words, without `-q`.
    pub(in crate::commands) cargo_flags: Vec<OsString>,
    /// What stands in for a build, where nothing is to be built.
    pub(in crate::commands) archive: Option<Archived>,
    /// All of `rustc -vV`: of the compiler that built, or will.
    pub(in crate::commands) rustc: String,
    /// The host's triple.
    pub(in crate::commands) host: String,
    /// Variables that let a red test turn green.
    pub(in crate::commands) softeners: Vec<String>,
}

impl Asked {
    /// The workspace with its gate directory; waits for cargo to tell.
    pub(in crate::commands) fn ground(&self) -> Result<&Ground, Refused> {
        self.ground.ground(self.settings().store.dir.as_deref())
    }

    /// The same for an instrumented build: in a target directory of its own, which the environment names (a flag would
    /// beat it), and without doctests where the compiler cannot instrument them: they would run and measure nothing.
    pub(in crate::commands) fn instrumented(mut self) -> Self {
        let leaves_out_doctests = !self.measures_doctests() && !self.build.chooses_targets();
        let build = std::mem::take(&mut self.build).without_target_dir();
        self.build = if leaves_out_doctests { build.with_tests() } else { build };
        self.cargo_flags = self.build.to_argv();
        self
    }

    /// Can the compiler instrument doctests? Only nightly ones can.
    pub(in crate::commands) fn measures_doctests(&self) -> bool {
        let release = self.rustc.lines().find_map(|line| line.strip_prefix("release: ")).unwrap_or_default();
        ["-nightly", "-dev"].iter().any(|end| release.ends_with(end))
    }

    pub(in crate::commands) const fn settings(&self) -> &Settings {
        &self.resolved.settings
    }

    /// What the user's configuration of cargo says of runners and targets.
    pub(in crate::commands) fn user_config(&self) -> Result<UserConfig, Refused> {
        let flags = &self.build.flags;
        let config_flags: Vec<String> =
            flags.config.iter().map(|config| config.to_string_lossy().into_owned()).collect();
        let env = self.stage.environment();
        let lookup = Lookup {
            cwd: &self.cwd,
            host: &self.host,
            targets: &flags.target,
            config_flags: &config_flags,
            cargo: &self.cargo,
            env: &env,
        };
        user_config::look_up(&lookup).map_err(|error| Refused::new(ExitCode::Config, error.to_string()))
    }

    /// Under what test keys are meant.
    pub(in crate::commands) fn found_context(&self) -> Result<Context, Refused> {
        Ok(self.context(&self.user_config()?.triples))
    }

    /// Under what test keys are meant, given the triples that the build is for.
    pub(in crate::commands) fn context(&self, triples: &[String]) -> Context {
        if let Some(archive) = &self.archive {
            return archive.inventory.context.clone();
        }
        let flags = &self.build.flags;
        let profile = match (&flags.profile, flags.release) {
            (Some(profile), _) => profile.clone(),
            (None, true) => "release".to_owned(),
            (None, false) => "test".to_owned(),
        };
        // Without --target the host is meant, whatever else runners were looked up for.
        let target = if triples.len() > 1 { triples.get(1..).unwrap_or_default().join(",") } else { self.host.clone() };
        Context { target, features: flags.canonical_features(), profile }
    }

    /// RUSTFLAGS as they are in force, hashed.
    pub(in crate::commands) fn rustflags(&self) -> ContentHash {
        if let Some(archive) = &self.archive {
            return archive.inventory.rustflags;
        }
        let names = ["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS"];
        hash(&names.iter().find_map(|name| self.stage.variable(name)).unwrap_or_default())
    }
}

/// The context of a run without flags.
pub(in crate::commands) fn default_context(cargo: &OsStr) -> Context {
    context_of(&Stage::here().map(|stage| rustc_version(cargo, &stage)).unwrap_or_default())
}

/// The same, of what `rustc -vV` says.
pub(in crate::commands) fn context_of(rustc: &str) -> Context {
    Context { target: host_in(rustc), features: String::new(), profile: "test".to_owned() }
}

/// The host's triple, as `rustc -vV` tells it.
fn host_in(rustc: &str) -> String {
    rustc.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default().trim().to_owned()
}

/// Whose matter it is.
#[derive(Debug)]
pub(in crate::commands) enum Prepared {
    /// The gate is switched off.
    Off,
    /// cargo did it alone.
    Handed(ExitCode),
    /// Ours.
    Ours(Box<Asked>),
}

/// What a run is for.
#[derive(Clone, Copy, Debug)]
pub(in crate::commands) enum Purpose<'a> {
    /// Its outcomes.
    Test,
    /// What it covers; these are more flags that stand for a setting.
    Coverage(&'a [(&'static str, &'a str)]),
}

/// Puts everything together.
pub(in crate::commands) fn prepare(args: &TestArgs, purpose: Purpose<'_>, stage: Stage) -> Result<Prepared, Refused> {
    let cargo = stage.cargo();
    let cwd = stage.cwd.clone();
    let flags = &args.build.flags;
    let ground = LateGround::ask(stage.clone(), cargo.clone(), metadata_flags(&args.build), flags.target_dir.clone());
    let rustc = std::thread::spawn({
        let (cargo, stage) = (cargo.clone(), stage.clone());
        move || rustc_version(&cargo, &stage)
    });
    let manifest = flags.manifest_path.as_ref().map(|path| cwd.join(path));
    let from = manifest.as_deref().and_then(Path::parent).unwrap_or(&cwd);
    // Where there can be no file, cargo may start before it has told where the workspace's root is.
    let file = match &stage.step {
        Some(step) => step.config.clone(),
        None if may_have_config(&std::path::absolute(from).unwrap_or_else(|_| from.to_owned())) => {
            ConfigFile::load(&ground.workspace()?.root).map_err(refused)?
        }
        None => None,
    };
    let (judging, builds) = match purpose {
        Purpose::Test => (&[][..], !flags.no_run),
        // What was measured before can be judged again.
        Purpose::Coverage(judging) => (judging, true),
    };
    let resolved = resolve(args, judging, file.as_ref(), &stage, &ground)?;
    let warnings = resolved.warnings.iter().map(|warning| ("warning", &warning.text));
    let told = warnings.chain(resolved.notes.iter().map(|note| ("note", note)));
    for (kind, text) in told.filter(|_| !args.build.flags.quiet) {
        match &stage.step {
            Some(_) => stage.note(kind, text),
            None => complain(kind, text),
        }
    }
    if !resolved.settings.enabled {
        return match args.archive.flag() {
            Some(flag) => {
                let off = switched_off();
                let why = format!("{off}, and plain cargo test knows of no archives: leave out `{flag}`");
                Err(Refused::new(ExitCode::Config, why))
            }
            None => Ok(Prepared::Off),
        };
    }
    let archive = args.archive.archive_file.as_deref().map(|file| Archived::open(cwd.join(file))).transpose()?;
    let build = with_configured(&args.build, archive.as_ref(), &resolved.settings)?;
    let cargo_flags = build.to_argv();
    if !builds || args.libtest.list || args.libtest.help {
        return Ok(Prepared::Handed(hand_over(&cargo, &cargo_flags, args)));
    }
    let softeners = refuse_or_warn_of_softeners(&stage, &resolved.settings)?;
    let (host, rustc) = host_and_compiler(&stage, &rustc.join().unwrap_or_default(), archive.as_ref())?;
    let own_exe = std::env::current_exe().map_err(|error| Refused::new(ExitCode::Internal, error.to_string()))?;
    let files = [&args.archive.archive, &args.archive.archive_file, &args.shard_plan];
    let files = files.into_iter().flatten().map(|file| cwd.join(file)).collect();
    Ok(Prepared::Ours(Box::new(Asked {
        stage,
        files,
        cargo,
        cwd,
        own_exe,
        ground,
        config: file,
        resolved,
        build,
        cargo_flags,
        archive,
        rustc,
        host,
        softeners,
    })))
}

/// cargo's flags with those that are configured, or else those that the archive was built with.
fn with_configured(build: &BuildArgs, archive: Option<&Archived>, settings: &Settings) -> Result<BuildArgs, Refused> {
    let (configured, by) = match archive {
        Some(archive) => (&archive.inventory.cargo_flags, "the archive's flags"),
        None => (&settings.test.args, "`test.args` in the configuration"),
    };
    build.with_configured(configured).map_err(|error| {
        let words = error.to_string();
        let first = words.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        Refused::new(ExitCode::Config, format!("{by}: {first}"))
    })
}

/// Looks for what softens the gate, or once did. Gives the variables that let a red test turn green.
fn refuse_or_warn_of_softeners(stage: &Stage, settings: &Settings) -> Result<Vec<String>, Refused> {
    let softeners = softeners(|name| stage.variable(name));
    let soft = (!softeners.is_empty()).then(|| format!("{} lets a red test turn green", softeners.join(", ")));
    for text in expired(settings, day(jiff::Timestamp::now())).into_iter().chain(soft) {
        refuse_when_strict(settings, &text, |text| stage.complain("warning", text))?;
    }
    Ok(softeners)
}

/// The host's triple, and all that the compiler says which built, or will: an archive's must fit this one.
fn host_and_compiler(stage: &Stage, rustc: &str, archive: Option<&Archived>) -> Result<(String, String), Refused> {
    let host = host_in(rustc);
    if host.is_empty() {
        let why = "cannot learn the host's triple from `rustc -vV`: is rustc installed?";
        return Err(Refused::new(ExitCode::Config, why));
    }
    let Some(archive) = archive else { return Ok((host, rustc.to_owned())) };
    if let Some(text) = archive.fits(&host, rustc)? {
        stage.complain("warning", &text);
    }
    Ok((host, archive.inventory.rustc.clone()))
}

/// All of `rustc -vV`: of the rustc beside cargo, which spares a proxy's detour, unless another one is named.
pub(in crate::commands) fn rustc_version(cargo: &OsStr, stage: &Stage) -> String {
    ask_rustc(cargo, stage, &["-vV"])
}

/// Where that rustc's libraries and tools are.
pub(super) fn sysroot(cargo: &OsStr, stage: &Stage) -> Result<Utf8PathBuf, Refused> {
    match ask_rustc(cargo, stage, &["--print", "sysroot"]).trim() {
        "" => Err(Refused::new(ExitCode::Config, "cannot learn the toolchain's place from `rustc --print sysroot`")),
        sysroot => Ok(sysroot.into()),
    }
}

fn ask_rustc(cargo: &OsStr, stage: &Stage, question: &[&str]) -> String {
    let beside = Path::new(cargo).with_file_name(if cfg!(windows) { "rustc.exe" } else { "rustc" });
    let beside = Some(beside).filter(|rustc| rustc.is_absolute() && rustc.is_file()).map(PathBuf::into_os_string);
    let rustc = stage.variable_os("RUSTC").or(beside).unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(rustc);
    let output = command.args(question).current_dir(&stage.cwd).envs(stage.env.iter().cloned()).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

/// Those of the flags that `cargo metadata` understands and that bear on its answer.
pub(super) fn metadata_flags(build: &BuildArgs) -> Vec<OsString> {
    let flags = &build.flags;
    let mut words: Vec<OsString> = Vec::new();
    if let Some(path) = &flags.manifest_path {
        words.extend(["--manifest-path".into(), path.clone().into()]);
    }
    for config in &flags.config {
        words.extend(["--config".into(), config.clone()]);
    }
    for unstable in &flags.unstable {
        words.extend(["-Z".into(), unstable.into()]);
    }
    for (given, flag) in [(flags.locked, "--locked"), (flags.offline, "--offline"), (flags.frozen, "--frozen")] {
        words.extend(given.then(|| flag.into()));
    }
    words
}

/// The begin of a sentence.
pub(super) fn switched_off() -> String {
    format!("the gate is switched off (`enabled = false` or {DISABLE}=1)")
}

/// Plain `cargo test`, as if the gate were not there: its code, whatever it is, is this process's.
pub(super) fn step_aside(args: &TestArgs) -> ExitCode {
    complain("note", &format!("{}: this is plain cargo test", switched_off()));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = plain(&cargo, &cargo_args(args), args);
    #[cfg(unix)]
    let error = std::os::unix::process::CommandExt::exec(&mut command);
    #[cfg(not(unix))]
    let error = match command.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(i32::from(ExitCode::Interrupted.number()))),
        Err(error) => error,
    };
    complain("error", &format!("cannot start `{}`: {error}", cargo.display()));
    ExitCode::Config
}

/// Plain `cargo test`, with our own streams.
fn hand_over(cargo: &OsStr, flags: &[OsString], args: &TestArgs) -> ExitCode {
    let mut command = plain(cargo, flags, args);
    match command.status() {
        Ok(status) if status.success() => ExitCode::Pass,
        // cargo says 101 of a build that fails and of tests that do; of those only a run can tell.
        Ok(status) => match status.code() {
            Some(1) => ExitCode::Usage,
            Some(_) => ExitCode::BuildFailed,
            None => ExitCode::Interrupted,
        },
        Err(error) => {
            complain("error", &format!("cannot start `{}`: {error}", cargo.display()));
            ExitCode::Config
        }
    }
}

fn plain(cargo: &OsStr, flags: &[OsString], args: &TestArgs) -> Command {
    let mut command = Command::new(cargo);
    command.args(plain_args(flags, args));
    command
}

/// The command line of plain `cargo test`.
pub(super) fn plain_args(flags: &[OsString], args: &TestArgs) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec!["test".into()];
    words.extend(flags.iter().cloned());
    words.extend(args.build.flags.quiet.then(|| "-q".into()));
    if let Some(color) = &args.build.flags.color {
        words.extend(["--color".into(), color.into()]);
    }
    words.extend(args.build.flags.no_fail_fast.then(|| "--no-fail-fast".into()));
    words.push("--".into());
    words.extend(args.passed_on());
    words
}

/// Variables with which snapshot tests and their like accept what they should judge.
fn softeners(variable: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let is_set = |name: &str, bad: &[&str]| {
        let value = variable(name)?;
        let is_bad = if bad.is_empty() { !value.is_empty() && value != "0" } else { bad.contains(&value.as_str()) };
        is_bad.then(|| format!("{name}={value}"))
    };
    [
        is_set("INSTA_FORCE_PASS", &[]),
        is_set("INSTA_UPDATE", &["always", "unseen", "force"]),
        is_set("INSTA_FORCE_UPDATE", &[]),
        is_set("TRYBUILD", &["overwrite"]),
        is_set("UPDATE_EXPECT", &[]),
        is_set("SNAPSHOTS", &["overwrite"]),
        is_set("UPDATE_GOLDENFILES", &[]),
        is_set("BLESS", &[]),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_let_a_red_test_turn_green_are_named() {
        let of =
            |name: &'static str, value: &'static str| softeners(move |asked| (asked == name).then(|| value.to_owned()));
        assert_eq!(of("INSTA_FORCE_PASS", "1"), ["INSTA_FORCE_PASS=1"]);
        assert_eq!(of("INSTA_UPDATE", "always"), ["INSTA_UPDATE=always"]);
        assert_eq!(of("INSTA_UPDATE", "no"), Vec::<String>::new());
        assert_eq!(of("TRYBUILD", "overwrite"), ["TRYBUILD=overwrite"]);
        assert_eq!(of("UPDATE_EXPECT", "0"), Vec::<String>::new());
    }
}
