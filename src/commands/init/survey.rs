//! What a workspace has that a gate would look at, and which of it can be run on this machine.

use camino::Utf8Path;
use serde_json::Value;

use crate::cargo::tools::Workbench;
use crate::cargo::workspace::Workspace;
use crate::commands::doctor;
use crate::commands::place::{cargo, variables};

/// All that decides what is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Survey {
    /// A package, for the examples.
    pub(super) package: Option<String>,
    /// What is not installed, of what is asked below.
    pub(super) lacking: Vec<Program>,
    /// What coverage lacks on this machine, in one sentence.
    pub(super) coverage_lacks: Option<String>,
    /// The files there are by which lints are configured.
    pub(super) config_files: Vec<&'static str>,
    /// Is there a `deny.toml`?
    pub(super) has_deny: bool,
    /// Tests in Python, if there are any.
    pub(super) python: Option<Python>,
    /// What `npm test` would run, if anything.
    pub(super) node: Option<Node>,
}

/// A program that a step needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    Rustfmt,
    Clippy,
    Deny,
    Pytest,
    Node,
    Npm,
}

impl Program {
    const ALL: [Self; 6] = [Self::Rustfmt, Self::Clippy, Self::Deny, Self::Pytest, Self::Node, Self::Npm];

    /// How it is asked for its version.
    const fn question(self) -> &'static [&'static str] {
        match self {
            Self::Rustfmt => &["cargo", "fmt", "--version"],
            Self::Clippy => &["cargo", "clippy", "--version"],
            Self::Deny => &["cargo", "deny", "--version"],
            Self::Pytest => &["python3", "-m", "pytest", "--version"],
            Self::Node => &["node", "--version"],
            Self::Npm => &["npm", "--version"],
        }
    }

    /// That it is not there, and how to get it.
    pub(super) const fn lack(self) -> &'static str {
        match self {
            Self::Rustfmt => "rustfmt is not installed: `rustup component add rustfmt` gets it",
            Self::Clippy => "clippy is not installed: `rustup component add clippy` gets it",
            Self::Deny => "cargo-deny is not installed: `cargo install --locked cargo-deny` gets it",
            Self::Pytest => "`python3 -m pytest` does not answer",
            Self::Node => "`node` does not answer",
            Self::Npm => "`npm` does not answer",
        }
    }
}

/// Tests in Python.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Python {
    /// pytest is configured at the root.
    Configured,
    /// There are files in `tests` that look like tests of it.
    Found,
}

/// What `package.json` calls its tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// Node's own runner, as it finds its tests.
    OwnRunner,
    /// Something else, by npm.
    ByNpm,
}

/// Files by which lints, formatting and the compiler are configured.
const CONFIG_FILES: [&str; 6] =
    ["clippy.toml", ".clippy.toml", "rustfmt.toml", ".rustfmt.toml", "rust-toolchain.toml", "rust-toolchain"];

/// Looks at a workspace and asks its tools.
pub(super) fn look(workspace: &Workspace) -> Survey {
    let root = &workspace.root;
    let bench = Workbench { cargo: cargo(), cwd: root.clone().into_std_path_buf(), env: variables() };
    let has_deny = root.join("deny.toml").is_file();
    let (python, node) = (python(root), node(root));
    let is_of_use = |program: &Program| match program {
        Program::Rustfmt | Program::Clippy => true,
        Program::Deny => has_deny,
        Program::Pytest => python.is_some(),
        Program::Node => node == Some(Node::OwnRunner),
        Program::Npm => node == Some(Node::ByNpm),
    };
    let lacking = Program::ALL.into_iter().filter(is_of_use).filter(|program| !bench.answers(program.question()));
    Survey {
        package: workspace.packages.values().map(|package| package.name.clone()).min(),
        lacking: lacking.collect(),
        coverage_lacks: doctor::what_coverage_lacks(&bench),
        config_files: CONFIG_FILES.into_iter().filter(|name| root.join(name).is_file()).collect(),
        has_deny,
        python,
        node,
    }
}

fn python(root: &Utf8Path) -> Option<Python> {
    let pyproject = fs_err::read_to_string(root.join("pyproject.toml")).unwrap_or_default();
    if root.join("pytest.ini").is_file() || configures_pytest(&pyproject) {
        return Some(Python::Configured);
    }
    let mut files = root.join("tests").read_dir_utf8().ok()?.filter_map(Result::ok);
    files.any(|file| is_python_test(file.file_name())).then_some(Python::Found)
}

/// Does this `pyproject.toml` speak of pytest?
fn configures_pytest(pyproject: &str) -> bool {
    let table = pyproject.parse::<toml::Table>().unwrap_or_default();
    table.get("tool").is_some_and(|tool| tool.get("pytest").is_some())
}

/// The names by which pytest finds files.
fn is_python_test(name: &str) -> bool {
    name.strip_suffix(".py").is_some_and(|stem| stem.starts_with("test_") || stem.ends_with("_test"))
}

fn node(root: &Utf8Path) -> Option<Node> {
    let package = fs_err::read_to_string(root.join("package.json")).ok()?;
    test_script(&package)
}

/// What a `package.json` has for a test script. The one that `npm init` writes only says that there is none.
fn test_script(package: &str) -> Option<Node> {
    let package: Value = serde_json::from_str(package).ok()?;
    match package.get("scripts")?.get("test")?.as_str()?.trim() {
        "" => None,
        script if script.contains("no test specified") => None,
        "node --test" => Some(Node::OwnRunner),
        _ => Some(Node::ByNpm),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pytest_is_configured_where_its_table_is() {
        for (pyproject, expected) in [
            ("[tool.pytest.ini_options]\nminversion = \"8\"\n", true),
            ("[tool.pytest]\n", true),
            ("[tool.black]\n# [tool.pytest]\n", false),
            ("tool = 1\n", false),
            ("[tool", false),
            ("", false),
        ] {
            assert_eq!(configures_pytest(pyproject), expected, "{pyproject}");
        }
        assert_eq!(["test_a.py", "a_test.py", "a.py", "test_a.rs"].map(is_python_test), [true, true, false, false]);
    }

    #[test]
    fn a_test_script_is_one_that_tests() {
        for (script, expected) in [
            ("\"node --test\"", Some(Node::OwnRunner)),
            ("\"vitest run\"", Some(Node::ByNpm)),
            ("\"echo \\\"Error: no test specified\\\" && exit 1\"", None),
            ("\"\"", None),
            ("1", None),
        ] {
            assert_eq!(test_script(&format!("{{\"scripts\": {{\"test\": {script}}}}}")), expected, "{script}");
        }
        assert_eq!(["{}", "[]", "", "{\"scripts\": []}"].map(test_script), [None; 4]);
    }
}
