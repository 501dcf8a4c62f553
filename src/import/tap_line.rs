//! One line of TAP, taken apart.

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// `TAP version 14`.
    Version,
    /// `1..N`, or `1..0 # SKIP why`.
    Plan { last: u64 },
    /// `ok 1 - name # directive`.
    Point(Point<'a>),
    /// `Bail out! why`.
    BailOut(&'a str),
    /// `# Subtest: name`.
    Subtest(&'a str),
    /// Anything else that begins with `#`.
    Comment(&'a str),
    /// `t/name.t ..`, as prove prints it before the output of a file; with what it says of it at once.
    File { name: &'a str, rest: &'a str },
    /// Anything else: not TAP.
    Other(&'a str),
}

/// A test point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Point<'a> {
    pub(super) ok: bool,
    pub(super) number: Option<u64>,
    /// As written, with escapes, without the directive.
    pub(super) description: &'a str,
    pub(super) directive: Directive<'a>,
}

/// What a point says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Directive<'a> {
    None,
    Skip(&'a str),
    Todo(&'a str),
    /// `time=12.3ms`, as node-tap writes it.
    Time(&'a str),
}

/// Takes apart a line without its indentation.
pub(super) fn read(line: &str) -> Line<'_> {
    let line = line.trim_end();
    if let Some(rest) = line.strip_prefix('#') {
        let rest = rest.trim_start();
        return match rest.strip_prefix("Subtest:") {
            Some(name) => Line::Subtest(name.trim()),
            None => Line::Comment(rest),
        };
    }
    if let Some(point) = point(line) {
        return Line::Point(point);
    }
    if let Some(plan) = plan(line) {
        return plan;
    }
    if line.get(..11).is_some_and(|begin| begin.eq_ignore_ascii_case("TAP version")) {
        return Line::Version;
    }
    if line.get(..9).is_some_and(|begin| begin.eq_ignore_ascii_case("Bail out!")) {
        return Line::BailOut(line.get(9..).unwrap_or_default().trim());
    }
    file(line).unwrap_or(Line::Other(line))
}

fn point(line: &str) -> Option<Point<'_>> {
    let (ok, rest) = match line.strip_prefix("not ok") {
        Some(rest) => (false, rest),
        None => (true, line.strip_prefix("ok")?),
    };
    // `okay` is a word.
    if rest.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let rest = rest.trim_start();
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, after) = rest.split_at(digits);
    // Digits that run into a word are the word's.
    let (number, rest) = match number.parse() {
        Ok(number) if after.is_empty() || after.starts_with([' ', '\t', '-', '#']) => (Some(number), after),
        _ => (None, rest),
    };
    let rest = rest.trim_start();
    let rest = rest.strip_prefix('-').unwrap_or(rest);
    let (description, comment) = split_comment(rest);
    let directive = comment.map_or(Directive::None, directive);
    // A `#` without a directive belongs to the name.
    let description = if directive == Directive::None { rest } else { description };
    // node-tap opens the lines of a subtest behind its point with a brace.
    let description = description.trim();
    let description = description.strip_suffix(" {").unwrap_or(description);
    Some(Point { ok, number, description, directive })
}

/// At the last `#` that is not escaped and stands apart.
fn split_comment(text: &str) -> (&str, Option<&str>) {
    let is_mark = |at: usize| {
        let before = text.get(..at).unwrap_or_default();
        let escapes = before.len() - before.trim_end_matches('\\').len();
        escapes % 2 == 0 && (before.is_empty() || before.ends_with([' ', '\t']))
    };
    match text.rmatch_indices('#').map(|(at, _)| at).find(|at| is_mark(*at)) {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..)),
        None => (text, None),
    }
}

fn directive(comment: &str) -> Directive<'_> {
    let comment = comment.trim();
    let after = |word: &str| {
        let begin = comment.get(..word.len()).filter(|begin| begin.eq_ignore_ascii_case(word))?;
        let rest = comment.get(begin.len()..)?;
        // `# skipped` and `# SKIP: why` are meant so, too.
        let rest = rest.trim_start_matches(|c: char| c.is_alphanumeric());
        Some(rest.trim_start_matches(':').trim())
    };
    if let Some(why) = after("skip") {
        Directive::Skip(why)
    } else if let Some(why) = after("todo") {
        Directive::Todo(why)
    } else if let Some(time) = comment.strip_prefix("time=") {
        Directive::Time(time)
    } else {
        Directive::None
    }
}

