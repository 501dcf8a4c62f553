//! Signals, closed pipes, and an end without warning.

use std::io::Read;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use super::{entry, reasons, runs, script};
use crate::support::{Fixture, Running, is_gone, wait_until};

/// The gate on tests that complete at once and one that hangs, when these are in flight; its child's number is known.
fn hanging(fixture: &Fixture, more: &[&str]) -> (Running, Pid) {
    // With a child, so that its number can be read.
    let args = ["test", "--test", "ignores_term", "--test", "calm", "--slots", "4", "--format", "json"];
    let running = fixture.gate(args.into_iter().chain(more.iter().copied())).in_own_group().spawn();
    let path = fixture.scratch().join("stubborn.pid");
    let number = || std::fs::read_to_string(&path).ok()?.trim().parse().ok();
    wait_until("the stubborn child has written its number", || number().is_some());
    // The neighbours complete.
    std::thread::sleep(Duration::from_millis(700));
    (running, Pid::from_raw(number().unwrap()).unwrap())
}

#[test]
fn an_interrupt_ends_the_run_in_good_order_and_keeps_what_completed() {
    for (signal, name) in [(Signal::INT, "SIGINT"), (Signal::TERM, "SIGTERM")] {
        let fixture = Fixture::shared("harness");
        let (running, stubborn) = hanging(&fixture, &["--grace", "1s"]);
        running.signal(signal);
        let begin = Instant::now();
        let ended = running.wait();
        ended.assert_code(130);
        assert!(begin.elapsed() < Duration::from_secs(20), "{ended}");
        assert!(reasons(&ended).contains(name), "{ended}");
        assert_eq!(entry(&ended, "one")["outcome"], "passed");
        assert_eq!(ended.json()["not_run"], 1, "{ended}");
        wait_until("the stubborn child is gone", || is_gone(stubborn));
        let run = &runs(&fixture)[0];
        assert_eq!((run.state.as_str(), run.totals.passed, run.not_run), ("interrupted", 4, 1));
    }
}

#[test]
fn a_second_interrupt_ends_the_run_at_once() {
    let fixture = Fixture::shared("harness");
    // What a runner ignores, what it starts ignores.
    let runner = script(&fixture, "runner", "trap '' TERM\nexec \"$@\"");
    let name = format!("CARGO_TARGET_{}_RUNNER", super::host().to_uppercase().replace('-', "_"));
    let running = fixture
        .gate(["test", "--test", "ignores_term", "--grace", "120s", "--format", "json"])
        .env(&name, runner)
        .in_own_group()
        .spawn();
    let path = fixture.scratch().join("stubborn.pid");
    let number = || std::fs::read_to_string(&path).ok()?.trim().parse().ok();
    wait_until("the stubborn child has written its number", || number().is_some());
    let (mut running, stubborn) = (running, Pid::from_raw(number().unwrap()).unwrap());
    running.signal(Signal::INT);
    std::thread::sleep(Duration::from_millis(1000));
    assert!(!running.has_ended(), "the grace is long");
    running.signal(Signal::INT);
    let begin = Instant::now();
    running.wait().assert_code(130);
    assert!(begin.elapsed() < Duration::from_secs(15));
    wait_until("the stubborn child is gone", || is_gone(stubborn));
    assert_eq!(runs(&fixture)[0].state.as_str(), "interrupted");
}

#[test]
fn an_interrupt_during_the_build_is_130_and_leaves_no_compiler_behind() {
    let fixture = Fixture::bare();
    let build = "fn main() {\n    std::fs::write(std::env::var(\"GATE_FIXTURE_DIR\").unwrap() + \"/builds\", std::process::id().to_string()).unwrap();\n    std::thread::sleep(std::time::Duration::from_secs(300));\n}\n";
    fixture
        .write("Cargo.toml", "[workspace]\n[package]\nname = \"long\"\nedition = \"2024\"\n")
        .write("build.rs", build)
        .write("src/lib.rs", "");
    let running = fixture.gate(["test", "--format", "json"]).in_own_group().spawn();
    let number = || std::fs::read_to_string(fixture.scratch().join("builds")).ok()?.parse().ok();
    wait_until("the build script runs", || number().is_some());
    running.signal(Signal::INT);
    let ended = running.wait();
    ended.assert_code(130);
    assert!(reasons(&ended).contains("during the build"), "{ended}");
    let builder = Pid::from_raw(number().unwrap()).unwrap();
    wait_until("the build script is gone", || is_gone(builder));
    assert_eq!(runs(&fixture)[0].state.as_str(), "interrupted");
}

#[test]
fn an_interrupt_while_a_binary_is_asked_for_its_list_is_not_made_to_wait() {
    let fixture = Fixture::shared("custom");
    let running = fixture.gate(["test", "--test", "hangs_on_list", "--format", "json"]).in_own_group().spawn();
    let asked = fixture.scratch().join("hangs_on_list.starts");
    wait_until("it is asked", || asked.exists());
    running.signal(Signal::INT);
    let begin = Instant::now();
    running.wait().assert_code(130);
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
}

