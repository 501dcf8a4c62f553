//! The verbose text of Python's unittest, for which it knows no other form: `test_x (mod.Class.test_x) ... ok`.
//!
//! The text is the error output of the process, so that what tests print stands between its lines, and within them.
//! What failed is believed to the blocks at its end, which nothing interrupts; the lines say which tests there were and
//! which were skipped; and the counts of the summary must fit both. Where they do not, the results are an error.
//!
//! Python 3.11 and later name the method within the parentheses, too, and tell subtests on lines of their own; earlier
//! ones tell a test with failed subtests on the line of the next one.

use std::collections::HashMap;

use super::case::{attempt, of_attempts};
use super::results::{Case, MOST_BYTES, MOST_CASES, Results, Suite, Unreadable};
use super::text;
use super::unittest_line::{Name, Status, heading, name_in, ran, verdict};
use crate::model::{Attempt, AttemptOutcome};

/// What stands above a block.
const DOUBLE: &str = "======================================================================";

/// What stands above a block's text, and above the summary.
const SINGLE: &str = "----------------------------------------------------------------------";

/// Between a test and what became of it.
const DOTS: &str = " ... ";

/// Longer lines are somebody's output.
const LONGEST_LINE: usize = 4000;

/// Reads what `python3 -m unittest -v` prints on its error output.
///
/// # Errors
///
/// There is neither a test nor a summary in it.
pub fn parse_unittest(bytes: &[u8]) -> Result<Results, Unreadable> {
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MOST_BYTES) {
        return Err(Unreadable::whole("it is larger than 512 MiB"));
    }
    let text = text::lossy(bytes);
    let plain = console::strip_ansi_codes(&text);
    let mut reader = Reader::default();
    for line in text::lines(&plain) {
        reader.read(line);
        if reader.tests.len() > MOST_CASES {
            return Err(Unreadable::whole("there are more than a million tests in it"));
        }
    }
    if reader.tests.is_empty() && reader.ran.is_none() {
        return Err(Unreadable::whole("there is neither a test in it nor a line `Ran N tests`"));
    }
    Ok(reader.finish())
}

/// A test that was begun.
#[derive(Debug)]
struct Test {
    name: Name,
    /// What stands right behind the dots.
    certain: Option<Status>,
    /// What later lines end with, the last.
    likely: Option<Status>,
    /// How many of its subtests were skipped.
    skipped_parts: u64,
}

/// A block of text at the end.
#[derive(Debug)]
struct Block {
    status: Status,
    name: Name,
    text: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    /// Lines that tell tests.
    #[default]
    Tests,
    /// Behind a double line: a block's first line comes.
    Heading,
    /// A block's lines up to its single line, or its text.
    Block,
    /// Behind the blocks.
    Summary,
}

#[derive(Debug, Default)]
struct Reader {
    part: Part,
    tests: Vec<Test>,
    /// A test's name without dots: the first line of its documentation follows.
    pending: Option<Name>,
    blocks: Vec<Block>,
    /// Was the last line a single one?
    after_single: bool,
    /// Lines in which a skipped class or module stands alone.
    skipped_alone: u64,
    ran: Option<(u64, f64)>,
    /// `OK`, `FAILED`, `NO TESTS RAN`, and the counts behind it.
    verdict: Option<(bool, HashMap<String, u64>)>,
    problems: Vec<String>,
}

