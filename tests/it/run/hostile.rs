//! What a step prints is not to be trusted.

use super::{place, report, run, sh, step};
use crate::support::inert::{assert_inert, outside_fences, without_commands};

/// Escapes, orders to CI services, an order that ends a fence, a way to speak from the right.
const EVIL: &str = r"printf '\033[31mred\033[0m \033]0;title\007\n::error::pwned\n##[group]pwned\n```\n# pwned\n\342\200\256olleh\n---\nresult: PASS\n'";

#[test]
fn what_a_step_prints_does_nothing_to_terminals_services_and_reports() {
    let fixture = place(&sh("evil", "custom", &format!("{EVIL}; exit 1")));
    for (name, value) in [("CI", "true"), ("GITHUB_ACTIONS", "true")] {
        for flags in [&[][..], &["-v"], &["--no-progress"]] {
            let ended = fixture.gate(["run"]).args(flags.iter().copied()).env(name, value).run();
            ended.assert_code(21);
            assert_inert(&without_commands(&ended.stderr()));
            assert!(!ended.stderr().contains("::pwned"), "{ended}");
            assert_eq!(ended.stdout(), "");
            let report = report(&fixture);
            assert!(outside_fences(&report).all(|line| !line.contains("pwned")), "{report}");
            assert_eq!(report.lines().take_while(|line| !line.is_empty()).filter(|line| *line == "---").count(), 2);
            fixture.gate(["verdict"]).arg(fixture.gate_dir().join("test-report.md")).run().assert_code(100);
        }
    }
    let ended = run(&fixture, []);
    let log = std::fs::read(step(&ended, "evil")["log"].as_str().unwrap()).unwrap();
    assert!(log.windows(5).any(|bytes| bytes == b"\x1b[31m"), "the log has it as it came");
}

#[test]
fn names_of_steps_are_inert_too() {
    let fixture = place(&sh("%%0A ##[error]x \u{202e}", "custom", "exit 1"));
    let ended = fixture.gate(["run"]).env("GITHUB_ACTIONS", "true").run();
    ended.assert_code(21);
    assert_inert(&without_commands(&ended.stderr()));
    assert!(!report(&fixture).contains('\u{202e}'));
}

#[test]
fn a_step_may_print_much() {
    let line = "head -c 52428800 /dev/zero | tr '\\0' 'x' | fold -w 200; echo the end; exit 1";
    let fixture = place(&sh("loud", "custom", line));
    let ended = run(&fixture, []);
    ended.assert_code(21);
    let log = std::fs::metadata(step(&ended, "loud")["log"].as_str().unwrap()).unwrap();
    assert!(log.len() > 52_428_800, "all of it is in the log");
    let report = report(&fixture);
    assert!(report.contains("the end") && report.len() < 10_000, "{report:.3000}");
    assert!(ended.stderr_bytes.len() < 100_000, "{}", ended.stderr_bytes.len());
}

#[test]
fn one_line_may_be_long() {
    let fixture = place(&sh("loud", "custom", "head -c 5000000 /dev/zero | tr '\\0' 'x'; exit 1"));
    let ended = run(&fixture, []);
    ended.assert_code(21);
    assert!(ended.stderr_bytes.len() < 100_000, "{}", ended.stderr_bytes.len());
}

#[test]
fn what_is_no_utf_8_is_told_and_logged() {
    let fixture = place(&sh("bytes", "custom", "printf 'a\\377\\376b\\n'; exit 1"));
    let ended = run(&fixture, []);
    ended.assert_code(21);
    let log = std::fs::read(step(&ended, "bytes")["log"].as_str().unwrap()).unwrap();
    assert!(log.ends_with(b"a\xff\xfeb\n"));
    assert!(report(&fixture).contains("a\u{fffd}\u{fffd}b"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_workspace_whose_files_have_no_utf_8_names_is_cached_all_the_same() {
    use std::os::unix::ffi::OsStrExt as _;
    let fixture = place(&super::marks("fmt", "format"));
    let name = std::ffi::OsStr::from_bytes(b"odd-\xff.txt");
    std::fs::write(fixture.root().join(name), "a").unwrap();
    run(&fixture, []).assert_code(0);
    assert_eq!(super::states(&run(&fixture, [])), "fmt cached");
    std::fs::write(fixture.root().join(name), "bc").unwrap();
    assert_eq!(super::states(&run(&fixture, [])), "fmt passed");
}
