//! Files that nobody should have written: a clear reason with its place, or results that are not green; never a panic,
//! never without an end.

use std::time::Duration;

use cargo_gate::import::{Format, detect, parse};
use cargo_gate::model::Outcome;
use proptest::prelude::*;

use super::{golden_file, one, run_of};

#[track_caller]
fn refused(format: Format, bytes: &[u8]) -> String {
    match parse(format, bytes) {
        Ok(results) => panic!("read as {results:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_is_no_junit_is_refused_with_its_place() {
    let laughs = "<!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY lol2 \"&lol;&lol;&lol;&lol;\">]>\n<testsuite \
                  name=\"a\">\n<testcase name=\"b\"><failure>&lol2;</failure></testcase></testsuite>";
    let in_attribute = "<!DOCTYPE x [<!ENTITY e \"e\">]>\n<testsuite>\n<testcase name=\"&e;\"/></testsuite>";
    let external = "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>\n<testsuite><testcase \
                    name=\"a\"><error>&e;</error></testcase></testsuite>";
    for (text, place, why) in [
        (laughs, "3:29:", "`&lol2;` is no entity of XML's own, and no other is expanded"),
        (in_attribute, "3:1:", "unrecognized entity"),
        (external, "2:38:", "`&e;` is no entity of XML's own"),
        ("", "1:1:", "there is no `testsuites` or `testsuite`"),
        ("<html></html>", "1:1:", "the root element is `html`"),
        ("<testsuite>\n<testcase name=\"a\">\n", "3:1:", "ends too early"),
        ("<testsuite>\n  </testsuites>", "2:3:", "this is not XML"),
        ("<testsuite/>\n<testsuite/>", "2:1:", "something after the end"),
        ("<testsuite><testcase name=a/></testsuite>", "1:12:", "this is not XML"),
        (
            "<testsuite>\n<testcase name=\"a\"><failure>&#0;</failure></testcase></testsuite>",
            "2:29:",
            "this is not XML",
        ),
    ] {
        let error = refused(Format::Junit, text.as_bytes());
        assert!(error.starts_with(place) && error.contains(why), "{text}\n{error}");
    }
}

#[test]
fn nesting_has_an_end() {
    let deep = "<testsuite>".repeat(100_000);
    assert!(refused(Format::Junit, deep.as_bytes()).contains("nested more than 128 deep"));
    let part = format!("<testsuite><testcase name='a'><failure>{}", "<b>".repeat(100_000));
    assert!(refused(Format::Junit, part.as_bytes()).contains("nested more than 128 deep"));
    let subtests: String = (0..1000).map(|depth| format!("{}1..1\n", "    ".repeat(depth))).collect();
    assert!(refused(Format::Tap, subtests.as_bytes()).starts_with("65: subtests are nested more than 64 deep"));
    // libtest's parser has an end of its own: the line is none.
    let json = format!("{{ \"type\": \"test\", \"nextest\": {}", "[".repeat(100_000));
    let run = run_of(Format::LibtestJson, json.as_bytes());
    assert!(run.contains("an event cannot be read"), "{run}");
}

#[test]
fn names_and_texts_have_an_end() {
    let name = "n".repeat(20 << 20);
    let xml =
        format!("<testsuite name='{name}'><testcase name='{name}'><failure>{name}</failure></testcase></testsuite>");
    for (format, text) in [
        (Format::Junit, xml),
        (Format::Tap, format!("1..1\nnot ok 1 - {name}\n# {name}\n")),
        (
            Format::LibtestJson,
            format!("{{ \"type\": \"test\", \"name\": \"{name}\", \"event\": \"failed\", \"stdout\": \"{name}\" }}"),
        ),
    ] {
        assert!(run_of(format, text.as_bytes()).len() < 64 << 10, "{format}");
    }
}

#[test]
fn a_plan_without_end_costs_nothing() {
    let run = run_of(Format::Tap, b"1..18446744073709551615\nok 18446744073709551615 - a\nok 1 - b\n");
    assert!(
        run.contains("18446744073709551613 of 18446744073709551615 tests in the plan did not come: 2, 3, 4, 5, 6, ")
    );
}

#[test]
fn numbers_that_are_none_count_as_missing() {
    for time in ["1e400", "NaN", "inf", "-inf", "-1", "-0.5", "", "ten", "1e300", "٣"] {
        let xml = format!(
            "<testsuite tests='{time}' failures='{time}' time='{time}'><testcase name='a' time='{time}' line='{time}'/></testsuite>"
        );
        let results = one(Format::Junit, xml.as_bytes());
        assert_eq!((results.took, results.suites[0].cases[0].took), (None, None), "{time}");
        let json = format!("{{ \"type\": \"test\", \"name\": \"a\", \"event\": \"ok\", \"exec_time\": \"{time}\" }}");
        assert_eq!(one(Format::LibtestJson, json.as_bytes()).suites[0].cases[0].took, None, "{time}");
        let tap = format!("1..1\nok 1 - a\n  ---\n  duration_ms: {time}\n  ...\n");
        assert_eq!(one(Format::Tap, tap.as_bytes()).suites[0].cases[0].took, None, "{time}");
    }
    for number in ["-1", "1e3", "18446744073709551616", "1099511627777", "NaN", "1.5"] {
        let error = refused(Format::Simple, format!("Total Tests: {number}").as_bytes());
        assert!(error.contains("none of the lines"), "{error}");
    }
}

#[test]
fn no_run_began_in_the_future() {
    for (time, start) in [
        ("2026-11-21T13:08:33.799", "2026-11-21T13:08:33.799Z"),
        ("2026-11-21T13:08:33+02:00", "2026-11-21T11:08:33Z"),
        ("3000-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("yesterday", "2026-02-01T00:00:00Z"),
        ("99999-12-31", "2026-02-01T00:00:00Z"),
    ] {
        let xml = format!("<testsuite timestamp='{time}'><testcase name='a'/></testsuite>");
        let run = run_of(Format::Junit, xml.as_bytes());
        assert!(run.starts_with(&format!("suite file, {start},")), "{time}: {run}");
    }
}

#[test]
fn encodings_are_read_or_refused() {
    let xml = "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><testsuite name=\"s\"><testcase name=\"é\"/></testsuite>";
    let latin: Vec<u8> = xml.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let utf16 =
        |text: &str| [&[0xff, 0xfe][..], &text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()].concat();
    let with_mark = [b"\xef\xbb\xbf", xml.as_bytes()].concat();
    for bytes in [latin.as_slice(), &utf16(xml), &with_mark, xml.as_bytes()] {
        assert_eq!(detect(bytes), Some(Format::Junit));
        assert_eq!(one(Format::Junit, bytes).suites[0].cases[0].path, ["é"]);
    }
    let undeclared = b"<testsuite>\n<testcase name=\"\xe9\"/></testsuite>";
    assert!(refused(Format::Junit, undeclared).starts_with("2:17: these bytes are not UTF-8"));
    // What a shell of Windows writes.
    let tap = utf16("1..1\r\nok 1 - é\r\n");
    assert_eq!(detect(&tap), Some(Format::Tap));
    assert_eq!(one(Format::Tap, &tap).suites[0].cases[0].path, ["é"]);
    // Output may hold anything.
    assert_eq!(one(Format::Tap, b"1..1\nok 1 - a\xe9\0b\n").suites[0].cases[0].path, ["a\u{fffd}\u{fffd}b"]);
}

#[test]
fn results_that_do_not_add_up_are_not_green() {
    for (format, text, why) in [
        (Format::Junit, "<testsuite tests='2'><testcase name='a'/></testsuite>", "2 tests are announced, 1 are there"),
        (
            Format::Junit,
            "<testsuite failures='1'><testcase name='a'/></testsuite>",
            "1 failures are announced, none is there",
        ),
        (
            Format::Junit,
            "<testsuites tests='2'><testsuite><testcase name='a'/></testsuite></testsuites>",
            "2 tests are announced",
        ),
        (
            Format::Junit,
            "<testsuite><testcase name='' classname='c'><error>no set-up</error></testcase></testsuite>",
            "a case of `c` without a name failed: no set-up",
        ),
        (Format::Tap, "1..3\nok 1 - a\nok 3 - c\n", "1 of 3 tests in the plan did not come: 2"),
        (Format::Tap, "ok 1 - a\n", "there is no plan"),
        (Format::Tap, "1..1\nok 1 - a\nok 2 - b\n", "1 of 2 points are not in the plan 1..1"),
        (Format::Tap, "1..2\nok 1 - a\nok 1 - b\n", "number 1 comes twice"),
        (Format::Tap, "1..1\n1..2\nok 1 - a\n", "there are two plans"),
        (Format::Tap, "1..2\nok 1 - a\nBail out! no disk\n", "it bailed out: no disk"),
        (
            Format::Tap,
            "1..1\n    1..2\n    ok 1 - inner\nok 1 - outer\n",
            "in `outer`: 1 of 2 tests in the plan did not come: 2",
        ),
        (Format::Simple, "Total Tests: 3\nPassed: 2\nFailed: 0\n", "2 passed and 0 failed are not 3 tests"),
        (Format::Simple, "Total Tests: 3\nPassed: 3\n", "there is no line `failed`"),
        (Format::Simple, "Total Tests: 1\nPassed: 1\nFailed: 0\nFailed: 1\n", "`failed` is said twice: 0 and 1"),
        (
            Format::LibtestJson,
            "{ \"type\": \"suite\", \"event\": \"started\", \"test_count\": 2 }\n{ \"type\": \"test\", \"event\": \"started\", \"name\": \"a\" }\n",
            "it began and never ended",
        ),
        (
            Format::LibtestJson,
            "{ \"type\": \"test\", \"name\": \"a\", \"event\": \"ok\" }\n{ \"type\": \"suite\", \"event\": \"failed\", \"passed\": 1, \"failed\": 1 }\n",
            "the suite counts 2 tests, 1 are there",
        ),
    ] {
        let run = run_of(format, text.as_bytes());
        assert!(run.contains(why) && run.contains("error"), "{text}\n{run}");
    }
}

#[test]
fn r19_what_is_missing_is_made_up_for() {
    let xml = "<testsuite><testcase classname='c'/><testcase name=' '/><testcase name='a'/>\
               <testcase name='b' status='exploded'/></testsuite>";
    let run = run_of(Format::Junit, xml.as_bytes());
    assert_eq!(one(Format::Junit, xml.as_bytes()).nameless, 2);
    assert!(run.contains("2 tests: 1 passed, 0 flaky, 0 failed, 1 errored"), "{run}");
    assert!(run.contains("passed      0  app/suite:file::a\nerror       0  app/suite:file::b\n"), "{run}");
    let json =
        "{ \"type\": \"test\", \"name\": \"a\", \"event\": \"exploded\" }\n{ \"type\": \"test\", \"event\": \"ok\" }";
    let results = one(Format::LibtestJson, json.as_bytes());
    assert_eq!((results.nameless, results.suites[0].cases[0].outcome), (1, Outcome::Error));
}

#[test]
fn two_cases_of_one_name_stay_two() {
    let xml = "<testsuite name='s'><testcase name='a'><failure/></testcase><testcase name='a'/><testcase name='a #2'/>\
               <testcase name='a'/></testsuite>";
    let run = run_of(Format::Junit, xml.as_bytes());
    let names: Vec<&str> = run.lines().filter_map(|line| line.split("app/").nth(1)).collect();
    assert_eq!(names, ["suite:s::a", "suite:s::a #2", "suite:s::a #2 #2", "suite:s::a #3"]);
}

#[test]
fn output_between_the_results_is_passed_over() {
    let json = "   Compiling app v0.1.0\nrunning{ \"type\": \"suite\", \"event\": \"started\", \"test_count\": 1 }\nhello {}\n\
                raw{ \"type\": \"test\", \"name\": \"a\", \"event\": \"ok\", \"exec_time\": \"0.5s\" }\n\
                { \"type\": \"suite\", \"event\": \"ok\", \"passed\": 1, \"failed\": 0 }\n";
    assert_eq!(detect(json.as_bytes()), Some(Format::LibtestJson));
    let results = one(Format::LibtestJson, json.as_bytes());
    assert_eq!(results.problems().count(), 0);
    assert_eq!(results.suites[0].cases[0].took, Some(Duration::from_millis(500)));
    let simple = "Passed: through the gate\n| Total Tests ..... : 2 |\n\u{1b}[1;32m✓ PASSED:\u{1b}[0m 2\n* failed: 0\n";
    assert_eq!(detect(simple.as_bytes()), Some(Format::Simple));
    let run = run_of(Format::Simple, simple.as_bytes());
    assert!(run.contains("2 tests: 2 passed"), "{run}");
}

/// Small files in which everything is well.
const GREEN: [(Format, &str); 4] = [
    (
        Format::Junit,
        "<?xml version='1.0'?><testsuites name='t'><testsuite name='s' tests='2'><testcase name='a' time='1'/>\
         <testcase name='b'><system-out><![CDATA[x]]></system-out></testcase></testsuite></testsuites>",
    ),
    (
        Format::Tap,
        "TAP version 14\n1..2\n# Subtest: a\n    ok 1 - x\n    1..1\nok 1 - a\n  ---\n  duration_ms: 1\n  ...\nok 2 - b\n",
    ),
    (
        Format::LibtestJson,
        "{ \"type\": \"suite\", \"event\": \"started\", \"test_count\": 2 }\n\
         { \"type\": \"test\", \"event\": \"started\", \"name\": \"a\" }\n\
         { \"type\": \"test\", \"event\": \"started\", \"name\": \"b\" }\n\
         { \"type\": \"test\", \"name\": \"a\", \"event\": \"ok\" }\n\
         { \"type\": \"test\", \"name\": \"b\", \"event\": \"ok\" }\n\
         { \"type\": \"suite\", \"event\": \"ok\", \"passed\": 2, \"failed\": 0, \"ignored\": 0 }\n",
    ),
    (Format::Simple, "Total Tests: 12\nPassed: 12\nFailed: 0\n"),
];

#[test]
fn what_is_cut_off_is_not_green() {
    for (format, text) in GREEN {
        let whole = one(format, text.as_bytes());
        let is_green = |results: &cargo_gate::import::Results| {
            results.problems().count() == 0 && results.cases().all(|case| !case.outcome.is_failure())
        };
        assert!(is_green(&whole), "{format}: {whole:?}");
        for cut in 0..text.len() {
            let Ok(results) = parse(format, &text.as_bytes()[..cut]) else { continue };
            let has_all = results[0].cases().count() == whole.cases().count();
            assert!(has_all || !is_green(&results[0]), "{format} cut at {cut}: {results:?}");
        }
    }
}

#[test]
fn real_files_cut_anywhere_make_nothing_panic() {
    for name in [
        "nextest.xml",
        "surefire-counter.xml",
        "node.tap",
        "perl.tap",
        "prove.txt",
        "libtest.json",
        "nextest.json",
        "simple.txt",
    ] {
        let (format, bytes) = golden_file(name);
        for cut in 0..bytes.len() {
            let _ = detect(&bytes[..cut]);
            let read = parse(format, &bytes[..cut]);
            assert!(
                format != Format::Junit || read.is_err() || bytes[cut..].iter().all(u8::is_ascii_whitespace),
                "{name} cut at {cut}"
            );
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = detect(&bytes);
        for format in Format::ALL {
            let _ = parse(format, &bytes);
        }
    }

    #[test]
    fn no_words_of_a_format_make_it_panic(words in proptest::collection::vec(word(), 0..40)) {
        let text: String = words.concat();
        for format in Format::ALL {
            let _ = parse(format, text.as_bytes());
        }
    }
}

/// Pieces of which files are made.
fn word() -> impl Strategy<Value = String> {
    let words = [
        "<testsuite",
        "<testsuites>",
        " name='a'",
        " tests='3'",
        ">",
        "/>",
        "<testcase name='b'",
        "<failure>",
        "</failure>",
        "<rerunFailure>",
        "<flakyFailure>",
        "</testcase>",
        "</testsuite>",
        "<![CDATA[",
        "]]>",
        "&amp;",
        "&#x1b;",
        "&x;",
        "ok",
        "not ok",
        " 1",
        " - a",
        " # SKIP",
        " # TODO",
        "\n",
        "    ",
        "1..2",
        "1..",
        "TAP version 14",
        "# Subtest: a",
        "  ---",
        "  ...",
        "Bail out!",
        "duration_ms: 1e400",
        "t/a.t .. ",
        "Dubious, test returned 1",
        "}",
        "{",
        "{ \"type\": \"test\"",
        ", \"event\": \"ok\"",
        ", \"name\": \"a::b$c#2\"",
        ", \"event\": \"started\"",
        " }",
        "\n",
        "{ \"type\": \"suite\"",
        ", \"test_count\": 18446744073709551615",
        ", \"passed\": 18446744073709551615",
        "Total Tests:",
        "Passed:",
        "Failed: 18446744073709551615",
        " in 5ms",
        "\0",
        "é",
        "\\",
        "#",
    ];
    prop_oneof![4 => proptest::sample::select(words.to_vec()).prop_map(str::to_owned), 1 => ".{0,3}"]
}
