//! `[pipeline.*]`: what is read into typed values, and what is refused.

use std::time::Duration;

use camino::Utf8PathBuf;
use cargo_gate::cli::Format;
use cargo_gate::config::{Invocation, Pipeline, SmokeCheck, Step, Suite, lists, pipelines_as_markdown};
use cargo_gate::model::{Isolate, PathPatterns, Percent, ResultFormat, Runner, Severity, StepKind};

use super::{from_file, mistakes, secs, shown};

/// The pipeline `default` of a file.
fn pipeline(file: &str) -> Pipeline {
    from_file(file).unwrap_or_else(|errors| panic!("{errors}")).settings.pipelines.remove("default").unwrap()
}

/// The step of a file with one.
fn step(keys: &str) -> Step {
    pipeline(&format!("[[pipeline.default.step]]\nname = \"a\"\n{keys}\n")).steps.remove(0)
}

/// The mistakes in the keys of one step, from its third line on.
fn mistakes_of_step(keys: &str) -> String {
    mistakes(&format!("[[pipeline.default.step]]\nname = \"a\"\n{keys}\n"))
}

/// The mistakes in the keys of one suite, from its third line on.
fn mistakes_of_suite(keys: &str) -> String {
    mistakes(&format!("[[pipeline.default.suite]]\nname = \"a\"\n{keys}\n"))
}

