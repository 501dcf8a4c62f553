//! The command line, as parsed: no logic.

mod cargo_flags;
mod command;
mod history;
mod libtest;
mod order;
mod parsers;
mod setting_flags;
mod test;

pub use cargo_flags::{BuildArgs, CargoFlags};
pub use command::{
    Cli, Command, CommonArgs, ConfigAction, ConfigArgs, ContextArgs, FlagHelp, Format, PlaceArgs, command, parse,
};
pub use history::{HistoryAction, HistoryArgs, ListArgs, PruneArgs, PruneFlags, ShowArgs, StatsArgs, UndoArgs};
pub use libtest::LibtestArgs;
pub use order::OrderArgs;
pub use setting_flags::SettingFlags;
pub use test::{Events, TestArgs, cargo_args};
