//! What runs beside what: one live process a binary, slots, groups, order.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::read;
use crate::support::fixture_model::expected;
use crate::support::{Ended, Fixture};

/// When a test ran, and in which process.
#[derive(Debug)]
struct Span {
    binary: String,
    test: String,
    pid: u32,
    start: u128,
    end: u128,
}

/// Binaries `s0` and on with tests `t0` and on, each of which sleeps and writes down when and where it ran.
fn watched(binaries: usize, tests: usize, ms: u64) -> Fixture {
    let fixture = Fixture::bare();
    fixture
        .write("Cargo.toml", "[workspace]\n[package]\nname = \"watched\"\nedition = \"2024\"\n[lib]\ntest = false\ndoctest = false\n[profile.dev]\ndebug = false\n")
        .write(
            "src/lib.rs",
            r#"
use std::time::{Duration, SystemTime, UNIX_EPOCH};
fn now() -> u128 { SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() }
pub fn watch(binary: &str, test: &str, ms: u64) {
    let start = now();
    std::thread::sleep(Duration::from_millis(ms));
    let dir = std::path::PathBuf::from(std::env::var_os("GATE_FIXTURE_DIR").unwrap());
    std::fs::write(dir.join(format!("{binary}.{test}.span")), format!("{} {start} {}", std::process::id(), now())).unwrap();
}
"#,
        );
    for binary in 0..binaries {
        let mut body = String::new();
        for test in 0..tests {
            writeln!(body, "#[test]\nfn t{test}() {{ watched::watch(\"s{binary}\", \"t{test}\", {ms}); }}").unwrap();
        }
        fixture.write(&format!("tests/s{binary}.rs"), &body);
    }
    fixture
}

/// What the tests wrote down, in order of their starts.
fn spans(fixture: &Fixture) -> Vec<Span> {
    let mut spans: Vec<Span> = std::fs::read_dir(fixture.scratch())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "span"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let (binary, test) = name.split_once('.').unwrap();
            let text = read(&path);
            let mut words = text.split(' ');
            let mut number = || words.next().unwrap().parse::<u128>().unwrap();
            let (pid, start, end) = (u32::try_from(number()).unwrap(), number(), number());
            std::fs::remove_file(&path).unwrap();
            Span { binary: binary.to_owned(), test: test.to_owned(), pid, start, end }
        })
        .collect();
    spans.sort_by_key(|span| span.start);
    spans
}

/// The most of these that ran at once.
fn most_at_once<'a>(spans: impl Iterator<Item = &'a Span> + Clone) -> usize {
    spans
        .clone()
        .map(|one| spans.clone().filter(|other| other.start <= one.start && one.start < other.end).count())
        .max()
        .unwrap_or(0)
}

fn passes(ended: &Ended, tests: usize) {
    let outcomes = ended.assert_code(0).outcomes();
    assert!(outcomes.len() == tests && outcomes.values().all(|outcome| outcome == "passed"), "{ended}");
}

#[test]
fn there_are_never_more_tests_at_once_than_slots_and_they_are_used() {
    let fixture = watched(3, 4, 120);
    for (slots, more) in [(1, "shared"), (3, "shared"), (2, "process"), (4, "shared")] {
        let number = slots.to_string();
        // The second time with known durations.
        for _ in 0..2 {
            let ended = fixture.gate(["test", "--slots", &number, "--isolation", more, "--format", "json"]).run();
            passes(&ended, 12);
            let spans = spans(&fixture);
            assert_eq!(spans.len(), 12);
            let most = most_at_once(spans.iter());
            assert!(most <= slots, "{most} at once with {slots} slots ({more})\n{spans:?}");
            assert!(most >= slots.min(2), "{most} at once with {slots} slots ({more})\n{spans:?}");
        }
    }
}

#[test]
fn a_binary_is_one_live_process_with_its_tests_side_by_side() {
    let fixture = watched(2, 4, 150);
    let ended = fixture.gate(["test", "--slots", "4", "--format", "json"]).run();
    passes(&ended, 8);
    let spans = spans(&fixture);
    let mut pids: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
    for span in &spans {
        pids.entry(&span.binary).or_default().insert(span.pid);
    }
    assert!(pids.values().all(|pids| pids.len() == 1), "{pids:?}");
}

#[test]
fn one_process_a_test_where_that_is_asked_for() {
    let fixture = watched(1, 4, 20);
    let ended = fixture.gate(["test", "--isolation", "process", "--slots", "4", "--format", "json"]).run();
    passes(&ended, 4);
    assert_eq!(spans(&fixture).iter().map(|span| span.pid).collect::<BTreeSet<_>>().len(), 4);
}

#[test]
fn one_slot_is_one_test_at_a_time_in_the_order_of_names() {
    let fixture = watched(3, 3, 40);
    // Failures and durations on record change nothing here.
    for flag in [&["--slots", "1"][..], &["--", "--test-threads=1"], &["--", "--test-threads", "1"]] {
        passes(&fixture.gate(["test", "--format", "json"]).args(flag.iter().copied()).run(), 9);
        let spans = spans(&fixture);
        let ran: Vec<String> = spans.iter().map(|span| format!("{}::{}", span.binary, span.test)).collect();
        let mut sorted = ran.clone();
        sorted.sort();
        assert_eq!(ran, sorted);
        assert_eq!(most_at_once(spans.iter()), 1);
    }
}

