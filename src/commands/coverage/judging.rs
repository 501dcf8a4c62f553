//! From what was measured to what is said of it: left out what does not count, held against floor and ratchet.

use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;

use super::advice;
use super::baseline_ref::{Consulted, Means};
use super::change;
use super::left_out::Grounds;
use super::site::Site;
use super::told::{in_a_sentence, in_words};
use crate::cli::CoverageArgs;
use crate::commands::ratchet::{BuiltFor, OwnRatchet};
use crate::config::Settings;
use crate::coverage::CoverageMap;
use crate::coverage::baseline::{Baseline, Subject, Tools};
use crate::coverage::circumstances::{Circumstances, Selected};
use crate::coverage::exempt::LeftOut;
use crate::coverage::ratchet::{Permission, Ratchet, RatchetKey, permission};
use crate::coverage::ratchet_file::RatchetError;
use crate::coverage::subjects;
use crate::coverage::verdict::{self, Case, Counts, Known, Measurement, Rule, Ruling};
use crate::exit_code::ExitCode;
use crate::model::{CoverageFigures, Judgement, Reason, Shard, Verdict, Word};
use crate::ratio::{Percent, Ratio, Share};
use crate::report::CoverageReport;

/// What the measurer came back with.
pub(super) enum Measured {
    /// Numbers, of paths relative to the workspace root.
    Map(CoverageMap),
    /// None, and why.
    Nothing(Measurement),
}

/// What counts of it.
#[derive(Default)]
struct WhatCounts {
    map: CoverageMap,
    left_out: Vec<LeftOut>,
    /// Files that were measured elsewhere and are none of this workspace's.
    foreign: Vec<Utf8PathBuf>,
    /// What is judged in place of the numbers, where there are none.
    measurement: Option<Measurement>,
}

/// What is said in the end.
pub(super) struct Judged {
    pub(super) report: CoverageReport,
    pub(super) verdict: Verdict,
    pub(super) code: ExitCode,
    /// What the history keeps of it.
    pub(super) reached: Option<CoverageFigures>,
}

impl Judged {
    /// The judgement alone, where nothing ran.
    pub(super) fn judgement(&self) -> Judgement {
        Judgement { verdict: self.verdict, codes: vec![self.code], reasons: self.report.reasons.clone() }
    }

    /// Nothing is held against anything, for these reasons.
    pub(super) fn not_applicable(reasons: Vec<Reason>) -> Self {
        let report = CoverageReport { word: "N/A", reasons, ..CoverageReport::default() };
        Self { report, verdict: Verdict::Nothing, code: ExitCode::Pass, reached: None }
    }

    /// A part of the tests ran here; what all of them cover is judged where the parts come together.
    pub(super) fn of_shard(shard: Shard, why_not: Option<&str>) -> Self {
        let text = format!("N/A: shard {shard} covers a part; `cargo gate join` judges what all shards cover");
        let without = why_not.map(|why| Reason::new("not-measured", format!("shard {shard} has no figures: {why}")));
        let reasons: Vec<Reason> = [Reason::new("shard", &text)].into_iter().chain(without).collect();
        let mut judged = Self::not_applicable(reasons);
        judged.report.head.reason = text;
        judged
    }

    /// Adds it to the judgement of the run that was measured.
    pub(super) fn add_to(&self, judgement: &mut Judgement) {
        let is_new = self.code != ExitCode::Pass && !judgement.codes.contains(&self.code);
        if is_new {
            judgement.codes.retain(|code| *code != ExitCode::Pass);
            judgement.codes.push(self.code);
            judgement.codes.sort_unstable();
        }
        // What fails says why first; of two failures the tests' comes first.
        if is_new && judgement.verdict == Verdict::Pass {
            judgement.reasons.splice(0..0, self.report.reasons.iter().cloned());
            judgement.verdict = self.verdict;
        } else if self.code != ExitCode::TestsFailed {
            judgement.reasons.extend(self.report.reasons.iter().cloned());
        }
        judgement.reasons.extend(self.report.warnings.iter().cloned());
    }
}

/// Everything that judging needs but the measurement itself.
pub(super) struct Judging<'a> {
    pub(super) args: &'a CoverageArgs,
    pub(super) settings: &'a Settings,
    pub(super) site: &'a Site,
    pub(super) circumstances: &'a Circumstances,
    pub(super) rule: Rule,
    pub(super) tools: Tools,
    pub(super) ratchet: OwnRatchet,
    /// Was it built here? What was measured elsewhere is ours as far as its files are.
    is_ours: bool,
    /// To measure a revision with; none where nothing is run.
    pub(super) means: Option<Means<'a>>,
}

/// How many of the worst files a reason names.
const WORST: usize = 3;

impl<'a> Judging<'a> {
    pub(super) fn new(
        args: &'a CoverageArgs,
        settings: &'a Settings,
        site: &'a Site,
        circumstances: &'a Circumstances,
    ) -> Self {
        Self {
            args,
            settings,
            site,
            circumstances,
            rule: Rule::from_settings(&settings.coverage, args.allow_removal),
            tools: Tools {
                toolchain: site.toolchain.split_whitespace().take(2).collect::<Vec<_>>().join(" "),
                measurer: circumstances.measurer.clone().unwrap_or_else(|| "elsewhere".to_owned()),
            },
            ratchet: OwnRatchet::of(&site.home, &site.gate_dir, &settings.coverage),
            is_ours: args.from.is_empty(),
            means: None,
        }
    }