/// The state of a process: R, S, T …
fn state(pid: Pid) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

#[test]
#[cfg(target_os = "linux")]
fn a_pause_is_passed_on_and_its_time_does_not_count() {
    let fixture = Fixture::shared("harness");
    let (running, child) = hanging(&fixture, &["--timeout", "5s", "--grace", "500ms"]);
    let gate = Pid::from_raw(i32::try_from(running.pid()).unwrap()).unwrap();
    running.signal(Signal::TSTP);
    wait_until("the gate pauses", || state(gate) == Some('T'));
    wait_until("what it runs pauses", || state(child) == Some('T'));
    // Longer than the limit of the test.
    std::thread::sleep(Duration::from_secs(6));
    running.signal(Signal::CONT);
    wait_until("what it runs goes on", || state(child) != Some('T'));
    let ended = running.wait();
    ended.assert_code(100);
    let hanging = entry(&ended, "m_hangs_with_a_stubborn_child");
    assert_eq!(hanging["outcome"], "timeout", "{ended}");
    assert_eq!(entry(&ended, "one")["outcome"], "passed");
    assert!(ended.took > Duration::from_secs(10), "the pause came on top of the limit\n{ended}");
}

#[test]
fn a_reader_that_goes_away_is_no_reason_to_complain() {
    let fixture = Fixture::shared("harness");
    for (args, code) in [
        (&["test", "--test", "calm", "--events", "-"][..], 0),
        (&["test", "--test", "calm", "--format", "json"], 0),
        (&["test", "--test", "names", "--list"], 0),
        (&["test", "--test", "outcomes", "--events", "-"], 100),
    ] {
        let mut command = fixture.gate(args.iter().copied()).into_command();
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        if args.contains(&"-") {
            stdout.read_exact(&mut [0]).unwrap();
        }
        drop(stdout);
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{stderr}");
        assert!(
            !stderr.contains("thread 'main'") && !stderr.to_lowercase().contains("broken pipe"),
            "{args:?}\n{stderr}"
        );
    }
}

#[test]
fn people_who_stop_reading_do_not_end_the_run() {
    let fixture = Fixture::shared("harness");
    let mut command = fixture.gate(["test", "--test", "outcomes", "--format", "json"]).into_command();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(100));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["totals"]["tests"], 12);
}

#[test]
fn a_run_whose_process_was_killed_reads_interrupted_and_the_next_goes_on() {
    let fixture = Fixture::shared("harness");
    let (running, stubborn) = hanging(&fixture, &[]);
    assert_eq!(runs(&fixture)[0].state.as_str(), "running");
    running.signal(Signal::KILL);
    assert_eq!(running_ended(running), Some(9));
    // Nobody was left to end it.
    let group = rustix::process::getpgid(Some(stubborn)).unwrap();
    rustix::process::kill_process_group(group, Signal::KILL).unwrap();
    assert_eq!(runs(&fixture)[0].state.as_str(), "interrupted");
    fixture.gate(["test", "--test", "calm"]).run().assert_code(0);
    let states: Vec<String> = runs(&fixture).iter().map(|run| run.state.to_string()).collect();
    assert_eq!(states, ["executed", "interrupted"]);
}

/// The signal that ended a process whose children may still hold its pipes.
fn running_ended(mut running: Running) -> Option<i32> {
    wait_until("it has ended", || running.has_ended());
    // Its pipes may be held by what it left, so only the status is taken.
    let pid = running.pid();
    drop(running);
    (!Path::new(&format!("/proc/{pid}")).exists()).then_some(9)
}

#[test]
fn no_process_outlives_a_run_that_was_stopped_early() {
    let fixture = Fixture::shared("harness");
    let (notes, sleeper) = (fixture.scratch().join("pids"), "sleep 300");
    let runner = script(
        &fixture,
        "runner",
        &format!(
            "case \"$*\" in *--list*) ;; *) {sleeper} & echo $! >> \"$GATE_FIXTURE_DIR/pids\";; esac\nexec \"$@\""
        ),
    );
    let name = format!("CARGO_TARGET_{}_RUNNER", super::host().to_uppercase().replace('-', "_"));
    let ended =
        fixture.gate(["test", "--test", "hangs", "--timeout", "1s", "--grace", "500ms"]).env(&name, runner).run();
    ended.assert_code(100);
    let first = super::read(&notes).lines().next().unwrap().parse().unwrap();
    wait_until("the sleeper is gone with its group", || is_gone(Pid::from_raw(first).unwrap()));
    for left in super::read(&notes).lines() {
        let _ = rustix::process::kill_process(Pid::from_raw(left.parse().unwrap()).unwrap(), Signal::KILL);
    }
}
