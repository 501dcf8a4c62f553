//! The embedded store of one machine.
