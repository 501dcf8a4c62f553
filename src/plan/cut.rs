//! Cuts a plan for several machines: a pure function of the sorted list of tests, how long each should take, the number
//! of shards, and the isolation. Whoever calls it with the same gets the same, in whatever order the list comes.
//!
//! The longest piece goes to the shard with the least to do, again and again. A piece is a binary as a whole, so that
//! its process starts once and what its tests share is made once; where tests have a process each anyway, it is one
//! test. As long as the longest shard is more than a [`SLACK`]th of the mean above it, binaries in shards that are too
//! long are split by name, the longest first, those that are split already before others, and all is dealt out again.
//!
//! The bound: the longest shard is at most a [`SLACK`]th of the mean above it, or it holds nothing that could be split
//! and is above the mean by no more than its shortest piece, one test or a binary without a list. For the last piece of
//! a shard, which is its shortest, came when the shard had the least of all, which is no more than the mean; so as long
//! as a shard is too long, each of its pieces is longer than a [`SLACK`]th of the mean, and there are few of those.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::ops::Range;
use std::time::Duration;

use super::portion::Portion;
use super::{Plan, digest};
use crate::model::{BinaryId, ContentHash, Isolation, Shard, TestKey};

/// The longest shard may be this part of the mean above it before a binary is split.
pub const SLACK: u32 = 20;

/// So often single binaries are split and all is dealt out again; then everything that is still too long is split.
const ROUNDS: usize = 24;

/// What starting a test takes at the least, in microseconds: no number of tests takes no time.
const LEAST: u64 = 100;
/// No test takes longer than this, whatever anybody says: 30 days.
const MOST: u64 = 30 * 24 * 60 * 60 * 1_000_000;
/// What a test takes where nothing is known of any.
const ANY: u64 = 100_000;

/// A binary that is to be cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncut {
    /// Which.
    pub binary: BinaryId,
    /// What is in it.
    pub content: Content,
}

/// What is in a binary, and how long it should take on one thread, as far as that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// These tests, by their names.
    Tests(Vec<(String, Option<Duration>)>),
    /// It gives no list, and cannot be split.
    Whole(Option<Duration>),
}

/// Whether what history expects of tests weighs with a cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weighing {
    /// It does.
    ByTime,
    /// Each test weighs the same: machines that remember different things must cut alike.
    Alike,
}

/// Who takes what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// How tests are kept apart, which decides where binaries are split.
    pub isolation: Isolation,
    /// The shards in their order, each with its part of the binaries, sorted.
    pub shards: Vec<Vec<Slice>>,
}

/// What a shard takes of a binary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Of which.
    pub binary: BinaryId,
    /// Is that all of it?
    pub whole: bool,
    /// The names of these tests, sorted; none where the binary gives no list.
    pub tests: Vec<String>,
    /// How long that should take on one thread; none where nothing is known of any test.
    pub expected: Option<Duration>,
}

impl Plan {
    /// What is to be cut.
    #[must_use]
    pub fn uncut(&self, weighing: Weighing) -> Vec<Uncut> {
        let time = |known: Option<Duration>| known.filter(|_| weighing == Weighing::ByTime);
        let uncut = self.binaries.iter().map(|binary| Uncut {
            binary: binary.id.clone(),
            content: match binary.harness.gives_list() {
                true => Content::Tests(
                    binary.tests.iter().map(|test| (test.key.name.clone(), time(test.expected))).collect(),
                ),
                false => Content::Whole(time(binary.unit_expected)),
            },
        });
        uncut.collect()
    }
}

impl Slice {
    /// The keys of its tests, or the name of its binary: what [`Plan::names`] has of it.
    pub fn names(&self) -> impl Iterator<Item = String> {
        let key = |name: &String| TestKey { binary: self.binary.clone(), name: name.clone() }.to_string();
        let unit = self.tests.is_empty().then(|| self.binary.to_string());
        self.tests.iter().map(key).chain(unit)
    }
}

/// How long all of these should take on one thread; none where that is not known of each.
#[must_use]
pub fn expected(slices: &[Slice]) -> Option<Duration> {
    slices.iter().try_fold(Duration::ZERO, |sum, slice| Some(sum.saturating_add(slice.expected?)))
}

