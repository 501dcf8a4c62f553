//! libtest's arguments for a selection of tests: a pure function.

use std::collections::HashSet;
use std::ffi::OsString;

/// The most bytes of names on one command line. Linux allows 2 MiB with the environment, macOS 1 MiB, Windows 32 KiB.
pub const MOST_BYTES: usize = if cfg!(windows) { 16 * 1024 } else { 512 * 1024 };

/// What every libtest command line of a run has in common.
#[derive(Clone, Debug, Default)]
pub struct CommonArgs {
    /// The arguments that select: filters, `--exact`, `--skip`.
    pub selecting: Vec<OsString>,
    /// The arguments that decide what happens to ignored tests: `--ignored`, `--include-ignored`.
    pub ignoring: Vec<OsString>,
    /// The rest: `--nocapture`, what is not known.
    pub other: Vec<OsString>,
}

/// Arguments that select `wanted` out of `listed`, in as many command lines as the system's limit makes necessary:
/// each with the tests (as places in `wanted`) that it runs. Both lists are in the harness's order.
#[must_use]
pub fn command_lines(listed: &[&str], wanted: &[&str], common: &CommonArgs, most: usize) -> Vec<CommandLine> {
    let all = |args: Vec<OsString>| vec![CommandLine { args, tests: (0..wanted.len()).collect() }];
    if wanted.len() == listed.len() {
        return all(common.selecting.clone());
    }
    let exact = || OsString::from("--exact");
    if common.selecting.is_empty() {
        let wanted_set: HashSet<&str> = wanted.iter().copied().collect();
        let others: Vec<&str> = listed.iter().copied().filter(|name| !wanted_set.contains(name)).collect();
        let bytes = size(&others) + others.len() * "--skip ".len();
        if bytes < size(wanted).min(most) {
            let skips = others.iter().flat_map(|name| [OsString::from("--skip"), OsString::from(name)]);
            return all(std::iter::once(exact()).chain(skips).collect());
        }
    }
    let mut lines: Vec<CommandLine> = Vec::new();
    let mut room = 0;
    for (test, name) in wanted.iter().enumerate() {
        if lines.is_empty() || room < name.len() + 1 {
            lines.push(CommandLine { args: vec![exact()], tests: Vec::new() });
            room = most;
        }
        room = room.saturating_sub(name.len() + 1);
        if let Some(line) = lines.last_mut() {
            line.args.push(name.into());
            line.tests.push(test);
        }
    }
    lines
}

/// One command line's part of a selection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine {
    /// The arguments that select.
    pub args: Vec<OsString>,
    /// The tests they select, as places in the wanted ones.
    pub tests: Vec<usize>,
}

fn size(names: &[&str]) -> usize {
    names.iter().map(|name| name.len() + 1).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// libtest's own rule.
    fn runs(name: &str, args: &[OsString]) -> bool {
        let args: Vec<&str> = args.iter().map(|arg| arg.to_str().unwrap()).collect();
        let exact = args.contains(&"--exact");
        let matches = |filter: &str| if exact { name == filter } else { name.contains(filter) };
        let (mut filters, mut skips) = (Vec::new(), Vec::new());
        let mut words = args.into_iter().filter(|arg| *arg != "--exact");
        while let Some(word) = words.next() {
            if word == "--skip" { skips.push(words.next().unwrap()) } else { filters.push(word) }
        }
        (filters.is_empty() || filters.iter().any(|filter| matches(filter))) && !skips.iter().any(|skip| matches(skip))
    }

    proptest! {
        #[test]
        fn exactly_the_wanted_tests_run_once(
            names in proptest::collection::btree_set("[a-c]{1,3}", 1..20),
            picks in proptest::collection::vec(any::<bool>(), 20),
            filter in proptest::option::of("[a-c]"),
            most in 3usize..60,
        ) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let selecting: Vec<OsString> = filter.iter().map(OsString::from).collect();
            let listed: Vec<&str> = names.iter().copied().filter(|name| runs(name, &selecting)).collect();
            let wanted: Vec<&str> = listed.iter().zip(&picks).filter(|(_, pick)| **pick).map(|(name, _)| *name).collect();
            let common = CommonArgs { selecting, ..CommonArgs::default() };
            let mut ran = Vec::new();
            for line in command_lines(&listed, &wanted, &common, most) {
                let of_line: Vec<&str> = names.iter().copied().filter(|name| runs(name, &line.args)).collect();
                let promised: Vec<&str> = line.tests.iter().map(|test| wanted[*test]).collect();
                prop_assert_eq!(&of_line, &promised);
                ran.extend(of_line);
            }
            prop_assert_eq!(ran, wanted);
        }
    }
}
