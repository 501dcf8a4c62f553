//! R25: the store of executions as `history` verbs, whatever it was that ran.

use std::collections::BTreeMap;
use std::time::Duration;

use cargo_gate::exit_code::ExitCode;
use cargo_gate::history::figures::Stats;
use cargo_gate::history::store::{Counters, FinishedRun, Page, Prune, Retention, RunFilter};
use cargo_gate::model::{Context, Judgement, RunHead, RunId, RunRecord, RunState, Totals, Verdict};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::Value;

use crate::store::every::{Folder, Place, on_every_store};
use crate::support::{Ended, Fixture};

/// A workspace that is never built.
fn workspace() -> Fixture {
    let fixture = Fixture::bare();
    fixture.write("Cargo.toml", "[package]\nname = \"app\"\nedition = \"2024\"\n").write("src/lib.rs", "");
    fixture
}

fn history(fixture: &Fixture, line: &str) -> Ended {
    fixture.gate(["history"].into_iter().chain(line.split_whitespace())).run()
}

/// Records a run and gives its name.
fn told(fixture: &Fixture, line: &str) -> String {
    let ended = history(fixture, &format!("add {line}"));
    ended.assert_code(0);
    assert_eq!(ended.stderr(), "", "{ended}");
    ended.stdout().trim_end().to_owned()
}

fn json(fixture: &Fixture, line: &str) -> Value {
    let ended = history(fixture, &format!("{line} --format json"));
    ended.assert_code(0);
    ended.json()
}

/// The names of the runs that a list shows, and how many there are in all.
fn listed(fixture: &Fixture, line: &str) -> (Vec<String>, u64) {
    let document = json(fixture, &format!("list {line}"));
    let runs = document["runs"].as_array().unwrap().iter();
    (runs.map(|run| run["id"].as_str().unwrap().to_owned()).collect(), document["total"].as_u64().unwrap())
}

#[test]
fn r25_a_run_is_recorded_and_found_by_its_name() {
    let fixture = workspace();
    let line = "--suite nightly --version 1.4.0 --trigger schedule --passed 90 --failed 3 --errored 2 --timeout 1 \
                --flaky 4 --skipped 5 --duration 1m30s --commit abc-7 --branch main --at 2026-01-31T12:00:00Z";
    let id = told(&fixture, line);
    assert!(id.starts_with("20260131T120000000Z-"), "{id}");
    let shown = json(&fixture, &format!("show {}", &id[..22]));
    let run = &shown["run"];
    for (field, value) in [
        ("id", Value::from(id.as_str())),
        ("start", "2026-01-31T12:00:00Z".into()),
        ("suite", "nightly".into()),
        ("version", "1.4.0".into()),
        ("trigger", "schedule".into()),
        ("verdict", "fail".into()),
        ("state", "executed".into()),
        ("exit_code", 100.into()),
        ("duration_ms", 90_000.into()),
        ("commit", "abc-7".into()),
        ("branch", "main".into()),
        ("full", true.into()),
        ("dirty", Value::Null),
    ] {
        assert_eq!(run[field], value, "{field}");
    }
    let totals = r#"{"tests":105,"passed":90,"failed":3,"errored":2,"timeout":1,"flaky":4,"skipped":5}"#;
    assert_eq!(run["totals"], serde_json::from_str::<Value>(totals).unwrap());
    assert_eq!(run["reasons"][0]["text"], "6 of 100 tests failed");
    let text = history(&fixture, &format!("show {id}"));
    text.assert_stdout_has("suite      nightly 1.4.0\n").assert_stdout_has("took       1m 30s\n");
    let unknown = history(&fixture, "show nobody");
    unknown.assert_code(2).assert_stderr_has("there is no run `nobody`");
}

