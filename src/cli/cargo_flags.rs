//! cargo's own flags: understood where the gate needs to know, and handed back to cargo as the user gave them.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::UnknownArgumentValueParser;
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Args, FromArgMatches};

/// Flags that say which packages are meant. A user's choice replaces the configured one.
pub(super) const PACKAGE_CHOICE: [&str; 3] = ["package", "workspace", "all"];

/// Flags that say which targets are meant.
pub(super) const TARGET_CHOICE: [&str; 11] =
    ["lib", "bins", "bin", "examples", "example", "tests", "test", "benches", "bench", "all_targets", "doc"];

/// What cargo is not to get: the gate reads names of tests from its output, and runs all tests of its own accord.
const NOT_FOR_CARGO: [&str; 3] = ["quiet", "no_fail_fast", "color"];

/// The flags of `cargo test`, spelled as cargo spells them.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Build (cargo's)")]
pub struct CargoFlags {
    /// Package to run tests for
    #[arg(short, long, value_name = "SPEC", num_args = 0..=1, default_missing_value = "", action = ArgAction::Append)]
    pub package: Vec<String>,
    /// Test all packages in the workspace (the default, see `test.args`)
    #[arg(long)]
    pub workspace: bool,
    /// Exclude packages from the test
    #[arg(long, value_name = "SPEC")]
    pub exclude: Vec<String>,
    /// Alias for --workspace (deprecated)
    #[arg(long)]
    pub all: bool,
    /// Test only this package's library
    #[arg(long)]
    pub lib: bool,
    /// Test all binaries
    #[arg(long)]
    pub bins: bool,
    /// Test only the specified binary
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "", action = ArgAction::Append)]
    pub bin: Vec<String>,
    /// Test all examples
    #[arg(long)]
    pub examples: bool,
    /// Test only the specified example
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "", action = ArgAction::Append)]
    pub example: Vec<String>,
    /// Test all targets that have `test = true` set
    #[arg(long)]
    pub tests: bool,
    /// Test only the specified test target
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "", action = ArgAction::Append)]
    pub test: Vec<String>,
    /// Test all targets that have `bench = true` set
    #[arg(long)]
    pub benches: bool,
    /// Test only the specified bench target
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "", action = ArgAction::Append)]
    pub bench: Vec<String>,
    /// Test all targets (does not include doctests)
    #[arg(long)]
    pub all_targets: bool,
    /// Test only this library's documentation
    #[arg(long)]
    pub doc: bool,
    /// Space or comma separated list of features to activate
    #[arg(short = 'F', long, value_name = "FEATURES")]
    pub features: Vec<String>,
    /// Activate all available features
    #[arg(long)]
    pub all_features: bool,
    /// Do not activate the `default` feature
    #[arg(long)]
    pub no_default_features: bool,
    /// Number of parallel build jobs, defaults to # of CPUs (see --slots for tests)
    #[arg(short, long, value_name = "N", allow_hyphen_values = true)]
    pub jobs: Option<String>,
    /// Build artifacts in release mode, with optimizations
    #[arg(short, long)]
    pub release: bool,
    /// Build artifacts with the specified profile
    #[arg(long, value_name = "PROFILE-NAME")]
    pub profile: Option<String>,
    /// Build for the target triple
    #[arg(long, value_name = "TRIPLE", num_args = 0..=1, default_missing_value = "", action = ArgAction::Append)]
    pub target: Vec<String>,
    /// Directory for all generated artifacts
    #[arg(long, value_name = "DIRECTORY")]
    pub target_dir: Option<PathBuf>,
    /// Path to Cargo.toml
    #[arg(long, value_name = "PATH")]
    pub manifest_path: Option<PathBuf>,
    /// Override a configuration value of cargo's
    #[arg(long, value_name = "KEY=VALUE|PATH", action = ArgAction::Append)]
    pub config: Vec<OsString>,
    /// Assert that `Cargo.lock` will remain unchanged
    #[arg(long)]
    pub locked: bool,
    /// Run without accessing the network
    #[arg(long)]
    pub offline: bool,
    /// Equivalent to specifying both --locked and --offline
    #[arg(long)]
    pub frozen: bool,
    /// Ignore `rust-version` specification in packages
    #[arg(long)]
    pub ignore_rust_version: bool,
    /// Compile, but don't run tests; nothing is recorded
    #[arg(long)]
    pub no_run: bool,
    /// Output a build timing report at the end of the build
    #[arg(long, value_name = "FMTS", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub timings: Option<String>,
    /// Output a future incompatibility report at the end of the build
    #[arg(long)]
    pub future_incompat_report: bool,
    /// Use verbose output (-vv very verbose/build.rs output)
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,
    /// Say only what went wrong, and the verdict
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Coloring
    #[arg(long, value_name = "WHEN", value_parser = ["auto", "always", "never"])]
    pub color: Option<String>,
    /// Unstable (nightly-only) flags to cargo
    #[arg(short = 'Z', value_name = "FLAG")]
    pub unstable: Vec<String>,
    /// Run all tests regardless of failure (the gate always does; accepted for habit's sake)
    #[arg(long)]
    pub no_fail_fast: bool,
    #[arg(long, hide = true, value_name = "FMT", value_parser = UnknownArgumentValueParser::suggest(
        "the gate reads cargo's messages itself; use `--format json` or `--events FILE` for its own"))]
    message_format: Option<String>,
    #[arg(long, hide = true, num_args = 0, default_missing_value = "true", value_parser = UnknownArgumentValueParser::suggest(
        "the gate runs all tests anyway; use `--fail-fast` or `--max-fail N` to stop early"))]
    keep_going: Option<String>,
}

