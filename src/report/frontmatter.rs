//! The head of a report: the one machine verdict of an artifact, written and read back.
//!
//! Written: flat `key: value` lines between two `---`. Read: leniently as to form (any YAML-like head), strictly as
//! to meaning: what does not clearly say PASS is a FAIL.

use std::fmt::Write as _;

use super::inert::one_line;
use crate::exit_code::ExitCode;

/// The keys that carry a verdict, in the order in which they are looked at.
const VERDICT_KEYS: [&str; 4] = ["verdict", "status", "result", "coverage_status"];
const NEGATIVE: [&str; 6] = ["FAIL", "FAILED", "ERROR", "ERRORED", "BLOCKED", "TIMEOUT"];
const POSITIVE: [&str; 2] = ["PASS", "PASSED"];

/// The fields of a report's head, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrontMatter {
    fields: Vec<(String, String)>,
}

/// Which artifact a report is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Artifact {
    /// A report of tests.
    Tests,
    /// A report of coverage.
    Coverage,
    /// It has no head that would say it.
    Unknown,
}

/// What a report's head says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Does it say PASS?
    pub passes: bool,
    /// Which artifact it is.
    pub artifact: Artifact,
    /// The key that decided, or that is missing.
    pub key: &'static str,
    /// Why, in one sentence.
    pub why: String,
}

impl Reading {
    /// The code of whoever passes this verdict on.
    #[must_use]
    pub const fn exit_code(&self) -> ExitCode {
        match (self.passes, self.artifact) {
            (true, _) => ExitCode::Pass,
            (false, Artifact::Tests) => ExitCode::TestsFailed,
            (false, Artifact::Coverage) => ExitCode::CoverageFailed,
            (false, Artifact::Unknown) => ExitCode::Config,
        }
    }
}

impl FrontMatter {
    /// No fields yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { fields: Vec::new() }
    }

    /// Adds a field; a name of its own is `snake_case`.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl ToString) -> Self {
        self.fields.push((key.to_owned(), value.to_string()));
        self
    }

    /// A field's value.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.fields.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Every field, in order.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// As text, with the lines that mark its beginning and its end.
    #[must_use]
    pub fn render(&self) -> String {
        let mut out = String::from("---\n");
        for (key, value) in &self.fields {
            let _ = if value.is_empty() { writeln!(out, "{key}:") } else { writeln!(out, "{key}: {}", scalar(value)) };
        }
        out.push_str("---\n");
        out
    }

    /// The head of a report, if it has one that is closed.
    #[must_use]
    pub fn parse(report: &str) -> Option<Self> {
        let report = report.strip_prefix('\u{feff}').unwrap_or(report);
        let mut lines = report.lines();
        if lines.next()?.trim_end() != "---" {
            return None;
        }
        let mut fields = Vec::new();
        for line in lines {
            if matches!(line.trim_end(), "---" | "...") {
                return Some(Self { fields });
            }
            // Nested values and lists are other tools' fields: they carry no verdict.
            if line.starts_with([' ', '\t', '#', '-']) {
                continue;
            }
            if let Some((key, value)) = line.split_once(':') {
                fields.push((key.trim().to_owned(), unquote(value.trim())));
            }
        }
        None
    }

    /// What it says: a negative word wins, a positive one is needed.
    #[must_use]
    pub fn verdict(&self) -> Reading {
        let artifact = self.artifact();
        let words: Vec<(&'static str, String)> = self
            .fields()
            .filter_map(|(key, value)| {
                let key = VERDICT_KEYS.into_iter().find(|known| key.eq_ignore_ascii_case(known))?;
                Some((key, value.trim().to_ascii_uppercase()))
            })
            .collect();
        // A negative word counts even with more behind it ("FAILED (3 tests)"); a positive one only alone.
        let first =
            |value: &str| value.split(|c: char| !c.is_ascii_alphanumeric()).find(|w| !w.is_empty()).map(str::to_owned);
        if let Some((key, value)) =
            words.iter().find(|(_, value)| first(value).is_some_and(|word| NEGATIVE.contains(&word.as_str())))
        {
            return Reading { passes: false, artifact, key, why: format!("`{key}` is {}", one_line(value)) };
        }
        if let Some((key, value)) = words.iter().find(|(_, value)| POSITIVE.contains(&value.as_str())) {
            return Reading { passes: true, artifact, key, why: format!("`{key}` is {value}") };
        }
        let why = match words.first() {
            Some((key, value)) => format!("`{key}` is `{}`, which is no PASS", one_line(value)),
            None => "the front matter has none of `verdict`, `status`, `result`, `coverage_status`".to_owned(),
        };
        Reading { passes: false, artifact, key: words.first().map_or(MISSING_KEY, |(key, _)| key), why }
    }

    /// Fields of its own show a report of coverage, whatever carries the verdict.
    fn artifact(&self) -> Artifact {
        let is_coverage =
            |key: &str| ["coverage_status", "measured_coverage"].iter().any(|own| key.eq_ignore_ascii_case(own));
        if self.fields().any(|(key, _)| is_coverage(key)) { Artifact::Coverage } else { Artifact::Tests }
    }
}