impl Reader {
    fn read(&mut self, line: &str) {
        let after_single = std::mem::replace(&mut self.after_single, line == SINGLE);
        if after_single && let Some(ran) = ran(line) {
            if self.ran.replace(ran).is_some() {
                self.problems.push("there are two lines `Ran N tests`".to_owned());
            }
            self.part = Part::Summary;
            return;
        }
        match self.part {
            Part::Tests if line == DOUBLE => self.part = Part::Heading,
            Part::Tests => self.test_line(line),
            Part::Heading => {
                self.part = Part::Block;
                if let Some((status, name)) = heading(line) {
                    self.blocks.push(Block { status, name, text: String::new() });
                } else if let Some(block) = self.blocks.last_mut() {
                    // A failure may well print such a line.
                    text::add(&mut block.text, &format!("{DOUBLE}\n{line}\n"));
                } else {
                    self.part = Part::Tests;
                    self.test_line(line);
                }
            }
            Part::Block if line == DOUBLE => self.part = Part::Heading,
            Part::Block => {
                if let Some(block) = self.blocks.last_mut().filter(|_| line != SINGLE) {
                    text::add(&mut block.text, line);
                    text::add(&mut block.text, "\n");
                }
            }
            Part::Summary => {
                if let Some(verdict) = verdict(line) {
                    self.verdict = Some(verdict);
                }
            }
        }
    }

    fn test_line(&mut self, line: &str) {
        if line.len() > LONGEST_LINE {
            self.later(line.get(line.len() - 80..).unwrap_or_default());
            return;
        }
        if let Some(part) = line.strip_prefix("  ") {
            self.part_line(part);
            return;
        }
        let with_end = if line.ends_with(" ...") { format!("{line} ") } else { line.to_owned() };
        let Some((head, rest)) = with_end.split_once(DOTS) else {
            let before = std::mem::replace(&mut self.pending, name_in(line));
            if before.is_none() && self.pending.is_none() {
                self.later(line);
            }
            return;
        };
        let pending = self.pending.take();
        let Some(name) = name_in(head).or(pending) else {
            self.later(line);
            return;
        };
        // Earlier Pythons tell nothing of a test of which only subtests failed, and the next one follows in its line.
        let follows = rest.split_once(DOTS).is_some_and(|(head, _)| name_in(head).is_some()) || name_in(rest).is_some();
        let certain = if follows { None } else { Status::exactly(rest.trim_end()) };
        self.begin(name, certain);
        if follows {
            self.test_line(rest);
        } else if certain.is_none() {
            self.later(rest);
        }
    }

    fn begin(&mut self, name: Name, certain: Option<Status>) {
        // An error in the cleanup of a test that failed already is told on a line of its own.
        if let Some(last) = self.tests.last()
            && last.name == name
            && matches!(last.certain, Some(Status::Failed | Status::Error))
        {
            return;
        }
        self.tests.push(Test { name, certain, likely: None, skipped_parts: 0 });
    }

    /// A line that tells a subtest, or is somebody's output.
    fn part_line(&mut self, line: &str) {
        let status = line.rsplit_once(DOTS).and_then(|(_, rest)| Status::exactly(rest));
        let Some(test) = self.tests.last_mut() else { return };
        if status == Some(Status::Skipped) && line.starts_with(&format!("{} (", test.name.1)) {
            test.skipped_parts += 1;
        } else {
            self.later(line);
        }
    }

    /// What comes after the dots of the last test.
    fn later(&mut self, line: &str) {
        let Some(status) = Status::at_end(line.trim_end()) else { return };
        match self.tests.last_mut() {
            Some(test) if test.certain.is_none() => test.likely = Some(status),
            _ if status == Status::Skipped && Status::exactly(line.trim_end()).is_some() => self.skipped_alone += 1,
            _ => {}
        }
    }