impl CargoFlags {
    /// The features that are asked for, however they were written: empty for the default ones.
    #[must_use]
    pub fn canonical_features(&self) -> String {
        let lists = self.features.iter().flat_map(|list| list.split([',', ' ']));
        let mut features: Vec<&str> = lists.filter(|feature| !feature.is_empty()).collect();
        features.sort_unstable();
        features.dedup();
        let mut words = Vec::new();
        words.extend(self.all_features.then(|| "--all-features".to_owned()));
        words.extend(self.no_default_features.then(|| "--no-default-features".to_owned()));
        words.extend((!features.is_empty()).then(|| format!("--features {}", features.join(","))));
        words.join(" ")
    }
}

/// [`CargoFlags`], and the same once more in the order in which the user gave them.
#[derive(Clone, Debug, Default)]
pub struct BuildArgs {
    /// What they say.
    pub flags: CargoFlags,
    given: Vec<Given>,
}

/// One flag as it was given.
#[derive(Clone, Debug)]
struct Given {
    id: String,
    /// May it be given again with another value?
    repeatable: bool,
    tokens: Vec<OsString>,
}

impl BuildArgs {
    /// Reads flags that do not stand on the command line (`test.args`). Only cargo's flags are understood there.
    pub fn from_words<S: AsRef<str>>(words: &[S]) -> Result<Self, clap::Error> {
        let command = Self::augment_args(clap::Command::new("test.args").no_binary_name(true).disable_help_flag(true));
        Self::from_arg_matches(&command.try_get_matches_from(words.iter().map(AsRef::as_ref))?)
    }

    /// Puts configured flags before the user's. A flag of the user's replaces the same configured one where cargo
    /// takes it only once, and a choice of packages (`-p`, `--workspace`, `--all`) replaces the configured choice.
    pub fn with_configured<S: AsRef<str>>(&self, configured: &[S]) -> Result<Self, clap::Error> {
        let configured = Self::from_words(configured)?;
        let chose_packages = PACKAGE_CHOICE.iter().any(|id| self.gave(id));
        let gives_way = |given: &Given| {
            let is_choice = PACKAGE_CHOICE.contains(&given.id.as_str()) || given.id == "exclude";
            (is_choice && chose_packages) || (!given.repeatable && self.gave(&given.id))
        };
        let given: Vec<Given> =
            configured.given.into_iter().filter(|given| !gives_way(given)).chain(self.given.iter().cloned()).collect();
        let words: Vec<OsString> = given.iter().flat_map(|given| given.tokens.clone()).collect();
        let command = Self::augment_args(clap::Command::new("cargo gate test").no_binary_name(true));
        let merged = Self::from_arg_matches(&command.try_get_matches_from(words)?)?;
        Ok(Self { flags: merged.flags, given })
    }

    /// The flags for cargo's command line, in the order in which they were given, without those that go to cargo in
    /// our own words: `-q`, `--color`, `--no-fail-fast`.
    #[must_use]
    pub fn to_argv(&self) -> Vec<OsString> {
        let for_cargo = self.given.iter().filter(|given| !NOT_FOR_CARGO.contains(&given.id.as_str()));
        for_cargo.flat_map(|given| given.tokens.iter().cloned()).collect()
    }