fn plan(line: &str) -> Option<Line<'_>> {
    let rest = line.strip_prefix("1..")?;
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, rest) = rest.split_at(digits);
    let rest = rest.trim();
    if number.is_empty() || !(rest.is_empty() || rest.starts_with('#')) {
        return None;
    }
    Some(Line::Plan { last: number.parse().unwrap_or(u64::MAX) })
}

/// `t/name.t ....... ok`
fn file(line: &str) -> Option<Line<'_>> {
    let (name, rest) = line.split_once(" ..")?;
    let rest = rest.trim_start_matches('.');
    let is_file = name.contains(['/', '.']) && !name.contains(' ') && (rest.is_empty() || rest.starts_with(' '));
    is_file.then(|| Line::File { name, rest: rest.trim() })
}

/// A description or a name with its escapes taken back.
pub(super) fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match (c, rest.clone().next()) {
            ('\\', Some(escaped @ ('\\' | '#'))) => {
                plain.push(escaped);
                rest.next();
            }
            _ => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str) -> (bool, Option<u64>, &str, Directive<'_>) {
        match read(line) {
            Line::Point(point) => (point.ok, point.number, point.description, point.directive),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn points_are_taken_apart() {
        use Directive::{None as Plain, Skip, Time, Todo};
        for (line, point) in [
            ("ok", (true, None, "", Plain)),
            ("not ok", (false, None, "", Plain)),
            ("ok 1", (true, Some(1), "", Plain)),
            ("ok 12 - adds", (true, Some(12), "adds", Plain)),
            ("not ok 2 fails", (false, Some(2), "fails", Plain)),
            ("ok - no number", (true, None, "no number", Plain)),
            ("ok 3 - is # SKIP why", (true, Some(3), "is", Skip("why"))),
            ("ok 4 # skip why", (true, Some(4), "", Skip("why"))),
            ("ok 4 - is # Skipped: why", (true, Some(4), "is", Skip("why"))),
            ("not ok 5 - later # TODO known", (false, Some(5), "later", Todo("known"))),
            ("ok 6 - issue #12", (true, Some(6), "issue #12", Plain)),
            ("ok 6 - issue # 12", (true, Some(6), "issue # 12", Plain)),
            (r"ok 7 - not \# skip", (true, Some(7), r"not \# skip", Plain)),
            (r"ok 7 - is \\ # skip", (true, Some(7), r"is \\", Skip(""))),
            ("ok 8 - quick # time=1.5ms", (true, Some(8), "quick", Time("1.5ms"))),
            ("ok 99999999999999999999999 - much", (true, None, "99999999999999999999999 - much", Plain)),
            ("ok 2nd try", (true, None, "2nd try", Plain)),
        ] {
            assert_eq!(told(line), point, "{line}");
        }
    }

    #[test]
    fn other_lines_are_told_apart() {
        for (line, wanted) in [
            ("TAP version 14", Line::Version),
            ("1..4", Line::Plan { last: 4 }),
            ("1..0 # SKIP no network", Line::Plan { last: 0 }),
            ("1..99999999999999999999999", Line::Plan { last: u64::MAX }),
            ("1..2 and more", Line::Other("1..2 and more")),
            ("Bail out!  no database", Line::BailOut("no database")),
            ("# Subtest: inner", Line::Subtest("inner")),
            ("# tests 6", Line::Comment("tests 6")),
            ("okay then", Line::Other("okay then")),
            ("t/a.t .. ", Line::File { name: "t/a.t", rest: "" }),
            ("t/a.t ....... skipped: why", Line::File { name: "t/a.t", rest: "skipped: why" }),
            ("and so on ..", Line::Other("and so on ..")),
        ] {
            assert_eq!(read(line), wanted, "{line}");
        }
    }

    #[test]
    fn escapes_are_taken_back() {
        assert_eq!(unescape(r"a \# and \\ and \n and \"), r"a # and \ and \n and \");
    }
}