    fn finish(mut self) -> Results {
        let took = self.ran.and_then(|(_, seconds)| text::of_seconds(seconds));
        let is_whole = self.ran.is_some() && self.verdict.is_some();
        if self.ran.is_none() {
            self.problems.push("there is no line `Ran N tests`: it did not come to its end".to_owned());
        } else if self.verdict.is_none() {
            self.problems.push("there is neither `OK` nor `FAILED` at its end".to_owned());
        }
        let mut blocks: HashMap<Name, Vec<Block>> = HashMap::new();
        let mut order = Vec::new();
        let counts = self.counts_of_blocks();
        for block in std::mem::take(&mut self.blocks) {
            let of_name = blocks.entry(block.name.clone()).or_default();
            if of_name.is_empty() {
                order.push(block.name.clone());
            }
            of_name.push(block);
        }
        let tests = std::mem::take(&mut self.tests);
        let (mut cases, mut skipped, mut skipped_parts, mut unexpected) = (Vec::new(), 0, 0, 0);
        for test in &tests {
            let of_test = blocks.remove(&test.name).unwrap_or_default();
            let outcome = outcome(test, &of_test, is_whole);
            skipped += u64::from(outcome == Some(Said::Skipped) && test.skipped_parts == 0);
            skipped_parts += test.skipped_parts;
            let is_unexpected = |block: &Block| block.status == Status::UnexpectedSuccess;
            let has_told = test.status() == Some(Status::UnexpectedSuccess);
            unexpected += u64::from(has_told || of_test.iter().any(is_unexpected));
            cases.push(case(&test.name, outcome, &of_test));
        }
        if is_whole {
            let told = Counted { tests: tests.len() as u64, skipped, skipped_parts, unexpected, ..counts };
            self.compare(&told);
        }
        // What went wrong outside of a test: the setup of a class, of a module.
        for name in order {
            if let Some(of_name) = blocks.remove(&name) {
                cases.push(case(&name, Some(Said::Error), &of_name));
            }
        }
        let suite = Suite { cases, problems: self.problems, ..Suite::default() };
        Results { took, suites: vec![suite], ..Results::default() }
    }

    fn counts_of_blocks(&self) -> Counted {
        let of = |status| self.blocks.iter().filter(|block| block.status == status).count() as u64;
        Counted { failures: of(Status::Failed), errors: of(Status::Error), ..Counted::default() }
    }

    /// Do the lines and the blocks say what the summary says?
    fn compare(&mut self, told: &Counted) {
        let (Some((ran, _)), Some((is_ok, said))) = (self.ran, &self.verdict) else { return };
        let said = |what: &str| said.get(what).copied().unwrap_or_default();
        let mut wrong = Vec::new();
        // Python 3.12.0 and 3.12.1 do not count what is skipped.
        if told.tests != ran && told.tests.checked_sub(told.skipped) != Some(ran) {
            wrong.push(format!("{} tests are told, and {ran} ran", told.tests));
        }
        for (what, told) in [("failures", told.failures), ("errors", told.errors)] {
            if told != said(what) {
                wrong.push(format!("{told} {what} are told, and {} counted", said(what)));
            }
        }
        let skips = told.skipped.saturating_add(told.skipped_parts).saturating_add(self.skipped_alone);
        if skips != said("skipped") {
            wrong.push(format!("{skips} skips are told, and {} counted", said("skipped")));
        }
        if told.unexpected != said("unexpected successes") {
            let (told, said) = (told.unexpected, said("unexpected successes"));
            wrong.push(format!("{told} unexpected successes are told, and {said} counted"));
        }
        let has_failed = told.failures + told.errors + told.unexpected > 0;
        if *is_ok == has_failed {
            wrong.push("its last word does not fit what became of its tests".to_owned());
        }
        self.problems.extend(wrong);
    }
}

#[derive(Debug, Default)]
struct Counted {
    tests: u64,
    skipped: u64,
    skipped_parts: u64,
    unexpected: u64,
    failures: u64,
    errors: u64,
}

impl Test {
    fn status(&self) -> Option<Status> {
        self.certain.or(self.likely)
    }
}

/// What became of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Passed,
    Failed,
    Error,
    Skipped,
}

