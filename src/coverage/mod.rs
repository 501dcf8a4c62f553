//! Coverage.

pub mod measure;
