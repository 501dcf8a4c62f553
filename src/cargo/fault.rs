//! Whose fault a failed cargo is: the code's, the command line's or the machine's, told from cargo's own words.

use super::build::Failure;
use crate::model::Ending;
use crate::sys::trouble::{Trouble, told_by};

/// Tells whose fault a failed cargo is, from its own words.
pub(super) fn classify(compiler_errors: bool, ending: Ending, words: &str) -> Failure {
    if compiler_errors {
        return Failure::Code;
    }
    if ending == Ending::Exited(1) && words.contains("try '--help'") {
        return Failure::Usage;
    }
    let errors = || words.lines().filter(|line| line.starts_with("error") || line.starts_with("Caused by"));
    let is_of_the_code = OF_THE_CODE.iter().any(|sign| words.contains(sign));
    if is_of_the_code && !is_of_the_machine(words) {
        return Failure::Code;
    }
    let said = errors().next().map_or("it did not say why", |line| line.trim_start_matches("error: ")).to_owned();
    Failure::Tool(format!("cargo {ending} without a compiler error: {said}"))
}

/// Signs that trying again would end the same way: cargo's own words for a mistake in manifests, sources or flags.
const OF_THE_CODE: &[&str] = &[
    "failed to parse manifest",
    "failed to load manifest",
    "could not find `Cargo.toml`",
    "manifest path `",
    "Cargo.toml:",
    "failed to parse lock file",
    "failed to read `",
    "package ID specification",
    "not found in workspace",
    "no matching package",
    "target found",
    "targets found",
    "target named",
    "target matches",
    "feature",
    "failed to select a version",
    "needs to be updated but",
    "cannot update the lock file",
    "requires rustc",
    "is not supported by the following package",
    "is not defined",
    "current package believes it's in a workspace",
    "virtual manifest",
    "failed to run custom build command",
    "could not compile",
    "is only allowed",
    "invalid",
    "unexpected argument",
    "can't find crate",
    "may not be installed",
    "unknown `-Z` flag",
];

/// Signs that the machine, not the code, is why, beside the troubles that every program may have.
const OF_THE_MACHINE: &[&str] = &[
    "SIGKILL",
    "SIGTERM",
    "(os error 11)",
    "(os error 12)",
    "Cannot allocate memory",
    "Resource temporarily unavailable",
    "Too many open files",
    "failed to download",
];

fn is_of_the_machine(words: &str) -> bool {
    // cargo waits for a lock as long as it takes: that is no reason.
    matches!(told_by(words), Some(Trouble::Disk | Trouble::Network))
        || OF_THE_MACHINE.iter().any(|sign| words.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_cargo_is_told_by_its_words() {
        let of = |errors, ending, words| match classify(errors, ending, words) {
            Failure::Code => "code",
            Failure::Usage => "usage",
            Failure::Tool(_) => "tool",
            Failure::Interrupted(_) | Failure::Internal(_) | Failure::Missing(_) | Failure::Unusable(_) => "other",
        };
        let failed = Ending::Exited(101);
        assert_eq!(of(true, failed, "error: could not compile `a` due to 1 previous error"), "code");
        assert_eq!(of(false, failed, "error: failed to parse manifest at `/a/Cargo.toml`"), "code");
        assert_eq!(of(false, failed, "error: failed to run custom build command for `a v0.1.0`"), "code");
        assert_eq!(of(false, failed, "error: no test target named `x` in default-run packages"), "code");
        let killed =
            "error: could not compile `a`\nCaused by:\n  process didn't exit successfully (signal: 9, SIGKILL: kill)";
        assert_eq!(of(false, failed, killed), "tool");
        assert_eq!(
            of(false, failed, "error: failed to write x\nCaused by:\n No space left on device (os error 28)"),
            "tool"
        );
        assert_eq!(of(false, failed, "error: failed to get `x` as a dependency\n failed to download"), "tool");
        assert_eq!(of(false, Ending::Signaled(9), ""), "tool");
        assert_eq!(of(false, Ending::Exited(1), ""), "tool");
        assert_eq!(
            of(false, Ending::Exited(1), "error: unexpected argument\n\nFor more information, try '--help'."),
            "usage"
        );
    }
}
