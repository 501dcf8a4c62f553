//! Help that reads well: every page of every command, as `-h` and `--help` print it on 80 columns.

use crate::support::commands::every_command;

/// Each command with the words it is called by, the whole first.
fn commands() -> impl Iterator<Item = (String, clap::Command)> {
    let called = |path: String| if path.is_empty() { "cargo gate".to_owned() } else { format!("cargo gate {path}") };
    every_command().into_iter().map(move |(path, command)| (called(path), command))
}

fn pages() -> Vec<(String, String)> {
    let page = |(path, mut command): (String, clap::Command)| {
        let [short, long] = [command.render_help(), command.render_long_help()].map(|page| page.to_string());
        [(format!("{path} -h"), short), (format!("{path} --help"), long)]
    };
    commands().flat_map(page).collect()
}

#[test]
fn no_line_is_longer_than_the_terminal() {
    for (page, text) in pages() {
        for line in text.lines() {
            let columns = console::measure_text_width(line);
            assert!(columns <= 80, "{page}: {columns} columns\n{line}");
        }
    }
}

#[test]
fn every_argument_and_command_says_what_it_is_for() {
    for (path, command) in commands() {
        assert!(command.get_about().is_some(), "{path}");
        for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
            let (name, help) = (arg.get_id(), arg.get_help().map(ToString::to_string).unwrap_or_default());
            assert!(!help.trim().is_empty(), "{path}: {name} has no help");
            assert!(!help.ends_with('.'), "{path}: {name}: a phrase, as cargo's, not a sentence");
            assert!(help.starts_with(|c: char| !c.is_lowercase()), "{path}: {name}: {help}");
        }
    }
}

#[test]
fn what_takes_a_value_says_of_which_sort() {
    for (path, command) in commands() {
        for arg in command.get_arguments().filter(|arg| arg.get_action().takes_values()) {
            let names: Vec<&str> = arg.get_value_names().unwrap_or_default().iter().map(AsRef::as_ref).collect();
            assert!(!names.is_empty(), "{path}: {}", arg.get_id());
            for name in names {
                let is_plain =
                    name.chars().all(|c| c.is_ascii_uppercase() || "-_|=/.[]".contains(c) || c.is_lowercase());
                assert!(is_plain, "{path}: {} {name}", arg.get_id());
            }
        }
    }
}

/// Many flags without headings are a wall.
#[test]
fn long_pages_have_headings() {
    for (path, command) in commands() {
        let flags: Vec<_> = command.get_arguments().filter(|arg| !arg.is_positional()).collect();
        let without = flags.iter().filter(|arg| arg.get_help_heading().is_none()).count();
        assert!(without <= 12, "{path}: {without} flags of {} stand under no heading", flags.len());
    }
}

#[test]
fn no_word_is_broken() {
    for (page, text) in pages() {
        for line in text.lines() {
            assert!(!line.ends_with(|c| "-/_".contains(c)), "{page}: a word is broken\n{line}");
        }
    }
}
