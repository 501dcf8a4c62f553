//! The command line, as parsed: no logic.

mod archive;
mod baseline;
mod cargo_flags;
mod command;
mod coverage;
mod doctor;
mod explain;
mod flaky;
mod history;
mod import;
mod init;
mod install;
mod join;
mod libtest;
mod order;
mod parsers;
mod portable;
mod report;
mod run;
mod runs;
mod schema;
mod setting_flags;
mod shards;
mod status;
mod step;
mod test;
mod verdict;

pub use archive::{ArchiveArgs, says_what_is_built};
pub use baseline::{BaselineAction, BaselineArgs, BaselineKeyArgs, BaselineResetArgs, BaselineSetArgs};
pub use cargo_flags::{BuildArgs, CargoFlags};
pub use command::{
    Cli, Command, CommonArgs, ConfigAction, ConfigArgs, ContextArgs, FlagHelp, Format, PlaceArgs, command, parse,
};
pub use coverage::{CoverageArgs, CoverageFlags};
pub use doctor::DoctorArgs;
pub use explain::ExplainArgs;
pub use flaky::FlakyArgs;
pub use history::{HistoryAction, HistoryArgs, ListArgs, PruneArgs, PruneFlags, ShowArgs, StatsArgs, UndoArgs};
pub use import::ImportArgs;
pub use init::InitArgs;
pub use install::{CompletionsArgs, ManArgs};
pub use join::JoinArgs;
pub use libtest::LibtestArgs;
pub use order::OrderArgs;
pub use portable::{ExportArgs, MergeArgs, PushArgs};
pub use report::{ReportArgs, ReportFormat};
pub use run::{Keep, RunArgs};
pub use runs::{AddArgs, CountArgs, RunsArgs, Told};
pub use schema::SchemaArgs;
pub use setting_flags::SettingFlags;
pub use shards::ShardsArgs;
pub use status::StatusArgs;
pub use step::{coverage_step, test_step};
pub use test::{Events, TestArgs, cargo_args};
pub use verdict::VerdictArgs;
