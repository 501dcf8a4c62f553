//! The two commands as processes, on a history that was made up and on one that was run.

use std::fs;
use std::process::Stdio;

use camino::Utf8PathBuf;
use cargo_gate::history::sqlite::SqliteStore;
use cargo_gate::history::store::Store;

use super::made;
use crate::support::{Ended, Fixture};

/// A workspace that nobody built, and the history of its tests.
fn workspace() -> Fixture {
    let fixture = Fixture::bare();
    fixture.write("Cargo.toml", "[workspace]\n[package]\nname = \"app\"\nedition = \"2024\"\n").write("src/lib.rs", "");
    let gate_dir = Utf8PathBuf::try_from(fixture.gate_dir()).unwrap();
    let mut store = SqliteStore::open(&gate_dir).unwrap();
    store.append(&mut made::history().into_iter()).unwrap();
    fixture
}

fn report(fixture: &Fixture, more: &[&str]) -> Ended {
    fixture.gate(["report"].into_iter().chain(more.iter().copied())).run()
}

fn explain(fixture: &Fixture, more: &[&str]) -> Ended {
    fixture.gate(["explain"].into_iter().chain(more.iter().copied())).run()
}

#[test]
fn the_report_shows_verdict_flaky_and_broken_tests_and_the_next_run() {
    let fixture = workspace();
    let ended = report(&fixture, &[]);
    ended.assert_code(0);
    assert_eq!(ended.stderr(), "");
    for words in [
        "Failed 2 of 5 tests do not pass",
        "28 runs, ",
        "6 tests: ",
        "FAIL app/test:db::slow  broken: 4 of 28 runs failed",
        "flaky app/test:net::peer",
        "adds_slowly",
        "Next run starts with",
        "1 app/test:db::slow  failed in its last 4 runs",
    ] {
        ended.assert_stdout_has(words);
    }
}

#[test]
fn without_a_history_a_document_has_no_run() {
    let fixture = Fixture::bare();
    fixture.write("Cargo.toml", "[workspace]\n[package]\nname = \"app\"\nedition = \"2024\"\n").write("src/lib.rs", "");
    let json = report(&fixture, &["--format", "json", "--profile", "dev"]);
    let json = json.assert_code(0).assert_stderr_has("nothing is on record yet").json();
    assert_eq!((json["runs"].as_array().map(Vec::len), json["profile"].as_str()), (Some(0), Some("dev")));
    report(&fixture, &["--format", "markdown"]).assert_code(0).assert_stdout_has("No run has come to its end.");
    // A page of an earlier time does not stay.
    fixture.write("page.html", "of an earlier time");
    report(&fixture, &["--format", "html", "--output", "page.html"]).assert_code(0);
    assert!(fs::read_to_string(fixture.root().join("page.html")).unwrap().contains("<html"));
    // A person has been told, and JUnit XML is of one run.
    for quiet in [&["--format", "human"], &["--format", "junit"]] {
        assert_eq!(report(&fixture, quiet).assert_code(0).stdout(), "");
    }
    assert!(!fixture.gate_dir().exists(), "nothing is created by looking");
}

#[test]
fn a_quarantine_that_matches_no_test_on_record_is_named() {
    let fixture = workspace();
    let entry = |test: &str| format!("[[quarantine]]\ntest = \"{test}\"\nreason = \"known\"\n");
    fixture.write("gate.toml", &[entry("app/test:net::peer"), entry("app/test:net::pear")].concat());
    let ended = fixture.gate(["flaky"]).run();
    ended.assert_code(0).assert_stdout_has("`app/test:net::pear` matches no test on record");
    let json = fixture.gate(["flaky", "--format", "json"]).run().assert_code(0).json();
    assert_eq!(json["unmatched_quarantines"], serde_json::json!(["app/test:net::pear"]));
}

#[test]
fn the_order_and_the_list_of_runs_fit_into_a_narrow_window() {
    let fixture = workspace();
    for words in [&["order"][..], &["history", "list"]] {
        let ended = fixture.gate(words.iter().copied()).env("COLUMNS", "40").run();
        let shown = ended.assert_code(0).stdout();
        let rows = shown.lines().filter(|line| line.starts_with(' '));
        assert!(rows.clone().count() > 4, "{shown}");
        rows.for_each(|line| assert!(line.chars().count() <= 40, "{line:?}"));
    }
}

