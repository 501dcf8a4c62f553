//! What is said of a judged measurement: its figures as every report shows them, and sentences on what was left out and
//! on what became of the ratchet.

use super::judging::Judging;
use crate::coverage::baseline::Subject;
use crate::coverage::circumstances::Selected;
use crate::coverage::exempt::LeftOut;
use crate::coverage::ratchet::{Change, Ratchet};
use crate::coverage::subjects;
use crate::coverage::verdict::Ruling;
use crate::coverage::{CoverageMap, lines};
use crate::model::{Verdict, Word};
use crate::ratio::{Percent, Ratio, Share};
use crate::report::coverage::CoveredPart;
use crate::report::{CoverageHead, CoverageReport};

impl Judging<'_> {
    /// The report, but for what is said of the change, of the ratchet, and of what was left out.
    pub(super) fn report(
        &self,
        map: &CoverageMap,
        all: &[subjects::Judged],
        falls_short: &[bool],
        ruling: &Ruling,
        has_numbers: bool,
        ratchet: Option<&Ratchet>,
    ) -> CoverageReport {
        let before = |subject: &Subject| Some(ratchet?.baseline(&self.key(subject.clone()))?.share);
        let baseline = ratchet.and_then(|ratchet| ratchet.baseline(&self.key(Subject::Workspace)));
        let total = map.total().get(self.rule.metric);
        let part = |name: String, subject: Subject, ratio: Ratio, uncovered| {
            let at = all.iter().position(|judged| judged.subject == subject);
            let judged = at.and_then(|at| all.get(at));
            CoveredPart {
                name,
                ratio,
                before: before(&subject),
                floor: judged.map(|judged| judged.rule.floor).filter(|floor| *floor > Percent::ZERO),
                falls_short: at.and_then(|at| falls_short.get(at)).copied().unwrap_or_default(),
                uncovered,
            }
        };
        let folders = self.site.folders();
        let packages = map.by_package(&folders).into_iter().map(|(name, figures)| {
            let ratio = figures.get(self.rule.metric);
            part(name.to_owned(), Subject::Package(name.to_owned()), ratio, Vec::new())
        });
        let files = map.files().iter().map(|(path, file)| {
            let uncovered = file.hits.as_ref().map(lines::LineHits::uncovered).unwrap_or_default();
            part(path.to_string(), Subject::File(path.clone()), file.figures.get(self.rule.metric), uncovered)
        });
        let mut files: Vec<CoveredPart> = files.collect();
        files.sort_by(|a, b| b.ratio.uncovered().cmp(&a.ratio.uncovered()).then_with(|| a.name.cmp(&b.name)));
        let whole = map.total();
        let totals = [
            ("lines", whole.lines),
            ("regions", whole.regions),
            ("functions", whole.functions),
            ("branches", whole.branches),
        ];
        let reason = ruling.reasons.first().map(|reason| reason.text.clone()).unwrap_or_default();
        CoverageReport {
            head: CoverageHead {
                passes: ruling.verdict != Verdict::Fail,
                measured: has_numbers.then_some(Share::Counted(total)),
                counting: has_numbers.then(|| map.counting().word().to_owned()),
                files: has_numbers.then(|| map.files().len() as u64),
                target: Some(self.site.context.target.clone()),
                features: self.site.context.features.clone(),
                may_be_baseline: Some(ruling.is_sound && self.circumstances.selected == Selected::Whole),
                baseline: baseline.map(|baseline| baseline.share.ratio().floored()),
                floor: self.rule.floor,
                policy: self.rule.policy.word().to_owned(),
                epsilon: self.rule.epsilon,
                delta: ruling.delta,
                metric: self.rule.metric.word().to_owned(),
                commit: self.circumstances.commit.clone(),
                tools: self.tools.to_string(),
                reason,
            },
            word: if ruling.verdict == Verdict::Fail { "FAIL" } else { "PASS" },
            reasons: ruling.reasons.clone(),
            warnings: ruling.warnings.clone(),
            baseline: baseline.map(|baseline| (baseline.share, baseline.commit.clone())),
            totals: totals.into_iter().filter(|(_, ratio)| !ratio.is_empty()).collect(),
            packages: packages.collect(),
            files,
            counted: map.counting().sentence().to_owned(),
            ..CoverageReport::default()
        }
    }
}

/// What was left out, by why, and how much that is.
pub(super) fn in_words(left_out: &[LeftOut]) -> Vec<(String, String)> {
    let mut by_why: Vec<(String, u64, u64)> = Vec::new();
    for one in left_out {
        let why = one.why.to_string();
        let at = by_why.iter().position(|(known, ..)| *known == why).unwrap_or_else(|| {
            by_why.push((why, 0, 0));
            by_why.len() - 1
        });
        let Some((_, files, count)) = by_why.get_mut(at) else { continue };
        match &one.lines {
            None => *files += 1,
            Some(ranges) => *count += lines::length(ranges),
        }
    }
    let plural = |count: u64, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    let text = |(why, files, count): (String, u64, u64)| {
        let parts = [(files, "file"), (count, "line")].into_iter().filter(|(count, _)| *count > 0);
        (why, parts.map(|(count, one)| plural(count, one)).collect::<Vec<_>>().join(" and "))
    };
    by_why.into_iter().map(text).collect()
}

/// What the ratchet did, of all its entries.
pub(super) fn in_a_sentence(changes: &[Change]) -> String {
    if let Some(why) = changes.iter().find_map(|change| match change {
        Change::Held { why } => Some(why),
        _ => None,
    }) {
        return format!("the ratchet stays as it is: {why}");
    }
    let (mut set, mut rose) = (0, Vec::new());
    for change in changes {
        match change {
            Change::Bootstrap => set += 1,
            Change::Rise { from } => rose.push(from),
            _ => {}
        }
    }
    match (set, rose.as_slice()) {
        (0, []) => "the ratchet stands where it stood".to_owned(),
        (0, [from]) => format!("the ratchet rose from {from} %"),
        (0, many) => format!("the ratchet rose in {} places", many.len()),
        (1, []) => "the ratchet begins here".to_owned(),
        (set, rose) => format!("the ratchet begins in {set} places and rose in {}", rose.len()),
    }
}
