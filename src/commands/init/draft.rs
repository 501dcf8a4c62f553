//! The configuration that a survey leads to, as text. What cannot be run here stands in it as a comment.

use super::check::{CHECKS, Check, Outcome};
use super::survey::{Node, Program, Python, Survey};
use super::trial::Tried;

/// A step or a suite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Its name.
    pub(super) name: &'static str,
    /// Why it is only a comment, if it is.
    pub(super) left_out: Option<String>,
    /// What people should know of it, as comment lines; may be empty.
    about: &'static str,
    /// Its table.
    table: String,
}

impl Part {
    fn step(name: &'static str, about: &'static str, kind: &str, keys: &str) -> Self {
        let table = format!("[[pipeline.default.step]]\nname = \"{name}\"\nkind = \"{kind}\"\n{keys}");
        Self { name, left_out: None, about, table }
    }

    fn suite(name: &'static str, about: &'static str, keys: &str) -> Self {
        let table = format!("[[pipeline.default.suite]]\nname = \"{name}\"\n{keys}");
        Self { name, left_out: None, about, table }
    }

    fn needing(self, program: Program, survey: &Survey) -> Self {
        let left_out = survey.lacking.contains(&program).then(|| program.lack().to_owned());
        Self { left_out, ..self }
    }

    fn text(&self) -> String {
        match &self.left_out {
            None => format!("{}{}", commented(self.about), self.table),
            Some(why) => {
                format!("{}{}{}", commented(self.about), commented(&format!("Here {why}.")), commented(&self.table))
            }
        }
    }
}

/// The steps and suites, in the order in which they are written. A check that was not tried is written as if green.
pub(super) fn parts(survey: &Survey, tried: &[Tried]) -> Vec<Part> {
    let mut parts: Vec<Part> = CHECKS.iter().map(|check| looking(check, survey, tried)).collect();
    if survey.has_deny {
        let about = "Advisories appear without any change here: this is no lint, so that it runs each time.";
        let deny = Part::step("deny", about, "custom", "command = [\"cargo\", \"deny\", \"check\"]\n");
        parts.push(deny.needing(Program::Deny, survey));
    }
    let about = "This is `cargo gate test` itself; `args` would be its flags.";
    parts.push(Part::step("test", about, "test", ""));
    parts.extend(survey.python.map(|python| python_suite(python, survey)));
    parts.extend(survey.node.map(|node| node_suite(node, survey)));
    let about = "This is `cargo gate coverage` itself; it runs the tests once more, instrumented.";
    let coverage = Part::step("coverage", about, "coverage", "");
    parts.push(Part { left_out: survey.coverage_lacks.clone(), ..coverage });
    parts
}

/// A step that looks at code, so that it is green now.
fn looking(check: &Check, survey: &Survey, tried: &[Tried]) -> Part {
    let outcome = tried.iter().find(|one| one.name == check.name).map_or(Outcome::Green, |one| one.result);
    let words: Vec<String> = check.command(outcome.manner()).iter().map(|word| format!("{word:?}")).collect();
    let mut keys = format!("command = [{}]\n", words.join(", "));
    if let Some((name, value)) = check.variable(outcome.manner()) {
        keys += &format!("env = {{ {name} = {value:?} }}\n");
    }
    keys += check.keys;
    if outcome == Outcome::Warned {
        keys += &format!("severity = \"warn\" # {}\n", check.if_warned);
    }
    let about = if outcome == Outcome::Softened { check.if_softened } else { "" };
    let part = Part::step(check.name, about, check.kind, &keys);
    match check.needs {
        Some(program) => part.needing(program, survey),
        None => part,
    }
}

