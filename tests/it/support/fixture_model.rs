//! What each test of each fixture does: the one place that knows. Expectations are derived from it.

use std::collections::BTreeMap;

use cargo_gate::model::{BinaryId, Kind, Outcome, TestKey};

/// What a test does when it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Does {
    /// Passes.
    Passes,
    /// Fails, and its harness says so.
    Fails,
    /// Is ignored.
    IsIgnored,
    /// Takes its process down by this signal.
    DiesOf(i32),
    /// Leaves its process with this status before the summary.
    Exits(i32),
    /// Never ends.
    Hangs,
    /// Fails so many times, then passes.
    FailsAtFirst(u32),
    /// Takes its process down so many times, then passes.
    AbortsAtFirst(u32),
}

use Does::{AbortsAtFirst, DiesOf, Exits, Fails, FailsAtFirst, Hangs, IsIgnored, Passes};

impl Does {
    /// What becomes of such a test when it may be tried again so many times. (A hanging one has a limit.)
    pub(crate) fn outcome(self, retries: u32) -> Outcome {
        match self {
            Passes | FailsAtFirst(0) | AbortsAtFirst(0) => Outcome::Passed,
            IsIgnored => Outcome::Skipped,
            Hangs => Outcome::Timeout,
            DiesOf(_) | Exits(_) => Outcome::Error,
            FailsAtFirst(times) | AbortsAtFirst(times) if times <= retries => Outcome::Flaky,
            Fails | FailsAtFirst(_) => Outcome::Failed,
            AbortsAtFirst(_) => Outcome::Error,
        }
    }

    /// Does the whole process end with such a test?
    pub(crate) fn ends_its_process(self) -> bool {
        matches!(self, DiesOf(_) | Exits(_) | Hangs | AbortsAtFirst(_))
    }
}

/// A test binary of a fixture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FixtureBinary {
    /// The fixture: a directory of `testdata`.
    pub(crate) fixture: &'static str,
    pub(crate) package: &'static str,
    pub(crate) kind: Kind,
    /// The target's name.
    pub(crate) binary: &'static str,
    /// Every test, and what it does.
    pub(crate) tests: &'static [(&'static str, Does)],
}

impl FixtureBinary {
    /// The binary's identity.
    pub(crate) fn id(&self) -> BinaryId {
        BinaryId { package: self.package.to_owned(), kind: self.kind, binary: self.binary.to_owned() }
    }

    /// The outcome of each of its tests by written key, without retries.
    pub(crate) fn expected(&self) -> BTreeMap<String, String> {
        self.expected_with_retries(0)
    }

    /// The same with so many retries.
    pub(crate) fn expected_with_retries(&self, retries: u32) -> BTreeMap<String, String> {
        let key = |name: &str| TestKey { binary: self.id(), name: name.to_owned() }.to_string();
        self.tests.iter().map(|&(name, does)| (key(name), does.outcome(retries).to_string())).collect()
    }
}

/// The one binary of that fixture with that target name.
#[track_caller]
pub(crate) fn binary(fixture: &str, name: &str) -> &'static FixtureBinary {
    let mut found = BINARIES.iter().filter(|binary| binary.fixture == fixture && binary.binary == name);
    match (found.next(), found.next()) {
        (Some(binary), None) => binary,
        (None, _) => panic!("the model knows no {name} in {fixture}"),
        (Some(_), Some(_)) => panic!("{fixture} has several targets called {name}: ask for all and pick"),
    }
}

/// The outcome of each test of one binary by written key, without retries.
#[track_caller]
pub(crate) fn expected(fixture: &str, name: &str) -> BTreeMap<String, String> {
    binary(fixture, name).expected()
}

/// The outcome of each test of a whole fixture by written key, without retries.
pub(crate) fn expected_of_all(fixture: &str) -> BTreeMap<String, String> {
    BINARIES.iter().filter(|binary| binary.fixture == fixture).flat_map(FixtureBinary::expected).collect()
}