impl Cut {
    /// Cuts into so many shards.
    #[must_use]
    pub fn of(mut list: Vec<Uncut>, shards: u32, isolation: Isolation) -> Self {
        for uncut in &mut list {
            if let Content::Tests(tests) = &mut uncut.content {
                tests.sort();
            }
        }
        list.retain(|uncut| !matches!(&uncut.content, Content::Tests(tests) if tests.is_empty()));
        list.sort_by(|a, b| a.binary.cmp(&b.binary));
        let weighed = weigh(list);
        let pieces = weighed.binaries.iter().enumerate().flat_map(|(binary, of)| match isolation {
            Isolation::Shared => vec![of.piece(binary, 0..of.tests.len())],
            Isolation::Process if of.tests.is_empty() => vec![of.piece(binary, 0..0)],
            Isolation::Process => (0..of.tests.len()).map(|test| of.piece(binary, test..test + 1)).collect(),
        });
        let pieces = dealt_fairly(&weighed.binaries, pieces.collect(), shards);
        let mut by_shard: Vec<BTreeMap<usize, Vec<Range<usize>>>> = vec![BTreeMap::new(); shards as usize];
        for (piece, shard) in pieces {
            if let Some(of) = by_shard.get_mut(shard as usize) {
                of.entry(piece.binary).or_default().push(piece.tests);
            }
        }
        let slices = |of: BTreeMap<usize, Vec<Range<usize>>>| {
            of.into_iter()
                .filter_map(|(binary, ranges)| Some(weighed.binaries.get(binary)?.slice(ranges, weighed.knows)))
        };
        Self { isolation, shards: by_shard.into_iter().map(|of| slices(of).collect()).collect() }
    }

    /// Each shard with what it takes.
    pub fn parts(&self) -> impl Iterator<Item = (Shard, &[Slice])> {
        Shard::all(u32::try_from(self.shards.len()).unwrap_or(u32::MAX)).zip(self.shards.iter().map(Vec::as_slice))
    }

    /// The names of all that it deals out, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        names(self.shards.iter().flatten())
    }

    /// Hash of who takes what.
    #[must_use]
    pub fn digest(&self) -> ContentHash {
        let of_shard = |slices: &Vec<Slice>| digest(&names(slices)).to_string();
        digest(&self.shards.iter().map(of_shard).collect::<Vec<_>>())
    }

    /// What one shard takes; none where it is one of another number. `is_of_full`: is all that was cut all there is?
    #[must_use]
    pub fn portion(&self, shard: Shard, is_of_full: bool) -> Option<Portion> {
        let slices = self.shards.get(shard.index().checked_sub(1)? as usize)?;
        if shard.of() as usize != self.shards.len() {
            return None;
        }
        let (whole, cut) = (digest(&self.names()), self.digest());
        Some(Portion { shard, whole, is_of_full, cut, names: names(slices) })
    }
}

/// What slices have, sorted.
fn names<'s>(slices: impl IntoIterator<Item = &'s Slice>) -> Vec<String> {
    let mut names: Vec<String> = slices.into_iter().flat_map(Slice::names).collect();
    names.sort_unstable();
    names
}

/// A binary whose tests have weights.
struct Weighed {
    binary: BinaryId,
    tests: Vec<String>,
    /// What the tests before each one weigh, and at the end what all do.
    before: Vec<u64>,
}

/// All of them.
struct AllWeighed {
    binaries: Vec<Weighed>,
    /// Is any time known?
    knows: bool,
}

/// What goes to one shard: some neighbours among a binary's tests.
#[derive(Clone, Debug)]
struct Piece {
    binary: usize,
    tests: Range<usize>,
    weight: u64,
}

impl Weighed {
    fn new(binary: BinaryId, tests: Vec<String>, weights: impl IntoIterator<Item = u64>) -> Self {
        let mut before = vec![0_u64];
        for weight in weights {
            before.push(before.last().copied().unwrap_or_default().saturating_add(weight));
        }
        Self { binary, tests, before }
    }

    fn weight_before(&self, test: usize) -> u64 {
        self.before.get(test).copied().unwrap_or_default()
    }

    fn all(&self) -> u64 {
        self.before.last().copied().unwrap_or_default()
    }

    fn weight(&self, tests: &Range<usize>) -> u64 {
        // A binary without a list has no tests, and weighs something all the same.
        if self.tests.is_empty() { self.all() } else { self.weight_before(tests.end) - self.weight_before(tests.start) }
    }

