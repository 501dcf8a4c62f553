//! The portable format: what is written is read back, what comes from outside is judged, and histories that are
//! merged are what one history would have been.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_gate::analytics::summary::{Entry, RunFacts, Summary};
use cargo_gate::commands::history::export;
use cargo_gate::exit_code::ExitCode;
use cargo_gate::history::portable::{self, ReadError, Writer};
use cargo_gate::history::sqlite::{FILE_NAME, SqliteStore};
use cargo_gate::history::store::{
    Appended, Counters, FinishedRun, Page, Prune, Retention, RunFilter, Store, TestSummary,
};
use cargo_gate::model::{
    Attempt, AttemptOutcome, BinaryId, CaseRecord, ContentHash, Context, CoverageFigures, Ending, Judgement, Kind,
    Outcome, Reason, RunHead, RunId, RunRecord, RunState, Shard, TestKey, Totals, Verdict,
};
use cargo_gate::ratio::Ratio;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::support::Fixture;

struct Folder {
    _folder: tempfile::TempDir,
    path: Utf8PathBuf,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::try_from(folder.path().to_owned()).unwrap();
        Self { _folder: folder, path }
    }

    fn store(&self) -> SqliteStore {
        SqliteStore::open(&self.path).unwrap()
    }

    fn file(&self) -> Utf8PathBuf {
        self.path.join(FILE_NAME)
    }
}

// What is written, and read.

fn written(runs: &[FinishedRun]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new()).unwrap();
    runs.iter().for_each(|run| writer.write(run).unwrap());
    writer.finish().unwrap().0
}

fn read(bytes: &[u8]) -> Result<Vec<FinishedRun>, ReadError> {
    portable::read(bytes)?.collect()
}

fn exported(store: &dyn Store) -> Vec<u8> {
    let mut bytes = Vec::new();
    export(store, &RunFilter::default(), &mut bytes).unwrap();
    bytes
}

fn text(bytes: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    text
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(text).unwrap();
    out.finish().unwrap()
}

/// What can be compared of runs.
fn parts(runs: &[FinishedRun]) -> Vec<(&RunRecord, &[Arc<CaseRecord>])> {
    runs.iter().map(|run| (&run.record, run.cases.as_slice())).collect()
}

fn context(profile: &str) -> Context {
    Context { target: "x86_64-unknown-linux-gnu".into(), features: String::new(), profile: profile.into() }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_750_000_000 + second).unwrap()
}

fn attempt(outcome: AttemptOutcome, micros: u64) -> Attempt {
    Attempt { outcome, took: Some(Duration::from_micros(micros)), ending: None, why: None, text: None }
}

fn case(name: &str, outcome: Outcome, micros: u64) -> Arc<CaseRecord> {
    let failed = |outcome| Attempt { text: Some("it is not so".into()), ..attempt(outcome, micros) };
    let attempts = match outcome {
        Outcome::Skipped => Vec::new(),
        Outcome::Passed => vec![attempt(AttemptOutcome::Passed, micros)],
        Outcome::Flaky => vec![failed(AttemptOutcome::Failed), attempt(AttemptOutcome::Passed, micros)],
        Outcome::Failed => vec![failed(AttemptOutcome::Failed)],
        Outcome::Error => {
            vec![Attempt {
                ending: Some(Ending::Signaled(6)),
                why: Some("it aborted".into()),
                ..failed(AttemptOutcome::Error)
            }]
        }
        Outcome::Timeout => vec![failed(AttemptOutcome::Timeout)],
    };
    let took = (outcome != Outcome::Skipped).then(|| Duration::from_micros(micros));
    let key: TestKey = format!("app/test:db::{name}").parse().unwrap();
    let binary_hash = Some(ContentHash([9; 16]));
    Arc::new(CaseRecord { key: Arc::new(key), outcome, took, attempts, line: None, leaked: false, binary_hash })
}

/// A run of these tests that started then.
fn run(second: i64, tail: u32, cases: Vec<Arc<CaseRecord>>) -> FinishedRun {
    let totals = Totals::of(cases.iter().map(|case| &**case));
    let (verdict, code) = match totals.failures() {
        0 => (Verdict::Pass, ExitCode::Pass),
        _ => (Verdict::Fail, ExitCode::TestsFailed),
    };
    let head = RunHead {
        id: RunId::new(at(second), tail),
        start: at(second),
        context: context("dev"),
        suite: "workspace".into(),
        version: None,
        trigger: "manual".into(),
        host: "here".into(),
        toolchain: "rustc 1.95.0".into(),
        commit: Some(format!("{second:040x}")),
        branch: Some("main".into()),
        dirty: Some(false),
        ci_link: None,
        input_key: Some(ContentHash([u8::try_from(second.rem_euclid(200)).unwrap(); 16])),
        instrumented: false,
        full: true,
        shard: None,
        pid: 1,
        boot_id: None,
    };
    let record = RunRecord {
        head,
        state: RunState::Executed,
        totals,
        not_run: 0,
        duration: Duration::from_millis(1500),
        judgement: Judgement { verdict, codes: vec![code], reasons: vec![Reason::new("why", "because of this")] },
        plan_digest: Some(ContentHash([3; 16])),
        coverage: None,
    };
    FinishedRun { record, cases, binaries: Vec::new() }
}

