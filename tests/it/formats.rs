//! Every format that the gate reads back has a sample of each of its versions in `testdata/formats`, which each later
//! version opens. The samples of the history and of exported runs are read, case by case, in `store` and `portable`.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use camino::Utf8Path;
use cargo_gate::config::settings::{SETTINGS, Section};
use cargo_gate::config::{ConfigFile, Layers, Resolved, Source};
use cargo_gate::coverage::ratchet::Ratchet;
use cargo_gate::history::portable;
use cargo_gate::history::sqlite::{FILE_NAME, SqliteStore};
use cargo_gate::model::Verdict;
use cargo_gate::pipeline::manifest;
use cargo_gate::report::coverage_head::CoverageHead;
use cargo_gate::report::frontmatter::{self, Artifact};
use cargo_gate::report::json::{SCHEMA_VERSION, TestDocument};
use cargo_gate::report::schema::DOCUMENTS;
use serde_json::Value;

use crate::support::shapes;

/// Writes something, and sees of which version it is.
type Version = fn() -> u64;

/// Each format, and the version that is written today. What says no version is of the first: it may gain fields, and
/// nothing else.
const FORMATS: [(&str, Version); 7] = [
    ("config", || 1),
    ("coverage-report", || 1),
    ("documents", || u64::from(SCHEMA_VERSION)),
    ("history", || {
        let folder = tempfile::tempdir().unwrap();
        let dir = Utf8Path::from_path(folder.path()).unwrap();
        drop(SqliteStore::open(dir).unwrap());
        let connection = rusqlite::Connection::open(dir.join(FILE_NAME)).unwrap();
        connection.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0)).unwrap().into()
    }),
    ("portable", || {
        let (bytes, _) = portable::Writer::new(Vec::new()).unwrap().finish().unwrap();
        let mut text = String::new();
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
        let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        first["version"].as_u64().unwrap()
    }),
    ("ratchet", || {
        let text = Ratchet::default().render();
        text.lines().find_map(|line| line.strip_prefix("version = ")).unwrap().parse().unwrap()
    }),
    ("test-report", || 1),
];

fn folder(format: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/formats").join(format)
}

