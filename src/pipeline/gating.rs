//! Which changes concern a pipeline and its steps, pattern by pattern.
