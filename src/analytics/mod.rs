//! What the history says: pure functions of outcomes, values in, values out.
//!
//! - [`summary`]: what is remembered of one test, a pure function of its runs in order of (start, run id);
//! - [`thresholds`]: by what it is judged;
//! - [`flaky`]: the state of a test, judged from its summary;
//! - [`groups`]: tests that flake together;
//! - [`trend`]: tests that became slower;
//! - [`presence`]: whether a test is still there;
//! - [`priority`]: the order of the next run;
//! - [`backtest`]: how good that order would have been, compared with each [`strategy`].

pub mod backtest;
pub mod flaky;
pub mod groups;
pub mod presence;
pub mod priority;
pub mod strategy;
pub mod summary;
pub mod thresholds;
pub mod trend;
