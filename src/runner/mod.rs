//! The engine: executes a plan and emits what happened.
