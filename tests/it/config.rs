//! The configuration: layers, mistakes, and every place that is read off the one table of settings.

mod pipelines;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::time::Duration;

use cargo_gate::cli::{self, Format};
use cargo_gate::commands::config::show;
use cargo_gate::config::settings::{self, DISABLE, SETTINGS, Section};
use cargo_gate::config::{
    ConfigErrors, ConfigFile, DEFAULTS, Layers, Override, RatchetWhen, Resolved, Settings, schema,
};
use cargo_gate::exit_code::ExitCode;
use cargo_gate::model::{Backoff, FlakyResult, InfraMode, Isolation, NoTests, Percent, RetryPolicy, TestKey};
use proptest::prelude::{Strategy, any, prop};
use serde_json::Value;

const NAME: &str = ".config/gate.toml";

/// What has a say, as texts.
#[derive(Clone, Copy, Default)]
struct Said<'a> {
    file: &'a str,
    variables: &'a [(&'a str, &'a str)],
    profile: Option<&'a str>,
    flags: &'a [(&'static str, &'a str)],
}

impl Said<'_> {
    fn resolve(self) -> Result<Resolved, ConfigErrors> {
        let file = ConfigFile { name: NAME.to_owned(), text: self.file.to_owned() };
        let variables: Vec<(OsString, OsString)> =
            self.variables.iter().map(|(name, text)| (name.into(), text.into())).collect();
        let layers = Layers {
            file: Some(&file),
            variables: &variables,
            profile: self.profile,
            flags: self.flags,
            ..Layers::default()
        };
        Resolved::from_layers(&layers)
    }
}

fn from_file(file: &str) -> Result<Resolved, ConfigErrors> {
    Said { file, ..Said::default() }.resolve()
}

fn from_variables(variables: &[(&str, &str)]) -> Result<Resolved, ConfigErrors> {
    Said { variables, ..Said::default() }.resolve()
}

fn mistakes(file: &str) -> String {
    let errors = from_file(file).unwrap_err();
    assert_eq!(errors.exit_code(), ExitCode::Config);
    errors.to_string()
}

fn source_of(resolved: &Resolved, name: &str) -> String {
    resolved.source(SETTINGS.iter().find(|setting| setting.name() == name).unwrap()).to_string()
}

const fn secs(count: u64) -> Option<Duration> {
    Some(Duration::from_secs(count))
}

#[test]
fn the_built_in_defaults_are_the_documented_ones() {
    let Settings { enabled, test, infra, coverage, store, scope, groups, overrides, quarantine, .. } =
        Settings::default();
    assert!(enabled && scope.packages.is_match("anything"));
    assert!(groups.is_empty() && overrides.is_empty() && quarantine.is_empty());
    assert_eq!((store.dir, store.url), (None, None));
    assert_eq!((test.args, test.slots, test.isolation), (vec!["--workspace".to_owned()], None, Isolation::Shared));
    assert_eq!((test.slow, test.timeout, test.run_timeout), (secs(60), secs(600), None));
    assert_eq!((Some(test.grace), test.retries), (secs(5), RetryPolicy::NEVER));
    assert_eq!((test.flaky_result, test.no_tests), (FlakyResult::Pass, NoTests::Fail));
    assert!(!test.strict_env && !test.serial_binaries);
    assert_eq!((infra.retries, Some(infra.delay), infra.mode), (2, secs(30), InfraMode::Retry));
    assert_eq!((coverage.floor, coverage.epsilon), (Percent::ZERO, "0.5".parse().unwrap()));
    assert_eq!((coverage.ratchet, coverage.timeout), (RatchetWhen::DefaultBranch, secs(900)));
}

#[test]
fn each_layer_beats_those_below() {
    let file = "[default.test]\ntimeout = \"2m\"\n[profile.fast.test]\ntimeout = \"3m\"";
    let variables = [("CARGO_GATE_TEST_TIMEOUT", "4m")];
    let said = |file, profile, variables, flags| Said { file, profile, variables, flags };
    for (said, timeout, source) in [
        (said("", None, &[][..], &[][..]), 600, "default"),
        (said(file, None, &[], &[]), 120, ".config/gate.toml:2"),
        (said(file, Some("fast"), &[], &[]), 180, ".config/gate.toml:4 (profile fast)"),
        (said(file, Some("fast"), &variables, &[]), 240, "CARGO_GATE_TEST_TIMEOUT"),
        (said(file, Some("fast"), &variables, &[("timeout", "5m")]), 300, "--timeout"),
        (said("", None, &[], &[("timeout", "none")]), 0, "--timeout"),
    ] {
        let resolved = said.resolve().unwrap();
        assert_eq!(resolved.settings.test.timeout, secs(timeout).filter(|limit| !limit.is_zero()), "{source}");
        assert_eq!(source_of(&resolved, "test.timeout"), source);
    }
}

