//! The behaviour of the tool from outside, one module a subject.
#![cfg(test)]

mod architecture;
#[cfg(unix)]
mod archive;
mod baseline;
#[cfg(unix)]
mod browser;
mod cli;
mod compat;
#[cfg(unix)]
mod completions;
mod config;
#[cfg(unix)]
mod coverage;
mod coverage_report;
mod demo;
mod dependencies;
mod docs;
#[cfg(unix)]
mod doctor;
#[cfg(unix)]
mod engine;
mod executions;
#[cfg(unix)]
mod fixtures;
#[cfg(unix)]
mod flaky;
mod formats;
mod github;
mod help;
mod html;
mod import;
mod init;
#[cfg(unix)]
mod join;
#[cfg(unix)]
mod matrix;
#[cfg(unix)]
mod merge_base_coverage;
#[cfg(unix)]
mod order;
#[cfg(unix)]
mod pipeline_history;
mod pipeline_report;
mod portable;
mod report;
mod reports;
#[cfg(unix)]
mod run;
#[cfg(unix)]
mod schemas;
mod shards;
mod shared;
mod status;
#[cfg(unix)]
mod suites;
#[allow(dead_code, reason = "a toolbox: each test takes what it needs")]
mod support;
mod verdict;

mod store;
