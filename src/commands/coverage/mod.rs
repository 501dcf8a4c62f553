//! `cargo gate coverage`: one run of the tests, instrumented; what it covers is judged, kept and told.

mod advice;
mod baseline_ref;
mod change;
mod joined;
mod judging;
pub(super) mod left_out;
mod measured;
mod outcomes;
mod outputs;
mod part;
mod refusal;
mod selected;
mod site;
mod step;
mod told;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use camino::Utf8PathBuf;

use super::place::Place;
use super::test::{self, Asked, Prepared, Purpose, Refused};
use super::{baseline, complain, notify};
use crate::cli::{CoverageArgs, PlaceArgs};
use crate::coverage::circumstances::Circumstances;
use crate::coverage::source;
use crate::coverage::verdict::Ruling;
use crate::exit_code::ExitCode;
use crate::sys::signals::Signals;
pub(super) use joined::{Joined, Parts};
use judging::{Judged, Judging, Measured};
use measured::Run;
pub(super) use outputs::outdate;
use site::Site;
pub(super) use step::run_step;

/// The artifact's name in the gate directory.
pub(super) const ARTIFACT: &str = "coverage-report.md";

/// Runs the command.
pub(super) fn run(args: &CoverageArgs) -> ExitCode {
    ask(args).unwrap_or_else(|refused| {
        complain("error", &refused.why);
        test::leave_refused(&args.test, &refused).iter().for_each(|text| complain("warning", text));
        let flags = args.test.settings.given();
        refused.tell_github("Coverage", &args.test, &flags).iter().for_each(|text| complain("warning", text));
        outputs::tell_refused(args, &refused).iter().for_each(|text| complain("warning", text));
        refused.code
    })
}

fn ask(args: &CoverageArgs) -> Result<ExitCode, Refused> {
    refuse_what_makes_no_sense(args)?;
    if let Some(report) = &args.ratchet_from {
        return Ok(ratchet_from(args, report));
    }
    let stage = test::here()?;
    let asked = match test::prepare(&args.test, Purpose::Coverage(&args.judging.given()), stage)? {
        Prepared::Off => {
            test::stepped_aside(&args.test).iter().for_each(|text| complain("warning", text));
            return Ok(tell_na(args, &Ruling::switched_off()));
        }
        Prepared::Handed(code) => return Ok(code),
        Prepared::Ours(asked) => Arc::new(asked.instrumented()),
    };
    let outside = site::out_of_scope(&asked)?;
    if let Some(packages) = outside {
        let names: Vec<&str> = packages.iter().map(String::as_str).collect();
        let ruling = Ruling::out_of_scope(&names);
        let why = ruling.reasons.first().map_or("", |reason| reason.text.as_str());
        let refused = Refused::new(ExitCode::Config, why);
        test::leave_refused(&args.test, &refused).iter().for_each(|text| complain("warning", text));
        return Ok(tell_na(args, &ruling));
    }
    if args.from.is_empty() && !args.test.build.flags.no_run {
        return test::run_session(&args.test, &asked, &mut Run::new(args, &asked));
    }
    let site = Site::of(&asked)?;
    let judged = judge_without_running(args, &asked, &site)?;
    let mut wrong = outputs::tell(args, None, &judged);
    if !args.test.no_record {
        wrong.extend(outputs::keep(&site.gate_dir, None, &judged.report));
    }
    if !args.from.is_empty() {
        wrong.extend(notify_of(&judged, &asked, &site));
    }
    wrong.extend(outputs::tell_github(&asked, &judged));
    wrong.iter().for_each(|text| complain("warning", text));
    Ok(judged.code)
}

/// Judges what was measured elsewhere, or last.
fn judge_without_running(args: &CoverageArgs, asked: &Asked, site: &Site) -> Result<Judged, Refused> {
    let (measured, circumstances) = if args.from.is_empty() {
        measured::again(args, asked, site)?
    } else {
        let paths = named(&args.from)?;
        let map =
            source::load(&paths, &site.root).map_err(|error| Refused::new(ExitCode::Config, error.to_string()))?;
        let elsewhere = Circumstances {
            selected: selected::of_flags(&args.test),
            commit: site.commit.clone(),
            ..Circumstances::default()
        };
        (Measured::Map(map), elsewhere)
    };
    Ok(Judging::new(args, asked.settings(), site, &circumstances).judge(measured))
}

/// Tells who wants to know of a measurement that was handed over.
fn notify_of(judged: &Judged, asked: &Asked, site: &Site) -> Option<String> {
    let happened = notify::happened(&judged.judgement(), false);
    let json = || outputs::document(None, judged);
    notify::tell(&asked.settings().notify, &happened, &site.root, &Signals::listen(), json)
}

/// Takes the figure of a report, and measures nothing.
fn ratchet_from(args: &CoverageArgs, report: &Path) -> ExitCode {
    let build = &args.test.build;
    let place = PlaceArgs {
        manifest_path: build.flags.manifest_path.clone(),
        target_dir: build.flags.target_dir.clone(),
        gate_profile: args.test.gate_profile.clone(),
        color: build.flags.color.clone(),
    };
    let place = match Place::find(&place, &args.judging.given()) {
        Ok(place) => place,
        Err(code) => return code,
    };
    let words: Vec<String> = build.to_argv().iter().map(|word| word.to_string_lossy().into_owned()).collect();
    baseline::ratchet_from(&place, report, args.commit.as_deref(), &words, args.test.format)
}

/// The files of `--from`: leaving one out would judge less than was handed over.
fn named(from: &[PathBuf]) -> Result<Vec<Utf8PathBuf>, Refused> {
    let utf8 = |path: &PathBuf| {
        Utf8PathBuf::try_from(path.clone()).map_err(|error| {
            let why = format!("`{}` cannot be read: its name is no UTF-8", error.as_path().display());
            Refused::new(ExitCode::Config, why)
        })
    };
    from.iter().map(utf8).collect()
}

fn refuse_what_makes_no_sense(args: &CoverageArgs) -> Result<(), Refused> {
    let test = &args.test;
    if let Some(flag) = test.archive.flag() {
        let why = format!("`{flag}` makes no sense for coverage: what is measured is built for it, where it runs");
        return Err(Refused::new(ExitCode::Usage, why));
    }
    let given = [
        (test.list, "--list"),
        (test.repeat.is_some(), "--repeat"),
        (test.until_fail, "--until-fail"),
        (test.failed, "--failed"),
        (test.changed, "--changed"),
    ];
    match given.into_iter().find(|(given, _)| *given) {
        Some((_, flag)) => {
            let why = format!("`{flag}` makes no sense for coverage: the figure is of one run of all that is selected");
            Err(Refused::new(ExitCode::Usage, why))
        }
        None if test.shard.is_some() && (!args.from.is_empty() || test.build.flags.no_run) => {
            let why = "`--shard` makes no sense where nothing is run: a figure from elsewhere is judged as it is";
            Err(Refused::new(ExitCode::Usage, why))
        }
        None => Ok(()),
    }
}

/// Says that there is nothing to judge, in whatever format was asked for.
fn tell_na(args: &CoverageArgs, ruling: &Ruling) -> ExitCode {
    let judged = Judged::not_applicable(ruling.reasons.clone());
    outputs::tell(args, None, &judged).iter().for_each(|text| complain("warning", text));
    judged.code
}
