//! Reads what a libtest-like harness prints: bytes in, sayings out, no I/O.
//!
//! Children of tests print into the same stream, so a line may be split, joined or made up. What is exactly as
//! libtest writes it is `clean`; the rest is a hint. Whoever listens reconciles all of it with the list of names, the
//! summary and the exit status, and believes nothing that does not add up.

use super::capped::Capped;
pub use super::names::Names;
pub use super::phrases::{Counts, Word};
use super::phrases::{is_of_doctests, running, strip_mode, summary, tidy, trailing_word, word};

/// Something the harness said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// `running N tests`
    Running(u64),
    /// A test's name came, its result has not: it has started (one thread only), or its line is split.
    Named(usize),
    /// A test's result came.
    Result {
        /// Which, by its place among the names.
        test: usize,
        /// What.
        word: Word,
        /// Is the line exactly as libtest writes it?
        clean: bool,
    },
    /// A line that is not the harness's.
    Raw(Vec<u8>),
}

/// What stands at the end of a stream.
#[derive(Clone, Debug, Default)]
pub struct Closing {
    /// The last summary, where nothing but blank lines came after it; several summaries (doctests) are added up.
    pub summary: Option<Counts>,
    /// The tests that the last `failures:` section names.
    pub failures: Vec<usize>,
    /// What failing tests printed, in the order of the blocks.
    pub texts: Vec<(usize, String)>,
}

/// The longest line that is kept whole.
const LONGEST_LINE: usize = 1024 * 1024;

/// How much of a failing test's output is kept.
pub const KEPT_TEXT: usize = 256 * 1024;

#[derive(Debug)]
enum Place {
    /// Among the results.
    Results,
    /// In a `failures:` section, perhaps in a test's block.
    Blocks(Option<(usize, Capped)>),
}

/// What may be the closing section, or part of a failing test's output that looks like one.
#[derive(Debug)]
struct Tentative {
    held: Vec<u8>,
    of_failures: bool,
    names: Vec<usize>,
    names_ended: bool,
}

/// The reader of one stream.
#[derive(Debug)]
pub struct Reader {
    names: Names,
    line: Vec<u8>,
    line_cut: bool,
    place: Place,
    tentative: Option<Tentative>,
    open: Option<usize>,
    announced: Option<u64>,
    results: u64,
    earlier: (Counts, Vec<usize>),
    closing: Closing,
    texts: Vec<(usize, Capped)>,
}

impl Reader {
    /// A reader for a harness that may report these names.
    #[must_use]
    pub fn new(names: Names) -> Self {
        Self {
            names,
            line: Vec::new(),
            line_cut: false,
            place: Place::Results,
            tentative: None,
            open: None,
            announced: None,
            results: 0,
            earlier: (Counts::default(), Vec::new()),
            closing: Closing::default(),
            texts: Vec::new(),
        }
    }

