//! Which changes concern a pipeline and its steps, pattern by pattern.
//!
//! Pure functions of the configuration and a list of changed files. What is not known to be untouched runs: without a
//! list, and with an empty one, nothing is skipped.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};

use crate::config::Pipeline;
use crate::model::{PathPatterns, StepKind};
use crate::sys::git::unquoted;

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changes {
    /// Nobody says, or nothing did: nothing is skipped.
    Everything {
        /// Why, as the end of a sentence.
        why: String,
    },
    /// These files; never none.
    Files {
        /// Who says so: `changed:REF`, or `changed:files`.
        scope: String,
        /// Relative to the workspace root, with slashes. One that ends in `/` is a repository of whose files nothing
        /// is known.
        files: Vec<Utf8PathBuf>,
    },
}

impl Changes {
    /// Nobody says what changed.
    #[must_use]
    pub fn unknown() -> Self {
        Self::Everything { why: "there is no list of changes".to_owned() }
    }

    /// The changes since the merge base with a revision.
    #[must_use]
    pub fn since(revision: &str, files: Vec<Utf8PathBuf>) -> Self {
        match files.is_empty() {
            true => Self::Everything { why: format!("nothing changed since {revision}") },
            false => Self::Files { scope: format!("changed:{revision}"), files },
        }
    }

    /// The files of a list.
    #[must_use]
    pub fn listed(files: Vec<Utf8PathBuf>) -> Self {
        match files.is_empty() {
            true => Self::Everything { why: "the list of changes is empty".to_owned() },
            false => Self::Files { scope: "changed:files".to_owned(), files },
        }
    }

    /// The word that manifests have for it.
    #[must_use]
    pub fn scope(&self) -> &str {
        match self {
            Self::Everything { .. } => "full",
            Self::Files { scope, .. } => scope,
        }
    }
}

/// Whether changes concern something, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gating {
    /// Does it run?
    pub runs: bool,
    /// One sentence.
    pub why: String,
    /// What was asked, pattern by pattern, as written.
    pub patterns: Vec<PatternMatch>,
}

/// What a pattern matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternMatch {
    /// The pattern as it was written.
    pub pattern: String,
    /// How many of the changed files.
    pub files: usize,
    /// The first of them.
    pub example: Option<Utf8PathBuf>,
}

/// Whether changes concern a pipeline. Files that configure it concern it as code does: what looks at code must run.
#[must_use]
pub fn of_pipeline(pipeline: &Pipeline, changes: &Changes) -> Gating {
    let Changes::Files { files, .. } = changes else { return everything(changes) };
    let Some(code) = pipeline.code_patterns.as_ref().filter(|code| !code.is_empty()) else {
        return Gating::bare("a pipeline without code-patterns is never skipped".to_owned());
    };
    let patterns = matches(code, files);
    if let Some(why) = matched(&patterns, files) {
        return Gating { runs: true, why, patterns };
    }
    let nothing = none_of(files, "code-patterns", code);
    match touches_config(&pipeline.config_files, changes) {
        Some((pattern, file)) => Gating { runs: true, why: configures(&pattern, &file), patterns },
        None => Gating { runs: false, why: nothing, patterns },
    }
}

/// Do the changes concern no code, but a file that configures what looks at code? Then only that runs, for this reason.
#[must_use]
pub fn only_config(pipeline: &Pipeline, changes: &Changes) -> Option<String> {
    let Changes::Files { files, .. } = changes else { return None };
    let code = pipeline.code_patterns.as_ref().filter(|code| !code.is_empty())?;
    let concerns_code = matches(code, files).iter().any(|one| one.files > 0);
    let (_, file) = touches_config(&pipeline.config_files, changes).filter(|_| !concerns_code)?;
    Some(format!("{}, and {file} configures only what looks at code", none_of(files, "code-patterns", code)))
}

