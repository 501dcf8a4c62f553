//! What all of our JSON documents have in common.

use serde::Deserialize;

#[derive(Deserialize)]
struct Versioned {
    schema_version: u32,
}

/// The version of a document, which a reader looks at before all else: of a later one it knows neither fields nor shape.
///
/// # Errors
///
/// It is no JSON document, or has no version.
pub fn schema_version(document: &[u8]) -> serde_json::Result<u32> {
    serde_json::from_slice(document).map(|Versioned { schema_version }| schema_version)
}
