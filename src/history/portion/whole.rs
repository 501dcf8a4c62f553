//! The parts as one run: a pure function of what they left.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::part::{End, Left, Part};
use crate::model::{CaseRecord, ContentHash, Judgement, Reason, RunHead, RunId, TestKey, some_of};

/// One run that several machines ran together, before it is judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Whole {
    /// The run. Its name is made of its parts' names: whoever puts the same parts together gets the same run.
    pub head: RunHead,
    /// What became of each test, in order of the keys.
    pub cases: Vec<Arc<CaseRecord>>,
    /// How many tests have no outcome, as far as that is known; what gives no list counts as one.
    pub not_run: u64,
    /// From the earliest start to the latest end.
    pub duration: Duration,
    /// The plan that was cut.
    pub plan_digest: Option<ContentHash>,
}

/// How many machines are named.
const HOSTS: usize = 4;

/// Puts parts together; none where there is none.
#[must_use]
pub fn whole(parts: &[&Left], shards: usize) -> Option<Whole> {
    let start = parts.iter().map(|left| left.part.head.start).min()?;
    // Who came to no run does not know what it would have been of.
    let knows_least =
        |left: &&&Left| (matches!(left.part.end, End::Refused(..)), left.part.head.start, left.part.shard);
    let first = parts.iter().min_by_key(knows_least)?;
    let end = parts.iter().filter_map(|left| end_of(left)).max().unwrap_or(start);
    let all = || parts.iter().map(|left| &left.part);
    let is_whole = parts.len() == shards && all().all(is_part_of_all);
    let known = |of: fn(&RunHead) -> Option<&String>| all().find_map(|part| of(&part.head).cloned());
    let dirty: Vec<bool> = all().filter_map(|part| part.head.dirty).collect();
    let keys: BTreeSet<ContentHash> = all().filter_map(|part| part.head.input_key).collect();
    let head = RunHead {
        id: name(start, all()),
        start,
        host: hosts(all()),
        commit: known(|head| head.commit.as_ref()),
        branch: known(|head| head.branch.as_ref()),
        dirty: (!dirty.is_empty()).then(|| dirty.contains(&true)),
        ci_link: known(|head| head.ci_link.as_ref()),
        input_key: if keys.len() == 1 { keys.first().copied() } else { None },
        instrumented: all().any(|part| part.head.instrumented),
        full: is_whole,
        shard: None,
        pid: 0,
        boot_id: None,
        ..first.part.head.clone()
    };
    let mut cases: BTreeMap<Arc<TestKey>, Arc<CaseRecord>> = BTreeMap::new();
    for case in parts.iter().filter_map(|left| left.run.as_ref()).flat_map(|run| &run.cases) {
        let kept = cases.entry(Arc::clone(&case.key)).or_insert_with(|| Arc::clone(case));
        // What stands for a process may be there twice; a failure gives way to nothing.
        if !kept.outcome.is_failure() {
            *kept = Arc::clone(case);
        }
    }
    Some(Whole {
        head,
        cases: cases.into_values().collect(),
        not_run: parts.iter().fold(0, |sum: u64, left| sum.saturating_add(not_run(left))),
        duration: Duration::try_from(end.duration_since(start)).unwrap_or_default(),
        plan_digest: all().find_map(|part| Some(part.portion.as_ref()?.whole)),
    })
}

fn is_part_of_all(part: &Part) -> bool {
    matches!(&part.end, End::Ended(not_run) if not_run.is_empty())
        && part.portion.as_ref().is_some_and(|portion| portion.is_of_full)
}

fn end_of(left: &Left) -> Option<Timestamp> {
    let run = left.run.as_ref()?;
    let took = SignedDuration::try_from(run.record.duration).ok()?;
    run.record.head.start.checked_add(took).ok()
}

/// Planned tests of a part that have no outcome.
fn not_run(left: &Left) -> u64 {
    match (&left.part.end, &left.part.portion) {
        (End::Ended(not_run), _) => not_run.len() as u64,
        (_, Some(portion)) => portion.names.len() as u64,
        (_, None) => 0,
    }
}

/// The name of an attempt that gave way to a later one, where its own stands for the part of a run that was joined.
#[must_use]
pub fn name_beside(attempt: &RunHead) -> RunId {
    let shard = attempt.shard.map(|shard| shard.to_string()).unwrap_or_default();
    let hash = blake3::hash(format!("attempt\n{}\n{shard}\n", attempt.id).as_bytes());
    RunId::new(attempt.start, tail(&hash))
}

/// The word of the reason that says of which runs a run on record was made.
const MADE_OF: &str = "joined";

/// … and what stands before their names, for people.
const TOGETHER: &str = "put together from ";

/// What the record of a run says of its parts, by which it is known again when some of them ran once more.
#[must_use]
pub fn made_of(parts: &[&Left]) -> Reason {
    let ids: Vec<&str> = parts.iter().map(|left| left.part.head.id.as_str()).collect();
    Reason::new(MADE_OF, format!("{TOGETHER}{}", ids.join(" ")))
}

/// The names of the runs of which a run on record was made; none of a run that was not joined.
pub fn parts_of(judgement: &Judgement) -> impl Iterator<Item = &str> {
    let said = judgement.reasons.iter().filter(|reason| reason.id == MADE_OF);
    said.filter_map(|reason| reason.text.strip_prefix(TOGETHER)).flat_map(|names| names.split(' '))
}

