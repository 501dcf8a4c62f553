//! The command line of `cargo gate report`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{ContextArgs, PlaceArgs};

/// What the history says: on one screen, or as a document
#[derive(Clone, Debug, Args)]
pub struct ReportArgs {
    /// How it is written [default: human, with --open html]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<ReportFormat>,
    /// Write it to this file, whole or not at all; `-`: standard output
    #[arg(short, long, value_name = "FILE|-")]
    pub output: Option<PathBuf>,
    /// The run that JUnit tells of: its name, the beginning of it, or `last`
    /// [default: the latest executed run]
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// Write the HTML page and open it: `report.html` in the gate directory,
    /// where --output says nothing else
    #[arg(long)]
    pub open: bool,
    /// Whose memory.
    #[command(flatten)]
    pub context: ContextArgs,
    /// Where.
    #[command(flatten)]
    pub place: PlaceArgs,
}

impl ReportArgs {
    /// The format that is asked for.
    #[must_use]
    pub fn format(&self) -> ReportFormat {
        self.format.unwrap_or(if self.open { ReportFormat::Html } else { ReportFormat::Human })
    }

    /// What cannot be meant together, as far as only the values tell.
    #[must_use]
    pub fn contradiction(&self) -> Option<&'static str> {
        let to_stdout = self.output.as_deref().is_some_and(|path| path.as_os_str() == "-");
        match self.format() {
            format if self.open && format != ReportFormat::Html => Some("--open shows HTML: leave --format out"),
            _ if self.open && to_stdout => Some("--open shows a file, and --output - writes none"),
            format if self.run.is_some() && format != ReportFormat::Junit => {
                Some("--run chooses the run of --format junit; `history show RUN` shows one run")
            }
            _ => None,
        }
    }
}

/// The formats of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, ValueEnum)]
pub enum ReportFormat {
    /// One screen for people
    #[default]
    Human,
    /// One JSON object with all of it
    Json,
    /// For a pull request's comment or a step's summary
    Markdown,
    /// One run as JUnit XML
    Junit,
    /// One page that needs no network
    Html,
}
