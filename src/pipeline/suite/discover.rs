//! Which suites a configured one stands for: itself, the executables of a folder, those of a list, one executable.

use std::collections::HashSet;
use std::io;

use camino::{Utf8Path, Utf8PathBuf};

use super::listed;
use crate::config::Suite;
use crate::exit_code::ExitCode;
use crate::model::Runner;

/// A suite that can be run.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// What holds for it, under its whole name.
    pub suite: Suite,
    /// The folder that is handed to its runner, absolute.
    pub folder: Option<Utf8PathBuf>,
}

/// Why no suite was found, with its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiscoverError {
    /// A folder or a file cannot be read.
    #[error("suite `{suite}`: `{path}` cannot be read: {why}")]
    Unreadable {
        /// The configured suite.
        suite: String,
        /// What was looked at.
        path: Utf8PathBuf,
        /// What the system says.
        why: String,
    },
    /// A list of suites has a mistake.
    #[error("suite `{suite}`: {path}:{line}:{column}: {why}")]
    Manifest {
        /// The configured suite.
        suite: String,
        /// The list.
        path: Utf8PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong there.
        why: String,
    },
    /// Nothing is there, or not what is meant.
    #[error("suite `{suite}`: {why}")]
    Nothing {
        /// The configured suite.
        suite: String,
        /// What is missing.
        why: String,
    },
}

impl DiscoverError {
    /// What was configured does not fit what is there.
    #[must_use]
    pub const fn exit_code(&self) -> ExitCode {
        ExitCode::Config
    }
}

/// Finds the suites that a configured one stands for, in the order in which they are named to people. Never none.
///
/// # Errors
///
/// Nothing is found, or what is found cannot be run.
pub fn discover(suite: &Suite, root: &Utf8Path) -> Result<Vec<Found>, DiscoverError> {
    let nothing = |why: String| DiscoverError::Nothing { suite: suite.name.clone(), why };
    let found = match &suite.discover {
        None => vec![Found { suite: suite.clone(), folder: None }],
        Some(place) => {
            let path = root.join(place);
            let there = path.metadata().map_err(|error| unreadable(suite, place, &error))?;
            if there.is_dir() {
                in_folder(suite, place, &path)?
            } else if matches!(place.extension(), Some("toml" | "json")) {
                let text = fs_err::read_to_string(&path).map_err(|error| unreadable(suite, place, &error))?;
                listed::read(suite, place, &text)?
            } else if is_executable(&there, place) || !suite.invocation.command.is_empty() {
                vec![Found { suite: Suite { discover: None, ..run_with(suite, &path) }, folder: None }]
            } else {
                return Err(nothing(format!("`{place}` is no folder, no manifest (.toml, .json) and not executable")));
            }
        }
    };
    let mut names = HashSet::new();
    for Found { suite: one, .. } in &found {
        if one.name.chars().any(char::is_control) {
            return Err(nothing(format!("{:?} has characters in it that no name has", one.name)));
        }
        if !names.insert(&one.name) {
            return Err(nothing(format!("two suites are called `{}`", one.name)));
        }
        if one.runner == Runner::Script && one.invocation.command.is_empty() {
            return Err(nothing(format!("`{}` has no command, and a script needs one", one.name)));
        }
    }
    if found.is_empty() {
        let place = suite.discover.as_deref().unwrap_or(Utf8Path::new(""));
        return Err(nothing(format!("there is no suite in `{place}`")));
    }
    Ok(found)
}

fn unreadable(suite: &Suite, place: &Utf8Path, error: &io::Error) -> DiscoverError {
    DiscoverError::Unreadable { suite: suite.name.clone(), path: place.to_owned(), why: error.to_string() }
}

/// The suites of a folder. Runners that search by themselves get it whole; of scripts each executable is one.
fn in_folder(suite: &Suite, place: &Utf8Path, path: &Utf8Path) -> Result<Vec<Found>, DiscoverError> {
    if suite.runner != Runner::Script {
        let suite = Suite { discover: None, ..suite.clone() };
        return Ok(vec![Found { suite, folder: Some(path.to_owned()) }]);
    }
    let wrong = |error: io::Error| unreadable(suite, place, &error);
    let mut files = Vec::new();
    for entry in path.read_dir_utf8().map_err(wrong)? {
        // A name that is no text is an error here: it could not be told from another.
        let entry = entry.map_err(wrong)?;
        let there = entry.path().metadata().map_err(wrong)?;
        if there.is_file() && !entry.file_name().starts_with('.') && is_executable(&there, entry.path()) {
            files.push(entry.into_path());
        }
    }
    files.sort();
    let stems: Vec<&str> = files.iter().filter_map(|file| file.file_stem()).collect();
    let name_of = |file: &Utf8Path| {
        let stem = file.file_stem().unwrap_or_default();
        let is_alone = stems.iter().filter(|other| **other == stem).count() < 2;
        if is_alone { stem } else { file.file_name().unwrap_or_default() }.to_owned()
    };
    let found = files.iter().map(|file| {
        let name = format!("{}/{}", suite.name, name_of(file));
        Found { suite: Suite { name, discover: None, ..run_with(suite, file) }, folder: None }
    });
    Ok(found.collect())
}