/// Runs of every sort.
fn samples() -> Vec<FinishedRun> {
    let all = |second: u64| Outcome::ALL.map(|outcome| case(outcome.as_str(), outcome, second * 100)).to_vec();
    let mut odd = run(60, 2, all(7));
    odd.record.head.version = Some("1.2.3".into());
    odd.record.head.suite = "scripts".into();
    odd.record.head.ci_link = Some("https://ci.example/1?a=b".into());
    odd.record.state = RunState::Interrupted;
    odd.record.judgement.codes = vec![ExitCode::Interrupted, ExitCode::TestsFailed];
    let mut doc = (*case("x", Outcome::Passed, 1)).clone();
    doc.key = Arc::new("app/doc:doc::src/lib.rs - add #1".parse().unwrap());
    (doc.line, doc.leaked, doc.binary_hash) = (Some(7), true, None);
    odd.cases.push(Arc::new(doc));
    odd.record.totals.add(Outcome::Passed);
    let mut empty = run(120, 3, Vec::new());
    empty.record.state = RunState::BuildFailed;
    (empty.record.head.commit, empty.record.head.branch, empty.record.head.input_key) = (None, None, None);
    let mut runs = vec![run(0, 1, all(5)), odd, empty];
    runs.iter_mut().for_each(|run| run.cases.sort_by(|a, b| a.key.cmp(&b.key)));
    runs
}

const SAMPLE: &str = include_str!("../../testdata/formats/portable/1/runs.ndjson");

#[test]
fn version_1_is_read_by_every_later_one() {
    assert_eq!(parts(&read(SAMPLE.as_bytes()).unwrap()), parts(&samples()));
}

#[test]
fn what_is_written_now_is_the_sample_as_long_as_version_1_is_the_latest() {
    let now = text(&written(&samples()));
    let written = Utf8Path::new(env!("CARGO_TARGET_TMPDIR")).join("portable-1.ndjson");
    std::fs::write(&written, &now).unwrap();
    // The first line names who wrote it.
    let lines = |text: &'static str| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    assert!(
        now.lines().skip(1).map(str::to_owned).collect::<Vec<_>>() == lines(SAMPLE),
        "{written} is not testdata/formats/portable/1/runs.ndjson: a change of the format is a new version"
    );
}

#[test]
fn the_same_runs_give_the_same_bytes() {
    assert_eq!(written(&samples()), written(&samples()));
    let header = text(&written(&[]));
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        header,
        format!(
            "{{\"format\":\"cargo-gate-history\",\"version\":1,\"written_by\":\"cargo-gate {version}\"}}\n\
             {{\"end\":{{\"runs\":0,\"cases\":0}}}}\n"
        )
    );
    assert_eq!(read(&written(&[])).unwrap().len(), 0);
}

#[test]
fn a_run_with_many_and_long_cases_is_read_as_it_was_written() {
    let long = |number: usize| {
        let mut case = (*case(&format!("{number:06}"), Outcome::Failed, 5)).clone();
        case.attempts[0].text = Some("é\u{1b}\0\n".repeat(number % 7 * 300).into());
        Arc::new(case)
    };
    let runs = [run(0, 1, (0..3000).map(long).collect())];
    let bytes = written(&runs);
    assert!(text(&bytes).lines().count() > 10, "one line would be as long as the run");
    assert_eq!(parts(&read(&bytes).unwrap()), parts(&runs));
}

#[test]
fn fields_that_are_not_known_are_passed_over() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let richer = SAMPLE
        .replace("\"version\":1,", "\"version\":1,\"colour\":\"green\",")
        .replace("{\"run\":{", &format!("{{\"run\":{{\"mood\":{deep},"))
        .replace("{\"name\":", "{\"symbols\":[\"a\"],\"name\":");
    assert_eq!(parts(&read(richer.as_bytes()).unwrap()), parts(&samples()));
}

fn micros() -> impl Strategy<Value = Duration> {
    (0..u64::MAX / 2).prop_map(Duration::from_micros)
}

fn hash() -> impl Strategy<Value = ContentHash> {
    any::<[u8; 16]>().prop_map(ContentHash)
}

/// Text of all sorts: controls, NUL, quotes, other planes.
fn words() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z_:]{1,12}", prop::collection::vec(any::<char>(), 1..6).prop_map(String::from_iter)]
}

fn any_attempt() -> impl Strategy<Value = Attempt> {
    use AttemptOutcome::{Error, Failed, Passed, Timeout};
    let ending = prop_oneof![
        Just(Ending::NotStarted),
        any::<i32>().prop_map(Ending::Exited),
        any::<i32>().prop_map(Ending::Signaled)
    ];
    let outcome = prop::sample::select(vec![Passed, Failed, Error, Timeout]);
    let text = prop::option::of(words().prop_map(Arc::from));
    (outcome, prop::option::of(micros()), prop::option::of(ending), prop::option::of(words()), text)
        .prop_map(|(outcome, took, ending, why, text)| Attempt { outcome, took, ending, why, text })
}