#[test]
fn the_environment_caps_the_slots_as_it_caps_libtests_threads() {
    let fixture = watched(2, 3, 60);
    passes(&fixture.gate(["test", "--slots", "4", "--format", "json"]).env("RUST_TEST_THREADS", "1").run(), 6);
    assert_eq!(most_at_once(spans(&fixture).iter()), 1);
}

#[test]
fn serial_binaries_never_meet_and_use_all_slots() {
    let fixture = watched(3, 3, 100);
    passes(&fixture.gate(["test", "--serial-binaries", "--slots", "3", "--format", "json"]).run(), 9);
    let spans = spans(&fixture);
    for one in &spans {
        for other in spans.iter().filter(|other| other.binary != one.binary) {
            assert!(one.end <= other.start || other.end <= one.start, "{one:?} met {other:?}");
        }
    }
    assert!(most_at_once(spans.iter()) >= 2, "{spans:?}");
}

#[test]
fn a_group_is_kept_apart_across_binaries_while_others_run() {
    let fixture = watched(3, 3, 100);
    let config = "[groups.db]\nmax-threads = 1\n\n[[override]]\nfilter = \"watched/test:*::t0\"\ngroup = \"db\"\n";
    fixture.write("gate.toml", config);
    for isolation in ["shared", "process"] {
        passes(&fixture.gate(["test", "--slots", "4", "--isolation", isolation, "--format", "json"]).run(), 9);
        let spans = spans(&fixture);
        assert_eq!(most_at_once(spans.iter().filter(|span| span.test == "t0")), 1, "{isolation}\n{spans:?}");
        assert!(most_at_once(spans.iter()) >= 2, "{isolation}\n{spans:?}");
    }
}

#[test]
fn a_group_of_two_has_two_at_once_at_most() {
    let fixture = watched(1, 6, 80);
    fixture
        .write("gate.toml", "[groups.db]\nmax-threads = 2\n\n[[override]]\nfilter = \"watched/**\"\ngroup = \"db\"\n");
    for isolation in ["shared", "process"] {
        passes(&fixture.gate(["test", "--slots", "6", "--isolation", isolation, "--format", "json"]).run(), 6);
        assert_eq!(most_at_once(spans(&fixture).iter()), 2, "{isolation}");
    }
}

#[test]
fn a_test_group_of_nextests_is_kept_apart_as_the_gates_own() {
    let fixture = watched(3, 3, 100);
    let config = "[test-groups.db]\nmax-threads = 1\n\n[[profile.default.overrides]]\nfilter = 'test(=t0)'\ntest-group = \"db\"\n";
    fixture.write(".config/nextest.toml", config);
    passes(&fixture.gate(["test", "--compat", "nextest", "--slots", "4", "--format", "json"]).run(), 9);
    let spans = spans(&fixture);
    assert_eq!(most_at_once(spans.iter().filter(|span| span.test == "t0")), 1, "{spans:?}");
    assert!(most_at_once(spans.iter()) >= 2, "{spans:?}");
}

#[test]
fn locks_inside_a_process_hold_also_when_a_part_runs_first() {
    let fixture = Fixture::shared("harness");
    for _ in 0..3 {
        let ended = fixture.gate(["test", "--test", "locks", "--slots", "4", "--format", "json"]).run();
        assert_eq!(ended.assert_code(0).outcomes(), expected("harness", "locks"), "{ended}");
    }
    // A test that goes first by hand is a process of its own in turn, never beside the others.
    let override_ = "[[override]]\nfilter = \"harness/test:locks::c_*\"\npriority = 50\n";
    fixture.write("gate.toml", override_);
    let ended = fixture.gate(["test", "--test", "locks", "--slots", "4", "--format", "json"]).run();
    assert_eq!(ended.assert_code(0).outcomes(), expected("harness", "locks"), "{ended}");
}

#[test]
fn what_goes_first_by_hand_goes_first() {
    let fixture = watched(2, 3, 30);
    fixture.write("gate.toml", "[[override]]\nfilter = \"watched/test:s1::t2\"\npriority = 50\n");
    passes(&fixture.gate(["test", "--slots", "2", "--format", "json"]).run(), 6);
    assert_eq!(spans(&fixture)[0].test, "t2");
}

#[test]
fn what_failed_last_goes_first_the_next_time() {
    let fixture = Fixture::shared("harness");
    let order = |ended: &Ended| -> Vec<String> {
        ended.json()["tests"].as_array().unwrap().iter().map(|key| key.as_str().unwrap().to_owned()).collect()
    };
    fixture.gate(["test", "--test", "flaky", "--test", "calm"]).run().assert_code(100);
    let listed = fixture.gate(["test", "--test", "calm", "--test", "flaky", "--list", "--format", "json"]).run();
    let listed = order(&listed);
    let place = |name: &str| listed.iter().position(|key| key.ends_with(name)).unwrap_or_else(|| panic!("{listed:?}"));
    for failed in ["::fails_once", "::fails_twice", "::aborts_once"] {
        for passed in ["::one", "::two", "::always_passes"] {
            assert!(place(failed) < place(passed), "{listed:?}");
        }
    }
}