#[test]
fn every_setting_can_be_set_by_its_variable() {
    for (variable, text, name, shown) in [
        ("CARGO_GATE_DISABLE", "1", "enabled", "false"),
        ("CARGO_GATE_SCOPE_PACKAGES", "app core-*", "scope.packages", "[\"app\",\"core-*\"]"),
        ("CARGO_GATE_STORE_DIR", "../gate", "store.dir", "../gate"),
        ("CARGO_GATE_STORE_URL", "postgres://me:secret@db/gate", "store.url", "postgres://me:***@db/gate"),
        ("CARGO_GATE_STORE_MAX_AGE", "90d", "store.max-age", "90d"),
        ("CARGO_GATE_STORE_MAX_RUNS", "none", "store.max-runs", "none"),
        ("CARGO_GATE_STORE_MAX_SIZE", "1GiB", "store.max-size", "1GiB"),
        ("CARGO_GATE_JUDGEMENT_WINDOW", "50", "judgement.window", "50"),
        ("CARGO_GATE_JUDGEMENT_FLAKY_PASSES", "0", "judgement.flaky-passes", "0"),
        ("CARGO_GATE_JUDGEMENT_FLAKY_QUIET", "2d", "judgement.flaky-quiet", "2d"),
        ("CARGO_GATE_JUDGEMENT_SUSPECT_EPISODES", "4", "judgement.suspect-episodes", "4"),
        ("CARGO_GATE_JUDGEMENT_SUSPECT_FLIPS", "12.5", "judgement.suspect-flips", "12.5"),
        ("CARGO_GATE_JUDGEMENT_SUSPECT_RUNS", "10", "judgement.suspect-runs", "10"),
        ("CARGO_GATE_JUDGEMENT_RECOVERED_RUNS", "0", "judgement.recovered-runs", "0"),
        ("CARGO_GATE_JUDGEMENT_NEW_RUNS", "3", "judgement.new-runs", "3"),
        ("CARGO_GATE_JUDGEMENT_CLEAN_RUNS", "5", "judgement.clean-runs", "5"),
        ("CARGO_GATE_JUDGEMENT_MASS_FAILURE_TESTS", "9", "judgement.mass-failure-tests", "9"),
        ("CARGO_GATE_JUDGEMENT_MASS_FAILURE_PERCENT", "66.6", "judgement.mass-failure-percent", "66.6"),
        ("CARGO_GATE_NOTIFY_COMMAND", "tell me", "notify.command", "[\"tell\",\"me\"]"),
        ("CARGO_GATE_NOTIFY_ON", "fail", "notify.on", "[\"fail\"]"),
        ("CARGO_GATE_CI_ANNOTATIONS", "none", "ci.annotations", "none"),
        ("CARGO_GATE_TEST_ARGS", "--workspace --release", "test.args", "[\"--workspace\",\"--release\"]"),
        ("CARGO_GATE_TEST_SLOTS", "3", "test.slots", "3"),
        ("CARGO_GATE_TEST_ISOLATION", "process", "test.isolation", "process"),
        ("CARGO_GATE_TEST_SERIAL_BINARIES", "true", "test.serial-binaries", "true"),
        ("CARGO_GATE_TEST_SLOW", "none", "test.slow", "none"),
        ("CARGO_GATE_TEST_TIMEOUT", "90s", "test.timeout", "1m30s"),
        ("CARGO_GATE_TEST_RUN_TIMEOUT", "1h30m", "test.run-timeout", "1h30m"),
        ("CARGO_GATE_TEST_GRACE", "500ms", "test.grace", "500ms"),
        ("CARGO_GATE_TEST_RETRIES", "2", "test.retries", "2"),
        ("CARGO_GATE_TEST_FLAKY_RESULT", "fail", "test.flaky-result", "fail"),
        ("CARGO_GATE_TEST_STRICT_ENV", "1", "test.strict-env", "true"),
        ("CARGO_GATE_TEST_NO_TESTS", "warn", "test.no-tests", "warn"),
        ("CARGO_GATE_INFRA_RETRIES", "none", "infra.retries", "none"),
        ("CARGO_GATE_INFRA_DELAY", "1s", "infra.delay", "1s"),
        ("CARGO_GATE_INFRA_MODE", "defer", "infra.mode", "defer"),
        ("CARGO_GATE_COVERAGE_POLICY", "absolute", "coverage.policy", "absolute"),
        ("CARGO_GATE_COVERAGE_FLOOR", "84.5", "coverage.floor", "84.5"),
        ("CARGO_GATE_COVERAGE_EPSILON", "-5", "coverage.epsilon", "0"),
        ("CARGO_GATE_COVERAGE_METRIC", "regions", "coverage.metric", "regions"),
        ("CARGO_GATE_COVERAGE_ON_TOOL_ERROR", "closed", "coverage.on-tool-error", "closed"),
        ("CARGO_GATE_COVERAGE_RATCHET", "manual", "coverage.ratchet", "manual"),
        ("CARGO_GATE_COVERAGE_RATCHET_SCOPE", "file", "coverage.ratchet-scope", "file"),
        ("CARGO_GATE_COVERAGE_TIMEOUT", "20m", "coverage.timeout", "20m"),
        ("CARGO_GATE_COVERAGE_RATCHET_FILE", ".config/ratchet.toml", "coverage.ratchet-file", ".config/ratchet.toml"),
        ("CARGO_GATE_COVERAGE_BASELINE_REF", "origin/main", "coverage.baseline-ref", "origin/main"),
        ("CARGO_GATE_COVERAGE_PATCH_FLOOR", "90", "coverage.patch-floor", "90"),
        ("CARGO_GATE_COVERAGE_PATCH_MAX_UNCOVERED", "3", "coverage.patch-max-uncovered", "3"),
        ("CARGO_GATE_COVERAGE_EXCLUDE_TEST_CODE", "1", "coverage.exclude-test-code", "true"),
        ("CARGO_GATE_TEST_COMPAT", "nextest", "test.compat", "nextest"),
    ] {
        let setting = SETTINGS.iter().find(|setting| setting.name() == name).unwrap();
        assert_eq!(setting.variable(), variable);
        let resolved = from_variables(&[(variable, text)]).unwrap();
        let value = setting.field.place.show(&resolved.settings).unwrap();
        assert_eq!(settings::written(&value), shown, "{variable}");
        assert_eq!(resolved.source(setting).to_string(), variable);
        assert_eq!(resolved.warnings, []);
    }
    // The table above misses none.
    assert_eq!(SETTINGS.len(), 50);
}