/// Cases in order of their keys; those of one binary have one content.
fn any_cases() -> impl Strategy<Value = Vec<Arc<CaseRecord>>> {
    let kind = prop::sample::select(Kind::ALL.to_vec());
    let case = (
        words(),
        prop::sample::select(Outcome::ALL.to_vec()),
        prop::option::of(micros()),
        prop::option::of(prop::collection::vec(any_attempt(), 0..3)),
        prop::option::of(any::<u32>()),
        any::<bool>(),
    );
    let binary = (words(), kind, words(), prop::option::of(hash()), prop::collection::vec(case, 1..5));
    prop::collection::vec(binary, 0..4).prop_map(|binaries| {
        let mut cases: BTreeMap<TestKey, CaseRecord> = BTreeMap::new();
        let mut known = BTreeSet::new();
        for (package, kind, binary, binary_hash, of_binary) in binaries {
            let binary = BinaryId { package, kind, binary };
            if !known.insert(binary.clone()) {
                continue;
            }
            for (name, outcome, took, attempts, line, leaked) in of_binary {
                let key = TestKey { binary: binary.clone(), name };
                let attempts = attempts.unwrap_or_else(|| match outcome {
                    Outcome::Passed => {
                        vec![Attempt { outcome: AttemptOutcome::Passed, took, ending: None, why: None, text: None }]
                    }
                    _ => Vec::new(),
                });
                let key_of = Arc::new(key.clone());
                cases.insert(key, CaseRecord { key: key_of, outcome, took, attempts, line, leaked, binary_hash });
            }
        }
        cases.into_values().map(Arc::new).collect()
    })
}

fn any_coverage() -> impl Strategy<Value = CoverageFigures> {
    let ratio = || {
        let total = prop_oneof![0..100_u64, Just(Ratio::MOST)];
        (total, any::<u64>()).prop_map(|(total, covered)| Ratio::new(covered % (total + 1), total).unwrap())
    };
    (ratio(), ratio(), ratio(), ratio(), words(), any::<(bool, bool)>()).prop_map(
        |(lines, regions, functions, branches, counting, (is_whole, may_be_baseline))| CoverageFigures {
            lines,
            regions,
            functions,
            branches,
            counting,
            is_whole,
            may_be_baseline,
        },
    )
}

fn any_run() -> impl Strategy<Value = FinishedRun> {
    let option = || prop::option::of(words());
    let names = (words(), words(), words(), words(), option(), words(), words(), words());
    let more = (option(), option(), any::<Option<bool>>(), option(), prop::option::of(hash()), any::<(bool, bool)>());
    let machine = (any::<u32>(), option());
    let states: Vec<RunState> = RunState::ALL.into_iter().filter(|state| *state != RunState::Running).collect();
    let result = (
        prop::sample::select(states),
        any::<u64>(),
        micros(),
        prop::sample::select(Verdict::ALL.to_vec()),
        prop::collection::vec(prop::sample::select(ExitCode::ALL.to_vec()), 0..3),
        prop::collection::vec((words(), words()), 0..3),
        prop::option::of(hash()),
        prop::option::of(any_coverage()),
    );
    ("[0-9A-Za-z][-_.0-9A-Za-z:]{0,20}", any::<i64>(), names, more, machine, result, any_cases()).prop_map(
        |(id, nanos, names, more, (pid, boot_id), result, cases)| {
            let (target, features, profile, suite, version, trigger, host, toolchain) = names;
            let (commit, branch, dirty, ci_link, input_key, (instrumented, full)) = more;
            let (state, not_run, duration, verdict, codes, reasons, plan_digest, coverage) = result;
            let head = RunHead {
                id: RunId::from_stored(id),
                start: Timestamp::from_nanosecond(nanos.into()).unwrap(),
                context: Context { target, features, profile },
                suite,
                version,
                trigger,
                host,
                toolchain,
                commit,
                branch,
                dirty,
                ci_link,
                input_key,
                instrumented,
                full,
                shard: Shard::new(pid % 4, 3),
                pid,
                boot_id,
            };
            let reasons = reasons.iter().map(|(id, text)| Reason::new(id, text)).collect();
            let judgement = Judgement { verdict, codes, reasons };
            let totals = Totals::of(cases.iter().map(|case| &**case));
            let record = RunRecord { head, state, totals, not_run, duration, judgement, plan_digest, coverage };
            FinishedRun { record, cases, binaries: Vec::new() }
        },
    )
}

fn any_runs() -> impl Strategy<Value = Vec<FinishedRun>> {
    prop::collection::vec(any_run(), 0..5).prop_map(|mut runs| {
        runs.sort_by(|a, b| a.record.head.id.cmp(&b.record.head.id));
        runs.dedup_by(|a, b| a.record.head.id == b.record.head.id);
        runs
    })
}

