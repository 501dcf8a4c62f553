//! What is run for a suite, and where its results will be.

use camino::{Utf8Path, Utf8PathBuf};

use super::discover::{Found, quoted};
use crate::config::Invocation;
use crate::model::{ResultFormat, Runner};

/// What `node --version` says: major and minor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeVersion(pub u32, pub u32);

impl NodeVersion {
    /// Reads `v20.11.1`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.trim().strip_prefix('v')?.split('.').map(str::parse);
        Some(Self(numbers.next()?.ok()?, numbers.next()?.ok()?))
    }

    /// Does its test runner write JUnit by itself?
    const fn writes_junit(self) -> bool {
        self.0 >= 21 || (self.0 == 20 && self.1 >= 12)
    }
}

/// Where results are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// On the standard output.
    Stdout,
    /// Among the lines that it prints, on either stream.
    Lines,
    /// In a file, absolute.
    File(Utf8PathBuf),
}

/// What a suite writes of its tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Writes {
    /// Nothing: its exit code is its result.
    Nothing,
    /// Results in one of the formats.
    Results(ResultFormat, Source),
    /// The text of Python's unittest.
    Unittest(Source),
}

impl Writes {
    /// The file that its results are written to, if any.
    #[must_use]
    pub fn file(&self) -> Option<&Utf8Path> {
        match self {
            Self::Results(_, Source::File(path)) | Self::Unittest(Source::File(path)) => Some(path),
            _ => None,
        }
    }
}

/// A suite that is ready to be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// What runs, with all that its runner is asked for; where, absolute.
    pub invocation: Invocation,
    /// What it writes, and where.
    pub writes: Writes,
}

/// The name of a suite as the beginning of a file's name, another for each suite.
#[must_use]
pub fn file_stem(name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let plain: String = name.chars().map(|c| if fits(c) { c } else { '-' }).take(80).collect();
    if plain == name {
        return plain;
    }
    // Two names may read alike without the signs that files cannot have.
    let hash = blake3::hash(name.as_bytes()).to_hex();
    format!("{plain}-{}", hash.get(..8).unwrap_or_default())
}

/// What to run for a suite. `folder` is where results go that nobody else has a place for.
#[must_use]
pub fn plan(found: &Found, root: &Utf8Path, folder: &Utf8Path, node: Option<NodeVersion>) -> Planned {
    let suite = &found.suite;
    let invocation = &suite.invocation;
    let mut cwd = invocation.cwd.as_ref().map_or_else(|| root.to_owned(), |cwd| root.join(cwd));
    if let (Runner::Node, Some(folder)) = (suite.runner, &found.folder) {
        // What node takes for a folder differs from version to version; where it runs, it searches in all of them.
        cwd.clone_from(folder);
    }
    let own = folder.join(format!("{}.xml", file_stem(&suite.name)));
    let asked = asked(found, &cwd, &own, node);
    let mut command = with_args(invocation, suite.runner, &asked.args);
    let has_folder = found.folder.is_some() && suite.runner != Runner::Node;
    if let Some(folder) = found.folder.as_ref().filter(|_| has_folder) {
        let flag = (suite.runner == Runner::Unittest).then_some("-s");
        command.extend(flag.into_iter().chain([folder.as_str()]).map(str::to_owned));
    }
    if invocation.shell {
        command = vec![line(&command)];
    }
    let invocation = Invocation { command, cwd: Some(cwd), ..invocation.clone() };
    Planned { invocation, writes: asked.writes }
}

/// What a runner is asked for, so that it writes what can be read.
struct Asked {
    args: Vec<String>,
    writes: Writes,
}

