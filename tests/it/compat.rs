//! nextest's configuration, read as one more layer.

use std::ffi::OsString;
use std::time::Duration;

use cargo_gate::cli::Format;
use cargo_gate::commands::config::show;
use cargo_gate::config::{ConfigErrors, ConfigFile, Layers, NEXTEST_FILE, NextestLayer, Resolved};
use cargo_gate::exit_code::ExitCode;
use cargo_gate::model::{RetryPolicy, TestPolicy};

const RICH: &str = include_str!("../../testdata/compat/nextest.toml");

/// What has a say, as texts.
#[derive(Clone, Copy, Default)]
struct Said<'a> {
    nextest: &'a str,
    gate: &'a str,
    profile: Option<&'a str>,
    variables: &'a [(&'a str, &'a str)],
    flags: &'a [(&'static str, &'a str)],
}

impl Said<'_> {
    fn resolve(self) -> Result<Resolved, ConfigErrors> {
        let nextest = ConfigFile { name: NEXTEST_FILE.to_owned(), text: self.nextest.to_owned() };
        let gate = ConfigFile { name: "gate.toml".to_owned(), text: self.gate.to_owned() };
        let variables: Vec<(OsString, OsString)> =
            self.variables.iter().map(|(name, text)| (name.into(), text.into())).collect();
        Resolved::from_layers(&Layers {
            file: Some(&gate),
            nextest: Some(NextestLayer { file: &nextest, targets: &[], cpus: 8 }),
            variables: &variables,
            profile: self.profile,
            flags: self.flags,
        })
    }
}

fn of(nextest: &str) -> Said<'_> {
    Said { nextest, ..Said::default() }
}

fn policy(resolved: &Resolved, key: &str) -> TestPolicy {
    resolved.settings.policy_for(&key.parse().unwrap())
}