proptest! {
    #[test]
    fn runs_are_read_as_they_were_written(runs in any_runs()) {
        let bytes = written(&runs);
        let again = read(&bytes).unwrap();
        prop_assert_eq!(parts(&again), parts(&runs));
        // Not compressed as well, and by however little a reader gives.
        let plain = text(&bytes);
        let drop_by_drop = Drops(plain.as_bytes());
        let again: Vec<FinishedRun> = portable::read(drop_by_drop).unwrap().map(Result::unwrap).collect();
        prop_assert_eq!(parts(&again), parts(&runs));
    }

    #[test]
    fn a_file_that_is_cut_off_is_never_taken_for_a_whole_one(at: Index) {
        for whole in [SAMPLE.as_bytes(), &gzip(SAMPLE.as_bytes())] {
            let error = read(&whole[..at.index(whole.len())]).unwrap_err();
            let known = ["cut off", "no exported history"];
            prop_assert!(known.iter().any(|words| error.what.contains(words)), "{}", error);
        }
    }

    #[test]
    fn a_changed_byte_is_an_error_or_changes_what_is_read_but_never_panics(at: Index, byte: u8) {
        let mut plain = SAMPLE.as_bytes().to_vec();
        let at_plain = at.index(plain.len());
        plain[at_plain] = byte;
        let _ = read(&plain);
        let mut packed = gzip(SAMPLE.as_bytes());
        let at_packed = at.index(packed.len());
        // gzip's own header holds what nobody reads: a time, a system.
        prop_assume!(at_packed >= 10);
        packed[at_packed] = byte;
        // A few bits of it are padding.
        if let Ok(runs) = read(&packed) {
            let want = samples();
            prop_assert_eq!(parts(&runs), parts(&want));
        }
    }

    #[test]
    fn no_bytes_are_too_strange_to_be_read(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(read(&bytes).is_err());
        let behind_a_header = [b"{\"format\":\"cargo-gate-history\",\"version\":1}\n", bytes.as_slice()].concat();
        prop_assert!(read(&behind_a_header).is_err());
    }
}

/// Gives one byte at a time.
struct Drops<'b>(&'b [u8]);

impl std::io::Read for Drops<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let one = into.len().min(1);
        self.0.read(&mut into[..one])
    }
}

// What comes from outside.

/// The sample with one thing changed, the line that is at fault, and what is said of it.
fn faults() -> Vec<(&'static str, Vec<u8>, u64, &'static str)> {
    let lines: Vec<&str> = SAMPLE.lines().collect();
    let joined = |lines: &[&str]| (lines.join("\n") + "\n").into_bytes();
    let with = |from: &str, to: &str| {
        assert!(SAMPLE.contains(from), "{from}");
        SAMPLE.replacen(from, to, 1).into_bytes()
    };
    let covering = |lines: &str| {
        let rest = "\"regions\":[0,0],\"functions\":[0,0],\"branches\":[0,0],\"counting\":\"llvm-cov\",\"whole\":true,\
                    \"may_be_baseline\":true";
        with("\"not_run\"", &format!("\"coverage\":{{\"lines\":{lines},{rest}}},\"not_run\""))
    };
    let last = lines.len() as u64;
    let deep = format!("{}\n{{\"run\":{}", lines[0], "[".repeat(200_000));
    vec![
        ("nothing", Vec::new(), 1, "no exported history"),
        ("JSON", b"{\"schema_version\":1}\n".to_vec(), 1, "no exported history, whose first line is {\"format\":"),
        ("XML", b"<testsuites/>\n".to_vec(), 1, "no exported history"),
        ("UTF-16", "{\"format\"".encode_utf16().flat_map(u16::to_le_bytes).collect(), 1, "cut off"),
        (
            "newer",
            with("\"version\":1", "\"version\":2"),
            1,
            "newer cargo gate (version 2 of the format, known here is 1)",
        ),
        ("version 0", with("\"version\":1", "\"version\":0"), 1, "there is no version 0"),
        ("no end", joined(&lines[..lines.len() - 1]), last, "cut off"),
        ("no newline", SAMPLE.trim_end().as_bytes().to_vec(), last, "cut off"),
        (
            "a line missing",
            joined(&[&lines[..2], &lines[3..]].concat()),
            last - 1,
            "3 runs with 13 cases were written, 3 with 7",
        ),
        ("more", [SAMPLE, SAMPLE].concat().into_bytes(), last + 1, "nothing is expected after the last line"),
        ("an empty line", joined(&[&lines[..1], &[""], &lines[1..]].concat()), 2, "column 0: EOF"),
        ("a run twice", joined(&[&lines[..3], &lines[1..]].concat()), 4, "00000001 comes twice"),
        ("runs in disorder", joined(&[lines[0], lines[3], lines[1]]), 3, "comes after"),
        ("cases of no run", joined(&[lines[0], lines[2]]), 2, "cases come before any run"),
        ("cases twice", joined(&[&lines[..3], &lines[2..]].concat()), 4, "`app/test:db::error` is out of its order"),
        (
            "a case twice",
            with("\"name\":\"failed\"", "\"name\":\"error\""),
            3,
            "`app/test:db::error` comes twice in run",
        ),
        ("no name", with("\"name\":\"error\"", "\"name\":\"\""), 3, "a case of app/test:db has no name"),
        ("a field twice", with("\"outcome\"", "\"name\":\"x\",\"outcome\""), 3, "duplicate field `name`"),
        (
            "an outcome",
            with("\"outcome\":\"error\"", "\"outcome\":\"odd\""),
            3,
            "unknown variant `odd`, expected one of `passed`",
        ),
        ("no outcome", with("\"outcome\":\"error\",\"us", "\"us"), 3, "missing field `outcome`"),
        (
            "a kind of line",
            with("{\"cases\"", "{\"case\""),
            3,
            "unknown variant `case`, expected one of `run`, `cases`, `end`",
        ),
        ("a state", with("\"executed\"", "\"running\""), 2, "is not over"),
        ("a code", with("\"codes\":[100]", "\"codes\":[99]"), 2, "has an exit code that is not known: 99"),
        ("totals", with("\"tests\":6", "\"tests\":7"), 2, "do not add up"),
        ("huge totals", with("\"skipped\":1", "\"skipped\":18446744073709551615"), 2, "do not add up"),
        ("more covered than there is", covering("[7,6]"), 2, "7 of 6 are covered"),
        ("more than can be counted", covering("[0,18446744073709551615]"), 2, "reached cannot be"),
        ("half a figure", covering("[6]"), 2, "tuple of size 2"),
        ("a path for a name", with("20250615T150640000Z-00000001", "../../x"), 2, "`../../x` is no run's name"),
        ("NUL in a name", with("20250615T150640000Z-00000001", "x\\u0000"), 2, "is no run's name"),
        ("NUL", with("\"here\"", "\"he\0re\""), 2, "control character"),
        ("the year 9999", with("2025-06-15T15:06:40Z", "9999-06-15T15:06:40Z"), 2, "which no history holds"),
        ("no time at all", with("2025-06-15T15:06:40Z", "yesterday"), 2, "column "),
        ("an eternity", with("\"us\":1500000", "\"us\":18446744073709551615"), 2, "longer than a history holds"),
        ("a negative time", with("\"us\":1500000", "\"us\":-1"), 2, "invalid value: integer `-1`"),
        ("no UTF-8", [lines[0].as_bytes(), b"\n{\"run\":{\"id\":\"\xff\"}}\n"].concat(), 2, "column "),
        ("depth", deep.into_bytes(), 2, "cut off"),
        (
            "depth in a line",
            with("{\"run\":{\"id\":", &format!("{{\"run\":{}", "[".repeat(200_000))),
            2,
            "invalid type",
        ),
    ]
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    for (name, bytes, line, what) in faults() {
        for bytes in [gzip(&bytes), bytes] {
            let error = read(&bytes).unwrap_err();
            assert!(error.line == line && error.what.contains(what), "{name}: {error}");
        }
    }
}