/// R19. What only shows says so and goes on; what decides does not open a gate by what it could not read.
#[test]
fn a_history_that_cannot_be_read_is_an_empty_one_and_a_warning_except_to_what_decides() {
    type Damage = fn(&std::path::Path);
    let damages: [(&str, Damage); 2] = [
        ("the history is damaged", |file| {
            let bytes = fs::read(file).unwrap();
            fs::write(file, &bytes[..3000]).unwrap();
        }),
        ("the history cannot be read", |file| {
            fs::remove_file(file).unwrap();
            fs::create_dir(file).unwrap();
        }),
    ];
    for (warning, damage) in damages {
        let fixture = workspace();
        damage(&fixture.gate_dir().join("history.sqlite"));
        for (words, code) in [
            (&["report"][..], 0),
            (&["flaky"], 0),
            (&["order"], 0),
            (&["order", "--backtest"], 0),
            (&["history", "list"], 0),
            (&["history", "stats"], 0),
            (&["explain", "slow"], 4),
        ] {
            let ended = fixture.gate(words.iter().copied()).run();
            ended.assert_code(code).assert_stderr_has(warning).assert_stderr_has("taken for an empty one");
            if code == 0 {
                let json = fixture.gate(words.iter().copied().chain(["--format", "json"])).run();
                assert_eq!(json.assert_code(0).json()["schema_version"], 1, "{words:?}");
            }
        }
        for decides in [&["--fail-above", "9"][..], &["--fail-on-vanished"]] {
            fixture.gate(["flaky"].iter().chain(decides).copied()).run().assert_code(70).assert_stderr_has(warning);
        }
        fixture.gate(["history", "export"]).run().assert_code(70);
    }
}

#[test]
fn every_format_says_the_same() {
    let fixture = workspace();
    let json = report(&fixture, &["--format", "json"]).assert_code(0).json();
    assert_eq!((json["schema_version"].as_u64(), json["profile"].as_str()), (Some(1), Some("dev")));
    let runs = json["runs"].as_array().unwrap();
    assert_eq!((runs.len(), runs.last().unwrap()["verdict"].as_str()), (28, Some("fail")));
    let tests = json["tests"].as_array().unwrap();
    let states: Vec<(&str, &str)> =
        tests.iter().map(|test| (test["name"].as_str().unwrap(), test["state"].as_str().unwrap())).collect();
    let expected = [
        ("math::adds", "steady"),
        ("math::adds_slowly", "steady"),
        ("slow", "broken"),
        ("forks", "flaky"),
        ("needs_a_network", "new"),
        ("peer", "flaky"),
    ];
    assert_eq!(states, expected);
    for (test, (_, letters)) in tests.iter().zip(&made::HISTORY) {
        assert_eq!(test["cells"].as_array().unwrap().len(), letters.len());
    }
    let failing: Vec<&str> =
        json["failing"].as_array().unwrap().iter().map(|test| test["name"].as_str().unwrap()).collect();
    assert_eq!(failing, ["slow", "peer"]);
    assert!(json["failing"][0]["message"].as_str().unwrap().contains("Connection refused"));
    // What is ignored does not run.
    assert_eq!(json["order"].as_array().unwrap().len(), 5);

    let markdown = report(&fixture, &["--format", "markdown"]).assert_code(0).stdout();
    assert!(markdown.starts_with("# Tests of `workspace`: FAIL\n"), "{markdown}");
    assert!(markdown.contains("| `app/test:db::slow` | failed | broken | 4 of 28 runs failed"), "{markdown}");

    let page = report(&fixture, &["--format", "html"]).assert_code(0).stdout();
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("net::peer"), "{page}");
}

#[test]
fn junit_is_of_the_latest_run_or_of_the_one_that_is_named() {
    let fixture = workspace();
    let read = |more: &[&str]| {
        let ended = report(&fixture, &[&["--format", "junit"], more].concat());
        quick_junit::Report::deserialize_from_str(&ended.assert_code(0).stdout()).unwrap()
    };
    let latest = read(&[]);
    assert_eq!((latest.tests, latest.failures, latest.errors), (6, 2, 0));
    let runs = report(&fixture, &["--format", "json"]).json();
    let before = runs["runs"][26]["id"].as_str().unwrap();
    let named = read(&["--run", before]);
    assert_eq!((named.tests, named.failures, named.errors), (6, 1, 1));
    let flaky = runs["runs"][22]["id"].as_str().unwrap();
    let text = report(&fixture, &["--format", "junit", "--run", flaky]).stdout();
    assert!(text.contains("<flakyFailure"), "{text}");
    report(&fixture, &["--format", "junit", "--run", "none"])
        .assert_code(2)
        .assert_stderr_has("there is no run `none`");
}

