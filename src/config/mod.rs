//! The configuration: as written, then resolved with the source of each value.