#[test]
fn gzip_that_is_damaged_or_followed_by_something_is_refused() {
    let whole = gzip(SAMPLE.as_bytes());
    let mut other_sum = whole.clone();
    let at = other_sum.len() - 8;
    other_sum[at] ^= 1;
    for (bytes, what) in [
        ([whole.as_slice(), b"and then some more"].concat(), "damaged"),
        ([whole.as_slice(), &whole].concat(), "nothing is expected after the last line"),
        (other_sum, "damaged"),
        (b"\x1f\x8b\x08and no more than that".to_vec(), "damaged"),
    ] {
        let error = read(&bytes).unwrap_err();
        assert!(error.what.contains(what), "{error}");
    }
}

#[test]
fn a_line_without_end_takes_no_memory_without_end() {
    let header = SAMPLE.lines().next().unwrap();
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    writeln!(packed, "{header}").unwrap();
    for _ in 0..65 {
        packed.write_all(&[b' '; 1 << 20]).unwrap();
    }
    let error = read(&packed.finish().unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "line 2: the line is longer than 64 MiB");
}

// Merged histories.

/// Summaries without the numbers that a store gives its runs in order of arrival.
fn learnt(store: &dyn Store) -> Vec<(Context, TestSummary)> {
    let of = |context: Context| {
        let summaries = store.summaries(&context).unwrap().into_iter();
        summaries.map(move |test| (context.clone(), test)).collect::<Vec<_>>()
    };
    let mut all: Vec<_> = store.contexts().unwrap().into_iter().flat_map(of).collect();
    for (_, test) in &mut all {
        let entries = test.summary.window().map(|entry| {
            let facts = RunFacts { seq: 0, ..(*entry.run).clone() };
            Entry::new(Arc::new(facts), entry.outcome, entry.took()).marked(entry.both, entry.rough)
        });
        test.summary = Summary::from_parts(*test.summary.older(), entries.collect());
    }
    all
}

/// All that a history knows: its runs with their cases (as the bytes of an export), summaries and counters.
fn known(store: &dyn Store) -> (String, Vec<(Context, TestSummary)>, Counters) {
    (text(&exported(store)), learnt(store), store.counters().unwrap())
}

fn merge(store: &mut SqliteStore, file: &[u8]) -> Appended {
    let runs = read(file).unwrap();
    store.append(&mut runs.into_iter()).unwrap()
}

/// A history that got these runs at once.
fn holding(runs: &[FinishedRun]) -> Folder {
    let folder = Folder::new();
    folder.store().append(&mut runs.iter().cloned()).unwrap();
    folder
}

/// A history that recorded these runs, one after the other.
fn recorded(runs: &[FinishedRun]) -> Folder {
    let folder = Folder::new();
    let mut store = folder.store();
    for run in runs {
        store.begin(&run.record.head).unwrap();
        store.finish(&run.record, &run.cases, &run.binaries).unwrap();
    }
    folder
}

