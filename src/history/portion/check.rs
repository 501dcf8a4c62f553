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
use crate::model::{BinaryId, Reason, RunState, Shard};
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
    /// What else is to be said.
    pub notes: Vec<Reason>,
}

impl Checked {
    /// Do the parts make one run of one thing, as far as they are there?
    #[must_use]
    pub fn belong_together(&self) -> bool {
        self.grounds.iter().all(|(_, reason)| !BELONGING.contains(&reason.id.as_str()))
    }
}

/// The reasons why parts do not belong together.
const BELONGING: [&str; 13] = [
    "shard-unreadable",
    "shard-count",
    "shard-twice",
    "plan-differs",
    "plan-unknown",
    "cut-differs",
    "commit-differs",
    "dirty-differs",
    "input-differs",
    "context-differs",
    "measured-differs",
    "tests-overlap",
    "tests-lost",
];

/// How many names a sentence has.
const NAMED: usize = 5;

/// Looks at all that was found.
#[must_use]
pub fn check(found: &Found) -> Checked {
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
        let all: [(&str, &str, &dyn Fn(&Part) -> Option<String>); 7] = [
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
                self.belonging(id, format!("{what}: {}", groups.join("; ")));
            }
        }
    }

    /// Every part is there, and came to its end.
    fn count_shards(&mut self, counted: &[&Left]) {
        let there: BTreeSet<Shard> = counted.iter().map(|left| left.part.shard).collect();
        let missing: Vec<String> =
            self.shards.iter().filter(|shard| !there.contains(shard)).map(Shard::to_string).collect();
        if !missing.is_empty() {
            let what = if missing.len() == 1 { "shard" } else { "shards" };
            let text = format!("{what} {} left nothing: the suite was not executed whole", list(&missing));
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
            if run.record.state == RunState::Executed {
                self.belonging("plan-unknown", format!("shard {shard} does not say which tests it was to run"));
            }
            return;
        };
        let is_named = |name: &str| portion.names.binary_search_by(|own| own.as_str().cmp(name)).is_ok();
        let (mut told, mut strangers) = (HashSet::new(), Vec::new());
        for case in &run.cases {
            let (key, binary) = (case.key.to_string(), case.key.binary.to_string());
            if !is_named(&key) && !is_named(&binary) && !case.key.is_whole_process() {
                strangers.push(key.clone());
            }
            told.insert(key);
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
    }

    /// What a part came to by itself. Whether tests failed is judged of all of them together.
    fn own(&mut self, left: &Left) {
        let shard = left.part.shard;
        if let End::Refused(code, why) = &left.part.end {
            self.grounds.push((*code, Reason::new(id_of(*code), format!("shard {shard} did not run: {why}"))));
        }
        let Some(run) = &left.run else { return };
        let judgement = &run.record.judgement;
        let of_tests = [ExitCode::Pass, ExitCode::TestsFailed, ExitCode::NoTests, ExitCode::CoverageFailed];
        for code in judgement.codes.iter().filter(|code| !of_tests.contains(code)) {
            let id = id_of(*code);
            let said = judgement.reasons.iter().find(|reason| reason.id == id);
            let text = said.map_or_else(|| judgement.sentence(), |reason| reason.text.as_str());
            self.grounds.push((*code, Reason::new(id, format!("shard {shard}: {text}"))));
        }
        let softened = judgement.reasons.iter().filter(|reason| reason.id == "soft-environment");
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
    let more = names.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", "))
}
