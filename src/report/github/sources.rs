//! Which file of the repository is meant: the only ones GitHub can show something beside.

use std::collections::BTreeMap;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use super::place::{Relative, Spot, spots};
use crate::model::{CaseRecord, Kind};

/// A line of a file of the repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The file, relative to the repository's root.
    pub file: Utf8PathBuf,
    /// The line, the first being 1.
    pub line: u32,
    /// The last line, where there are several.
    pub end: Option<u32>,
    /// The column, the first being 1.
    pub column: Option<u32>,
}

/// Where the files are that failures name.
pub struct Sources<'a> {
    /// What GitHub takes paths to be relative to; the workspace lies in it.
    pub repository: Utf8PathBuf,
    /// The workspace's root.
    pub workspace: Utf8PathBuf,
    /// The root that was built in: another one where the tests ran in a worktree.
    pub built_in: Utf8PathBuf,
    /// Where cargo compiles to: what is generated there is in no repository.
    pub target_dir: Utf8PathBuf,
    /// The folder of each package, by name.
    pub packages: BTreeMap<String, Utf8PathBuf>,
    /// Is there such a file?
    pub is_file: &'a dyn Fn(&Utf8Path) -> bool,
}

impl Sources<'_> {
    /// A file of the workspace as the repository has it.
    #[must_use]
    pub fn file(&self, in_workspace: &Utf8Path) -> Utf8PathBuf {
        let path = flat(&self.workspace.join(in_workspace));
        path.strip_prefix(flat(&self.repository)).map_or_else(|_| in_workspace.to_owned(), with_slashes)
    }

    /// Where a test failed, as far as its output says it.
    #[must_use]
    pub fn place_of(&self, case: &CaseRecord) -> Option<Place> {
        let package = self.packages.get(&case.key.binary.package).unwrap_or(&self.workspace);
        let named = spots(case.failure_text().unwrap_or_default()).into_iter();
        let found = named.filter_map(|spot| self.find(&spot, package)).next();
        let own = || {
            let path = case.key.name.rsplit_once(" - ").filter(|_| case.key.binary.kind == Kind::Doc)?.0;
            let spot = Spot { path: path.to_owned(), line: case.line?, column: None, relative: Relative::Workspace };
            self.find(&spot, package)
        };
        let own = own();
        // Some compilers count the lines of a doctest from its own first one.
        let is_above = |place: &Place| own.as_ref().is_some_and(|own| own.file == place.file && own.line > place.line);
        found.filter(|place| !is_above(place)).or(own)
    }

    fn find(&self, spot: &Spot, package: &Utf8Path) -> Option<Place> {
        let named = Utf8Path::new(&spot.path);
        let candidates = match spot.relative {
            _ if is_absolute(&spot.path) => vec![match named.strip_prefix(&self.built_in) {
                Ok(rest) => self.workspace.join(rest),
                Err(_) => named.to_owned(),
            }],
            Relative::Workspace => vec![self.workspace.join(named), package.join(named)],
            Relative::Package => vec![package.join(named), self.workspace.join(named)],
        };
        let (repository, target_dir) = (flat(&self.repository), flat(&self.target_dir));
        let ours = candidates.into_iter().map(|path| flat(&path)).find(|path| {
            let is_ours = path.starts_with(&repository) && !path.starts_with(&target_dir) && !is_of_cargo(path);
            is_ours && (self.is_file)(path)
        })?;
        let file = with_slashes(ours.strip_prefix(&repository).ok()?);
        Some(Place { file, line: spot.line, end: None, column: spot.column })
    }
}

/// Also where this is read on another system than it was written on.
fn is_absolute(path: &str) -> bool {
    path.starts_with('/') || path.as_bytes().get(1..3) == Some(b":/")
}

