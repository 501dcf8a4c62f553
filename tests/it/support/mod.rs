//! The ground the end-to-end tests stand on: fixtures copied to a place of their own, and processes run in
//! surroundings that are named rather than inherited.
//!
//! ```ignore
//! let harness = Fixture::shared("harness");
//! let ended = harness.gate(["test", "--test", "aborts", "--format", "json"]).run();
//! ended.assert_code(100);
//! assert_eq!(ended.outcomes(), fixture_model::expected("harness", "aborts"));
//! ```

pub(crate) mod commands;
pub(crate) mod coverage_tools;
pub(crate) mod ended;
pub(crate) mod fixture;
pub(crate) mod fixture_model;
pub(crate) mod generate;
pub(crate) mod inert;
pub(crate) mod invocation;
#[cfg(all(unix, feature = "postgres"))]
pub(crate) mod postgres;
#[cfg(all(unix, feature = "postgres"))]
pub(crate) mod proxy;
pub(crate) mod retrospects;
pub(crate) mod running;
pub(crate) mod shapes;

pub(crate) use ended::Ended;
pub(crate) use fixture::Fixture;
pub(crate) use invocation::Invocation;
#[cfg(unix)]
pub(crate) use running::is_gone;
pub(crate) use running::{Running, wait_until};
