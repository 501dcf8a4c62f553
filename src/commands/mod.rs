//! The wiring: the only place that joins rim, engine and judgement.

pub mod history;
