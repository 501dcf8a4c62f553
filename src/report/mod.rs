//! What people and machines read. Values in, text out, through handed-in writers; nothing here knows the engine.
//!
//! [`terminal`] and [`events`] observe a run as it goes; [`json`], [`junit`] and [`markdown`] are written at its end,
//! from the run's record and its cases; [`pipeline`] is all of that for a whole gate; [`mod@html`] is of what the history
//! says, which is a [`Retrospect`]. [`schema`] says what the JSON looks like. [`view`] holds what several of them show; [`inert`] and [`markup`] are what every
//! foreign text passes on its way out.

pub mod coverage;
pub mod coverage_head;
pub mod events;
pub mod explanation;
pub mod frontmatter;
pub mod github;
pub mod html;
pub mod inert;
pub mod json;
pub mod judgements;
pub mod junit;
pub mod markdown;
pub mod markup;
pub mod pipeline;
pub mod retrospect;
pub mod schema;
pub mod terminal;
mod timeline;
pub mod view;
pub mod words;

pub use coverage::CoverageReport;
pub use coverage_head::CoverageHead;
pub use events::EventStream;
pub use explanation::Explanation;
pub use json::TestDocument;
pub use pipeline::{PipelineReport, PipelineTerminal};
pub use retrospect::Retrospect;
pub use terminal::{Look, Terminal, Verbosity};
pub use view::{FlakyLine, Insights, NextLine, QuarantineLine, StreakLine};
