//! `cargo gate init`: a commented configuration that fits the workspace.

use crate::support::{Ended, Fixture};

/// What `config show` says of the pipeline, which it must read without a word of complaint.
fn pipeline(fixture: &Fixture) -> serde_json::Value {
    let shown = fixture.gate(["config", "show", "--format", "json"]).run();
    shown.assert_code(0);
    assert_eq!(shown.stderr(), "");
    let document = shown.json();
    assert_eq!(document["warnings"], serde_json::json!([]));
    document["pipeline"]["default"].clone()
}

/// Is a step in force with this name, and of this kind?
fn has_step(pipeline: &serde_json::Value, name: &str, kind: &str) -> bool {
    let mut steps = pipeline["step"].as_array().unwrap().iter();
    steps.any(|step| step["name"] == name && step["kind"] == kind)
}

fn names_left_out(ended: &Ended) -> Vec<String> {
    let document = ended.json();
    let left_out = document["left_out"].as_array().unwrap();
    left_out.iter().map(|part| part["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_it_writes_fits_the_workspace_and_is_read() {
    for name in ["virtual", "covered", "empty", "shop"] {
        let fixture = Fixture::shared(name);
        let init = fixture.gate(["init"]).run();
        init.assert_code(0).assert_stderr_has("wrote .config/gate.toml: ").assert_stderr_has("next: `cargo gate run");
        assert_eq!(init.stdout(), "", "for people alone");
        let pipeline = pipeline(&fixture);
        assert!(has_step(&pipeline, "test", "test") && has_step(&pipeline, "doc", "lint"), "{name}: {pipeline}");
        assert_eq!(pipeline["suite"], serde_json::Value::Null, "{name}");
    }
}

#[test]
fn it_finds_what_lies_at_the_root() {
    let fixture = Fixture::shared("covered");
    fixture
        .write("clippy.toml", "")
        .write(".rustfmt.toml", "")
        .write("deny.toml", "")
        .write("tests/test_things.py", "def test_a(): pass\n")
        .write("package.json", "{\"scripts\": {\"test\": \"node --test\"}}");
    let init = fixture.gate(["init", "--format", "json"]).run();
    let document = init.assert_code(0).json();
    assert_eq!((&document["schema_version"], &document["file"]), (&1.into(), &".config/gate.toml".into()));
    // Whether it is installed or not, each has its place.
    let named = [
        document["parts"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect(),
        names_left_out(&init),
    ]
    .concat();
    let named: std::collections::BTreeSet<&str> = named.iter().map(String::as_str).collect();
    assert_eq!(
        named.into_iter().collect::<Vec<_>>(),
        ["clippy", "coverage", "deny", "doc", "fmt", "node", "python", "test"]
    );
    assert!(names_left_out(&init).contains(&"python".to_owned()), "nothing says that pytest runs it");
    assert_eq!(pipeline(&fixture)["config-files"], serde_json::json!(["clippy.toml", ".rustfmt.toml"]));
}

#[test]
fn a_configuration_that_is_there_is_only_overwritten_by_force() {
    let fixture = Fixture::shared("covered");
    fixture.write("gate.toml", "enabled = false\n");
    let refused = fixture.gate(["init"]).run();
    refused.assert_code(96).assert_stderr_has("gate.toml exists already: --force overwrites it");
    assert_eq!(fixture.read("gate.toml"), "enabled = false\n");

    let printed = fixture.gate(["init", "--stdout"]).run();
    printed.assert_code(0).assert_stdout_has("[pipeline.default]\n");
    assert_eq!((fixture.read("gate.toml"), printed.stderr()), ("enabled = false\n".to_owned(), String::new()));

    let forced = fixture.gate(["init", "--force", "--format", "json"]).run();
    assert_eq!(forced.assert_code(0).json()["file"], "gate.toml");
    assert_eq!(fixture.read("gate.toml"), printed.stdout(), "where it was, so that there are not two");
    assert!(!fixture.root().join(".config").exists());

    fixture.write(".config/gate.toml", "");
    fixture
        .gate(["init", "--force"])
        .run()
        .assert_code(96)
        .assert_stderr_has("both .config/gate.toml and gate.toml exist");
    fixture.gate(["init", "--stdout", "--format", "json"]).run().assert_code(2);
}