/// Runs of a few tests in the order of time, on two branches and in two contexts.
fn recordings(most: usize) -> impl Strategy<Value = Vec<FinishedRun>> {
    let outcomes = prop::collection::vec(prop::option::of(prop::sample::select(Outcome::ALL.to_vec())), 5);
    let one = (0_i64..40, any::<bool>(), 0_u8..4, any::<bool>(), outcomes);
    prop::collection::vec(one, 1..most).prop_map(|all| {
        let mut runs: Vec<FinishedRun> = (0_u32..)
            .zip(all)
            .map(|(number, (second, release, state, instrumented, outcomes))| {
                let cases = (0..).zip(outcomes).filter_map(|(test, outcome): (u64, _)| {
                    Some(case(&format!("test_{test}"), outcome?, u64::from(number) * 10 + test))
                });
                // Many start in the same moment: then their names decide.
                let mut run = run(second, number.wrapping_mul(0x9e37_79b1), cases.collect());
                run.record.head.instrumented = instrumented;
                if release {
                    run.record.head.context = context("release");
                }
                if state == 0 {
                    run.record.state = RunState::Interrupted;
                    run.record.judgement.codes = vec![ExitCode::Interrupted];
                }
                run
            })
            .collect();
        let order = |run: &FinishedRun| (run.record.head.start, run.record.head.id.clone());
        runs.sort_by_key(order);
        runs
    })
}

/// Which runs which of three histories recorded, as bits: each run at least one of them.
fn shares() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(1_u8..8, 200)
}

fn share(runs: &[FinishedRun], shares: &[u8], of: u8) -> Vec<FinishedRun> {
    let theirs = runs.iter().zip(shares).filter(|(_, share)| *share & (1 << of) != 0);
    theirs.map(|(run, _)| run.clone()).collect()
}

/// Three histories of some of the runs each, exported, merged in this order, some of them twice: what one history of
/// all runs is.
fn assert_merged_is(of_all: &Folder, runs: &[FinishedRun], shares: &[u8], order: &[u8]) {
    let files: Vec<Vec<u8>> = (0..3).map(|of| exported(&holding(&share(runs, shares, of)).store())).collect();
    let merged = Folder::new();
    let mut store = merged.store();
    let mut added = 0;
    for which in order {
        added += merge(&mut store, &files[usize::from(*which)]).added;
    }
    assert_eq!(added, runs.len() as u64);
    assert_eq!(known(&store), known(&of_all.store()));
    // One that had runs of its own and takes in the others.
    let into = holding(&share(runs, shares, 0));
    let mut store = into.store();
    for which in order {
        merge(&mut store, &files[usize::from(*which)]);
    }
    assert_eq!(known(&store), known(&merged.store()));
}

/// Each of the three at least once.
fn orders() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0_u8..3, 0..3).prop_flat_map(|more| Just([vec![0, 1, 2], more].concat()).prop_shuffle())
}

proptest! {
    // Each history is a database whose writes reach the disk.
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn histories_merged_in_any_order_are_what_one_would_have_been(
        runs in recordings(16), shares in shares(), order in orders(),
    ) {
        assert_merged_is(&recorded(&runs), &runs, &shares, &order);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2))]

    #[test]
    fn so_are_histories_longer_than_a_tests_window(shares in shares(), order in orders()) {
        let outcomes = |number: u32| (0_u32..3).map(move |test| match (number * 7 + test * 13) % 11 {
            0 => Outcome::Failed,
            1 => Outcome::Flaky,
            2 => Outcome::Skipped,
            _ => Outcome::Passed,
        });
        let runs: Vec<FinishedRun> = (0..130_u32)
            .map(|number| {
                let cases = outcomes(number).enumerate().map(|(test, outcome)| {
                    case(&format!("test_{test}"), outcome, u64::from(number))
                });
                run(i64::from(number) * 60, number, cases.collect())
            })
            .collect();
        assert_merged_is(&holding(&runs), &runs, &shares, &order);
    }
}

#[test]
fn merging_twice_changes_nothing_and_says_so() {
    let theirs = recorded(&samples());
    let file = exported(&theirs.store());
    let ours = Folder::new();
    let mut store = ours.store();
    assert_eq!(merge(&mut store, &file), Appended { added: 3, known: 0, cases: 13 });
    let before = known(&store);
    assert_eq!(merge(&mut store, &file), Appended { added: 0, known: 3, cases: 0 });
    assert_eq!(known(&store), before);
}

#[test]
fn what_was_pruned_here_does_not_come_back_and_what_was_pruned_there_does_not_come() {
    let runs: Vec<FinishedRun> = (0..20).map(|number| run(number, 1, vec![case("a", Outcome::Passed, 5)])).collect();
    let keep = Retention { count: Some(5), ..Retention::default() };
    let whole = holding(&runs);
    let file = exported(&whole.store());
    let pruned = holding(&runs);
    pruned.store().prune(&keep, Prune::Delete).unwrap();
    let short = exported(&pruned.store());
    // Here: known all the same.
    let before = known(&pruned.store());
    assert_eq!(merge(&mut pruned.store(), &file), Appended { added: 0, known: 20, cases: 0 });
    assert_eq!(known(&pruned.store()), before);
    // There: what is left of it is what would have been recorded of it.
    let fresh = Folder::new();
    assert_eq!(merge(&mut fresh.store(), &short).added, 5);
    assert_eq!(known(&fresh.store()), known(&holding(&runs[15..]).store()));
    // Another that has them still brings the rest.
    assert_eq!(merge(&mut fresh.store(), &file), Appended { added: 15, known: 5, cases: 15 });
    assert_eq!(known(&fresh.store()), known(&whole.store()));
}

