//! What follows `--`: libtest's arguments, understood where the gate needs to know, and kept for custom harnesses.

use std::ffi::{OsStr, OsString};

/// libtest's arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LibtestArgs {
    /// Filters that stand after `--`.
    pub filters: Vec<String>,
    /// `--exact`: filters must equal a test's name.
    pub exact: bool,
    /// `--skip FILTER`.
    pub skip: Vec<String>,
    /// `--ignored`: only ignored tests run.
    pub ignored: bool,
    /// `--include-ignored`: ignored tests run too.
    pub include_ignored: bool,
    /// `--nocapture`, `--no-capture`: tests print to the terminal.
    pub nocapture: bool,
    /// `--show-output`: passing tests' output is shown too.
    pub show_output: bool,
    /// `--test-threads N`.
    pub test_threads: Option<usize>,
    /// `--test`: tests run, benchmarks do not.
    pub test: bool,
    /// `--bench`: benchmarks run.
    pub bench: bool,
    /// `--list`: names are printed, nothing runs.
    pub list: bool,
    /// `--help`: the harness's own help is printed, nothing runs.
    pub help: bool,
    /// `--color WHEN`.
    pub color: Option<String>,
    /// `--logfile PATH`.
    pub logfile: Option<String>,
    /// What libtest does not know, in order: for custom harnesses.
    pub unknown: Vec<OsString>,
    /// Everything in order, without `-q`: for custom harnesses, which may know more.
    pub in_order: Vec<OsString>,
}

/// Flags of libtest's that would hide from the gate what it must read, with what to use instead.
const REFUSED: [(&str, &str); 7] = [
    ("--format", "the gate reads libtest's output itself; use `--format json`, `--events` or `--junit` before `--`"),
    ("--report-time", "the gate measures every test itself; the report and `--format json` carry the times"),
    ("--ensure-time", "use `--timeout` before `--`"),
    ("--shuffle", "the gate orders tests itself, and reads their times from that order"),
    ("--shuffle-seed", "the gate orders tests itself, and reads their times from that order"),
    ("--fail-fast", "use `--fail-fast` before `--`: it stops all binaries"),
    ("-Z", "unstable flags of libtest's change the output that the gate reads; cargo's `-Z` goes before `--`"),
];

impl LibtestArgs {
    /// Reads what follows `--`; the error is a sentence for the user.
    pub fn parse(args: &[OsString]) -> Result<Self, String> {
        let mut parsed = Self::default();
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            let Some(text) = arg.to_str() else {
                parsed.keep_unknown(arg);
                continue;
            };
            if text == "--" {
                // For libtest, whatever follows is a filter.
                parsed.in_order.push(arg.clone());
                for filter in rest.by_ref() {
                    parsed.in_order.push(filter.clone());
                    parsed.filters.push(filter.to_string_lossy().into_owned());
                }
                break;
            }
            if text == "-q" || text == "--quiet" {
                continue;
            }
            let (name, value) = match text.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name, Some(value)),
                _ => (text, None),
            };
            refuse(name, text)?;
            if parsed.switch(text) {
                parsed.in_order.push(arg.clone());
            } else if matches!(name, "--skip" | "--test-threads" | "--color" | "--logfile") {
                parsed.in_order.push(arg.clone());
                let value = match value {
                    Some(value) => value,
                    None => {
                        let next = rest.next().ok_or_else(|| format!("`{name}` after `--` wants a value"))?;
                        parsed.in_order.push(next.clone());
                        next.to_str().ok_or_else(|| format!("the value of `{name}` after `--` is not UTF-8"))?
                    }
                };
                parsed.take(name, value)?;
            } else if text.starts_with('-') && text != "-" {
                parsed.keep_unknown(arg);
            } else {
                parsed.in_order.push(arg.clone());
                parsed.filters.push(text.to_owned());
            }
        }
        Ok(parsed)
    }

    fn keep_unknown(&mut self, arg: &OsStr) {
        self.unknown.push(arg.to_owned());
        self.in_order.push(arg.to_owned());
    }

    /// A flag without a value; false if it is none.
    fn switch(&mut self, text: &str) -> bool {
        let place = match text {
            "--exact" => &mut self.exact,
            "--ignored" => &mut self.ignored,
            "--include-ignored" => &mut self.include_ignored,
            "--nocapture" | "--no-capture" => &mut self.nocapture,
            "--show-output" => &mut self.show_output,
            "--test" => &mut self.test,
            "--bench" => &mut self.bench,
            "--list" => &mut self.list,
            "--help" | "-h" => &mut self.help,
            _ => return false,
        };
        *place = true;
        true
    }

    /// A flag with a value.
    fn take(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "--skip" => self.skip.push(value.to_owned()),
            "--color" => self.color = Some(value.to_owned()),
            "--logfile" => self.logfile = Some(value.to_owned()),
            _ => {
                let threads = value.parse().ok().filter(|threads| *threads > 0);
                let wanted = || format!("`--test-threads {value}` after `--`: write a number, 1 or more");
                self.test_threads = Some(threads.ok_or_else(wanted)?);
            }
        }
        Ok(())
    }
}

fn refuse(name: &str, text: &str) -> Result<(), String> {
    let is_refused = |flag: &str| name == flag || (flag == "-Z" && text.starts_with("-Z"));
    match REFUSED.iter().find(|(flag, _)| is_refused(flag)) {
        Some((flag, instead)) => Err(format!("`{flag}` after `--`: {instead}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<LibtestArgs, String> {
        LibtestArgs::parse(&words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn filters_and_flags_are_told_apart() {
        let args = parse(&["a", "--exact", "--skip", "b", "--skip=c", "--test-threads=3", "d", "--nocapture"]).unwrap();
        assert_eq!((args.filters, args.skip), (vec!["a".to_owned(), "d".into()], vec!["b".to_owned(), "c".into()]));
        assert!(args.exact && args.nocapture && !args.ignored);
        assert_eq!(args.test_threads, Some(3));
        assert_eq!(args.in_order.len(), 8);
    }

    #[test]
    fn quiet_is_stripped_and_unknown_flags_keep_their_order() {
        let args = parse(&["-q", "--tags", "@slow", "--quiet", "-x", "--", "--odd"]).unwrap();
        assert_eq!(args.unknown, ["--tags", "-x"]);
        assert_eq!(args.filters, ["@slow", "--odd"]);
        assert_eq!(args.in_order, ["--tags", "@slow", "-x", "--", "--odd"]);
    }

    #[test]
    fn what_would_change_the_output_is_refused_with_what_to_use_instead() {
        for words in [&["--format", "json"][..], &["--format=terse"], &["-Zunstable-options"], &["-Z", "x"]] {
            assert!(parse(words).unwrap_err().contains("after `--`"), "{words:?}");
        }
        assert!(parse(&["--test-threads", "0"]).is_err());
        assert!(parse(&["--test-threads"]).is_err());
        assert!(parse(&["--report-time"]).is_err());
        assert!(parse(&["--logfile", "x"]).is_ok());
    }

    proptest::proptest! {
        #[test]
        fn no_arguments_panic(words in proptest::collection::vec("-{0,2}[a-zA-Z=]{0,12}", 0..6)) {
            let _ = LibtestArgs::parse(&words.into_iter().map(OsString::from).collect::<Vec<_>>());
        }
    }
}
