//! What tests print: a lot of it, bytes that are no text, lines that lie.

use std::path::Path;
use std::time::{Duration, Instant};

use super::entry;
use crate::support::fixture_model::expected;
use crate::support::inert::{assert_inert, without_commands};
use crate::support::{Ended, Fixture};

/// The most memory a process of ours has had, in KiB, looked at until it ends.
fn peak_of(mut running: crate::support::Running) -> (u64, Ended) {
    let status = format!("/proc/{}/status", running.pid());
    assert!(Path::new(&status).exists(), "this test reads /proc");
    let (mut peak, begin) = (0, Instant::now());
    while !running.has_ended() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse().ok());
        peak = kib.unwrap_or(0).max(peak);
        assert!(begin.elapsed() < Duration::from_secs(300), "it never ends");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(peak > 1000, "no peak was seen");
    (peak, running.wait())
}

/// Runs the talkative tests whose names match, each printing so many megabytes.
fn talk(filter: &str, megabytes: u64) {
    let fixture = Fixture::shared("harness");
    fixture.gate(["test", "--test", "big", "no_such_test", "--no-tests", "pass"]).run().assert_code(0);
    let running = fixture
        .gate(["test", "--test", "big", filter, "--format", "json"])
        .env("GATE_FIXTURE_BYTES", (megabytes * 1_000_000).to_string())
        .spawn();
    let (peak, ended) = peak_of(running);
    let mut wanted = expected("harness", "big");
    wanted.retain(|key, _| key.contains(filter));
    assert_eq!(ended.outcomes(), wanted, "{}", ended.stderr());
    assert!(peak < 150_000, "{peak} KiB at {megabytes} MB of {filter} output");
    assert!(ended.stdout_bytes.len() < 2_000_000, "the report stays small");
}

#[test]
#[cfg(target_os = "linux")]
fn memory_stays_flat_while_children_print_a_lot_past_their_harness() {
    talk("raw_", 60);
}

#[test]
#[cfg(target_os = "linux")]
fn memory_stays_flat_when_a_harness_hands_over_a_lot_of_captured_output() {
    talk("captured_and_fails", 100);
}

#[test]
#[cfg(target_os = "linux")]
fn memory_stays_flat_on_one_endless_line() {
    talk("raw_in_one_line", 200);
}

#[test]
fn of_a_long_output_the_beginning_and_the_end_are_shown_and_the_cut_is_named() {
    let ended =
        Fixture::shared("harness").gate(["test", "--test", "big", "captured_and_fails", "--format", "json"]).run();
    let message = entry(&ended, "captured_and_fails")["message"].as_str().unwrap().to_owned();
    assert!(message.contains("after much talk") && message.contains("cut"), "{ended}");
    assert!(message.len() < 300_000);
}

#[test]
fn what_is_no_text_is_shown_as_text_and_harms_no_report() {
    let fixture = Fixture::shared("harness");
    let ended = fixture.gate(["test", "--test", "bytes", "--format", "json", "--junit", "junit.xml"]).run();
    assert_eq!(ended.outcomes(), expected("harness", "bytes"), "{ended}");
    for text in [ended.stderr(), ended.stdout(), fixture.read("junit.xml")] {
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}') && !text.contains('\u{7}'), "{text}");
    }
    // With CI's colours the escapes on stderr are our own only.
    let colored = fixture.gate(["test", "--test", "bytes", "--color", "always"]).run();
    for forged in ["\u{1b}[2J", "\u{1b}]0;", "\u{1b}]8;;http", "\u{202e}"] {
        assert!(!colored.stderr().contains(forged), "{forged:?}");
    }
}

#[test]
fn workflow_commands_of_tests_never_begin_a_line() {
    let ended =
        Fixture::shared("harness").gate(["test", "--test", "bytes", "workflow"]).env("GITHUB_ACTIONS", "true").run();
    assert_inert(&without_commands(&ended.stderr()));
    assert_eq!(ended.stdout(), "");
}

#[test]
fn forged_results_are_not_believed() {
    // Several times: which forged line comes first is a matter of chance.
    for threads in ["1", "2", "4", "4"] {
        let ended = Fixture::shared("harness")
            .gate(["test", "--test", "lookalike", "--slots", threads, "--format", "json"])
            .run();
        assert_eq!(ended.assert_code(100).outcomes(), expected("harness", "lookalike"), "{threads} slots\n{ended}");
        assert!(!ended.stdout().contains("\"name\":\"fake\""), "{ended}");
    }
}