fn python_suite(python: Python, survey: &Survey) -> Part {
    let about = "The tests in Python.";
    match python {
        Python::Configured => Part::suite("python", about, "runner = \"pytest\"\n").needing(Program::Pytest, survey),
        Python::Found => {
            let keys = "runner = \"pytest\"\ncommand = [\"python3\", \"-m\", \"pytest\", \"tests\"]\n";
            let why = "nothing says whether pytest runs them: take this in if it does".to_owned();
            Part { left_out: Some(why), ..Part::suite("python", about, keys) }
        }
    }
}

fn node_suite(node: Node, survey: &Survey) -> Part {
    let about = "The tests in JavaScript, as package.json calls them.";
    match node {
        Node::OwnRunner => Part::suite("node", about, "runner = \"node\"\n").needing(Program::Node, survey),
        Node::ByNpm => Part::suite("node", about, "command = [\"npm\", \"test\"]\n").needing(Program::Npm, survey),
    }
}

/// The whole file.
pub(super) fn write(survey: &Survey, parts: &[Part]) -> String {
    let mut sections = vec![
        "# What `cargo gate run` does here. `cargo gate run --dry-run` shows what would run, and why or why not;\n\
         # `cargo gate config show` every setting and where it comes from.\n"
            .to_owned(),
        pipeline(survey),
        "# Setup comes first; then format, lint, test and custom steps, side by side; then coverage; then e2e.\n\
         # Format and lint are skipped where nothing they look at has changed since they passed.\n"
            .to_owned(),
    ];
    sections.extend(parts.iter().map(Part::text));
    sections.extend([SMOKE, COVERAGE].map(str::to_owned));
    sections.push(examples(survey.package.as_deref().unwrap_or("app")));
    sections.join("\n")
}

fn pipeline(survey: &Survey) -> String {
    let (mark, files) = match survey.config_files.as_slice() {
        [] => ("# ", "\"clippy.toml\", \"rustfmt.toml\"".to_owned()),
        files => ("", files.iter().map(|file| format!("{file:?}")).collect::<Vec<_>>().join(", ")),
    };
    format!(
        "[pipeline.default]\n\
         # Where one of these files changes, what format and lint steps found before no longer counts.\n\
         {mark}config-files = [{files}]\n\
         # With `--changed-since REV` nothing runs at all where no change matches one of these.\n\
         # code-patterns = [\"**/*.rs\", \"**/Cargo.toml\", \"Cargo.lock\"]\n"
    )
}

const SMOKE: &str = "# After green tests something that must answer is asked for.\n\
                     # [[pipeline.default.smoke]]\n\
                     # url = \"http://127.0.0.1:8080/health\"\n\
                     # contains = \"ok\"\n";

const COVERAGE: &str = "# The least coverage that is asked, in percent; it may not fall below its best either.\n\
                        # [default.coverage]\n\
                        # floor = 80\n";

fn examples(package: &str) -> String {
    format!(
        "# Tests that share a port or a database can be kept apart.\n\
         # [groups.db]\n\
         # max-threads = 1\n\
         # [[override]]\n\
         # filter = \"{package}/test:db::*\"\n\
         # group = \"db\"\n\
         \n\
         # A test in quarantine runs and is recorded, and fails nothing until that day.\n\
         # [[quarantine]]\n\
         # test = \"{package}/test:net::slow_peer\"\n\
         # reason = \"the peer is slow on Mondays\"\n\
         # until = 2030-01-31\n"
    )
}

