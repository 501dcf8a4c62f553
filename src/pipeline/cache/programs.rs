//! What programs a step starts, as far as its command says: which files they are, not what is in them.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use camino::Utf8Path;

use crate::config::Invocation;

/// What cargo's own subcommands start beside themselves.
const BEHIND: [(&str, &[&str]); 2] = [("clippy", &["clippy-driver"]), ("fmt", &["rustfmt"])];

/// What stands between the words of a shell's line.
const BETWEEN: &[char] = &[' ', '\t', '\n', ';', '&', '|', '(', ')', '`', '"', '\'', '='];

/// The programs by name, each with a text that changes when the file does.
pub(super) fn programs(
    invocation: &Invocation,
    root: &Utf8Path,
    variables: &[(OsString, OsString)],
) -> Vec<(String, String)> {
    let path = search_path(invocation, variables);
    let cwd = invocation.cwd.as_ref().map_or_else(|| root.to_owned(), |cwd| root.join(cwd));
    let identity = |name: &str| find(name, cwd.as_std_path(), &path).map(|file| identity(&file));
    let words: Vec<&str> = match invocation.shell {
        true => {
            invocation.command.iter().flat_map(|line| line.split(BETWEEN)).filter(|word| !word.is_empty()).collect()
        }
        false => invocation.command.iter().map(String::as_str).collect(),
    };
    let mut named = Vec::new();
    let mut started = words.first().copied().into_iter().collect::<Vec<_>>();
    if invocation.shell {
        // Which word of a line is a program is the shell's secret; a word too many costs nothing.
        started.extend(words.iter().skip(1));
        named.push(("sh".to_owned(), identity("sh").unwrap_or_default()));
    }
    for name in started {
        match identity(name) {
            Some(identity) => named.push((name.to_owned(), identity)),
            None if !invocation.shell => named.push((name.to_owned(), String::new())),
            None => {}
        }
    }
    for name in behind_cargo(&words) {
        named.extend(identity(&name).map(|identity| (name, identity)));
    }
    named.sort();
    named.dedup();
    named
}

/// What `cargo X` starts.
fn behind_cargo(words: &[&str]) -> Vec<String> {
    let mut behind = Vec::new();
    for (at, _) in words.iter().enumerate().filter(|(_, word)| Path::new(word).file_stem() == Some(OsStr::new("cargo")))
    {
        let after = words.iter().skip(at + 1);
        let Some(subcommand) = after.copied().find(|word| !word.starts_with(['+', '-'])) else { continue };
        behind.push(format!("cargo-{subcommand}"));
        let more = BEHIND.iter().filter(|(name, _)| *name == subcommand).flat_map(|(_, more)| more.iter());
        behind.extend(more.map(|name| (*name).to_owned()));
    }
    behind
}

fn search_path(invocation: &Invocation, variables: &[(OsString, OsString)]) -> OsString {
    let is_path = |name: &OsStr| name == "PATH" || (cfg!(windows) && name.eq_ignore_ascii_case("path"));
    let own = invocation.env.iter().find(|(name, _)| is_path(OsStr::new(name))).map(|(_, value)| value.into());
    own.or_else(|| variables.iter().find(|(name, _)| is_path(name)).map(|(_, value)| value.clone())).unwrap_or_default()
}

/// The file that would be started by this name.
fn find(name: &str, cwd: &Path, path: &OsStr) -> Option<PathBuf> {
    let endings: &[&str] = if cfg!(windows) { &["", ".exe", ".cmd", ".bat"] } else { &[""] };
    let is_path = name.contains('/') || (cfg!(windows) && name.contains('\\'));
    let places = match is_path {
        true => vec![cwd.to_owned()],
        false => std::env::split_paths(path).map(|place| cwd.join(place)).collect(),
    };
    let files = places.iter().flat_map(|place| endings.iter().map(|ending| place.join(format!("{name}{ending}"))));
    files.into_iter().find(|file| file.is_file())
}

/// Path, size and time.
fn identity(file: &Path) -> String {
    let real = fs_err::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let Ok(metadata) = fs_err::metadata(&real) else { return real.display().to_string() };
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    format!("{}\0{}\0{}", real.display(), metadata.len(), modified.unwrap_or_default().as_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_cargo_is_known_by_its_subcommand() {
        let behind = |line: &str| behind_cargo(&line.split(' ').collect::<Vec<_>>());
        assert_eq!(behind("cargo clippy --all"), ["cargo-clippy", "clippy-driver"]);
        assert_eq!(behind("/x/cargo +nightly --locked fmt --check"), ["cargo-fmt", "rustfmt"]);
        assert_eq!(behind("cargo fmt cargo deny"), ["cargo-fmt", "rustfmt", "cargo-deny"]);
        assert_eq!(behind("cargo"), [""; 0]);
        assert_eq!(behind("cargo-deny check"), [""; 0]);
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_is_replaced_is_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(folder.path()).unwrap();
        for name in ["tools/cargo", "tools/cargo-deny", "tools/sh", "own.sh"] {
            fs_err::create_dir_all(root.join("tools")).unwrap();
            fs_err::write(root.join(name), "one").unwrap();
        }
        let variables = vec![("PATH".into(), root.join("tools").into_os_string())];
        let of = |command: &[&str], shell: bool| {
            let command = command.iter().map(|word| (*word).to_owned()).collect();
            programs(&Invocation { command, shell, ..Invocation::default() }, root, &variables)
        };
        let names = |of: &[(String, String)]| of.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        let before = of(&["cargo", "deny", "check"], false);
        assert_eq!(names(&before), ["cargo", "cargo-deny"]);
        assert_eq!(names(&of(&["x=1 ./own.sh && cargo deny"], true)), ["./own.sh", "cargo", "cargo-deny", "sh"]);
        assert_eq!(of(&["nowhere", "cargo"], false), [("nowhere".to_owned(), String::new())]);
        fs_err::write(root.join("tools/cargo-deny"), "another").unwrap();
        let after = of(&["cargo", "deny", "check"], false);
        assert_eq!((after[0] == before[0], after[1] == before[1]), (true, false));
    }
}