/// The suite with an executable as what it runs: alone, or as the argument of the command that is configured.
fn run_with(suite: &Suite, file: &Utf8Path) -> Suite {
    let mut suite = suite.clone();
    match suite.invocation.command.first_mut().filter(|_| suite.invocation.shell) {
        Some(line) => *line = format!("{line} {}", quoted(file.as_str())),
        None => suite.invocation.command.push(file.to_string()),
    }
    suite
}

/// A text as one word of the shell's.
pub(super) fn quoted(text: &str) -> String {
    if cfg!(windows) { format!("\"{text}\"") } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(unix)]
fn is_executable(there: &std::fs::Metadata, _: &Utf8Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    there.is_file() && there.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(there: &std::fs::Metadata, path: &Utf8Path) -> bool {
    let is_program = |end: &str| ["exe", "com", "bat", "cmd"].iter().any(|known| end.eq_ignore_ascii_case(known));
    there.is_file() && path.extension().is_some_and(is_program)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Invocation;

    fn dir() -> (tempfile::TempDir, Utf8PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
        (dir, root)
    }

    fn put(path: &Utf8Path, text: &str, executable: bool) {
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
        #[cfg(unix)]
        if executable {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        #[cfg(not(unix))]
        let _ = executable;
    }

    fn suite(runner: Runner, command: &[&str], discover: &str) -> Suite {
        let command = command.iter().map(|word| (*word).to_owned()).collect();
        Suite {
            name: "outside".into(),
            runner,
            invocation: Invocation { command, ..Invocation::default() },
            discover: Some(discover.into()).filter(|place: &Utf8PathBuf| !place.as_str().is_empty()),
            ..Suite::default()
        }
    }

    #[cfg(unix)]
    fn found(suite: &Suite, root: &Utf8Path) -> Vec<(String, Vec<String>)> {
        let found = discover(suite, root).unwrap();
        found.into_iter().map(|found| (found.suite.name, found.suite.invocation.command)).collect()
    }

    #[test]
    fn without_discovery_a_suite_is_itself() {
        let one = suite(Runner::Script, &["./check"], "");
        assert_eq!(discover(&one, Utf8Path::new("/")), Ok(vec![Found { suite: one.clone(), folder: None }]));
    }

    #[cfg(unix)]
    #[test]
    fn r26_each_executable_of_a_folder_is_a_suite_of_its_own_in_name_order() {
        let (_keep, root) = dir();
        for name in ["b.sh", "a.sh", "a.py", ".hidden.sh"] {
            put(&root.join("checks").join(name), "", true);
        }
        put(&root.join("checks/README.md"), "", false);
        put(&root.join("checks/deeper/c.sh"), "", true);
        let path = |name: &str| root.join("checks").join(name).to_string();
        assert_eq!(
            found(&suite(Runner::Script, &[], "checks"), &root),
            [
                ("outside/a.py".to_owned(), vec![path("a.py")]),
                ("outside/a.sh".to_owned(), vec![path("a.sh")]),
                ("outside/b".to_owned(), vec![path("b.sh")]),
            ]
        );
        let by_shell = found(&suite(Runner::Script, &["bash", "-e"], "checks"), &root);
        assert_eq!(by_shell[2].1, ["bash".to_owned(), "-e".to_owned(), path("b.sh")]);
    }

    #[test]
    fn r26_a_runner_that_searches_gets_the_folder_whole() {
        let (_keep, root) = dir();
        put(&root.join("py/test_a.py"), "", false);
        for runner in [Runner::Pytest, Runner::Unittest, Runner::Node] {
            let found = discover(&suite(runner, &[], "py"), &root).unwrap();
            assert_eq!((found.len(), found[0].folder.as_deref()), (1, Some(&*root.join("py"))));
            assert_eq!(found[0].suite.name, "outside");
        }
    }

    #[cfg(unix)]
    #[test]
    fn r26_an_executable_is_one_suite() {
        let (_keep, root) = dir();
        put(&root.join("run-all"), "", true);
        put(&root.join("notes.txt"), "", false);
        let program = root.join("run-all").to_string();
        assert_eq!(found(&suite(Runner::Script, &[], "run-all"), &root), [("outside".to_owned(), vec![program])]);
        let error = discover(&suite(Runner::Script, &[], "notes.txt"), &root).unwrap_err();
        assert!(error.to_string().contains("not executable"), "{error}");
    }

    #[test]
    fn nothing_is_never_a_silent_pass() {
        let (_keep, root) = dir();
        put(&root.join("empty/notes.txt"), "", false);
        for (discover, wanted) in
            [("empty", "there is no suite in `empty`"), ("nowhere", "`nowhere` cannot be read"), ("", "has no command")]
        {
            let error = super::discover(&suite(Runner::Script, &[], discover), &root).unwrap_err();
            assert!(error.to_string().contains(wanted), "{error}");
            assert_eq!(error.exit_code(), ExitCode::Config);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_name_holds_no_control_characters() {
        let (_keep, root) = dir();
        put(&root.join("checks/a\nb.sh"), "", true);
        let error = discover(&suite(Runner::Script, &[], "checks"), &root).unwrap_err();
        assert!(!error.to_string().contains('\n'), "{error}");
    }
}
