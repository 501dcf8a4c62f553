//! The lines of a change: what git says of them, and which of them ran.

use camino::{Utf8Path, Utf8PathBuf};

use crate::cli::CoverageArgs;
use crate::config::Settings;
use crate::coverage::diff::{self, ChangeKind, ChangedFile};
use crate::coverage::patch::{PatchCoverage, PatchFile, PatchRule, PatchVerdict};
use crate::coverage::{CoverageMap, lines};
use crate::ratio::Percent;
use crate::report::coverage::{PatchLines, PatchReport};
use crate::sys::git;

/// What changed since, where nobody says since what.
const USUAL_BASES: [&str; 4] = ["origin/HEAD", "origin/main", "origin/master", "main"];

/// Judges the lines that changed since the merge base, where they are asked about. `Err`: it cannot be judged, and says
/// so, which is no pass where something was asked.
pub(super) fn judge(
    args: &CoverageArgs,
    settings: &Settings,
    root: &Utf8Path,
    map: &CoverageMap,
) -> Option<Result<PatchReport, PatchReport>> {
    let rule = PatchRule { floor: settings.coverage.patch_floor, max_uncovered: settings.coverage.patch_max_uncovered };
    let is_asked = rule.floor > Percent::ZERO || rule.max_uncovered.is_some();
    if args.base.is_none() && !is_asked {
        return None;
    }
    let usual = || USUAL_BASES.into_iter().find(|base| git::resolve(root, base).is_some()).unwrap_or("origin/HEAD");
    let base =
        args.base.clone().or_else(|| settings.coverage.baseline_ref.clone()).unwrap_or_else(|| usual().to_owned());
    let refuse = |why: String| PatchReport { base: base.clone(), said: why, fails: is_asked, ..PatchReport::default() };
    Some(patch(root, map, &base).map_err(refuse).map(|patch| tell(root, &base, &patch, &rule)))
}

fn patch(root: &Utf8Path, map: &CoverageMap, base: &str) -> Result<PatchCoverage, String> {
    let commit = git::merge_base(root, base).map_err(|error| error.to_string())?;
    let text = git::diff_since(root, &commit).map_err(|error| error.to_string())?;
    let mut changes = diff::parse(&text).map_err(|error| error.to_string())?;
    changes.extend(untracked(root, map));
    PatchCoverage::of(&changes, map).map_err(|error| error.to_string())
}

/// What git does not know yet is new from its first line to its last.
fn untracked(root: &Utf8Path, map: &CoverageMap) -> Vec<ChangedFile> {
    let of_file = |path: Utf8PathBuf| {
        let source = fs_err::read(root.join(&path)).ok()?;
        let last = u32::try_from(source.split(|byte| *byte == b'\n').count()).ok()?;
        Some(ChangedFile { path, renamed_from: None, kind: ChangeKind::Added, lines: vec![1..=last] })
    };
    let is_measured = |path: &Utf8PathBuf| map.files().contains_key(path);
    git::untracked(root).into_iter().filter(is_measured).filter_map(of_file).collect()
}

fn tell(root: &Utf8Path, base: &str, patch: &PatchCoverage, rule: &PatchRule) -> PatchReport {
    let (said, fails) = match patch.judge(rule) {
        PatchVerdict::NotAsked if patch.ratio.is_empty() => ("no changed line can be covered".to_owned(), false),
        PatchVerdict::NotAsked => {
            let ratio = patch.ratio;
            let text = format!("{} of {} changed lines are covered ({ratio} %)", ratio.covered(), ratio.total());
            (text, false)
        }
        PatchVerdict::Pass(text) => (text, false),
        PatchVerdict::Fail(text) => (text, true),
    };
    PatchReport {
        base: base.to_owned(),
        ratio: patch.ratio,
        said,
        fails,
        uncovered: patch.files.iter().filter_map(|file| with_source(root, file)).collect(),
        unmeasured: patch.unmeasured.clone(),
    }
}

/// The uncovered lines of a file with what stands there.
fn with_source(root: &Utf8Path, file: &PatchFile) -> Option<PatchLines> {
    if lines::length(&file.uncovered) == 0 {
        return None;
    }
    let source = fs_err::read(root.join(&file.path)).unwrap_or_default();
    let source = String::from_utf8_lossy(&source);
    let numbered = (1_u32..).zip(source.lines());
    let is_uncovered = |number: u32| file.uncovered.iter().any(|range| range.contains(&number));
    let lines = numbered.filter(|(number, _)| is_uncovered(*number)).map(|(number, text)| (number, text.to_owned()));
    Some(PatchLines { path: file.path.clone(), lines: lines.collect() })
}

/// How many Rust files git knows to be gone since a commit.
pub(super) fn deleted_since(root: &Utf8Path, commit: &str) -> u64 {
    let changes = git::diff_since(root, commit).ok().and_then(|text| diff::parse(&text).ok()).unwrap_or_default();
    let is_gone = |change: &&ChangedFile| change.kind == ChangeKind::Deleted && change.path.extension() == Some("rs");
    changes.iter().filter(is_gone).count() as u64
}
