//! `cargo gate schema`: the shapes of the JSON documents.

use std::io::{self, Write};

use super::{complain, written};
use crate::cli::SchemaArgs;
use crate::exit_code::ExitCode;
use crate::report::schema::{self, DOCUMENTS};

/// Lists the documents, or prints the schema of one.
pub(super) fn run(args: &SchemaArgs) -> ExitCode {
    let mut out = io::stdout().lock();
    let Some(name) = &args.name else {
        let lines = DOCUMENTS.iter().try_for_each(|document| writeln!(out, "{:<20} {}", document.name, document.from));
        return written(lines, ExitCode::Pass);
    };
    match schema::of(name) {
        Some(schema) => written(writeln!(out, "{schema:#}"), ExitCode::Pass),
        None => {
            let names: Vec<&str> = DOCUMENTS.iter().map(|document| document.name).collect();
            complain("error", &format!("no document is called `{name}`; there are {}", names.join(", ")));
            ExitCode::Usage
        }
    }
}
