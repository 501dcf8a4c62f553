//! The answer to `--within` and `--commit` in one sentence.

use std::time::Duration;

use jiff::Timestamp;

use super::Status;
use crate::commands::history::{is_pipeline, word};
use crate::exit_code::ExitCode;
use crate::history::passing::{Answer, Lack, Question};
use crate::history::store::StoredRun;
use crate::model::{RunState, WORKSPACE_SUITE, write_duration};
use crate::report::words;

/// The answer, as every format shows it.
pub(super) struct Answered<'a> {
    pub(super) code: ExitCode,
    /// A stable word.
    pub(super) id: &'static str,
    pub(super) sentence: String,
    /// The run that it speaks of.
    pub(super) run: Option<&'a StoredRun>,
}

/// The answer, where something was asked.
pub(super) fn of(status: &Status) -> Option<Answered<'_>> {
    let question = status.asked.as_ref()?;
    let answered = |code, id, sentence, run| Some(Answered { code, id, sentence, run });
    let runs = runs_of(&question.suite);
    let answer = match &status.memory {
        Err(error) => {
            let sentence = format!("no {runs} is known to have passed: {error}");
            return answered(ExitCode::TestsFailed, "unreadable", sentence, None);
        }
        Ok(memory) => memory.answer.as_ref()?,
    };
    match answer {
        Answer::Passed(run) => {
            let sentence = format!("a {runs} passed {}: {}", ago(run.head.start, question.now), told(run));
            answered(ExitCode::Pass, "passed", sentence, Some(run))
        }
        Answer::None(Some((run, lack))) => {
            let (id, sentence) = lacking(question, run, *lack);
            answered(ExitCode::TestsFailed, id, sentence, Some(run))
        }
        Answer::None(None) => {
            let sentence = format!("no {runs} is on record any more: all were pruned");
            answered(ExitCode::TestsFailed, "pruned", sentence, None)
        }
        Answer::Never if question.suite == WORKSPACE_SUITE => {
            let sentence = "the tests of this workspace never ran: `cargo gate test` runs them".to_owned();
            answered(ExitCode::NoTests, "never-ran", sentence, None)
        }
        Answer::Never => {
            let sentence = format!("the suite `{}` never ran, as far as is known here", question.suite);
            answered(ExitCode::NoTests, "never-ran", sentence, None)
        }
    }
}

fn lacking(question: &Question, run: &StoredRun, lack: Lack) -> (&'static str, String) {
    let runs = runs_of(&question.suite);
    let when = ago(run.head.start, question.now);
    let of_commit = question.commit.as_deref().map(|commit| format!(" of commit {}", short(commit)));
    let of_commit = of_commit.unwrap_or_default();
    match lack {
        Lack::Full => {
            let part = if is_pipeline(run) { "of the steps" } else { "of the tests" };
            ("not-full", format!("no {runs} is on record: the latest, {when}, was of a part {part}"))
        }
        Lack::Commit => {
            let other = run
                .head
                .commit
                .as_deref()
                .map_or("of no known commit".to_owned(), |commit| format!("of {}", short(commit)));
            ("other-commit", format!("no {runs}{of_commit} is on record: the latest was {other}, {when}"))
        }
        Lack::Clean => {
            ("uncommitted-changes", format!("the latest {runs}{of_commit}, {when}, had uncommitted changes"))
        }
        Lack::Past => {
            ("in-the-future", format!("the latest {runs}{of_commit} is dated in the future, so that it proves nothing"))
        }
        Lack::Recent => {
            let limit = question.since.map(|since| write_duration(between(since, question.now))).unwrap_or_default();
            ("too-old", format!("the latest {runs}{of_commit} was {when}, longer ago than {limit}"))
        }
        Lack::Passed if run.state == RunState::Running => {
            ("running", format!("the latest {runs}{of_commit}, which began {when}, still goes on"))
        }
        Lack::Passed => {
            let why = match &run.judgement {
                Some(judgement) if run.state == RunState::Executed => judgement.sentence(),
                _ => word(run),
            };
            ("not-passed", format!("the latest {runs}{of_commit}, {when}, did not pass: {why}"))
        }
    }
}

/// What a run of the suite is called.
fn runs_of(suite: &str) -> String {
    if suite == WORKSPACE_SUITE { "full run".to_owned() } else { format!("run of the suite `{suite}`") }
}

/// Which run it is, in a few words.
fn told(run: &StoredRun) -> String {
    let commit = run.head.commit.as_deref().map(|commit| format!(", commit {}", short(commit))).unwrap_or_default();
    let dirty = if run.head.dirty == Some(true) { " with changes" } else { "" };
    let tests = (!is_pipeline(run)).then(|| format!(", {}", words::count(run.totals.tests, "test", "tests")));
    format!("{}{}{commit}{dirty}", run.head.id, tests.unwrap_or_default())
}

/// As much of a commit's name as people read.
pub(super) fn short(commit: &str) -> &str {
    let is_hash = commit.len() > 12 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash { commit.get(..10).unwrap_or(commit) } else { commit }
}

pub(super) fn ago(then: Timestamp, now: Timestamp) -> String {
    words::ago(between(then, now))
}

fn between(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or_default()
}