/// Whether changes concern a step with these inputs.
#[must_use]
pub fn of_step(
    inputs: Option<&PathPatterns>,
    config_files: &PathPatterns,
    kind: StepKind,
    changes: &Changes,
) -> Gating {
    let Changes::Files { files, .. } = changes else { return everything(changes) };
    let Some(inputs) = inputs.filter(|inputs| !inputs.is_empty()) else {
        return Gating::bare("it names no inputs, so that every change concerns it".to_owned());
    };
    let patterns = matches(inputs, files);
    let config = touches_config(config_files, changes).filter(|_| kind.is_lint_like());
    match (matched(&patterns, files), config) {
        (Some(why), _) => Gating { runs: true, why, patterns },
        (None, Some((pattern, file))) => Gating { runs: true, why: configures(&pattern, &file), patterns },
        (None, None) => Gating { runs: false, why: none_of(files, "its inputs", inputs), patterns },
    }
}

/// The first changed file that configures what looks at code, and the pattern that says so.
#[must_use]
pub fn touches_config(config_files: &PathPatterns, changes: &Changes) -> Option<(String, Utf8PathBuf)> {
    let Changes::Files { files, .. } = changes else { return None };
    let first = |file: &Utf8PathBuf| Some((matching(config_files, file).next()?.to_owned(), file.clone()));
    files.iter().find_map(first)
}

impl Gating {
    const fn bare(why: String) -> Self {
        Self { runs: true, why, patterns: Vec::new() }
    }
}

fn everything(changes: &Changes) -> Gating {
    match changes {
        Changes::Everything { why } => Gating::bare(format!("nothing is skipped: {why}")),
        Changes::Files { .. } => Gating::bare("nothing is skipped".to_owned()),
    }
}

/// The patterns that match a changed file; all of them match one of which it is not known what it holds.
fn matching<'a>(patterns: &'a PathPatterns, file: &'a Utf8Path) -> impl Iterator<Item = &'a str> {
    let is_opaque = file.as_str().ends_with('/');
    let known = (!is_opaque).then(|| patterns.matching(file));
    let opaque = is_opaque.then(|| patterns.texts());
    known.into_iter().flatten().chain(opaque.into_iter().flatten())
}

fn matches(patterns: &PathPatterns, files: &[Utf8PathBuf]) -> Vec<PatternMatch> {
    let mut found: Vec<PatternMatch> =
        patterns.texts().map(|pattern| PatternMatch { pattern: pattern.to_owned(), files: 0, example: None }).collect();
    for file in files {
        let hits: BTreeSet<&str> = matching(patterns, file).collect();
        for one in found.iter_mut().filter(|one| hits.contains(one.pattern.as_str())) {
            one.files += 1;
            one.example.get_or_insert_with(|| file.clone());
        }
    }
    found
}

/// Of the first pattern that matches something.
fn matched(patterns: &[PatternMatch], files: &[Utf8PathBuf]) -> Option<String> {
    patterns.iter().find_map(|one| {
        let (example, count) = (one.example.as_ref()?, counted(files));
        Some(match one.files {
            1 => format!("`{}` matches {example}, of {count}", one.pattern),
            several => format!("`{}` matches {several} of {count}, such as {example}", one.pattern),
        })
    })
}

fn configures(pattern: &str, file: &Utf8Path) -> String {
    format!("{file} changed, which is one of config-files (`{pattern}`)")
}

fn none_of(files: &[Utf8PathBuf], what: &str, patterns: &PathPatterns) -> String {
    let written: Vec<String> = patterns.texts().map(|pattern| format!("`{pattern}`")).collect();
    format!("none of {} matches {what} ({})", counted(files), written.join(", "))
}

fn counted(files: &[Utf8PathBuf]) -> String {
    match files.len() {
        1 => "1 changed file".to_owned(),
        several => format!("{several} changed files"),
    }
}

