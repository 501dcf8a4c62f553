//! The command line of `cargo gate verdict`.

use std::path::PathBuf;

use clap::Args;

use super::Format;

/// Read a report back, and leave by what it says
#[derive(Clone, Debug, Args)]
#[command(after_help = "Exit codes: 0 it says PASS; 100 it is a report of tests and does not, 20 of coverage; 96 it \
                        cannot be read, or has no front matter.")]
pub struct VerdictArgs {
    /// The report: `test-report.md`, `coverage-report.md`, or one of another tool with a front matter; `-`: standard
    /// input
    #[arg(value_name = "FILE|-")]
    pub file: PathBuf,
    /// For people, or one JSON object
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub format: Format,
    /// Coloring
    #[arg(long, value_name = "WHEN", value_parser = ["auto", "always", "never"])]
    pub color: Option<String>,
}
