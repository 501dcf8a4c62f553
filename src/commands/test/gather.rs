//! What was built, as things to run: cargo's launches with their identity, their harness and what they list.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_err as fs;

use super::ask::Asked;
use crate::cargo::build::{Artifact, Built};
use crate::cargo::compose;
use crate::cargo::harness::without_libtest;
use crate::cargo::launch::{self, LaunchRecord, Role};
use crate::cargo::user_config::UserConfig;
use crate::cargo::workspace::Workspace;
use crate::cli::{LibtestArgs, TestArgs};
use crate::commands::stage::Stage;
use crate::config::Settings;
use crate::model::{BinaryId, Kind, TestKey};
use crate::plan::list::{self, Answer, Question, Remembered};
use crate::plan::select::CommonArgs;
use crate::plan::{Harness, TestBinary};
use crate::sys::process::Launch;
use crate::sys::signals::Signals;

/// What tells launches apart.
#[derive(Clone, Copy)]
pub(super) struct Surveyed<'a> {
    pub(super) asked: &'a Asked,
    pub(super) user: &'a UserConfig,
    pub(super) workspace: &'a Workspace,
}

/// Something cargo would launch, identified.
struct Unit {
    id: BinaryId,
    file: Option<PathBuf>,
    launch: Launch,
    recorded_args: Vec<OsString>,
    own_harness: bool,
}

/// libtest's arguments, sorted by what they are about.
pub(super) fn common_args(args: &TestArgs) -> CommonArgs {
    let libtest = &args.libtest;
    let mut selecting: Vec<OsString> = args.filters.iter().chain(&libtest.filters).map(OsString::from).collect();
    for skip in &libtest.skip {
        selecting.extend(["--skip".into(), skip.into()]);
    }
    if libtest.exact && !selecting.is_empty() {
        selecting.push("--exact".into());
    }
    let ignoring = switches(&[(libtest.ignored, "--ignored"), (libtest.include_ignored, "--include-ignored")]);
    let mut other = switches(&[
        (libtest.nocapture, "--nocapture"),
        (libtest.show_output, "--show-output"),
        (libtest.test, "--test"),
        (libtest.bench, "--bench"),
    ]);
    if let Some(logfile) = &libtest.logfile {
        other.extend(["--logfile".into(), logfile.into()]);
    }
    other.extend(libtest.unknown.iter().cloned());
    CommonArgs { selecting, ignoring, other }
}

fn switches(given: &[(bool, &str)]) -> Vec<OsString> {
    given.iter().filter(|(given, _)| *given).map(|(_, flag)| flag.into()).collect()
}

/// Everything cargo would launch, in its order, with lists where harnesses give one.
pub(super) fn binaries(
    surveyed: Surveyed<'_>,
    built: &Built,
    common: &CommonArgs,
    remembered: &mut Remembered,
    slots: usize,
    signals: &Signals,
) -> Vec<TestBinary> {
    let units = units(surveyed, built);
    let listing: Vec<OsString> = ["--list", "--format", "terse"].map(OsString::from).into();
    let asking: Vec<OsString> = common.selecting.iter().chain(&common.ignoring).chain(&common.other).cloned().collect();
    let questions: Vec<Question<'_>> = units
        .iter()
        .filter_map(|unit| {
            let mut args = listing.clone();
            args.extend(asking.iter().filter(|arg| *arg != "--nocapture" && *arg != "--show-output").cloned());
            let launch = unit.launch.with_args(args);
            Some(Question { file: unit.file.as_deref()?, launch, own_harness: unit.own_harness })
        })
        .collect();
    let mut answers = remembered.ask(&questions, slots, signals).into_iter();
    let settings = surveyed.asked.settings();
    let mut binaries: Vec<TestBinary> = units
        .iter()
        .map(|unit| match unit.file.as_ref().and_then(|_| answers.next()) {
            Some(Ok(Answer::Tests(names))) => listed(unit, names, settings),
            Some(_) if unit.own_harness => whole(unit, Harness::Blind, settings),
            Some(_) => whole(unit, Harness::Unlisted, settings),
            None => whole(unit, Harness::Doctests, settings),
        })
        .collect();
    put_doctests(&mut binaries, common, slots, signals);
    binaries
}

fn listed(unit: &Unit, names: Vec<String>, settings: &Settings) -> TestBinary {
    let key = |name| Arc::new(TestKey { binary: unit.id.clone(), name });
    let harness = if unit.own_harness { Harness::OwnLists } else { Harness::Lists };
    TestBinary { listed: names.into_iter().map(key).collect(), ..whole(unit, harness, settings) }
}

