//! `cargo gate baseline`: the ratchet by hand. Also what takes a report's figure as a baseline without measuring again.

mod figure;
mod show;

use std::io::{self, Write};
use std::path::Path;

use super::complain;
use super::place::Place;
use super::ratchet::{BuiltFor, OwnRatchet};
use crate::cli::{BaselineAction, BaselineKeyArgs, BaselineResetArgs, BaselineSetArgs, Format};
use crate::config::{Metric, RatchetScope};
use crate::coverage::baseline::{Baseline, Subject};
use crate::coverage::ratchet::{Change, Permission, RatchetKey};
use crate::coverage::ratchet_file::RatchetError;
use crate::exit_code::ExitCode;
use crate::model::Word;
use figure::Figure;
pub(super) use show::entries_json;

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
enum BaselineError {
    /// The ratchet cannot be read or changed.
    #[error(transparent)]
    Ratchet(#[from] RatchetError),
    /// It was asked for what makes no sense.
    #[error("{0}")]
    Usage(String),
    /// No figure can be taken from a report.
    #[error("{0}")]
    Report(String),
    /// The report says that its figure is not good enough.
    #[error("{0}")]
    Failing(String),
    /// The output could not be written.
    #[error("the output cannot be written: {0}")]
    Write(#[from] io::Error),
    /// It has been said.
    #[error("")]
    Said(ExitCode),
}

/// Runs the command.
pub(super) fn run(action: &BaselineAction) -> ExitCode {
    let common = action.common();
    let place = match Place::find(&common.place, &[]) {
        Ok(place) => place,
        Err(code) => return code,
    };
    let mut out = io::stdout().lock();
    finish(match action {
        BaselineAction::Show { .. } => show_all(&place, common.format, &mut out),
        BaselineAction::Set(args) => set(&place, args, &mut out),
        BaselineAction::Reset(args) => reset(&place, args, &mut out),
    })
}

/// **R6**: lets the figure of a report raise the baseline, for `cargo gate coverage --ratchet-from REPORT --commit ID`.
/// `build_words` are the user's flags that bear on the key, in cargo's words.
pub(super) fn ratchet_from(
    place: &Place,
    report: &Path,
    commit: Option<&str>,
    build_words: &[String],
    format: Format,
) -> ExitCode {
    finish(raise(place, report, commit, build_words, format, &mut io::stdout().lock()))
}

fn finish(done: Result<(), BaselineError>) -> ExitCode {
    let Err(error) = done else { return ExitCode::Pass };
    let code = match &error {
        // Whoever closed the pipe has read enough.
        BaselineError::Write(error) if error.kind() == io::ErrorKind::BrokenPipe => return ExitCode::Pass,
        BaselineError::Said(code) => return *code,
        BaselineError::Ratchet(error) => error.exit_code(),
        BaselineError::Usage(_) => ExitCode::Usage,
        BaselineError::Report(_) => ExitCode::Config,
        BaselineError::Failing(_) => ExitCode::CoverageFailed,
        BaselineError::Write(_) => ExitCode::Internal,
    };
    complain("error", &error.to_string());
    code
}

fn own_ratchet(place: &Place) -> OwnRatchet {
    OwnRatchet::of(&place.workspace.root, &place.gate_dir, &place.settings().coverage)
}

fn show_all(place: &Place, format: Format, out: &mut dyn Write) -> Result<(), BaselineError> {
    let ratchet = own_ratchet(place);
    let kept = ratchet.file.load()?;
    if format == Format::Human && kept.entries().next().is_none() {
        let path = ratchet.file.path();
        complain("note", &format!("there is no baseline yet in `{path}`: `cargo gate coverage` sets the first"));
        return Ok(());
    }
    Ok(show::all(&ratchet, &kept, format, out)?)
}

fn set(place: &Place, args: &BaselineSetArgs, out: &mut dyn Write) -> Result<(), BaselineError> {
    let subject = subject(place, &args.key)?;
    let commit = args.commit.as_deref();
    let figure = match (args.value, &args.from) {
        (Some(share), _) => {
            check_there(place, &subject)?;
            Figure::told(share, place, commit)
        }
        (None, _) if subject != Subject::Workspace => {
            let why = format!("a report tells the figure of the workspace only: write that of the {subject}");
            return Err(BaselineError::Usage(why));
        }
        (None, Some(report)) => Figure::reported(report, place, commit)?,
        (None, None) => Figure::latest(place, commit)?,
    };
    if figure.may_be_baseline == Some(false) {
        complain("warning", "the measurement was incomplete, as the report says: its figure may be too low");
    }
    let ratchet = own_ratchet(place);
    let (key, scope) =
        (key(place, &ratchet, &args.key, subject, Some(&figure))?, place.settings().coverage.ratchet_scope);
    let before = ratchet.file.load()?.baseline(&key).cloned();
    ratchet.file.set(&key, &figure.baseline, args.reason.as_deref())?;
    if !judges(scope, &key.subject) {
        let scope = scope.word();
        complain("note", &format!("nothing is held against it yet: `coverage.ratchet-scope` is `{scope}`"));
    }
    let moved = show::Moved { word: "set", before, note: None };
    tell(&ratchet, &key, &moved, args.common.format, out)
}

fn reset(place: &Place, args: &BaselineResetArgs, out: &mut dyn Write) -> Result<(), BaselineError> {
    let subject = subject(place, &args.key)?;
    let ratchet = own_ratchet(place);
    let key = key(place, &ratchet, &args.key, subject, None)?;
    let before = ratchet.file.load()?.baseline(&key).cloned();
    ratchet.file.reset(&key, &args.reason)?;
    tell(&ratchet, &key, &show::Moved { word: "reset", before, note: None }, args.common.format, out)
}

fn raise(
    place: &Place,
    report: &Path,
    commit: Option<&str>,
    build_words: &[String],
    format: Format,
    out: &mut dyn Write,
) -> Result<(), BaselineError> {
    let figure = Figure::reported(report, place, commit)?;
    if let Some(why) = &figure.failing {
        return Err(BaselineError::Failing(format!("{why}: only a figure that passes becomes a baseline")));
    }
    let ratchet = own_ratchet(place);
    let before = ratchet.file.load()?;
    let asked = Asked { build_words, metric: None };
    let key = key_of(place, &ratchet, &asked, Subject::Workspace, Some(&figure))?;
    let before = before.baseline(&key).cloned();
    let incomplete = "the measurement was incomplete, as the report says, so its figure becomes no baseline";
    // Whoever asks for it has decided that it may rise here.
    let permission = match figure.may_be_baseline {
        Some(false) => Permission::Nothing(incomplete.to_owned()),
        _ => Permission::Rise,
    };
    let change = ratchet.file.raise(&[(key.clone(), figure.baseline.clone())], &permission)?.pop();
    let share = figure.baseline.share;
    let (word, note) = match change {
        Some(Change::Bootstrap) => ("bootstrap", None),
        Some(Change::Rise { .. }) => ("rise", None),
        Some(Change::Held { why }) => ("held", Some(why)),
        Some(Change::Refused { stands }) => {
            ("refused", Some(format!("it stays at {stands} %: the report's {share} % is no rise")))
        }
        Some(Change::Same) | None => ("same", Some(format!("it stays at {share} %, which the report says, too"))),
    };
    tell(&ratchet, &key, &show::Moved { word, before, note }, format, out)
}

/// Shows what was done, as it stands in the file now.
fn tell(
    ratchet: &OwnRatchet,
    key: &RatchetKey,
    moved: &show::Moved,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), BaselineError> {
    let kept = ratchet.file.load()?;
    let entry = kept.entries().find(|(one, _)| *one == key).map(|(_, entry)| entry.clone()).unwrap_or_default();
    Ok(show::moved(ratchet, key, &entry, moved, format, out)?)
}

fn subject(place: &Place, args: &BaselineKeyArgs) -> Result<Subject, BaselineError> {
    let Some(text) = &args.subject else { return Ok(Subject::Workspace) };
    Ok(match text.parse().map_err(|error| BaselineError::Usage(format!("{error}")))? {
        Subject::File(path) => {
            let path = super::ratchet::plain(path.strip_prefix(&place.workspace.root).unwrap_or(&path));
            Subject::File(path)
        }
        other => other,
    })
}

/// A baseline of what is not there would judge nothing, and a slip of the pen would go unnoticed.
fn check_there(place: &Place, subject: &Subject) -> Result<(), BaselineError> {
    let workspace = &place.workspace;
    let is_there = match subject {
        Subject::Workspace => true,
        Subject::Package(name) => workspace.packages.values().any(|package| package.name == *name),
        Subject::File(path) => workspace.root.join(path).is_file(),
    };
    is_there.then_some(()).ok_or_else(|| BaselineError::Usage(format!("there is no {subject} in this workspace")))
}

const fn judges(scope: RatchetScope, subject: &Subject) -> bool {
    match subject {
        Subject::Workspace => true,
        Subject::Package(_) => matches!(scope, RatchetScope::Package | RatchetScope::File),
        Subject::File(_) => matches!(scope, RatchetScope::File),
    }
}

/// What the command line says of a key.
struct Asked<'a> {
    build_words: &'a [String],
    metric: Option<Metric>,
}

fn key(
    place: &Place,
    ratchet: &OwnRatchet,
    args: &BaselineKeyArgs,
    subject: Subject,
    figure: Option<&Figure>,
) -> Result<RatchetKey, BaselineError> {
    let metric = args.metric.as_deref().and_then(Metric::from_word);
    key_of(place, ratchet, &Asked { build_words: &args.build_words(), metric }, subject, figure)
}

/// The key that is meant: by the flags, else by the report, else by what would be built here.
fn key_of(
    place: &Place,
    ratchet: &OwnRatchet,
    asked: &Asked<'_>,
    subject: Subject,
    figure: Option<&Figure>,
) -> Result<RatchetKey, BaselineError> {
    let reported = figure.and_then(|figure| figure.metric);
    let metric = match (asked.metric, reported) {
        (Some(asked), Some(reported)) if asked != reported => {
            return Err(BaselineError::Usage(format!("the report counts {reported}, and not {asked}")));
        }
        (one, other) => one.or(other).unwrap_or(place.settings().coverage.metric),
    };
    let built_for = match figure.and_then(|figure| figure.built_for.clone()) {
        Some(built_for) if asked.build_words.is_empty() => built_for,
        _ => BuiltFor::configured(place, asked.build_words).map_err(BaselineError::Said)?,
    };
    Ok(ratchet.key(&built_for, subject, metric))
}

/// What the file is compared with: the figure that stands there.
type Before = Option<Baseline>;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use camino::Utf8PathBuf;