/// Steps of the kind `lint` unless their name is a kind, with what each needs.
fn steps(needs: &[(&str, &str)]) -> String {
    let one = |(name, needs): &(&str, &str)| {
        let kind = if ["setup", "e2e"].contains(name) { name } else { "lint" };
        format!("[[pipeline.a.step]]\nname = \"{name}\"\nkind = \"{kind}\"\ncommand = [\"x\"]\nneeds = {needs}\n")
    };
    needs.iter().map(one).collect()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Every key of a pipeline, none with its default.
const EVERY_KEY: &str = r#"
[pipeline.default]
code-patterns = ["**/*.rs", "Cargo.*"]
config-files = ["clippy.toml"]
isolate = "worktree"
[[pipeline.default.step]]
name = "prepare"
kind = "setup"
command = "make -s | tail"
shell = true
[[pipeline.default.step]]
name = "clippy"
kind = "lint"
command = ["cargo", "clippy"]
cwd = "crates"
env = { LANG = "C", A = "" }
timeout = "2m"
severity = "warn"
cache = false
mutex = "cargo"
inputs = ["src/**"]
needs = ["prepare"]
[[pipeline.default.step]]
name = "tests"
kind = "test"
args = ["-p", "app", "--retries", "2", "--", "--nocapture"]
timeout = "none"
[[pipeline.default.suite]]
name = "scripts"
kind = "e2e"
runner = "pytest"
command = ["pytest", "py"]
cwd = "py"
env = { X = "1" }
timeout = "30s"
format = "junit"
result-path = "out.xml"
min-pass-rate = 0.9
on-failure = "warn"
discover = "py/suites"
mutex = "port"
inputs = ["py/**"]
needs = ["tests"]
[[pipeline.default.smoke]]
url = "https://me:secret@localhost/health"
contains = "ok"
status = 204
timeout = "1s"
"#;

#[test]
fn every_key_of_a_pipeline_has_its_place() {
    let patterns = |texts: &[&str]| PathPatterns::new(texts).unwrap();
    let prepare = Step {
        name: "prepare".into(),
        invocation: Invocation { command: words(&["make -s | tail"]), shell: true, ..Invocation::default() },
        ..Step::default()
    };
    let clippy = Step {
        name: "clippy".into(),
        kind: StepKind::Lint,
        invocation: Invocation {
            command: words(&["cargo", "clippy"]),
            shell: false,
            cwd: Some(Utf8PathBuf::from("crates")),
            env: vec![("A".into(), String::new()), ("LANG".into(), "C".into())],
        },
        args: Vec::new(),
        timeout: secs(120),
        severity: Severity::Warn,
        cache: Some(false),
        mutex: Some("cargo".into()),
        inputs: Some(patterns(&["src/**"])),
        needs: words(&["prepare"]),
    };
    let tests = Step {
        name: "tests".into(),
        kind: StepKind::Test,
        args: words(&["-p", "app", "--retries", "2", "--", "--nocapture"]),
        timeout: None,
        ..Step::default()
    };
    let scripts = Suite {
        name: "scripts".into(),
        kind: StepKind::E2e,
        runner: Runner::Pytest,
        invocation: Invocation {
            command: words(&["pytest", "py"]),
            shell: false,
            cwd: Some(Utf8PathBuf::from("py")),
            env: vec![("X".into(), "1".into())],
        },
        discover: Some(Utf8PathBuf::from("py/suites")),
        timeout: secs(30),
        format: Some(ResultFormat::Junit),
        result_path: Some(Utf8PathBuf::from("out.xml")),
        min_pass_rate: "90".parse().unwrap(),
        on_failure: Severity::Warn,
        mutex: Some("port".into()),
        inputs: Some(patterns(&["py/**"])),
        needs: words(&["tests"]),
    };
    let smoke = SmokeCheck {
        url: "https://me:secret@localhost/health".into(),
        contains: Some("ok".into()),
        status: 204,
        timeout: secs(1),
    };
    let expected = Pipeline {
        code_patterns: Some(patterns(&["**/*.rs", "Cargo.*"])),
        config_files: patterns(&["clippy.toml"]),
        isolate: Isolate::Worktree,
        steps: vec![prepare, clippy, tests],
        suites: vec![scripts],
        smoke: vec![smoke],
    };
    assert_eq!(pipeline(EVERY_KEY), expected);
}

#[test]
fn what_a_pipeline_does_not_say_is_as_documented() {
    assert_eq!(
        step("kind = \"test\""),
        Step { name: "a".into(), kind: StepKind::Test, timeout: secs(900), ..Step::default() }
    );
    let suite = pipeline("[[pipeline.default.suite]]\nname = \"a\"\ncommand = [\"./a.sh\"]\n").suites.remove(0);
    assert_eq!((suite.kind, suite.runner, suite.format), (StepKind::Test, Runner::Script, None));
    // R26: a suite must pass altogether unless a share is said.
    assert_eq!((suite.timeout, suite.min_pass_rate, suite.on_failure), (secs(60), Percent::HUNDRED, Severity::Block));
    let smoke = pipeline("[[pipeline.default.smoke]]\nurl = \"http://[::1]:80/\"\n").smoke.remove(0);
    assert_eq!((smoke.status, smoke.timeout), (200, secs(5)));
    let empty = pipeline("[pipeline.default]\n");
    assert_eq!(empty, Pipeline::default());
}

#[test]
fn a_share_is_a_percentage_of_all() {
    for (written, percent) in [("1.0", "100"), ("1", "100"), ("0.9", "90"), ("0.9999", "99.99"), ("0", "0")] {
        let file = format!("[[pipeline.default.suite]]\nname = \"a\"\nrunner = \"node\"\nmin-pass-rate = {written}\n");
        assert_eq!(pipeline(&file).suites[0].min_pass_rate, percent.parse().unwrap(), "{written}");
        let shown =
            lists(&from_file(&file).unwrap().settings)["pipeline"]["default"]["suite"][0]["min-pass-rate"].clone();
        assert_eq!(shown.as_f64(), written.parse().ok(), "{written}");
    }
    for bad in ["1.0001", "90", "-0.1", "0.99999", "nan", "\"1\""] {
        assert!(
            mistakes_of_suite(&format!("runner = \"node\"\nmin-pass-rate = {bad}")).contains("a share from"),
            "{bad}"
        );
    }
}

#[test]
fn the_gates_own_command_line_is_the_gates_own_step() {
    for (keys, args) in [
        ("kind = \"test\"\ncommand = [\"cargo\", \"gate\", \"test\"]", &[][..]),
        ("kind = \"test\"\ncommand = [\"cargo\", \"gate\", \"test\", \"-p\", \"app\"]", &["-p", "app"]),
        ("kind = \"coverage\"\ncommand = [\"cargo\", \"gate\", \"coverage\", \"--floor\", \"80\"]", &["--floor", "80"]),
        ("kind = \"coverage\"\nargs = [\"--floor\", \"80\"]", &["--floor", "80"]),
    ] {
        let step = step(keys);
        assert!(step.is_engine(), "{keys}");
        assert_eq!(step.args, words(args), "{keys}");
    }
    for keys in [
        "kind = \"test\"\ncommand = [\"cargo\", \"test\"]",
        "kind = \"custom\"\ncommand = [\"cargo\", \"gate\", \"test\"]",
        "kind = \"test\"\ncommand = [\"cargo\", \"gate\", \"coverage\"]",
        "kind = \"test\"\ncommand = \"cargo gate test\"\nshell = true",
        "kind = \"test\"\ncommand = [\"cargo\", \"gate\", \"test\"]\ncwd = \"other\"",
    ] {
        assert!(!step(keys).is_engine(), "{keys}");
    }
    insta::assert_snapshot!(mistakes_of_step("kind = \"test\"\ncommand = [\"cargo\", \"gate\", \"test\", \"--relase\"]"), @r"
    .config/gate.toml:4:11: `pipeline.default.step.command`: unexpected argument '--relase' found
      wanted: what `cargo gate test` understands
    ");
    insta::assert_snapshot!(mistakes_of_step("kind = \"coverage\"\nargs = [\"--florr=3\"]"), @r"
    .config/gate.toml:4:8: `pipeline.default.step.args`: unexpected argument '--florr' found
      wanted: what `cargo gate coverage` understands
    ");
    insta::assert_snapshot!(mistakes_of_step("kind = \"test\"\nargs = [\"--help\"]"), @r"
    .config/gate.toml:4:8: `pipeline.default.step.args`: unexpected argument '--help' found
      wanted: what `cargo gate test` understands
    ");
    insta::assert_snapshot!(mistakes_of_step("kind = \"test\"\nargs = [\"--list\"]"), @r"
    .config/gate.toml:4:8: `pipeline.default.step.args`: `--list` makes no sense in a step of a pipeline: it runs nothing
      wanted: what `cargo gate test` understands
    ");
    insta::assert_snapshot!(mistakes_of_step("kind = \"test\"\nargs = [\"--format=json\"]"), @r"
    .config/gate.toml:4:8: `pipeline.default.step.args`: `--format` makes no sense in a step of a pipeline: standard output is the pipeline's
      wanted: what `cargo gate test` understands
    ");
    insta::assert_snapshot!(mistakes_of_step("kind = \"test\"\ncommand = [\"x\"]\nargs = [\"--failed\"]"), @r"
    .config/gate.toml:5:8: `pipeline.default.step.args`: only the gate's own steps have them
      wanted: one of kind `test` or `coverage` without `command`
    ");
    insta::assert_snapshot!(mistakes_of_step("kind = \"test\"\ncwd = \"app\""), @r"
    .config/gate.toml:4:7: `pipeline.default.step.cwd`: the gate's own steps run in the workspace
      wanted: a `command` beside it
    ");
}

#[test]
fn keys_of_a_step_that_do_not_go_together_are_refused() {
    insta::assert_snapshot!(mistakes_of_step("kind = \"lint\""), @r#"
    .config/gate.toml:1:1: `pipeline.default.step.command`: missing
      wanted: a list such as ["cargo", "clippy"]; only `test` and `coverage` are the gate's own
    "#);
    insta::assert_snapshot!(mistakes_of_step("kind = \"smoke\""), @r#"
    .config/gate.toml:1:1: `pipeline.default.step.command`: missing
      wanted: a list such as ["cargo", "clippy"]; only `test` and `coverage` are the gate's own
    "#);
    insta::assert_snapshot!(mistakes_of_step("kind = \"test\"\nshell = true"), @r"
    .config/gate.toml:4:9: `pipeline.default.step.shell`: no command beside it
      wanted: a `command`, as a text
    ");
    insta::assert_snapshot!(mistakes_of_step("kind = \"lint\"\nshell = true\ncommand = [\"ls\"]"), @r"
    .config/gate.toml:5:11: `pipeline.default.step.command`: a list beside `shell = true`
      wanted: a text, or no `shell = true`
    ");
    insta::assert_snapshot!(mistakes_of_step("kind = \"setup\"\ncommand = [\"make\"]\ncache = true"), @r"
    .config/gate.toml:5:9: `pipeline.default.step.cache`: a setup is never cached
      wanted: another kind, or no `cache`
    ");
    insta::assert_snapshot!(mistakes_of_step("kind = \"lint\"\ncommand = [\"ls\"]\nenv = { \"A=B\" = \"\" }"), @r#"
    .config/gate.toml:5:7: `pipeline.default.step.env`: "A=B" is no name of a variable
      wanted: a table of texts, such as { LANG = "C" }
    "#);
    assert!(step("kind = \"setup\"\ncommand = [\"make\"]\ncache = false").cache == Some(false));
    assert!(!step("kind = \"smoke\"\ncommand = [\"./smoke.sh\"]").is_engine());
}

#[test]
fn keys_of_a_suite_that_do_not_go_together_are_refused() {
    insta::assert_snapshot!(mistakes_of_suite(""), @r#"
    .config/gate.toml:1:1: `pipeline.default.suite.command`: missing
      wanted: a `command`, `discover`, or a `runner` that brings its own, such as "pytest"
    "#);
    insta::assert_snapshot!(mistakes_of_suite("runner = \"pytset\""), @r#"
    .config/gate.toml:3:10: `pipeline.default.suite.runner`: "pytset" is none of them
      wanted: "script", "pytest", "unittest" or "node"
    "#);
    insta::assert_snapshot!(mistakes_of_suite("runner = \"node\"\nkind = \"lint\""), @r#"
    .config/gate.toml:4:8: `pipeline.default.suite.kind`: "lint" is no kind of a suite
      wanted: "test", "e2e" or "custom"
    "#);
    insta::assert_snapshot!(mistakes_of_suite("runner = \"node\"\nshell = true"), @r"
    .config/gate.toml:4:9: `pipeline.default.suite.shell`: no command beside it
      wanted: a `command`, as a text
    ");
    insta::assert_snapshot!(mistakes_of_suite("command = [\"./a\"]\nresult-path = \"a.xml\""), @r"
    .config/gate.toml:4:15: `pipeline.default.suite.result-path`: nothing says what is in it
      wanted: a `format` beside it
    ");
    for sound in
        ["runner = \"pytest\"", "discover = \"suites\"", "command = [\"./a\"]\nresult-path = \"a\"\nformat = \"tap\""]
    {
        assert!(from_file(&format!("[[pipeline.default.suite]]\nname = \"a\"\n{sound}\n")).is_ok(), "{sound}");
    }
}

#[test]
fn a_smoke_check_asks_by_http_and_its_password_is_never_told() {
    let smoke = |url: &str| format!("[[pipeline.default.smoke]]\nurl = \"{url}\"\n");
    insta::assert_snapshot!(mistakes(&smoke("ftp://me:s3cret@host/")), @r#"
    .config/gate.toml:2:7: `pipeline.default.smoke.url`: neither http:// nor https://
      wanted: an address such as "http://127.0.0.1:8500/health", by http or https
    "#);
    for bad in ["localhost:80", "http://", "http:///health", "http://a b/", "http://a/\\u0007", "file:///etc/passwd"] {
        assert!(mistakes(&smoke(bad)).contains("by http or https"), "{bad}");
    }
    let resolved = from_file(&smoke("http://me:s3cret@host/")).unwrap();
    assert!([Format::Human, Format::Json].iter().all(|format| !shown(&resolved, *format).contains("s3cret")));
    assert!(mistakes(&format!("{}status = 700\n", smoke("http://a"))).contains("an HTTP status"));
}

#[test]
fn names_are_unique_and_make_file_names() {
    insta::assert_snapshot!(mistakes(&steps(&[("fmt", "[]"), ("Fmt", "[]")])), @r#"
    .config/gate.toml:7:8: `pipeline.a.step.name`: there is a step or suite "Fmt" already
      wanted: a name of its own
    "#);
    let suite = "[[pipeline.a.suite]]\nname = \"fmt\"\nrunner = \"node\"\n";
    insta::assert_snapshot!(mistakes(&(steps(&[("fmt", "[]")]) + suite)), @r#"
    .config/gate.toml:7:8: `pipeline.a.suite.name`: there is a step or suite "fmt" already
      wanted: a name of its own
    "#);
    for bad in ["", "a/b", "a\\\\b", "..", ".", "a\\u001bb", "a\\nb", " a", "a:b", "a*"] {
        let told = mistakes(&steps(&[(bad, "[]")]));
        assert!(told.contains("`pipeline.a.step.name`") && !told.contains('\u{1b}'), "{bad}: {told}");
    }
    assert!(mistakes(&steps(&[(&"x".repeat(61), "[]")])).contains("longer than 60 letters"));
    assert!(from_file(&steps(&[("größer als 1", "[]")])).is_ok());
    // Pipelines may use the same names.
    let two = steps(&[("fmt", "[]")]) + &steps(&[("fmt", "[]")]).replace("pipeline.a", "pipeline.b");
    assert_eq!(from_file(&two).unwrap().settings.pipelines.len(), 2);
    insta::assert_snapshot!(mistakes("[pipeline.\"a/b\"]\n"), @r#"
    .config/gate.toml:1:11: `pipeline.a/b`: has a '/' in it
      wanted: a name that a file can have: no control characters, none of / \ : * ? " < > |
    "#);
}

#[test]
fn needs_name_steps_that_can_come_before() {
    assert!(
        from_file(&steps(&[("b", "[\"a\", \"setup\"]"), ("setup", "[]"), ("a", "[]"), ("e2e", "[\"b\"]")])).is_ok()
    );
    insta::assert_snapshot!(mistakes(&steps(&[("clippy", "[]"), ("b", "[\"clippy\", \"cilppy\"]")])), @r#"
    .config/gate.toml:10:20: `pipeline.a.step.needs`: there is no step or suite "cilppy"
      nearest key: clippy
      wanted: names of steps or suites of this pipeline that come before it
    "#);
    insta::assert_snapshot!(mistakes(&steps(&[("a", "[\"a\"]")])), @r"
    .config/gate.toml:5:10: `pipeline.a.step.needs`: it cannot come before itself
      wanted: names of steps or suites of this pipeline that come before it
    ");
    insta::assert_snapshot!(mistakes(&steps(&[("a", "[\"e2e\"]"), ("e2e", "[]")])), @r#"
    .config/gate.toml:5:10: `pipeline.a.step.needs`: "e2e" is of kind e2e, which comes after lint
      wanted: names of steps or suites of this pipeline that come before it
    "#);
    let circle = steps(&[("x", "[\"a\"]"), ("a", "[\"b\"]"), ("b", "[\"c\", \"x\"]"), ("c", "[\"a\"]")]);
    insta::assert_snapshot!(mistakes(&circle), @r"
    .config/gate.toml:5:9: `pipeline.a.step.needs`: they go in a circle: x → a → b → x
      wanted: one of them that begins
    .config/gate.toml:20:9: `pipeline.a.step.needs`: they go in a circle: c → a → b → c
      wanted: one of them that begins
    ");
}

#[test]
fn mistakes_in_one_table_bring_no_others_with_them() {
    let told = mistakes("[[pipeline.a.step]]\nname = \"a\"\nkind = \"lintt\"\ncommand = [\"x\"]\nneeds = [\"b\"]\n");
    insta::assert_snapshot!(told, @r#"
    .config/gate.toml:3:8: `pipeline.a.step.kind`: "lintt" is none of them
      wanted: "setup", "format", "lint", "typecheck", "test", "custom", "coverage", "e2e" or "smoke"
    "#);
}

#[test]
fn r17_bad_limits_of_a_pipeline_in_the_file_stop() {
    for bad in ["\"0s\"", "\"-5s\"", "\"soon\"", "60", "\"60\""] {
        for table in [
            "[[pipeline.a.step]]\nname = \"a\"\nkind = \"test\"\n",
            "[[pipeline.a.suite]]\nname = \"a\"\nrunner = \"node\"\n",
            "[[pipeline.a.smoke]]\nurl = \"http://a\"\n",
        ] {
            let errors = from_file(&format!("{table}timeout = {bad}\n")).unwrap_err();
            assert_eq!(errors.exit_code().number(), 96);
            assert!(errors.to_string().contains("timeout`: "), "{errors}");
        }
    }
}

/// A value as TOML, in tables of one line.
fn as_toml(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Object(table) => {
            let pairs: Vec<String> = table.iter().map(|(key, value)| format!("{key:?} = {}", as_toml(value))).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        serde_json::Value::Array(items) => format!("[{}]", items.iter().map(as_toml).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

#[test]
fn a_pipeline_is_shown_as_it_would_be_written() {
    let file = EVERY_KEY.replace("me:secret@", "");
    let settings = from_file(&file).unwrap().settings;
    let written = format!("pipeline = {}\n", as_toml(&lists(&settings)["pipeline"]));
    let again = from_file(&written).unwrap_or_else(|errors| panic!("{written}\n{errors}"));
    assert_eq!(again.settings.pipelines, settings.pipelines);
    assert_eq!(Duration::from_secs(120), settings.pipelines["default"].steps[1].timeout.unwrap());
    insta::assert_snapshot!(shown(&from_file(EVERY_KEY).unwrap(), Format::Human).split_once("\n\n[").unwrap().1, @r#"
    pipeline.default]
      code-patterns               ["**/*.rs","Cargo.*"]
      config-files                ["clippy.toml"]
      isolate                     worktree

    [[pipeline.default.smoke]]
      contains                    ok
      status                      204
      timeout                     1s
      url                         https://me:***@localhost/health

    [[pipeline.default.step]]
      command                     make -s | tail
      kind                        setup
      name                        prepare
      severity                    block
      shell                       true
      timeout                     15m

    [[pipeline.default.step]]
      cache                       false
      command                     ["cargo","clippy"]
      cwd                         crates
      env                         {"A":"","LANG":"C"}
      inputs                      ["src/**"]
      kind                        lint
      mutex                       cargo
      name                        clippy
      needs                       ["prepare"]
      severity                    warn
      shell                       false
      timeout                     2m

    [[pipeline.default.step]]
      args                        ["-p","app","--retries","2","--","--nocapture"]
      kind                        test
      name                        tests
      severity                    block
      shell                       false
      timeout                     none

    [[pipeline.default.suite]]
      command                     ["pytest","py"]
      cwd                         py
      discover                    py/suites
      env                         {"X":"1"}
      format                      junit
      inputs                      ["py/**"]
      kind                        e2e
      min-pass-rate               0.9
      mutex                       port
      name                        scripts
      needs                       ["tests"]
      on-failure                  warn
      result-path                 out.xml
      runner                      pytest
      shell                       false
      timeout                     30s
    "#);
}

#[test]
fn the_readme_has_the_tables_of_pipelines() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (_, rest) = readme.split_once("<!-- pipelines:begin -->\n").expect("the marker where the tables begin");
    let (tables, _) = rest.split_once("<!-- pipelines:end -->\n").expect("the marker where the tables end");
    assert_eq!(tables.trim(), pipelines_as_markdown().trim());
}
