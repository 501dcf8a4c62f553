//! The rules of the house, as functions of one source file, so that forged sources can show that they bite.

use super::source::Source;

/// The floors, lowest first, and the rooms on each.
pub(super) const FLOORS: [&[&str]; 6] = [
    &["exit_code", "model", "event", "ratio"],
    &["sys"],
    &["cli", "config", "cargo", "plan"],
    &["runner"],
    &["history", "analytics", "coverage", "pipeline", "import", "report"],
    &["commands"],
];

/// Neighbours on one floor that may use each other, one way: the user, and what it uses.
const NEIGHBOURS: [(&str, &str); 7] = [
    ("model", "exit_code"),
    ("model", "ratio"),
    ("event", "model"),
    ("event", "exit_code"),
    ("event", "ratio"),
    // Flags are one layer of the settings.
    ("config::settings", "cli"),
    // Summaries are computed once, in Rust, for every store.
    ("history", "analytics::summary"),
];

/// Ways down that are closed all the same: the user, what it may not use, and why.
const NEVER: [(&str, &str, &str); 5] = [
    ("report", "runner", "reports choose words for facts, and the facts are in `event`"),
    ("analytics", "sys", "analytics get values and `now`"),
    ("analytics", "runner", "analytics judge what is on record, whoever ran it"),
    ("coverage::verdict", "sys", "a verdict is a function of numbers"),
    ("history", "runner", "a store keeps what happened, whoever ran it"),
];

/// Who alone, above the ground floor, may use `cli`.
const USERS_OF_CLI: [&str; 2] = ["config::settings", "commands"];

/// Modules that get values, writers and `now`, and never ask the world.
const PURE: [&str; 9] = [
    "exit_code",
    "model",
    "event",
    "ratio",
    "analytics",
    "coverage::verdict",
    "runner::libtest",
    "runner::replay",
    "runner::attempts",
];

/// Longer files want to be two.
const MOST_LINES: usize = 400;

/// Words that could name anything.
const EMPTY_WORDS: [&str; 12] =
    ["imp", "util", "utils", "helper", "helpers", "common", "manager", "data", "info", "misc", "stuff", "base"];

/// Is `path` (`["runner", "libtest", …]`) at or below `module` (`runner::libtest`)?
fn is_within(path: &[&str], module: &str) -> bool {
    let mut path = path.iter();
    module.split("::").all(|word| path.next() == Some(&word))
}

