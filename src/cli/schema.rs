//! The command line of `cargo gate schema`.

use clap::Args;

/// List the JSON documents, or print the JSON Schema of one
#[derive(Clone, Debug, Args)]
pub struct SchemaArgs {
    /// The document, such as `test` or `history-list`; without it all are listed
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
}