    /// The same, of what was measured elsewhere, whatever the command line says.
    pub(super) fn of_elsewhere(self) -> Self {
        Self { is_ours: false, ..self }
    }

    /// The same, with the means to measure a revision.
    pub(super) fn with_means(self, means: Means<'a>) -> Self {
        Self { means: Some(means), ..self }
    }

    /// Judges, and lets what passes raise the ratchet where it may.
    pub(super) fn judge(&self, measured: Measured) -> Judged {
        let folders = self.site.folders();
        let WhatCounts { map, left_out, foreign, measurement } = self.what_counts(measured, &folders);
        let mut ratchet = self.ratchet.file.load().map_err(|error| error.to_string());
        let consulted = match &mut ratchet {
            Ok(ratchet) if measurement.is_none() => self.consult(ratchet),
            _ => None,
        };
        let all = subjects::judged(&map, &folders, self.settings, &self.rule);
        let flags = advice::for_baseline(self.args);
        let worst = map.worst(self.rule.metric, WORST);
        let ruling_of = |judged: &subjects::Judged| {
            let counted = Measurement::Counted(judged.counts);
            let key = self.key(judged.subject.clone());
            let known = match &ratchet {
                Ok(_) if self.circumstances.selected == Selected::Part => Known::Nothing,
                Ok(ratchet) => ratchet.baseline(&key).map_or(Known::Nothing, Known::Baseline),
                Err(why) => Known::Unreadable(why),
            };
            let case = Case {
                subject: &judged.subject,
                measurement: measurement.as_ref().filter(|_| judged.subject == Subject::Workspace).unwrap_or(&counted),
                baseline: known,
                failed_tests: self.circumstances.failed_tests,
                tools: &self.tools,
                lost: &self.circumstances.lost,
                deleted_files: self.deleted_files(&known, judged.counts.files),
                foreign: &foreign,
                worst: &worst,
                flags: &flags,
            };
            verdict::judge(&judged.rule, &case)
        };
        let rulings: Vec<Ruling> = all.iter().map(ruling_of).collect();
        let falls_short: Vec<bool> = rulings.iter().map(|ruling| ruling.verdict == Verdict::Fail).collect();
        let mut rulings = rulings.into_iter();
        let Some(first) = rulings.next() else { return self.without_subjects() };
        let mut ruling = first.together(rulings);
        if measurement.is_none() {
            ruling.warnings.extend(self.partial());
        }
        match consulted {
            Some(Consulted::Known(reason, not_kept)) => {
                ruling.reasons.push(reason);
                ruling.warnings.extend(not_kept);
            }
            Some(Consulted::Older(reason)) => ruling.warnings.push(reason),
            Some(Consulted::Missing(reason)) => ruling = ruling.together([Ruling::failing(reason)]),
            None => {}
        }
        let patch = change::judge(self.args, self.settings, &self.site.root, &map);
        let patch = patch.map(|patch| patch.unwrap_or_else(|refused| refused));
        if let Some(reason) = patch.as_ref().filter(|patch| patch.fails).map(|patch| Reason::new("patch", &patch.said))
        {
            ruling = ruling.together([Ruling::failing(reason)]);
        }
        if let Some(reason) = self.stale() {
            // Its line numbers may be others by now: what is asked of lines cannot be answered.
            let asked = &self.settings.coverage;
            if asked.patch_floor > Percent::ZERO || asked.patch_max_uncovered.is_some() {
                ruling = ruling.together([Ruling::failing(reason.clone())]);
            }
            ruling.warnings.push(reason);
            ruling.is_sound = false;
        }
        // The verdict stands: it is of what was measured, whatever becomes of the figure.
        let kept = self.raise(&all, &ruling, ratchet.as_ref().ok()).unwrap_or_else(|reason| {
            ruling.warnings.push(reason);
            None
        });
        let compared = ratchet.as_ref().ok().filter(|_| self.circumstances.selected != Selected::Part);
        let report = self.report(&map, &all, &falls_short, &ruling, measurement.is_none(), compared);
        let report = CoverageReport { patch, left_out: in_words(&left_out), ratchet: kept, ..report };
        let reached = measurement.is_none().then(|| self.reached(&map, ruling.is_sound));
        Judged { report, verdict: ruling.verdict, code: ruling.code, reached }
    }