    fn piece(&self, binary: usize, tests: Range<usize>) -> Piece {
        let weight = self.weight(&tests);
        Piece { binary, tests, weight }
    }

    /// Parts of a piece that weigh about the same: as many as are asked for, or fewer, but more than one.
    fn split(&self, piece: &Piece, parts: u64) -> Vec<Piece> {
        let Range { start, end } = piece.tests;
        let from = self.weight_before(start);
        let mut cuts: Vec<usize> = (1..parts)
            .map(|part| {
                let share = u128::from(piece.weight) * u128::from(part) / u128::from(parts);
                let aim = from.saturating_add(u64::try_from(share).unwrap_or(u64::MAX));
                let above = self.before.partition_point(|before| *before < aim).clamp(start + 1, end - 1);
                let below = (above - 1).max(start + 1);
                let is_nearer = aim.abs_diff(self.weight_before(below)) < aim.abs_diff(self.weight_before(above));
                if is_nearer { below } else { above }
            })
            .collect();
        cuts.dedup();
        let starts = [start].into_iter().chain(cuts.iter().copied());
        let ends = cuts.iter().copied().chain([end]);
        starts.zip(ends).map(|(start, end)| self.piece(piece.binary, start..end)).collect()
    }

    fn slice(&self, mut ranges: Vec<Range<usize>>, knows: bool) -> Slice {
        ranges.sort_by_key(|range| range.start);
        let weight = ranges.iter().fold(0_u64, |sum, range| sum.saturating_add(self.weight(range)));
        let tests: Vec<String> =
            ranges.into_iter().filter_map(|range| self.tests.get(range)).flatten().cloned().collect();
        Slice {
            binary: self.binary.clone(),
            whole: tests.len() == self.tests.len(),
            tests,
            expected: knows.then(|| Duration::from_micros(weight)),
        }
    }
}

impl Piece {
    const fn may_split(&self) -> bool {
        self.tests.end - self.tests.start > 1
    }
}

/// Tests of which nothing is known weigh as much as the middle one of their binary, else of all; binaries without a list
/// as much as the middle one of the others.
fn weigh(list: Vec<Uncut>) -> AllWeighed {
    let known = |uncut: &Uncut| -> Vec<u64> {
        match &uncut.content {
            Content::Tests(tests) => tests.iter().filter_map(|(_, time)| time.map(micros)).collect(),
            Content::Whole(_) => Vec::new(),
        }
    };
    let all: Vec<u64> = list.iter().flat_map(known).collect();
    let knows = !all.is_empty() || list.iter().any(|uncut| matches!(uncut.content, Content::Whole(Some(_))));
    let any = middle(all).unwrap_or(ANY);
    let of_tests = |uncut: &Uncut| -> Option<Vec<u64>> {
        let Content::Tests(tests) = &uncut.content else { return None };
        let unknown = middle(known(uncut)).unwrap_or(any);
        Some(tests.iter().map(|(_, time)| time.map_or(unknown, micros)).collect())
    };
    let weights: Vec<Option<Vec<u64>>> = list.iter().map(of_tests).collect();
    let sum = |weights: &Vec<u64>| weights.iter().fold(0_u64, |sum, weight| sum.saturating_add(*weight));
    let unknown = middle(weights.iter().flatten().map(sum).collect()).unwrap_or(any);
    let weighed = list.into_iter().zip(weights).map(|(uncut, weights)| match uncut.content {
        Content::Tests(tests) => {
            let names = tests.into_iter().map(|(name, _)| name).collect();
            Weighed::new(uncut.binary, names, weights.unwrap_or_default())
        }
        Content::Whole(time) => Weighed::new(uncut.binary, Vec::new(), [time.map_or(unknown, micros)]),
    });
    AllWeighed { binaries: weighed.collect(), knows }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX).clamp(LEAST, MOST)
}

fn middle(mut weights: Vec<u64>) -> Option<u64> {
    weights.sort_unstable();
    weights.get(weights.len().checked_sub(1)? / 2).copied()
}

