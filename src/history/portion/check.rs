//! Whether parts belong together and are all there: a pure function of what they left. All that speaks against it is
//! told at once.
//!
//! A part that is missing or never ended means that the suite was not executed whole (22); parts of which nobody can say
//! what they are together do not belong together (96); and what a part came to by itself, other than that tests failed,
//! is what the whole comes to.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::part::{End, Left, Part};
use super::read::Found;
use crate::exit_code::ExitCode;
use crate::model::{BinaryId, Reason, RunState, Shard, some_of};
use crate::plan::digest;

/// What came of looking at the parts.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// The parts that count, in order of their shards.
    pub counted: Vec<usize>,
    /// Earlier attempts of those.
    pub replaced: Vec<usize>,
    /// Every shard that there should be.
    pub shards: Vec<Shard>,
    /// What speaks against the whole, each with its code.
    pub grounds: Vec<(ExitCode, Reason)>,
    /// Parts that stopped before their end, as at a failure: what speaks against a whole in which that failure fails
    /// nothing.
    pub cut_short: Vec<(ExitCode, Reason)>,
    /// What else is to be said.
    pub notes: Vec<Reason>,
    /// Nobody can say what the parts are together.
    is_mixed: bool,
}

impl Checked {
    /// Do the parts make one run of one thing, as far as they are there?
    #[must_use]
    pub const fn belong_together(&self) -> bool {
        !self.is_mixed
    }
}

/// What all parts have in common: the reason where they have not, in a word and in words, and what that is of one.
type Likeness<'a> = (&'a str, &'a str, &'a dyn Fn(&Part) -> Option<String>);

/// What is judged of all parts together.
const OF_TESTS: [ExitCode; 4] = [ExitCode::Pass, ExitCode::TestsFailed, ExitCode::NoTests, ExitCode::CoverageFailed];

/// The way on.
const SAME: &str = "all machines need the same code, flags and filters: run them again, and join again";

/// How many names a sentence has.
const NAMED: usize = 5;

/// Looks at all that was found, where this commit is checked out.
#[must_use]
pub fn check(found: &Found, here: Option<&str>) -> Checked {
    let mut checked = Checked::default();
    for unreadable in &found.unreadable {
        checked.belonging("shard-unreadable", format!("`{}` cannot be read: {}", unreadable.place, unreadable.why));
    }
    let Some(of) = usual_count(&found.left) else {
        checked.incomplete("shard-missing", "no shard left anything".to_owned());
        return checked;
    };
    checked.shards = Shard::all(of).collect();
    checked.choose(&found.left, of);
    let counted: Vec<&Left> = checked.counted.iter().filter_map(|at| found.left.get(*at)).collect();
    checked.compare(&counted);
    checked.compare_with(here, &counted);
    checked.count_shards(&counted);
    checked.count_tests(&counted);
    counted.iter().for_each(|left| checked.own(left));
    checked
}

/// Into how many parts the run was cut: as most of them say.
fn usual_count(left: &[Left]) -> Option<u32> {
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    left.iter().for_each(|left| *counts.entry(left.part.shard.of()).or_default() += 1);
    counts.into_iter().max_by_key(|(of, times)| (*times, *of)).map(|(of, _)| of)
}

impl Checked {
    fn belonging(&mut self, id: &str, text: String) {
        self.is_mixed = true;
        self.grounds.push((ExitCode::Config, Reason::new(id, text)));
    }

    fn incomplete(&mut self, id: &str, text: String) {
        self.grounds.push((ExitCode::NeverExecuted, Reason::new(id, text)));
    }

    /// Of several attempts of one part the latest counts.
    fn choose(&mut self, left: &[Left], of: u32) {
        let mut attempts: BTreeMap<Shard, Vec<usize>> = BTreeMap::new();
        for (at, left) in left.iter().enumerate() {
            attempts.entry(left.part.shard).or_default().push(at);
        }
        let others: Vec<String> = attempts.keys().filter(|shard| shard.of() != of).map(Shard::to_string).collect();
        if !others.is_empty() {
            let text = format!(
                "most are shards of {of}, and {} {} not",
                list(&others),
                if others.len() == 1 { "is" } else { "are" }
            );
            self.belonging("shard-count", text);
        }
        let by_time = |at: &usize| left.get(*at).map(|left| (left.part.head.start, left.part.head.id.clone()));
        for (shard, mut attempts) in attempts.into_iter().filter(|(shard, _)| shard.of() == of) {
            attempts.sort_by_key(by_time);
            let Some(latest) = attempts.pop() else { continue };
            self.counted.push(latest);
            let Some(counts) = left.get(latest) else { continue };
            for earlier in attempts.iter().filter_map(|at| left.get(*at)) {
                match other_thing(&earlier.part, &counts.part) {
                    None => self.notes.push(rerun(shard, earlier, counts)),
                    Some(why) => {
                        let text = format!(
                            "shard {shard} is there twice, in `{}` and `{}`: {why}",
                            earlier.place, counts.place
                        );
                        self.belonging("shard-twice", text);
                    }
                }
            }
            self.replaced.extend(attempts);
        }
    }