fn asked(found: &Found, cwd: &Utf8Path, own: &Utf8Path, node: Option<NodeVersion>) -> Asked {
    let suite = &found.suite;
    let named = suite.result_path.as_ref().map(|path| cwd.join(path));
    let nothing_asked = |writes| Asked { args: Vec::new(), writes };
    let source = || named.clone().map_or(Source::Stdout, Source::File);
    let format = match (suite.runner, suite.format) {
        (Runner::Script, None) if named.is_none() => return nothing_asked(Writes::Nothing),
        // A file of results that nobody says more of is what most write.
        (Runner::Script, format) => return nothing_asked(Writes::Results(format.unwrap_or_default(), source())),
        // Who says both has arranged for it.
        (_, Some(format)) if named.is_some() => return nothing_asked(Writes::Results(format, source())),
        (_, format) => format,
    };
    let file = named.clone().unwrap_or_else(|| own.to_owned());
    let writes_junit = format != Some(ResultFormat::Tap) && node.is_none_or(NodeVersion::writes_junit);
    match (suite.runner, format) {
        (Runner::Pytest, None | Some(ResultFormat::Junit)) => Asked {
            args: vec!["-q".into(), "--junit-xml".into(), file.to_string()],
            writes: Writes::Results(ResultFormat::Junit, Source::File(file)),
        },
        (Runner::Unittest, None) => {
            let source = named.map_or(Source::Lines, Source::File);
            Asked { args: vec!["-v".into()], writes: Writes::Unittest(source) }
        }
        (Runner::Node, None | Some(ResultFormat::Junit)) if writes_junit => Asked {
            args: vec!["--test-reporter=junit".into(), format!("--test-reporter-destination={file}")],
            writes: Writes::Results(ResultFormat::Junit, Source::File(file)),
        },
        (Runner::Node, None | Some(ResultFormat::Tap)) => {
            let args = ["--test-reporter=tap".to_owned()];
            let destination = named.as_ref().map(|file| format!("--test-reporter-destination={file}"));
            let args = args.into_iter().chain(destination).collect();
            Asked { args, writes: Writes::Results(ResultFormat::Tap, source()) }
        }
        (_, format) => nothing_asked(Writes::Results(format.unwrap_or_default(), source())),
    }
}

/// The command with what its runner is asked for: behind it, and of node, whose files end its flags, behind `--test`.
fn with_args(invocation: &Invocation, runner: Runner, args: &[String]) -> Vec<String> {
    let own: &[&str] = match runner {
        Runner::Script => &[],
        Runner::Pytest => &["python3", "-m", "pytest"],
        Runner::Unittest => &["python3", "-m", "unittest", "discover"],
        Runner::Node => &["node", "--test"],
    };
    let mut argv = invocation.command.clone();
    if argv.is_empty() {
        argv = own.iter().map(|word| (*word).to_owned()).collect();
    }
    let mut at = argv.len();
    if runner == Runner::Node
        && !invocation.shell
        && let Some(flag) = argv.iter().position(|word| word == "--test")
    {
        at = flag + 1;
    }
    argv.splice(at..at, args.iter().cloned());
    argv
}

