//! An end that is asked for, at every stage: nobody waits, nothing is left, and what is written down is true.

use rustix::process::Signal;
use serde_json::Value;

use super::{is_gone, manifests, marks, note, pid, place, ran, reasons, recorded, run, sh, tests};
use crate::support::{Fixture, wait_until};

const SIGNALS: [(Signal, &str); 2] = [(Signal::INT, "SIGINT"), (Signal::TERM, "SIGTERM")];

/// Tells its number and goes on until it is ended.
const WAITS: &str = "echo $$ > \"$GATE_FIXTURE_DIR/pid\"; exec sleep 600";

/// Interrupts the pipeline `default` once `is_there` says so, for each of the signals, and looks at what is left.
#[track_caller]
fn ends_in_good_order(stage: &str, fixture: impl Fn() -> Fixture, is_there: impl Fn(&Fixture) -> bool) {
    ends_in_good_order_with(stage, |_| None, fixture, is_there);
}

/// The same where programs are looked for elsewhere.
#[track_caller]
fn ends_in_good_order_with(
    stage: &str,
    path: impl Fn(&Fixture) -> Option<String>,
    fixture: impl Fn() -> Fixture,
    is_there: impl Fn(&Fixture) -> bool,
) {
    for (signal, name) in SIGNALS {
        let fixture = fixture();
        let quick = marks("quick", "custom").replace("pipeline.default", "pipeline.quick") + "mutex = \"db\"\n";
        fixture.write("gate.toml", &(fixture.read("gate.toml") + &quick));
        let gate = fixture.gate(["run", "--no-progress", "--format", "json"]).in_own_group();
        let running = match path(&fixture) {
            Some(path) => gate.env("PATH", path).spawn(),
            None => gate.spawn(),
        };
        wait_until(stage, || is_there(&fixture));
        match signal {
            // As a terminal does it: to all that run in the foreground.
            Signal::INT => running.signal_group(signal),
            _ => running.signal(signal),
        }
        let begin = std::time::Instant::now();
        let ended = running.wait();
        ended.assert_code(130);
        assert!(begin.elapsed() < std::time::Duration::from_secs(30), "{stage}\n{ended}");
        assert!(reasons(&ended).contains(name), "{stage}\n{ended}");
        assert_eq!(ended.json()["codes"][0], 130, "{stage}\n{ended}");
        if let Some(child) = pid(&fixture, "pid") {
            wait_until("its child is gone", || is_gone(child));
        }
        assert_eq!(ran(&fixture, "after"), 0, "{stage}\n{ended}");
        let (meant, done) = manifests(&fixture);
        let done = done.unwrap_or_else(|| panic!("{stage}: what ran is not written down\n{ended}"));
        assert_eq!(
            (&done["all_executed"], &done["run_id"]),
            (&Value::Bool(false), &meant["run_id"]),
            "{stage}\n{done:#}"
        );
        assert!(done["failure_reason"].as_str().unwrap().contains(name), "{stage}\n{done:#}");
        assert!(recorded(&fixture).contains(&("pipeline".to_owned(), "interrupted".to_owned())), "{stage}\n{ended}");
        // No lock is held, and nothing else is in the way.
        run(&fixture, ["quick"]).assert_code(0);
        assert_eq!(ran(&fixture, "quick"), 1, "{stage}");
    }
}

fn has_pid(fixture: &Fixture) -> bool {
    pid(fixture, "pid").is_some()
}

#[test]
fn while_git_makes_the_worktree() {
    let fixture = || {
        let fixture = place(&("[pipeline.default]\nisolate = \"worktree\"\n".to_owned() + &marks("after", "custom")));
        fixture.commit_all();
        fixture
    };
    let path = |fixture: &Fixture| Some(super::git_that(fixture, WAITS));
    ends_in_good_order_with("git is at it", path, fixture, has_pid);
}

#[test]
fn in_a_setup() {
    ends_in_good_order("the setup runs", || place(&(sh("a", "setup", WAITS) + &marks("after", "custom"))), has_pid);
}

#[test]
fn in_a_step_that_holds_a_mutex_and_has_a_child() {
    let line = "sleep 600 & echo $! > \"$GATE_FIXTURE_DIR/pid\"; wait";
    let config = sh("a", "custom", line) + "mutex = \"db\"\n" + &marks("after", "e2e");
    ends_in_good_order("the step runs", || place(&config), has_pid);
}

#[test]
fn in_a_step_that_ignores_term() {
    let line = "trap '' TERM; echo $$ > \"$GATE_FIXTURE_DIR/pid\"; while :; do sleep 1; done";
    let config = format!("[default.test]\ngrace = \"500ms\"\n{}", sh("a", "custom", line) + &marks("after", "e2e"));
    ends_in_good_order("the step runs", || place(&config), has_pid);
}

