//! libtest's own phrases, one line at a time: results, announcements, summaries.

/// What a harness says became of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// `ok`
    Ok,
    /// `FAILED`
    Failed,
    /// `ignored`
    Ignored,
}

/// The counts of a summary line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Passed.
    pub passed: u64,
    /// Failed.
    pub failed: u64,
    /// Ignored.
    pub ignored: u64,
    /// Benchmarks that were measured.
    pub measured: u64,
}

impl Counts {
    /// All tests that were reported.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.passed + self.failed + self.ignored + self.measured
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, more: Self) -> Self {
        Self {
            passed: self.passed + more.passed,
            failed: self.failed + more.failed,
            ignored: self.ignored + more.ignored,
            measured: self.measured + more.measured,
        }
    }
}

/// ` - should panic`, ` - compile`, ` - compile fail`: libtest's modes, printed behind the name.
pub(super) fn strip_mode(name: &str) -> &str {
    [" - should panic", " - compile fail", " - compile"].iter().find_map(|mode| name.strip_suffix(mode)).unwrap_or(name)
}

pub(super) fn word(text: &str) -> Option<Word> {
    match text {
        "ok" => Some(Word::Ok),
        "FAILED" | "FAILED (time limit exceeded)" => Some(Word::Failed),
        "ignored" => Some(Word::Ignored),
        _ if text.starts_with("ignored, ") => Some(Word::Ignored),
        _ if text.starts_with("bench: ") => Some(Word::Ok),
        // `--report-time`, and harnesses that add a duration of their own.
        _ => match text.split_once(" <") {
            Some(("ok", time)) if time.ends_with('>') => Some(Word::Ok),
            Some(("FAILED", time)) if time.ends_with('>') => Some(Word::Failed),
            _ => None,
        },
    }
}

pub(super) fn trailing_word(text: &str) -> Option<Word> {
    [("ok", Word::Ok), ("FAILED", Word::Failed), ("ignored", Word::Ignored)]
        .into_iter()
        .find_map(|(end, word)| text.ends_with(end).then_some(word))
}

/// rustdoc's own closing line.
pub(super) fn is_of_doctests(line: &[u8]) -> bool {
    line.starts_with(b"all doctests ran in ")
}

pub(super) fn running(line: &[u8]) -> Option<u64> {
    let rest = std::str::from_utf8(line).ok()?.strip_prefix("running ")?;
    let (count, rest) = rest.split_once(' ')?;
    (rest.starts_with("test")).then(|| count.parse().ok())?
}

/// `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s`
pub(super) fn summary(line: &[u8]) -> Option<Counts> {
    let rest = std::str::from_utf8(line).ok()?.strip_prefix("test result: ")?;
    let rest = rest.strip_prefix("ok. ").or_else(|| rest.strip_prefix("FAILED. "))?;
    let mut counts = Counts::default();
    for part in rest.split("; ").take(4) {
        let (count, what) = part.split_once(' ')?;
        let count = count.parse().ok()?;
        match what {
            "passed" => counts.passed = count,
            "failed" => counts.failed = count,
            "ignored" => counts.ignored = count,
            "measured" => counts.measured = count,
            _ => return None,
        }
    }
    Some(counts)
}

/// Blocks are set off by blank lines that are not the test's.
pub(super) fn tidy(text: &str) -> String {
    let text = text.trim_end_matches('\n');
    if text.is_empty() { String::new() } else { format!("{text}\n") }
}
