//! Nothing to see here.