    use super::*;
    use crate::cargo::workspace::Workspace;
    use crate::config::{Layers, Resolved};
    use crate::ratio::Share;

    struct Ground {
        _folder: tempfile::TempDir,
        root: Utf8PathBuf,
        place: Place,
    }

    impl Ground {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let root = Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
            let (target_dir, gate_dir) = (root.join("target"), root.join("target/gate"));
            let workspace =
                Workspace { root: root.clone(), target_dir, packages: BTreeMap::new(), runs_in_builds: false };
            let resolved = Resolved::from_layers(&Layers::default()).unwrap();
            Self { _folder: folder, root, place: Place { workspace, resolved, gate_dir } }
        }

        /// What becomes of the baseline when a report with this head is taken.
        fn take(&self, head: &str, commit: &str) -> Result<serde_json::Value, BaselineError> {
            let report = self.root.join("report.md");
            fs_err::write(&report, format!("---\n{head}\n---\n# Coverage\n")).unwrap();
            self.take_from(&report, commit)
        }

        fn take_from(&self, report: &Utf8PathBuf, commit: &str) -> Result<serde_json::Value, BaselineError> {
            let mut out = Vec::new();
            raise(&self.place, report.as_std_path(), Some(commit), &[], Format::Json, &mut out)?;
            Ok(serde_json::from_slice(&out).unwrap())
        }

