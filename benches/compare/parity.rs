//! Do the runners come to the same outcomes?

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use crate::outcomes::{Key, Outcome, Outcomes, lists, outcomes};
use crate::runners::{Runner, Target, Workspace};

/// All outcomes that a runner gave a test over its runs; none: it did not mention it.
type Seen = BTreeMap<Key, BTreeSet<Option<Outcome>>>;

/// Why a test's outcomes differ, given the gate's, where that can be said.
type Explain<'a> = dyn Fn(&Key, &BTreeSet<Option<Outcome>>) -> Option<&'static str> + 'a;

/// Compares over so many runs each. False where something differs without an explanation.
pub(crate) fn compare(workspace: &Workspace, runs: usize, told: &mut dyn Write) -> io::Result<bool> {
    if runs == 0 {
        return Ok(true);
    }
    let scratch = tempfile::tempdir()?;
    let mut all: Vec<(Runner, Vec<Outcomes>)> = Vec::new();
    for runner in workspace.runners() {
        let mut of_runner = Vec::new();
        for _ in 0..runs {
            of_runner.push(outcomes(workspace, runner, scratch.path())?);
        }
        let counts: Vec<String> = of_runner.iter().map(count).collect();
        writeln!(told, "{:>18}: {}", runner.name(), counts.join("; "))?;
        all.push((runner, of_runner));
    }
    let of = |wanted: Runner| all.iter().find(|(runner, _)| *runner == wanted).map(|(_, outcomes)| outcomes.as_slice());
    let (Some(cargo), Some(gate)) = (of(Runner::CargoTest), of(Runner::Gate)) else { return Ok(false) };
    let listed = lists(workspace, scratch.path())?;
    let mut alike = against_cargo(cargo, gate, &listed, told)?;
    if let Some(nextest) = of(Runner::Nextest) {
        alike &= against_nextest(nextest, gate, told)?;
    }
    writeln!(told, "{:>18}: {}", "parity", if alike { "yes" } else { "NO" })?;
    Ok(alike)
}

fn count(outcomes: &Outcomes) -> String {
    let of = |wanted| outcomes.tests.values().filter(|outcome| **outcome == wanted).count();
    let mut text =
        format!("{} passed, {} failed, {} ignored", of(Outcome::Passed), of(Outcome::Failed), of(Outcome::Ignored));
    if !outcomes.opaque.is_empty() {
        text.push_str(&format!(", {} without a list", outcomes.opaque.len()));
    }
    text
}

fn seen(runs: &[Outcomes], name: impl Fn(&Key) -> Option<Key>) -> Seen {
    let mut seen = Seen::new();
    let each: Vec<BTreeMap<Key, Outcome>> = runs
        .iter()
        .map(|run| run.tests.iter().filter_map(|(key, outcome)| Some((name(key)?, *outcome))).collect())
        .collect();
    for key in each.iter().flat_map(BTreeMap::keys) {
        let outcomes = each.iter().map(|run| run.get(key).copied()).collect();
        seen.entry(key.clone()).or_insert(outcomes);
    }
    seen
}

