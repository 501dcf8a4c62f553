//! One man page.

use std::io;

use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};

use super::examples::EXAMPLES;
use crate::config::PLACES;
use crate::config::settings::{OTHER_VARIABLES, SETTINGS};
use crate::coverage::ratchet_file;
use crate::exit_code::ExitCode;
use crate::history::sqlite;
use crate::pipeline::manifest;

/// A page, and the name of its file.
pub(super) struct Page {
    pub(super) file: String,
    pub(super) text: Vec<u8>,
}

/// The page of the whole, then one for each command and those below it.
pub(super) fn all(mut definition: clap::Command) -> io::Result<(Page, Vec<Page>)> {
    definition.build();
    let mut rest = Vec::new();
    add_inner(&definition, &[], &mut rest)?;
    Ok((page(&definition, &[])?, rest))
}

fn add_inner(command: &clap::Command, path: &[&str], pages: &mut Vec<Page>) -> io::Result<()> {
    for inner in command.get_subcommands() {
        let path = [path, &[inner.get_name()]].concat();
        pages.push(page(inner, &path)?);
        add_inner(inner, &path, pages)?;
    }
    Ok(())
}

/// `path` are the words after `cargo gate`.
fn page(command: &clap::Command, path: &[&str]) -> io::Result<Page> {
    let man = Man::new(command.clone());
    // By hand: an empty date, which says nothing that the version does not, would fall out of the generated line.
    let title = man.get_filename().trim_end_matches(".1").to_uppercase();
    let version = env!("CARGO_PKG_VERSION");
    let mut text = format!(".TH {title} 1 \"\" \"cargo-gate {version}\" \"The manual of cargo gate\"\n").into_bytes();
    man.render_name_section(&mut text)?;
    synopsis(command).to_writer(&mut text)?;
    man.render_description_section(&mut text)?;
    if let Some(more) = command.get_after_help() {
        let mut roff = Roff::new();
        roff.control("PP", []).text([roman(more.to_string())]).to_writer(&mut text)?;
    }
    man.render_options_section(&mut text)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    let mut roff = Roff::new();
    list(&mut roff, "EXIT STATUS", ExitCode::ALL.map(|code| (code.to_string(), code.meaning().to_owned())));
    if path.is_empty() {
        list(&mut roff, "ENVIRONMENT", variables());
        list(&mut roff, "FILES", files());
    }
    examples(&mut roff, path);
    see_also(&mut roff, path);
    roff.to_writer(&mut text)?;
    Ok(Page { file: man.get_filename(), text })
}

/// The line of usage. Every flag has its place among the options.
fn synopsis(command: &clap::Command) -> Roff {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage);
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    for (i, line) in usage.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate() {
        let (name, rest) = line.split_at(line.find(['[', '<']).unwrap_or(line.len()));
        if i > 0 {
            roff.control("br", []);
        }
        roff.text([bold(name), roman(rest)]);
    }
    roff
}

/// Terms, each with what it means.
fn list(roff: &mut Roff, heading: &str, items: impl IntoIterator<Item = (String, String)>) {
    roff.control("SH", [heading]);
    for (term, text) in items {
        roff.control("TP", []).text([bold(term)]).text([roman(text)]);
    }
}

/// The variables that are ours; whatever else matters is cargo's, or every terminal's.
fn variables() -> impl Iterator<Item = (String, String)> {
    let setting = |setting: &crate::config::settings::Setting| {
        (setting.variable(), format!("{}: {}", setting.name(), setting.field.help))
    };
    let other = |(name, text): (&str, &str)| (name.to_owned(), text.to_owned());
    SETTINGS.iter().map(setting).chain(OTHER_VARIABLES.map(other))
}

