//! Suites that are not Rust: found, run, and judged by what they write.
