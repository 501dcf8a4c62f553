//! What this crate draws in: licences, sources, compiler versions, duplicates.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{Metadata, MetadataCommand, Package};

/// Licences that anyone may take part of a program under. `A OR B` needs one of them, `A AND B` both.
const LICENCES: [&str; 8] =
    ["MIT", "MIT-0", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Unicode-3.0", "Zlib"];

/// Crates of which two versions may meet, and why; a further version needs a further reason.
const DUPLICATES: [(&str, &str); 10] = [
    ("base64", "the client of PostgreSQL is a version ahead of ureq"),
    ("bit-vec", "proptest and the validator of schemas are a version apart; neither is in the program"),
    ("fallible-iterator", "the clients of SQLite and PostgreSQL are a version apart"),
    ("getrandom", "ring, which does the cryptography of smoke checks, asks for the oldest that will do"),
    ("getrandom", "the validator's hash map asks for one between; it is not in the program"),
    ("r-efi", "a platform that nobody has, by getrandom"),
    ("similar", "insta and snapbox are a version apart; neither is in the program"),
    ("syn", "version 3 reads sources for coverage; some derive macros have yet to move to it"),
    ("wasi", "whoami, which names the user to PostgreSQL, on a platform that nobody runs this on"),
    ("windows-sys", "ring again, on Windows alone"),
];

fn metadata() -> Metadata {
    let mut command = MetadataCommand::new();
    command.manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    command.other_options(["--locked".to_owned(), "--all-features".to_owned()]);
    command.exec().unwrap()
}

/// Every package but ours.
fn dependencies(metadata: &Metadata) -> impl Iterator<Item = &Package> {
    metadata.packages.iter().filter(|package| !metadata.workspace_members.contains(&package.id))
}

/// Can a program be built from this, as far as its licence goes?
fn is_free_enough(expression: &str) -> bool {
    // The old way of writing `OR`.
    let expression = expression.replace('/', " OR ").replace(['(', ')'], " ");
    // Expressions in the registry are conjunctions of alternatives; parentheses say nothing more.
    expression.split(" AND ").all(|all| all.split(" OR ").any(|any| LICENCES.contains(&any.trim())))
}

#[test]
fn licences_let_anyone_use_the_program() {
    let metadata = metadata();
    for package in dependencies(&metadata) {
        let licence = package.license.as_deref().unwrap_or("none");
        assert!(is_free_enough(licence), "{} {}: {licence}", package.name, package.version);
    }
}

#[test]
fn licence_expressions_are_read_as_meant() {
    for expression in ["MIT", "MIT/Apache-2.0", "GPL-3.0 OR MIT", "(MIT OR GPL-3.0) AND Unicode-3.0"] {
        assert!(is_free_enough(expression), "{expression}");
    }
    for expression in ["none", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR Zlib) AND Secret"] {
        assert!(!is_free_enough(expression), "{expression}");
    }
}

#[test]
fn everything_comes_from_the_public_registry() {
    let metadata = metadata();
    for package in dependencies(&metadata) {
        let source = package.source.as_ref().map_or("a path", |source| source.repr.as_str());
        assert_eq!(source, "registry+https://github.com/rust-lang/crates.io-index", "{}", package.name);
    }
}

#[test]
fn no_dependency_needs_a_newer_compiler_than_we_promise() {
    let metadata = metadata();
    let ours = metadata.root_package().unwrap().rust_version.clone().unwrap();
    for package in dependencies(&metadata) {
        let Some(theirs) = &package.rust_version else { continue };
        assert!(*theirs <= ours, "{} {} needs Rust {theirs}, we promise {ours}", package.name, package.version);
    }
}

#[test]
fn no_crate_is_drawn_in_twice_without_a_reason() {
    let metadata = metadata();
    let mut versions: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for package in dependencies(&metadata) {
        versions.entry(package.name.as_str()).or_default().insert(package.version.to_string());
    }
    for (name, versions) in &versions {
        let excused = DUPLICATES.iter().filter(|(excused, _)| excused == name).count();
        assert!(versions.len() <= 1 + excused, "{name}: {versions:?}");
        assert!(versions.len() == 1 + excused || excused == 0, "{name} needs no excuse any more: {versions:?}");
    }
    for (name, _) in DUPLICATES {
        assert!(versions.contains_key(name), "{name} needs no excuse any more");
    }
}
