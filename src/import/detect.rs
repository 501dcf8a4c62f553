//! Which format some bytes are in, by their beginning or by the first line that only one format has.

use super::results::Format;
use super::{csv_results, libtest_json, simple, tap, text};

/// Looked at for a format.
const LOOKED_AT: usize = 256 << 10;

/// The format of some bytes; `None` where nothing in them tells.
#[must_use]
pub fn detect(bytes: &[u8]) -> Option<Format> {
    let text = text::lossy(bytes.get(..LOOKED_AT).unwrap_or(bytes));
    if text.trim_start().starts_with('<') {
        return Some(Format::Junit);
    }
    let first = text::lines(&text).find(|line| !line.trim().is_empty());
    if first.is_some_and(csv_results::is_header) {
        return Some(Format::Csv);
    }
    text::lines(&text).find_map(|line| {
        if libtest_json::is_event(line) {
            Some(Format::LibtestJson)
        } else if tap::is_tap(line) {
            Some(Format::Tap)
        } else if simple::is_total(line) {
            Some(Format::Simple)
        } else {
            None
        }
    })
}