const fn harness(binary: &'static str, tests: &'static [(&'static str, Does)]) -> FixtureBinary {
    FixtureBinary { fixture: "harness", package: "harness", kind: Kind::Test, binary, tests }
}

const fn demo(kind: Kind, binary: &'static str, tests: &'static [(&'static str, Does)]) -> FixtureBinary {
    FixtureBinary { fixture: "demo", package: "demo", kind, binary, tests }
}

const fn custom(binary: &'static str, tests: &'static [(&'static str, Does)]) -> FixtureBinary {
    FixtureBinary { fixture: "custom", package: "custom", kind: Kind::Test, binary, tests }
}

const fn envprint(
    package: &'static str,
    kind: Kind,
    binary: &'static str,
    tests: &'static [(&'static str, Does)],
) -> FixtureBinary {
    FixtureBinary { fixture: "envprint", package, kind, binary, tests }
}

const fn member(
    package: &'static str,
    kind: Kind,
    binary: &'static str,
    tests: &'static [(&'static str, Does)],
) -> FixtureBinary {
    FixtureBinary { fixture: "virtual", package, kind, binary, tests }
}

const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;
const SIGSEGV: i32 = 11;

/// Test binaries of `custom` of which nothing is known but how they leave; each does as a whole what is said here.
pub(crate) const OPAQUE: &[(&str, Does)] =
    &[("hangs_on_list", Passes), ("opaque_and_fails", Fails), ("opaque_and_passes", Passes)];

/// What `envprint` calls the notes of its binaries (`<note>.cwd`, `.env` and `.argv` in `GATE_ENV_DUMP`). A benchmark,
/// `bench-measured`, comes with `--benches`.
pub(crate) const ENVPRINT_NOTES: &[&str] = &[
    "bin-app",
    "bin-second",
    "doc-app",
    "doc-app-standalone",
    "doc-old",
    "example-shown",
    "lib-app",
    "lib-mac",
    "lib-old_name",
    "test-integration",
];

/// Every binary of every fixture that names its tests.
pub(crate) const BINARIES: &[FixtureBinary] = &[
    demo(
        Kind::Lib,
        "demo",
        &[
            ("tests::a_tip_rounds_up_to_whole_units", Fails),
            ("tests::foreign_money_is_shared_too", IsIgnored),
            ("tests::nothing_is_left_over", Passes),
        ],
    ),
    demo(
        Kind::Test,
        "crash",
        &[
            ("a_neighbour_before_the_crash", Passes),
            ("crashes", DiesOf(SIGABRT)),
            ("the_neighbour_after_the_crash", Passes),
        ],
    ),
    demo(Kind::Test, "flaky", &[("passes_every_second_time", FailsAtFirst(1))]),
    demo(Kind::Test, "slow", &[("takes_a_fifth_of_a_second", Passes), ("takes_a_second_and_a_half", Passes)]),
    demo(Kind::Doc, "doc", &[("src/lib.rs - shares #1", Passes), ("src/lib.rs - shares #2", Passes)]),
    // What they do in their first run; what becomes of them later stands where that is tested.
    FixtureBinary {
        fixture: "flaking",
        package: "flaking",
        kind: Kind::Test,
        binary: "past",
        tests: &[
            ("breaks_with_the_code", Passes),
            ("broken", Fails),
            ("flakes", Passes),
            ("flakes_once", Passes),
            ("flakes_with_another", Passes),
            ("flakes_with_the_other", Passes),
            ("steady", Passes),
        ],
    },
    harness("calm", &[("nested::three", Passes), ("one", Passes), ("two", Passes)]),
    harness(
        "outcomes",
        &[
            ("fails_after_printing", Fails),
            ("ignored_and_failing_if_asked", IsIgnored),
            ("ignored_for_a_reason", IsIgnored),
            ("ignored_for_no_reason", IsIgnored),
            ("panics_as_it_should", Passes),
            ("panics_with_several_lines", Fails),
            ("panics_with_the_right_words", Passes),
            ("passes", Passes),
            ("passes_while_another_thread_panics", Passes),
            ("returns_an_error", Fails),
            ("should_panic_and_does_not", Fails),
            ("should_panic_with_other_words", Fails),
        ],
    ),
    harness("aborts", &[("a_first", Passes), ("m_aborts", DiesOf(SIGABRT)), ("z_last", Passes)]),
    harness("fails_then_aborts", &[("a_fails_with_words", Fails), ("m_aborts", DiesOf(SIGABRT)), ("z_last", Passes)]),
    harness(
        "two_crashes",
        &[
            ("a_first", Passes),
            ("b_aborts", DiesOf(SIGABRT)),
            ("m_between", Passes),
            ("y_aborts_too", DiesOf(SIGABRT)),
            ("z_last", Passes),
        ],
    ),
    harness("overflows", &[("a_first", Passes), ("m_overflows", DiesOf(SIGABRT)), ("z_last", Passes)]),
    harness("segfaults", &[("a_first", Passes), ("m_segfaults", DiesOf(SIGSEGV)), ("z_last", Passes)]),
    harness("killed", &[("a_first", Passes), ("m_is_killed", DiesOf(SIGKILL)), ("z_last", Passes)]),
    harness(
        "exits_zero",
        &[("a_first", Passes), ("m_exits_with_success", Exits(0)), ("z_fails_if_it_ever_runs", Fails)],
    ),
    harness("exits_three", &[("a_first", Passes), ("m_exits_with_three", Exits(3)), ("z_last", Passes)]),
    harness("hangs", &[("a_first", Passes), ("m_hangs", Hangs), ("z_last", Passes)]),
    harness("ignores_term", &[("a_first", Passes), ("m_hangs_with_a_stubborn_child", Hangs)]),
    harness("daemon", &[("leaves_a_child_behind", Passes), ("leaves_a_child_in_a_group_of_its_own", IsIgnored)]),
    harness(
        "big",
        &[
            ("captured_and_fails", Fails),
            ("captured_and_passes", Passes),
            ("raw_and_fails", Fails),
            ("raw_and_passes", Passes),
            ("raw_in_one_line_and_passes", Passes),
        ],
    ),
    harness(
        "bytes",
        &[
            ("markup_and_fails", Fails),
            ("no_newline_at_the_end_and_fails", Fails),
            ("no_newline_at_the_end_and_passes", Passes),
            ("no_utf8_and_fails", Fails),
            ("no_utf8_and_passes", Passes),
            ("terminal_escapes_and_fails", Fails),
            ("workflow_commands_and_fails", Fails),
        ],
    ),
    harness(
        "lookalike",
        &[
            ("a_child_reports_a_test_that_is_none", Passes),
            ("a_failing_test_reports_itself_as_ok", Fails),
            ("a_neighbour_is_slandered", Passes),
            ("a_red_summary_is_forged", Passes),
            ("a_start_is_forged", Passes),
            ("a_summary_is_forged", Passes),
            ("captured_text_looks_like_sections", Fails),
            ("raw_text_splits_the_line", Passes),
            ("raw_text_splits_the_line_and_fails", Fails),
            ("z_neighbour_that_passes", Passes),
        ],
    ),
    harness(
        "names",
        &[
            ("failures::stdout", Fails),
            ("größe_zählt", Passes),
            ("ok::FAILED", Passes),
            ("prefix", Passes),
            ("prefix_of_another", Passes),
            ("r#match", Passes),
            ("r#mod::r#fn", Passes),
            (LONG_NAME, Passes),
            ("with_a_note_behind_the_name", Passes),
            ("名前は日本語", Passes),
        ],
    ),
    harness(
        "locks",
        &[
            ("a_uses_the_file", Passes),
            ("b_uses_the_file", Passes),
            ("c_uses_the_file", Passes),
            ("d_uses_the_file", Passes),
        ],
    ),
    harness(
        "slow",
        &[
            ("a_0100", Passes),
            ("b_0400", Passes),
            ("c_0050", Passes),
            ("d_0200", Passes),
            ("e_ignored", IsIgnored),
            ("f_0300", Passes),
            ("g_0000", Passes),
            ("h_0800", Passes),
        ],
    ),
    harness(
        "flaky",
        &[
            ("aborts_once", AbortsAtFirst(1)),
            ("always_passes", Passes),
            ("fails_once", FailsAtFirst(1)),
            ("fails_twice", FailsAtFirst(2)),
        ],
    ),
    harness("stdin", &[("finds_the_end_of_stdin", Passes)]),
    custom(
        "lists_like_libtest",
        &[("data::first", Passes), ("data::second", Fails), ("data::third", IsIgnored), ("fourth", Passes)],
    ),
    custom("blind_with_lines", &[("fixtures/one.txt", Passes), ("fixtures/two.txt", Passes)]),
    custom("blind_with_a_failing_line", &[("fixtures/one.txt", Passes), ("fixtures/two.txt", Fails)]),
    custom("refuses_format", &[("strict", Passes)]),
    custom("plain", &[("passes", Passes)]),
    envprint(
        "app",
        Kind::Lib,
        "app",
        &[
            ("tests::finds_what_the_build_script_wrote_when_it_runs", Passes),
            ("tests::sees_cargo_configuration", Passes),
            ("tests::sees_what_the_build_script_said", Passes),
            ("tests::stands_in_its_package", Passes),
            ("tests::writes_its_surroundings", Passes),
        ],
    ),
    envprint(
        "app",
        Kind::Bin,
        "app",
        &[("tests::stands_in_its_package", Passes), ("tests::writes_its_surroundings", Passes)],
    ),
    envprint("app", Kind::Bin, "second", &[("writes_its_surroundings", Passes)]),
    envprint(
        "app",
        Kind::Test,
        "integration",
        &[
            ("has_a_directory_for_its_files", Passes),
            ("runs_the_binary_of_its_package", Passes),
            ("writes_its_surroundings", Passes),
        ],
    ),
    envprint("app", Kind::Example, "shown", &[("writes_its_surroundings", Passes)]),
    envprint(
        "app",
        Kind::Doc,
        "doc",
        &[
            ("app/src/lib.rs - documented #1", Passes),
            ("app/src/lib.rs - documented #2", Passes),
            ("app/src/lib.rs - documented #3", Passes),
            ("app/src/lib.rs - documented #4", Passes),
            ("app/src/lib.rs - documented #5", Passes),
            ("app/src/lib.rs - documented #6", IsIgnored),
        ],
    ),
    envprint("mac", Kind::Lib, "mac", &[("tests::is_a_number", Passes), ("tests::writes_its_surroundings", Passes)]),
    envprint("mac", Kind::Doc, "doc", &[("mac/src/lib.rs - seven #1", Passes)]),
    envprint("old", Kind::Lib, "old_name", &[("tests::writes_its_surroundings", Passes)]),
    envprint(
        "old",
        Kind::Doc,
        "doc",
        &[
            ("old/src/lib.rs - Thing #1", Passes),
            ("old/src/lib.rs - Thing::method #1", Passes),
            ("old/src/lib.rs - documented #1", Passes),
            ("old/src/lib.rs - documented #2", Passes),
            ("old/src/lib.rs - documented #3", Passes),
            ("old/src/lib.rs - documented #4", Passes),
            ("old/src/lib.rs - documented #5", IsIgnored),
        ],
    ),
    FixtureBinary {
        fixture: "doctests",
        package: "doctests",
        kind: Kind::Doc,
        binary: "doc",
        tests: &[
            ("src/lib.rs - #1", Passes),
            ("src/lib.rs - Generic #1", Passes),
            ("src/lib.rs - Generic<T>::one #1", Passes),
            ("src/lib.rs - Kinds #1", Passes),
            ("src/lib.rs - Kinds #2", Fails),
            ("src/lib.rs - Kinds #3", Passes),
            ("src/lib.rs - Kinds #4", Fails),
            ("src/lib.rs - Kinds #5", Passes),
            ("src/lib.rs - Kinds #6", IsIgnored),
            ("src/lib.rs - Kinds #7", Passes),
            ("src/lib.rs - Kinds #8", Fails),
            ("src/lib.rs - Kinds::method #1", Passes),
            ("src/lib.rs - double #1", Passes),
            ("src/lib.rs - double #2", Passes),
            ("src/lib.rs - double #3", Fails),
            ("src/nested.rs - nested #1", Passes),
            ("src/nested.rs - nested::answers #1", Passes),
        ],
    },
    // As `--workspace` sees it; by default `extra` is left out.
    member("counter", Kind::Lib, "counter", &[("tests::counts", Passes), ("tests::counts_with_std", Passes)]),
    member("counter", Kind::Doc, "doc", &[("counter/src/lib.rs - next #1", Passes)]),
    member("tool", Kind::Bin, "tool", &[("the_tool_counts", Passes)]),
    member("extra", Kind::Lib, "extra", &[("fails_where_it_is_asked", Fails)]),
];

/// The longest name, of `harness/test:names`.
pub(crate) const LONG_NAME: &str = concat!(
    "this_name_goes_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_a",
    "nd_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on"
);
