//! What coverage was over time, and what of each file was covered last.

use camino::{Utf8Component, Utf8Path};

use super::super::coverage::left_out::{Grounds, packages};
use super::super::remembered::Remembered;
use crate::coverage::directory::Directory;
use crate::coverage::{LineHits, source};
use crate::history::store::StoreError;
use crate::model::CoverageFigures;
use crate::report::retrospect::{CoveragePoint, CoveredFile};

/// How many of the latest measurements are looked at.
const MEASUREMENTS: u64 = 500;

/// What coverage was, oldest first: of the whole workspace, and counted as it was last.
pub(super) fn over_time(memory: &Remembered) -> Result<Vec<CoveragePoint>, StoreError> {
    let metric = memory.place.settings().coverage.metric;
    let mut runs = memory.store.coverage(&memory.context, MEASUREMENTS)?;
    let whole = |figures: &CoverageFigures| figures.is_whole && !figures.get(metric).is_empty();
    runs.retain(|run| run.coverage.as_ref().is_some_and(whole));
    let counting = runs.last().and_then(|run| run.coverage.as_ref()).map(|figures| figures.counting.clone());
    let points = runs.into_iter().filter_map(|run| {
        let figures = run.coverage.filter(|figures| Some(&figures.counting) == counting.as_ref())?;
        let ratio = figures.get(metric);
        Some(CoveragePoint {
            at: run.head.start,
            covered: ratio.covered(),
            total: ratio.total(),
            commit: run.head.commit,
        })
    });
    Ok(points.collect())
}

/// The files of the last measurement, where that was of the whole workspace and still lies there.
pub(super) fn files(memory: &Remembered) -> Result<Vec<CoveredFile>, StoreError> {
    let last = memory.store.coverage(&memory.context, 1)?.pop();
    let Some(last) = last.filter(|run| run.coverage.as_ref().is_some_and(|figures| figures.is_whole)) else {
        return Ok(Vec::new());
    };
    Ok(measured_since(memory, last.head.start.into()).unwrap_or_default())
}

/// What a measurement covered of each file that counts; none where it is older, or cannot be read any more.
fn measured_since(memory: &Remembered, start: std::time::SystemTime) -> Option<Vec<CoveredFile>> {
    let (workspace, settings) = (&memory.place.workspace, memory.place.settings());
    let exported = Directory::of(&workspace.target_dir, &memory.context).exported();
    let written = exported.metadata().ok()?.modified().ok()?;
    if written < start {
        return None;
    }
    let map = source::load_export(&exported, &workspace.root).ok()?;
    let packages = packages(workspace);
    let packages: Vec<(&str, &Utf8Path)> =
        packages.iter().map(|(name, folder)| (name.as_str(), folder.as_path())).collect();
    let grounds = Grounds { settings, root: &workspace.root, target_dir: &workspace.target_dir, packages: &packages };
    let (map, _) = grounds.leave_out(map).ok()?;
    let metric = settings.coverage.metric;
    let files = map.files().iter().map(|(path, file)| {
        let ratio = file.figures.get(metric);
        CoveredFile {
            path: path.to_string(),
            covered: ratio.covered(),
            total: ratio.total(),
            uncovered: file.hits.as_ref().map(LineHits::uncovered).unwrap_or_default(),
            source: source_of(&workspace.root, path, written),
        }
    });
    Some(files.collect())
}

/// The lines of a file inside the workspace, where it is as it was measured.
fn source_of(root: &Utf8Path, path: &Utf8Path, measured: std::time::SystemTime) -> Option<Vec<String>> {
    if !path.components().all(|part| matches!(part, Utf8Component::Normal(_))) {
        return None;
    }
    let path = root.join(path);
    if path.metadata().ok()?.modified().ok()? > measured {
        return None;
    }
    Some(fs_err::read_to_string(path).ok()?.lines().map(str::to_owned).collect())
}
