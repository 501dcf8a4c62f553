//! The house has floors, and inside one crate no compiler keeps them apart: this module reads the sources instead.

mod rules;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use source::Source;

/// Every file of `src`.
fn sources() -> Vec<Source> {
    fn collect(dir: &Path, inside: &str, found: &mut Vec<Source>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let inside = format!("{inside}{name}");
            if path.is_dir() {
                collect(&path, &format!("{inside}/"), found);
            } else if let Some(stem) = name.strip_suffix(".rs")
                && stem != "tests"
            {
                found.push(Source::parse(&inside, &fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut found);
    found.sort_by(|a, b| a.file.cmp(&b.file));
    assert!(found.len() > 10, "where are the sources?");
    found
}

#[track_caller]
fn assert_none(violations: Vec<String>) {
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn no_floor_imports_a_higher_one() {
    assert_none(sources().iter().flat_map(rules::forbidden_imports).collect());
}

#[test]
fn pure_rooms_know_no_clock_file_or_terminal() {
    assert_none(sources().iter().flat_map(rules::impurities).collect());
}

#[test]
fn files_are_short() {
    assert_none(sources().iter().filter_map(rules::too_long).collect());
}

#[test]
fn nothing_has_a_name_that_means_anything() {
    assert_none(sources().iter().flat_map(rules::empty_names).collect());
}

/// The first sentence of a room's documentation.
fn first_sentence(room: &str) -> String {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let [file, folder] = [format!("{room}.rs"), format!("{room}/mod.rs")].map(|name| src.join(name));
    let text = fs::read_to_string(file).or_else(|_| fs::read_to_string(folder)).unwrap();
    let paragraph = text.lines().map_while(|line| line.strip_prefix("//! ")).collect::<Vec<_>>().join(" ");
    paragraph.split_once(". ").map_or(paragraph.clone(), |(first, _)| format!("{first}."))
}

#[test]
fn the_map_of_the_house_shows_every_room_on_its_floor() {
    let src = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    let names = src.map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned());
    let mut built: Vec<String> = names.filter(|name| name != "lib" && name != "main").collect();
    built.sort_unstable();
    let mut planned: Vec<&str> = rules::FLOORS.concat();
    planned.sort_unstable();
    assert_eq!(built, planned, "every room stands on one floor");

    let mut map = "| floor | room | |\n|---|---|---|\n".to_owned();
    for (floor, rooms) in (0..).zip(rules::FLOORS) {
        for room in rooms {
            map += &format!("| {floor} | `{room}` | {} |\n", first_sentence(room));
        }
    }
    let contributing = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/CONTRIBUTING.md")).unwrap();
    let (_, rest) = contributing.split_once("<!-- house:begin -->\n").expect("the marker where the map begins");
    let (shown, _) = rest.split_once("<!-- house:end -->").expect("the marker where the map ends");
    assert_eq!(shown, map);
    let library = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs")).unwrap();
    for (floor, rooms) in (0..).zip(rules::FLOORS) {
        let rooms = rooms.iter().map(|room| format!("[`{room}`]")).collect::<Vec<_>>().join(", ");
        let row = library.lines().find(|line| line.starts_with(&format!("//! | {floor} "))).unwrap();
        assert!(row.ends_with(&format!("| {rooms} |")), "{row}");
    }
}

/// The Rust files below a folder, by their path from there.
fn rust_files(folder: &Path, below: &str, found: &mut Vec<(String, PathBuf)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{below}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            rust_files(&path, &format!("{name}::"), found);
        } else if name.ends_with(".rs") {
            found.push((name, path));
        }
    }
}

#[test]
fn tests_that_are_left_out_for_want_of_a_tool_run_where_the_tools_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let script = fs::read_to_string(root.join(".ci/run")).unwrap();
    let with_tools = script.lines().find_map(|line| line.split_once(" -- --ignored ")).unwrap().1;
    let filters: Vec<&str> = with_tools.split(' ').take_while(|word| word.ends_with("::")).collect();
    let mut files = Vec::new();
    for folder in ["src", "tests/it"] {
        rust_files(&root.join(folder), "", &mut files);
    }
    let needs_a_tool = |line: &str| line.trim_start().starts_with("#[ignore = \"needs ");
    let ignored = files.iter().filter(|(_, path)| fs::read_to_string(path).unwrap().lines().any(needs_a_tool));
    let modules: Vec<String> = ignored.map(|(name, _)| format!("{}::", name.trim_end_matches(".rs"))).collect();
    assert!(!modules.is_empty());
    for module in modules {
        assert!(filters.iter().any(|filter| module.contains(filter)), "{module} is none of {filters:?}");
    }
}