/// Each piece with its shard; some of them split so that no shard is too long.
fn dealt_fairly(binaries: &[Weighed], mut pieces: Vec<Piece>, shards: u32) -> Vec<(Piece, u32)> {
    let total: u128 = pieces.iter().map(|piece| u128::from(piece.weight)).sum();
    let (shards_wide, slack) = (u128::from(shards.max(1)), u128::from(SLACK));
    let mean = u64::try_from(total / shards_wide).unwrap_or(u64::MAX).max(1);
    let little = (mean / u64::from(SLACK)).max(1);
    let is_too_long = |load: u64| u128::from(load) * shards_wide * slack > total * (slack + 1);
    let split = |piece: &Piece, parts: u64| match binaries.get(piece.binary) {
        Some(of) => of.split(piece, parts.max(2)),
        None => vec![piece.clone()],
    };
    for _ in 0..ROUNDS {
        let (dealt, loads) = deal(&mut pieces, shards);
        let mut next_of: BTreeMap<u32, (bool, usize)> = BTreeMap::new();
        // They come longest first; what is of a binary that is split already goes before what is still whole.
        for (place, (piece, shard)) in pieces.iter().zip(&dealt).enumerate() {
            let load = loads.get(*shard as usize).copied().unwrap_or_default();
            if piece.may_split() && is_too_long(load) {
                let is_part = binaries.get(piece.binary).is_some_and(|of| piece.tests.len() < of.tests.len());
                let next = next_of.entry(*shard).or_insert((is_part, place));
                if is_part && !next.0 {
                    *next = (is_part, place);
                }
            }
        }
        let longest = loads.iter().zip(0_u32..).max_by_key(|(load, shard)| (**load, Reverse(*shard)));
        if longest.is_none_or(|(_, shard)| !next_of.contains_key(&shard)) {
            return pieces.into_iter().zip(dealt).collect();
        }
        let mut places: Vec<usize> = next_of.into_values().map(|(_, place)| place).collect();
        places.sort_unstable_by_key(|place| Reverse(*place));
        for place in places {
            let piece = pieces.swap_remove(place);
            pieces.extend(split(&piece, piece.weight.div_ceil(mean)));
        }
    }
    let mut small = Vec::with_capacity(pieces.len());
    while let Some(piece) = pieces.pop() {
        match piece.may_split() && piece.weight > little {
            true => pieces.extend(split(&piece, piece.weight.div_ceil(little))),
            false => small.push(piece),
        }
    }
    let (dealt, _) = deal(&mut small, shards);
    small.into_iter().zip(dealt).collect()
}