    /// All parts are of one thing.
    fn compare(&mut self, counted: &[&Left]) {
        let parts = || counted.iter().map(|left| &left.part).filter(|part| !matches!(part.end, End::Refused(..)));
        let commit = |part: &Part| match (&part.head.commit, has_looked(part)) {
            (None, false) => None,
            (commit, _) => Some(commit.clone().unwrap_or_else(|| "none".to_owned())),
        };
        let dirty = |part: &Part| match (part.head.dirty, has_looked(part)) {
            (None, false) => None,
            (Some(true), _) => Some("with changes".to_owned()),
            (Some(false), _) => Some("without changes".to_owned()),
            (None, true) => Some("of which nothing is known".to_owned()),
        };
        let context = |part: &Part| {
            let context = &part.head.context;
            Some(format!("{} {} {}", context.target, context.profile, context.features).trim_end().to_owned())
        };
        let measured = |part: &Part| Some(if part.measured.is_some() { "measured" } else { "not measured" }.to_owned());
        let of_portion = |of: fn(&crate::plan::portion::Portion) -> crate::model::ContentHash| {
            move |part: &Part| part.portion.as_ref().map(|portion| of(portion).to_string())
        };
        let plan = of_portion(|portion| portion.whole);
        let cut = of_portion(|portion| portion.cut);
        let all: [Likeness<'_>; 7] = [
            ("plan-differs", "the shards are parts of different plans", &plan),
            ("cut-differs", "the shards are parts of different cuts", &cut),
            ("commit-differs", "the shards are of different commits", &commit),
            ("dirty-differs", "some shards are of a checkout with changes", &dirty),
            ("input-differs", "the shards tested different things (input keys)", &input),
            ("context-differs", "the shards have different targets, profiles or features", &context),
            ("measured-differs", "some shards measured what they cover and others did not", &measured),
        ];
        for (id, what, value) in all {
            let mut by_value: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for part in parts() {
                if let Some(value) = value(part) {
                    by_value.entry(value).or_default().push(part.shard.to_string());
                }
            }
            if by_value.len() > 1 {
                let groups: Vec<String> =
                    by_value.iter().map(|(value, shards)| format!("{} {value}", list(shards))).collect();
                let text = format!("{what}: {}; {SAME}", groups.join("; "));
                self.belonging(id, text);
            }
        }
    }

    /// All parts are of what is checked out: those of an earlier run may lie where this one's belong.
    fn compare_with(&mut self, here: Option<&str>, counted: &[&Left]) {
        let commits: BTreeSet<&str> = counted.iter().filter_map(|left| left.part.head.commit.as_deref()).collect();
        let (Some(here), Some(tested), 1) = (here, commits.first(), commits.len()) else { return };
        if here != *tested {
            let text = format!(
                "the shards tested {tested}, and {here} is checked out here: join them where the former is, unless they \
                 were left by an earlier run"
            );
            self.belonging("other-checkout", text);
        }
    }