#[test]
fn a_run_that_was_cut_off_is_one_elsewhere_too_and_one_that_goes_on_stays() {
    let theirs = Folder::new();
    let mut store = theirs.store();
    let cut_off = RunHead { boot_id: Some("another boot".into()), ..run(0, 1, Vec::new()).record.head };
    store.begin(&cut_off).unwrap();
    let boot_id = cargo_gate::sys::host::boot_id().map(str::to_owned);
    store.begin(&RunHead { pid: std::process::id(), boot_id, ..run(1, 2, Vec::new()).record.head }).unwrap();
    let file = exported(&store);
    let ours = Folder::new();
    assert_eq!(merge(&mut ours.store(), &file).added, 1);
    let runs = ours.store().runs(&RunFilter::default(), Page::ALL).unwrap();
    assert_eq!((runs[0].state, &runs[0].head), (RunState::Interrupted, &cut_off));
    assert_eq!(ours.store().counters().unwrap(), Counters { runs: 1, ..Counters::default() });
    assert_eq!(exported(&ours.store()), file);
}

#[test]
fn a_filter_chooses_what_is_exported() {
    let mut runs: Vec<FinishedRun> = (0..6).map(|number| run(number, 1, Vec::new())).collect();
    runs[4].record.head.branch = Some("topic".into());
    let folder = recorded(&runs);
    let count = |filter: RunFilter| {
        let mut bytes = Vec::new();
        let written = export(&folder.store(), &filter, &mut bytes).unwrap();
        assert_eq!(read(&bytes).unwrap().len() as u64, written.runs);
        written.runs
    };
    assert_eq!(count(RunFilter { branch: Some("topic".into()), ..RunFilter::default() }), 1);
    assert_eq!(count(RunFilter { since: Some(at(2)), ..RunFilter::default() }), 4);
    assert_eq!(count(RunFilter { suite: Some("scripts".into()), ..RunFilter::default() }), 0);
    assert_eq!(export(&SqliteStore::empty().unwrap(), &RunFilter::default(), &mut Vec::new()).unwrap().runs, 0);
}

#[test]
fn somebody_elses_history_is_read_and_never_changed() {
    let folder = recorded(&samples());
    let before = std::fs::read(folder.file()).unwrap();
    let store = SqliteStore::open_untouched(&folder.file()).unwrap().unwrap();
    assert_eq!(exported(&store), exported(&folder.store()));
    drop(store);
    assert_eq!(std::fs::read(folder.file()).unwrap(), before);
    assert_eq!(folder.path.read_dir_utf8().unwrap().count(), 1);
    // An earlier format stays one.
    let older = Folder::new();
    let sample = include_str!("../../testdata/formats/history/1/history.sql");
    rusqlite::Connection::open(older.file()).unwrap().execute_batch(sample).unwrap();
    let before = std::fs::read(older.file()).unwrap();
    let store = SqliteStore::open_untouched(&older.file()).unwrap().unwrap();
    assert_eq!(read(&exported(&store)).unwrap().len(), 5);
    assert_eq!(std::fs::read(older.file()).unwrap(), before);
}

#[test]
fn a_write_that_was_cut_off_in_somebody_elses_history_is_undone_in_a_copy() {
    let whole = recorded(&samples());
    let want = exported(&whole.store());
    let mut connection = rusqlite::Connection::open(whole.file()).unwrap();
    connection.execute_batch("PRAGMA cache_size = 1; PRAGMA cache_spill = 1").unwrap();
    let transaction = connection.transaction().unwrap();
    let many = "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 3000) ";
    transaction
        .execute_batch(&format!("DELETE FROM cases; {many} INSERT INTO counters SELECT 'x' || i, i FROM n"))
        .unwrap();
    // What a crash in the middle leaves behind.
    let crashed = Folder::new();
    let journal = |folder: &Folder| format!("{}-journal", folder.file());
    std::fs::copy(whole.file(), crashed.file()).unwrap();
    std::fs::copy(journal(&whole), journal(&crashed)).unwrap();
    let before = std::fs::read(crashed.file()).unwrap();
    let store = SqliteStore::open_untouched(&crashed.file()).unwrap().unwrap();
    assert_eq!(text(&exported(&store)), text(&want));
    assert_eq!(std::fs::read(crashed.file()).unwrap(), before);
    assert!(Utf8Path::new(&journal(&crashed)).exists());
}

// The real binary.

/// Two checkouts of one workspace, each with runs of its own.
fn two_checkouts() -> [Fixture; 2] {
    let checkouts = [Fixture::shared("harness"), Fixture::shared("harness")];
    for (fixture, test) in checkouts.iter().zip(["calm", "outcomes"]) {
        fixture.gate(["test", "--test", test]).run();
    }
    checkouts
}