#[test]
fn a_report_goes_into_a_file_whole_or_to_standard_output() {
    let fixture = workspace();
    let printed = report(&fixture, &["--format", "markdown", "--output", "-"]);
    let kept = report(&fixture, &["--format", "markdown", "-o", "deep/er/report.md"]);
    assert_eq!((kept.assert_code(0).stdout(), kept.stderr()), (String::new(), String::new()));
    assert_eq!(fixture.read("deep/er/report.md"), printed.assert_code(0).stdout());
    assert_eq!(fs::read_dir(fixture.root().join("deep/er")).unwrap().count(), 1);
    fixture.write("taken/inside", "");
    report(&fixture, &["-o", "taken"]).assert_code(2).assert_stderr_has("cannot write the report");
}

#[test]
fn what_cannot_be_meant_together_is_refused() {
    let fixture = workspace();
    for (flags, why) in [
        (&["--open", "--format", "json"][..], "--open shows HTML"),
        (&["--open", "-o", "-"], "--output - writes none"),
        (&["--run", "last"], "--run chooses the run of --format junit"),
        (&["--format", "pdf"], "possible values: human, json, markdown, junit, html"),
    ] {
        assert_eq!(report(&fixture, flags).assert_code(2).assert_stderr_has(why).stdout(), "");
    }
}

#[test]
fn where_nothing_can_show_a_page_its_name_is_printed() {
    let fixture = workspace();
    for variables in [&[][..], &[("DISPLAY", ":0"), ("CI", "true")]] {
        let asked = fixture.gate(["report", "--open"]);
        let ended = variables.iter().fold(asked, |asked, (name, value)| asked.env(name, value)).run();
        let page = fixture.gate_dir().join("report.html");
        assert_eq!(ended.assert_code(0).stdout(), format!("{}\n", page.display()), "{ended}");
        assert!(fs::read_to_string(&page).unwrap().starts_with("<!DOCTYPE html>"));
        fs::remove_file(page).unwrap();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_page_is_opened_with_what_the_desktop_has() {
    use std::os::unix::fs::PermissionsExt as _;
    let fixture = workspace();
    fixture.write("bin/xdg-open", "#!/bin/sh\nprintf '%s' \"$1\" >opened.part && mv opened.part opened\n");
    let program = fixture.root().join("bin/xdg-open");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", fixture.root().join("bin").display(), std::env::var("PATH").unwrap());
    let asked = |more: &[&'static str]| {
        let args = ["report", "--open"].into_iter().chain(more.iter().copied());
        fixture.gate(args).env("PATH", &path).env("DISPLAY", ":0").run()
    };
    let opened = fixture.root().join("opened");
    let page = fixture.gate_dir().join("report.html");
    let ended = asked(&[]);
    assert_eq!(ended.assert_code(0).stdout(), format!("{}\n", page.display()), "{ended}");
    crate::support::wait_until("the page is opened", || opened.exists());
    assert_eq!(fs::read_to_string(&opened).unwrap(), page.display().to_string());
    fs::remove_file(&opened).unwrap();
    assert_eq!(asked(&["-o", "page.html"]).assert_code(0).stdout(), "");
    crate::support::wait_until("the named page is opened", || opened.exists());
    assert_eq!(fs::read_to_string(&opened).unwrap(), "page.html");
}

#[test]
fn a_test_is_found_by_its_key_its_name_or_a_part_of_it() {
    let fixture = workspace();
    for name in ["app/test:net::peer", "peer", "pee", "*/test:net::p*"] {
        let ended = explain(&fixture, &[name]);
        ended.assert_code(0);
        assert_eq!(ended.stderr(), "");
        for words in ["app/test:net::peer\n", "flaky: 4 of 28 runs failed", "On record 28 runs", "Connection refused"] {
            ended.assert_stdout_has(words);
        }
    }
    let several = explain(&fixture, &["app/app"]);
    several.assert_code(2).assert_stderr_has("`app/app` means 2 tests");
    several.assert_stderr_has("\n    app/app::math::adds\n    app/app::math::adds_slowly\n");
    let none = explain(&fixture, &["adds_slwly"]);
    none.assert_code(4).assert_stderr_has("\n    app/app::math::adds_slowly\n");
    assert_eq!(several.stdout() + &none.stdout(), "");
}

#[test]
fn the_json_of_a_test_carries_what_is_shown() {
    let fixture = workspace();
    fixture.write("gate.toml", "[[quarantine]]\ntest = \"app/test:net::*\"\nreason = \"upstream bug\"\n");
    let json = explain(&fixture, &["peer", "--format", "json"]).assert_code(0).json();
    assert_eq!((json["test"].as_str(), json["state"].as_str()), (Some("app/test:net::peer"), Some("flaky")));
    assert_eq!(json["quarantine"]["reason"], "upstream bug");
    assert_eq!((json["counts"]["runs"].as_u64(), json["counts"]["flaky"].as_u64()), (Some(28), Some(2)));
    assert_eq!((json["streak"].as_u64(), json["times"]["median_ms"].as_u64()), (Some(1), Some(12)));
    let timeline = json["timeline"].as_array().unwrap();
    assert_eq!(timeline.len(), 28);
    assert_eq!(json["last_failure"]["run"], timeline[27]["run"]);
    assert!(json["last_failure"]["attempts"][0]["text"].as_str().unwrap().starts_with("setting up\n"));
    assert_eq!(json["last_pass"]["run"], timeline[26]["run"]);
    assert_eq!((json["order"]["rank"].as_u64(), json["order"]["of"].as_u64()), (Some(2), Some(5)));
    assert!(explain(&fixture, &["peer", "--full"]).stdout().contains("setting up\n"));
    assert!(!explain(&fixture, &["peer"]).stdout().contains("setting up\n"));
}

#[test]
fn answers_are_as_wide_as_asked_and_coloured_where_wanted() {
    let fixture = workspace();
    for args in [&["report"][..], &["explain", "peer"]] {
        let narrow = fixture.gate(args.iter().copied()).env("COLUMNS", "40").run();
        let wide = narrow
            .assert_code(0)
            .stdout()
            .lines()
            .find(|line| console::measure_text_width(line) > 40 && !line.contains("::"))
            .map(str::to_owned);
        assert_eq!(wide, None, "only keys and commands, which are to be copied, are wider than their window");
        let plain = fixture.gate(args.iter().copied()).run().stdout();
        assert!(!plain.contains('\u{1b}'), "{plain}");
        let colored = fixture.gate(args.iter().copied()).args(["--color", "always"]).run().stdout();
        assert!(colored.contains("\u{1b}[31m"), "{colored}");
    }
}

#[test]
fn a_reader_that_is_gone_is_no_failure() {
    let fixture = workspace();
    for args in [&["report", "--format", "html"][..], &["report"], &["explain", "peer", "--format", "json"]] {
        let mut command = fixture.gate(args.iter().copied()).into_command();
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]), "{args:?}");
    }
}

