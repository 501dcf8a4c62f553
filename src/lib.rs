//! `cargo gate` decides whether a Rust workspace may go on: it runs the tests, remembers every outcome, and says in
//! one sentence why the gate is red.
//!
//! The house has floors, and a lower floor never imports a higher one (a test reads the `use crate::` lines):
//!
//! | floor | modules |
//! |---|---|
//! | 0 vocabulary, no I/O | [`exit_code`], [`model`], [`event`], [`ratio`] |
//! | 1 rim: the operating system | [`sys`] |
//! | 2 inputs | [`cli`], [`config`], [`cargo`], [`plan`] |
//! | 3 engine | [`runner`] |
//! | 4 memory and judgement | [`history`], [`analytics`], [`coverage`], [`pipeline`], [`import`], [`report`] |
//! | 5 wiring | [`commands`] |

pub mod analytics;
pub mod cargo;
pub mod cli;
pub mod commands;
pub mod config;
pub mod coverage;
pub mod event;
pub mod exit_code;
pub mod history;
pub mod import;
pub mod model;
pub mod pipeline;
pub mod plan;
pub mod ratio;
pub mod report;
pub mod runner;
pub mod sys;