/// Reads a list of changed files, one a line (or, as with git's `-z`, one before each NUL), below or relative to the
/// workspace root. Quotes as git writes them, backslashes, `./` and CRLF are understood; each file comes once.
#[must_use]
pub fn parse_changed_files(list: &[u8], root: &Utf8Path) -> Vec<Utf8PathBuf> {
    let list = list.strip_prefix(b"\xef\xbb\xbf").unwrap_or(list);
    let root = root.as_str().replace('\\', "/");
    let paths: Vec<String> = match list.contains(&0) {
        true => list.split(|byte| *byte == 0).map(|path| String::from_utf8_lossy(path).into_owned()).collect(),
        false => list.split(|byte| *byte == b'\n').map(written_path).collect(),
    };
    let mut seen = BTreeSet::new();
    let paths = paths.iter().map(|path| below(&root, path)).filter(|path| !path.is_empty());
    paths.filter(|path| seen.insert(path.clone())).map(Utf8PathBuf::from).collect()
}

/// The same files where the list may be one of the whole repository, as `git diff --name-only` writes it: `way` leads from
/// its top to the workspace, and what begins with it stands under both names. One too many runs a step, one too few none.
#[must_use]
pub fn named_both_ways(files: Vec<Utf8PathBuf>, way: &Utf8Path) -> Vec<Utf8PathBuf> {
    if way.as_str().is_empty() {
        return files;
    }
    let within = |file: &Utf8PathBuf| Some(file.as_str().strip_prefix(way.as_str())?.strip_prefix('/')?.into());
    let inner: Vec<Utf8PathBuf> = files.iter().filter_map(within).filter(|file| *file != "").collect();
    let mut seen = BTreeSet::new();
    files.into_iter().chain(inner).filter(|file| seen.insert(file.clone())).collect()
}

fn written_path(line: &[u8]) -> String {
    let line = line.trim_ascii();
    // A file's name may hold a backslash, and in quotes it is clear that it does.
    let quoted = line.starts_with(b"\"").then(|| unquoted(line)).flatten();
    match quoted {
        Some(path) => String::from_utf8_lossy(&path).into_owned(),
        None => String::from_utf8_lossy(line).replace('\\', "/"),
    }
}

fn below(root: &str, path: &str) -> String {
    let below = path.strip_prefix(root.trim_end_matches('/')).and_then(|below| below.strip_prefix('/'));
    plain(below.filter(|_| !root.is_empty()).unwrap_or(path))
}

