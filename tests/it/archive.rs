//! Archives, from both sides: what a build packs is run where nothing can be built, and comes out as it would have.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use camino::Utf8PathBuf;
use cargo_gate::history::sqlite::SqliteStore;
use cargo_gate::history::store::{Page, RunFilter, Store};
use cargo_gate::model::RunHead;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::support::{Ended, Fixture, Invocation};

/// A workspace with all that an archive has to carry: a program that an integration test starts, an `OUT_DIR` read when
/// tests run, a procedural macro, a doctest, a harness of its own.
fn workspace() -> Fixture {
    let fixture = Fixture::bare();
    write_workspace(&fixture, "1");
    fixture
}

fn write_workspace(fixture: &Fixture, answer: &str) {
    let package = |name: &str, more: &str| {
        format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{more}")
    };
    let app = "[dependencies]\nwords = { path = \"../words\" }\n\n[[test]]\nname = \"own\"\nharness = false\n";
    fixture
        .write("Cargo.toml", "[workspace]\nmembers = [\"app\", \"words\"]\nresolver = \"3\"\n")
        .write("app/Cargo.toml", &package("app", app))
        // What cargo sets of it gives way to what the environment says.
        .write(".cargo/config.toml", "[env]\nOF_THE_RUN = \"of the configuration\"\n")
        .write(
            "app/build.rs",
            "fn main() {\n    println!(\"cargo::rerun-if-changed=build.rs\");\n    let out = std::env::var(\"OUT_DIR\").unwrap();\n    \
             std::fs::write(format!(\"{out}/made.txt\"), \"made\").unwrap();\n}\n",
        )
        .write(
            "app/src/lib.rs",
            &format!(
                "/// ```\n/// assert_eq!(app::answer(), {answer});\n/// ```\npub fn answer() -> u8 {{\n    \
                 words::pass!({answer})\n}}\n\n#[test]\nfn the_answer_is_one() {{\n    assert_eq!(answer(), 1);\n}}\n"
            ),
        )
        .write("app/src/main.rs", "fn main() {\n    println!(\"started\");\n}\n")
        .write(
            "app/tests/it.rs",
            r#"
            use std::env::var;
            use std::process::Command;

            #[test]
            fn starts_the_program() {
                let output = Command::new(env!("CARGO_BIN_EXE_app")).output().unwrap();
                assert_eq!(output.stdout, b"started\n");
            }

            #[test]
            fn reads_what_the_build_script_made() {
                assert_eq!(std::fs::read_to_string(var("OUT_DIR").unwrap() + "/made.txt").unwrap(), "made");
            }

            #[test]
            fn is_told_where_it_is() {
                let here = std::env::current_dir().unwrap();
                assert_eq!(std::path::Path::new(&var("CARGO_MANIFEST_DIR").unwrap()), here);
                assert!(std::path::Path::new(&var("CARGO").unwrap()).is_absolute());
                assert!(std::path::Path::new(&var("OUT_DIR").unwrap()).starts_with(here.parent().unwrap()));
                assert_eq!(var("OF_THE_RUN").as_deref(), Ok("handed on"));
            }

            #[test]
            fn finds_its_scratch_directory() {
                std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/x"), "x").unwrap();
            }
            "#,
        )
        .write("app/tests/own.rs", "fn main() {\n    assert_eq!(app::answer(), 1);\n}\n")
        .write("words/Cargo.toml", &package("words", "[lib]\nproc-macro = true\n"))
        .write(
            "words/src/lib.rs",
            "use proc_macro::TokenStream;\n\n#[proc_macro]\npub fn pass(tokens: TokenStream) -> TokenStream {\n    \
             tokens\n}\n\n#[test]\nfn a_macro_crate_has_tests() {}\n",
        );
}

fn archive_of(fixture: &Fixture) -> PathBuf {
    fixture.scratch().join("tests.tar.gz")
}

fn pack(fixture: &Fixture) -> PathBuf {
    let archive = archive_of(fixture);
    let ended = fixture.gate(["test", "--archive"]).arg(&archive).env("API_SECRET", "hunter2hunter2").run();
    ended.assert_code(0);
    assert_eq!(ended.stdout(), "");
    ended.assert_stderr_has("packed 5 test binaries and the doctests of 2 crates into");
    archive
}

