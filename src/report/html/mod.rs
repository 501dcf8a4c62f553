//! The report as one HTML page: a file that needs no network, no server and no other file.
//!
//! Everything that helps to decide is written out here as tables, sentences and SVG, and reads without JavaScript; the
//! script adds filters, sorting, a pointer into the charts, and the table of all tests. Escaping is by construction:
//! [maud] escapes what is shown, `embedded` what the script reads, and the script makes text nodes only. Should
//! something slip through all the same, the page's own policy lets no other script run and nothing be fetched.
//!
//! `chart` draws in a few inks, to which the style sheet gives the colours of the theme.

mod all;
mod chart;
mod concerns;
mod embedded;
mod files;
mod latest;
mod map;
mod page;
mod shown;
mod slow;
mod table;
mod trend;

pub use page::write;
