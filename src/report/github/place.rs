//! Where a failing test's output says that it failed. Pure: text in, places as they are named out.

use crate::report::inert::inert;

/// No text is searched for more.
const MOST: usize = 100;

/// What a relative path is relative to, most likely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relative {
    /// The workspace's root: the compiler is started there.
    Workspace,
    /// The package's folder: tests run there, and a backtrace shortens paths by the current directory.
    Package,
}

/// A place as a text names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) path: String,
    pub(super) line: u32,
    pub(super) column: Option<u32>,
    pub(super) relative: Relative,
}

/// The places that a text names, the likeliest first: those of panics and of their backtraces in the order of the text,
/// then what else looks like one (`Source:` of a snapshot, `-->` of a compiler).
pub(super) fn spots(text: &str) -> Vec<Spot> {
    let text = inert(text);
    let (mut certain, mut likely) = (Vec::new(), Vec::new());
    let (mut in_trace, mut is_open) = (false, false);
    for line in text.lines() {
        let trimmed = line.trim();
        if let Some(header) = header(line) {
            in_trace = true;
            is_open = header.is_none();
            certain.extend(header);
        } else if let Some(end) = trimmed.rsplit_once("', ").and_then(|(_, end)| spot(end)).filter(|_| is_open) {
            is_open = false;
            certain.push(end);
        } else if trimmed.eq_ignore_ascii_case("stack backtrace:") {
            in_trace = true;
        } else if let Some(frame) = trimmed.strip_prefix("at ").and_then(spot).filter(|_| in_trace) {
            certain.push(frame);
        } else {
            let rest = ["--> ", "Source: "].iter().find_map(|prefix| trimmed.strip_prefix(prefix));
            likely.extend(rest.and_then(spot));
        }
        if certain.len() >= MOST {
            break;
        }
    }
    certain.extend(likely);
    certain.truncate(MOST);
    certain
}

/// The place in the first line of a panic's message; the inner none: the message, which may have several lines, comes
/// before it (as Rust had it before 1.73).
fn header(line: &str) -> Option<Option<Spot>> {
    const SAID: &str = " panicked at ";
    let line = &line[line.find("thread '")?..];
    // A thread may be called anything.
    line.match_indices(SAID).find_map(|(at, _)| {
        let rest = &line[at + SAID.len()..];
        if rest.starts_with('\'') {
            return Some(rest.rsplit_once("', ").and_then(|(_, end)| spot(end)));
        }
        spot(rest.trim_end().strip_suffix(':').unwrap_or(rest)).map(Some)
    })
}

/// `src/lib.rs:10:5`, `C:\app\src\lib.rs:10`.
fn spot(text: &str) -> Option<Spot> {
    let (head, last) = text.trim().rsplit_once(':')?;
    let last = number(last)?;
    let (path, line, column) = match head.rsplit_once(':').and_then(|(path, line)| Some((path, number(line)?))) {
        Some((path, line)) => (path, line, Some(last)),
        None => (head, last, None),
    };
    let path = path.replace('\\', "/");
    let path = path.strip_prefix("//?/").unwrap_or(&path);
    if path.is_empty() || line == 0 {
        return None;
    }
    let relative = if path.starts_with("./") { Relative::Package } else { Relative::Workspace };
    Some(Spot { path: path.to_owned(), line, column, relative })
}

fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn named(text: &str) -> Vec<String> {
        let written = |spot: &Spot| {
            let column = spot.column.map(|column| format!(":{column}")).unwrap_or_default();
            format!("{}:{}{column}", spot.path, spot.line)
        };
        spots(text).iter().map(written).collect()
    }

    #[test]
    fn a_panic_says_where_it_was() {
        #[rustfmt::skip]
        let table: &[(&str, &[&str])] = &[
            ("thread 'x' panicked at src/lib.rs:10:5:\nboo", &["src/lib.rs:10:5"]),
            ("\nthread 'a::b' (4711) panicked at core/src/lib.rs:10:5:\nboo\n", &["core/src/lib.rs:10:5"]),
            ("thread 'x' panicked at 'boo', src/lib.rs:10:5", &["src/lib.rs:10:5"]),
            ("thread 'x' panicked at 'boo', src/lib.rs:10:5\nnote: run with", &["src/lib.rs:10:5"]),
            ("thread 'x' panicked at 'assertion failed: `(left == right)`\n  left: `1`,\n right: `2`', src/lib.rs:3:9",
             &["src/lib.rs:3:9"]),
            ("thread 'it's' panicked at src/lib.rs:1:2:\nboo", &["src/lib.rs:1:2"]),
            ("thread 'a panicked at b' panicked at src/lib.rs:1:2:\nboo", &["src/lib.rs:1:2"]),
            ("half a linethread '<unnamed>' panicked at src/lib.rs:1:2:\n", &["src/lib.rs:1:2"]),
            ("thread 'x' panicked at src\\win dir\\lib.rs:10:5:\r\nboo", &["src/win dir/lib.rs:10:5"]),
            ("thread 'x' panicked at C:\\app\\src\\lib.rs:10:5:", &["C:/app/src/lib.rs:10:5"]),
            ("thread 'x' panicked at \\\\?\\C:\\app\\src\\lib.rs:10:5:", &["C:/app/src/lib.rs:10:5"]),
            ("\u{1b}[31mthread 'x' panicked at src/lib.rs:10:5:\u{1b}[0m", &["src/lib.rs:10:5"]),
            ("thread 'x' panicked at a:b/lib.rs:10:5:", &["a:b/lib.rs:10:5"]),
            ("Test executable failed (exit status: 101).\n\nstderr:\n\nthread 'main' panicked at core/src/lib.rs:5:1:\nboo",
             &["core/src/lib.rs:5:1"]),
            ("thread 'x' panicked at src/lib.rs:1:2:\nouter\nthread 'y' panicked at src/b.rs:3:4:\n",
             &["src/lib.rs:1:2", "src/b.rs:3:4"]),
            ("the thread panicked at src/lib.rs:1:2:", &[]),
            ("thread 'x' panicked at src/lib.rs:0:0:", &[]),
            ("thread 'x' panicked at src/lib.rs:99999999999:1:", &[]),
            ("thread 'x' panicked at :1:1:", &[]),
            ("thread 'x' has overflowed its stack", &[]),
            ("Error: \"no\"", &[]),
            ("", &[]),
        ];
        for (text, want) in table {
            assert_eq!(named(text), *want, "{text}");
        }
    }

    #[test]
    fn a_backtrace_goes_on_where_its_panic_was_elsewhere() {
        let text = "thread 'x' panicked at /h/.cargo/registry/src/dep/lib.rs:7:1:\nboo\nstack backtrace:\n   \
                    0: std::panicking\n             at /rustc/59807/library/std/src/panicking.rs:689:5\n   \
                    1: app::x\n             at ./src/lib.rs:15:5\n";
        let want = ["/h/.cargo/registry/src/dep/lib.rs:7:1", "/rustc/59807/library/std/src/panicking.rs:689:5"];
        assert_eq!(named(text), [&want[..], &["./src/lib.rs:15:5"]].concat());
        assert_eq!(spots(text)[2].relative, Relative::Package);
        let error = "Error: no\n\nStack backtrace:\n   0: app::x\n             at src/lib.rs:3:9\n";
        assert_eq!(named(error), ["src/lib.rs:3:9"]);
        assert!(named("it was\nat src/lib.rs:3:9\n").is_empty(), "that is no backtrace");
    }

    #[test]
    fn snapshots_and_compilers_say_it_in_their_own_way() {
        let insta = "Snapshot Summary\nSnapshot: x\nSource: core/src/lib.rs:10\n-old snapshot\n";
        assert_eq!(named(insta), ["core/src/lib.rs:10"]);
        let doctest = "error[E0308]: mismatched types\n  --> core/src/lib.rs:10:14\n   |\n";
        assert_eq!(named(doctest), ["core/src/lib.rs:10:14"]);
        let panic = format!("{insta}thread 'x' panicked at tests/it.rs:1:2:\n");
        assert_eq!(named(&panic), ["tests/it.rs:1:2", "core/src/lib.rs:10"], "a panic is more certain");
    }

    proptest! {
        #[test]
        fn no_text_panics(
            text in any::<String>(),
            lines in "((thread ')?\\PC{0,5}( panicked at )?'?\\PC{0,6}(', )?[a:0-9\\\\]{0,9}:?\n|at \\PC{0,5}:[0-9:]{0,5}\n){0,6}",
        ) {
            for text in [&text, &lines] {
                for spot in spots(text) {
                    prop_assert!(!spot.path.is_empty() && spot.line > 0);
                }
            }
        }

        #[test]
        fn what_a_panic_names_is_found(path in "[a-z]{1,8}(/[a-z ]{1,8}){0,3}\\.rs", line in 1_u32.., column in 1_u32..) {
            let new = format!("thread 'x' panicked at {path}:{line}:{column}:\nboo\n");
            let old = format!("thread 'x' panicked at 'boo', {path}:{line}:{column}\n");
            for text in [new, old] {
                prop_assert_eq!(named(&text), [format!("{path}:{line}:{column}")]);
            }
        }
    }
}