/// Without `.` and `..`, and without Windows' `\\?\`.
fn flat(path: &Utf8Path) -> Utf8PathBuf {
    let path = Utf8Path::new(path.as_str().strip_prefix(r"\\?\").unwrap_or(path.as_str()));
    let mut out = Utf8PathBuf::new();
    for component in path.components() {
        match component {
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir => {
                out.pop();
            }
            component => out.push(component),
        }
    }
    out
}

fn with_slashes(path: &Utf8Path) -> Utf8PathBuf {
    let names: Vec<&str> = path.components().map(|component| component.as_str()).collect();
    names.join("/").into()
}

/// Is it a dependency or the standard library, in a home of cargo's or rustup's that is kept inside the checkout? cargo
/// hashes where a dependency is from.
fn is_of_cargo(path: &Utf8Path) -> bool {
    let names: Vec<&str> = path.components().map(|component| component.as_str()).collect();
    let is_hashed = |name: &str| {
        let hash = name.rsplit_once('-').map(|(_, hash)| hash);
        hash.is_some_and(|hash| hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    names.windows(3).any(|names| match names {
        ["registry", "src", of] | ["git", "checkouts", of] => is_hashed(of),
        ["rustlib", "src", "rust"] => true,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{Attempt, AttemptOutcome, Outcome};

    const FILES: [&str; 8] = [
        "/repo/ws/src/lib.rs",
        "/repo/ws/core/src/lib.rs",
        "/repo/ws/core/src/only.rs",
        "/repo/shared/src/lib.rs",
        "/repo/ws/target/debug/build/x/out/gen.rs",
        "/repo/ws/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/dep-1.0.0/src/lib.rs",
        "/repo/ws/registry/src/store.rs",
        "/h/dep/src/lib.rs",
    ];

    fn sources() -> Sources<'static> {
        Sources {
            repository: "/repo".into(),
            workspace: "/repo/ws".into(),
            built_in: "/tmp/tree/ws".into(),
            target_dir: "/repo/ws/target".into(),
            packages: [("core".to_owned(), "/repo/ws/core".into())].into(),
            is_file: &|path| FILES.contains(&path.as_str()),
        }
    }

    fn case(key: &str, line: Option<u32>, text: &str) -> CaseRecord {
        let attempt =
            Attempt { outcome: AttemptOutcome::Failed, took: None, ending: None, why: None, text: Some(text.into()) };
        CaseRecord {
            key: Arc::new(key.parse().unwrap()),
            outcome: Outcome::Failed,
            took: None,
            attempts: vec![attempt],
            line,
            leaked: false,
            binary_hash: None,
        }
    }

    fn placed(case: &CaseRecord) -> Option<String> {
        sources().place_of(case).map(|place| format!("{}:{}", place.file, place.line))
    }

    #[test]
    fn only_files_of_the_repository_are_named() {
        for (path, want) in [
            ("src/lib.rs", Some("ws/src/lib.rs")),
            ("core/src/lib.rs", Some("ws/core/src/lib.rs")),
            ("src/only.rs", Some("ws/core/src/only.rs")),
            ("./src/lib.rs", Some("ws/core/src/lib.rs")),
            ("./core/src/lib.rs", Some("ws/core/src/lib.rs")),
            ("../shared/src/lib.rs", Some("shared/src/lib.rs")),
            ("/repo/ws/src/lib.rs", Some("ws/src/lib.rs")),
            ("/tmp/tree/ws/core/src/lib.rs", Some("ws/core/src/lib.rs")),
            ("registry/src/store.rs", Some("ws/registry/src/store.rs")),
            ("src/gone.rs", None),
            ("target/debug/build/x/out/gen.rs", None),
            (FILES[5], None),
            ("/h/dep/src/lib.rs", None),
            ("../../h/dep/src/lib.rs", None),
            ("/rustc/59807/library/std/src/panicking.rs", None),
            ("../../../../../../..", None),
        ] {
            let case = case("core/core::x", None, &format!("thread 'x' panicked at {path}:7:1:\nboo"));
            assert_eq!(placed(&case), want.map(|path| format!("{path}:7")), "{path}");
        }
    }

    #[test]
    fn a_panic_elsewhere_is_placed_by_the_first_frame_that_is_ours() {
        let text = "thread 'x' panicked at /h/dep/src/lib.rs:7:1:\nboo\nstack backtrace:\n 0: std\n at /rustc/1/a.rs:1:1\n \
                    1: core::x\n at ./src/lib.rs:15:5\n 2: core::y\n at ./src/only.rs:1:1\n";
        assert_eq!(placed(&case("core/core::x", None, text)).as_deref(), Some("ws/core/src/lib.rs:15"));
        assert_eq!(placed(&case("core/core::x", None, "thread 'x' panicked at /h/dep/src/lib.rs:7:1:\nboo")), None);
    }

    #[test]
    fn a_doctest_has_a_line_of_its_own() {
        let key = "core/doc:doc::core/src/lib.rs - add #1";
        for (text, want) in [
            ("thread 'main' panicked at core/src/lib.rs:42:1:\nboo", "ws/core/src/lib.rs:42"),
            ("thread 'main' panicked at core/src/lib.rs:3:1:\nboo", "ws/core/src/lib.rs:40"),
            ("error[E0308]: no\n --> core/src/lib.rs:41:14\n", "ws/core/src/lib.rs:41"),
            ("", "ws/core/src/lib.rs:40"),
        ] {
            assert_eq!(placed(&case(key, Some(40), text)).as_deref(), Some(want), "{text}");
        }
    }

    #[test]
    fn a_file_of_the_workspace_is_named_as_the_repository_has_it() {
        for (path, want) in [("core/src/lib.rs", "ws/core/src/lib.rs"), ("../shared/a.rs", "shared/a.rs")] {
            assert_eq!(sources().file(path.into()), want);
        }
    }
}