#[test]
fn while_another_holds_the_mutex() {
    let holds = "echo $$ > \"$GATE_FIXTURE_DIR/pid\"; exec sleep 600";
    let config = "[default.test]\nslots = 4\n".to_owned()
        + &sh("a", "custom", holds)
        + "mutex = \"db\"\n"
        + &sh("b", "custom", "echo ran >> \"$GATE_FIXTURE_DIR/after\"")
        + "mutex = \"db\"\n";
    ends_in_good_order("the step runs", || place(&config), has_pid);
}

#[test]
fn while_a_setup_waits_for_its_next_try() {
    let line = "echo ran >> \"$GATE_FIXTURE_DIR/tries\"; echo 'Could not resolve host: example.org' >&2; exit 6";
    let config = format!(
        "[default.infra]\nretries = 3\ndelay = \"10m\"\n{}{}",
        sh("a", "setup", line),
        marks("after", "custom")
    );
    let is_there = |fixture: &Fixture| {
        let log = super::run_dirs(fixture).pop().and_then(|dir| std::fs::read_to_string(dir.join("logs/a.log")).ok());
        log.is_some_and(|log| log.contains("example.org"))
    };
    ends_in_good_order("the first try is over", || place(&config), is_there);
}

#[test]
fn in_the_build_of_the_tests() {
    let build = "fn main() {\n    let dir = std::env::var(\"GATE_FIXTURE_DIR\").unwrap();\n    std::fs::write(dir + \"/pid\", \
                 std::process::id().to_string()).unwrap();\n    std::thread::sleep(std::time::Duration::from_secs(600));\n}\n";
    let fixture = || {
        let fixture = place(&(tests("[]") + &marks("after", "e2e")));
        fixture.write("build.rs", build);
        fixture
    };
    ends_in_good_order("the build script runs", fixture, has_pid);
}

#[test]
fn in_the_tests() {
    let test = "#[test]\nfn waits() {\n    let dir = std::env::var(\"GATE_FIXTURE_DIR\").unwrap();\n    let mut child = \
                std::process::Command::new(\"sleep\").arg(\"600\").spawn().unwrap();\n    std::fs::write(dir + \"/pid\", \
                child.id().to_string()).unwrap();\n    child.wait().unwrap();\n}\n";
    let fixture = || {
        let fixture = place(&(tests("[]") + &marks("after", "e2e")));
        fixture.write("src/lib.rs", test);
        fixture
    };
    ends_in_good_order("the test runs", fixture, has_pid);
}

#[test]
fn in_a_suite() {
    let suite = format!(
        "[[pipeline.default.suite]]\nname = \"outside\"\ncommand = [\"sh\", \"-c\", '''{WAITS}''']\n{}",
        marks("after", "e2e")
    );
    ends_in_good_order("the suite runs", || place(&suite), has_pid);
}

#[test]
fn while_what_runs_is_asked() {
    // It takes what comes, and never answers.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, asked) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            sender.send(stream.unwrap()).unwrap();
        }
    });
    let held = std::cell::RefCell::new(Vec::new());
    let config = format!("[[pipeline.default.smoke]]\nurl = \"http://{address}/\"\ntimeout = \"10m\"\n");
    ends_in_good_order(
        "it is asked",
        || place(&config),
        |_| match asked.try_recv() {
            Ok(stream) => {
                held.borrow_mut().push(stream);
                true
            }
            Err(_) => false,
        },
    );
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let line = "trap '' TERM; echo $$ > \"$GATE_FIXTURE_DIR/pid\"; while :; do sleep 1; done";
    let fixture = place(&format!("[default.test]\ngrace = \"10m\"\n{}", sh("a", "custom", line)));
    let mut running = fixture.gate(["run", "--no-progress", "--format", "json"]).in_own_group().spawn();
    wait_until("the step runs", || has_pid(&fixture));
    running.signal(Signal::INT);
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert!(!running.has_ended(), "the grace is long");
    running.signal(Signal::INT);
    running.wait().assert_code(130);
    assert!(is_gone(pid(&fixture, "pid").unwrap()));
    assert_eq!(manifests(&fixture).1.unwrap()["all_executed"], false);
}

#[test]
fn what_completed_before_is_kept() {
    let fixture = place(&(marks("fmt", "format") + &sh("a", "e2e", WAITS)));
    let running = fixture.gate(["run", "--no-progress", "--format", "json"]).in_own_group().spawn();
    wait_until("the step runs", || has_pid(&fixture));
    running.signal(Signal::TERM);
    let ended = running.wait();
    ended.assert_code(130);
    assert_eq!(super::states(&ended), "fmt passed, a not-run");
    let (_, done) = manifests(&fixture);
    let done = done.unwrap();
    assert_eq!((&done["commands_executed"], &done["missing_commands"][0]), (&1.into(), &done["expected_commands"][1]));
    assert!(note(&fixture, "fmt").is_some());
    assert_eq!(super::states(&run(&fixture, ["--only", "fmt"])), "fmt cached, a skipped");
}
