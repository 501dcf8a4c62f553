//! The steps in their order, and which of them run at all: a pure function of configuration, flags and changes.
