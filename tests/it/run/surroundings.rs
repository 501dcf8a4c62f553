//! What a step finds around it, what it may take, and whom it must not meet.

use std::time::Duration;

use super::{harness, is_gone, marks, note, pid, place, ran, run, run_dirs, sh, states, step, tests};
use crate::support::{Fixture, wait_until};

/// Four steps at once, also where there are fewer processors.
const FOUR: &str = "[default.test]\nslots = 4\n";

#[test]
fn a_step_is_told_of_its_run_and_has_its_own_folder_and_variables() {
    let line = "printf '%s\\n' \"$PWD\" \"$OWN\" \"$GIVEN\" \"$CARGO_GATE_STEP\" \"$CARGO_GATE_RUN_ID\" \"$CARGO_GATE_DIR\" \
                \"$CARGO_GATE_LOCK_DIR\" > \"$GATE_FIXTURE_DIR/saw\"";
    let fixture = place(&(sh("a b", "custom", line) + "cwd = \"src\"\nenv = { OWN = \"x y\", GIVEN = \"own\" }\n"));
    let ended = fixture.gate(["run", "--format", "json"]).env("GIVEN", "outer").run();
    ended.assert_code(0);
    let saw = note(&fixture, "saw").unwrap();
    let dir = run_dirs(&fixture).pop().unwrap();
    let src = fixture.root().join("src");
    let locks = fixture.gate_dir().join("locks");
    let wanted = [
        src.to_str().unwrap(),
        "x y",
        "own",
        "a b",
        ended.json()["run_id"].as_str().unwrap(),
        dir.to_str().unwrap(),
        locks.to_str().unwrap(),
    ]
    .map(str::to_owned);
    assert_eq!(saw.lines().collect::<Vec<_>>(), wanted);
    assert!(dir.ends_with(ended.json()["run_id"].as_str().unwrap()));
}

#[test]
fn a_line_of_shell_is_run_by_the_shell_and_a_list_is_not() {
    let fixture = place(
        "[[pipeline.default.step]]\nname = \"line\"\nkind = \"custom\"\nshell = true\n\
         command = 'echo \"$((1 + 1))\" | tr 2 3 > \"$GATE_FIXTURE_DIR/line\"'\n\
         [[pipeline.default.step]]\nname = \"list\"\nkind = \"custom\"\ncommand = [\"echo\", \"$HOME && *\"]\n",
    );
    let ended = run(&fixture, []);
    ended.assert_code(0);
    assert_eq!(note(&fixture, "line").as_deref(), Some("3\n"));
    let log = std::fs::read_to_string(step(&ended, "list")["log"].as_str().unwrap()).unwrap();
    assert!(log.ends_with("\n$HOME && *\n"), "{log}");
}

#[test]
fn a_gate_within_a_gate_knows_the_variables_of_its_step() {
    let gate = env!("CARGO_BIN_EXE_cargo-gate");
    let line = format!("'{gate}' gate status > \"$GATE_FIXTURE_DIR/out\" 2> \"$GATE_FIXTURE_DIR/err\"");
    let fixture = place(&sh("nested", "custom", &line));
    run(&fixture, []).assert_code(0);
    assert_eq!(note(&fixture, "err").as_deref(), Some(""), "nothing to warn of");
}

#[test]
fn independent_steps_run_side_by_side() {
    let meets = |own: &str, other: &str| {
        let line = format!(
            "touch \"$GATE_FIXTURE_DIR/{own}\"; n=0\nuntil test -e \"$GATE_FIXTURE_DIR/{other}\"; do n=$((n + 1)); test $n -lt 300 || exit 1; sleep 0.1; done"
        );
        sh(own, "custom", &line)
    };
    run(&place(&(FOUR.to_owned() + &meets("a", "b") + &meets("b", "a"))), []).assert_code(0);
}

/// A step that fails where it meets another of its kind.
fn alone(name: &str, mutex: &str) -> String {
    let line = "mkdir \"$GATE_FIXTURE_DIR/held\" || exit 1\nsleep 0.5; rmdir \"$GATE_FIXTURE_DIR/held\"";
    sh(name, "custom", line) + &format!("mutex = \"{mutex}\"\n")
}

#[test]
fn steps_with_one_mutex_never_meet_in_one_run() {
    let fixture = place(&(FOUR.to_owned() + &alone("a", "db") + &alone("b", "db") + &alone("c", "db")));
    run(&fixture, []).assert_code(0);
}

#[test]
fn steps_with_one_mutex_never_meet_in_two_gates() {
    let fixture = place(&(FOUR.to_owned() + &alone("a", "db") + &alone("b", "db")));
    let gates: Vec<_> = (0..3).map(|_| fixture.gate(["run", "--no-progress"]).spawn()).collect();
    for gate in gates {
        gate.wait().assert_code(0);
    }
}

/// A step that goes on until it is let go.
const HOLDS: &str = "touch \"$GATE_FIXTURE_DIR/holds\"; n=0\n\
                     until test -e \"$GATE_FIXTURE_DIR/go\"; do n=$((n + 1)); test $n -lt 300 || exit 1; sleep 0.1; done";