#[test]
fn where_nothing_is_on_record_that_is_said() {
    let fixture = Fixture::bare();
    fixture.write("Cargo.toml", "[workspace]\n[package]\nname = \"app\"\nedition = \"2024\"\n").write("src/lib.rs", "");
    report(&fixture, &[]).assert_code(0).assert_stderr_has("nothing is on record yet");
    explain(&fixture, &["adds"]).assert_code(4).assert_stderr_has("no test is on record yet");
    assert!(!fixture.gate_dir().exists());
}

#[cfg(unix)]
#[test]
fn a_run_that_happened_is_reported_as_it_was() {
    let fixture = Fixture::shared("harness");
    let args = ["test", "--test", "flaky", "--retries", "1", "--junit", "run.xml"];
    fixture.gate(args).run().assert_code(100);
    let read = |text: &str| quick_junit::Report::deserialize_from_str(text).unwrap();
    let told = |report: quick_junit::Report| -> Vec<(String, String)> {
        let cases = report.test_suites.into_iter().flat_map(|suite| suite.test_cases);
        cases.map(|case| (case.name.to_string(), format!("{:?}", case.status))).collect()
    };
    // Durations are kept to the microsecond, so that the last digit may differ.
    let digits = |mut told: Vec<(String, String)>| {
        told.iter_mut().for_each(|(_, status)| *status = status.split("time: ").next().unwrap_or_default().to_owned());
        told
    };
    let recorded = report(&fixture, &["--format", "junit"]).assert_code(0).stdout();
    assert_eq!(digits(told(read(&recorded))), digits(told(read(&fixture.read("run.xml")))));
    assert!(recorded.contains("<flakyFailure") && recorded.contains("<rerunFailure"), "{recorded}");
    explain(&fixture, &["fails_once"]).assert_code(0).assert_stdout_has("attempts: failed, passed");
}