#[test]
fn what_is_told_decides_the_verdict() {
    let fixture = workspace();
    for (line, verdict, text) in [
        ("--passed 1", "pass", "1 test passed"),
        ("--passed 8 --flaky 1 --skipped 3", "pass", "9 tests passed"),
        ("--timeout 1", "fail", "1 of 1 test failed"),
        ("--errored 1 --passed 2", "fail", "1 of 3 tests failed"),
        ("--verdict pass", "pass", "it was said to have passed"),
        ("--verdict fail", "fail", "it was said to have failed"),
        ("--verdict fail --passed 3", "fail", "it was said to have failed"),
        ("--verdict pass --failed 1 --passed 9", "pass", "it was said to have passed, with 1 of 10 tests failing"),
    ] {
        let run = &json(&fixture, &format!("add --suite s {line}"))["run"];
        assert_eq!((run["verdict"].as_str(), run["reasons"][0]["text"].as_str()), (Some(verdict), Some(text)));
        assert_eq!((&run["duration_ms"], &run["version"], &run["commit"]), (&Value::Null, &Value::Null, &Value::Null));
    }
}

#[test]
fn nonsense_is_a_usage_error_and_nothing_is_recorded() {
    let fixture = workspace();
    for (line, why) in [
        ("--passed 1", "--suite"),
        ("--suite s", "give --verdict, or counts"),
        ("--suite s --skipped 3", "give --verdict, or counts"),
        ("--suite s --passed 0", "give --verdict, or counts"),
        ("--suite s --passed=-1", "-1"),
        ("--suite s --failed -1", "-1"),
        ("--suite s --passed 99999999999999999999", "--passed"),
        ("--suite s --passed 1.5", "--passed"),
        ("--suite s --passed 1 --duration -5s", "-5"),
        ("--suite s --passed 1 --duration 0s", "is not above zero"),
        ("--suite s --passed 1 --at yesterday", "2026-01-31T12:00:00Z"),
        ("--suite s --passed 1 --at 2999-01-01", "--at lies in the future"),
        ("--suite s --verdict perhaps", "perhaps"),
        ("--suite= --passed 1", "write one word"),
        ("--suite a\u{1b}[2J --passed 1", "write one word"),
        ("--suite workspace --passed 1", "what `cargo gate test` runs"),
    ] {
        let ended = history(&fixture, &format!("add {line}"));
        ended.assert_code(2).assert_stderr_has(why);
        assert!(ended.stdout().is_empty() && !ended.stderr().contains('\u{1b}'), "{ended}");
    }
    assert_eq!(listed(&fixture, ""), (Vec::new(), 0));
}

#[test]
fn r25_runs_are_listed_by_suite_and_page_newest_first() {
    let fixture = workspace();
    let nightly: Vec<String> = (1..=5)
        .map(|day| {
            let failed = u8::from(day == 2);
            let trigger = if day % 2 == 0 { "schedule" } else { "manual" };
            let line = format!("--suite nightly --version 1.{day} --passed 9 --failed {failed} --trigger {trigger}");
            told(&fixture, &format!("{line} --at 2026-01-0{day} --branch b{day} --commit 000000{day}"))
        })
        .collect();
    let e2e = told(&fixture, "--suite e2e --verdict fail --at 2026-01-03T12:00:00Z");
    let of = |days: &[usize]| -> Vec<String> { days.iter().map(|day| nightly[day - 1].clone()).collect() };
    assert_eq!(listed(&fixture, "--suite nightly"), (of(&[5, 4, 3, 2, 1]), 5));
    assert_eq!(listed(&fixture, "--suite nightly -n 2 --skip 1"), (of(&[4, 3]), 5));
    assert_eq!(listed(&fixture, "--suite nightly --skip 9"), (Vec::new(), 5));
    assert_eq!(listed(&fixture, "--suite nobody"), (Vec::new(), 0));
    // The latest of each suite.
    assert_eq!(listed(&fixture, "--latest"), (vec![nightly[4].clone(), e2e.clone()], 2));
    assert_eq!(listed(&fixture, "--latest -n 1 --skip 1"), (vec![e2e.clone()], 2));
    assert_eq!(listed(&fixture, "--latest --suite nightly --failed"), (of(&[2]), 1));
    // Failed only, by trigger, and by the rest.
    assert_eq!(listed(&fixture, "--failed"), (vec![e2e.clone(), nightly[1].clone()], 2));
    assert_eq!(listed(&fixture, "--trigger schedule"), (of(&[4, 2]), 2));
    assert_eq!(listed(&fixture, "--trigger schedule --failed"), (of(&[2]), 1));
    assert_eq!(listed(&fixture, "--branch b3"), (of(&[3]), 1));
    assert_eq!(listed(&fixture, "--commit 0000004"), (of(&[4]), 1));
    assert_eq!(listed(&fixture, "--since 2026-01-04"), (of(&[5, 4]), 2));
    assert_eq!(listed(&fixture, "--since 2026-01-03T00:00:01Z --suite e2e"), (vec![e2e], 1));
    assert_eq!(listed(&fixture, "--within 1h"), (Vec::new(), 0));
    history(&fixture, "list --commit nobody").assert_code(2).assert_stderr_has("git knows no commit `nobody`");
    let text = history(&fixture, "list -n 2 --skip 1");
    text.assert_stdout_has("showing 2-3 of 6\n").assert_stdout_has("nightly 1.4\n");
    assert!(text.stdout().lines().all(|line| line.chars().count() <= 80), "{text}");
    history(&fixture, "list -n 1 --skip 5").assert_stdout_has("showing 6 of 6\n");
    history(&fixture, "list --skip 6").assert_stdout_has("showing none of 6\n");
    assert!(!history(&fixture, "list").stdout().contains("showing"));
    assert_eq!(history(&fixture, "list --suite nobody").stdout(), "No such runs on record.\n");
}