fn name<'p>(start: Timestamp, parts: impl Iterator<Item = &'p Part>) -> RunId {
    let ids: BTreeSet<&str> = parts.map(|part| part.head.id.as_str()).collect();
    let mut hasher = blake3::Hasher::new();
    for id in ids {
        hasher.update(id.as_bytes());
        hasher.update(b"\n");
    }
    RunId::new(start, tail(&hasher.finalize()))
}

fn tail(hash: &blake3::Hash) -> u32 {
    hash.as_bytes().first_chunk().copied().map_or(0, u32::from_be_bytes)
}

fn hosts<'p>(parts: impl Iterator<Item = &'p Part>) -> String {
    let hosts: BTreeSet<&str> = parts.map(|part| part.head.host.as_str()).collect();
    some_of(hosts.iter(), HOSTS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::check::check;
    use super::super::made::{case, parts};
    use super::super::read::Found;
    use super::*;
    use crate::exit_code::ExitCode;
    use crate::model::{Context, Totals};
    use crate::plan::digest;

    fn whole_of(left: &[Left]) -> Option<Whole> {
        let found = Found { left: left.to_vec(), ..Found::default() };
        let checked = check(&found, None);
        assert_eq!(checked.grounds, []);
        let counted: Vec<&Left> = checked.counted.iter().map(|at| &found.left[*at]).collect();
        whole(&counted, checked.shards.len())
    }

    #[test]
    fn a_whole_lasts_from_the_first_start_to_the_last_end_and_is_of_all_machines() {
        let left = parts(&[&["app/app::a"], &["app/app::fails"], &[]]);
        let whole = whole_of(&left).unwrap();
        assert_eq!((whole.head.start, whole.duration), (left[0].part.head.start, Duration::from_secs(12)));
        assert_eq!(
            (whole.head.host.as_str(), whole.head.full, whole.head.shard),
            ("runner-1, runner-2, runner-3", true, None)
        );
        assert_eq!((whole.head.commit.as_deref(), whole.head.dirty, whole.not_run), (Some("abc"), Some(false), 0));
    }

    #[test]
    fn a_part_that_came_to_no_run_says_nothing_of_what_the_others_are() {
        let left = parts(&[&["app/app::a"], &["app/app::b"]]);
        let of_nothing = Context { target: String::new(), features: String::new(), profile: String::new() };
        let mut refused = left[0].killed().with_head(|head| head.context = of_nothing.clone());
        refused.part.end = End::Refused(ExitCode::Config, "it says why".into());
        let whole = whole(&[&refused, &left[1]], 2).unwrap();
        assert_eq!((&whole.head.context, whole.head.start), (&left[1].part.head.context, left[0].part.head.start));
    }

    #[test]
    fn a_failure_that_two_parts_tell_of_gives_way_to_no_pass() {
        let mut left = parts(&[&["app/app::fails"], &["app/app::b"]]);
        let mut passed = case("app/app::b");
        Arc::make_mut(&mut passed).key = Arc::new("app/app::fails".parse().unwrap());
        left[1].run.as_mut().unwrap().cases.push(passed);
        let whole = whole(&[&left[0], &left[1]], 2).unwrap();
        assert_eq!(Totals::of(whole.cases.iter().map(|case| &**case)).failures(), 1);
    }

    #[test]
    fn what_is_not_there_is_counted_and_makes_no_full_run() {
        let left = parts(&[&["app/app::a"], &["app/app::b", "app/app::c"]]);
        let killed = left[1].killed();
        let with_killed = whole(&[&left[0], &killed], 2).unwrap();
        assert_eq!((with_killed.not_run, with_killed.head.full, with_killed.cases.len()), (2, false, 1));
        assert!(!whole(&[&left[0]], 2).unwrap().head.full);
        assert_eq!(whole(&[], 2), None);
    }

    proptest! {
        #[test]
        fn any_cut_joined_in_any_order_is_the_run_that_was_cut(
            tests in prop::collection::btree_map("[a-z]{1,6}(_fails)?", 0_usize..5, 0..40),
            shards in 1_usize..5,
            turns in 0_usize..5,
        ) {
            let names: Vec<String> = tests.keys().map(|name| format!("app/app::{name}")).collect();
            let mut cut: Vec<Vec<&str>> = vec![Vec::new(); shards];
            for (name, shard) in names.iter().zip(tests.values()) {
                cut[shard % shards].push(name);
            }
            let cut: Vec<&[&str]> = cut.iter().map(Vec::as_slice).collect();
            let mut left = parts(&cut);
            let in_order = whole_of(&left).unwrap();
            left.rotate_left(turns % shards);
            let joined = whole_of(&left).unwrap();
            prop_assert_eq!(&joined, &in_order);
            let alone: Vec<_> = names.iter().map(|name| case(name)).collect();
            prop_assert_eq!(&joined.cases, &alone);
            let totals = |cases: &[Arc<CaseRecord>]| Totals::of(cases.iter().map(|case| &**case));
            prop_assert_eq!(totals(&joined.cases), totals(&alone));
            prop_assert_eq!(joined.plan_digest, Some(digest(&names)));
            // Another part makes another run.
            left[0] = left[0].again();
            prop_assert_ne!(whole_of(&left).unwrap().head.id, joined.head.id);
        }
    }
}
