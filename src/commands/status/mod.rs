//! `cargo gate status`: what is in force and what is on record; with `--within` or `--commit`, whether a full run
//! passed.

mod answer;
mod show;

use std::io;

use camino::Utf8PathBuf;
use jiff::Timestamp;

use super::history::unknown_commit;
use super::keeping;
use super::place::Place;
use super::ratchet::OwnRatchet;
use super::{complain, written};
use crate::cli::StatusArgs;
use crate::config::without_password;
use crate::coverage::ratchet::Ratchet;
use crate::coverage::ratchet_file::RatchetError;
use crate::exit_code::ExitCode;
use crate::history::passing::{Answer, Question};
use crate::history::sqlite::FILE_NAME;
use crate::history::store::{Counters, Page, RunFilter, Size, StoreError, StoredRun};
use crate::model::WORKSPACE_SUITE;

/// All that is shown.
struct Status {
    place: Place,
    /// Where this machine's own history is, or would be …
    file: Utf8PathBuf,
    /// … and where the shared one is, without the password, where there is one.
    url: Option<String>,
    /// How many runs wait to be sent there, where that can be read.
    waiting: Option<u64>,
    suite: String,
    asked: Option<Question>,
    /// Where the baselines are, or would be …
    ratchet: OwnRatchet,
    /// … and what they are, or why that cannot be read.
    baselines: Result<Ratchet, RatchetError>,
    /// What the history says, or why it says nothing.
    memory: Result<Memory, StoreError>,
    now: Timestamp,
}

/// What the history says.
#[derive(Default)]
struct Memory {
    counters: Counters,
    size: Size,
    last: Option<StoredRun>,
    answer: Option<Answer>,
}

/// Runs the command.
pub(super) fn run(args: &StatusArgs) -> ExitCode {
    let status = match Status::read(args) {
        Ok(status) => status,
        Err(code) => return code,
    };
    let answer = answer::of(&status);
    // Who asks whether a run passed asks nothing else.
    if answer.is_none() {
        let unreadable = [status.memory.as_ref().err().map(ToString::to_string), status.why_no_baselines()];
        unreadable.into_iter().flatten().for_each(|why| complain("warning", &why));
    }
    let code = answer.as_ref().map_or(ExitCode::Pass, |answer| answer.code);
    written(show::show(&status, answer.as_ref(), args.common.format, &mut io::stdout().lock()), code)
}

impl Status {
    /// Reads it. What goes wrong has been said by then; a history that cannot be read is no such thing.
    fn read(args: &StatusArgs) -> Result<Self, ExitCode> {
        let place = Place::find(&args.common.place, &[])?;
        let now = Timestamp::now();
        let suite = args.suite.clone().unwrap_or_else(|| WORKSPACE_SUITE.to_owned());
        let commit = match &args.commit {
            None => None,
            Some(text) => Some(place.commit(text).ok_or_else(|| {
                complain("error", &unknown_commit(text));
                ExitCode::Usage
            })?),
        };
        let since = args.within.map(|within| now.checked_sub(within).unwrap_or(Timestamp::MIN));
        let asked =
            (since.is_some() || commit.is_some()).then(|| Question { suite: suite.clone(), since, commit, now });
        let memory = Memory::read(&place, &suite, asked.as_ref());
        let file = place.gate_dir.join(FILE_NAME);
        let url = place.settings().store.url.as_deref().map(without_password);
        let waiting = keeping::waiting(&place.gate_dir).ok();
        let ratchet = OwnRatchet::of(&place.workspace.root, &place.gate_dir, &place.settings().coverage);
        let baselines = ratchet.file.load();
        Ok(Self { place, file, url, waiting, suite, asked, ratchet, baselines, memory, now })
    }
}

impl Status {
    /// Where the history is, or would be.
    fn history(&self) -> &str {
        self.url.as_deref().unwrap_or(self.file.as_str())
    }

    /// Why the ratchet cannot be read, if it cannot.
    fn why_no_baselines(&self) -> Option<String> {
        self.baselines.as_ref().err().map(ToString::to_string)
    }
}

impl Memory {
    fn read(place: &Place, suite: &str, asked: Option<&Question>) -> Result<Self, StoreError> {
        let Some(mut store) = place.open_existing()? else {
            return Ok(Self { answer: asked.map(|_| Answer::Never), ..Self::default() });
        };
        let of_suite = RunFilter { suite: Some(suite.to_owned()), ..RunFilter::default() };
        let memory = Self {
            counters: store.counters()?,
            size: store.size()?,
            last: store.runs(&of_suite, Page::first(1))?.pop(),
            answer: asked.map(|question| question.ask(&*store)).transpose()?,
        };
        store.take_warnings().iter().for_each(|warning| complain("warning", warning));
        Ok(memory)
    }
}
