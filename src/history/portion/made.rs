//! Parts as machines would leave them, for the tests of this room.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::part::{End, Left, Part};
use crate::exit_code::ExitCode;
use crate::history::store::FinishedRun;
use crate::model::{
    Attempt, AttemptOutcome, BinaryId, CaseRecord, ContentHash, Context, Judgement, Outcome, Reason, RunHead, RunId,
    RunRecord, RunState, Shard, Totals, Verdict, WORKSPACE_SUITE,
};
use crate::plan::digest;
use crate::plan::portion::Portion;

/// When parts begin: each some seconds later than the one before it.
fn start(seconds: u32) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + i64::from(seconds)).unwrap()
}

/// The head of a part's run.
pub(super) fn head(shard: Shard, attempt: u32) -> RunHead {
    let at = start(shard.index() + 100 * attempt);
    RunHead {
        id: RunId::new(at, shard.index()),
        start: at,
        context: Context { target: "t".into(), features: String::new(), profile: "test".into() },
        suite: WORKSPACE_SUITE.into(),
        version: None,
        trigger: "ci".into(),
        host: format!("runner-{}", shard.index()),
        toolchain: "rustc 1".into(),
        commit: Some("abc".into()),
        branch: Some("main".into()),
        dirty: Some(false),
        ci_link: None,
        input_key: Some(ContentHash([7; 16])),
        instrumented: false,
        full: false,
        shard: Some(shard),
        pid: 1,
        boot_id: None,
    }
}

/// What became of a test: of one whose name says so it failed.
pub(super) fn case(name: &str) -> Arc<CaseRecord> {
    let took = Some(Duration::from_millis(3));
    let failed = name.contains("fails");
    let (outcome, attempt) = match failed {
        true => (Outcome::Failed, AttemptOutcome::Failed),
        false => (Outcome::Passed, AttemptOutcome::Passed),
    };
    let attempts = vec![Attempt { outcome: attempt, took, ending: None, why: None, text: None }];
    let key = Arc::new(name.parse().unwrap());
    Arc::new(CaseRecord { key, outcome, took, attempts, line: None, leaked: false, binary_hash: None })
}

/// What the parts of this cut leave that all come to their end: each test has an outcome.
pub(super) fn parts(cut: &[&[&str]]) -> Vec<Left> {
    let mut all: Vec<String> = cut.concat().into_iter().map(str::to_owned).collect();
    all.sort_unstable();
    let of = u32::try_from(cut.len()).unwrap();
    cut.iter().zip(Shard::all(of)).map(|(names, shard)| part(shard, names, digest(&all))).collect()
}

fn part(shard: Shard, names: &[&str], whole: ContentHash) -> Left {
    let mut names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    names.sort_unstable();
    // A binary without a list may turn out to have no test.
    let tests = names.iter().filter(|name| name.parse::<BinaryId>().is_err());
    let cases: Vec<_> = tests.map(|name| case(name)).collect();
    let totals = Totals::of(cases.iter().map(|case| &**case));
    let (verdict, code) = match (totals.tests, totals.failures()) {
        (0, _) => (Verdict::Nothing, ExitCode::Pass),
        (_, 0) => (Verdict::Pass, ExitCode::Pass),
        _ => (Verdict::Fail, ExitCode::TestsFailed),
    };
    let record = RunRecord {
        head: head(shard, 0),
        state: RunState::Executed,
        totals,
        not_run: 0,
        duration: Duration::from_secs(10),
        judgement: Judgement { verdict, codes: vec![code], reasons: vec![Reason::new("why", "for a reason")] },
        plan_digest: Some(whole),
        coverage: None,
    };
    let portion = Portion { shard, whole, is_of_full: true, cut: ContentHash([3; 16]), names };
    let part =
        Part { shard, head: record.head.clone(), portion: Some(portion), measured: None, end: End::Ended(Vec::new()) };
    Left {
        place: format!("shards/{}", shard.index()),
        part,
        run: Some(FinishedRun { record, cases, binaries: Vec::new() }),
        lcov: None,
    }
}

impl Left {
    /// The same with another head, wherever it is written.
    pub(super) fn with_head(mut self, change: impl Fn(&mut RunHead)) -> Self {
        change(&mut self.part.head);
        self.run.iter_mut().for_each(|run| change(&mut run.record.head));
        self
    }

    /// A later attempt of the same part.
    pub(super) fn again(&self) -> Self {
        let later = head(self.part.shard, 1);
        let again = self.clone().with_head(|head| (head.id, head.start) = (later.id.clone(), later.start));
        Self { place: format!("{}-again", self.place), ..again }
    }

    /// The same, killed on the way.
    pub(super) fn killed(&self) -> Self {
        let mut left = Self { run: None, ..self.clone() };
        left.part.end = End::Begun;
        left
    }

    /// The same, having come to something else by itself.
    pub(super) fn having_come_to(mut self, state: RunState, code: ExitCode, id: &str, text: &str) -> Self {
        if let Some(run) = &mut self.run {
            run.record.state = state;
            run.record.judgement.codes.insert(0, code);
            run.record.judgement.reasons.insert(0, Reason::new(id, text));
        }
        self
    }
}
