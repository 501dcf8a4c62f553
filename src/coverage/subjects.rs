//! Whose figures are judged, and by which rule: the workspace's always; packages and files where the ratchet keeps
//! theirs, or a floor of their own is set.

use std::collections::BTreeMap;

use camino::Utf8Path;

use super::baseline::Subject;
use super::map::CoverageMap;
use super::verdict::{Counts, Rule};
use crate::config::{CoveragePolicy, RatchetScope, Settings};
use crate::ratio::{Percent, Ratio};

/// A figure that is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Whose it is.
    pub subject: Subject,
    /// By which rule.
    pub rule: Rule,
    /// What was counted.
    pub counts: Counts,
    /// Does the ratchet keep it?
    pub is_kept: bool,
}

/// Every figure that is judged, the workspace's first. `packages` are names with their folders relative to the root;
/// `rule` is the workspace's. What has nothing to cover is not judged, but for the workspace.
#[must_use]
pub fn judged(map: &CoverageMap, packages: &[(&str, &Utf8Path)], settings: &Settings, rule: &Rule) -> Vec<Judged> {
    let counts = |ratio: Ratio, files: u64| Counts {
        covered: ratio.covered(),
        total: ratio.total(),
        counting: map.counting(),
        files,
    };
    let whole = counts(map.total().get(rule.metric), map.files().len() as u64);
    let mut all = vec![Judged { subject: Subject::Workspace, rule: *rule, counts: whole, is_kept: true }];
    let mut add = |subject: Subject, ratio: Ratio, files: u64, floor: Option<Percent>, is_kept: bool| {
        if let Some(rule) = rule_of_part(rule, floor, is_kept).filter(|_| !ratio.is_empty()) {
            all.push(Judged { subject, rule, counts: counts(ratio, files), is_kept });
        }
    };
    let scope = settings.coverage.ratchet_scope;
    let files_of = files_by_package(map, packages);
    for (name, figures) in map.by_package(packages) {
        let (ratio, files) = (figures.get(rule.metric), files_of.get(name).copied().unwrap_or_default());
        let subject = Subject::Package(name.to_owned());
        add(subject, ratio, files, settings.floor_of_package(name), scope != RatchetScope::Workspace);
    }
    for (path, file) in map.files() {
        let subject = Subject::File(path.clone());
        add(subject, file.figures.get(rule.metric), 1, settings.floor_of_file(path), scope == RatchetScope::File);
    }
    all
}

/// The rule for a part of the workspace: its own floor holds whatever the policy, since somebody wrote it for this part,
/// and the workspace's floor is not its. `None`: nothing is asked, and nothing kept.
fn rule_of_part(rule: &Rule, floor: Option<Percent>, is_kept: bool) -> Option<Rule> {
    let asks_baseline = is_kept && rule.policy != CoveragePolicy::Absolute;
    let policy = match (asks_baseline, floor) {
        (true, Some(_)) => CoveragePolicy::Both,
        (true, None) => CoveragePolicy::Baseline,
        (false, _) => CoveragePolicy::Absolute,
    };
    (is_kept || floor.is_some()).then(|| Rule { policy, floor: floor.unwrap_or_default(), ..*rule })
}

fn files_by_package<'a>(map: &CoverageMap, packages: &[(&'a str, &Utf8Path)]) -> BTreeMap<&'a str, u64> {
    let mut files = BTreeMap::new();
    for path in map.files().keys() {
        if let Some(name) = CoverageMap::package_of(path, packages) {
            *files.entry(name).or_default() += 1;
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::super::map::{Counting, Figures, FileCoverage};
    use super::*;
    use crate::config::{Floor, Metric, OnToolError};
    use crate::model::{PackagePatterns, PathPatterns};

    fn map() -> CoverageMap {
        let file = |covered, total| FileCoverage {
            figures: Figures { lines: Ratio::new(covered, total).unwrap(), ..Figures::default() },
            hits: None,
        };
        let files = [("src/a.rs", file(1, 2)), ("core/src/b.rs", file(3, 4)), ("core/src/empty.rs", file(0, 0))];
        CoverageMap::new(Counting::Summary, files.map(|(path, file)| (path.into(), file)).into()).unwrap()
    }

    fn told(policy: CoveragePolicy, scope: RatchetScope, floors: Vec<Floor>) -> Vec<String> {
        let mut settings = Settings::default();
        settings.coverage.ratchet_scope = scope;
        settings.floors = floors;
        let rule = Rule {
            policy,
            floor: "50".parse().unwrap(),
            epsilon: Percent::ZERO,
            metric: Metric::Lines,
            on_tool_error: OnToolError::Closed,
            allow_removal: false,
        };
        let packages = [("app", "".into()), ("core", "core".into())];
        let tell = |one: Judged| {
            let Counts { covered, total, files, .. } = one.counts;
            let kept = if one.is_kept { " kept" } else { "" };
            format!("{} {} {} {covered}/{total} {files}{kept}", one.subject, one.rule.policy, one.rule.floor)
        };
        judged(&map(), &packages, &settings, &rule).into_iter().map(tell).collect()
    }

    #[test]
    fn the_workspace_alone_is_judged_unless_more_is_asked() {
        assert_eq!(told(CoveragePolicy::Both, RatchetScope::Workspace, vec![]), ["workspace both 50 4/6 3 kept"]);
    }

    #[test]
    fn the_scope_of_the_ratchet_asks_for_baselines_of_parts() {
        assert_eq!(
            told(CoveragePolicy::Both, RatchetScope::Package, vec![]),
            ["workspace both 50 4/6 3 kept", "package:app baseline 0 1/2 1 kept", "package:core baseline 0 3/4 2 kept"]
        );
        // What is kept and not judged passes, and goes on being kept.
        assert_eq!(
            told(CoveragePolicy::Absolute, RatchetScope::File, vec![])[3..],
            ["file:core/src/b.rs absolute 0 3/4 1 kept", "file:src/a.rs absolute 0 1/2 1 kept"]
        );
    }

    #[test]
    fn a_floor_of_its_own_holds_whatever_the_policy() {
        let floors = || {
            let core = Some(PackagePatterns::new(&["core"]).unwrap());
            let sources = Some(PathPatterns::new(&["src/*"]).unwrap());
            vec![
                Floor { packages: core, files: None, floor: "90".parse().unwrap() },
                Floor { packages: None, files: sources, floor: "20".parse().unwrap() },
            ]
        };
        assert_eq!(
            told(CoveragePolicy::Baseline, RatchetScope::Workspace, floors())[1..],
            ["package:core absolute 90 3/4 2", "file:src/a.rs absolute 20 1/2 1"]
        );
        assert_eq!(
            told(CoveragePolicy::Baseline, RatchetScope::Package, floors())[1..],
            ["package:app baseline 0 1/2 1 kept", "package:core both 90 3/4 2 kept", "file:src/a.rs absolute 20 1/2 1"]
        );
    }
}