fn whole(unit: &Unit, harness: Harness, settings: &Settings) -> TestBinary {
    // A unit without a list is ruled by what is said of all its tests.
    let as_test = TestKey { binary: unit.id.clone(), name: unit.id.binary.clone() };
    TestBinary {
        id: unit.id.clone(),
        file: unit.file.clone(),
        launch: unit.launch.clone(),
        recorded_args: unit.recorded_args.clone(),
        harness,
        listed: Vec::new(),
        tests: Vec::new(),
        unit: settings.policy_for(&as_test),
        unit_expected: None,
        doctests: Vec::new(),
    }
}

/// What filters leave out of a crate's doctests still counts in the names of the others, so it is asked for.
fn put_doctests(binaries: &mut [TestBinary], common: &CommonArgs, at_once: usize, signals: &Signals) {
    if common.selecting.is_empty() && !common.ignoring.iter().any(|arg| arg == "--ignored") {
        return;
    }
    let mut units: Vec<&mut TestBinary> =
        binaries.iter_mut().filter(|binary| binary.harness == Harness::Doctests).collect();
    let launches: Vec<Launch> = units.iter().map(|unit| unit.launch.with_args(listing(&unit.recorded_args))).collect();
    for (unit, doctests) in units.iter_mut().zip(list::doctests(&launches, at_once, signals)) {
        unit.doctests = doctests;
    }
}

/// rustdoc's arguments without those for libtest, but with its wish for a list.
fn listing(recorded_args: &[OsString]) -> Vec<OsString> {
    let mut args: Vec<OsString> = Vec::new();
    let mut words = recorded_args.iter();
    while let Some(word) = words.next() {
        if word == "--test-args" {
            words.next();
        } else {
            args.push(word.clone());
        }
    }
    args.extend(["--test-args".into(), "--list".into()]);
    args
}

fn units(surveyed: Surveyed<'_>, built: &Built) -> Vec<Unit> {
    let artifacts: BTreeMap<&Path, &Artifact> =
        built.artifacts.iter().map(|artifact| (artifact.executable.as_path(), artifact)).collect();
    let own_harness = own_harnesses(surveyed.workspace, &built.artifacts);
    let several = surveyed.asked.build.flags.target.len() > 1;
    let mut units: Vec<Unit> = Vec::new();
    for record in &built.launches {
        let unit = match record.role {
            Role::Binary => binary_unit(surveyed, record, &artifacts, &own_harness, several),
            Role::Rustdoc => doctest_unit(surveyed, record, several),
        };
        units.extend(unit);
    }
    units
}

fn binary_unit(
    surveyed: Surveyed<'_>,
    record: &LaunchRecord,
    artifacts: &BTreeMap<&Path, &Artifact>,
    own_harness: &BTreeSet<(String, Kind, String)>,
    several: bool,
) -> Option<Unit> {
    let program = PathBuf::from(record.argv.first()?);
    let artifact = artifacts.get(program.as_path())?;
    let package = package_of(surveyed.workspace, artifact, record);
    let own = own_harness.contains(&(package.clone(), artifact.kind, artifact.name.clone()));
    let binary = if several { format!("{}@{}", artifact.name, record.triple) } else { artifact.name.clone() };
    let mut words: Vec<OsString> = surveyed.user.runners.get(&record.triple).cloned().unwrap_or_default();
    words.push(program.clone().into());
    let mut words = words.into_iter();
    let launch = Launch {
        program: words.next()?,
        args: words.collect(),
        cwd: record.cwd.clone(),
        env: restored(&record.env, surveyed),
    };
    let recorded_args = record.argv.get(1..)?.iter().filter(|arg| *arg != "--quiet").cloned().collect();
    let id = BinaryId { package, kind: artifact.kind, binary };
    Some(Unit { id, file: Some(program), launch, recorded_args, own_harness: own })
}

fn package_of(workspace: &Workspace, artifact: &Artifact, record: &LaunchRecord) -> String {
    let known = workspace.packages.get(&artifact.package).map(|package| package.name.clone());
    known.or_else(|| variable(record, "CARGO_PKG_NAME")).unwrap_or_else(|| artifact.name.clone())
}

fn variable(record: &LaunchRecord, name: &str) -> Option<String> {
    record.env.iter().find(|(key, _)| key == name).map(|(_, value)| value.to_string_lossy().into_owned())
}

