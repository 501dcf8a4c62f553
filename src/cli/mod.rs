//! The command line, as parsed: no logic.

mod cargo_flags;
mod command;
mod libtest;
mod parsers;
mod setting_flags;
mod test;

pub use cargo_flags::{BuildArgs, CargoFlags};
pub use command::{
    Cli, Command, CommonArgs, ConfigAction, ConfigArgs, FlagHelp, Format, HistoryAction, HistoryArgs, PruneFlags,
    command, parse,
};
pub use libtest::LibtestArgs;
pub use setting_flags::SettingFlags;
pub use test::{Events, TestArgs, cargo_args};
