//! Which steps may start: a state machine without clock or process.
