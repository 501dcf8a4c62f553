//! The house has floors, and inside one crate no compiler keeps them apart: this module reads the sources instead.

mod rules;
mod source;

use std::fs;
use std::path::Path;

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