/// Sorts pieces, the longest first, and gives each to the shard that has the least by then: the shard of each piece, and
/// what each shard has in the end.
fn deal(pieces: &mut [Piece], shards: u32) -> (Vec<u32>, Vec<u64>) {
    pieces.sort_unstable_by_key(|piece| (Reverse(piece.weight), piece.binary, piece.tests.start));
    let mut loads: BinaryHeap<Reverse<(u64, u32)>> = (0..shards).map(|shard| Reverse((0, shard))).collect();
    let mut dealt = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let Some(mut least) = loads.peek_mut() else { break };
        let Reverse((load, shard)) = *least;
        *least = Reverse((load.saturating_add(piece.weight), shard));
        dealt.push(shard);
    }
    let mut loads: Vec<(u32, u64)> = loads.into_iter().map(|Reverse((load, shard))| (shard, load)).collect();
    loads.sort_unstable();
    (dealt, loads.into_iter().map(|(_, load)| load).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn binary(number: usize) -> BinaryId {
        format!("app/test:b{number:03}").parse().unwrap()
    }

    fn listed(number: usize, times: &[Option<u64>]) -> Uncut {
        let test = |(at, ms): (usize, &Option<u64>)| (format!("t{at:05}"), ms.map(Duration::from_millis));
        Uncut { binary: binary(number), content: Content::Tests(times.iter().enumerate().map(test).collect()) }
    }

    fn whole(number: usize, ms: Option<u64>) -> Uncut {
        Uncut { binary: binary(number), content: Content::Whole(ms.map(Duration::from_millis)) }
    }

    fn names(list: &[Uncut]) -> Vec<String> {
        let of = |uncut: &Uncut| match &uncut.content {
            Content::Tests(tests) => tests.iter().map(|(name, _)| format!("{}::{name}", uncut.binary)).collect(),
            Content::Whole(_) => vec![uncut.binary.to_string()],
        };
        let mut names: Vec<String> = list.iter().flat_map(of).collect();
        names.sort_unstable();
        names
    }

    fn loads(cut: &Cut) -> Vec<Duration> {
        cut.shards.iter().map(|slices| expected(slices).unwrap_or_default()).collect()
    }

    /// How much of the mean the longest shard takes, in percent.
    fn longest(cut: &Cut) -> u128 {
        let loads = loads(cut);
        let total: Duration = loads.iter().sum();
        loads.iter().max().unwrap().as_micros() * 100 * loads.len() as u128 / total.as_micros()
    }

    fn split(cut: &Cut) -> usize {
        cut.shards.iter().flatten().filter(|slice| !slice.whole).count()
    }

    fn times() -> impl Strategy<Value = Vec<Option<u64>>> {
        let time = prop_oneof![1 => Just(None), 1 => Just(Some(0)), 1 => Just(Some(u64::MAX)), 6 => (1..2000_u64).prop_map(Some)];
        proptest::collection::vec(time, 0..30)
    }

    fn lists() -> impl Strategy<Value = Vec<Uncut>> {
        let content = prop_oneof![3 => times().prop_map(Ok), 1 => proptest::option::of(0..5000_u64).prop_map(Err)];
        proptest::collection::vec(content, 0..20).prop_map(|contents| {
            let uncut = |(at, content): (usize, Result<Vec<_>, _>)| match content {
                Ok(times) => listed(at, &times),
                Err(time) => whole(at, time),
            };
            contents.into_iter().enumerate().map(uncut).collect()
        })
    }

    fn isolation() -> impl Strategy<Value = Isolation> {
        prop_oneof![Just(Isolation::Shared), Just(Isolation::Process)]
    }

    proptest! {
        #[test]
        fn each_test_is_in_one_shard(list in lists(), shards in 1..25_u32, isolation in isolation()) {
            let cut = Cut::of(list.clone(), shards, isolation);
            prop_assert_eq!(cut.shards.len(), shards as usize);
            prop_assert_eq!(cut.names(), names(&list));
            let portions: Vec<Portion> = Shard::all(shards).map(|shard| cut.portion(shard, true).unwrap()).collect();
            let mut together: Vec<String> = portions.iter().flat_map(|portion| portion.names.clone()).collect();
            together.sort_unstable();
            prop_assert_eq!(&together, &names(&list));
            prop_assert!(portions.iter().all(|portion| portion.whole == digest(&together) && portion.cut == cut.digest()));
            prop_assert_eq!(cut.portion(Shard::new(1, shards + 1).unwrap(), true), None);
        }

        #[test]
        fn the_order_of_the_list_decides_nothing(
            list in lists(), shuffled in any::<prop::sample::Index>(), shards in 1..9_u32, isolation in isolation(),
        ) {
            let mut other = list.clone();
            for uncut in &mut other {
                if let Content::Tests(tests) = &mut uncut.content {
                    tests.reverse();
                }
            }
            if !other.is_empty() {
                let at = shuffled.index(other.len());
                other.rotate_left(at);
            }
            prop_assert_eq!(Cut::of(list, shards, isolation), Cut::of(other, shards, isolation));
        }

        #[test]
        fn no_shard_is_too_long_unless_what_cannot_be_split_is(
            list in lists(), shards in 1..20_u32, isolation in isolation(),
        ) {
            let cut = Cut::of(list, shards, isolation);
            let loads = loads(&cut);
            let total: Duration = loads.iter().sum();
            let mean = total / shards;
            let longest = loads.iter().zip(&cut.shards).rev().max_by_key(|(load, _)| **load);
            if let Some((load, slices)) = longest.filter(|(load, _)| **load > mean + mean / 20) {
                // Tests of one binary that lie in one shard are one slice again: the shortest is no longer than their mean.
                let mean_of = |slice: &Slice| slice.expected.unwrap_or_default() / slice.tests.len().max(1) as u32;
                let shortest = slices.iter().map(mean_of).min().unwrap_or_default();
                prop_assert!(*load <= mean + shortest + Duration::from_micros(1), "{load:?} {mean:?} {shortest:?}");
            }
        }

        #[test]
        fn where_no_test_is_long_the_longest_shard_is_near_the_mean(
            binaries in proptest::collection::vec(proptest::collection::vec(1..400_u64, 1..120), 1..12),
            shards in 1..17_u32, isolation in isolation(),
        ) {
            let all: Vec<u64> = binaries.iter().flatten().copied().collect();
            let list: Vec<Uncut> = binaries.iter().enumerate().map(|(at, times)| {
                listed(at, &times.iter().copied().map(Some).collect::<Vec<_>>())
            }).collect();
            let mean = all.iter().sum::<u64>() / u64::from(shards);
            let cut = Cut::of(list, shards, isolation);
            if all.iter().all(|time| time * 100 <= mean * 15) {
                prop_assert!(longest(&cut) <= 115, "{}", longest(&cut));
            }
        }
    }

    #[test]
    fn binaries_stay_whole_unless_one_is_too_long() {
        let alike = |count: usize, tests: usize| -> Vec<Uncut> {
            (0..count).map(|at| listed(at, &vec![Some(10); tests])).collect()
        };
        let even = Cut::of(alike(8, 50), 4, Isolation::Shared);
        assert_eq!((split(&even), longest(&even)), (0, 100));
        let apart = Cut::of(alike(8, 50), 3, Isolation::Process);
        assert!(longest(&apart) <= 101);
        let mut list = alike(6, 50);
        list.push(listed(6, &vec![Some(10); 600]));
        let one_giant = Cut::of(list, 4, Isolation::Shared);
        assert!(longest(&one_giant) <= 105, "{}", longest(&one_giant));
        let is_giant = |slice: &&Slice| slice.binary == binary(6);
        assert!(one_giant.shards.iter().flatten().filter(|slice| !is_giant(slice)).all(|slice| slice.whole));
        assert!((2..=4).contains(&split(&one_giant)));
    }

    #[test]
    fn more_shards_than_tests_leave_some_empty() {
        let cut = Cut::of(vec![listed(0, &[Some(5)])], 64, Isolation::Shared);
        assert_eq!(cut.shards.iter().filter(|slices| slices.is_empty()).count(), 63);
        assert_eq!(cut.portion("64/64".parse().unwrap(), true).unwrap().names, [""; 0]);
        assert!(
            Cut::of(Vec::new(), 3, Isolation::Shared).portion("2/3".parse().unwrap(), true).unwrap().is_of_nothing()
        );
    }

    #[test]
    fn what_is_not_known_is_taken_to_be_like_the_rest() {
        let list = vec![listed(0, &[Some(100), Some(300), Some(200), None]), listed(1, &[None]), whole(2, None)];
        let cut = Cut::of(list.clone(), 1, Isolation::Shared);
        let times: Vec<u128> = cut.shards[0].iter().map(|slice| slice.expected.unwrap().as_millis()).collect();
        // 100 + 300 + 200 + their middle one; the middle one of all; the shorter of the two binaries.
        assert_eq!(times, [800, 200, 200]);
        let unknown = Cut::of(vec![listed(0, &[None, None]), listed(1, &[None, None])], 2, Isolation::Shared);
        assert!(unknown.shards.iter().all(|slices| slices.len() == 1 && slices[0].expected.is_none()));
        let nothing_takes_time = Cut::of(vec![listed(0, &[Some(0); 40])], 4, Isolation::Shared);
        assert!(nothing_takes_time.shards.iter().all(|slices| slices[0].tests.len() == 10));
    }

    #[test]
    fn a_very_long_test_has_a_shard_to_itself_and_the_others_share_the_rest() {
        let mut times = vec![Some(10); 90];
        times[40] = Some(10_000);
        let cut = Cut::of(vec![listed(0, &times)], 3, Isolation::Shared);
        let counts: Vec<usize> = cut.shards.iter().map(|slices| slices[0].tests.len()).collect();
        assert_eq!(counts.iter().min(), Some(&1), "{counts:?}");
    }

    #[test]
    fn a_hundred_thousand_tests_are_cut_too() {
        let times: Vec<Option<u64>> = (0..50_000_u64).map(|at| Some(at * 7919 % 1000)).collect();
        let cut = Cut::of(vec![listed(0, &times), listed(1, &times)], 64, Isolation::Shared);
        assert_eq!(cut.shards.iter().flatten().map(|slice| slice.tests.len()).sum::<usize>(), 100_000);
        assert!(longest(&cut) <= 105, "{}", longest(&cut));
    }
}