/// Runs an archive where cargo answers questions and refuses everything else.
fn run_archive<'a>(fixture: &Fixture, archive: &Path, args: impl IntoIterator<Item = &'a str>) -> Ended {
    let cargo = fixture.scratch().join("cargo");
    let real = fixture.cargo(["--version"]).into_command().get_program().to_owned();
    let script = format!("#!/bin/sh\n[ \"$1\" = metadata ] || exit 99\nexec '{}' \"$@\"\n", real.display());
    fs::write(&cargo, script).unwrap();
    fs::set_permissions(&cargo, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let invocation = fixture.gate(["test", "--archive-file"]).arg(archive).args(args);
    of_the_run(invocation).env("CARGO", &cargo).run()
}

fn of_the_run(invocation: Invocation) -> Invocation {
    invocation.env("OF_THE_RUN", "handed on")
}

/// Every run on record.
fn runs(fixture: &Fixture) -> Vec<RunHead> {
    let store = SqliteStore::open_existing(&Utf8PathBuf::from_path_buf(fixture.gate_dir()).unwrap()).unwrap();
    let runs = store.unwrap().runs(&RunFilter::default(), Page::ALL).unwrap();
    runs.into_iter().map(|run| run.head).collect()
}

/// All of a tar, unpacked.
fn unzipped(archive: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    GzDecoder::new(fs::File::open(archive).unwrap()).read_to_end(&mut bytes).unwrap();
    bytes
}

/// The same archive with another `archive.json`.
fn forged(archive: &Path, change: impl Fn(&mut Value)) -> PathBuf {
    let forged = archive.with_file_name("forged.tar.gz");
    let mut to = tar::Builder::new(GzEncoder::new(fs::File::create(&forged).unwrap(), Compression::fast()));
    for entry in tar::Archive::new(&*unzipped(archive)).entries().unwrap() {
        let mut entry = entry.unwrap();
        let (mut header, path) = (entry.header().clone(), entry.path().unwrap().into_owned());
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        if path == Path::new("archive.json") {
            let mut json: Value = serde_json::from_slice(&bytes).unwrap();
            change(&mut json);
            bytes = json.to_string().into_bytes();
            header.set_size(bytes.len() as u64);
        }
        to.append_data(&mut header, path, &*bytes).unwrap();
    }
    to.into_inner().unwrap().finish().unwrap();
    forged
}

#[test]
fn an_archive_runs_as_a_build_would_have_and_builds_nothing() {
    let fixture = workspace();
    fixture.cargo(["generate-lockfile", "--offline"]).run().assert_code(0);
    fixture.commit_all();
    let direct = of_the_run(fixture.gate(["test", "--format", "json"])).run();
    direct.assert_code(0);
    assert_eq!(direct.outcomes().len(), 8, "{direct}");
    pack(&fixture);
    let [built] = &runs(&fixture)[..] else { panic!("what was packed is on record\n{direct}") };

    // As it comes from elsewhere: into the checkout.
    let archive = fixture.root().join("tests.tar.gz");
    fs::rename(archive_of(&fixture), &archive).unwrap();
    fs::rename(fixture.target_dir(), fixture.scratch().join("built")).unwrap();
    let ended = run_archive(&fixture, &archive, ["--format", "json"]);
    ended.assert_code(0);
    assert_eq!(ended.outcomes(), direct.outcomes(), "{ended}");
    assert!(!ended.stderr().contains("Compiling") && !ended.stderr().contains("compiled in"), "{ended}");
    let [run] = &runs(&fixture)[..] else { panic!("the run is not on record\n{ended}") };
    assert!(built.input_key.is_some() && run.dirty == Some(false));
    assert_eq!((run.input_key, &run.context, run.full), (built.input_key, &built.context, built.full));

    // What is there already stays, and what runs of it is chosen as ever, doctests included.
    let app = fixture.target_dir().join("debug/app");
    let modified = || fs::metadata(&app).unwrap().modified().unwrap();
    let before = modified();
    let some = run_archive(&fixture, &archive, ["answer", "--format", "json"]);
    let names: Vec<String> = some.outcomes().into_keys().collect();
    let wanted = ["app/app::the_answer_is_one", "app/doc:doc::app/src/lib.rs - answer #1", "app/test:own::own"];
    assert_eq!(names, wanted, "{some}");
    assert_eq!(modified(), before);
    let one = run_archive(&fixture, &archive, ["--select", "app/test:it::starts*", "--format", "json"]);
    assert_eq!(one.outcomes().len(), 1, "{one}");
}

#[test]
fn what_is_cut_leaves_an_archive_whole() {
    let fixture = workspace();
    let archive = archive_of(&fixture);
    let shards = fixture.gate(["shards", "2", "the_answer_is_one", "--archive"]).arg(&archive).args(["--", "--exact"]);
    of_the_run(shards).run().assert_code(0);
    let all = run_archive(&fixture, &archive, ["--format", "json"]);
    all.assert_code(0);
    assert_eq!(all.outcomes().len(), 8, "{all}");
}

#[test]
fn an_archive_runs_in_another_checkout_with_the_paths_of_that() {
    let (there, here) = (workspace(), workspace());
    let archive = pack(&there);
    let ended = run_archive(&here, &archive, ["--format", "json"]);
    ended.assert_code(0);
    assert_eq!(ended.outcomes().len(), 8, "{ended}");
    ended.assert_stderr_has("paths that are compiled in");
    assert!(here.target_dir().join("debug/app").is_file());
}

#[test]
fn an_archive_holds_nothing_of_the_environment_that_cargo_was_given() {
    let fixture = workspace();
    let archive = archive_of(&fixture);
    let packing = fixture.gate(["test", "-q", "--archive"]).arg(&archive).env("API_SECRET", "hunter2hunter2");
    let packed = packing.env("RUSTFLAGS", "--cfg hunter2hunter2").run();
    packed.assert_code(0);
    assert_eq!(packed.stderr(), "", "and whoever asks for quiet has it");
    let bytes = unzipped(&archive);
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("CARGO_MANIFEST_DIR"));
    assert!(!holds("hunter2hunter2") && !holds("API_SECRET"));
    assert!(!holds("of the configuration"), "it is read where the archive runs");
}