fn files() -> [(String, String); 7] {
    let [first, second] = PLACES;
    let in_gate = |name: &str| format!("target/gate/{name}");
    let in_run = |name: &str| in_gate(&format!("runs/RUN/{name}"));
    [
        (format!("{first}, {second}"), "The configuration; one of them."),
        (in_gate(sqlite::FILE_NAME), "The history; `store.dir` puts the whole directory elsewhere."),
        (in_gate(ratchet_file::FILE_NAME), "The baselines of coverage, unless `coverage.ratchet-file` says where."),
        (in_gate(crate::commands::test::ARTIFACT), "The latest report of tests, or of a pipeline."),
        (in_gate(crate::commands::coverage::ARTIFACT), "The latest report of coverage."),
        (in_run(manifest::MEANT), "What a pipeline meant to run."),
        (in_run(manifest::DONE), "What it ran."),
    ]
    .map(|(path, text)| (path, text.to_owned()))
}

/// Of a command its examples, of what has commands below it the first of each.
fn examples(roff: &mut Roff, path: &[&str]) {
    roff.control("SH", ["EXAMPLES"]);
    for (of, lines) in EXAMPLES {
        let words: Vec<&str> = of.split(' ').collect();
        let shown = match words.strip_prefix(path) {
            None => 0,
            Some([]) => lines.len(),
            Some(_) => 1,
        };
        for (line, text) in lines.iter().take(shown) {
            roff.control("TP", []).text([bold(*line)]).text([roman(*text)]);
        }
    }
}

/// The page above, and the pages of cargo's that say the rest.
fn see_also(roff: &mut Roff, path: &[&str]) {
    roff.control("SH", ["SEE ALSO"]);
    let above = match path {
        [] => None,
        [path @ .., _] => Some([&["cargo-gate"], path].concat().join("-")),
    };
    let pages = above.iter().map(String::as_str).chain(["cargo", "cargo-test"]);
    let mut inlines = Vec::new();
    for (i, page) in pages.enumerate() {
        inlines.extend([roman(if i == 0 { "" } else { ", " }), italic(page), roman("(1)")]);
    }
    roff.text(inlines);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli;
    use crate::config::settings::flag_help;

    fn pages() -> Vec<Page> {
        let (whole, rest) = all(cli::command(&flag_help()).disable_help_subcommand(true)).unwrap();
        std::iter::once(whole).chain(rest).collect()
    }

    #[test]
    fn every_page_has_its_sections_in_the_usual_order() {
        for page in pages() {
            let text = String::from_utf8(page.text).unwrap();
            let mut rest = text.as_str();
            let whole = ["ENVIRONMENT", "FILES"].map(|section| (section, page.file == "cargo-gate.1"));
            let all = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS"].map(|section| (section, true));
            for (section, _) in all.into_iter().chain(whole).chain([("EXAMPLES", true)]).filter(|(_, there)| *there) {
                let heading = [format!("\n.SH {section}\n"), format!("\n.SH \"{section}\"\n")];
                let (_, after) = heading
                    .iter()
                    .find_map(|heading| rest.split_once(heading.as_str()))
                    .unwrap_or_else(|| panic!("{}: no {section} in its place\n{text}", page.file));
                assert!(!after.is_empty() && !after.starts_with(".SH"), "{}: {section} is empty", page.file);
                rest = after;
            }
        }
    }

    #[test]
    fn every_command_has_examples_that_are_understood() {
        let mut paths = Vec::new();
        fn collect(command: &clap::Command, path: &str, paths: &mut Vec<String>) {
            for inner in command.get_subcommands() {
                let path = format!("{path} {}", inner.get_name()).trim().to_owned();
                if inner.has_subcommands() {
                    collect(inner, &path, paths);
                } else {
                    paths.push(path);
                }
            }
        }
        collect(&cli::command(&flag_help()), "", &mut paths);
        let described: Vec<&str> = EXAMPLES.iter().map(|(path, _)| *path).collect();
        assert_eq!(described, paths);
        for (path, lines) in EXAMPLES {
            for (line, _) in *lines {
                let words = line.split(" | ").find(|part| part.starts_with("cargo gate ")).unwrap();
                let words = words.split(" > ").next().unwrap().split(' ').skip(1).map(|word| word.trim_matches('\''));
                let parsed = cli::parse(["cargo-gate"].into_iter().chain(words).map(Into::into), &flag_help());
                assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
                assert!(line.contains(&format!("cargo gate {path}")), "{path}: {line}");
            }
        }
    }
}
