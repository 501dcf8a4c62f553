//! What the documents say, compared with what is.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use cargo_gate::cli;
use cargo_gate::config::settings;
use cargo_gate::exit_code::ExitCode;

use crate::support::commands::{every_command, words_of_gate};

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The lines of a README's section, by its heading.
fn section(heading: &str) -> String {
    let readme = read("README.md");
    let (_, rest) = readme.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no section {heading}"));
    rest.split("\n## ").next().unwrap().to_owned()
}

/// The commands that a newcomer sees first.
pub(crate) fn first_screen_commands() -> Vec<String> {
    let readme = read("README.md");
    let first_screen = readme.split("\n## ").next().unwrap();
    let (_, block) = first_screen.split_once("```sh\n").expect("the first screen has commands");
    block.split("```").next().unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn the_exit_codes_are_the_documented_ones() {
    let section = section("Exit codes");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
    let documented: Vec<(String, String)> =
        rows.skip(1).map(|(code, meaning)| (code.to_owned(), meaning.to_owned())).collect();
    assert_eq!(documented, ExitCode::ALL.map(|code| (code.to_string(), code.meaning().to_owned())));
}

#[test]
fn the_first_screen_shows_the_demo_and_the_tests() {
    let demo = "cargo run -- gate test --manifest-path testdata/demo/Cargo.toml";
    assert_eq!(first_screen_commands(), [demo, "cargo test"]);
}

#[test]
fn every_command_is_in_the_table_and_every_flag_of_the_whole_gate_is_named() {
    let (used, readme) = (section("Use"), read("README.md"));
    let definition = cli::command(&settings::flag_help());
    for command in definition.get_subcommands() {
        let name = command.get_name();
        assert!(used.contains(&format!("| `cargo gate {name}")), "{name}");
    }
    let whole = definition.find_subcommand("run").unwrap();
    let flags = whole.get_arguments().filter_map(|arg| arg.get_long()).map(|flag| format!("--{flag}"));
    let unnamed: Vec<String> = flags.filter(|flag| !readme.contains(flag.as_str())).collect();
    assert_eq!(unnamed, [""; 0]);
}

#[test]
fn links_lead_somewhere() {
    for document in ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "STABILITY.md"] {
        let text = read(document);
        let is_heading =
            |anchor: &str| text.lines().filter(|line| line.starts_with('#')).any(|line| slug(line) == anchor);
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let exists = match link.split_once('#') {
                _ if link.starts_with("https://") => true,
                Some(("", anchor)) => is_heading(anchor),
                Some((other, anchor)) => read(other).lines().any(|line| line.starts_with('#') && slug(line) == anchor),
                None => Path::new(env!("CARGO_MANIFEST_DIR")).join(link).exists(),
            };
            assert!(exists, "{document}: {link}");
        }
    }
}

/// A heading's anchor, as Markdown's readers make it.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    text.chars().filter(|c| c.is_alphanumeric() || " -".contains(*c)).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn the_oldest_compiler_is_the_documented_one() {
    let readme = read("README.md");
    for sentence in ["It needs Rust 1.89 or newer", "Rust 1.89 is the oldest supported compiler"] {
        assert_eq!(sentence.replace("1.89", env!("CARGO_PKG_RUST_VERSION")), sentence);
        assert!(readme.contains(sentence), "{sentence}");
    }
}

#[test]
fn generated_parts_have_their_place() {
    let readme = read("README.md");
    for part in ["settings", "pipelines", "schemas", "benchmarks"] {
        let (begin, end) = (format!("<!-- {part}:begin -->\n"), format!("<!-- {part}:end -->\n"));
        assert_eq!((readme.matches(&begin).count(), readme.matches(&end).count()), (1, 1), "{part}");
        assert!(readme.find(&begin) < readme.find(&end), "{part}");
    }
}

/// The words of a text that begin so and go on with these characters.
fn words_of<'t>(text: &'t str, beginning: &'t str, goes_on: fn(char) -> bool) -> BTreeSet<&'t str> {
    let from = text.match_indices(beginning).map(|(at, _)| &text[at..]);
    let end = |word: &str| word[beginning.len()..].find(|c| !goes_on(c)).map_or(word.len(), |at| at + beginning.len());
    from.map(|word| &word[..end(word)]).collect()
}

