//! R24: a pipeline apart from what is being worked on, which leaves nothing but its history.

use std::path::PathBuf;

use rustix::process::Signal;

use super::{is_gone, manifests, marks, note, pid, place, put_down, reasons, recorded, report, run, sh, states, tests};
use crate::support::{Fixture, wait_until};

const APART: &str = "[pipeline.default]\nisolate = \"worktree\"\n";

/// A step that tells where it runs, and what it finds there.
const LOOKS: &str = "pwd > \"$GATE_FIXTURE_DIR/where\"; cat data.txt > \"$GATE_FIXTURE_DIR/saw\"\n";

/// A repository of which a file is changed since its commit, and a configuration.
fn repository(config: &str) -> Fixture {
    let fixture = place(&(APART.to_owned() + config));
    fixture.write("data.txt", "committed\n").commit_all().write("data.txt", "dirty\n");
    fixture
}

/// Where its steps ran.
#[track_caller]
fn was(fixture: &Fixture) -> PathBuf {
    PathBuf::from(note(fixture, "where").expect("the step ran").trim())
}

/// Panics where anything of the last worktree is left.
#[track_caller]
fn assert_nothing_left(fixture: &Fixture) {
    let was = was(fixture);
    assert!(!was.exists() && !was.parent().unwrap().exists(), "{}", was.display());
    let listed = fixture.command("git").args(["worktree", "list"]).run();
    assert_eq!(listed.stdout().lines().count(), 1, "{listed}");
}

#[test]
fn r24_steps_see_the_commit_and_the_worktree_goes_after_success_and_failure() {
    for (more, code) in [("", 0), ("exit 3", 21), ("kill -9 $$", 21)] {
        let fixture = repository(&sh("look", "custom", &format!("{LOOKS}{more}")));
        let ended = run(&fixture, []);
        ended.assert_code(code).assert_stderr_has("1 changed file is not committed");
        assert_eq!(note(&fixture, "saw").as_deref(), Some("committed\n"));
        assert_ne!(was(&fixture), fixture.root());
        assert_nothing_left(&fixture);
        assert_eq!(fixture.read("data.txt"), "dirty\n");
        assert_eq!(manifests(&fixture).0["cwd"], was(&fixture).to_str().unwrap());
        // What outlives it knows what was looked at.
        let head = fixture.command("git").args(["rev-parse", "HEAD"]).run().stdout();
        assert!(report(&fixture).contains(&format!("\ncommit: {head}")), "{}", report(&fixture));
        let listed = fixture.gate(["history", "list", "--format", "json"]).run().json();
        assert_eq!((&listed["runs"][0]["commit"], &listed["runs"][0]["branch"]), (&head.trim().into(), &"main".into()));
    }
}

#[test]
fn r24_without_a_record_the_report_knows_the_commit_too() {
    let fixture = repository(&sh("look", "custom", LOOKS));
    run(&fixture, ["--no-record"]).assert_code(0);
    let head = fixture.command("git").args(["rev-parse", "HEAD"]).run().stdout();
    assert!(report(&fixture).contains(&format!("\ncommit: {head}")), "{}", report(&fixture));
    assert!(recorded(&fixture).is_empty());
}

#[test]
fn r24_the_worktree_goes_with_an_interrupt() {
    for signal in [Signal::INT, Signal::TERM] {
        let fixture =
            repository(&sh("look", "custom", &format!("{LOOKS}echo $$ > \"$GATE_FIXTURE_DIR/pid\"; exec sleep 600")));
        let running = fixture.gate(["run", "--no-progress"]).in_own_group().spawn();
        wait_until("the step runs", || pid(&fixture, "pid").is_some());
        running.signal(signal);
        running.wait().assert_code(130);
        assert_nothing_left(&fixture);
        assert!(is_gone(pid(&fixture, "pid").unwrap()));
    }
}

#[test]
fn r24_what_a_kill_left_goes_with_the_next_start() {
    let line = format!(
        "{LOOKS}test -e \"$GATE_FIXTURE_DIR/pid\" && exit 0\necho $$ > \"$GATE_FIXTURE_DIR/pid\"; exec sleep 600"
    );
    let fixture = repository(&sh("look", "custom", &line));
    let mut running = fixture.gate(["run", "--no-progress"]).in_own_group().spawn();
    wait_until("the step runs", || pid(&fixture, "pid").is_some());
    running.signal(Signal::KILL);
    wait_until("it has ended", || running.has_ended());
    put_down(pid(&fixture, "pid").unwrap());
    wait_until("what it left is gone", || is_gone(pid(&fixture, "pid").unwrap()));
    let left = was(&fixture);
    assert!(left.exists(), "nobody was there to remove it");
    run(&fixture, []).assert_code(0);
    assert_ne!(was(&fixture), left);
    assert!(!left.exists() && !left.parent().unwrap().exists());
    assert_nothing_left(&fixture);
}