#[test]
fn r25_figures_of_each_suite_and_trigger() {
    let fixture = workspace();
    let nothing = json(&fixture, "stats");
    assert_eq!((&nothing["stats"]["total"], &nothing["stats"]["mean_pass_rate"]), (&0.into(), &Value::Null));
    told(&fixture, "--suite nightly --passed 3 --failed 1 --duration 10s --at 2026-01-01 --version 1.0");
    told(&fixture, "--suite nightly --passed 4 --skipped 6 --duration 20s --at 2026-01-02 --version 1.1");
    told(&fixture, "--suite nightly --verdict pass --at 2026-01-03 --version 1.2 --trigger ci");
    told(&fixture, "--suite e2e --failed 2 --duration 40s --at 2026-01-04");
    let stats = json(&fixture, "stats");
    let nightly = &stats["suites"]["nightly"];
    for (field, value) in [
        ("total", Value::from(3)),
        ("successful", 2.into()),
        ("failed", 1.into()),
        ("success_rate", (2.0 / 3.0).into()),
        ("mean_pass_rate", 0.875.into()),
        // Of the two that tell.
        ("mean_duration_ms", 15_000.into()),
        ("last_at", "2026-01-03T00:00:00Z".into()),
        ("last_state", "executed".into()),
        ("last_verdict", "pass".into()),
        ("last_version", "1.2".into()),
    ] {
        assert_eq!(nightly[field], value, "{field}");
    }
    assert_eq!((&stats["stats"]["total"], &stats["stats"]["last_verdict"]), (&4.into(), &"fail".into()));
    assert_eq!((&stats["triggers"]["manual"]["total"], &stats["triggers"]["ci"]["total"]), (&3.into(), &1.into()));
    assert_eq!((&stats["counters"]["runs"], &stats["counters"]["pass"]), (&4.into(), &2.into()));
    let filtered = json(&fixture, "stats --suite nightly --failed");
    assert_eq!((&filtered["stats"]["total"], &filtered["stats"]["success_rate"]), (&1.into(), &0.0.into()));
    assert_eq!(filtered["suites"].as_object().unwrap().len(), 1);
    let text = history(&fixture, "stats");
    text.assert_stdout_has("SUITE ").assert_stdout_has("TRIGGER ");
    text.assert_stdout_has("\nnightly             3      2      1  87.5 %  15.000s  2026-01-03 00:00Z (pass)\n");
    assert!(text.stdout().lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn r25_r18_runs_are_pruned_by_age_and_suite_and_no_counter_falls() {
    let fixture = workspace();
    let old = told(&fixture, "--suite nightly --passed 1 --at 2026-01-01");
    let of_other_suite = told(&fixture, "--suite e2e --failed 1 --at 2026-01-02");
    let young = told(&fixture, "--suite nightly --passed 1");
    let counters = || json(&fixture, "stats")["counters"].clone();
    let before = counters();
    assert_eq!((&before["runs"], &before["pass"], &before["fail"]), (&3.into(), &2.into(), &1.into()));
    let plan = json(&fixture, "prune --max-age 30d --suite nightly --dry-run");
    assert_eq!((&plan["pruned"], &plan["plan"]["runs"]), (&false.into(), &vec![old].into()));
    assert_eq!(listed(&fixture, "").1, 3);
    history(&fixture, "prune --max-age 30d --suite nightly").assert_code(0).assert_stdout_has("Removed 1 runs");
    assert_eq!(listed(&fixture, ""), (vec![young.clone(), of_other_suite], 2));
    assert_eq!(counters(), before);
    history(&fixture, "prune --max-age 30d").assert_code(0);
    assert_eq!(listed(&fixture, ""), (vec![young], 1));
    assert_eq!(counters(), before);
}

#[test]
fn nothing_on_record_is_an_empty_document() {
    let fixture = workspace();
    assert_eq!(json(&fixture, "list")["runs"], Value::Array(Vec::new()));
    let ended = history(&fixture, "list");
    ended.assert_code(0).assert_stderr_has("nothing is on record yet");
    assert!(!fixture.gate_dir().exists(), "and reading creates nothing");
}

// The store itself, with any sequence of what may be done to it.

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_750_000_000 + second).unwrap()
}