fn names(fixture: &Fixture) -> Vec<String> {
    let list = fixture.gate(["history", "list", "--format", "json"]).run().json();
    list["runs"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn two_checkouts_exchange_their_runs() {
    let [one, other] = two_checkouts();
    let said = one.gate(["history", "export"]).run();
    said.assert_code(0).assert_stdout_has("Wrote 1 run with ").assert_stdout_has(" to gate-history.ndjson.gz (");
    let file = one.root().join("gate-history.ndjson.gz");
    let merged = other.gate(["history", "merge", file.to_str().unwrap()]).run();
    merged.assert_code(0).assert_stdout_has(": added 1 run with ");
    assert_eq!(names(&other).len(), 2);
    // The other way round, straight from the other's gate directory; and one's own.
    let dirs = [other.gate_dir(), one.gate_dir()].map(|dir| dir.to_str().unwrap().to_owned());
    let json = one.gate(["history", "merge", &dirs[0], &dirs[1], "--format", "json"]).run();
    let json = json.assert_code(0).json();
    assert_eq!((&json["schema_version"], &json["added"], &json["known"]), (&1.into(), &1.into(), &3.into()));
    assert_eq!(json["sources"][0]["source"], dirs[0].as_str());
    assert_eq!((&json["sources"][0]["added"], &json["sources"][0]["known"]), (&1.into(), &1.into()));
    assert_eq!(names(&one), names(&other));
    // By a pipe, as little is added as by anything else; and both write the same now.
    let export = |fixture: &Fixture| fixture.gate(["history", "export", "-o", "-"]).run();
    assert_eq!(export(&one).stdout_bytes, export(&other).stdout_bytes);
    assert_eq!(export(&one).stderr(), "");
    let stats =
        |fixture: &Fixture| fixture.gate(["history", "stats", "--format", "json"]).run().json()["counters"].clone();
    assert_eq!(stats(&one), stats(&other));
}

#[test]
fn a_bad_third_source_leaves_the_history_as_it_was() {
    let [one, other] = two_checkouts();
    one.gate(["history", "export", "--output", "good.gz"]).run().assert_code(0);
    let good = one.root().join("good.gz");
    let (good, dir) = (good.to_str().unwrap(), one.gate_dir());
    let store = other.gate_dir().join(FILE_NAME);
    let before = std::fs::read(&store).unwrap();
    for (name, bytes, line, what) in faults() {
        std::fs::write(other.root().join("bad"), bytes).unwrap();
        let ended = other.gate(["history", "merge", good, dir.to_str().unwrap(), "bad"]).run();
        ended.assert_code(96).assert_stderr_has(&format!("bad: line {line}: "));
        ended.assert_stderr_has(&what[..what.find('\0').unwrap_or(what.len())]).assert_stderr_has("nothing was merged");
        assert!(ended.stdout().is_empty() && std::fs::read(&store).unwrap() == before, "{name}");
    }
    std::fs::create_dir(other.root().join("empty")).unwrap();
    for (source, what) in [
        ("nowhere", "nowhere: "),
        ("empty", "empty: there is no history in it (`history.sqlite`)"),
        ("Cargo.toml", "Cargo.toml: line 1: this is no exported history"),
    ] {
        other.gate(["history", "merge", good, source]).run().assert_code(96).assert_stderr_has(what);
        assert_eq!(std::fs::read(&store).unwrap(), before);
    }
    // Nothing is made where there was nothing.
    let fresh = Fixture::shared("harness");
    fresh.gate(["history", "merge", "Cargo.toml"]).run().assert_code(96);
    assert!(!fresh.gate_dir().exists());
}

#[test]
fn an_export_replaces_a_file_whole_and_nothing_else() {
    let fixture = Fixture::shared("harness");
    let before = fixture.gate(["history", "export"]).run();
    before.assert_code(0).assert_stderr_has("nothing is on record yet").assert_stdout_has("Wrote 0 runs with 0 cases");
    fixture.gate(["history", "merge", "gate-history.ndjson.gz"]).run().assert_code(0);
    fixture.gate(["test", "--test", "calm"]).run();
    let json = fixture.gate(["history", "export", "--format", "json"]).run().assert_code(0).json();
    let size = std::fs::metadata(fixture.root().join("gate-history.ndjson.gz")).unwrap().len();
    assert_eq!((&json["runs"], &json["bytes"], &json["schema_version"]), (&1.into(), &size.into(), &1.into()));
    for (args, what) in [
        (&["--output", "src"][..], "`src` is a directory"),
        (&["-o", "-", "--format", "json"], "both want standard output"),
        (&["-o", "Cargo.toml/x"], "cannot write the runs to `Cargo.toml/x`"),
    ] {
        let ended = fixture.gate(["history", "export"].iter().chain(args).copied()).run();
        ended.assert_code(2).assert_stderr_has(what);
    }
}

#[cfg(unix)]
#[test]
fn a_device_is_written_to_and_a_link_stays_one() {
    let fixture = Fixture::shared("harness");
    fixture.gate(["test", "--test", "calm"]).run();
    fixture.gate(["history", "export", "-o", "/dev/null"]).run().assert_code(0);
    let kind = |path: &str| std::fs::symlink_metadata(path).unwrap().file_type();
    assert!(!kind("/dev/null").is_file());
    fixture.write("real.gz", "before");
    let link = fixture.root().join("link.gz");
    std::os::unix::fs::symlink(fixture.root().join("real.gz"), &link).unwrap();
    fixture.gate(["history", "export", "-o", "link.gz"]).run().assert_code(0);
    assert!(kind(link.to_str().unwrap()).is_symlink());
    fixture.gate(["history", "merge", "real.gz"]).run().assert_code(0).assert_stdout_has("1 known");
}