#[test]
fn r24_a_worktree_is_kept_where_that_is_asked_for() {
    for (flag, line, code, kept) in [
        ("--keep", "", 0, true),
        ("--keep", "exit 1", 21, true),
        ("--keep=failed", "exit 1", 21, true),
        ("--keep=failed", "", 0, false),
    ] {
        let fixture = repository(&sh("look", "custom", &format!("{LOOKS}{line}")));
        let ended = run(&fixture, [flag]);
        ended.assert_code(code);
        let was = was(&fixture);
        assert_eq!(was.exists(), kept, "{flag} {line}");
        if !kept {
            assert_nothing_left(&fixture);
            continue;
        }
        assert_eq!(ended.json()["worktree"], was.to_str().unwrap());
        // Also where the next run tidies up.
        run(&fixture, []);
        assert!(was.exists());
        let told = ended.stderr();
        let remove =
            told.lines().find(|line| line.contains("git worktree remove")).unwrap_or_else(|| panic!("{ended}"));
        fixture.command("sh").args(["-c", remove]).run().assert_code(0);
        assert!(!was.exists(), "{remove}");
    }
}

#[test]
fn r24_the_history_of_the_original_knows_the_tests_of_a_worktree() {
    let fixture = repository(&(sh("look", "custom", LOOKS) + &tests("[]")));
    let ended = run(&fixture, []);
    ended.assert_code(0);
    assert_eq!(ended.json()["totals"]["passed"], 1);
    let mut suites: Vec<String> = recorded(&fixture).into_iter().map(|(suite, _)| suite).collect();
    suites.sort();
    assert_eq!(suites, ["pipeline", "workspace"]);
    let explained = fixture.gate(["explain", "small::holds"]).run();
    explained.assert_code(0);
    assert_nothing_left(&fixture);
    let listed = fixture.gate(["history", "list", "--format", "json"]).run().json();
    let branches = listed["runs"].as_array().unwrap().iter().filter(|run| run["branch"] == "main");
    assert_eq!(branches.count(), 2, "{listed:#}");
}

#[test]
fn r24_that_there_is_no_worktree_is_told_with_whether_it_may_be_there_the_next_time() {
    const INFRA: &str = "[default.infra]\nretries = 1\ndelay = \"10ms\"\n";
    for (why, infra, code, verdict, said, tries) in [
        ("could not create work tree dir: No space left on device", "", 22, "tool-error", "(retriable)", 2),
        ("No space left on device", "mode = \"defer\"\n", 75, "deferred", "attempt 1/2", 1),
        ("invalid reference", "", 21, "fail", "(not retriable)", 1),
    ] {
        let fixture = place(&format!("{INFRA}{infra}{APART}{}", marks("a", "custom")));
        fixture.commit_all();
        let path = super::git_that(
            &fixture,
            &format!("echo try >> \"$GATE_FIXTURE_DIR/tries\"; echo 'fatal: {why}' >&2; exit 128"),
        );
        let ended = fixture.gate(["run", "--no-progress", "--format", "json"]).env("PATH", path).run();
        ended.assert_code(code);
        assert_eq!(ended.json()["verdict"], verdict, "{ended}");
        assert!(reasons(&ended).contains(said), "{ended}");
        assert_eq!(super::ran(&fixture, "tries"), tries);
        assert_eq!(super::ran(&fixture, "a"), 0);
        assert!(states(&ended).ends_with("a not-run"), "{ended}");
        let (_, done) = manifests(&fixture);
        let done = done.expect("what ran is kept");
        assert_eq!((&done["all_executed"], done["steps"].as_array().unwrap().len()), (&false.into(), 2), "{done:#}");
        assert!(report(&fixture).contains("\nresult: FAIL\n"));
    }
}

#[test]
fn r24_without_a_repository_there_is_no_worktree() {
    let fixture = place(&(APART.to_owned() + &marks("a", "custom")));
    let ended = run(&fixture, []);
    ended.assert_code(21);
    assert!(reasons(&ended).contains("needs a git repository"), "{ended}");
}

#[test]
fn r24_two_at_once_have_a_worktree_each_and_leave_none() {
    let line = format!(
        "{}touch \"$PWD/mine\"; sleep 0.5; test -e \"$PWD/mine\"",
        LOOKS.replace("/where", "/$CARGO_GATE_RUN_ID")
    );
    let fixture = repository(&sh("look", "custom", &line));
    let both = [(); 2].map(|()| fixture.gate(["run", "--no-progress"]).spawn());
    for gate in both {
        gate.wait().assert_code(0);
    }
    let places: Vec<PathBuf> = super::run_dirs(&fixture)
        .iter()
        .map(|dir| PathBuf::from(note(&fixture, dir.file_name().unwrap().to_str().unwrap()).unwrap().trim()))
        .collect();
    assert!(places.len() == 2 && places[0] != places[1], "{places:?}");
    assert!(places.iter().all(|place| !place.exists()), "{places:?}");
    let listed = fixture.command("git").args(["worktree", "list"]).run();
    assert_eq!(listed.stdout().lines().count(), 1, "{listed}");
}