/// A run by its number.
#[derive(Clone, Debug)]
struct Told {
    suite: usize,
    second: i64,
    state: RunState,
    verdict: Verdict,
    counts: [u64; 6],
    took: Option<u64>,
}

const SUITES: [&str; 3] = ["workspace", "nightly", "e2e"];

impl Told {
    fn record(&self, number: usize) -> RunRecord {
        let [passed, failed, errored, timeout, flaky, skipped] = self.counts;
        let tests = self.counts.iter().sum();
        let head = RunHead {
            id: RunId::new(at(self.second), u32::try_from(number).unwrap()),
            start: at(self.second),
            context: Context { target: String::new(), features: String::new(), profile: String::new() },
            suite: SUITES[self.suite].into(),
            version: None,
            trigger: format!("t{}", number % 2),
            host: "here".into(),
            toolchain: String::new(),
            commit: None,
            branch: None,
            dirty: None,
            ci_link: None,
            input_key: None,
            instrumented: false,
            full: true,
            shard: None,
            pid: 1,
            boot_id: None,
        };
        RunRecord {
            head,
            state: self.state,
            totals: Totals { tests, passed, failed, errored, timeout, flaky, skipped },
            not_run: 0,
            duration: Duration::from_millis(self.took.unwrap_or(0)),
            judgement: Judgement { verdict: self.verdict, codes: vec![ExitCode::Pass], reasons: Vec::new() },
            plan_digest: None,
            coverage: None,
        }
    }

    /// What it adds to the counters: runs, pass, fail, tool errors, deferred.
    fn counted(&self) -> [u64; 5] {
        match (self.state, self.verdict) {
            (RunState::Interrupted, _) | (_, Verdict::Nothing) => [1, 0, 0, 0, 0],
            (_, Verdict::Pass) => [1, 1, 0, 0, 0],
            (_, Verdict::Fail) => [1, 0, 1, 0, 0],
            (_, Verdict::ToolError) => [1, 0, 1, 1, 0],
            (_, Verdict::Deferred) => [1, 0, 0, 1, 1],
        }
    }
}

/// What is done to a store.
#[derive(Clone, Debug)]
enum Deed {
    Add(Told),
    Prune { suite: Option<usize>, count: Option<u64>, since: Option<i64> },
    Undo(prop::sample::Index),
}

