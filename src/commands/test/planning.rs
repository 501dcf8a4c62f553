//! From what was built and what is remembered to the plan: what is selected, under which limits, in which order.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::ask::Asked;
use super::history::Memory;
use crate::cli::TestArgs;
use crate::commands::ordering::{self, Remembering};
use crate::history::input;
use crate::history::store::BinaryStamp;
use crate::model::{BinaryId, Kind, TestKey};
use crate::plan::list::Remembered;
use crate::plan::selection::Selection;
use crate::plan::{Plan, PlannedTest, TestBinary};

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
    let changed: BTreeSet<&BinaryId> = input::changed_binaries(stamps, &memory.stamps).into_iter().collect();
    let tests: Vec<Remembering<'_>> = keys.iter().map(|key| (Arc::clone(key), memory.summaries.get(key))).collect();
    let placed = ordering::place(&tests, &changed, asked.settings(), in_name_order);
    placed.into_iter().map(|placed| (Arc::clone(&placed.test.key), placed.test)).collect()
}
