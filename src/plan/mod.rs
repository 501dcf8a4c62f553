//! The plan: which tests run, in which order, under which limits.
