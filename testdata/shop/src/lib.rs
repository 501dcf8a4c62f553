//! What is open when.

/// When it opens.
pub fn opens(day: u32) -> Option<u32> {
    if day == 7 {
        return None;
    }
    Some(stock::dozen() - 4)
}

/// When it closes.
pub fn closes(day: u32) -> u32 {
    match day {
        6 => 14,
        _ => 18,
    }
}

/// Why it is closed.
pub fn excuse() -> &'static str {
    "stocktaking"
}