fn against_cargo(
    cargo: &[Outcomes],
    gate: &[Outcomes],
    listed: &BTreeSet<Key>,
    told: &mut dyn Write,
) -> io::Result<bool> {
    let (theirs, ours) = (seen(cargo, |key| Some(key.clone())), seen(gate, |key| Some(key.clone())));
    let cut_short: BTreeSet<&Target> = cargo.iter().flat_map(|run| &run.cut_short).collect();
    let opaque: BTreeSet<&Target> = cargo.iter().flat_map(|run| run.opaque.keys()).collect();
    let has_list: BTreeSet<Target> = listed.iter().map(target_of).collect();
    let explain = |key: &Key, _: &BTreeSet<Option<Outcome>>| {
        let target = target_of(key);
        if has_list.contains(&target) && !listed.contains(key) {
            return Some("not in its binary's own list: a test prints it");
        }
        if cut_short.contains(&target) {
            return Some("its process ended before its summary");
        }
        opaque.contains(&target).then_some("its process said nothing that cargo test shows as a test")
    };
    let mut alike = differences("cargo test", &theirs, &ours, &explain, told)?;
    for target in &opaque {
        let of = |runs: &[Outcomes]| -> BTreeSet<Outcome> {
            runs.iter().filter_map(|run| run.opaque.get(*target).copied()).collect()
        };
        let (theirs, mut ours) = (of(cargo), of(gate));
        if ours.is_empty() {
            // The gate may know its tests: then together they are what cargo's exit status says.
            let in_target = |key: &Key| (&key.0, &key.1, &key.2) == (&target.0, &target.1, &target.2);
            let failed =
                gate.iter().any(|run| run.tests.iter().any(|(key, out)| in_target(key) && *out == Outcome::Failed));
            ours.insert(if failed { Outcome::Failed } else { Outcome::Passed });
        }
        if theirs.is_disjoint(&ours) {
            alike = false;
            writeln!(told, "  differs: {}/{}:{} as a whole: {theirs:?} / {ours:?}", target.0, target.1, target.2)?;
        }
    }
    Ok(alike)
}

fn against_nextest(nextest: &[Outcomes], gate: &[Outcomes], told: &mut dyn Write) -> io::Result<bool> {
    let theirs = seen(nextest, |key| Some(key.clone()));
    if theirs.is_empty() {
        writeln!(told, "  cargo nextest run gives no outcomes here")?;
        return Ok(true);
    }
    let known: BTreeSet<(&String, &String)> = theirs.keys().map(|key| (&key.0, &key.2)).collect();
    let without_kind = |key: &Key| {
        // Neither doctests nor harnesses that it cannot list.
        let is_known = key.1 != "doc" && known.contains(&(&key.0, &key.2));
        is_known.then(|| (key.0.clone(), String::new(), key.2.clone(), key.3.clone()))
    };
    let ours = seen(gate, without_kind);
    let explain = |_: &Key, ours: &BTreeSet<Option<Outcome>>| {
        ours.contains(&Some(Outcome::Ignored)).then_some("ignored, which it does not say")
    };
    differences("nextest", &theirs, &ours, &explain, told)
}

fn target_of(key: &Key) -> Target {
    (key.0.clone(), key.1.clone(), key.2.clone())
}

fn differences(
    whose: &str,
    theirs: &Seen,
    ours: &Seen,
    explain: &Explain<'_>,
    told: &mut dyn Write,
) -> io::Result<bool> {
    let nothing = BTreeSet::from([None]);
    let keys: BTreeSet<&Key> = theirs.keys().chain(ours.keys()).collect();
    let (mut explained, mut alike) = (BTreeMap::new(), true);
    for key in keys {
        let (theirs, ours) = (theirs.get(key).unwrap_or(&nothing), ours.get(key).unwrap_or(&nothing));
        if theirs == ours {
            continue;
        }
        let why = if theirs.is_disjoint(ours) { explain(key, ours) } else { Some("it varies from run to run") };
        if let Some(why) = why {
            explained.entry(why).or_insert_with(Vec::new).push((key, theirs, ours));
            continue;
        }
        alike = false;
        writeln!(told, "  differs: {}: {whose} {} / gate {}", written(key), all(theirs), all(ours))?;
    }
    for (why, tests) in explained {
        let shown = tests
            .iter()
            .take(3)
            .map(|(key, theirs, ours)| format!("{} ({whose} {} / gate {})", written(key), all(theirs), all(ours)));
        let more = if tests.len() > 3 { ", …" } else { "" };
        writeln!(told, "  explained: {} × {why}: {}{more}", tests.len(), shown.collect::<Vec<_>>().join(", "))?;
    }
    Ok(alike)
}

fn written(key: &Key) -> String {
    format!("{}/{}:{}::{}", key.0, key.1, key.2, key.3)
}

fn all(outcomes: &BTreeSet<Option<Outcome>>) -> String {
    let words = outcomes.iter().map(|outcome| outcome.map_or("nothing".to_owned(), |outcome| format!("{outcome:?}")));
    words.collect::<Vec<_>>().join(" or ").to_lowercase()
}