/// A crate whose tests print the lines of others past the harness, and then one takes the process down.
fn forger() -> Fixture {
    let fixture = Fixture::bare();
    fixture
        .write("Cargo.toml", "[workspace]\n[package]\nname = \"half\"\nedition = \"2024\"\n[lib]\ndoctest = false\n")
        .write(
            "src/lib.rs",
            r#"
#[cfg(test)]
mod tests {
    use std::io::Write;
    fn raw(text: &str) {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes()).unwrap();
        out.flush().unwrap();
    }
    #[test]
    fn a_prints() { raw("half a line"); }
    #[test]
    fn b_fails() { raw("test tests::b_fails ... ok\n"); panic!("no"); }
    #[test]
    fn c_dies() {
        std::thread::sleep(std::time::Duration::from_millis(300));
        raw("test tests::c_dies ... ok\nhalf a line");
        std::process::abort();
    }
    #[test]
    fn d_fails() { raw("half a line"); panic!("it does run"); }
}
"#,
        );
    fixture
}

#[test]
fn forged_lines_before_a_crash_hide_neither_the_crash_nor_a_failure() {
    let fixture = forger();
    for slots in ["1", "2", "4"] {
        let ended = fixture.gate(["test", "--slots", slots, "--format", "json", "--no-record"]).run();
        ended.assert_code(100);
        let outcome = |name: &str| entry(&ended, name)["outcome"].as_str().unwrap().to_owned();
        let outcomes = ["tests::a_prints", "tests::b_fails", "tests::d_fails"].map(outcome);
        assert_eq!(outcomes, ["passed", "failed", "failed"], "{slots} slots\n{ended}");
        assert!(ended.outcomes().values().any(|outcome| outcome == "error"), "{slots} slots\n{ended}");
    }
}

/// A crate with these tests.
fn crate_with(tests: &str) -> Fixture {
    let fixture = Fixture::bare();
    fixture
        .write("Cargo.toml", "[workspace]\n[package]\nname = \"half\"\nedition = \"2024\"\n[lib]\ndoctest = false\n")
        .write("src/lib.rs", tests);
    fixture
}

#[test]
fn forged_lines_among_passing_tests_turn_nothing_red() {
    let fixture = Fixture::shared("harness");
    let failing = ["a_failing_test", "captured_text", "splits_the_line_and_fails"];
    let skips = failing.into_iter().flat_map(|name| ["--skip", name]);
    let mut wanted = expected("harness", "lookalike");
    wanted.retain(|_, outcome| outcome == "passed");
    for slots in ["1", "2", "4"] {
        for more in [&["--nocapture"][..], &[]] {
            let args = ["test", "--test", "lookalike", "--no-record", "--slots", slots, "--format", "json", "--"];
            let ended = fixture.gate(args.into_iter().chain(skips.clone()).chain(more.iter().copied())).run();
            assert_eq!(ended.assert_code(0).outcomes(), wanted, "{slots} slots\n{ended}");
        }
    }
}

#[test]
fn a_line_after_the_summary_turns_nothing_red() {
    let fixture = crate_with(
        "#[test]\nfn a_green() {}\n#[test]\nfn b_leaves_a_talker() {\n    \
         std::process::Command::new(\"sh\").args([\"-c\", \"(sleep 0.05; echo goodbye; echo) &\"]).status().unwrap();\n}\n",
    );
    let ended = fixture.gate(["test", "--format", "json"]).run();
    ended.assert_code(0);
    assert_eq!(ended.outcomes().values().collect::<Vec<_>>(), ["passed", "passed"], "{ended}");
}

#[test]
fn a_made_up_summary_passes_nothing_that_never_ran() {
    let fixture = crate_with(
        "#[test]\nfn a_lies() {\n    use std::io::Write;\n    let mut out = std::io::stdout().lock();\n    \
         out.write_all(b\"\\ntest result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\\n\").unwrap();\n    \
         out.flush().unwrap();\n    std::process::exit(0);\n}\n#[test]\nfn b_is_red() {\n    \
         std::thread::sleep(std::time::Duration::from_millis(500));\n    panic!();\n}\n",
    );
    for slots in ["1", "2"] {
        let ended = fixture.gate(["test", "--slots", slots, "--format", "json", "--no-record"]).run();
        ended.assert_code(100);
        assert_eq!(entry(&ended, "b_is_red")["outcome"], "failed", "{slots} slots\n{ended}");
        assert_eq!(entry(&ended, "a_lies")["outcome"], "error", "{slots} slots\n{ended}");
    }
}
