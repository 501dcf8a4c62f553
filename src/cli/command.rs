//! The commands, and the two ways in which cargo and people call them.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use super::{
    BaselineArgs, CompletionsArgs, CoverageArgs, DoctorArgs, ExplainArgs, FlakyArgs, HistoryArgs, InitArgs, JoinArgs,
    ManArgs, OrderArgs, ReportArgs, RunArgs, SchemaArgs, ShardsArgs, StatusArgs, TestArgs, VerdictArgs,
};

/// Decide whether a Rust workspace may go on: run the tests, remember every outcome, say why the gate is red
#[derive(Debug, Parser)]
#[command(
    name = "cargo-gate",
    bin_name = "cargo gate",
    version,
    max_term_width = 80,
    arg_required_else_help = true,
    after_help = "`cargo gate init` writes a configuration that fits the workspace, `cargo gate run` runs all of it; \
                  `cargo gate test` needs none.\n`cargo gate help COMMAND` says more of each, the man page \
                  (`cargo gate man`) of exit codes, variables and files."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build and run the tests, record every outcome, judge
    #[command(visible_alias = "t")]
    Test(Box<TestArgs>),
    /// Run the tests once, measure what they cover, judge it
    Coverage(Box<CoverageArgs>),
    /// Cut the tests for several machines, by how long they take
    Shards(Box<ShardsArgs>),
    /// Put the shards of a run together, and judge them as one
    Join(Box<JoinArgs>),
    /// Run the whole gate of the configuration
    Run(Box<RunArgs>),
    /// Show what the history says: on one screen, or as a document
    Report(ReportArgs),
    /// Show which tests are flaky, broken, suspect or recovered, and why
    Flaky(FlakyArgs),
    /// Show all that is known of one test
    Explain(ExplainArgs),
    /// Show the order of the next run with its reasons, or measure it on a history
    Order(OrderArgs),
    /// Look at the recorded runs, add or remove some
    History(HistoryArgs),
    /// Show what is in force and on record, or ask whether a full run passed
    Status(StatusArgs),
    /// Look at the baselines of coverage, or move one by hand
    Baseline(BaselineArgs),
    /// Read a report back, and leave by what it says
    Verdict(VerdictArgs),
    /// Write a commented configuration that fits the workspace
    Init(InitArgs),
    /// Find the tools that are missing, and say how to get them
    Doctor(DoctorArgs),
    /// Look at the configuration
    Config(ConfigArgs),
    /// List the JSON documents, or print the JSON Schema of one
    Schema(SchemaArgs),
    /// Print the completions of a shell
    Completions(CompletionsArgs),
    /// Print the man page, or write one a command
    Man(ManArgs),
}

/// What goes to standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, ValueEnum)]
pub enum Format {
    /// Nothing a machine should read
    #[default]
    Human,
    /// One JSON object
    Json,
}

/// Flags of every command that looks at a workspace without building it.
#[derive(Clone, Debug, Default, Args)]
pub struct CommonArgs {
    /// Where.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// For people, or one JSON object
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub format: Format,
}

/// Which workspace is looked at, and how it is shown.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Common options")]
pub struct PlaceArgs {
    /// Path to Cargo.toml
    #[arg(long, value_name = "PATH")]
    pub manifest_path: Option<PathBuf>,
    /// Directory for all generated artifacts, where it is not the default one
    #[arg(long, value_name = "DIRECTORY")]
    pub target_dir: Option<PathBuf>,
    /// Use this profile of the gate's configuration [env: CARGO_GATE_PROFILE]
    #[arg(long, value_name = "NAME")]
    pub gate_profile: Option<String>,
    /// Coloring
    #[arg(long, value_name = "WHEN", value_parser = ["auto", "always", "never"])]
    pub color: Option<String>,
}

/// Whose memory: a test means the same only under one target, one set of features and one profile
#[derive(Clone, Debug, Default, Args)]
pub struct ContextArgs {
    /// Look at runs of this profile of cargo's [default: the latest run's]
    #[arg(long, value_name = "NAME", help_heading = "Context")]
    pub profile: Option<String>,
    /// Look at runs of this target triple [default: the latest run's]
    #[arg(long, value_name = "TRIPLE", help_heading = "Context")]
    pub target: Option<String>,
    /// Look at runs of these features, written as `history show` shows them [default: the latest run's]
    #[arg(long, value_name = "FEATURES", help_heading = "Context")]
    pub features: Option<String>,
}

/// Look at the configuration
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// What to look at.
    #[command(subcommand)]
    pub action: ConfigAction,
}

/// What to look at in the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigAction {
    /// Show each setting, its value, and where the value comes from
    Show {
        /// Flags of every command.
        #[command(flatten)]
        common: CommonArgs,
    },
    /// Print the JSON Schema of the configuration file
    Schema,
}

/// Help texts of flags that stand for a setting, by flag without dashes.
pub type FlagHelp = [(&'static str, String)];

/// The command line's definition. The help of flags that stand for a setting comes from the table of settings.
#[must_use]
pub fn command(help: &FlagHelp) -> clap::Command {
    explain(Cli::command(), help)
}

fn explain(command: clap::Command, help: &FlagHelp) -> clap::Command {
    command.mut_subcommands(|inner| explain(inner, help)).mut_args(|arg| {
        // A heading above flags that are flattened in goes on below them.
        let arg = if arg.is_positional() { arg.help_heading(None) } else { arg };
        let text = help.iter().find(|(flag, _)| arg.get_long() == Some(*flag)).map(|(_, text)| text.clone());
        match text {
            Some(text) if arg.get_help().is_none() => arg.help(text),
            _ => arg,
        }
    })
}

/// Reads the process's arguments, the program's name included. cargo calls `cargo-gate gate test`, people may call
/// `cargo-gate test`. Help and version come back as errors too, as clap has it.
pub fn parse(argv: impl IntoIterator<Item = OsString>, help: &FlagHelp) -> Result<Command, clap::Error> {
    let mut argv: Vec<OsString> = argv.into_iter().collect();
    if argv.get(1).is_some_and(|word| word == "gate") {
        argv.remove(1);
    }
    let mut definition = command(help);
    let matches = definition.try_get_matches_from_mut(argv)?;
    let mut parsed = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut definition))?.command;
    let (name, completed) = match &mut parsed {
        Command::Test(args) => ("test", args.complete()),
        Command::Coverage(args) => ("coverage", args.test.complete()),
        Command::Shards(args) => ("shards", args.complete()),
        Command::Run(args) => ("run", args.complete()),
        _ => return Ok(parsed),
    };
    completed.map_err(|why| {
        // The subcommand's own definition, so that the message shows its usage.
        let own = definition.find_subcommand_mut(name).map(|own| own.clone());
        own.unwrap_or(definition).error(ErrorKind::ArgumentConflict, why)
    })?;
    Ok(parsed)
}
