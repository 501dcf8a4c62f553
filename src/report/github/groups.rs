//! Groups: long output, folded in the log of a step.

use super::escape::message;

/// What is shorter is read as it stands.
const LONG: usize = 15;

/// A block of lines, folded under this title where it is long. It is to be printed as one piece, so that a group is
/// always closed, and nobody else's lines are in it.
pub(in crate::report) fn folded(title: &str, block: String) -> String {
    if block.lines().count() <= LONG {
        return block;
    }
    let newline = if block.ends_with('\n') { "" } else { "\n" };
    format!("::group::{}\n{block}{newline}::endgroup::\n", message(title))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_long_is_folded() {
        let short = "line\n".repeat(LONG);
        assert_eq!(folded("x", short.clone()), short);
        let long = "line\n".repeat(LONG + 1);
        assert_eq!(folded("100%\nx", long.clone()), format!("::group::100%25␊x\n{long}::endgroup::\n"));
        let open = long.trim_end().to_owned();
        assert!(folded("x", open).ends_with("line\n::endgroup::\n"));
    }
}