#[test]
fn r17_bad_limits_and_counts_of_the_environment_fall_back_with_a_warning_and_in_the_file_stop() {
    for (section, key, bad, holds) in [
        ("test", "timeout", &["x", "0s", "-5s", "60"][..], "10m"),
        ("test", "slow", &["soon", "0ms"], "1m"),
        ("test", "run-timeout", &["-1h", "0s"], "none"),
        ("test", "grace", &["0s", "five"], "5s"),
        ("test", "retries", &["-1", "two", "1.5", "99999999999"], "0"),
        ("infra", "retries", &["0", "-1", "many"], "2"),
        ("infra", "delay", &["0s", "-3s", "30"], "30s"),
        ("coverage", "timeout", &["0s", "-15m", "later"], "15m"),
        ("store", "max-age", &["0d", "old"], "365d"),
    ] {
        let setting = SETTINGS.iter().find(|setting| setting.name() == format!("{section}.{key}")).unwrap();
        for bad in bad {
            let resolved = from_variables(&[(&setting.variable(), bad)]).unwrap();
            let value = setting.field.place.show(&resolved.settings).unwrap();
            assert_eq!(settings::written(&value), holds, "{section}.{key} = {bad}");
            let [warning] = &resolved.warnings[..] else { panic!("{section}.{key} = {bad}: one warning") };
            assert_eq!(warning.id, "bad-variable");
            assert!(warning.text.starts_with(&setting.variable()), "{}", warning.text);

            let table = if setting.section == Section::Store { "store" } else { &format!("default.{section}") };
            for written in [format!("\"{bad}\""), (*bad).to_owned()] {
                let errors = from_file(&format!("[{table}]\n{key} = {written}\n")).unwrap_err();
                assert_eq!(errors.exit_code().number(), 96);
            }
        }
    }
    // What falls back falls back on what lies below, and a flag still wins.
    let said = Said {
        file: "[default.test]\ntimeout = \"2m\"",
        variables: &[("CARGO_GATE_TEST_TIMEOUT", "soon")],
        ..Said::default()
    };
    let resolved = said.resolve().unwrap();
    assert_eq!(resolved.settings.test.timeout, secs(120));
    insta::assert_snapshot!(resolved.warnings[0].text, @r#"CARGO_GATE_TEST_TIMEOUT is ignored ("soon" is not a duration): test.timeout stays "2m" (.config/gate.toml:2)"#);
    let with_flag = Said { flags: &[("timeout", "7m")], ..said }.resolve().unwrap();
    assert_eq!(with_flag.settings.test.timeout, secs(420));
}

#[test]
fn other_bad_variables_stop() {
    let errors = from_variables(&[("CARGO_GATE_TEST_SLOTS", "0"), ("CARGO_GATE_COVERAGE_FLOOR", "nan")]).unwrap_err();
    insta::assert_snapshot!(errors, @r#"
    CARGO_GATE_COVERAGE_FLOOR: `coverage.floor`: nan is not a plain decimal number
      wanted: a percentage from 0 to 100 with at most four decimals
    CARGO_GATE_TEST_SLOTS: `test.slots`: 0 is not above zero
      wanted: a whole number, 1 or more, or "auto"
    "#);
    let errors = from_variables(&[(DISABLE, "perhaps"), ("CARGO_GATE_STORE_URL", "s3cret")]).unwrap_err();
    insta::assert_snapshot!(errors, @r#"
    CARGO_GATE_DISABLE: "perhaps" does not fit
      wanted: 1 or 0
    CARGO_GATE_STORE_URL: `store.url`: no scheme
      wanted: an address such as "postgres://host/name", or "none"
    "#);
}

#[test]
fn an_unknown_variable_warns_and_an_empty_one_counts_as_unset() {
    let resolved = from_variables(&[
        ("CARGO_GATE_TEST_TIMOUT", "5s"),
        ("CARGO_GATE_RUN_ID", "x"),
        ("CARGO_GATE_TEST_SLOW", ""),
        ("CARGO_GATE", "1"),
        ("CARGO_GATEAU", "1"),
        ("CARGO_TARGET_DIR", "t"),
    ])
    .unwrap();
    let [warning] = &resolved.warnings[..] else { panic!("{:?}", resolved.warnings) };
    assert_eq!(warning.id, "unknown-variable");
    insta::assert_snapshot!(warning.text, @"CARGO_GATE_TEST_TIMOUT is no variable of the gate's; nearest: CARGO_GATE_TEST_TIMEOUT");
}

#[test]
fn mistakes_name_place_key_nearest_key_and_shape() {
    insta::assert_snapshot!(mistakes("[default.test]\ntimout = \"5m\"\n"), @r#"
    .config/gate.toml:2:1: `default.test.timout`: no such key
      nearest key: default.test.timeout
      wanted: one of args, slots, isolation, serial-binaries, slow, timeout, run-timeout, grace, retries, flaky-result, strict-env, no-tests, compat
    "#);
    insta::assert_snapshot!(mistakes("[default.test]\n  timeout = 60\n"), @r#"
    .config/gate.toml:2:13: `default.test.timeout`: an integer does not fit
      wanted: a duration such as "90s", "10m", "1h30m", or "none"
    "#);
    insta::assert_snapshot!(mistakes("[default.test]\nisolation = \"fork\"\n"), @r#"
    .config/gate.toml:2:13: `default.test.isolation`: "fork" is none of them
      wanted: "shared" or "process"
    "#);
    insta::assert_snapshot!(mistakes("[default]\ntimeout = \"5m\"\n"), @r#"
    .config/gate.toml:2:1: `default.timeout`: no such key
      nearest key: default.test.timeout
      wanted: one of test, infra, coverage
    "#);
    insta::assert_snapshot!(mistakes("[test]\ntimeout = \"5m\"\n"), @r#"
    .config/gate.toml:1:2: `test`: no such key
      nearest key: default.test
      wanted: one of enabled, required-version, scope, store, judgement, notify, ci, default, profile, groups, override, quarantine, floor, exempt, pipeline
    "#);
    insta::assert_snapshot!(mistakes("[profile.ci.coverage]\nfloor = 80.00001\n"), @r#"
    .config/gate.toml:2:9: `profile.ci.coverage.floor`: 80.00001 has more than four decimals
      wanted: a percentage from 0 to 100 with at most four decimals
    "#);
    insta::assert_snapshot!(mistakes("default = 1\n"), @r#"
    .config/gate.toml:1:11: `default`: an integer does not fit
      wanted: a table, as in `[default]`
    "#);
    insta::assert_snapshot!(mistakes("[default.test]\nargs = [\"--relase\"]\n"), @r#"
    .config/gate.toml:2:8: `default.test.args`: unexpected argument '--relase' found
      wanted: a list of flags of `cargo test`, such as ["--workspace", "--release"]
    "#);
    insta::assert_snapshot!(mistakes("enabled = maybe\n"), @".config/gate.toml:1:11: string values must be quoted, expected literal string");
    insta::assert_snapshot!(mistakes("enabled = true\nenabled = true\n"), @".config/gate.toml:2:1: duplicate key");
}

#[test]
fn a_table_of_the_top_level_that_stands_elsewhere_is_sent_there() {
    let told = mistakes("[default.judgement]\nwindow = 50\n");
    assert!(told.contains("`default.judgement`: no such key\n  nearest key: judgement, at the top level"), "{told}");
}

#[test]
fn mistakes_in_lists_are_found_too() {
    insta::assert_snapshot!(mistakes("[groups.db]\nmax-threads = 0\n[[override]]\nfilter = \"*\"\ngroup = \"bd\"\n"), @r#"
    .config/gate.toml:2:15: `groups.db.max-threads`: 0 is not above zero
      wanted: a whole number, 1 or more
    .config/gate.toml:4:10: `override.filter`: "*": no `/`: a test key reads `package/kind:binary::path`
      wanted: a glob over test keys, such as "app/test:db::*" (`*` stops at `/`, `**` does not)
    .config/gate.toml:5:9: `override.group`: there is no group "bd"
      nearest key: groups.db
      wanted: the name of a group, as in `[groups.NAME]`
    "#);
    insta::assert_snapshot!(mistakes("[[quarantine]]\ntest = \"app/**\"\nuntil = 2027-01-31T00:00:00\n"), @r#"
    .config/gate.toml:1:1: `quarantine.reason`: missing
      wanted: a text that is not empty
    .config/gate.toml:3:9: `quarantine.until`: a datetime does not fit
      wanted: a date without quotes, such as 2027-01-31
    "#);
    insta::assert_snapshot!(mistakes("[[override]]\nfilter = \"app/**\"\nretries = { backoff = \"fixed\" }\n"), @r#"
    .config/gate.toml:3:11: `override.retries`: `count` is missing
      wanted: a whole number, 0 or more, or { count = 2, backoff = "fixed" or "exponential", delay = "1s", max-delay = "10s", jitter = true }
    "#);
    insta::assert_snapshot!(mistakes("[override]\nfilter = \"app/**\"\n"), @r#"
    .config/gate.toml:1:1: `override`: a table does not fit
      wanted: a list of tables, as in `[[override]]`
    "#);
    insta::assert_snapshot!(mistakes("[[pipeline.default.step]]\nname = \"a\"\nkind = \"lints\"\ncommand = []\n"), @r#"
    .config/gate.toml:3:8: `pipeline.default.step.kind`: "lints" is none of them
      wanted: "setup", "format", "lint", "typecheck", "test", "custom", "coverage", "e2e" or "smoke"
    .config/gate.toml:4:11: `pipeline.default.step.command`: empty
      wanted: a list such as ["cargo", "clippy"], or a text with `shell = true`
    "#);
    insta::assert_snapshot!(mistakes("[[pipeline.a.suite]]\nname = \"a\"\ncommand = \"ls | wc\"\n"), @r#"
    .config/gate.toml:3:11: `pipeline.a.suite.command`: a text without `shell = true`
      wanted: a list such as ["cargo", "clippy"], or `shell = true` beside it
    "#);
    let by_shell = "[[pipeline.a.suite]]\nname = \"a\"\nshell = true\ncommand = \"ls | wc\"\n";
    assert!(from_file(by_shell).is_ok());
    insta::assert_snapshot!(mistakes("[pipeline.default]\nsteps = []\n"), @r#"
    .config/gate.toml:2:1: `pipeline.default.steps`: no such key
      nearest key: pipeline.default.step
      wanted: one of code-patterns, config-files, isolate, step, suite, smoke
    "#);
}

#[test]
fn a_floor_is_of_packages_or_of_files_and_an_exemption_has_a_reason() {
    let file = "[[floor]]\nfiles = [\"src/ffi/**\"]\nfloor = 20\n[[floor]]\nfiles = [\"src/**\"]\nfloor = 80.5\n\
                [[floor]]\npackages = [\"core-*\"]\nfloor = 90\n";
    let settings = from_file(file).unwrap().settings;
    let of_file = |path: &str| settings.floor_of_file(path.into()).map(|floor| floor.to_string());
    assert_eq!(of_file("src/ffi/c.rs").as_deref(), Some("20"), "the first that matches decides");
    assert_eq!((of_file("src/lib.rs").as_deref(), of_file("build.rs")), (Some("80.5"), None));
    assert_eq!(settings.floor_of_package("core-net"), Some("90".parse().unwrap()));
    assert_eq!(settings.floor_of_package("app"), None);
    insta::assert_snapshot!(mistakes("[[floor]]\nfloor = 80\n[[floor]]\nfiles = []\npackages = []\nfloor = 1\n"), @r"
    .config/gate.toml:1:1: `floor`: neither `packages` nor `files`
      wanted: one of them
    .config/gate.toml:3:1: `floor`: both `packages` and `files`
      wanted: one of them
    ");
    insta::assert_snapshot!(mistakes("[[exempt]]\nfiles = [\"src/[\"]\n"), @r#"
    .config/gate.toml:1:1: `exempt.reason`: missing
      wanted: a text that is not empty
    .config/gate.toml:2:9: `exempt.files`: unclosed character class; missing ']'
      wanted: a list of globs over files, such as ["src/*.rs", "core/**"]
    "#);
    insta::assert_snapshot!(mistakes("[default.coverage]\nbaseline-ref = \"--help\"\n"), @r#"
    .config/gate.toml:2:16: `default.coverage.baseline-ref`: "--help" is no revision
      wanted: a revision such as "origin/main", or "none"
    "#);
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_the_file() {
    let errors = from_file("[default.test]\nslots = 0\ngrace = 1\n[profile.x.infra]\nmode = \"never\"\n").unwrap_err();
    let lines: Vec<String> = errors.all().iter().map(|error| error.origin.to_string()).collect();
    assert_eq!(lines, [format!("{NAME}:2:9"), format!("{NAME}:3:9"), format!("{NAME}:5:8")]);
}

#[test]
fn percentages_are_taken_from_the_text_and_bad_ones_stop() {
    for (written, count) in
        [("80", 800_000), ("84.5", 845_000), ("0.0001", 1), ("100.0", 1_000_000), ("+1_0.5", 105_000)]
    {
        let resolved = from_file(&format!("[default.coverage]\nfloor = {written}\n")).unwrap();
        assert_eq!(resolved.settings.coverage.floor.ten_thousandths(), count, "{written}");
    }
    for bad in ["nan", "+inf", "-0.5", "100.0001", "101", "80.00001", "\"80\"", "true", "8e1", "0x50", "-1"] {
        assert!(from_file(&format!("[default.coverage]\nfloor = {bad}\n")).is_err(), "{bad}");
    }
    // R4: a negative epsilon counts as 0.
    let resolved = from_file("[default.coverage]\nepsilon = -5\n").unwrap();
    assert_eq!(resolved.settings.coverage.epsilon, Percent::ZERO);
}

#[test]
fn retries_are_a_count_or_a_table() {
    let retries = |written: &str| from_file(&format!("[default.test]\nretries = {written}\n"));
    assert_eq!(retries("3").unwrap().settings.test.retries, RetryPolicy::fixed(3, Duration::ZERO));
    let table = "{ count = 2, backoff = \"exponential\", delay = \"1s\", max-delay = \"10s\", jitter = true }";
    let expected = RetryPolicy {
        count: 2,
        backoff: Backoff::Exponential,
        delay: Duration::from_secs(1),
        max_delay: secs(10),
        jitter: true,
    };
    assert_eq!(retries(table).unwrap().settings.test.retries, expected);
    for bad in ["-1", "{ }", "{ count = 1, jitter = true }", "{ count = 1, delay = 5 }", "{ count = 1, x = 1 }", "[]"] {
        assert!(retries(bad).is_err(), "{bad}");
    }
}

#[test]
fn profiles_inherit_and_the_built_in_one_can_be_changed() {
    let file = "[default.test]\nslots = 2\nstrict-env = false\n\
                [profile.ci.test]\nslots = 4\n\
                [profile.nightly]\ninherits = \"ci\"\n[profile.nightly.test]\nrun-timeout = \"2h\"\n";
    let in_profile = |profile| Said { file, profile: Some(profile), ..Said::default() }.resolve().unwrap();
    let ci = in_profile("ci");
    assert_eq!((ci.settings.test.slots, ci.settings.test.run_timeout), (Some(4), secs(900)));
    assert!(ci.settings.test.strict_env, "a built-in profile beats the file's default");
    assert_eq!(source_of(&ci, "test.strict-env"), "built-in profile ci");
    let nightly = in_profile("nightly");
    assert_eq!((nightly.settings.test.slots, nightly.settings.test.run_timeout), (Some(4), secs(7200)));
    assert_eq!(source_of(&nightly, "test.slots"), ".config/gate.toml:5 (profile ci)");
    assert_eq!(in_profile("default").settings.test.slots, Some(2));

    let chosen = Said { file, variables: &[("CARGO_GATE_PROFILE", "ci")], ..Said::default() };
    assert_eq!(chosen.resolve().unwrap().profile, "ci");
    assert_eq!(Said { profile: Some("default"), ..chosen }.resolve().unwrap().profile, "default");
}

#[test]
fn profiles_that_do_not_exist_or_go_in_circles_stop() {
    let in_profile = |file, profile| Said { file, profile: Some(profile), ..Said::default() }.resolve().unwrap_err();
    insta::assert_snapshot!(in_profile("", "cl"), @r#"
    --gate-profile: there is no profile "cl"
      nearest key: profile.ci
      wanted: a profile of the file, as in `[profile.NAME.test]`, or "ci", or "default"
    "#);
    insta::assert_snapshot!(in_profile("[profile.a]\ninherits = \"nightly\"\n", "a"), @r#"
    .config/gate.toml:2:12: there is no profile "nightly"
      wanted: a profile of the file, as in `[profile.NAME.test]`, or "ci", or "default"
    "#);
    insta::assert_snapshot!(in_profile("[profile.a]\ninherits = \"b\"\n[profile.b]\ninherits = \"a\"\n", "a"), @r#"
    .config/gate.toml:2:12: `inherits`: profile "b" inherits from itself
    .config/gate.toml:4:12: `inherits`: profile "a" inherits from itself
    "#);
    insta::assert_snapshot!(in_profile("[profile.a]\ninherits = 1\n", "a"), @r#"
    .config/gate.toml:2:12: `profile.a.inherits`: an integer does not fit
      wanted: the name of a profile
    "#);
    insta::assert_snapshot!(mistakes("[profile.default.test]\nslots = 1\n"), @r#"
    .config/gate.toml:1:10: `profile.default`: no profile can have this name
      wanted: the tables `[default.test]`, `[default.infra]`…
    "#);
    // Profiles that are not in force are looked at too.
    let errors =
        from_file("[profile]\na = 1\n[profile.b]\ninherits = \"c\"\n[profile.d.test]\nslots = 0\n").unwrap_err();
    insta::assert_snapshot!(errors, @r#"
    .config/gate.toml:2:5: `profile.a`: an integer does not fit
      wanted: a table, as in `[profile.a]`
    .config/gate.toml:4:12: there is no profile "c"
      nearest key: profile.ci
      wanted: a profile of the file, as in `[profile.NAME.test]`, or "ci", or "default"
    .config/gate.toml:6:9: `profile.d.test.slots`: 0 is not above zero
      wanted: a whole number, 1 or more, or "auto"
    "#);
    let errors = from_variables(&[("CARGO_GATE_PROFILE", "nope")]).unwrap_err();
    assert!(errors.to_string().starts_with("CARGO_GATE_PROFILE: "), "{errors}");
}

#[test]
fn a_file_for_another_version_is_not_judged_by_the_rules_of_this_one() {
    insta::assert_snapshot!(mistakes("required-version = \">=99\"\nnew-key = 1\n"), @".config/gate.toml:1:20: `required-version`: this is cargo-gate 0.1.0, and the file asks for >=99");
    assert!(from_file("required-version = \">=0.1\"\n").is_ok());
    insta::assert_snapshot!(mistakes("required-version = \"soon\"\n"), @r#"
    .config/gate.toml:1:20: `required-version`: "soon" is no requirement: unexpected character 's' while parsing major version number
      wanted: a requirement such as ">=0.1"
    "#);
    insta::assert_snapshot!(mistakes("required-version = 1\n"), @r#"
    .config/gate.toml:1:20: `required-version`: an integer does not fit
      wanted: a requirement such as ">=0.1"
    "#);
}

/// Everything the file can say, at least once.
const WHOLE: &str = r#"
required-version = ">=0.1"
enabled = true
[scope]
packages = ["*"]
[store]
dir = "../history"
[default.test]
args = ["--workspace"]
slots = 8
isolation = "shared"
[default.infra]
mode = "defer"
[default.coverage]
ratchet = ["main", "release"]
[profile.fast.test]
slow = "1s"
[groups.db]
max-threads = 1
[[override]]
filter = "app/test:db::*"
group = "db"
timeout = "2m"
retries = 1
priority = 50
[[override]]
filter = "app/**"
timeout = "none"
isolation = "process"
[[quarantine]]
test = "app/test:net::slow_peer"
reason = "upstream bug"
until = 2027-01-31
[[floor]]
packages = ["core-*"]
floor = 90
[[floor]]
files = ["src/parser/**"]
floor = 95.5
[[exempt]]
files = ["src/ffi/*.rs"]
reason = "needs the device"
[pipeline.default]
code-patterns = ["**/*.rs"]
config-files = ["clippy.toml"]
isolate = "none"
[[pipeline.default.step]]
name = "clippy"
kind = "lint"
command = ["cargo", "clippy"]
env = { LANG = "C" }
severity = "warn"
[[pipeline.default.suite]]
name = "scripts"
runner = "pytest"
command = ["pytest", "py"]
format = "junit"
min-pass-rate = 0.9
[[pipeline.default.smoke]]
url = "http://127.0.0.1:8500/health"
contains = "ok"
status = 200
[notify]
command = ["tell"]
on = ["fail"]
"#;

#[test]
fn overrides_and_quarantines_hold_for_the_tests_they_match() {
    let settings = from_file(WHOLE).unwrap().settings;
    let key = |text: &str| text.parse::<TestKey>().unwrap();
    let db = settings.policy_for(&key("app/test:db::slow"));
    assert_eq!((db.group.as_deref(), db.timeout, db.retries.count, db.priority), (Some("db"), secs(120), 1, 50));
    assert_eq!((db.isolation, db.slow), (Isolation::Process, secs(60)));
    let other = settings.policy_for(&key("app/app::tests::adds"));
    assert_eq!((other.group, other.timeout, other.isolation), (None, None, Isolation::Process));
    let none = settings.policy_for(&key("web/web::a"));
    assert_eq!((none.timeout, none.isolation, none.priority), (secs(600), Isolation::Shared, 0));

    let peer = key("app/test:net::slow_peer");
    let on = |day: &str| settings.quarantine_of(&peer, day.parse().unwrap()).map(|one| one.reason.as_str());
    assert_eq!((on("2027-01-31"), on("2027-02-01")), (Some("upstream bug"), None));
    assert_eq!(settings.groups["db"].max_threads, 1);
    assert_eq!(settings.overrides[1], Override { timeout: Some(None), ..settings.overrides[1].clone() });
}

#[test]
fn each_setting_has_a_sound_default_and_each_default_a_setting() {
    // Unknown keys of the defaults would stop, as in any file.
    let resolved = Resolved::from_layers(&Layers::default()).unwrap();
    let written: toml::Table = DEFAULTS.parse().unwrap();
    for setting in SETTINGS {
        let path = setting.path();
        let value = path.split('.').try_fold(&toml::Value::Table(written.clone()), |at, key| at.get(key)).cloned();
        assert!(value.is_some(), "{path} has no default");
        assert_eq!(resolved.source(setting).to_string(), "default");
        let help = setting.field.help;
        assert!(help.ends_with('.') && !help.contains('|'), "{path}: {help}");
    }
    let names: BTreeSet<String> = SETTINGS.iter().map(settings::Setting::name).collect();
    assert_eq!(names.len(), SETTINGS.len(), "names are unique");
}

#[test]
fn each_flag_of_a_setting_is_a_flag_of_a_command_and_the_other_way_round() {
    let in_table: BTreeSet<&str> = SETTINGS.iter().filter_map(|setting| setting.flag).collect();
    let command = cli::command(&settings::flag_help());
    for flag in &in_table {
        let arg = find_flag(&command, flag).unwrap_or_else(|| panic!("--{flag} is no flag"));
        assert!(arg.get_help().is_some(), "--{flag} says nothing");
    }
    let test = cli::parse(
        ["cargo-gate", "test", "--timeout=1s", "--slow=1s", "--run-timeout=1s", "--grace=1s", "--retries=1"]
            .into_iter()
            .chain(["--flaky-result=pass", "--strict-env", "--infra-retries=0", "--infra-delay=1s"])
            .chain(["--infra-mode=defer", "--slots=2", "--isolation=process", "--serial-binaries", "--no-tests=warn"])
            .chain(["--annotations=none", "--compat=nextest"])
            .map(OsString::from),
        &[],
    );
    let Ok(cli::Command::Test(test)) = test else { panic!("{test:?}") };
    let prune = ["cargo-gate", "history", "prune", "--max-age=1d", "--max-runs=1", "--max-size=1GB"];
    let prune = cli::parse(prune.map(OsString::from), &[]);
    let Ok(cli::Command::History(history)) = prune else { panic!("{prune:?}") };
    let coverage = ["--policy=both", "--floor=1", "--epsilon=1", "--metric=lines", "--on-tool-error=open"]
        .into_iter()
        .chain(["--ratchet=manual", "--ratchet-scope=file", "--ratchet-file=auto", "--baseline-ref=none"])
        .chain(["--patch-floor=1", "--patch-max-uncovered=1", "--exclude-test-code", "--coverage-timeout=1s"]);
    let coverage = ["cargo-gate", "coverage"].into_iter().chain(coverage).map(OsString::from);
    let coverage = cli::parse(coverage, &[]);
    let Ok(cli::Command::Coverage(coverage)) = coverage else { panic!("{coverage:?}") };
    let all = [test.settings.given(), history.action.settings(), coverage.judging.given()];
    let from_commands: BTreeSet<&str> = all.iter().flatten().map(|(flag, _)| *flag).collect();
    assert_eq!(from_commands, in_table);
}

fn find_flag<'a>(command: &'a clap::Command, flag: &str) -> Option<&'a clap::Arg> {
    let here = command.get_arguments().find(|arg| arg.get_long() == Some(flag));
    here.or_else(|| command.get_subcommands().find_map(|inner| find_flag(inner, flag)))
}

/// Enough of JSON Schema for ours.
fn fits(value: &Value, schema: &Value) -> Result<(), String> {
    if let Some(choices) = schema["anyOf"].as_array() {
        let fits = choices.iter().any(|choice| fits(value, choice).is_ok());
        return if fits { Ok(()) } else { Err(format!("{value} fits none of {choices:?}")) };
    }
    if let Some(words) = schema["enum"].as_array() {
        return if words.contains(value) { Ok(()) } else { Err(format!("{value} is not in {words:?}")) };
    }
    if let Some(only) = schema.get("const") {
        return if only == value { Ok(()) } else { Err(format!("{value} is not {only}")) };
    }
    let right = match schema["type"].as_str() {
        Some("boolean") => value.is_boolean(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() && is_within(value, schema),
        Some("number") => value.is_number() && is_within(value, schema),
        Some("array") => {
            let items = value.as_array().ok_or_else(|| format!("{value} is no array"))?;
            return items.iter().try_for_each(|item| fits(item, &schema["items"]));
        }
        Some("object") => {
            let object = value.as_object().ok_or_else(|| format!("{value} is no object"))?;
            for required in schema["required"].as_array().into_iter().flatten() {
                object.get(required.as_str().unwrap()).ok_or_else(|| format!("{required} is missing"))?;
            }
            return object.iter().try_for_each(|(key, value)| {
                let inner = match (schema["properties"].get(key), &schema["additionalProperties"]) {
                    (Some(inner), _) | (None, inner @ Value::Object(_)) => inner,
                    _ => return Err(format!("no key {key}")),
                };
                fits(value, inner).map_err(|why| format!("{key}: {why}"))
            });
        }
        other => return Err(format!("type {other:?}")),
    };
    if right { Ok(()) } else { Err(format!("{value} is no {}", schema["type"])) }
}

fn is_within(number: &Value, schema: &Value) -> bool {
    let limit = |name: &str| schema[name].as_f64();
    let number = number.as_f64().unwrap();
    limit("minimum").is_none_or(|least| number >= least) && limit("maximum").is_none_or(|most| number <= most)
}

fn as_json(text: &str) -> Value {
    // Dates are a type of their own in TOML; an editor checks them as texts.
    let table: toml::Table = text.replace("until = 2027-01-31", "until = \"2027-01-31\"").parse().unwrap();
    serde_json::to_value(table).unwrap()
}

#[test]
fn the_schema_accepts_what_the_reader_accepts_and_names_each_key() {
    let schema = schema::schema();
    assert_eq!(fits(&as_json(DEFAULTS), &schema), Ok(()));
    assert_eq!(fits(&as_json(WHOLE), &schema), Ok(()));
    for wrong in [
        "[default.test]\ntimout = \"5m\"",
        "[default.test]\ntimeout = 5",
        "[default.test]\nslots = 0",
        "[default.test]\nretries = -1",
        "[judgement]\nwindow = 101",
        "[judgement]\nwindow = 0",
        "[judgement]\nsuspect-episodes = 0",
        "[judgement]\nnew-runs = -1",
        "[judgement]\nsuspect-flips = 101",
        "[default.judgement]\nwindow = 50",
        "[[quarantine]]\ntest = \"a/**\"",
        "[[pipeline.a.step]]\nname = \"a\"",
        "[[pipeline.a.suite]]\nname = \"a\"\nrunner = \"node\"\nkind = \"lint\"",
        "[[pipeline.a.smoke]]\nurl = \"http://a\"\nstatus = 42",
        "[test]",
    ] {
        assert!(from_file(wrong).is_err() && fits(&as_json(wrong), &schema).is_err(), "{wrong}");
    }
    for setting in SETTINGS {
        let path = setting.path();
        let described = path.split('.').try_fold(&schema, |at, key| at["properties"].get(key));
        assert!(described.is_some_and(|schema| schema["description"].is_string()), "{path}");
    }
}

fn shown(resolved: &Resolved, format: Format) -> String {
    let mut out = Vec::new();
    show(resolved, format, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn config_show_prints_each_setting_with_its_source() {
    let said = Said {
        file: WHOLE,
        variables: &[("CARGO_GATE_TEST_GRACE", "1s")],
        profile: Some("ci"),
        flags: &[("slots", "3")],
    };
    let text = shown(&said.resolve().unwrap(), Format::Human);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "80 columns");
    insta::assert_snapshot!(text, @r#"
    profile ci, .config/gate.toml

    enabled                        true                    .config/gate.toml:3
    scope.packages                 ["*"]                   .config/gate.toml:5
    store.dir                      ../history              .config/gate.toml:7
    store.url                      none                    default
    store.max-age                  365d                    default
    store.max-runs                 10000                   default
    store.max-size                 none                    default
    judgement.window               100                     default
    judgement.flaky-passes         30                      default
    judgement.flaky-quiet          14d                     default
    judgement.suspect-episodes     3                       default
    judgement.suspect-flips        20                      default
    judgement.suspect-runs         20                      default
    judgement.recovered-runs       20                      default
    judgement.new-runs             5                       default
    judgement.clean-runs           20                      default
    judgement.mass-failure-tests   20                      default
    judgement.mass-failure-percent 80                      default
    notify.command                 ["tell"]                .config/gate.toml:64
    notify.on                      ["fail"]                .config/gate.toml:65
    ci.annotations                 auto                    default
    test.args                      ["--workspace"]         .config/gate.toml:9
    test.slots                     3                       --slots
    test.isolation                 shared                  .config/gate.toml:11
    test.serial-binaries           false                   default
    test.slow                      1m                      default
    test.timeout                   10m                     default
    test.run-timeout               15m                     built-in profile ci
    test.grace                     1s                      CARGO_GATE_TEST_GRACE
    test.retries                   0                       default
    test.flaky-result              pass                    default
    test.strict-env                true                    built-in profile ci
    test.no-tests                  fail                    default
    test.compat                    none                    default
    infra.retries                  2                       default
    infra.delay                    30s                     default
    infra.mode                     defer                   .config/gate.toml:13
    coverage.policy                both                    default
    coverage.floor                 0                       default
    coverage.epsilon               0.5                     default
    coverage.metric                lines                   default
    coverage.on-tool-error         closed                  built-in profile ci
    coverage.ratchet               ["main","release"]      .config/gate.toml:15
    coverage.ratchet-scope         workspace               default
    coverage.timeout               15m                     default
    coverage.ratchet-file          auto                    default
    coverage.baseline-ref          none                    default
    coverage.patch-floor           0                       default
    coverage.patch-max-uncovered   none                    default
    coverage.exclude-test-code     false                   default

    [[exempt]]
      files                       ["src/ffi/*.rs"]
      reason                      needs the device

    [[floor]]
      floor                       90
      packages                    ["core-*"]

    [[floor]]
      files                       ["src/parser/**"]
      floor                       95.5

    [groups.db]
      max-threads                 1

    [[override]]
      filter                      app/test:db::*
      group                       db
      priority                    50
      retries                     1
      timeout                     2m

    [[override]]
      filter                      app/**
      isolation                   process
      timeout                     none

    [pipeline.default]
      code-patterns               ["**/*.rs"]
      config-files                ["clippy.toml"]
      isolate                     none

    [[pipeline.default.smoke]]
      contains                    ok
      status                      200
      timeout                     5s
      url                         http://127.0.0.1:8500/health

    [[pipeline.default.step]]
      command                     ["cargo","clippy"]
      env                         {"LANG":"C"}
      kind                        lint
      name                        clippy
      severity                    warn
      shell                       false
      timeout                     15m

    [[pipeline.default.suite]]
      command                     ["pytest","py"]
      format                      junit
      kind                        test
      min-pass-rate               0.9
      name                        scripts
      on-failure                  block
      runner                      pytest
      shell                       false
      timeout                     1m

    [[quarantine]]
      reason                      upstream bug
      test                        app/test:net::slow_peer
      until                       2027-01-31
    "#);
}

#[test]
fn config_show_as_json_has_each_setting_with_its_source() {
    let said = Said { file: WHOLE, profile: Some("ci"), flags: &[("slots", "3")], ..Said::default() };
    let json: Value = serde_json::from_str(&shown(&said.resolve().unwrap(), Format::Json)).unwrap();
    let settings = json["settings"].as_array().unwrap();
    assert_eq!(settings.len(), SETTINGS.len());
    let of = |name: &str| settings.iter().find(|setting| setting["key"] == name).unwrap().to_string();
    insta::assert_snapshot!(of("test.slots"), @r#"{"flag":"--slots","key":"test.slots","source":{"kind":"flag","name":"slots"},"value":3,"variable":"CARGO_GATE_TEST_SLOTS"}"#);
    insta::assert_snapshot!(of("test.strict-env"), @r#"{"flag":"--strict-env","key":"test.strict-env","source":{"kind":"built-in-profile","profile":"ci"},"value":true,"variable":"CARGO_GATE_TEST_STRICT_ENV"}"#);
    insta::assert_snapshot!(of("test.isolation"), @r#"{"flag":"--isolation","key":"test.isolation","source":{"kind":"file","line":11,"name":".config/gate.toml"},"value":"shared","variable":"CARGO_GATE_TEST_ISOLATION"}"#);
    insta::assert_snapshot!(of("coverage.epsilon"), @r#"{"flag":"--epsilon","key":"coverage.epsilon","source":{"kind":"default"},"value":0.5,"variable":"CARGO_GATE_COVERAGE_EPSILON"}"#);
    insta::assert_snapshot!(json["override"][0].to_string(), @r#"{"filter":"app/test:db::*","group":"db","priority":50,"retries":1,"timeout":"2m"}"#);
    assert_eq!((&json["schema_version"], &json["profile"]), (&Value::from(1), &Value::from("ci")));
}

#[test]
fn a_hostile_file_cannot_steer_the_terminal() {
    let said = "[store]\ndir = \"a\\u001b[2Jb\"\n[groups.\"\\u001b]0;x\\u0007\"]\nmax-threads = 1\n";
    assert!(!shown(&from_file(said).unwrap(), Format::Human).contains(['\u{1b}', '\u{7}']));
    let errors = from_file("\"a\\u001b[2J\" = 1\n").unwrap_err();
    assert!(!errors.to_string().contains('\u{1b}'));
}

#[test]
fn the_readme_has_the_table_of_settings() {
    const MARKERS: (&str, &str) = ("<!-- settings:begin -->\n", "<!-- settings:end -->");
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (_, rest) = readme.split_once(MARKERS.0).expect("the marker where the table begins");
    let (table, _) = rest.split_once(MARKERS.1).expect("the marker where the table ends");
    assert_eq!(table.trim(), settings::markdown_table().trim());
}

/// Lines that a file could be made of, some sound, some not.
fn lines() -> impl Strategy<Value = String> {
    let keys = prop::sample::select(
        SETTINGS
            .iter()
            .map(|setting| setting.field.key)
            .chain(["inherits", "filter", "test", "group", "until", "reason", "x", "\"ü\""])
            .chain(["name", "kind", "command", "shell", "needs", "env", "discover", "min-pass-rate"])
            .collect::<Vec<_>>(),
    );
    let values = prop::sample::select(vec![
        "1",
        "-1",
        "0.5",
        "nan",
        "true",
        "\"none\"",
        "\"5s\"",
        "\"app/**\"",
        "\"lint\"",
        "{ A = \"b\" }",
        "[]",
        "[\"a\"]",
        "{}",
        "{ count = 1 }",
        "2027-01-31",
        "07:32:00",
        "\"\\u0000\"",
        "0xff",
        "99999999999999999999",
        "\"🦀\"",
    ]);
    let headers = prop::sample::select(vec![
        "[default]",
        "[default.test]",
        "[profile.a.test]",
        "[profile.ci]",
        "[scope]",
        "[store]",
        "[notify]",
        "[groups.a]",
        "[groups]",
        "[[override]]",
        "[[quarantine]]",
        "[pipeline.a]",
        "[[pipeline.a.step]]",
        "[[pipeline.a.suite]]",
        "[[pipeline.a.smoke]]",
        "[test]",
        "[override]",
        "[profile]",
        "[default.coverage]",
    ]);
    let setting = (keys, values).prop_map(|(key, value)| format!("{key} = {value}"));
    let line = proptest::prop_oneof![4 => setting, 2 => headers.prop_map(str::to_owned), 1 => "\\PC{0,12}"];
    prop::collection::vec(line, 0..8).prop_map(|lines| lines.join("\n"))
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in "(?s).{0,64}", lines in lines(), profile in any::<bool>()) {
        for file in [&text, &lines] {
            let said = Said { file, profile: profile.then_some("a"), ..Said::default() };
            match said.resolve() {
                Ok(resolved) => {
                    let _ = (shown(&resolved, Format::Human), shown(&resolved, Format::Json));
                }
                Err(errors) => proptest::prop_assert!(!errors.to_string().is_empty()),
            }
        }
    }

    #[test]
    fn no_variable_panics(index in 0..SETTINGS.len(), text in "\\PC{0,24}") {
        let _ = from_variables(&[(&SETTINGS[index].variable(), &text)]);
    }

    #[test]
    fn what_is_shown_can_be_written_back(
        seconds in 1_u64..10_000_000,
        floor in 0_u32..=1_000_000,
        slots in 1_usize..1000,
        count in 0_u32..100,
    ) {
        let mut settings = Settings::default();
        settings.test.timeout = secs(seconds);
        settings.test.slots = Some(slots);
        settings.test.retries = RetryPolicy {
            count,
            backoff: Backoff::Exponential,
            delay: Duration::from_secs(seconds),
            max_delay: None,
            jitter: true,
        };
        settings.coverage.floor = Percent::from_ten_thousandths(floor).unwrap();
        for setting in SETTINGS {
            let value = setting.field.place.show(&settings).unwrap();
            let (table, _) = setting.path().rsplit_once('.').map_or((String::new(), ()), |(table, _)| (table.into(), ()));
            let header = if table.is_empty() { String::new() } else { format!("[{table}]\n") };
            let written = toml::Value::try_from(&value).unwrap();
            let resolved = from_file(&format!("{header}{} = {written}\n", setting.field.key)).unwrap();
            proptest::prop_assert_eq!(setting.field.place.show(&resolved.settings).unwrap(), value);
        }
    }
}
