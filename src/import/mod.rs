//! What others say of their tests: JUnit XML, TAP, libtest's JSON, plain totals and histories as CSV become values of
//! one shape, and those become runs for the history.
//!
//! Nothing here opens a file or asks the clock: bytes come in, values go out. Parsers are lenient in what they know
//! and strict in what they believe. What does not add up is an error in the results; what cannot be read as the format
//! at all is [`Unreadable`], with its place.

mod case;
pub mod csv;
mod csv_results;
mod detect;
mod junit;
mod junit_case;
mod libtest_json;
mod record;
mod results;
mod simple;
mod tap;
mod tap_level;
mod tap_line;
mod text;
mod unittest;
mod unittest_line;

pub use detect::detect;
pub use record::{Imported, Origin, RustBinaries, imported, suite_binary};
pub use results::{Case, Format, MOST_BYTES, Results, Suite, Unreadable, parse};
pub use unittest::parse_unittest;