/// A line for the shell, and words behind it.
fn line(words: &[String]) -> String {
    let (line, rest) = words.split_first().map_or(("", &[][..]), |(line, rest)| (line.as_str(), rest));
    rest.iter().fold(line.to_owned(), |line, word| format!("{line} {}", quoted(word)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Suite;

    struct Case {
        runner: Runner,
        command: &'static str,
        format: Option<ResultFormat>,
        path: Option<&'static str>,
        folder: Option<&'static str>,
        node: Option<NodeVersion>,
    }

    impl Case {
        const fn of(runner: Runner, command: &'static str) -> Self {
            Self { runner, command, format: None, path: None, folder: None, node: None }
        }

        fn planned(&self) -> Planned {
            let suite = Suite {
                name: "py".into(),
                runner: self.runner,
                invocation: Invocation {
                    command: self.command.split_whitespace().map(str::to_owned).collect(),
                    ..Invocation::default()
                },
                format: self.format,
                result_path: self.path.map(Utf8PathBuf::from),
                ..Suite::default()
            };
            let found = Found { suite, folder: self.folder.map(Utf8PathBuf::from) };
            plan(&found, Utf8Path::new("/w"), Utf8Path::new("/log"), self.node)
        }

        fn told(&self) -> (String, Writes) {
            let planned = self.planned();
            (planned.invocation.command.join(" "), planned.writes)
        }
    }

    fn file(format: ResultFormat, path: &str) -> Writes {
        Writes::Results(format, Source::File(path.into()))
    }

    #[test]
    fn each_runner_is_asked_for_what_can_be_read() {
        use ResultFormat::{Junit, Simple, Tap};
        let (old, new) = (Some(NodeVersion(18, 19)), Some(NodeVersion(22, 1)));
        let stdout = |format| Writes::Results(format, Source::Stdout);
        for (case, argv, writes) in [
            (Case::of(Runner::Script, "./a b"), "./a b", Writes::Nothing),
            (Case { format: Some(Simple), ..Case::of(Runner::Script, "./a") }, "./a", stdout(Simple)),
            (Case { path: Some("r.xml"), ..Case::of(Runner::Script, "./a") }, "./a", file(Junit, "/w/r.xml")),
            (
                Case { folder: Some("/w/py"), ..Case::of(Runner::Pytest, "") },
                "python3 -m pytest -q --junit-xml /log/py.xml /w/py",
                file(Junit, "/log/py.xml"),
            ),
            (
                Case { format: Some(Junit), ..Case::of(Runner::Pytest, "pytest py") },
                "pytest py -q --junit-xml /log/py.xml",
                file(Junit, "/log/py.xml"),
            ),
            (
                Case { format: Some(Junit), path: Some("r.xml"), ..Case::of(Runner::Pytest, "tox") },
                "tox",
                file(Junit, "/w/r.xml"),
            ),
            (Case { format: Some(Tap), ..Case::of(Runner::Pytest, "pytest --tap") }, "pytest --tap", stdout(Tap)),
            (
                Case { folder: Some("/w/py"), ..Case::of(Runner::Unittest, "") },
                "python3 -m unittest discover -v -s /w/py",
                Writes::Unittest(Source::Lines),
            ),
            (
                Case { node: new, ..Case::of(Runner::Node, "node --test js/a.js") },
                "node --test --test-reporter=junit --test-reporter-destination=/log/py.xml js/a.js",
                file(Junit, "/log/py.xml"),
            ),
            (Case { node: old, ..Case::of(Runner::Node, "") }, "node --test --test-reporter=tap", stdout(Tap)),
            (
                Case { node: new, format: Some(Tap), ..Case::of(Runner::Node, "") },
                "node --test --test-reporter=tap",
                stdout(Tap),
            ),
        ] {
            assert_eq!(case.told(), (argv.to_owned(), writes));
        }
    }

    #[test]
    fn node_runs_in_the_folder_that_was_found() {
        let planned = Case { folder: Some("/w/js"), ..Case::of(Runner::Node, "") }.planned();
        assert_eq!(planned.invocation.cwd.as_deref(), Some(Utf8Path::new("/w/js")));
    }

    #[test]
    fn versions_are_read_and_old_ones_write_tap() {
        for (text, junit) in [("v18.20.2\n", false), ("v20.11.0", false), ("v20.20.2", true), ("v22.0.0", true)] {
            assert_eq!(NodeVersion::parse(text).map(NodeVersion::writes_junit), Some(junit), "{text}");
        }
        for text in ["", "20.1.0", "v20", "vx.y.z", "v99999999999.1"] {
            assert_eq!(NodeVersion::parse(text), None, "{text}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_line_for_the_shell_gets_what_is_asked_behind_it() {
        let suite = Suite {
            name: "py".into(),
            runner: Runner::Pytest,
            invocation: Invocation { command: vec!["cd py && pytest".into()], shell: true, ..Invocation::default() },
            ..Suite::default()
        };
        let found = Found { suite, folder: None };
        let planned = plan(&found, Utf8Path::new("/w"), Utf8Path::new("/it's"), None);
        assert_eq!(planned.invocation.command, [r"cd py && pytest '-q' '--junit-xml' '/it'\''s/py.xml'"]);
    }

    #[test]
    fn names_become_files_of_which_no_two_are_one() {
        assert_eq!(file_stem("scripts"), "scripts");
        assert_ne!(file_stem("a/b"), file_stem("a b"));
        assert!(file_stem("a/b").starts_with("a-b-") && !file_stem("../x").contains(['/', '.']));
        assert!(file_stem(&"ü".repeat(500)).len() < 100);
    }
}
