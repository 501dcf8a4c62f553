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

/// The words of the gate's command within a line for a shell: up to a comment, another command, or a redirection.
pub(crate) fn words_of_gate(line: &str) -> Option<Vec<String>> {
    let (_, rest) = line.split_once("cargo gate ")?;
    let (mut words, mut word, mut quote) = (vec!["gate".to_owned()], None::<String>, None);
    for c in rest.chars() {
        match (c, quote) {
            (c, Some(end)) if c == end => quote = None,
            (c, Some(_)) => word.get_or_insert_default().push(c),
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
    Some(words)
}
