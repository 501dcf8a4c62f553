//! The commands there are, and command lines as the documents have them.

use cargo_gate::cli;
use cargo_gate::config::settings;

/// Every command with the words that it is called by, as `history list`; the gate itself first, by none. As they are
/// shown on 80 columns.
pub(crate) fn every_command() -> Vec<(String, clap::Command)> {
    fn collect(command: &clap::Command, path: &str, found: &mut Vec<(String, clap::Command)>) {
        found.push((path.to_owned(), command.clone()));
        for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
            collect(inner, format!("{path} {}", inner.get_name()).trim_start(), found);
        }
    }
    let mut definition = cli::command(&settings::flag_help()).term_width(80);
    definition.build();
    let mut found = Vec::new();
    collect(&definition, "", &mut found);
    assert!(found.len() > 25, "where are the commands?");
    found
}

/// The words of each of the gate's commands within a line for a shell: up to a comment, another command, a redirection, or
/// the end of what is quoted as a whole.
pub(crate) fn words_of_gate(line: &str) -> Vec<Vec<String>> {
    let commands = line.match_indices("cargo gate ").map(|(at, begin)| (&line[..at], &line[at + begin.len()..]));
    commands.filter(|(before, _)| !before.contains('#')).map(|(before, rest)| words(before, rest)).collect()
}

fn words(before: &str, rest: &str) -> Vec<String> {
    let around = ['\'', '"'].into_iter().find(|quote| before.matches(*quote).count() % 2 == 1);
    let (mut words, mut word, mut quote) = (vec!["gate".to_owned()], None::<String>, None);
    for c in rest.chars() {
        match (c, quote) {
            (c, Some(end)) if c == end => quote = None,
            (c, Some(_)) => word.get_or_insert_default().push(c),
            (c, None) if Some(c) == around => break,
            ('\'' | '"', None) => {
                word.get_or_insert_default();
                quote = Some(c);
            }
            (' ', None) => words.extend(word.take()),
            ('#', None) if word.is_none() => break,
            ('>' | '|' | '&' | ';', None) => break,
            (c, None) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}
