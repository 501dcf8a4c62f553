//! What the history remembers of a workspace, as the commands that judge without building need it.

use jiff::Timestamp;

use super::complain;
use super::keeping::{self, History};
use super::place::{Place, store_code};
use super::test::default_context;
use super::thresholds::thresholds;
use crate::analytics::presence::{FullRuns, Presence};
use crate::analytics::thresholds::Thresholds;
use crate::cli::{ContextArgs, PlaceArgs};
use crate::exit_code::ExitCode;
use crate::history::store::{Page, RunFilter, Store, StoreError, StoredRun, TestSummary};
use crate::model::{Context, WORKSPACE_SUITE};

/// A store, and what it says of one context.
pub(super) struct Remembered {
    pub(super) place: Place,
    pub(super) store: History,
    /// Under what the tests are meant.
    pub(super) context: Context,
    /// Every test that ever ran in it, in order of the keys.
    pub(super) tests: Vec<TestSummary>,
    /// The runs that can say which tests are there.
    pub(super) full: FullRuns,
    /// The moment that all is judged at …
    pub(super) now: Timestamp,
    /// … and by what.
    pub(super) thresholds: Thresholds,
}

/// What becomes of what a command reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// It is shown: a history that cannot be read is an empty one, and a warning.
    Show,
    /// It opens or shuts a gate: that needs a history that can be read.
    Decide,
}

impl Remembered {
    /// Reads it. `Ok(None)`: nothing is on record yet, or it cannot be read. What goes wrong has been said by then.
    pub(super) fn read(place: &PlaceArgs, wanted: &ContextArgs, of: Use) -> Result<Option<Self>, ExitCode> {
        match Self::of(Place::find(place, &[])?, wanted) {
            Err(error) if of == Use::Show && error.is_unreadable() => {
                warn_of_unreadable(&error);
                Ok(None)
            }
            read => read.map_err(store_code),
        }
    }

    fn of(place: Place, wanted: &ContextArgs) -> Result<Option<Self>, StoreError> {
        let Some(store) = place.open_existing()? else { return Ok(None) };
        let Some(context) = context(&*store, wanted)? else { return Ok(None) };
        let tests = store.summaries(&context)?;
        let full = full_runs(&*store, &context)?;
        let (now, thresholds) = (Timestamp::now(), thresholds(place.settings()));
        Ok(Some(Self { place, store, context, tests, full, now, thresholds }))
    }

    /// What there is where nothing is on record, for a command that answers with a document all the same.
    pub(super) fn nothing(place: &PlaceArgs, wanted: &ContextArgs) -> Result<Self, ExitCode> {
        let place = Place::find(place, &[])?;
        let store = keeping::empty().map_err(store_code)?;
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let context = as_asked(wanted, default_context(&cargo));
        let (now, thresholds) = (Timestamp::now(), thresholds(place.settings()));
        Ok(Self { place, store, context, tests: Vec::new(), full: FullRuns::default(), now, thresholds })
    }

    /// The tests that are there, as far as is known.
    pub(super) fn current(&self) -> impl Iterator<Item = &TestSummary> {
        self.tests.iter().filter(|test| self.full.presence_of(&test.key, &test.summary) == Presence::Current)
    }

    /// The tests that the latest full run did not have any more; what stands for a whole process was none.
    pub(super) fn vanished(&self) -> impl Iterator<Item = &TestSummary> {
        let tests = self.tests.iter().filter(|test| !test.key.is_whole_process());
        tests.filter(|test| self.full.presence_of(&test.key, &test.summary) == Presence::Vanished)
    }
}

/// Says that a history is taken for an empty one, since it cannot be read.
pub(super) fn warn_of_unreadable(error: &StoreError) {
    complain("warning", &format!("{error}: it is taken for an empty one"));
}

/// The context that is asked for: of those that fit, the one in which the workspace's tests ran last, or any suite
/// where they never did.
pub(super) fn context(store: &dyn Store, wanted: &ContextArgs) -> Result<Option<Context>, StoreError> {
    match latest_context(store, wanted, Some(WORKSPACE_SUITE))? {
        None => latest_context(store, wanted, None),
        found => Ok(found),
    }
}

/// The context that is asked for, where what nobody asks for is as in `base`.
pub(super) fn as_asked(wanted: &ContextArgs, base: Context) -> Context {
    Context {
        target: wanted.target.clone().unwrap_or(base.target),
        features: wanted.features.clone().unwrap_or(base.features),
        profile: wanted.profile.clone().unwrap_or(base.profile),
    }
}

fn latest_context(store: &dyn Store, wanted: &ContextArgs, suite: Option<&str>) -> Result<Option<Context>, StoreError> {
    let fits = |asked: &Option<String>, there: &str| asked.as_ref().is_none_or(|asked| asked == there);
    let of = |context: Context| {
        let suite = suite.map(str::to_owned);
        let filter = RunFilter { context: Some(context), suite, of_tests: true, ..RunFilter::default() };
        Ok(store.runs(&filter, Page::first(1))?.pop())
    };
    let fitting = store.contexts()?.into_iter().filter(|context| {
        fits(&wanted.profile, &context.profile)
            && fits(&wanted.target, &context.target)
            && fits(&wanted.features, &context.features)
    });
    let latest: Vec<StoredRun> = fitting.filter_map(|context| of(context).transpose()).collect::<Result<_, _>>()?;
    Ok(latest.into_iter().max_by_key(|run| run.head.start).map(|run| run.head.context))
}

/// The latest two runs of the workspace's own tests that took in every test and came to an outcome for each.
pub(super) fn full_runs(store: &dyn Store, context: &Context) -> Result<FullRuns, StoreError> {
    let filter = RunFilter { full: true, ..RunFilter::executed(context) };
    // A run that stopped early knows of the tests it had no time for, but has no outcome for them.
    let mut whole = store.runs(&filter, Page::first(LOOKED_AT))?.into_iter().filter(|run| run.not_run == 0);
    let mut next = || whole.next().map(|run| (run.head.start, run.head.id));
    Ok(FullRuns { last: next(), before: next() })
}

/// In how many of the latest full runs two are looked for that came to their end.
const LOOKED_AT: u64 = 50;