    /// Every part is there, and came to its end.
    fn count_shards(&mut self, counted: &[&Left]) {
        let there: BTreeSet<Shard> = counted.iter().map(|left| left.part.shard).collect();
        let missing: Vec<String> =
            self.shards.iter().filter(|shard| !there.contains(shard)).map(Shard::to_string).collect();
        if !missing.is_empty() {
            let what = if missing.len() == 1 { "shard" } else { "shards" };
            let text = format!(
                "{what} {} left nothing: the suite was not executed whole; run `cargo gate test --shard {}` there and \
                 join again",
                named(&missing),
                if missing.len() == 1 { missing.join("") } else { format!("K/{}", self.shards.len()) }
            );
            self.incomplete("shard-missing", text);
        }
        for left in counted.iter().filter(|left| left.part.end == End::Begun) {
            let Part { shard, head, portion, .. } = &left.part;
            let tests = match portion {
                Some(portion) => format!("of its {} nobody knows what became", count(portion.names.len(), "test")),
                None => "it did not come to its tests".to_owned(),
            };
            let text = format!(
                "shard {shard} (run {} on {}) never ended, it was killed or still goes on: {tests}",
                head.id, head.host
            );
            self.incomplete("shard-unfinished", text);
        }
    }

    /// Together they have each test of the plan once, and something to say of each.
    fn count_tests(&mut self, counted: &[&Left]) {
        let mut of_test: BTreeMap<&str, Vec<Shard>> = BTreeMap::new();
        for left in counted {
            for name in left.part.portion.iter().flat_map(|portion| &portion.names) {
                of_test.entry(name).or_default().push(left.part.shard);
            }
        }
        let twice: Vec<String> =
            of_test.iter().filter(|(_, shards)| shards.len() > 1).map(|(name, _)| (*name).to_owned()).collect();
        if !twice.is_empty() {
            self.belonging("tests-overlap", format!("{} in more than one shard: {}", are(twice.len()), named(&twice)));
        }
        let portions: Vec<_> = counted.iter().filter_map(|left| left.part.portion.as_ref()).collect();
        let whole = portions.first().filter(|first| portions.iter().all(|portion| portion.whole == first.whole));
        if let Some(whole) = whole.filter(|_| twice.is_empty() && portions.len() == self.shards.len()) {
            let names: Vec<String> = of_test.keys().map(|name| (*name).to_owned()).collect();
            if digest(&names) != whole.whole {
                let text = format!(
                    "the shards have {} together, and the plan that was cut has others",
                    count(names.len(), "test")
                );
                self.belonging("tests-lost", text);
            }
        }
        counted.iter().for_each(|left| self.account(left));
    }

    /// A part says of each of its tests what became of it, and of no other.
    fn account(&mut self, left: &Left) {
        let (Some(run), End::Ended(not_run)) = (&left.run, &left.part.end) else { return };
        let shard = left.part.shard;
        let Some(portion) = &left.part.portion else {
            let says_why = run.record.judgement.codes.iter().any(|code| !OF_TESTS.contains(code));
            if run.record.state == RunState::Executed || !says_why {
                self.belonging("plan-unknown", format!("shard {shard} does not say which tests it was to run"));
            }
            return;
        };
        let (mut told, mut strangers) = (HashSet::new(), Vec::new());
        for case in &run.cases {
            if portion.name_of(&case.key).is_none() && !case.key.is_whole_process() {
                strangers.push(case.key.to_string());
            }
            told.insert(case.key.to_string());
        }
        if !strangers.is_empty() {
            let text = format!("shard {shard} ran what was not its own: {}", named(&strangers));
            self.belonging("tests-overlap", text);
        }
        // A binary without a list may have no test at all.
        let is_silent = |name: &&String| {
            !told.contains(*name) && not_run.binary_search(name).is_err() && name.parse::<BinaryId>().is_err()
        };
        let silent: Vec<String> = portion.names.iter().filter(is_silent).cloned().collect();
        if !silent.is_empty() {
            let text = format!(
                "shard {shard} does not say what became of {}: {}",
                count(silent.len(), "test"),
                named(&silent)
            );
            self.incomplete("tests-without-outcome", text);
        }
        // Who came to something else says why.
        if !not_run.is_empty() && run.record.state == RunState::Executed {
            let text = format!(
                "shard {shard} stopped before its end, and {} without an outcome: {}",
                are(not_run.len()),
                named(not_run)
            );
            self.cut_short.push((ExitCode::NeverExecuted, Reason::new("tests-without-outcome", text)));
        }
    }

