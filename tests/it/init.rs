//! `cargo gate init`: a commented configuration that fits the workspace.

#[cfg(unix)]
use crate::support::wait_until;
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
        let init = fixture.gate(["init", "--no-try"]).run();
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
    let init = fixture.gate(["init", "--no-try", "--format", "json"]).run();
    let document = init.assert_code(0).json();
    assert_eq!(document["tried"], serde_json::json!([]));
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
    let refused = fixture.gate(["init", "--no-try"]).run();
    refused.assert_code(96).assert_stderr_has("gate.toml exists already: --force overwrites it");
    assert_eq!(fixture.read("gate.toml"), "enabled = false\n");

    let printed = fixture.gate(["init", "--no-try", "--stdout"]).run();
    printed.assert_code(0).assert_stdout_has("[pipeline.default]\n");
    assert_eq!((fixture.read("gate.toml"), printed.stderr()), ("enabled = false\n".to_owned(), String::new()));

    let forced = fixture.gate(["init", "--no-try", "--force", "--format", "json"]).run();
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

/// A workspace of one package with this library.
fn library(source: &str) -> Fixture {
    let fixture = Fixture::bare();
    let manifest = "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    fixture.write("Cargo.toml", manifest).write("src/lib.rs", source);
    fixture
}

const CLEAN: &str = "//! One.\n";

const UNFORMATTED: &str = "//! One.\n\n/// Nothing.\npub fn nothing( ) { }\n";

const WITH_A_WARNING: &str = "//! One.\n\nfn unused() {}\n";

const WITH_AN_ERROR_OF_CLIPPY: &str =
    "//! One.\n\n/// Itself.\npub fn same(a: u32) -> bool {\n    let b = a;\n    a == a && b == b\n}\n";

const WITH_A_WARNING_OF_RUSTDOC: &str = "//! One: [`nowhere`].\n";

const WITH_AN_ERROR_OF_RUSTDOC: &str = "#![deny(rustdoc::broken_intra_doc_links)]\n//! One: [`nowhere`].\n";

#[test]
fn what_is_red_now_is_written_so_that_the_gate_is_green() {
    // The library, what comes of fmt, clippy and doc, and what the configuration says then.
    let table = [
        (CLEAN, ["green", "green", "green"], "\"-D\", \"warnings\"]"),
        (UNFORMATTED, ["warned", "green", "green"], "`cargo fmt --all`, then remove this line."),
        (WITH_A_WARNING, ["green", "softened", "green"], "with `-- -D warnings` they do."),
        (WITH_AN_ERROR_OF_CLIPPY, ["green", "warned", "green"], "severity = \"warn\" # Clippy"),
        (WITH_A_WARNING_OF_RUSTDOC, ["green", "green", "softened"], "with `env = { RUSTDOCFLAGS"),
        (WITH_AN_ERROR_OF_RUSTDOC, ["green", "green", "warned"], "severity = \"warn\" # Rustdoc"),
    ];
    for (source, results, said) in table {
        let fixture = library(source);
        let init = fixture.gate(["init", "--format", "json"]).run();
        init.assert_code(0).assert_stderr_has("trying `cargo fmt --all --check` once (Ctrl-C leaves; --no-try");
        let expected = ["fmt", "clippy", "doc"].into_iter().zip(results);
        let expected: Vec<_> =
            expected.map(|(name, result)| serde_json::json!({"name": name, "result": result})).collect();
        assert_eq!(init.json()["tried"], serde_json::json!(expected), "{source}{init}");
        let text = fixture.read(".config/gate.toml");
        assert!(text.contains(said), "{text}");
        assert!(has_step(&pipeline(&fixture), "clippy", "lint"));
        fixture.gate(["run", "--only", "format", "--only", "lint"]).run().assert_code(0);
    }
}

#[test]
fn where_cargo_cannot_build_nothing_is_concluded() {
    let fixture = library(CLEAN);
    let manifest = fixture.read("Cargo.toml") + "\n[dependencies]\nof-no-registry-at-all = \"1\"\n";
    fixture.write("Cargo.toml", &manifest);
    let printed = fixture.gate(["init", "--stdout"]).run();
    printed.assert_code(0).assert_stderr_has("clippy could not be tried").assert_stderr_has("doc could not be tried");
    assert_eq!(printed.stdout(), fixture.gate(["init", "--no-try", "--stdout"]).run().stdout());
}

#[test]
fn a_check_that_fails_for_another_reason_softens_nothing() {
    let fixture = library(CLEAN);
    fixture.write("rustfmt.toml", "max_width = \"wide\"\n");
    let init = fixture.gate(["init", "--format", "json"]).run();
    init.assert_code(0).assert_stderr_has("fmt does not work (`cargo fmt --all --check` says why)");
    assert_eq!(init.json()["tried"][0]["result"], "unknown", "{init}");
    assert_eq!(init.json()["tried"][1]["result"], "green", "{init}");
}

#[cfg(unix)]
#[test]
fn an_interrupt_while_it_tries_leaves_nothing_written() {
    let fixture = library(CLEAN);
    let build = "fn main() {\n    let dir = std::env::var(\"GATE_FIXTURE_DIR\").unwrap();\n    \
                 std::fs::write(dir + \"/builds\", \"\").unwrap();\n    \
                 std::thread::sleep(std::time::Duration::from_secs(600));\n}\n";
    fixture.write("build.rs", build);
    let running = fixture.gate(["init"]).in_own_group().spawn();
    wait_until("clippy builds", || fixture.scratch().join("builds").exists());
    running.signal_group(rustix::process::Signal::INT);
    running.wait().assert_code(130).assert_stderr_has("interrupted: nothing is written");
    assert!(!fixture.root().join(".config").exists());
}
