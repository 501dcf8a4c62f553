//! What the documents say, compared with what is.

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
    let demo = "cargo run -q -- gate test --manifest-path testdata/demo/Cargo.toml";
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
    for document in ["README.md", "CHANGELOG.md"] {
        let text = read(document);
        let is_heading =
            |anchor: &str| text.lines().filter(|line| line.starts_with('#')).any(|line| slug(line) == anchor);
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let exists = match link.strip_prefix('#') {
                Some(anchor) => is_heading(anchor),
                None => Path::new(env!("CARGO_MANIFEST_DIR")).join(link).exists(),
            };
            assert!(exists || link.starts_with("https://"), "{document}: {link}");
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
    for part in ["settings", "pipelines", "benchmarks"] {
        let (begin, end) = (format!("<!-- {part}:begin -->\n"), format!("<!-- {part}:end -->\n"));
        assert_eq!((readme.matches(&begin).count(), readme.matches(&end).count()), (1, 1), "{part}");
        assert!(readme.find(&begin) < readme.find(&end), "{part}");
    }
}