/// A gate whose step holds the mutex `db`.
fn holding(fixture: &Fixture) -> crate::support::Running {
    let holding = fixture.gate(["run", "held", "--no-progress"]).spawn();
    wait_until("the lock is held", || note(fixture, "holds").is_some());
    holding
}

fn held() -> String {
    sh("hold", "custom", HOLDS).replace("pipeline.default", "pipeline.held") + "mutex = \"db\"\n"
}

#[test]
fn the_gates_own_tests_wait_for_their_mutex_too() {
    let fixture = harness(&(tests("[\"--test\", \"calm\"]") + "mutex = \"db\"\n" + &held()));
    let holding = holding(&fixture);
    let waiting = fixture.gate(["run", "--no-progress"]).spawn();
    wait_until("the second has begun", || run_dirs(&fixture).len() == 2);
    std::thread::sleep(Duration::from_secs(1));
    std::fs::write(fixture.scratch().join("go"), "").unwrap();
    let ended = waiting.wait();
    ended.assert_code(0).assert_stderr_has("waiting for the lock");
    holding.wait().assert_code(0);
}

#[test]
fn a_mutex_is_waited_for_no_longer_than_the_step_may_take() {
    for step in [marks("own", "custom"), tests("[\"--test\", \"calm\"]")] {
        let fixture = harness(&(step.clone() + "mutex = \"db\"\ntimeout = \"1s\"\n" + &held()));
        let holding = holding(&fixture);
        let ended = run(&fixture, []);
        ended.assert_code(21).assert_stderr_has("another step has held the lock");
        assert_eq!(ran(&fixture, "own"), 0);
        std::fs::write(fixture.scratch().join("go"), "").unwrap();
        holding.wait().assert_code(0);
    }
}

#[test]
fn a_child_that_ignores_term_is_killed_after_the_grace() {
    let line = "sh -c 'trap \"\" TERM; echo $$ > \"$GATE_FIXTURE_DIR/child\"; while :; do sleep 1; done' &\n\
                trap '' TERM; while :; do sleep 1; done";
    let fixture = place(&format!("[default.test]\ngrace = \"500ms\"\n{}timeout = \"1s\"\n", sh("a", "custom", line)));
    let ended = run(&fixture, []);
    ended.assert_code(21);
    let step = step(&ended, "a");
    assert_eq!(step["returncode"], -9, "{step}");
    assert_eq!(step["why"], "it did not end within 1s, and was killed");
    wait_until("the child is gone", || is_gone(pid(&fixture, "child").unwrap()));
}

#[test]
fn the_time_of_an_own_step_is_limited_too() {
    let args = tests("[\"--test\", \"hangs\"]") + "timeout = \"2s\"\n";
    let fixture = harness(&format!("[default.infra]\nretries = \"none\"\n[default.test]\ngrace = \"1s\"\n{args}"));
    let ended = run(&fixture, []);
    ended.assert_code(22);
    assert_eq!(states(&ended), "test tool-error");
    assert!(super::reasons(&ended).contains("m_hangs"), "{ended}");
}

#[test]
fn what_a_step_leaves_behind_is_said_and_not_waited_for() {
    let fixture = place(&sh("a", "custom", "sleep 60 & echo $! > \"$GATE_FIXTURE_DIR/pid\""));
    let ended = run(&fixture, []);
    ended.assert_code(0);
    assert!(ended.took < Duration::from_secs(50), "{ended}");
    assert!(step(&ended, "a")["why"].as_str().unwrap().contains("left something running"), "{ended}");
    // It may be gone by now, which is as good.
    let _ = rustix::process::kill_process(pid(&fixture, "pid").unwrap(), rustix::process::Signal::KILL);
}

#[test]
fn a_step_that_reads_its_input_finds_the_end() {
    let fixture = place(&(sh("a", "custom", "cat; read x; exit 0") + "timeout = \"20s\"\n"));
    run(&fixture, []).assert_code(0);
}

#[test]
fn it_runs_at_the_root_wherever_it_is_called_and_builds_where_it_is_told() {
    let fixture = place(&sh(
        "a",
        "custom",
        "pwd > \"$GATE_FIXTURE_DIR/pwd\"; echo \"$CARGO_TARGET_DIR\" > \"$GATE_FIXTURE_DIR/target\"",
    ));
    let src = fixture.root().join("src");
    let ended = fixture.gate(["run", "--target-dir", "built", "--report", "here.md"]).in_dir(&src).run();
    ended.assert_code(0);
    assert_eq!(note(&fixture, "pwd").unwrap().trim(), fixture.root().to_str().unwrap());
    assert_eq!(note(&fixture, "target").unwrap().trim(), src.join("built").to_str().unwrap());
    assert!(src.join("built/gate/test-report.md").exists() && src.join("here.md").exists());
}

#[test]
fn without_a_history_a_gate_is_as_strict_as_with_one() {
    for (line, code) in [("exit 0", 0), ("exit 1", 21)] {
        let fixture = place(&sh("a", "custom", line));
        std::fs::create_dir_all(fixture.gate_dir().join("history.sqlite")).unwrap();
        let ended = run(&fixture, []);
        ended.assert_code(code).assert_stderr_has("warning: ");
        assert!(super::manifests(&fixture).1.is_some());
    }
}