/// What `config show` says of it, without what is built in.
fn shown(resolved: &Resolved) -> String {
    let mut out = Vec::new();
    show(resolved, Format::Human, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let lines = text.lines().filter(|line| !line.ends_with("  default")).map(str::trim_end);
    let notes = resolved.notes.iter().map(|note| format!("\nnote: {}", note.replace(", `", ",\n  `")));
    lines.map(str::to_owned).chain(notes).collect::<Vec<_>>().join("\n")
}

const fn secs(count: u64) -> Option<Duration> {
    Some(Duration::from_secs(count))
}

#[test]
fn a_rich_file_is_taken_over_and_what_has_no_effect_is_named() {
    insta::assert_snapshot!("a_rich_file_of_nextests", shown(&of(RICH).resolve().unwrap()));
}

#[test]
fn the_profile_of_the_same_name_is_taken_over() {
    let said = Said { profile: Some("ci"), ..of(RICH) };
    insta::assert_snapshot!("a_rich_file_of_nextests_in_ci", shown(&said.resolve().unwrap()));
}

#[test]
fn which_profile_of_nextests_is_in_force() {
    let nightly = [("NEXTEST_PROFILE", "nightly")];
    for (profile, variables, gate, retries, run_timeout) in [
        (None, &[][..], "", 3, None),
        (Some("ci"), &[], "", 2, secs(1800)),
        // What the gate is told says more than what nextest is.
        (Some("ci"), &nightly, "", 2, secs(1800)),
        (None, &nightly, "", 0, secs(1800)),
        (Some("own"), &nightly, "[profile.own.test]", 0, secs(1800)),
        (Some("own"), &[("NEXTEST_PROFILE", "")], "[profile.own.test]", 3, None),
    ] {
        let resolved = Said { profile, variables, gate, ..of(RICH) }.resolve().unwrap();
        let test = &resolved.settings.test;
        assert_eq!((test.retries.count, test.run_timeout), (retries, run_timeout), "{profile:?} {variables:?}");
    }
    let errors = Said { variables: &[("NEXTEST_PROFILE", "nighty")], ..of(RICH) }.resolve().unwrap_err();
    insta::assert_snapshot!(errors, @r#"
    NEXTEST_PROFILE: there is no profile "nighty"
      nearest key: profile.nightly
      wanted: a profile of nextest's file, as in `[profile.NAME]`
    "#);
}

#[test]
fn of_each_point_the_nearest_override_that_says_something_decides() {
    let resolved = Said { profile: Some("ci"), ..of(RICH) }.resolve().unwrap();
    let peer = policy(&resolved, "app/app::net::slow_peer");
    // The group and the limits are the profile's own; the rest is inherited.
    assert_eq!((peer.group.as_deref(), peer.retries.count, peer.priority), (Some("network"), 5, 80));
    // Slow after twenty minutes: the gate's ten would have ended it before.
    assert_eq!((peer.slow, peer.timeout), (secs(1200), None));
    let web = policy(&resolved, "app/test:web::net::slow_peer");
    assert_eq!((web.group.as_deref(), web.slow, web.timeout, web.priority), (None, secs(60), secs(120), 80));
    let alone = policy(&resolved, "app/app::db::alone");
    assert_eq!((alone.group, alone.retries.count), (None, 2), "@global is no group");
    assert_eq!(policy(&resolved, "app/app::db::other").group.as_deref(), Some("database"));
    assert_eq!(policy(&resolved, "app/test:web::a_manual_one").priority, 0, "`default()` does not have it");
    assert_eq!(policy(&resolved, "app/test:web::another").priority, -10);
}

#[test]
fn whatever_the_gates_own_layers_say_wins() {
    let nextest = "[profile.default]\nretries = 1\nslow-timeout = { period = '1s', terminate-after = 3 }\n\
                   [test-groups]\ndb.max-threads = 4\n\
                   [[profile.default.overrides]]\nfilter = 'all()'\nretries = 2\ntest-group = 'db'\n";
    let retries = |said: Said<'_>| policy(&said.resolve().unwrap(), "app/app::a").retries.count;
    assert_eq!(retries(of(nextest)), 2);
    assert_eq!(retries(Said { gate: "[default.test]\nretries = 3", ..of(nextest) }), 3);
    assert_eq!(retries(Said { variables: &[("CARGO_GATE_TEST_RETRIES", "4")], ..of(nextest) }), 4);
    assert_eq!(retries(Said { flags: &[("retries", "5")], ..of(nextest) }), 5);
    let gate = "[groups.db]\nmax-threads = 1\n[[override]]\nfilter = 'app/**'\nretries = 6\ngroup = 'db'\n";
    let resolved = Said { gate, flags: &[("timeout", "7s")], ..of(nextest) }.resolve().unwrap();
    assert_eq!(policy(&resolved, "app/app::a").retries.count, 6);
    assert_eq!(policy(&resolved, "web/web::a").retries.count, 2);
    assert_eq!((resolved.settings.test.slow, resolved.settings.test.timeout), (secs(1), secs(7)));
    assert_eq!(resolved.settings.groups["db"].max_threads, 1);
    let resolved = Said { flags: &[("retries", "5")], ..of(nextest) }.resolve().unwrap();
    let note = "ignored from .config/nextest.toml: `profile.default.overrides.retries` (line 8: --retries decides)";
    assert_eq!(resolved.notes, [note]);
    let nextest = "[[profile.default.overrides]]\nfilter = 'all()'\nslow-timeout = '60s'\n";
    let resolved = Said { gate: "[default.test]\ntimeout = '7s'", ..of(nextest) }.resolve().unwrap();
    assert_eq!(resolved.notes, [""; 0], "nothing that the file says is passed over");
}

#[test]
fn a_target_among_the_configured_flags_counts_as_one_of_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let root = camino::Utf8Path::from_path(folder.path()).unwrap();
    std::fs::create_dir(root.join(".config")).unwrap();
    let nextest = "[[profile.default.overrides]]\nplatform = 'aarch64-apple-darwin'\nretries = 2\n";
    std::fs::write(root.join(NEXTEST_FILE), nextest).unwrap();
    let retries = |args: &str, flags: &[String]| {
        let text = format!("[default.test]\ncompat = 'nextest'\nargs = [{args}]\n");
        let gate = ConfigFile { name: "gate.toml".to_owned(), text };
        let layers = Layers { file: Some(&gate), ..Layers::default() };
        let resolved = Resolved::from_layers(&layers).unwrap().with_nextest(&layers, root, flags).unwrap();
        policy(&resolved, "app/app::a").retries.count
    };
    assert_eq!(retries("'--target', 'aarch64-apple-darwin'", &[]), 2);
    assert_eq!(retries("'--target', 'sparc64-unknown-netbsd'", &[]), 0);
    assert_eq!(retries("'--workspace'", &["aarch64-apple-darwin".to_owned()]), 2);
}

#[test]
fn what_only_says_when_a_test_is_slow_leaves_the_gates_timeout_unless_that_is_shorter() {
    for (slow, timeout, source) in [
        ("'30s'", secs(600), "default"),
        ("'20m'", None, ".config/nextest.toml:2"),
        ("{ period = '30s', terminate-after = 20 }", secs(600), ".config/nextest.toml:2"),
        ("{ period = '1h', terminate-after = 2 }", secs(7200), ".config/nextest.toml:2"),
    ] {
        let text = format!("[profile.default]\nslow-timeout = {slow}\n");
        let resolved = of(&text).resolve().unwrap();
        assert_eq!(resolved.settings.test.timeout, timeout, "{slow}");
        let setting = cargo_gate::config::settings::SETTINGS.iter().find(|one| one.name() == "test.timeout").unwrap();
        assert_eq!(resolved.source(setting).to_string(), source, "{slow}");
    }
    // A profile's whole word, not half of it and half of what it inherits.
    let text =
        "[profile.default]\nslow-timeout = { period = '1s', terminate-after = 2 }\n[profile.ci]\nslow-timeout = '3s'\n";
    let resolved = Said { profile: Some("ci"), ..of(text) }.resolve().unwrap();
    assert_eq!((resolved.settings.test.slow, resolved.settings.test.timeout), (secs(3), secs(600)));
}

#[test]
fn retries_and_threads_have_every_form_of_nextests() {
    let retries = |text: &str| of(&format!("[profile.default]\nretries = {text}\n")).resolve().unwrap();
    let of = |text: &str| retries(text).settings.test.retries;
    assert_eq!(of("4"), RetryPolicy::fixed(4, Duration::ZERO));
    assert_eq!(of("{ backoff = 'fixed', count = 2, delay = '1s 500ms' }"), {
        RetryPolicy::fixed(2, Duration::from_millis(1500))
    });
    assert_eq!(
        of("{ backoff = 'exponential', count = 2, delay = '1s', jitter = true }").to_string(),
        "2, exponential from 1s, with jitter"
    );
    for (text, slots) in [("3", Some(3)), ("-2", Some(6)), ("-99", Some(1)), ("'num-cpus'", None)] {
        let text = format!("[profile.default]\ntest-threads = {text}\n[test-groups.a]\nmax-threads = {text}\n");
        let resolved = self::of(&text).resolve().unwrap();
        assert_eq!(resolved.settings.test.slots, slots, "{text}");
        assert_eq!(resolved.settings.groups["a"].max_threads, slots.unwrap_or(8), "{text}");
    }
}

#[test]
fn every_mistake_is_named_with_its_place_in_profiles_that_are_not_in_force_too() {
    let text = "[test-groups.db]\n\
                [profile.default]\n\
                retries = { count = 1, backoff = 'linear' }\n\
                slow-timeout = '1.5s'\n\
                test-threads = 0\n\
                [profile.other]\n\
                inherits = 'nothing'\n\
                global-timeout = 5\n\
                [[profile.other.overrides]]\n\
                priority = 101\n\
                [[profile.other.overrides]]\n\
                filter = 'test(a) && test(b)'\n\
                test-group = 'dbs'\n\
                [[profile.other.overrides]]\n\
                platform = 'cfg('\n";
    let errors = of(text).resolve().unwrap_err();
    assert_eq!(errors.exit_code(), ExitCode::Config);
    insta::assert_snapshot!("mistakes_in_a_file_of_nextests", errors);
    let circle = "[profile.a]\ninherits = 'b'\n[profile.b]\ninherits = 'a'\n";
    let errors = Said { variables: &[("NEXTEST_PROFILE", "a")], ..of(circle) }.resolve().unwrap_err();
    assert!(errors.to_string().contains("profile \"a\" inherits from itself"), "{errors}");
}

proptest::proptest! {
    #[test]
    fn no_file_of_nextests_panics(
        text in "\\PC{0,32}",
        key in "retries|slow-timeout|global-timeout|test-threads|fail-fast|default-filter|inherits|overrides|x",
        value in "-?[0-9]{1,20}|'[a-z0-9() ]{0,12}'|true|[{] (period|count|backoff|max-fail) = ('1s'|2) [}]|\\[[{] filter = 'test\\(' [}]\\]",
    ) {
        let _ = of(&text).resolve();
        let _ = of(&format!("[profile.default]\n{key} = {value}\n")).resolve();
    }
}

/// A fixture of tests with known behaviour, and what runs them.
#[cfg(unix)]
mod end_to_end {
    use super::NEXTEST_FILE;
    use crate::support::Fixture;
    use crate::support::fixture_model::{binary, expected};

    #[test]
    fn retries_of_nextests_really_try_again_and_the_gates_own_file_beats_them() {
        let fixture = Fixture::shared("harness");
        fixture.write(NEXTEST_FILE, "[profile.default]\nretries = 2\nstatus-level = \"all\"\n");
        let gate = |more: &[&str]| {
            let args = ["test", "--test", "flaky", "--format", "json"];
            fixture.gate(args.into_iter().chain(more.iter().copied())).run()
        };
        let flaky = binary("harness", "flaky");
        let ended = gate(&["--compat", "nextest"]);
        assert_eq!(ended.assert_code(0).outcomes(), flaky.expected_with_retries(2), "{ended}");
        ended.assert_stderr_has("note: ignored from .config/nextest.toml: `profile.default.status-level` (line 3)");

        fixture.write("gate.toml", "[default.test]\ncompat = \"nextest\"\nretries = 0\n");
        std::fs::remove_dir_all(fixture.scratch()).unwrap();
        std::fs::create_dir(fixture.scratch()).unwrap();
        let ended = gate(&[]);
        assert_eq!(ended.assert_code(100).outcomes(), flaky.expected_with_retries(0), "{ended}");
        let ended = gate(&["--compat", "none", "always"]);
        assert!(!ended.assert_code(0).stderr().contains("nextest"), "{ended}");
    }

    #[test]
    fn a_timeout_of_nextests_really_kills_and_only_where_its_filter_says() {
        let fixture = Fixture::shared("harness");
        let config = "[[profile.ci.overrides]]\nfilter = 'binary(=hangs) and test(#m_*)'\n\
                      slow-timeout = { period = '500ms', terminate-after = 2 }\n";
        fixture.write(NEXTEST_FILE, config);
        let args = ["test", "--test", "hangs", "--test", "slow", "--compat", "nextest", "--gate-profile", "ci"];
        let ended = fixture.gate(args.into_iter().chain(["--format", "json"])).run();
        let mut wanted = expected("harness", "hangs");
        wanted.extend(expected("harness", "slow"));
        assert_eq!(ended.assert_code(100).outcomes(), wanted, "{ended}");
        ended.assert_stderr_has("m_hangs");
    }

    #[test]
    fn a_pipeline_says_it_of_all_its_steps_and_tells_the_note_once() {
        let fixture = Fixture::shared("harness");
        fixture.write(NEXTEST_FILE, "[profile.default]\nretries = 2\nleak-timeout = \"1s\"\n").write(
            "gate.toml",
            "[[pipeline.default.step]]\nname = \"tests\"\nkind = \"test\"\nargs = [\"--test\", \"flaky\"]\n",
        );
        let ended = fixture.gate(["run", "--compat", "nextest"]).run();
        ended.assert_code(0);
        assert_eq!(ended.stderr().matches("ignored from .config/nextest.toml").count(), 1, "{ended}");
    }

    #[test]
    fn a_file_that_is_asked_for_and_is_not_there_ends_the_command() {
        let fixture = Fixture::shared("harness");
        let ended = fixture.gate(["test", "--compat", "nextest"]).run();
        ended.assert_code(96).assert_stderr_has(
            "configuration: `test.compat`: --compat asks for .config/nextest.toml, and there is none",
        );
        fixture.write("gate.toml", "[default.test]\ncompat = \"nextest\"\n");
        let ended = fixture.gate(["config", "show"]).run();
        ended.assert_code(96).assert_stderr_has("gate.toml:2 asks for .config/nextest.toml, and there is none");
    }
}
