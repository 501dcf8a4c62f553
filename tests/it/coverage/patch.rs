//! The lines of a change: which of them are covered, against which commit.

use std::fs;

use super::{coverage, measurable, text_of};
use crate::support::{Ended, Fixture};

fn git(fixture: &Fixture, args: &[&str]) {
    fixture.command("git").args(args.iter().copied()).run().assert_code(0);
}

/// On a branch of its own since `main`.
fn on_a_branch() -> Fixture {
    let covered = measurable("covered");
    covered.commit_all();
    git(&covered, &["checkout", "-q", "-b", "feature"]);
    covered
}

/// The file's uncovered changed lines, as the document has them.
#[track_caller]
fn uncovered(ended: &Ended) -> Vec<(String, u64, String)> {
    let document = ended.json();
    let files =
        document["coverage"]["patch"]["files"].as_array().unwrap_or_else(|| panic!("no patch\n{ended}")).clone();
    files
        .iter()
        .flat_map(|file| {
            let path = file["path"].as_str().unwrap().to_owned();
            let lines = file["uncovered"].as_array().unwrap().clone();
            lines.into_iter().map(move |line| {
                (path.clone(), line["line"].as_u64().unwrap(), line["text"].as_str().unwrap().trim().to_owned())
            })
        })
        .collect()
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn uncovered_changed_lines_are_shown_with_their_source_committed_or_not() {
    let covered = on_a_branch();
    let source = covered.read("src/lib.rs");
    covered.write("src/lib.rs", &source.replace("        return \"even\";", "        return \"an even one\";"));
    let expected = [("src/lib.rs".to_owned(), 14, "return \"an even one\";".to_owned())];
    let shown = coverage(&covered, ["--base", "main"]).run();
    assert_eq!(uncovered(shown.assert_code(0)), expected);
    git(&covered, &["commit", "-q", "-a", "-m", "change"]);
    let asked = ["--base", "main", "--patch-floor", "80", "--policy", "absolute"];
    let fails = coverage(&covered, asked).run();
    assert_eq!(uncovered(fails.assert_code(20)), expected);
    text_of(&fails.json(), "reasons", "patch");
    fails.assert_stderr_has("return \"an even one\";");
    let small = coverage(&covered, asked).args(["--patch-max-uncovered", "1"]).run();
    small.assert_code(0);
    // A line that is covered asks nothing more.
    covered.write("src/lib.rs", &source.replace("        return \"large\";", "        return \"larger\";"));
    let text = covered.read("src/lib.rs").replace("super::size(12), \"large\"", "super::size(12), \"larger\"");
    covered.write("src/lib.rs", &text);
    let fine = coverage(&covered, asked).run();
    assert_eq!(uncovered(fine.assert_code(0)), []);
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn a_renamed_file_changes_by_its_edited_lines_alone_and_an_untracked_one_by_all() {
    let covered = measurable("covered");
    let source = covered.read("src/lib.rs");
    let (documented, parity) = source.split_once("/// Not covered.\n").unwrap();
    let (parity, tests) = parity.split_once("#[cfg(test)]").unwrap();
    covered.write("src/parity.rs", parity);
    covered.write("src/lib.rs", &format!("{documented}pub mod parity;\n\n#[cfg(test)]{tests}"));
    covered.commit_all();
    git(&covered, &["checkout", "-q", "-b", "feature"]);
    git(&covered, &["mv", "src/parity.rs", "src/even.rs"]);
    covered.write("src/lib.rs", &covered.read("src/lib.rs").replace("pub mod parity;", "pub mod even;"));
    let renamed = coverage(&covered, ["--base", "main"]).run();
    assert_eq!(uncovered(renamed.assert_code(0)), []);
    covered.write("src/new.rs", "pub fn new() -> u32 {\n    1\n}\n");
    covered.write("src/lib.rs", &covered.read("src/lib.rs").replace("pub mod even;", "pub mod even;\npub mod new;"));
    let untracked = coverage(&covered, ["--base", "main", "--policy", "absolute"]).run();
    let lines: Vec<u64> = uncovered(untracked.assert_code(0)).iter().map(|(_, line, _)| *line).collect();
    assert_eq!(lines, [1, 2, 3], "{untracked}");
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn without_a_merge_base_the_change_cannot_be_judged_and_that_is_said() {
    let covered = on_a_branch();
    coverage(&covered, []).run().assert_code(0);
    let judge = |fixture: &Fixture, args: &[&str]| {
        coverage(fixture, ["--no-run"].into_iter().chain(args.iter().copied())).run()
    };
    let unknown = judge(&covered, &["--base", "no-such-branch", "--patch-floor", "50"]);
    let reason = text_of(&unknown.assert_code(20).json(), "reasons", "patch");
    assert!(reason.contains("no-such-branch"), "{reason}");
    // Where nothing is asked, it is shown and fails nothing.
    judge(&covered, &["--base", "no-such-branch"]).assert_code(0);

    covered.write("more", "").command("git").args(["add", "-A"]).run().assert_code(0);
    git(&covered, &["commit", "-q", "-m", "more"]);
    let shallow = covered.scratch().join("shallow");
    let from = format!("file://{}", covered.root().display());
    covered.command("git").args(["clone", "-q", "--depth", "1", &from]).arg(&shallow).run().assert_code(0);
    let ended = coverage(&covered, ["--base", "HEAD~1", "--patch-floor", "50"]).in_dir(&shallow).run();
    let reason = text_of(&ended.assert_code(20).json(), "reasons", "patch");
    assert!(reason.contains("shallow"), "{reason}");
    fs::remove_dir_all(covered.root().join(".git")).unwrap();
    let without = judge(&covered, &["--patch-floor", "50"]);
    text_of(&without.assert_code(20).json(), "reasons", "patch");
}