#[test]
fn what_an_archive_put_there_is_not_taken_for_what_cargo_built() {
    let fixture = workspace();
    let archive = pack(&fixture);
    write_workspace(&fixture, "2");
    let test = ["test", "--offline", "-p", "app", "--lib"];
    fixture.cargo(test).run().assert_code(101);
    run_archive(&fixture, &archive, ["the_answer"]).assert_code(0);
    // The sources say 2, whatever the archive says.
    fixture.cargo(test).run().assert_code(101);
    // And what cargo has built since is not taken for the archive's.
    run_archive(&fixture, &archive, ["the_answer"]).assert_code(0);
}

#[test]
fn an_archive_of_changes_that_are_not_here_is_told_from_one_of_the_commit() {
    let fixture = workspace();
    fixture.cargo(["generate-lockfile", "--offline"]).run().assert_code(0);
    fixture.commit_all();
    fixture.write("app/src/main.rs", "fn main() {\n    println!(\"started\");\n}\n// changed\n");
    let archive = pack(&fixture);
    fixture.command("git").args(["checkout", "-q", "."]).run().assert_code(0);
    let ended = run_archive(&fixture, &archive, ["answer", "--format", "json"]);
    ended.assert_code(0).assert_stderr_has("run from an archive of something else than is checked out");
    assert!(ended.json()["reasons"].to_string().contains("archive-differs"), "{ended}");
}

#[test]
fn an_archive_that_does_not_fit_is_refused_in_a_sentence() {
    let fixture = workspace();
    fixture.commit_all();
    let archive = pack(&fixture);
    let refused = |archive: &Path, why: &str| {
        let ended = run_archive(&fixture, archive, []);
        ended.assert_code(96).assert_stderr_has(why);
    };
    let set = |field: &'static str, text: &'static str| forged(&archive, move |json| json[field] = text.into());
    refused(&set("host", "sparc-sun-solaris"), "the archive was built on sparc-sun-solaris, and this is ");
    refused(
        &set("rustc", "rustc 1.0.0"),
        "doctests, which are compiled where they run, against what rustc 1.0.0 built",
    );
    let without_doctests = forged(&archive, |json| {
        json["rustc"] = "rustc 1.0.0".into();
        json["launches"].as_array_mut().unwrap().retain(|launch| launch["role"] != "rustdoc");
    });
    let warned = run_archive(&fixture, &without_doctests, []);
    warned.assert_code(0).assert_stderr_has("the archive was built by rustc 1.0.0, and this is rustc ");
    refused(&fixture.root().join("Cargo.toml"), "is no archive that can be used");
    refused(Path::new("missing.tar.gz"), "missing.tar.gz");
    refused(&set("commit", "0123456789"), "the archive was built from commit 0123456789, and ");

    fs::remove_file(fixture.root().join("app/tests/it.rs")).unwrap();
    refused(&archive, "an archive runs in a checkout of the sources it was built from, and here ");
    let nowhere = Fixture::bare();
    run_archive(&nowhere, &archive, [])
        .assert_code(96)
        .assert_stderr_has("an archive runs in a checkout of the sources");
    assert!(!nowhere.target_dir().exists());
}

#[test]
fn a_disk_that_takes_no_files_is_no_fault_of_the_archive() {
    let (there, here) = (workspace(), workspace());
    let archive = pack(&there);
    here.write("target/debug", "no directory");
    let [retries, delay] = [("CARGO_GATE_INFRA_RETRIES", "1"), ("CARGO_GATE_INFRA_DELAY", "1ms")];
    let run = here.gate(["test", "--archive-file"]).arg(&archive).env(retries.0, retries.1).env(delay.0, delay.1).run();
    run.assert_code(22).assert_stderr_has("the archive cannot be unpacked");
    assert_eq!(runs(&here).len(), 1);
}

#[test]
fn a_gate_that_is_switched_off_knows_of_no_archives() {
    for flag in ["--archive", "--archive-file"] {
        let ended = Fixture::bare().gate(["test", flag, "tests.tar.gz"]).env("CARGO_GATE_DISABLE", "1").run();
        let why = format!("plain cargo test knows of no archives: leave out `{flag}`");
        ended.assert_code(96).assert_stderr_has(&why);
    }
}

#[test]
fn coverage_builds_for_itself() {
    for flag in ["--archive", "--archive-file"] {
        let ended = Fixture::bare().gate(["coverage", flag, "tests.tar.gz"]).run();
        ended.assert_code(2).assert_stderr_has(&format!("`{flag}` makes no sense for coverage"));
    }
}
