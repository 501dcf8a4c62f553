//! From what was built and what is remembered to the plan: what is selected, under which limits, in which order.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::ask::Asked;
use super::history::Memory;
use crate::analytics::flaky::isolation;
use crate::analytics::priority::{Candidate, Tier, rank};
use crate::cli::TestArgs;
use crate::commands::thresholds::thresholds;
use crate::history::input;
use crate::history::store::BinaryStamp;
use crate::model::{BinaryId, Kind, TestKey, TestPolicy};
use crate::plan::list::Remembered;
use crate::plan::selection::Selection;
use crate::plan::{Plan, PlannedTest, Standing, TestBinary};

/// What the user asked for beyond libtest's filters.
pub(super) fn selection(
    args: &TestArgs,
    binaries: &[TestBinary],
    stamps: &[BinaryStamp],
    memory: &Memory,
) -> Selection {
    Selection {
        patterns: args.select.clone(),
        keys: args.failed.then(|| memory.failing.iter().cloned().collect()),
        binaries: args.changed.then(|| changed(binaries, stamps, memory)),
    }
}

/// The binaries that changed; a crate's doctests go with whatever of its package did.
fn changed(binaries: &[TestBinary], stamps: &[BinaryStamp], memory: &Memory) -> BTreeSet<BinaryId> {
    let mut changed: BTreeSet<BinaryId> =
        input::changed_binaries(stamps, &memory.stamps).into_iter().cloned().collect();
    let packages: BTreeSet<String> = changed.iter().map(|binary| binary.package.clone()).collect();
    let docs = binaries.iter().filter(|binary| binary.id.kind == Kind::Doc && packages.contains(&binary.id.package));
    changed.extend(docs.map(|binary| binary.id.clone()));
    changed
}

/// The files of the binaries as they are, without looking into them.
pub(super) fn stamps(binaries: &[TestBinary]) -> Vec<BinaryStamp> {
    let stamp = |binary: &TestBinary| {
        let path = camino::Utf8Path::from_path(binary.file.as_deref()?)?;
        input::stamp(&binary.id, path).ok()
    };
    binaries.iter().filter_map(stamp).collect()
}

/// Puts the plan together.
pub(super) fn plan(
    asked: &Asked,
    mut binaries: Vec<TestBinary>,
    selection: Selection,
    stamps: &[BinaryStamp],
    memory: &Memory,
    remembered: &Remembered,
    in_name_order: bool,
) -> Plan {
    let known: BTreeMap<&BinaryId, Vec<&TestKey>> = match selection.is_everything() {
        true => BTreeMap::new(),
        false => memory.summaries.keys().fold(BTreeMap::new(), |mut known, key| {
            known.entry(&key.binary).or_insert_with(Vec::new).push(&**key);
            known
        }),
    };
    binaries.retain(|binary| {
        if binary.harness.gives_list() {
            return true;
        }
        selection.may_accept(&binary.id, known.get(&binary.id).into_iter().flatten().copied())
    });
    for binary in binaries.iter_mut().filter(|binary| !binary.harness.gives_list()) {
        binary.unit_expected = remembered.unit(&binary.id);
    }
    let keys: Vec<Arc<TestKey>> =
        binaries.iter().flat_map(|binary| &binary.listed).filter(|key| selection.accepts(key)).cloned().collect();
    let mut planned = planned(asked, &keys, stamps, memory, in_name_order);
    for binary in &mut binaries {
        binary.tests = binary.listed.iter().filter_map(|key| planned.remove(key)).collect();
    }
    binaries.retain(|binary| !binary.harness.gives_list() || !binary.tests.is_empty());
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let quarantine = asked.settings().quarantine.iter().filter(|one| !one.is_expired(today));
    Plan { binaries, selection, spared: quarantine.map(|one| one.test.clone()).collect() }
}

fn planned(
    asked: &Asked,
    keys: &[Arc<TestKey>],
    stamps: &[BinaryStamp],
    memory: &Memory,
    in_name_order: bool,
) -> HashMap<Arc<TestKey>, PlannedTest> {
    let settings = asked.settings();
    let changed: BTreeSet<&BinaryId> = input::changed_binaries(stamps, &memory.stamps).into_iter().collect();
    let policies: Vec<TestPolicy> = keys.iter().map(|key| settings.policy_for(key)).collect();
    let candidates: Vec<Candidate<'_>> = keys
        .iter()
        .zip(&policies)
        .map(|(key, policy)| Candidate {
            key,
            summary: memory.summaries.get(key),
            changed: changed.contains(&key.binary),
            priority: policy.priority,
        })
        .collect();
    let thresholds = thresholds(settings);
    let mut planned: HashMap<Arc<TestKey>, PlannedTest> = HashMap::with_capacity(keys.len());
    for (place, ranked) in rank(&candidates).into_iter().enumerate() {
        let (Some(key), Some(policy)) = (keys.get(ranked.index), policies.get(ranked.index)) else { continue };
        let standing = match (policy.priority.cmp(&0), ranked.tier) {
            _ if in_name_order => Standing::Rest,
            (Ordering::Less, _) => Standing::Last,
            (Ordering::Greater, _) | (_, Tier::Risky) => Standing::Head(place),
            (_, Tier::Fresh) => Standing::Fresh,
            (_, Tier::Rest) => Standing::Rest,
        };
        let summary = memory.summaries.get(key);
        let test = PlannedTest {
            key: Arc::clone(key),
            policy: policy.clone(),
            standing,
            expected: ranked.expected.filter(|_| !in_name_order),
            alone: summary.is_some_and(|summary| isolation(summary, &thresholds).is_some()),
        };
        planned.insert(Arc::clone(key), test);
    }
    planned
}

/// How long a plan should take, where history knows most of its tests.
pub(super) fn expected(plan: &Plan, slots: usize) -> Option<Duration> {
    let units = plan.binaries.iter().filter(|binary| !binary.harness.gives_list()).map(|binary| binary.unit_expected);
    let all: Vec<Option<Duration>> = plan.tests().map(|test| test.expected).chain(units).collect();
    let known = all.iter().flatten().count();
    if known == 0 || known * 4 < all.len() * 3 {
        return None;
    }
    let longest = all.iter().flatten().max().copied().unwrap_or_default();
    let total: Duration = all.iter().flatten().sum();
    Some((total / u32::try_from(slots).unwrap_or(1).max(1)).max(longest))
}
