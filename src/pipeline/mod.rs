//! The gate as a pipeline of steps: what runs and why, in which order, with what came of it.
//!
//! Flags and configuration → [`plan`] → [`gating`] and [`cache`] say what need not run → [`schedule`] says what may
//! start → [`exec`], [`suite`] and [`smoke`] run it → [`manifest`] keeps what was meant and what was done →
//! [`notify`] tells who wants to know. What runs tests or measures coverage is the engine itself: the commands join it
//! in.

pub mod cache;
pub mod exec;
pub mod gating;
pub mod manifest;
pub mod notify;
pub mod plan;
pub mod schedule;
pub mod smoke;
pub mod suite;