/// The key that is named where there is none.
const MISSING_KEY: &str = "result";

/// What a report says: FAIL where it has no head.
#[must_use]
pub fn read(report: &str) -> Reading {
    let no_head = || Reading {
        passes: false,
        artifact: Artifact::Unknown,
        key: MISSING_KEY,
        why: format!("the report has no front matter, so there is no `{MISSING_KEY}`"),
    };
    FrontMatter::parse(report).map_or_else(no_head, |head| head.verdict())
}

/// A value that YAML reads back as this very text (numbers, booleans and times stay what they look like).
fn scalar(value: &str) -> String {
    let plain = value.chars().all(|c| c.is_alphanumeric() || "-_.+/%() ,:".contains(c))
        && value.starts_with(|c: char| c.is_alphanumeric() || c == '-' || c == '+')
        && !value.ends_with([' ', ':'])
        && !value.contains(": ")
        && !value.starts_with("- ")
        && !value.starts_with("---")
        && value != "-";
    if plain {
        return value.to_owned();
    }
    // JSON's strings are YAML's double-quoted ones.
    serde_json::to_string(&one_line(value)).unwrap_or_default()
}

fn unquote(value: &str) -> String {
    if value.starts_with('"') {
        let mut stream = serde_json::Deserializer::from_str(value).into_iter::<String>();
        if let Some(Ok(text)) = stream.next() {
            return text;
        }
    }
    if let Some(rest) = value.strip_prefix('\'')
        && let Some(end) = rest.replace("''", "\0\0").find('\'')
    {
        return rest[..end].replace("''", "'");
    }
    match value.strip_prefix('#').map(|_| "").or_else(|| value.split_once(" #").map(|(before, _)| before)) {
        Some(before) => before.trim_end().to_owned(),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn passes(head: &str) -> bool {
        read(&format!("---\n{head}\n---\nbody\n")).passes
    }

    #[test]
    fn a_negative_word_wins_and_a_positive_one_is_needed() {
        for (head, want) in [
            ("result: PASS", true),
            ("result: PASS\nstatus: success", true),
            ("verdict: passed", true),
            ("coverage_status: PASS # bootstrap", true),
            ("result: \"PASS\"", true),
            ("Result: 'Pass'", true),
            ("result: PASS\nstatus: failed", false),
            ("result: PASS\nresult: FAIL", false),
            ("result: FAIL\nresult: PASS", false),
            ("status: PASS\ncoverage_status: ERRORED", false),
            ("result: PASS\nstatus: FAILED (3 tests)", false),
            ("verdict: blocked\nresult: PASS", false),
            ("result: TIMEOUT", false),
            ("result: ERROR", false),
            ("result: PASSED with warnings", false),
            ("status: success", false),
            ("result:", false),
            ("nested:\n  result: PASS", false),
            ("# result: PASS", false),
            ("exit_code: 0", false),
        ] {
            assert_eq!(passes(head), want, "{head}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        for report in [
            "",
            "result: PASS\n",
            "# Title\n---\nresult: PASS\n---\n",
            "---\nresult: PASS\n",
            " ---\nresult: PASS\n---\n",
        ] {
            let reading = read(report);
            assert!(!reading.passes && reading.why.contains("`result`"), "{report:?} {reading:?}");
        }
        assert_eq!(read("---\nexit_code: 0\n---\n").key, "result");
    }

    #[test]
    fn the_code_is_that_of_the_artifact() {
        for (report, code) in [
            ("---\nresult: PASS\n---\n", 0),
            ("---\nresult: FAIL\n---\n", 100),
            ("---\nexit_code: 0\n---\n", 100),
            ("---\ncoverage_status: PASS\n---\n", 0),
            ("---\ncoverage_status: FAIL\n---\n", 20),
            ("---\nmeasured_coverage: 80.00\n---\n", 20),
            ("---\nresult: PASS\nCoverage_Status: ERROR\n---\n", 20),
            ("result: PASS\n", 96),
            ("", 96),
        ] {
            assert_eq!(read(report).exit_code().number(), code, "{report}");
        }
    }

    #[test]
    fn windows_line_ends_and_a_byte_order_mark_are_read() {
        assert!(read("\u{feff}---\r\nresult: PASS\r\n---\r\nbody").passes);
    }

    proptest! {
        #[test]
        fn values_are_read_back(value in "\\PC{0,30}|[ -~]{0,20}") {
            let head = FrontMatter::new().with("reason", &value).with("result", "PASS");
            let back = FrontMatter::parse(&head.render()).unwrap();
            prop_assert_eq!(back.get("reason").unwrap(), one_line(&value));
            prop_assert_eq!(back.get("result"), Some("PASS"));
        }

        #[test]
        fn no_value_can_turn_a_verdict(value in any::<String>(), passes in any::<bool>()) {
            let result = if passes { "PASS" } else { "FAIL" };
            let head = FrontMatter::new().with("reason", &value).with("result", result).with("commit", &value);
            prop_assert_eq!(read(&head.render()).passes, passes);
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in any::<String>(), head in "(---\n)?(\\PC{0,20}\n){0,5}(---\n)?") {
            let _ = read(&text);
            let _ = read(&head);
        }
    }
}
