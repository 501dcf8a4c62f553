//! The flags that a command which is advised must repeat, so that it speaks of the same figure.

use crate::cli::CoverageArgs;
use crate::report::markup::shell_quote;

/// What two figures must have in common to be compared.
const OF_FIGURE: [&str; 4] = ["features", "all_features", "no_default_features", "target"];
/// What else decides which directory is measured in.
const OF_DIRECTORY: [&str; 2] = ["profile", "release"];

/// For `cargo gate baseline`, each with a space before it.
pub(super) fn for_baseline(args: &CoverageArgs) -> String {
    let metric = args.judging.given().into_iter().find(|(name, _)| *name == "metric");
    let metric = metric.map(|(name, word)| format!(" --{name} {word}")).unwrap_or_default();
    given(args, &OF_FIGURE) + &metric
}

/// For `cargo gate coverage`, each with a space before it.
pub(super) fn for_measuring(args: &CoverageArgs) -> String {
    let names: Vec<&str> = OF_FIGURE.into_iter().chain(OF_DIRECTORY).collect();
    given(args, &names)
}

fn given(args: &CoverageArgs, names: &[&str]) -> String {
    let words = args.test.build.given(names);
    words.iter().map(|word| format!(" {}", as_typed(&word.to_string_lossy()))).collect()
}

/// A word as people type it: quoted where a shell would take it apart.
fn as_typed(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=,./:+".contains(c);
    if word.chars().all(is_plain) { word.to_owned() } else { shell_quote(word) }
}
