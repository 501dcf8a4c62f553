//! The engine: executes a plan and emits what happened.
//!
//! [`libtest`] reads what harnesses print, [`replay`] finds out when each test started, [`reconcile`] believes only
//! what adds up, [`attempts`] decides what is tried again, [`schedule`] fills the slots, and [`engine`] is the loop
//! that joins them with real processes.

mod aftermath;
pub mod attempts;
pub mod capped;
pub mod doctest;
pub mod engine;
pub mod job;
pub mod ledger;
pub mod libtest;
mod limits;
pub mod live;
pub mod names;
pub mod phrases;
pub mod reconcile;
pub mod replay;
pub mod schedule;
mod units;