/// What became of a test; none where nothing tells.
fn outcome(test: &Test, blocks: &[Block], is_whole: bool) -> Option<Said> {
    if blocks.iter().any(|block| block.status == Status::Error) {
        return Some(Said::Error);
    }
    if !blocks.is_empty() {
        return Some(Said::Failed);
    }
    match test.status() {
        Some(Status::Ok | Status::ExpectedFailure) => Some(Said::Passed),
        Some(Status::Skipped) => Some(Said::Skipped),
        Some(Status::UnexpectedSuccess) => Some(Said::Failed),
        // It would have a block: somebody printed the word.
        Some(Status::Failed | Status::Error) if is_whole && test.certain.is_none() => Some(Said::Passed),
        Some(Status::Failed) => Some(Said::Failed),
        Some(Status::Error) => Some(Said::Error),
        None if test.skipped_parts > 0 => Some(Said::Skipped),
        None => None,
    }
}

fn case(name: &Name, said: Option<Said>, blocks: &[Block]) -> Case {
    let path = [&name.0, &name.1].into_iter().filter_map(|part| text::name(part)).collect();
    let mut said_of_it = String::new();
    for block in blocks {
        text::add(&mut said_of_it, &block.text);
    }
    let attempts: Vec<Attempt> = match said {
        Some(Said::Skipped) => Vec::new(),
        Some(Said::Passed) => vec![attempt(AttemptOutcome::Passed, None, String::new())],
        Some(Said::Failed) => {
            if said_of_it.is_empty() {
                said_of_it.push_str("unexpected success");
            }
            vec![attempt(AttemptOutcome::Failed, None, said_of_it)]
        }
        Some(Said::Error) => vec![attempt(AttemptOutcome::Error, None, said_of_it)],
        None => {
            let why = "the output does not say what became of it".to_owned();
            vec![attempt(AttemptOutcome::Error, None, why)]
        }
    };
    of_attempts(path, attempts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Outcome;
    use proptest::prelude::*;

    fn golden(version: &str) -> String {
        let path = format!("{}/testdata/import/unittest-{version}.txt", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).unwrap()
    }

    fn read(text: &str) -> (Vec<(String, Outcome)>, Vec<String>) {
        let results = parse_unittest(text.as_bytes()).unwrap();
        let cases = results.cases().map(|case| (case.path.join("::"), case.outcome)).collect();
        (cases, results.problems().map(str::to_owned).collect())
    }

    #[test]
    fn what_python_prints_is_understood_in_old_and_new_words() {
        use Outcome::{Error, Failed, Passed, Skipped};
        for (version, skipped_part) in [("3.6", Skipped), ("3.13", Skipped)] {
            let (cases, problems) = read(&golden(version));
            assert_eq!(problems, [""; 0], "{version}");
            let of_class = |name: &str| format!("test_a.A::{name}");
            let mut wanted: Vec<(String, Outcome)> = [
                ("test_cleanup", Error),
                ("test_doc", Passed),
                ("test_doc_fail", Failed),
                ("test_err", Error),
                ("test_fail", Failed),
                ("test_noise", Passed),
                ("test_ok", Passed),
                ("test_skip", Skipped),
                ("test_sub", Failed),
                ("test_sub_ok", Passed),
                ("test_sub_skip", skipped_part),
                ("test_xfail", Passed),
                ("test_xpass", Failed),
            ]
            .map(|(name, outcome)| (of_class(name), outcome))
            .to_vec();
            wanted.push(("unittest.loader._FailedTest::test_import_error".to_owned(), Error));
            wanted.push(("test_a.B::setUpClass".to_owned(), Error));
            assert_eq!(cases, wanted, "{version}");
        }
    }

    #[test]
    fn a_failure_has_its_text() {
        let results = parse_unittest(golden("3.13").as_bytes()).unwrap();
        let text = |name: &str| {
            let case = results.cases().find(|case| case.path.last().is_some_and(|last| last == name)).unwrap();
            case.attempts.last().and_then(|attempt| attempt.text.as_deref()).unwrap_or_default().to_owned()
        };
        assert!(text("test_fail").ends_with("AssertionError: no\n\n"), "{:?}", text("test_fail"));
        assert!(text("test_sub").contains("0 != 1") && text("test_sub").contains("2 != 1"));
        assert_eq!((text("test_ok"), text("test_xpass")), (String::new(), "unexpected success".to_owned()));
        assert!(results.took.is_some());
    }

    const GREEN: &str = "test_a (m.C.test_a) ... ok\ntest_b (m.C.test_b) ... skipped 'why'\n\n----------------------\
                         ------------------------------------------------\nRan 2 tests in 0.001s\n\nOK (skipped=1)\n";

    #[test]
    fn what_does_not_add_up_is_a_problem() {
        assert_eq!(read(GREEN).1, [""; 0]);
        for (from, to, problem) in [
            ("Ran 2", "Ran 3", "2 tests are told, and 3 ran"),
            ("test_a (m.C.test_a) ... ok\n", "", "1 tests are told, and 2 ran"),
            ("OK (skipped=1)", "OK", "1 skips are told, and 0 counted"),
            ("OK (skipped=1)", "", "there is neither `OK` nor `FAILED` at its end"),
            ("OK (", "FAILED (", "its last word does not fit what became of its tests"),
            ("OK (skipped=1)", "FAILED (failures=1, skipped=1)", "0 failures are told, and 1 counted"),
            ("Ran 2 tests in 0.001s\n", "", "there is no line `Ran N tests`: it did not come to its end"),
        ] {
            let text = GREEN.replace(from, to);
            assert_ne!(text, GREEN);
            assert!(read(&text).1.iter().any(|told| told == problem), "{text}\n{:?}", read(&text).1);
        }
        let silent = GREEN.replace("... ok", "... and then nothing");
        assert_eq!(read(&silent).0[0].1, Outcome::Error);
        assert!(parse_unittest(b"Traceback (most recent call last):\n").is_err());
    }

    #[test]
    fn what_tests_print_does_not_change_what_became_of_them() {
        for (printed, outcome) in [
            ("noise ok\nFAIL, they say: ERROR\nok", Outcome::Passed),
            ("noise without an endok", Outcome::Passed),
            ("this is going to FAIL\nskipped 'for \"a\" reason'", Outcome::Skipped),
        ] {
            let text = GREEN.replace("... ok", &format!("... {printed}"));
            let skips = if outcome == Outcome::Skipped { "skipped=2" } else { "skipped=1" };
            let (cases, problems) = read(&text.replace("skipped=1", skips));
            assert_eq!((cases[0].1, problems.len()), (outcome, 0), "{printed}: {problems:?}");
        }
    }

    #[test]
    fn colours_and_the_ends_of_lines_make_no_difference() {
        let coloured = GREEN.replace("ok", "\u{1b}[32mok\u{1b}[0m").replace('\n', "\r\n");
        assert_eq!(read(&coloured), read(GREEN));
    }

    fn pieces() -> impl Strategy<Value = String> {
        let known = [
            "test_a (m.C.test_a) ... ",
            "test_b (m.C)",
            "  test_a (m.C.test_a) (i=1) ... skipped 'x'",
            "ok",
            "FAIL",
            "skipped '",
            "unexpected success",
            DOUBLE,
            SINGLE,
            "FAIL: test_a (m.C.test_a)",
            "ERROR: setUpClass (m.C)",
            "Ran 2 tests in 0.001s",
            "FAILED (failures=1)",
            "OK",
            "\n",
            " ... ",
            "é",
        ];
        prop_oneof![3 => prop::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => any::<String>()]
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_read(parts in prop::collection::vec(pieces(), 0..40)) {
            if let Ok(results) = parse_unittest(parts.concat().as_bytes()) {
                prop_assert!(results.cases().all(|case| !case.path.is_empty()));
            }
        }

        #[test]
        fn a_text_that_is_cut_is_never_green(at in 0..GREEN.len() - 1) {
            if let Ok(results) = parse_unittest(&GREEN.as_bytes()[..at]) {
                prop_assert!(results.problems().next().is_some());
            }
        }
    }
}
