//! A step's process: started, listened to, logged, ended in time.
//!
//! [`command_line`] says how a step is started; [`run`] starts it, keeps what it prints within bounds, and sees to its
//! limits; [`classify`] tells whether what failed is worth another try.

mod command;
mod failure;
mod run;
mod transcript;

pub use command::{Told, command_line, shown};
pub use failure::{ExecError, SetupFailure, classify};
pub use run::{Executed, Order, Turn, run, take_turn};