    /// What a part came to by itself. Whether tests failed is judged of all of them together.
    fn own(&mut self, left: &Left) {
        let shard = left.part.shard;
        if let End::Refused(code, why) = &left.part.end {
            // Whatever is less pressing: its tests were not executed.
            let code = (*code).min(ExitCode::NeverExecuted);
            self.grounds.push((code, Reason::new(id_of(code), format!("shard {shard} did not run: {why}"))));
        }
        let Some(run) = &left.run else { return };
        let judgement = &run.record.judgement;
        for code in judgement.codes.iter().filter(|code| !OF_TESTS.contains(code)) {
            let id = id_of(*code);
            let said = judgement.reasons.iter().find(|reason| reason.id == id);
            let text = said.map_or_else(|| judgement.sentence(), |reason| reason.text.as_str());
            self.grounds.push((*code, Reason::new(id, format!("shard {shard}: {text}"))));
        }
        let softening = ["soft-environment", "archive-differs"];
        let softened = judgement.reasons.iter().filter(|reason| softening.contains(&reason.id.as_str()));
        self.notes.extend(softened.map(|reason| Reason::new(&reason.id, format!("shard {shard} was {}", reason.text))));
    }
}

/// Did it come so far that git was looked at?
const fn has_looked(part: &Part) -> bool {
    part.portion.is_some() && matches!(part.end, End::Ended(_))
}

/// What was tested. Without git it is of this machine's own binaries, which other machines link otherwise.
fn input(part: &Part) -> Option<String> {
    part.head.commit.as_ref().and(part.head.input_key).map(|key| key.to_string())
}

/// Why two attempts are none of one thing, if they are not.
fn other_thing(earlier: &Part, later: &Part) -> Option<&'static str> {
    fn differ<T: PartialEq>(a: Option<T>, b: Option<T>) -> bool {
        a.zip(b).is_some_and(|(a, b)| a != b)
    }
    if earlier.head.id == later.head.id {
        return Some("they are one run");
    }
    if [earlier, later].iter().any(|part| matches!(part.end, End::Refused(..))) {
        return None;
    }
    let commit = |part: &Part| part.head.commit.clone();
    let portion = |part: &Part| part.portion.clone();
    [
        (differ(commit(earlier), commit(later)), "they are of different commits"),
        (differ(input(earlier), input(later)), "they tested different things"),
        (differ(portion(earlier), portion(later)), "they had different tests to run"),
        (earlier.head.context != later.head.context, "they have different targets, profiles or features"),
        (earlier.measured.is_some() != later.measured.is_some(), "one measured what it covers and one did not"),
    ]
    .into_iter()
    .find_map(|(differs, why)| differs.then_some(why))
}

fn rerun(shard: Shard, earlier: &Left, counts: &Left) -> Reason {
    let verdict = match (&earlier.run, &earlier.part.end) {
        (Some(run), _) => run.record.verdict().to_string(),
        (None, End::Refused(..)) => "it did not run".to_owned(),
        (None, _) => "it never ended".to_owned(),
    };
    let (before, now) = (&earlier.part.head.id, &counts.part.head.id);
    Reason::new("rerun", format!("shard {shard} ran again: run {now} counts, and {before} ({verdict}) does not"))
}

/// The word for what a part came to.
const fn id_of(code: ExitCode) -> &'static str {
    match code {
        ExitCode::Interrupted => "interrupted",
        ExitCode::Internal => "internal",
        ExitCode::Config => "config",
        ExitCode::BuildFailed => "build-failed",
        ExitCode::NeverExecuted => "never-executed",
        ExitCode::Deferred => "deferred",
        ExitCode::Usage => "usage",
        _ => "shard-failed",
    }
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn are(number: usize) -> String {
    format!("{} {}", count(number, "test"), if number == 1 { "is" } else { "are" })
}

fn list(words: &[String]) -> String {
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => words.join(""),
    }
}

fn named(names: &[String]) -> String {
    some_of(names.iter(), NAMED)
}

#[cfg(test)]
mod tests {
    use super::super::made::parts;
    use super::super::part::{MeasuredPart, Unreadable};
    use super::*;
    use crate::model::ContentHash;

    const CUT: [&[&str]; 3] = [&["app/app::a", "app/app::b"], &["app/test:x::fails"], &["app/doc:doc"]];

    fn checked(left: Vec<Left>) -> Checked {
        check(&Found { left, ..Found::default() }, None)
    }

    /// The reasons, each with its code.
    fn grounds(left: Vec<Left>) -> Vec<(u8, String)> {
        checked(left).grounds.iter().map(|(code, reason)| (code.number(), reason.id.clone())).collect()
    }

