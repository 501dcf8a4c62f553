//! The command line, as parsed: no logic.