fn deed() -> impl Strategy<Value = Deed> {
    let states = vec![RunState::Executed, RunState::Executed, RunState::Interrupted, RunState::ToolError];
    let counts = prop::array::uniform6(prop_oneof![Just(0_u64), 0_u64..20, Just(u64::from(u32::MAX))]);
    let took = prop::option::of(1_u64..100_000);
    let verdict = prop::sample::select(Verdict::ALL.to_vec());
    let told = (0..SUITES.len(), 0_i64..40, prop::sample::select(states), verdict, counts, took)
        .prop_map(|(suite, second, state, verdict, counts, took)| Told { suite, second, state, verdict, counts, took });
    let keep = (prop::option::of(0..SUITES.len()), prop::option::of(0_u64..4), prop::option::of(0_i64..40));
    prop_oneof![
        4 => told.prop_map(Deed::Add),
        1 => keep.prop_map(|(suite, count, since)| Deed::Prune { suite, count, since }),
        2 => any::<prop::sample::Index>().prop_map(Deed::Undo),
    ]
}

/// Of the runs with these numbers, in the plainest way.
fn expected(runs: &BTreeMap<usize, Told>, suite: Option<usize>) -> Stats {
    let of = || runs.values().filter(|run| suite.is_none_or(|suite| suite == run.suite));
    let rates: Vec<f64> = of()
        .filter(|run| run.state == RunState::Executed)
        .filter_map(|run| {
            let executed: u64 = run.counts[..5].iter().sum();
            (executed > 0).then(|| (run.counts[0] + run.counts[4]) as f64 / executed as f64)
        })
        .collect();
    let took: Vec<u64> = of().filter(|run| run.state == RunState::Executed).filter_map(|run| run.took).collect();
    let count = |verdicts: &[Verdict]| of().filter(|run| verdicts.contains(&run.verdict)).count() as u64;
    let (successful, failed) = (count(&[Verdict::Pass]), count(&[Verdict::Fail, Verdict::ToolError]));
    let last = runs
        .iter()
        .filter(|(_, run)| suite.is_none_or(|suite| suite == run.suite))
        .max_by_key(|(number, run)| (run.second, **number))
        .map(|(_, run)| run);
    Stats {
        total: of().count() as u64,
        successful,
        failed,
        success_rate: (successful + failed > 0).then(|| successful as f64 / (successful + failed) as f64),
        mean_pass_rate: (!rates.is_empty()).then(|| rates.iter().sum::<f64>() / rates.len() as f64),
        mean_duration_ms: (!took.is_empty()).then(|| took.iter().sum::<u64>() / took.len() as u64),
        last_at: last.map(|run| at(run.second)),
        last_state: last.map(|run| run.state),
        last_verdict: last.map(|run| run.verdict),
        last_version: None,
    }
}

/// The same but for the last digits of the rates, and no rate outside 0 to 1.
fn assert_same(found: &Stats, wanted: &Stats) -> Result<(), TestCaseError> {
    for (found, wanted) in [(found.success_rate, wanted.success_rate), (found.mean_pass_rate, wanted.mean_pass_rate)] {
        prop_assert_eq!(found.is_some(), wanted.is_some());
        let (found, wanted) = (found.unwrap_or(0.0), wanted.unwrap_or(0.0));
        prop_assert!((0.0..=1.0).contains(&found) && (found - wanted).abs() < 1e-9, "{} {}", found, wanted);
    }
    let plain = |stats: &Stats| Stats { success_rate: None, mean_pass_rate: None, ..stats.clone() };
    prop_assert_eq!(plain(found), plain(wanted));
    Ok(())
}