    #[test]
    fn parts_of_one_thing_make_a_whole_in_any_order() {
        let mut left = parts(&CUT);
        for _ in 0..3 {
            left.rotate_left(1);
            let checked = checked(left.clone());
            assert_eq!((checked.grounds, checked.notes), (Vec::new(), Vec::new()));
            let shards: Vec<u32> = checked.counted.iter().map(|at| left[*at].part.shard.index()).collect();
            assert_eq!(shards, [1, 2, 3]);
        }
        // One part has no test at all.
        assert_eq!(grounds(parts(&[&["app/app::a"], &[]])), []);
    }

    /// A way in which one part does not belong to the others.
    type Change = fn(&mut Vec<Left>);

    #[test]
    fn each_way_of_not_making_a_whole_is_red_with_its_reason() {
        let ways: [(&str, u8, Change); 25] = [
            ("shard-missing", 22, |left| drop(left.pop())),
            ("shard-missing", 22, Vec::clear),
            ("shard-unfinished", 22, |left| left[1] = left[1].killed()),
            ("shard-unfinished", 22, |left| {
                left[1] = left[1].killed();
                left[1].part.portion = None;
            }),
            ("shard-unfinished", 22, |left| left.push(left[1].again().killed())),
            ("shard-count", 96, |left| left.push(parts(&[&["app/app::a"], &[]]).remove(0))),
            ("shard-twice", 96, |left| left.push(left[1].clone())),
            ("shard-twice", 96, |left| left.push(left[1].again().with_head(|head| head.commit = Some("def".into())))),
            ("plan-differs", 96, |left| of_portion(left, |portion| portion.whole = ContentHash([9; 16]))),
            ("cut-differs", 96, |left| of_portion(left, |portion| portion.cut = ContentHash([9; 16]))),
            ("plan-unknown", 96, |left| left[1].part.portion = None),
            ("plan-unknown", 96, |left| {
                left[1].part.portion = None;
                left[1].run.as_mut().unwrap().record.state = RunState::ToolError;
            }),
            ("commit-differs", 96, |left| of_head(left, |head| head.commit = Some("def".into()))),
            ("commit-differs", 96, |left| of_head(left, |head| head.commit = None)),
            ("dirty-differs", 96, |left| of_head(left, |head| head.dirty = Some(true))),
            ("input-differs", 96, |left| of_head(left, |head| head.input_key = Some(ContentHash([8; 16])))),
            ("context-differs", 96, |left| of_head(left, |head| head.context.features = "--all-features".into())),
            ("measured-differs", 96, |left| {
                let selected = "whole".to_owned();
                left[1].part.measured = Some(MeasuredPart { selected, measurer: None, why_not: None });
            }),
            ("tests-overlap", 96, |left| of_portion(left, |portion| portion.names.insert(0, "app/app::a".into()))),
            ("tests-overlap", 96, |left| {
                let stranger = std::sync::Arc::clone(&left[0].run.as_ref().unwrap().cases[0]);
                left[1].run.as_mut().unwrap().cases.push(stranger);
            }),
            ("tests-lost", 96, |left| of_portion(left, |portion| portion.names.clear())),
            ("tests-without-outcome", 22, |left| left[1].run.as_mut().unwrap().cases.clear()),
            ("config", 96, |left| refuse(left, ExitCode::Config)),
            ("never-executed", 22, |left| refuse(left, ExitCode::Usage)),
            ("never-executed", 22, |left| refuse(left, ExitCode::Pass)),
        ];
        for (number, (id, code, change)) in ways.into_iter().enumerate() {
            let mut left = parts(&CUT);
            change(&mut left);
            let grounds = grounds(left);
            let wanted = (code, id.to_owned());
            assert!(grounds.contains(&wanted), "{number}: {wanted:?} is not in {grounds:?}");
        }
        let unreadable = vec![Unreadable { place: "x".into(), why: "garbage".into() }];
        let checked = check(&Found { left: parts(&CUT), unreadable, empty: Vec::new() }, None);
        assert_eq!(
            checked.grounds.first().map(|(code, reason)| (code.number(), reason.id.as_str())),
            Some((96, "shard-unreadable"))
        );
        assert!(!checked.belong_together());
    }