        fn figures(&self) -> Vec<Share> {
            let kept = own_ratchet(&self.place).file.load().unwrap();
            kept.entries().filter_map(|(_, entry)| Some(entry.baseline.as_ref()?.share)).collect()
        }
    }

    #[test]
    fn r6_the_figure_of_a_report_becomes_the_baseline() {
        let ground = Ground::new();
        let head = "coverage_status: PASS\ncovered: 770\ntotal: 1000\nmetric: lines\ncounting: llvm-cov\nfiles: 12\n\
                    target: t\nfeatures: --all-features\ntools: rustc 1.95.0, cargo-llvm-cov 0.9.1\ncommit: measured";
        let said = ground.take(head, "merged").unwrap();
        let entry = &said["entry"];
        assert_eq!(
            (&said["change"], &entry["covered"], &entry["total"]),
            (&"bootstrap".into(), &770.into(), &1000.into())
        );
        assert_eq!((&entry["commit"], &entry["target"]), (&"merged".into(), &"t".into()));
        assert_eq!((&entry["features"], &entry["files"]), (&"--all-features".into(), &12.into()));
        assert_eq!((&entry["counting"], &entry["measurer"]), (&"llvm-cov".into(), &"cargo-llvm-cov 0.9.1".into()));
        for (covered, change) in [(771, "rise"), (771, "same"), (770, "refused")] {
            let said = ground.take(&head.replace("covered: 770", &format!("covered: {covered}")), "next").unwrap();
            assert_eq!((&said["change"], &said["entry"]["covered"]), (&change.into(), &771.into()), "{covered}");
        }
    }

    #[test]
    fn r6_a_report_without_counts_has_a_figure_too() {
        let ground = Ground::new();
        for head in ["measured_coverage: 77.50", "coverage_status: PASS\nmeasured_coverage: 77.50"] {
            let said = ground.take(head, "abc").unwrap();
            assert_eq!(
                (&said["entry"]["percent"], &said["entry"]["covered"]),
                (&77.5.into(), &serde_json::Value::Null)
            );
            assert_eq!(ground.figures(), ["77.5".parse().unwrap()]);
        }
    }

    #[test]
    fn r6_what_is_no_report_or_a_bad_one_changes_nothing_and_says_why() {
        let ground = Ground::new();
        ground.take("measured_coverage: 60", "abc").unwrap();
        for (head, code, words) in [
            ("coverage_status: PASS\nmeasured_coverage: N/A", ExitCode::Config, "nothing was measured"),
            ("result: PASS", ExitCode::Config, "nothing was measured"),
            ("measured_coverage: 101", ExitCode::Config, "is above 100"),
            ("covered: 5\ntotal: 4", ExitCode::Config, "more than there are"),
            ("measured_coverage: 90\nmetric: words", ExitCode::Config, "`metric` is \"words\""),
            (
                "coverage_status: FAIL\nmeasured_coverage: 90\nreason: 2 tests failed",
                ExitCode::CoverageFailed,
                "2 tests failed",
            ),
        ] {
            let error = ground.take(head, "abc").unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
            assert_eq!(finish(Err(error)), code, "{head}");
        }
        let error = ground.take_from(&ground.root.join("none.md"), "abc").unwrap_err();
        assert!(error.to_string().starts_with("there is no report `"), "{error}");
        assert_eq!(finish(Err(error)), ExitCode::Config);
        let said = ground.take("measured_coverage: 90\nmay_be_baseline: false", "abc").unwrap();
        assert_eq!(said["change"], "held");
        assert!(said["note"].as_str().unwrap().contains("incomplete"), "{said}");
        assert_eq!(ground.figures(), ["60".parse().unwrap()]);
    }
}
