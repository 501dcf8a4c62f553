//! What the documents say, compared with what is.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use cargo_gate::cli;
use cargo_gate::config::settings;
use cargo_gate::exit_code::ExitCode;

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
    fn collect(command: &clap::Command, flags: &mut BTreeSet<String>) {
        let own = command.get_arguments();
        flags.extend(own.filter_map(|arg| arg.get_long()).map(|flag| format!("--{flag}")));
        command.get_subcommands().for_each(|inner| collect(inner, flags));
    }
    let mut flags = BTreeSet::from(["--help".to_owned(), "--version".to_owned()]);
    collect(&cli::command(&settings::flag_help()), &mut flags);
    let readme = read("README.md");
    let named = words_of(&readme, "--", |c| c.is_ascii_lowercase() || c == '-');
    let words = named.into_iter().filter(|word| word.len() > 3 && word[2..].starts_with(|c: char| c != '-'));
    let unknown: Vec<&str> = words.filter(|word| !flags.contains(*word) && !FOREIGN.contains(word)).collect();
    assert_eq!(unknown, [""; 0]);
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