    #[test]
    fn parts_of_another_commit_than_is_checked_out_are_of_another_run() {
        let here = |commit| check(&Found { left: parts(&CUT), ..Found::default() }, commit);
        assert!(here(Some("abc")).grounds.is_empty() && here(None).grounds.is_empty());
        let elsewhere = here(Some("def"));
        let told: Vec<_> = elsewhere.grounds.iter().map(|(code, reason)| (code.number(), &*reason.id)).collect();
        assert_eq!(told, [(96, "other-checkout")]);
        assert!(!elsewhere.belong_together());
    }

    fn refuse(left: &mut [Left], code: ExitCode) {
        left[1] = left[1].killed();
        left[1].part.portion = None;
        left[1].part.end = End::Refused(code, "it says why".into());
    }

    fn of_portion(left: &mut [Left], change: fn(&mut crate::plan::portion::Portion)) {
        change(left[1].part.portion.as_mut().unwrap());
    }

    fn of_head(left: &mut [Left], change: fn(&mut crate::model::RunHead)) {
        left[1] = left[1].clone().with_head(change);
    }

    #[test]
    fn a_part_that_stopped_early_says_what_is_missing_unless_it_says_why() {
        let mut left = parts(&CUT);
        left[2].part.end = End::Ended(vec!["app/doc:doc".into()]);
        let stopped = checked(left.clone());
        let told: Vec<_> = stopped.cut_short.iter().map(|(code, reason)| (code.number(), &*reason.text)).collect();
        let text = "shard 3/3 stopped before its end, and 1 test is without an outcome: app/doc:doc";
        assert_eq!((told, stopped.grounds), (vec![(22, text)], Vec::new()));
        left[2] = left[2].clone().having_come_to(RunState::Interrupted, ExitCode::Interrupted, "interrupted", "why");
        let interrupted = checked(left);
        assert_eq!((interrupted.grounds.len(), interrupted.cut_short), (1, Vec::new()));
    }

    #[test]
    fn all_that_speaks_against_it_is_told_at_once() {
        let mut left = parts(&CUT);
        of_head(&mut left, |head| (head.commit, head.input_key) = (Some("def".into()), Some(ContentHash([8; 16]))));
        left[0] = left[0].killed();
        left.pop();
        let all: Vec<String> = grounds(left).into_iter().map(|(_, id)| id).collect();
        assert_eq!(all, ["commit-differs", "input-differs", "shard-missing", "shard-unfinished"]);
    }

    #[test]
    fn without_git_binaries_of_different_machines_are_no_different_input() {
        let mut left: Vec<Left> = parts(&CUT)
            .into_iter()
            .map(|left| left.with_head(|head| (head.commit, head.dirty) = (None, None)))
            .collect();
        of_head(&mut left, |head| head.input_key = Some(ContentHash([8; 16])));
        assert_eq!(grounds(left), []);
    }

    #[test]
    fn of_several_attempts_the_latest_counts_and_it_is_said_so() {
        let mut left = parts(&CUT);
        left.insert(0, left[1].again());
        left.push(left[3].again());
        left[3] = left[3].killed();
        let checked = checked(left);
        assert_eq!(checked.grounds, []);
        assert_eq!((checked.counted, checked.replaced), (vec![1, 0, 4], vec![2, 3]));
        let said: Vec<&str> = checked.notes.iter().map(|reason| reason.text.as_str()).collect();
        assert!(said[0].starts_with("shard 2/3 ran again: run ") && said[0].ends_with("(fail) does not"), "{said:?}");
        assert!(said[1].ends_with("(it never ended) does not"), "{said:?}");
    }

    #[test]
    fn what_a_part_came_to_by_itself_is_what_the_whole_comes_to() {
        for (state, code, id) in [
            (RunState::BuildFailed, ExitCode::BuildFailed, "build-failed"),
            (RunState::Interrupted, ExitCode::Interrupted, "interrupted"),
            (RunState::ToolError, ExitCode::NeverExecuted, "never-executed"),
            (RunState::Deferred, ExitCode::Deferred, "deferred"),
            (RunState::ToolError, ExitCode::Internal, "internal"),
        ] {
            let mut left = parts(&CUT);
            left[1] = left[1].clone().having_come_to(state, code, id, "it says why");
            let checked = checked(left);
            let told: Vec<_> = checked.grounds.iter().map(|(code, reason)| (*code, reason.text.as_str())).collect();
            assert_eq!(told, [(code, "shard 2/3: it says why")]);
            assert_eq!(checked.grounds[0].1.id, id);
            assert!(checked.belong_together());
        }
    }
}
