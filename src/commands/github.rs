//! GitHub Actions: whether a command speaks to it, where its checkout is, and where a step's summary goes.

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;

use crate::cargo::workspace::Workspace;
use crate::config::Settings;
use crate::model::{CaseRecord, Judgement, Outcome, Severity, TestKey};
use crate::report::Insights;
use crate::report::github::{Findings, MOST_BYTES, Sources, Weighed, annotate, summary};
use crate::sys::git;
use crate::sys::term::Surroundings;

/// Is GitHub spoken to?
pub(super) fn is_spoken_to(settings: &Settings) -> bool {
    Surroundings::read().speaks_to_github(settings.ci.annotations)
}

/// How much each test of a run weighs, as the run was judged; none weighs more than what it is part of.
pub(super) fn weighed<'a>(
    cases: &'a [Arc<CaseRecord>],
    judgement: &Judgement,
    insights: &Insights,
    whole: Severity,
) -> Vec<Weighed<'a>> {
    let spared: HashSet<&TestKey> = insights.quarantined.iter().map(|line| &*line.key).collect();
    let flaky = weight_of("flaky", judgement);
    let own = |case: &CaseRecord| match case.outcome {
        _ if spared.contains(&*case.key) => Severity::Ignore,
        Outcome::Flaky => flaky,
        _ => Severity::Block,
    };
    cases.iter().map(|case| Weighed { case, severity: own(case).max(whole) }).collect()
}

/// How much something weighs that may be a reason to shut the gate.
pub(super) fn weight_of(reason: &str, judgement: &Judgement) -> Severity {
    let shuts = judgement.reasons.iter().any(|one| one.id == reason);
    if shuts { Severity::Block } else { Severity::Warn }
}

/// Says what a command came to: beside the change on standard error, where no machine's output is (GitHub reads both),
/// and in the step's summary, where there is one. `built_in` is the root that the tests were built in, where that is
/// another one than the workspace's. Gives what went wrong.
pub(super) fn tell(
    findings: &Findings<'_>,
    workspace: Option<&Workspace>,
    built_in: Option<&Utf8Path>,
) -> Option<String> {
    let sources = sources(workspace, built_in);
    let mut lines = Vec::new();
    // Whoever closed the pipe has read enough.
    let _ = annotate(findings, &sources, &mut lines).and_then(|()| io::stderr().lock().write_all(&lines));
    let file = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|file| !file.is_empty())?;
    let error = append(Path::new(&file), findings).err()?;
    Some(format!("the step's summary cannot be written: {error}"))
}

/// Several commands of a step may share the file, and GitHub refuses all of it where it is too large.
fn append(file: &Path, findings: &Findings<'_>) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(file)?;
    let there = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    let between = if there == 0 { "" } else { "\n" };
    let text = summary(findings, MOST_BYTES.saturating_sub(there).saturating_sub(between.len()));
    if text.is_empty() {
        return Ok(());
    }
    file.write_all(format!("{between}{text}").as_bytes())
}

fn sources(workspace: Option<&Workspace>, built_in: Option<&Utf8Path>) -> Sources<'static> {
    let root = workspace.map(|workspace| workspace.root.clone()).unwrap_or_default();
    let folder = |manifest: &Utf8Path| manifest.parent().map(Utf8Path::to_owned);
    let packages = workspace.into_iter().flat_map(|workspace| workspace.packages.values());
    Sources {
        repository: repository(&root),
        built_in: built_in.unwrap_or(&root).to_owned(),
        target_dir: workspace.map(|workspace| workspace.target_dir.clone()).unwrap_or_default(),
        packages: packages.filter_map(|package| Some((package.name.clone(), folder(&package.manifest)?))).collect(),
        workspace: root,
        is_file: &|path| path.is_file(),
    }
}

/// What GitHub takes paths to be relative to: its workspace, where this one lies in it, else the checkout.
fn repository(root: &Utf8Path) -> Utf8PathBuf {
    let of_github = || {
        let outer = fs::canonicalize(std::env::var_os("GITHUB_WORKSPACE")?).ok()?;
        let own = fs::canonicalize(root).ok()?;
        Some(own.strip_prefix(outer).ok()?.components().count())
    };
    let of_git = || Some(git::way_from_root(root)?.components().count());
    // In the words of the root: a link on the way to it stays one.
    let above = of_github().or_else(of_git).unwrap_or_default();
    root.ancestors().nth(above).unwrap_or(root).to_owned()
}
