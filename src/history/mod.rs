//! The memory: every run and outcome, kept.
