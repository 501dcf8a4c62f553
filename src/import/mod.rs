//! Results that other tools wrote, read strictly: what cannot be understood is refused with its place in the file.
//!
//! - [`csv`]: a history of runs, `run,test,duration,failed`.

pub mod csv;