/// The environment as it is without us: a rustdoc and runners of the user's that had to give way come back.
fn restored(env: &[(OsString, OsString)], surveyed: Surveyed<'_>) -> Vec<(OsString, OsString)> {
    let runners: Vec<OsString> = surveyed.user.triples.iter().map(|triple| compose::runner_variable(triple)).collect();
    let restore = |(name, value): &(OsString, OsString)| {
        let is_runner = runners.contains(name);
        let gave_way = is_runner || name == "RUSTDOC";
        let own = name.to_str().filter(|_| gave_way).and_then(|name| surveyed.asked.stage.variable_os(name));
        let theirs = Some(value.clone()).filter(|_| !is_runner);
        own.or(theirs).map(|value| (name.clone(), value))
    };
    env.iter().filter_map(restore).collect()
}

fn doctest_unit(surveyed: Surveyed<'_>, record: &LaunchRecord, several: bool) -> Option<Unit> {
    let (mut args, mut triple) = (Vec::new(), surveyed.asked.host.clone());
    let mut words = record.argv.get(1..)?.iter();
    while let Some(word) = words.next() {
        let text = word.to_string_lossy();
        if text == "--test-runtool" || text == "--test-runtool-arg" || text == "--error-format" {
            // Ours, and cargo's wish to read messages that people are to read here.
            words.next();
            continue;
        }
        if text == "--test-args" {
            let value = words.next()?;
            if value != "--quiet" {
                args.extend([word.clone(), value.clone()]);
            }
            continue;
        }
        if text == "--target" {
            let value = words.next()?;
            triple = value.to_string_lossy().into_owned();
            args.extend([word.clone(), value.clone()]);
            continue;
        }
        if !text.starts_with("--json=") {
            args.push(word.clone());
        }
    }
    if let Some((program, rest)) = surveyed.user.runners.get(&triple).and_then(|runner| runner.split_first()) {
        args.extend(["--test-runtool".into(), program.clone()]);
        for arg in rest {
            args.extend(["--test-runtool-arg".into(), arg.clone()]);
        }
    }
    let package = variable(record, "CARGO_PKG_NAME")?;
    let binary = if several { format!("doc@{triple}") } else { "doc".to_owned() };
    let launch = Launch {
        program: rustdoc_of(surveyed, record),
        args: Vec::new(),
        cwd: record.cwd.clone(),
        env: restored(&record.env, surveyed),
    };
    let id = BinaryId { package, kind: Kind::Doc, binary };
    Some(Unit { id, file: None, launch, recorded_args: args, own_harness: false })
}

/// The rustdoc that cargo would have called: beside the cargo that ran, which spares a proxy's detour.
fn rustdoc_of(surveyed: Surveyed<'_>, record: &LaunchRecord) -> OsString {
    let named = rustdoc(surveyed.asked, surveyed.user);
    let beside = variable(record, "CARGO").map(|cargo| Path::new(&cargo).with_file_name(launch::RUSTDOC_NAME));
    match beside.filter(|beside| named == "rustdoc" && beside.is_absolute() && beside.is_file()) {
        Some(beside) => beside.into(),
        None => named,
    }
}

/// The rustdoc that cargo calls, as far as is known before it runs.
pub(super) fn rustdoc(asked: &Asked, user: &UserConfig) -> OsString {
    if let Some(own) = asked.stage.variable_os("RUSTDOC").or_else(|| user.rustdoc.clone()) {
        return own;
    }
    let beside = Path::new(&asked.cargo).with_file_name(launch::RUSTDOC_NAME);
    if Path::new(&asked.cargo).is_absolute() && beside.is_file() { beside.into() } else { "rustdoc".into() }
}

fn own_harnesses(workspace: &Workspace, artifacts: &[Artifact]) -> BTreeSet<(String, Kind, String)> {
    let packages: BTreeSet<_> = artifacts.iter().map(|artifact| &artifact.package).collect();
    let packages = packages.into_iter().filter_map(|package| workspace.packages.get(package));
    packages
        .flat_map(|package| {
            let manifest = fs::read_to_string(&package.manifest).unwrap_or_default();
            without_libtest(&manifest).into_iter().map(|(kind, name)| (package.name.clone(), kind, name))
        })
        .collect()
}

/// How many tests may run at once.
pub(in crate::commands) fn slots(settings: &Settings, libtest: &LibtestArgs, cpus: usize, stage: &Stage) -> usize {
    let of_env = stage.variable("RUST_TEST_THREADS").and_then(|text| text.parse::<usize>().ok());
    let caps = [libtest.test_threads, of_env.filter(|threads| *threads > 0)];
    let wanted = settings.test.slots.unwrap_or(cpus);
    caps.into_iter().flatten().fold(wanted, usize::min).max(1)
}