    /// What counts of a measurement, and what is there instead where nothing does.
    fn what_counts(&self, measured: Measured, folders: &[(&str, &Utf8Path)]) -> WhatCounts {
        let nothing = |measurement| WhatCounts { measurement: Some(measurement), ..WhatCounts::default() };
        let (map, left_out) = match measured {
            Measured::Nothing(measurement) => return nothing(measurement),
            Measured::Map(map) => match self.grounds(folders).leave_out(map) {
                Ok(counted) => counted,
                Err(why) => return nothing(Measurement::NotLeftOut(why)),
            },
        };
        // What was built here is of this workspace, wherever its sources lie.
        let foreign = if self.is_ours { Vec::new() } else { map.foreign(folders) };
        let foreign: Vec<Utf8PathBuf> = foreign.into_iter().map(Utf8Path::to_owned).collect();
        match !foreign.is_empty() && foreign.len() == map.files().len() {
            true => WhatCounts { foreign, ..nothing(Measurement::Foreign) },
            false => WhatCounts { map, left_out, foreign, measurement: None },
        }
    }

    /// That other tests ran than usually, where a baseline is asked for.
    fn partial(&self) -> Option<Reason> {
        let why = self.circumstances.selected.why_no_baseline().filter(|_| self.rule.asks_baseline())?;
        let held = match self.circumstances.selected {
            Selected::Part => "no baseline is held against that, and none comes of it",
            Selected::Whole | Selected::More => "no baseline comes of that",
        };
        Some(Reason::new("partial", format!("{why}: {held}")))
    }

    /// That sources changed since they were measured, where what was measured before is judged again.
    fn stale(&self) -> Option<Reason> {
        let first = self.circumstances.stale.first()?;
        let more = self.circumstances.stale.len() - 1;
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let text = format!(
            "{first}{more} changed since this was measured: run `cargo gate coverage{}` without `--no-run` for a figure \
             of what is there now",
            advice::for_measuring(self.args),
        );
        Some(Reason::new("stale", text))
    }

    fn without_subjects(&self) -> Judged {
        Judged { report: CoverageReport::default(), verdict: Verdict::Nothing, code: ExitCode::Pass, reached: None }
    }

    fn reached(&self, map: &CoverageMap, is_sound: bool) -> CoverageFigures {
        let (total, is_whole) = (map.total(), self.circumstances.selected == Selected::Whole);
        CoverageFigures {
            lines: total.lines,
            regions: total.regions,
            functions: total.functions,
            branches: total.branches,
            counting: map.counting().word().to_owned(),
            is_whole,
            may_be_baseline: is_sound && is_whole,
        }
    }

    fn grounds<'g>(&'g self, packages: &'g [(&'g str, &'g Utf8Path)]) -> Grounds<'g> {
        Grounds { settings: self.settings, root: &self.site.root, target_dir: &self.site.target_dir, packages }
    }

    pub(super) fn key(&self, subject: Subject) -> RatchetKey {
        let built_for =
            BuiltFor { target: self.site.context.target.clone(), features: self.site.context.features.clone() };
        self.ratchet.key(&built_for, subject, self.rule.metric)
    }

    /// How many files git knows to have been deleted since the baseline was measured, where fewer are there now.
    fn deleted_files(&self, known: &Known<'_>, now: u64) -> u64 {
        match known {
            Known::Baseline(Baseline { files: Some(files), commit: Some(commit), .. }) if now < *files => {
                change::deleted_since(&self.site.root, commit)
            }
            _ => 0,
        }
    }

    /// Lets what passes raise the ratchet; gives a sentence on what that did, or on why it could not be written.
    fn raise(
        &self,
        all: &[subjects::Judged],
        ruling: &Ruling,
        ratchet: Option<&Ratchet>,
    ) -> Result<Option<String>, Reason> {
        if ratchet.is_none() || !ruling.is_sound || self.args.test.no_record {
            return Ok(None);
        }
        let (commit, now) = (self.circumstances.commit.as_deref(), Timestamp::now());
        let kept = all.iter().filter(|judged| judged.is_kept);
        let figures: Vec<_> = kept.filter_map(|judged| self.figure(judged, &self.tools, commit, now)).collect();
        match self.ratchet.file.raise(&figures, &self.permission()) {
            Ok(changes) => Ok(Some(in_a_sentence(&changes))),
            Err(error) => Err(not_written(&error)),
        }
    }

    /// What is measured, as the ratchet keeps it.
    pub(super) fn figure(
        &self,
        judged: &subjects::Judged,
        tools: &Tools,
        commit: Option<&str>,
        at: Timestamp,
    ) -> Option<(RatchetKey, Baseline)> {
        let Counts { covered, total, counting, files } = judged.counts;
        let baseline = Baseline {
            counting: Some(counting),
            files: Some(files),
            tools: Some(tools.clone()),
            commit: commit.map(str::to_owned),
            at: Some(at),
            ..Baseline::from(Share::Counted(Ratio::new(covered, total).ok()?))
        };
        Some((self.key(judged.subject.clone()), baseline))
    }

    /// What a figure may do to the ratchet here.
    pub(super) fn permission(&self) -> Permission {
        match self.circumstances.selected.why_no_baseline() {
            Some(why) => Permission::Nothing(why.to_owned()),
            None => permission(&self.settings.coverage.ratchet, &self.site.standing()),
        }
    }
}

/// A figure that should be kept, and is not.
pub(super) fn not_written(error: &RatchetError) -> Reason {
    Reason::new("ratchet-not-written", format!("the ratchet stays as it is: {error}"))
}