    /// Those of the flags that have one of these names (with underscores), as they were given.
    #[must_use]
    pub fn given(&self, names: &[&str]) -> Vec<OsString> {
        let named = self.given.iter().filter(|given| names.contains(&given.id.as_str()));
        named.flat_map(|given| given.tokens.iter().cloned()).collect()
    }

    /// The same without `--target-dir`: for who chooses the directory in another way.
    #[must_use]
    pub fn without_target_dir(mut self) -> Self {
        self.flags.target_dir = None;
        self.given.retain(|given| given.id != "target_dir");
        self
    }

    /// The same with another `--manifest-path`, where there was one.
    #[must_use]
    pub fn with_manifest_path(mut self, path: PathBuf) -> Self {
        for given in self.given.iter_mut().filter(|given| given.id == "manifest_path") {
            given.tokens = vec!["--manifest-path".into(), path.clone().into()];
            self.flags.manifest_path = Some(path.clone());
        }
        self
    }

    /// Is there a choice of targets?
    #[must_use]
    pub fn chooses_targets(&self) -> bool {
        TARGET_CHOICE.iter().any(|id| self.gave(id))
    }

    /// The same with `--tests`, which leaves out doctests.
    #[must_use]
    pub fn with_tests(mut self) -> Self {
        self.flags.tests = true;
        self.given.push(Given { id: "tests".to_owned(), repeatable: false, tokens: vec!["--tests".into()] });
        self
    }

    fn gave(&self, id: &str) -> bool {
        self.given.iter().any(|given| given.id == id)
    }
}

impl Args for BuildArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        CargoFlags::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        CargoFlags::augment_args_for_update(command)
    }
}

impl FromArgMatches for BuildArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self { flags: CargoFlags::from_arg_matches(matches)?, given: in_order(matches) })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// cargo's flags among the matches, by their place on the command line.
fn in_order(matches: &ArgMatches) -> Vec<Given> {
    let mut placed: Vec<(usize, Given)> = Vec::new();
    let flags = CargoFlags::augment_args(clap::Command::new(""));
    for arg in flags.get_arguments() {
        let id = arg.get_id().as_str();
        if matches.value_source(id) != Some(ValueSource::CommandLine) {
            continue;
        }
        let Some(mut indices) = matches.indices_of(id) else { continue };
        let spelled = match (arg.get_long(), arg.get_short()) {
            (Some(long), _) => format!("--{long}"),
            (None, Some(short)) => format!("-{short}"),
            (None, None) => continue,
        };
        let given = |tokens: Vec<OsString>| Given {
            id: id.to_owned(),
            repeatable: matches!(arg.get_action(), ArgAction::Append | ArgAction::Count),
            tokens,
        };
        match arg.get_action() {
            ArgAction::SetTrue => placed.extend(indices.map(|index| (index, given(vec![spelled.as_str().into()])))),
            ArgAction::Count => {
                let times = usize::from(matches.get_count(id));
                placed.extend(indices.next_back().map(|index| (index, given(vec![spelled.as_str().into(); times]))));
            }
            _ => {
                let values = matches.get_raw(id).into_iter().flatten();
                let joined = arg.is_require_equals_set();
                let may_lack = arg.get_num_args().is_some_and(|range| range.min_values() == 0);
                let tokens = values.map(|value| match value.is_empty() && may_lack {
                    true => vec![spelled.as_str().into()],
                    false => with_value(&spelled, value, joined),
                });
                placed.extend(indices.zip(tokens.map(given)));
            }
        }
    }
    placed.sort_by_key(|(index, _)| *index);
    placed.into_iter().map(|(_, given)| given).collect()
}

/// A flag and its value as cargo reads them.
fn with_value(spelled: &str, value: &std::ffi::OsStr, joined: bool) -> Vec<OsString> {
    let needs_joining = value.is_empty() || value.as_encoded_bytes().starts_with(b"-");
    if joined || (needs_joining && spelled.starts_with("--")) {
        let mut whole = OsString::from(spelled);
        whole.push("=");
        whole.push(value);
        return vec![whole];
    }
    vec![spelled.into(), value.to_owned()]
}