#[test]
fn every_flag_that_the_readme_names_is_there() {
    /// Of cargo and others: what the gate hands on, or what is shown beside it.
    const FOREIGN: [&str; 11] = [
        "--channel",
        "--coverage",
        "--exact",
        "--include-ignored",
        "--init",
        "--junit-xml",
        "--name-only",
        "--nocapture",
        "--path",
        "--test-reporter",
        "--test-threads",
    ];
    let mut flags = BTreeSet::from(["--help".to_owned(), "--version".to_owned()]);
    for (_, command) in every_command() {
        flags.extend(command.get_arguments().filter_map(|arg| arg.get_long()).map(|flag| format!("--{flag}")));
    }
    let readme = read("README.md");
    let named = words_of(&readme, "--", |c| c.is_ascii_lowercase() || c == '-');
    let words = named.into_iter().filter(|word| word.len() > 3 && word[2..].starts_with(|c: char| c != '-'));
    let unknown: Vec<&str> = words.filter(|word| !flags.contains(*word) && !FOREIGN.contains(word)).collect();
    assert_eq!(unknown, [""; 0]);
}

#[test]
fn every_command_line_in_the_documents_is_understood() {
    let mut understood = 0;
    for document in ["README.md", "CONTRIBUTING.md", "STABILITY.md"] {
        let text = read(document);
        let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
        for words in blocks.flat_map(str::lines).flat_map(words_of_gate) {
            // A loop counts shards.
            let line = ["cargo-gate".to_owned()].into_iter().chain(words).map(|word| word.replace("$k", "1").into());
            let parsed = cli::parse(line.clone(), &settings::flag_help());
            assert!(parsed.is_ok(), "{document}: {line:?}: {}", parsed.unwrap_err());
            understood += 1;
        }
    }
    assert!(understood > 30, "{understood}");
}

#[test]
fn a_setting_names_the_commands_that_have_its_flag() {
    // A flag of the same name that says something else is none of the setting's.
    let commands = every_command();
    let wrong = settings::SETTINGS.iter().filter_map(|setting| {
        let (flag, help) = (setting.flag?, setting.field.help.trim_end_matches('.'));
        let is_it = |arg: &clap::Arg| {
            let said = arg.get_help().map(ToString::to_string).unwrap_or_default();
            arg.get_long() == Some(flag) && said.starts_with(help)
        };
        let have_it = commands.iter().filter(|(_, command)| command.get_arguments().any(is_it));
        let have_it: BTreeSet<String> = have_it.map(|(path, _)| path.clone()).collect();
        let named: BTreeSet<String> = setting.commands.split(", ").map(str::to_owned).collect();
        let is_right = if setting.commands == "all" { have_it.len() > 1 } else { named == have_it };
        (!is_right).then(|| format!("{}: {named:?} are named, {have_it:?} have it", setting.name()))
    });
    assert_eq!(wrong.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn every_variable_of_ours_is_known_and_documented() {
    fn collect(dir: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                // What a test calls one need not be one.
                let code = text.split("#[cfg(test)]").next().unwrap();
                let quoted = words_of(code, "\"CARGO_GATE_", |c| c.is_ascii_uppercase() || c == '_');
                found.extend(quoted.into_iter().map(|word| word[1..].to_owned()));
            }
        }
    }
    let known: BTreeSet<String> = settings::SETTINGS
        .iter()
        .map(settings::Setting::variable)
        .chain(settings::OTHER_VARIABLES.map(|(name, _)| name.to_owned()))
        .collect();
    let mut used = BTreeSet::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut used);
    let readme = read("README.md");
    let named = words_of(&readme, "CARGO_GATE_", |c| c.is_ascii_uppercase() || c == '_');
    let is_name = |name: &&str| !name.ends_with('_');
    let unknown: Vec<&str> = used
        .iter()
        .map(String::as_str)
        .chain(named.iter().copied())
        .filter(is_name)
        .filter(|name| !known.contains(*name))
        .collect();
    assert_eq!(unknown, [""; 0]);
    let undocumented: Vec<&str> =
        settings::OTHER_VARIABLES.into_iter().map(|(name, _)| name).filter(|name| !named.contains(name)).collect();
    assert_eq!(undocumented, [""; 0]);
}
