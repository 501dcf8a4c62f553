//! Files that real tools wrote: see `testdata/import/README.md`.

use cargo_gate::import::{Format, Results, imported};

use super::{golden_file, one, origin, run_of, sample, shown};

macro_rules! golden {
    ($($name:ident: $file:literal, $format:ident;)*) => {$(
        #[test]
        fn $name() {
            let (format, bytes) = golden_file($file);
            assert_eq!(format, Format::$format, "the format is seen by itself");
            insta::assert_snapshot!(run_of(format, &bytes));
        }
    )*};
}

golden! {
    nextest_junit_becomes_runs_of_the_real_keys: "nextest.xml", Junit;
    surefire_tries_become_attempts: "surefire-counter.xml", Junit;
    surefire_names_a_class_that_cannot_be_set_up: "surefire-broken.xml", Junit;
    pytest_outcomes_are_kept: "pytest.xml", Junit;
    gtest_failures_of_one_test_are_one_attempt: "gtest.xml", Junit;
    node_junit_has_cases_outside_of_suites: "node.xml", Junit;
    node_tap_nests_by_its_comments: "node.tap", Tap;
    perl_tap_has_subtests_and_directives: "perl.tap", Tap;
    what_prove_prints_is_a_suite_for_each_file: "prove.txt", Tap;
    a_bail_out_is_an_error: "bails.tap", Tap;
    bats_tap_has_its_output_in_comments: "bats.tap", Tap;
    libtest_json_of_several_binaries_is_one_run: "libtest.json", LibtestJson;
    nextest_json_names_its_binaries: "nextest.json", LibtestJson;
    coloured_totals_are_one_case: "simple.txt", Simple;
}

#[test]
fn files_of_surefire_can_be_one_run() {
    let parts = ["surefire-counter.xml", "surefire-broken.xml"].map(|name| {
        let (format, bytes) = golden_file(name);
        one(format, &bytes)
    });
    let run = shown(&imported(&Results::joined(parts.to_vec()), origin(&sample())));
    assert!(run.contains("6 tests: 1 passed, 1 flaky, 1 failed, 2 errored, 0 timed out, 1 skipped"), "{run}");
}

#[test]
fn a_suite_that_is_named_holds_all_cases() {
    let rust = sample();
    let mut named = origin(&rust);
    named.suite = Some("java".to_owned());
    let (format, bytes) = golden_file("surefire-counter.xml");
    let run = imported(&one(format, &bytes), named);
    assert_eq!(run.head.suite, "java");
    let keys: Vec<String> = run.cases.iter().map(|case| case.key.to_string()).collect();
    assert!(keys.contains(&"app/suite:java::sample.CounterTest::counts".to_owned()), "{keys:?}");
}