fn commented(text: &str) -> String {
    text.lines().map(|line| format!("# {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConfigFile, Layers, Pipeline, Resolved};

    fn full() -> Survey {
        Survey {
            package: Some("shop".to_owned()),
            lacking: Vec::new(),
            coverage_lacks: None,
            config_files: vec!["clippy.toml", "rust-toolchain.toml"],
            has_deny: true,
            python: Some(Python::Configured),
            node: Some(Node::ByNpm),
        }
    }

    fn poor() -> Survey {
        Survey {
            lacking: vec![Program::Rustfmt, Program::Clippy, Program::Deny, Program::Node],
            coverage_lacks: Some(
                "coverage lacks llvm-tools (missing): `cargo gate doctor --install` gets it".to_owned(),
            ),
            config_files: Vec::new(),
            python: Some(Python::Found),
            node: Some(Node::OwnRunner),
            ..full()
        }
    }

    /// What is written of a survey where the checks are like this.
    fn written(survey: &Survey, tried: &[Tried]) -> String {
        write(survey, &parts(survey, tried))
    }

    fn all(result: Outcome) -> Vec<Tried> {
        CHECKS.iter().map(|check| Tried { name: check.name, result }).collect()
    }

    fn read(text: &str) -> Pipeline {
        let file = ConfigFile { name: "gate.toml".to_owned(), text: text.to_owned() };
        let resolved = Resolved::from_layers(&Layers { file: Some(&file), ..Layers::default() });
        let resolved = resolved.unwrap_or_else(|errors| panic!("{text}\n{errors}"));
        assert_eq!(resolved.warnings, []);
        resolved.settings.pipelines["default"].clone()
    }

    /// The text with every key and table in force that stands in a comment.
    fn all_in_force(text: &str) -> String {
        let is_key = |line: &str| {
            let key = line.split_once(" = ").map_or("", |(key, _)| key);
            line.starts_with('[') || (!key.is_empty() && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'))
        };
        let in_force = |line: &'_ str| match line.strip_prefix("# ") {
            Some(rest) if is_key(rest) => format!("{rest}\n"),
            _ => format!("{line}\n"),
        };
        text.lines().map(in_force).collect()
    }

    #[test]
    fn what_is_written_is_read_without_a_warning_and_so_is_what_it_leaves_out() {
        for survey in [full(), poor(), Survey::default()] {
            let text = written(&survey, &[]);
            let pipeline = read(&text);
            let names =
                pipeline.steps.iter().map(|step| &step.name).chain(pipeline.suites.iter().map(|suite| &suite.name));
            let mut names: Vec<&str> = names.map(String::as_str).collect();
            let parts = parts(&survey, &[]);
            let mut kept: Vec<&str> =
                parts.iter().filter(|part| part.left_out.is_none()).map(|part| part.name).collect();
            names.sort_unstable();
            kept.sort_unstable();
            assert_eq!(names, kept);
            let whole = read(&all_in_force(&text));
            assert_eq!(whole.steps.len() + whole.suites.len(), parts.len());
            assert_eq!((whole.smoke.len(), whole.code_patterns.is_some()), (1, true));
        }
    }

    #[test]
    fn it_is_pleasant_to_read() {
        let ordinary = Survey { has_deny: false, python: None, node: None, ..full() };
        for (survey, most_lines) in [(ordinary, 80), (Survey::default(), 80), (full(), 90), (poor(), 90)] {
            let text = written(&survey, &[]);
            assert!((40..=most_lines).contains(&text.lines().count()), "{} lines\n{text}", text.lines().count());
            assert!(text.lines().all(|line| line.len() <= 120 && line.trim_end() == line), "{text}");
            assert!(!text.contains("\n\n\n") && text.ends_with('\n') && !text.ends_with("\n\n"), "{text}");
        }
    }

    #[test]
    fn what_is_red_now_is_written_so_that_it_is_green_with_the_way_on() {
        let survey = Survey { has_deny: false, python: None, node: None, ..full() };
        let steps = |result| {
            let text = written(&survey, &all(result));
            assert_eq!(read(&text).steps.len(), 5, "{text}");
            assert!(text.lines().all(|line| line.len() <= 120), "{text}");
            let parts = parts(&survey, &all(result));
            parts.iter().take(CHECKS.len()).map(Part::text).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(steps(Outcome::Unknown), steps(Outcome::Green), "nothing is concluded");
        insta::assert_snapshot!(format!("{}\n{}", steps(Outcome::Softened), steps(Outcome::Warned)), @r#"
        [[pipeline.default.step]]
        name = "fmt"
        kind = "format"
        command = ["cargo", "fmt", "--all", "--check"]
        inputs = ["**/*.rs", "**/Cargo.toml", "**/rustfmt.toml", "**/.rustfmt.toml"]

        # Its warnings do not fail yet: with `-- -D warnings` they do.
        [[pipeline.default.step]]
        name = "clippy"
        kind = "lint"
        command = ["cargo", "clippy", "--workspace", "--all-targets"]

        # Its warnings do not fail yet: with `env = { RUSTDOCFLAGS = "-D warnings" }` they do.
        [[pipeline.default.step]]
        name = "doc"
        kind = "lint"
        command = ["cargo", "doc", "--workspace", "--no-deps"]

        [[pipeline.default.step]]
        name = "fmt"
        kind = "format"
        command = ["cargo", "fmt", "--all", "--check"]
        inputs = ["**/*.rs", "**/Cargo.toml", "**/rustfmt.toml", "**/.rustfmt.toml"]
        severity = "warn" # It is not formatted yet: `cargo fmt --all`, then remove this line.

        [[pipeline.default.step]]
        name = "clippy"
        kind = "lint"
        command = ["cargo", "clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]
        severity = "warn" # Clippy still finds errors: mend them, then remove this line.

        [[pipeline.default.step]]
        name = "doc"
        kind = "lint"
        command = ["cargo", "doc", "--workspace", "--no-deps"]
        env = { RUSTDOCFLAGS = "-D warnings" }
        severity = "warn" # Rustdoc still finds errors: mend them, then remove this line.
        "#);
    }

    #[test]
    fn what_is_there_is_taken_in() {
        insta::assert_snapshot!(written(&full(), &[]), @r#"
        # What `cargo gate run` does here. `cargo gate run --dry-run` shows what would run, and why or why not;
        # `cargo gate config show` every setting and where it comes from.

        [pipeline.default]
        # Where one of these files changes, what format and lint steps found before no longer counts.
        config-files = ["clippy.toml", "rust-toolchain.toml"]
        # With `--changed-since REV` nothing runs at all where no change matches one of these.
        # code-patterns = ["**/*.rs", "**/Cargo.toml", "Cargo.lock"]

        # Setup comes first; then format, lint, test and custom steps, side by side; then coverage; then e2e.
        # Format and lint are skipped where nothing they look at has changed since they passed.

        [[pipeline.default.step]]
        name = "fmt"
        kind = "format"
        command = ["cargo", "fmt", "--all", "--check"]
        inputs = ["**/*.rs", "**/Cargo.toml", "**/rustfmt.toml", "**/.rustfmt.toml"]

        [[pipeline.default.step]]
        name = "clippy"
        kind = "lint"
        command = ["cargo", "clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]

        [[pipeline.default.step]]
        name = "doc"
        kind = "lint"
        command = ["cargo", "doc", "--workspace", "--no-deps"]
        env = { RUSTDOCFLAGS = "-D warnings" }

        # Advisories appear without any change here: this is no lint, so that it runs each time.
        [[pipeline.default.step]]
        name = "deny"
        kind = "custom"
        command = ["cargo", "deny", "check"]

        # This is `cargo gate test` itself; `args` would be its flags.
        [[pipeline.default.step]]
        name = "test"
        kind = "test"

        # The tests in Python.
        [[pipeline.default.suite]]
        name = "python"
        runner = "pytest"

        # The tests in JavaScript, as package.json calls them.
        [[pipeline.default.suite]]
        name = "node"
        command = ["npm", "test"]

        # This is `cargo gate coverage` itself; it runs the tests once more, instrumented.
        [[pipeline.default.step]]
        name = "coverage"
        kind = "coverage"

        # After green tests something that must answer is asked for.
        # [[pipeline.default.smoke]]
        # url = "http://127.0.0.1:8080/health"
        # contains = "ok"

        # The least coverage that is asked, in percent; it may not fall below its best either.
        # [default.coverage]
        # floor = 80

        # Tests that share a port or a database can be kept apart.
        # [groups.db]
        # max-threads = 1
        # [[override]]
        # filter = "shop/test:db::*"
        # group = "db"

        # A test in quarantine runs and is recorded, and fails nothing until that day.
        # [[quarantine]]
        # test = "shop/test:net::slow_peer"
        # reason = "the peer is slow on Mondays"
        # until = 2030-01-31
        "#);
    }

    #[test]
    fn what_is_lacking_is_a_comment_with_the_way_to_get_it() {
        insta::assert_snapshot!(written(&poor(), &[]), @r#"
        # What `cargo gate run` does here. `cargo gate run --dry-run` shows what would run, and why or why not;
        # `cargo gate config show` every setting and where it comes from.

        [pipeline.default]
        # Where one of these files changes, what format and lint steps found before no longer counts.
        # config-files = ["clippy.toml", "rustfmt.toml"]
        # With `--changed-since REV` nothing runs at all where no change matches one of these.
        # code-patterns = ["**/*.rs", "**/Cargo.toml", "Cargo.lock"]

        # Setup comes first; then format, lint, test and custom steps, side by side; then coverage; then e2e.
        # Format and lint are skipped where nothing they look at has changed since they passed.

        # Here rustfmt is not installed: `rustup component add rustfmt` gets it.
        # [[pipeline.default.step]]
        # name = "fmt"
        # kind = "format"
        # command = ["cargo", "fmt", "--all", "--check"]
        # inputs = ["**/*.rs", "**/Cargo.toml", "**/rustfmt.toml", "**/.rustfmt.toml"]

        # Here clippy is not installed: `rustup component add clippy` gets it.
        # [[pipeline.default.step]]
        # name = "clippy"
        # kind = "lint"
        # command = ["cargo", "clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]

        [[pipeline.default.step]]
        name = "doc"
        kind = "lint"
        command = ["cargo", "doc", "--workspace", "--no-deps"]
        env = { RUSTDOCFLAGS = "-D warnings" }

        # Advisories appear without any change here: this is no lint, so that it runs each time.
        # Here cargo-deny is not installed: `cargo install --locked cargo-deny` gets it.
        # [[pipeline.default.step]]
        # name = "deny"
        # kind = "custom"
        # command = ["cargo", "deny", "check"]

        # This is `cargo gate test` itself; `args` would be its flags.
        [[pipeline.default.step]]
        name = "test"
        kind = "test"

        # The tests in Python.
        # Here nothing says whether pytest runs them: take this in if it does.
        # [[pipeline.default.suite]]
        # name = "python"
        # runner = "pytest"
        # command = ["python3", "-m", "pytest", "tests"]

        # The tests in JavaScript, as package.json calls them.
        # Here `node` does not answer.
        # [[pipeline.default.suite]]
        # name = "node"
        # runner = "node"

        # This is `cargo gate coverage` itself; it runs the tests once more, instrumented.
        # Here coverage lacks llvm-tools (missing): `cargo gate doctor --install` gets it.
        # [[pipeline.default.step]]
        # name = "coverage"
        # kind = "coverage"

        # After green tests something that must answer is asked for.
        # [[pipeline.default.smoke]]
        # url = "http://127.0.0.1:8080/health"
        # contains = "ok"

        # The least coverage that is asked, in percent; it may not fall below its best either.
        # [default.coverage]
        # floor = 80

        # Tests that share a port or a database can be kept apart.
        # [groups.db]
        # max-threads = 1
        # [[override]]
        # filter = "shop/test:db::*"
        # group = "db"

        # A test in quarantine runs and is recorded, and fails nothing until that day.
        # [[quarantine]]
        # test = "shop/test:net::slow_peer"
        # reason = "the peer is slow on Mondays"
        # until = 2030-01-31
        "#);
    }
}