fn counts_are_never_negative(place: &dyn Place, deeds: Vec<Deed>) -> Result<(), TestCaseError> {
    let mut store = place.open();
    let mut runs: BTreeMap<usize, Told> = BTreeMap::new();
    let mut counted = [0_u64; 5];
    for (number, deed) in deeds.into_iter().enumerate() {
        match deed {
            Deed::Add(told) => {
                let run = FinishedRun { record: told.record(number), cases: Vec::new(), binaries: Vec::new() };
                store.append(&mut std::iter::once(run)).unwrap();
                counted = std::array::from_fn(|i| counted[i] + told.counted()[i]);
                runs.insert(number, told);
            }
            Deed::Prune { suite, count, since } => {
                let of_suite = suite.map(|suite| SUITES[suite].to_owned());
                let keep = Retention { since: since.map(at), count, suite: of_suite, ..Retention::default() };
                store.prune(&keep, Prune::Delete).unwrap();
                let all = runs.clone();
                runs.retain(|number, run| {
                    let newer = |other: &(&usize, &Told)| {
                        other.1.suite == run.suite && (other.1.second, other.0) > (run.second, number)
                    };
                    let is_young = since.is_none_or(|since| run.second >= since);
                    let is_kept =
                        is_young && count.is_none_or(|count| all.iter().filter(newer).count() < count as usize);
                    suite.is_some_and(|suite| suite != run.suite) || is_kept
                });
            }
            Deed::Undo(which) if !runs.is_empty() => {
                let number = *which.get(&runs.keys().collect::<Vec<_>>()).to_owned();
                let told = runs.remove(&number).unwrap();
                store.undo(&told.record(number).head.id).unwrap();
                counted = std::array::from_fn(|i| counted[i] - told.counted()[i]);
            }
            Deed::Undo(_) => {}
        }
        let Counters { runs: ever, pass, fail, tool_error, deferred } = store.counters().unwrap();
        prop_assert_eq!([ever, pass, fail, tool_error, deferred], counted);
        let figures = store.figures(&RunFilter::default()).unwrap();
        assert_same(&figures.all, &expected(&runs, None))?;
        for (suite, name) in SUITES.iter().enumerate() {
            let found = figures.suites.get(*name).cloned().unwrap_or_default();
            assert_same(&found, &expected(&runs, Some(suite)))?;
        }
        prop_assert_eq!(figures.triggers.values().map(|stats| stats.total).sum::<u64>(), figures.all.total);
        prop_assert_eq!(store.size().unwrap().runs, runs.len() as u64);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn r25_r18_whatever_is_done_counts_are_never_negative_and_rates_are_within_0_and_1(
        deeds in prop::collection::vec(deed(), 1..24),
    ) {
        counts_are_never_negative(&Folder::default(), deeds)?;
    }
}

#[cfg(all(unix, feature = "postgres"))]
proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn r25_r18_so_it_is_in_postgresql(deeds in prop::collection::vec(deed(), 1..24)) {
        counts_are_never_negative(&crate::store::postgres::Schema::default(), deeds)?;
    }
}

on_every_store! {
    r25_a_store_that_says_less_than_nothing_is_read_as_nothing
}

fn r25_a_store_that_says_less_than_nothing_is_read_as_nothing(place: &dyn Place) {
    let mut store = place.open();
    let told =
        Told { suite: 0, second: 0, state: RunState::Executed, verdict: Verdict::Fail, counts: [1; 6], took: Some(5) };
    let run = FinishedRun { record: told.record(1), cases: Vec::new(), binaries: Vec::new() };
    store.append(&mut std::iter::once(run)).unwrap();
    for (columns, rate) in [
        ("tests = -5, passed = -5, failed = -1, duration_us = -9, not_run = -3", None),
        ("tests = 2, passed = 9, skipped = 0", Some(1.0)),
        ("tests = 2, skipped = 9", None),
        ("tests = 9223372036854775807, passed = 9223372036854775807, flaky = 9223372036854775807", Some(1.0)),
        ("failed = 9223372036854775807, errored = 9223372036854775807, timeout = 9223372036854775807", Some(1.0)),
    ] {
        place.sql(&format!("UPDATE runs SET {columns}; UPDATE counters SET value = -7"));
        let figures = store.figures(&RunFilter::default()).unwrap().all;
        assert_eq!((figures.total, figures.failed, figures.mean_pass_rate), (1, 1, rate), "{columns}");
        assert_eq!(figures.mean_duration_ms, None);
        assert_eq!(store.counters().unwrap(), Counters::default());
        let run = store.runs(&RunFilter::default(), Page::ALL).unwrap().remove(0);
        assert!(run.totals.failures() >= run.totals.failed);
    }
    store.undo(&told.record(1).head.id).unwrap();
    assert_eq!(store.counters().unwrap(), Counters::default(), "and taking back takes nothing below it");
}