    /// Takes more bytes.
    pub fn feed(&mut self, mut bytes: &[u8], say: &mut dyn FnMut(Said)) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (line, rest) = bytes.split_at(end);
            self.extend_line(line);
            self.end_line(say);
            bytes = rest.get(1..).unwrap_or_default();
        }
        self.extend_line(bytes);
        self.peek(say);
    }

    /// The stream came to its end.
    pub fn finish(mut self, say: &mut dyn FnMut(Said)) -> (Closing, Names) {
        if !self.line.is_empty() {
            self.end_line(say);
        }
        if self.closing.summary.is_none() {
            self.closing.failures.clear();
        }
        self.closing.failures.extend(self.earlier.1.iter().copied());
        self.close_block();
        self.closing.texts = self.texts.iter().map(|(test, text)| (*test, tidy(&text.to_text()))).collect();
        (self.closing, self.names)
    }

    fn extend_line(&mut self, bytes: &[u8]) {
        let room = LONGEST_LINE.saturating_sub(self.line.len());
        self.line_cut |= bytes.len() > room;
        self.line.extend_from_slice(bytes.get(..bytes.len().min(room)).unwrap_or_default());
    }

    fn end_line(&mut self, say: &mut dyn FnMut(Said)) {
        let line = std::mem::take(&mut self.line);
        let cut = std::mem::take(&mut self.line_cut);
        self.take_line(&line, cut, say);
        // The allocation serves the next line.
        self.line = line;
        self.line.clear();
    }

    /// With one thread, libtest prints a test's name when it starts, without ending the line.
    fn peek(&mut self, say: &mut dyn FnMut(Said)) {
        if self.line.len() < 4096
            && self.line.ends_with(b" ... ")
            && self.line.starts_with(b"test ")
            && let Some(test) = std::str::from_utf8(&self.line).ok().and_then(|line| {
                let name = line.strip_prefix("test ")?.strip_suffix(" ... ")?;
                self.lookup(name)
            })
            && self.open != Some(test)
        {
            self.open = Some(test);
            say(Said::Named(test));
        }
    }

    fn take_line(&mut self, line: &[u8], cut: bool, say: &mut dyn FnMut(Said)) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if self.take_tentative(line) {
            return;
        }
        if let Some((test, word)) = self.exact_result(line).filter(|_| self.expects_results()) {
            self.leave_blocks();
            self.open = None;
            self.results += 1;
            say(Said::Result { test, word, clean: true });
            return;
        }
        if line == b"failures:" || line == b"successes:" {
            if matches!(self.place, Place::Results) && line == b"failures:" {
                self.place = Place::Blocks(None);
            }
            let of_failures = line == b"failures:";
            let held = [line, b"\n"].concat();
            self.tentative = Some(Tentative { held, of_failures, names: Vec::new(), names_ended: false });
            return;
        }
        if let Some(count) = running(line).filter(|_| self.announced.is_none() || self.ends_a_batch(line)) {
            self.begin_batch(count);
            say(Said::Running(count));
            return;
        }
        if self.take_summary(line) {
            return;
        }
        if self.take_block_line(line, cut) {
            return;
        }
        if self.take_unclean(line, say) {
            return;
        }
        let mut raw = line.to_vec();
        if cut {
            raw.extend_from_slice("[… the rest of the line is cut …]".as_bytes());
        }
        raw.push(b'\n');
        say(Said::Raw(raw));
    }

    /// Lines that may be the closing list of names and the summary. True when the line is held.
    fn take_tentative(&mut self, line: &[u8]) -> bool {
        if self.ends_a_batch(line) {
            self.tentative = None;
        }
        let Some(tentative) = &mut self.tentative else { return false };
        let listed = line
            .strip_prefix(b"    ")
            .and_then(|name| std::str::from_utf8(name).ok())
            .and_then(|name| self.names.known_place(strip_mode(name)).or_else(|| self.names.known_place(name)));
        let fits = match listed {
            Some(test) if !tentative.names_ended => {
                tentative.names.push(test);
                true
            }
            _ if line.is_empty() || is_of_doctests(line) => {
                tentative.names_ended |= !tentative.names.is_empty();
                true
            }
            _ => false,
        };
        if fits {
            tentative.held.extend_from_slice(line);
            tentative.held.push(b'\n');
            return true;
        }
        if !tentative.names.is_empty()
            && tentative.names_ended
            && let Some(counts) = summary(line)
        {
            let names = std::mem::take(&mut tentative.names);
            self.closing.failures = if tentative.of_failures { names } else { Vec::new() };
            self.closing.summary = Some(self.earlier.0.plus(counts));
            tentative.held.extend_from_slice(line);
            tentative.held.push(b'\n');
            tentative.names_ended = false;
            return true;
        }
        // It was not the end: what was held is what a failing test printed.
        let held = std::mem::take(&mut tentative.held);
        self.tentative = None;
        self.closing.summary = None;
        if let Place::Blocks(Some((_, text))) = &mut self.place {
            text.push(&held);
        }
        false
    }

    fn take_summary(&mut self, line: &[u8]) -> bool {
        let Some(counts) = summary(line) else {
            if !line.is_empty() && !is_of_doctests(line) {
                self.closing.summary = None;
            }
            return false;
        };
        if let Place::Blocks(Some((_, text))) = &mut self.place {
            // No list of names before it: nothing but a failing test prints that here.
            text.push(line);
            text.push(b"\n");
            return true;
        }
        self.closing.summary = Some(self.earlier.0.plus(counts));
        true
    }

    fn take_block_line(&mut self, line: &[u8], cut: bool) -> bool {
        let Place::Blocks(block) = &mut self.place else { return false };
        let header = line
            .strip_prefix(b"---- ")
            .and_then(|rest| rest.strip_suffix(b" stdout ----"))
            .and_then(|name| std::str::from_utf8(name).ok())
            .and_then(|name| self.names.known_place(name));
        match (header, block) {
            (Some(test), block) => {
                let earlier = block.replace((test, Capped::new(KEPT_TEXT)));
                self.texts.extend(earlier);
                true
            }
            (None, Some((_, text))) => {
                text.push(line);
                text.push(if cut { "[… the rest of the line is cut …]\n".as_bytes() } else { b"\n" });
                true
            }
            (None, None) => line.is_empty(),
        }
    }

    fn close_block(&mut self) {
        if let Place::Blocks(block) = &mut self.place {
            self.texts.extend(block.take());
        }
    }

    fn leave_blocks(&mut self) {
        self.close_block();
        self.place = Place::Results;
        self.closing.summary = None;
    }

    /// rustdoc may run a crate's tests in several batches, each with a summary of its own.
    fn ends_a_batch(&self, line: &[u8]) -> bool {
        matches!(self.names, Names::Learnt(..)) && self.closing.summary.is_some() && running(line).is_some()
    }

    fn begin_batch(&mut self, count: u64) {
        self.close_block();
        self.place = Place::Results;
        if let Some(counts) = self.closing.summary.take() {
            self.earlier.0 = counts;
            self.earlier.1.append(&mut self.closing.failures);
        }
        self.announced = Some(self.announced.unwrap_or(0) + count);
    }

    /// Once all results are in, a line that looks like one is what a failing test printed.
    fn expects_results(&self) -> bool {
        matches!(self.place, Place::Results) || self.announced.is_none_or(|announced| self.results < announced)
    }

    fn exact_result(&mut self, line: &[u8]) -> Option<(usize, Word)> {
        let line = std::str::from_utf8(line).ok()?;
        if let (Some(open), Some(word)) = (self.open, word(line)) {
            return Some((open, word));
        }
        let rest = line.strip_prefix("test ")?;
        // A name may hold ` ... ` itself: the last one that leaves a result behind it counts.
        rest.rmatch_indices(" ... ").find_map(|(at, mark)| {
            let word = word(rest.get(at + mark.len()..)?)?;
            let name = rest.get(..at)?;
            let test = match &self.names {
                Names::Known(_) => self.lookup(name)?,
                Names::Learnt(..) => self.names.place(strip_mode(name.trim_end()))?,
            };
            Some((test, word))
        })
    }

    fn lookup(&self, name: &str) -> Option<usize> {
        let name = name.trim_end();
        self.names.known_place(name).or_else(|| self.names.known_place(strip_mode(name)))
    }

    /// Looks for a result in a line that is not exactly one: `rawtest a ... ok`, `test a ... rawok`, `rawok`.
    ///
    /// True where the line is a name and nothing more: a test that started, and no output of anybody's.
    fn take_unclean(&mut self, line: &[u8], say: &mut dyn FnMut(Said)) -> bool {
        let Ok(line) = std::str::from_utf8(line) else { return false };
        for (at, mark) in line.match_indices("test ") {
            let Some(rest) = line.get(at + mark.len()..) else { continue };
            for (end, mark) in rest.match_indices(" ... ") {
                let Some(test) = rest.get(..end).and_then(|name| self.lookup(name)) else { continue };
                let tail = rest.get(end + mark.len()..).unwrap_or_default();
                self.open = Some(test);
                say(Said::Named(test));
                if let Some(word) = word(tail).or_else(|| trailing_word(tail)) {
                    self.open = None;
                    say(Said::Result { test, word, clean: false });
                }
                return at == 0 && tail.is_empty();
            }
        }
        if let (Some(test), Some(word)) = (self.open, trailing_word(line)) {
            say(Said::Result { test, word, clean: false });
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Heard {
        said: Vec<Said>,
        closing: Closing,
        learnt: Vec<String>,
    }

    fn hear_pieces(names: Names, pieces: &[&[u8]]) -> Heard {
        let (mut reader, mut said) = (Reader::new(names), Vec::new());
        pieces.iter().for_each(|piece| reader.feed(piece, &mut |item| said.push(item)));
        let (closing, names) = reader.finish(&mut |item| said.push(item));
        Heard { said, closing, learnt: names.into_learnt() }
    }

    fn hear(names: &[&str], text: &str) -> Heard {
        hear_pieces(Names::known(names.iter().copied()), &[text.as_bytes()])
    }

    fn results(heard: &Heard) -> Vec<(usize, Word, bool)> {
        let result = |said: &Said| match said {
            Said::Result { test, word, clean } => Some((*test, *word, *clean)),
            _ => None,
        };
        heard.said.iter().filter_map(result).collect()
    }

    const FAILING: &str = "
running 4 tests
test a ... ok
test b - should panic ... FAILED
test c ... ignored, too slow
test d ... FAILED

failures:

---- b stdout ----
note: test did not panic as expected
---- d stdout ----

thread 'd' panicked at src/lib.rs:1:1:
oh
note: run with `RUST_BACKTRACE=1`


failures:
    b
    d

test result: FAILED. 1 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.05s

";

    #[test]
    fn an_ordinary_run_is_read_whole() {
        let heard = hear(&["a", "b", "c", "d"], FAILING);
        use Word::*;
        assert_eq!(results(&heard), [(0, Ok, true), (1, Failed, true), (2, Ignored, true), (3, Failed, true)]);
        assert_eq!(heard.closing.summary, Some(Counts { passed: 1, failed: 2, ignored: 1, measured: 0 }));
        assert_eq!(heard.closing.failures, [1, 3]);
        assert_eq!(heard.closing.texts[0], (1, "note: test did not panic as expected\n".to_owned()));
        let text = "\nthread 'd' panicked at src/lib.rs:1:1:\noh\nnote: run with `RUST_BACKTRACE=1`\n";
        assert_eq!(heard.closing.texts[1], (3, text.to_owned()));
        assert!(!heard.said.iter().any(|said| matches!(said, Said::Raw(raw) if raw != b"\n")));
    }

    #[test]
    fn a_failing_test_may_print_a_whole_run_of_its_own() {
        let nested = FAILING.replace("test a ", "test z ");
        let text = format!(
            "running 2 tests\ntest a ... FAILED\ntest b ... ok\n\nfailures:\n\n---- a stdout ----\n{nested}after\n\n\n\
             failures:\n    a\n\ntest result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n\n"
        );
        let heard = hear(&["a", "b", "c", "d"], &text);
        assert_eq!(results(&heard), [(0, Word::Failed, true), (1, Word::Ok, true)]);
        assert_eq!(heard.closing.failures, [0]);
        assert_eq!(heard.closing.summary.map(|counts| counts.total()), Some(2));
        let first = &heard.closing.texts[0];
        assert_eq!(first.0, 0);
        assert!(first.1.contains("running 4 tests") && first.1.contains("test b - should panic ... FAILED"));
        assert!(heard.closing.texts.iter().any(|(_, text)| text.contains("after")));
    }

    #[test]
    fn raw_output_that_splits_lines_leaves_hints() {
        let heard = hear(&["a", "b"], "running 2 tests\ntest a ... rawok\nmoretest b ... FAILED\n");
        assert_eq!(results(&heard), [(0, Word::Ok, false), (1, Word::Failed, false)]);
        let heard = hear(&["a"], "running 1 test\ntest a ... hello\nworld\nok\n");
        assert_eq!(results(&heard), [(0, Word::Ok, true)]);
    }

    #[test]
    fn a_name_without_its_result_is_a_start() {
        let heard = hear_pieces(Names::known(["a"]), &[b"running 1 test\n", b"test a ... ", b"ok\n"]);
        assert_eq!(
            heard.said,
            [Said::Running(1), Said::Named(0), Said::Result { test: 0, word: Word::Ok, clean: true }]
        );
    }

    #[test]
    fn names_that_are_not_on_the_list_are_not_believed() {
        let heard = hear(
            &["a"],
            "running 1 test\ntest fake ... ok\ntest a ... ok\n\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n",
        );
        assert_eq!(results(&heard), [(0, Word::Ok, true)]);
        assert!(heard.closing.summary.is_some());
    }

    #[test]
    fn a_summary_with_something_behind_it_is_none() {
        let summary = "test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n";
        assert!(hear(&["a"], &format!("running 1 test\n{summary}")).closing.summary.is_some());
        assert!(hear(&["a"], &format!("running 1 test\n{summary}test a ... ok\n")).closing.summary.is_none());
        assert!(hear(&["a"], &format!("running 1 test\n{summary}something\n")).closing.summary.is_none());
    }

    #[test]
    fn batches_of_doctests_are_added_up() {
        let heard = hear_pieces(
            Names::learnt(),
            &[b"
running 2 tests
test src/lib.rs - q (line 9) - compile ... ok
test src/lib.rs - q (line 6) ... FAILED

failures:

---- src/lib.rs - q (line 6) stdout ----
boom

failures:
    src/lib.rs - q (line 6)

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.06s


running 1 test
test src/lib.rs - q (line 12) - compile fail ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.03s

all doctests ran in 0.22s; merged doctests compilation took 0.14s
"],
        );
        assert_eq!(heard.closing.summary, Some(Counts { passed: 2, failed: 1, ignored: 0, measured: 0 }));
        assert_eq!(heard.learnt, ["src/lib.rs - q (line 9)", "src/lib.rs - q (line 6)", "src/lib.rs - q (line 12)"]);
        assert_eq!(heard.closing.failures, [1]);
        assert_eq!(heard.closing.texts, [(1, "boom\n".to_owned())]);
    }

    #[test]
    fn padded_names_and_benchmarks_are_read() {
        let heard = hear(
            &["[x] long_name", "[x] n", "b"],
            "running 3 tests\ntest [x] long_name ... ok\ntest [x] n         ... ok\ntest b ... bench:       1 ns/iter (+/- 0)\n",
        );
        assert_eq!(results(&heard), [(0, Word::Ok, true), (1, Word::Ok, true), (2, Word::Ok, true)]);
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(cuts in proptest::collection::vec(0usize..FAILING.len(), 0..20)) {
            let mut cuts = cuts;
            cuts.sort_unstable();
            let (mut pieces, mut from) = (Vec::new(), 0);
            for cut in cuts {
                pieces.push(&FAILING.as_bytes()[from..cut]);
                from = cut;
            }
            pieces.push(&FAILING.as_bytes()[from..]);
            let names = || Names::known(["a", "b", "c", "d"]);
            let (whole, pieced) = (hear_pieces(names(), &[FAILING.as_bytes()]), hear_pieces(names(), &pieces));
            prop_assert_eq!(results(&whole), results(&pieced));
            prop_assert_eq!(whole.closing.summary, pieced.closing.summary);
            prop_assert_eq!(whole.closing.texts, pieced.closing.texts);
        }

        #[test]
        fn no_bytes_panic(lines in proptest::collection::vec(
            prop_oneof![
                Just("test a ... ok"), Just("failures:"), Just("    a"), Just(""), Just("---- a stdout ----"),
                Just("test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out"),
                Just("running 2 tests"), Just("test a ... "), Just("test result: ok. x"), Just("successes:"), Just("\u{fffd}é"),
            ], 0..40), bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let text = lines.join("\n");
            hear_pieces(Names::known(["a", "b"]), &[text.as_bytes(), &bytes]);
            hear_pieces(Names::learnt(), &[text.as_bytes(), &bytes]);
        }
    }
}