/// Without `.`, and with as few `..` as can be.
fn plain(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|part| !matches!(*part, "" | ".")) {
        match part {
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let (before, after) = (if path.starts_with('/') { "/" } else { "" }, if path.ends_with('/') { "/" } else { "" });
    match parts.is_empty() {
        true => String::new(),
        false => format!("{before}{}{after}", parts.join("/")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(texts: &[&str]) -> PathPatterns {
        PathPatterns::new(texts).unwrap()
    }

    fn changed(files: &[&str]) -> Changes {
        Changes::listed(files.iter().map(Utf8PathBuf::from).collect())
    }

    fn pipeline(code: Option<&[&str]>, config_files: &[&str]) -> Pipeline {
        Pipeline { code_patterns: code.map(patterns), config_files: patterns(config_files), ..Pipeline::default() }
    }

    /// R23.
    #[test]
    fn only_a_list_that_matches_nothing_skips_a_pipeline() {
        let code: Option<&[&str]> = Some(&["**/*.rs", "Cargo.*"]);
        for (code, files, runs, why) in [
            (code, &["docs/a.md"][..], false, "none of 1 changed file matches code-patterns (`**/*.rs`, `Cargo.*`)"),
            (code, &["a.md", "b.md"], false, "none of 2 changed files matches code-patterns (`**/*.rs`, `Cargo.*`)"),
            (code, &["a.md", "src/b.rs"], true, "`**/*.rs` matches src/b.rs, of 2 changed files"),
            (code, &["lib.rs", "src/b.rs"], true, "`**/*.rs` matches 2 of 2 changed files, such as lib.rs"),
            (code, &["Cargo.lock"], true, "`Cargo.*` matches Cargo.lock, of 1 changed file"),
            (code, &["../other/b.rs"], true, "`**/*.rs` matches ../other/b.rs, of 1 changed file"),
            (code, &["vendored/"], true, "`**/*.rs` matches vendored/, of 1 changed file"),
            (code, &["clippy.toml"], true, "clippy.toml changed, which is one of config-files (`clippy.toml`)"),
            (code, &[], true, "nothing is skipped: the list of changes is empty"),
            (None, &["a.md"], true, "a pipeline without code-patterns is never skipped"),
            (Some(&[]), &["a.md"], true, "a pipeline without code-patterns is never skipped"),
        ] {
            let gating = of_pipeline(&pipeline(code, &["clippy.toml"]), &changed(files));
            assert_eq!((gating.runs, gating.why.as_str()), (runs, why), "{files:?}");
        }
        let unknown = of_pipeline(&pipeline(code, &[]), &Changes::unknown());
        assert_eq!((unknown.runs, unknown.why.as_str()), (true, "nothing is skipped: there is no list of changes"));
        assert!(of_pipeline(&pipeline(code, &[]), &Changes::since("main", Vec::new())).runs);
    }

    /// R23.
    #[test]
    fn steps_are_gated_by_their_inputs_and_what_looks_at_code_by_what_configures_it() {
        let py: Option<&[&str]> = Some(&["py/**"]);
        for (inputs, kind, files, runs, why) in [
            (py, StepKind::Custom, &["py/a.py", "b"][..], true, "`py/**` matches py/a.py, of 2 changed files"),
            (py, StepKind::Custom, &["src/a.rs"], false, "none of 1 changed file matches its inputs (`py/**`)"),
            (py, StepKind::Setup, &["src/a.rs"], false, "none of 1 changed file matches its inputs (`py/**`)"),
            (py, StepKind::Lint, &["rust.toml"], true, "rust.toml changed, which is one of config-files (`*.toml`)"),
            (py, StepKind::Test, &["rust.toml"], false, "none of 1 changed file matches its inputs (`py/**`)"),
            (None, StepKind::Test, &["a.md"], true, "it names no inputs, so that every change concerns it"),
            (py, StepKind::Test, &[], true, "nothing is skipped: the list of changes is empty"),
        ] {
            let inputs = inputs.map(patterns);
            let gating = of_step(inputs.as_ref(), &patterns(&["*.toml"]), kind, &changed(files));
            assert_eq!((gating.runs, gating.why.as_str()), (runs, why), "{kind} {files:?}");
        }
    }

    #[test]
    fn each_pattern_says_what_it_matched() {
        let gating = of_step(
            Some(&patterns(&["src/**", "**/*.rs", "py/**"])),
            &patterns(&[]),
            StepKind::Lint,
            &changed(&["src/a.rs", "b.rs", "src/c"]),
        );
        let said: Vec<(&str, usize, Option<&str>)> = gating
            .patterns
            .iter()
            .map(|one| (one.pattern.as_str(), one.files, one.example.as_ref().map(|path| path.as_str())))
            .collect();
        assert_eq!(said, [("src/**", 2, Some("src/a.rs")), ("**/*.rs", 2, Some("src/a.rs")), ("py/**", 0, None)]);
    }

    #[test]
    fn a_change_of_configuration_alone_concerns_what_looks_at_code_alone() {
        let pipeline = pipeline(Some(&["**/*.rs"]), &["clippy.toml"]);
        assert!(only_config(&pipeline, &changed(&["clippy.toml", "a.md"])).is_some());
        for files in [&["clippy.toml", "a.rs"][..], &["a.md"], &[]] {
            assert_eq!(only_config(&pipeline, &changed(files)), None, "{files:?}");
        }
        let config = touches_config(&pipeline.config_files, &changed(&["a", "clippy.toml"]));
        assert_eq!(config, Some(("clippy.toml".to_owned(), "clippy.toml".into())));
    }

    #[test]
    fn lists_of_changes_are_read_as_people_and_tools_write_them() {
        let of = |list: &[u8], root: &str| {
            let files = parse_changed_files(list, root.into());
            files.into_iter().map(Utf8PathBuf::into_string).collect::<Vec<_>>()
        };
        let list =
            "\u{feff}./src/lib.rs\r\n\r\nsrc\\win.rs\n  a b.rs \n\"tab\\there \\303\\251.rs\"\nsrc/lib.rs\n/ws/c.rs\n";
        let expected = ["src/lib.rs", "src/win.rs", "a b.rs", "tab\there é.rs", "c.rs"];
        assert_eq!(of(list.as_bytes(), "/ws"), expected);
        assert_eq!(of(b"a\nb\0c\0", "/ws"), ["a\nb", "c"]);
        assert_eq!(
            of(b"/wsx/a\n/ws\n/ws/b/../../c\nd//./e\n../f\nsub/", "/ws/"),
            ["/wsx/a", "/ws", "../c", "d/e", "../f", "sub/"]
        );
        assert_eq!(of(b"C:\\ws\\src\\a.rs\n", "C:\\ws"), ["src/a.rs"]);
        assert_eq!(of(b"\"unfinished\n", "/ws"), ["\"unfinished"]);
        assert_eq!(of(b"\n \r\n", "/ws"), [""; 0]);
    }

    proptest::proptest! {
        #[test]
        fn no_list_panics_and_each_file_comes_once_and_plain(list in "([a-z./\\\\ \"\r\n\0]|é|/ws/){0,60}") {
            let files = parse_changed_files(list.as_bytes(), "/ws".into());
            let distinct: BTreeSet<&str> = files.iter().map(|file| file.as_str()).collect();
            assert_eq!(distinct.len(), files.len());
            for file in &files {
                let mut parts = file.as_str().trim_end_matches('/').trim_start_matches('/').split('/');
                assert!(parts.all(|part| !part.is_empty() && part != "."), "{file:?}");
            }
            // A list that was read is written as it is read.
            let plain: Vec<&str> = files.iter().map(|file| file.as_str()).collect();
            if !plain.iter().any(|file| file.starts_with(['/', '"']) || file.contains(['\\', '\n', '"']) || file.trim() != *file) {
                assert_eq!(parse_changed_files(plain.join("\n").as_bytes(), "/ws".into()), files);
            }
        }

        #[test]
        fn a_plain_list_is_read_as_it_stands(files in proptest::collection::btree_set("[a-z]{1,5}(/[a-z.]{1,3}[a-z]){0,3}", 0..8)) {
            let files: Vec<String> = files.into_iter().collect();
            let read = parse_changed_files(files.join("\n").as_bytes(), "/ws".into());
            assert_eq!(read, files);
        }
    }

    #[test]
    fn r23_a_list_of_the_whole_repository_is_understood_in_a_workspace_below_its_top() {
        let named = |files: &[&str], way: &str| -> Vec<String> {
            let files = files.iter().map(Utf8PathBuf::from).collect();
            named_both_ways(files, way.into()).into_iter().map(Utf8PathBuf::into_string).collect()
        };
        assert_eq!(named(&["src/lib.rs"], ""), ["src/lib.rs"]);
        assert_eq!(named(&["app/src/lib.rs", "x.md"], "app"), ["app/src/lib.rs", "x.md", "src/lib.rs"]);
        assert_eq!(named(&["apple/a.rs", "app", "app/x/y/"], "app"), ["apple/a.rs", "app", "app/x/y/", "x/y/"]);
        assert_eq!(named(&["a/b/c.rs", "c.rs"], "a/b"), ["a/b/c.rs", "c.rs"]);
    }
}