fn floor_of(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// Uses of rooms that this file may not use.
pub(super) fn forbidden_imports(source: &Source) -> Vec<String> {
    let user = source.module();
    let Some(&room) = user.first() else {
        return Vec::new();
    };
    let Some(floor) = floor_of(room) else {
        return vec![format!("src/{}: the room `{room}` is on no floor", source.file)];
    };
    let mut violations = Vec::new();
    for used in source.crate_paths() {
        let Some(&used_room) = used.first().filter(|used_room| **used_room != room) else { continue };
        let why = if let Some((_, _, why)) =
            NEVER.iter().find(|(who, what, _)| is_within(&user, who) && is_within(&used, what))
        {
            (*why).to_owned()
        } else if used_room == "cli" && !USERS_OF_CLI.iter().any(|who| is_within(&user, who)) {
            format!("flags are the business of {}", USERS_OF_CLI.join(" and "))
        } else {
            match floor_of(used_room) {
                None => format!("`{used_room}` is no room on any floor"),
                Some(used_floor) if used_floor > floor => format!("floor {floor} may not use floor {used_floor}"),
                Some(used_floor) if used_floor == floor && !may_use_neighbour(&user, &used) => {
                    format!("neighbours on floor {floor} do not use each other")
                }
                Some(_) => continue,
            }
        };
        violations.push(format!("src/{}: uses `{}`: {why}", source.file, used.join("::")));
    }
    violations
}

fn may_use_neighbour(user: &[&str], used: &[&str]) -> bool {
    NEIGHBOURS.iter().any(|(who, whom)| is_within(user, who) && is_within(used, whom))
}

/// Ways in which a pure module touches the world.
pub(super) fn impurities(source: &Source) -> Vec<String> {
    let module = source.module();
    if !PURE.iter().any(|pure| is_within(&module, pure)) {
        return Vec::new();
    }
    let worldly = |path: &Vec<&str>| {
        matches!(
            path[..],
            ["fs" | "env" | "net", ..]
                | ["process", "Command" | "Child" | "exit" | "abort" | "id" | "self", ..]
                | ["io", "stdin" | "stdout" | "stderr", ..]
                | ["thread", "sleep" | "spawn", ..]
        )
    };
    let std_paths =
        source.paths_from("std").into_iter().filter(worldly).map(|path| format!("std::{}", path.join("::")));
    let other_files = source.paths_from("fs_err").into_iter().map(|_| "fs_err".to_owned());
    let clocks = source.joined_words().filter(|(_, method)| *method == "now").map(|(clock, _)| format!("{clock}::now"));
    let found = std_paths.chain(other_files).chain(clocks);
    found.map(|what| format!("src/{}: is pure, and uses `{what}`", source.file)).collect()
}

/// Too many lines before the tests.
pub(super) fn too_long(source: &Source) -> Option<String> {
    (source.lines > MOST_LINES)
        .then(|| format!("src/{}: {} lines before its tests, at most {MOST_LINES}", source.file, source.lines))
}

/// Files, modules and types whose names end in a word that could name anything.
pub(super) fn empty_names(source: &Source) -> Vec<String> {
    let is_empty = |name: &str| EMPTY_WORDS.contains(&last_word(name).as_str());
    let file = source.module().last().filter(|name| is_empty(name)).map(|name| format!("the file `{name}`"));
    let declared = source.declared_names().filter(|name| is_empty(name)).map(|name| format!("`{name}`"));
    file.into_iter().chain(declared).map(|what| format!("src/{}: {what} could be anything", source.file)).collect()
}

/// The last word of `snake_case` or `CamelCase`, in lower case.
fn last_word(name: &str) -> String {
    let word = name.rsplit('_').next().unwrap_or(name);
    let start = word.rfind(char::is_uppercase).unwrap_or(0);
    word[start..].to_lowercase()
}

#[test]
fn the_way_up_is_closed() {
    for (file, text, allowed) in [
        ("runner/libtest.rs", "use crate::event::Fact;", true),
        ("runner/libtest.rs", "use crate::history::Store;", false),
        ("runner/libtest.rs", "use crate::{event, report::View};", false),
        ("runner/libtest.rs", "fn f() { crate::commands::run() }", false),
        ("runner/mod.rs", "use super::history::Store;", false),
        ("runner/libtest.rs", "use super::super::history::Store;", false),
        ("runner/libtest.rs", "use super::history::Store;", true),
        ("runner/libtest.rs", "// use crate::history::Store;", true),
        ("runner/libtest.rs", "#[cfg(test)]\nmod tests { use crate::commands; }", true),
        ("sys/fs.rs", "use crate::model::RunId;", true),
        ("model/key.rs", "use crate::sys::fs;", false),
        ("model/verdict.rs", "use crate::exit_code::ExitCode;", true),
        ("model/verdict.rs", "use crate::event::Fact;", false),
        ("event.rs", "use super::model::RunId;", true),
        ("report/view.rs", "use crate::runner::Schedule;", false),
        ("report/view.rs", "use crate::analytics::flaky::State;", false),
        ("analytics/flaky.rs", "use crate::sys::git;", false),
        ("history/sqlite.rs", "use crate::analytics::summary::Summary;", true),
        ("history/sqlite.rs", "use crate::analytics::flaky::State;", false),
        ("analytics/summary.rs", "use crate::history::Store;", false),
        ("config/settings.rs", "use crate::cli::Flags;", true),
        ("config/file.rs", "use crate::cli::Flags;", false),
        ("runner/schedule.rs", "use crate::cli::Flags;", false),
        ("commands/test.rs", "use crate::{cli, report, runner};", true),
        ("commands/test.rs", "use crate::attic::Box;", false),
        ("attic/mod.rs", "", false),
        ("main.rs", "use crate::commands;", true),
    ] {
        let violations = forbidden_imports(&Source::parse(file, text));
        assert_eq!(violations.is_empty(), allowed, "{file}: {text}\n{violations:?}");
    }
}

#[test]
fn purity_is_noticed_when_it_goes() {
    for (file, text, allowed) in [
        ("analytics/flaky.rs", "use jiff::Timestamp;", true),
        ("analytics/flaky.rs", "fn f() { let t = Timestamp::now(); }", false),
        ("analytics/flaky.rs", "use std::{collections::BTreeMap, fs};", false),
        ("coverage/verdict.rs", "use fs_err::File; fn f() { fs_err::read(x); }", false),
        ("coverage/ratchet.rs", "fn f() { fs_err::read(x); }", true),
        ("runner/libtest.rs", "use std::io::Write;", true),
        ("runner/libtest.rs", "use std::io::{self, stdout};", false),
        ("runner/schedule.rs", "use std::process::Command;", true),
        ("runner/attempts.rs", "use std::process::Command;", false),
        ("exit_code.rs", "impl From<ExitCode> for std::process::ExitCode {}", true),
    ] {
        let violations = impurities(&Source::parse(file, text));
        assert_eq!(violations.is_empty(), allowed, "{file}: {text}\n{violations:?}");
    }
}

#[test]
fn long_files_and_empty_names_are_noticed() {
    let lines = |count: usize| Source::parse("sys/fs.rs", &"//\n".repeat(count));
    assert!(too_long(&lines(MOST_LINES)).is_none());
    assert!(too_long(&lines(MOST_LINES + 1)).is_some());
    for (file, text, allowed) in [
        ("sys/fs.rs", "struct Database; enum Import { Data } type Information = u8;", true),
        ("sys/util.rs", "", false),
        ("sys/fs_helpers.rs", "", false),
        ("sys/fs.rs", "pub struct StoreManager;", false),
        ("sys/fs.rs", "pub enum RunInfo {}", false),
        ("sys/fs.rs", "mod imp {}", false),
    ] {
        let violations = empty_names(&Source::parse(file, text));
        assert_eq!(violations.is_empty(), allowed, "{file}: {text}\n{violations:?}");
    }
}