fn names(dir: &Path) -> BTreeSet<String> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn sample(path: &str) -> String {
    fs::read_to_string(folder(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn every_version_of_every_format_has_a_sample() {
    assert_eq!(names(&folder("")), FORMATS.map(|(format, _)| format.to_owned()).into());
    for (format, latest) in FORMATS {
        let versions: BTreeSet<String> = (1..=latest()).map(|version| version.to_string()).collect();
        assert_eq!(names(&folder(format)), versions, "{format}: CONTRIBUTING.md says how a sample is made");
        for version in versions {
            assert!(!names(&folder(&format!("{format}/{version}"))).is_empty(), "{format} {version}");
        }
    }
}

#[test]
fn exported_runs_are_read_compressed_and_plain() {
    let read = |file: &str| {
        let file = fs::File::open(folder("portable/1").join(file)).unwrap();
        portable::read(file).unwrap().map(|run| run.unwrap().record.head.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(read("runs.ndjson").len(), 3);
    assert_eq!(read("runs.ndjson.gz"), read("runs.ndjson"));
}

#[test]
fn the_first_ratchet_is_read_and_written_as_it_was() {
    let text = sample("ratchet/1/ratchet.toml");
    let ratchet = Ratchet::parse(&text).unwrap();
    let shown = |share: cargo_gate::ratio::Share| share.to_string();
    let kept: Vec<(String, Option<String>, Option<&str>)> = ratchet
        .entries()
        .map(|(key, entry)| {
            let share = entry.baseline.as_ref().map(|baseline| shown(baseline.share));
            (format!("{} {}", key.subject, key.metric), share, entry.reason.as_deref())
        })
        .collect();
    let of = |what: &str, share: Option<&str>| (what.to_owned(), share.map(str::to_owned));
    let expected = [
        (of("workspace lines", Some("85.00")), None),
        (of("package:core lines", Some("75.00")), Some("a \"parser\"\nmoved out")),
        (of("workspace lines", Some("77.50")), None),
        (of("file:src/lib.rs lines", None), Some("new tools")),
    ];
    assert_eq!(kept, expected.map(|((what, share), reason)| (what, share, reason)));
    assert_eq!(ratchet.render(), text);
}

#[test]
fn the_first_reports_say_what_they_said() {
    for (path, passes, artifact) in [
        ("test-report/1/pass.md", true, Artifact::Tests),
        ("test-report/1/fail.md", false, Artifact::Tests),
        ("coverage-report/1/pass.md", true, Artifact::Coverage),
        ("coverage-report/1/fail.md", false, Artifact::Coverage),
    ] {
        let reading = frontmatter::read(&sample(path));
        assert_eq!((reading.passes, reading.artifact), (passes, artifact), "{path}: {}", reading.why);
    }
    // A report's figure may become a baseline, long after it was written.
    for (path, measured) in [("coverage-report/1/pass.md", "75.00"), ("coverage-report/1/fail.md", "84.28")] {
        let head = CoverageHead::parse(&sample(path)).unwrap();
        assert_eq!(head.measured.unwrap().to_string(), measured, "{path}");
    }
}

#[test]
fn the_first_configuration_means_what_it_meant() {
    let folder_of_file = tempfile::tempdir().unwrap();
    fs::write(folder_of_file.path().join("gate.toml"), sample("config/1/gate.toml")).unwrap();
    let file = ConfigFile::load(Utf8Path::from_path(folder_of_file.path()).unwrap()).unwrap();
    for profile in [None, Some("fast")] {
        let layers = Layers { file: file.as_ref(), variables: &[], profile, flags: &[], nextest: None };
        let resolved = Resolved::from_layers(&layers).unwrap_or_else(|errors| panic!("{errors}"));
        let warnings: Vec<&str> = resolved.warnings.iter().map(|warning| warning.text.as_str()).collect();
        assert_eq!(warnings, [""; 0]);
        let settings = &resolved.settings;
        assert_eq!((settings.overrides.len(), settings.quarantine.len(), settings.floors.len()), (2, 1, 2));
        let pipeline = &settings.pipelines["default"];
        assert_eq!((pipeline.steps.len(), pipeline.suites.len(), pipeline.smoke.len()), (2, 2, 1));
    }
    // Keys that came later are not in it; what it says is taken from it.
    let layers = Layers { file: file.as_ref(), variables: &[], profile: None, flags: &[], nextest: None };
    let resolved = Resolved::from_layers(&layers).unwrap();
    let from_file = SETTINGS.iter().filter(|setting| matches!(resolved.source(setting), Source::File { .. }));
    assert_eq!(from_file.clone().count(), 48);
    assert!(from_file.clone().any(|setting| setting.section == Section::Top));
}

#[test]
fn the_first_documents_have_nothing_that_is_gone() {
    let seen: BTreeSet<String> = names(&folder("documents/1"));
    for file in &seen {
        let (name, extension) = file.rsplit_once('.').unwrap();
        assert!(DOCUMENTS.iter().any(|document| document.name == name), "{file}: a document that is gone");
        let text = sample(&format!("documents/1/{file}"));
        let documents: Vec<&str> = if extension == "ndjson" { text.lines().collect() } else { vec![&text] };
        for document in documents {
            let faults = shapes::what_is_gone(name, &serde_json::from_str(document).unwrap());
            assert!(faults.is_empty(), "{file}: readers of the first version rely on it\n{}", faults.join("\n"));
        }
    }
    // What is promised of every document is promised of the earlier ones, too.
    let sampled: BTreeSet<&str> = seen.iter().filter_map(|file| Some(file.rsplit_once('.')?.0)).collect();
    let unsampled: Vec<&str> =
        DOCUMENTS.iter().map(|document| document.name).filter(|name| !sampled.contains(name)).collect();
    assert_eq!(unsampled, [""; 0], "CONTRIBUTING.md says how a sample is made");
}

#[test]
fn the_first_manifests_and_documents_are_read_back() {
    let run = tempfile::tempdir().unwrap();
    for (name, file) in [("validation-manifest", manifest::MEANT), ("validation-complete", manifest::DONE)] {
        fs::write(run.path().join(file), sample(&format!("documents/1/{name}.json"))).unwrap();
    }
    let kept = manifest::load(Utf8Path::from_path(run.path()).unwrap()).unwrap();
    let (meant, done) = (kept.meant.unwrap(), kept.done.unwrap());
    assert_eq!((meant.ids, meant.scope.as_str()), (vec!["quick".to_owned()], "full"));
    assert_eq!((done.all_executed, done.steps.len(), done.failure_reason), (true, 1, None));
    let tests: TestDocument = serde_json::from_str(&sample("documents/1/test.json")).unwrap();
    assert_eq!((tests.head.verdict, tests.head.exit_code, tests.tests.len()), (Verdict::Fail, 100, 11));
}
