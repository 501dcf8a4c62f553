//! Durations and sizes as they are written: read exactly, written back the same.

use std::time::Duration;

use jiff::fmt::friendly::{Designator, Spacing, SpanPrinter};
use jiff::{Span, SpanRelativeTo};

/// Text that is no such quantity: what completes "this text …".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseQuantityError(&'static str);

/// Reads a positive duration: `60s`, `10m`, `1h30m`, `500ms`, `2d` (a day has 24 hours).
pub fn parse_duration(text: &str) -> Result<Duration, ParseQuantityError> {
    const FORM: ParseQuantityError = ParseQuantityError("is not a duration");
    let span: Span = text.parse().map_err(|_| FORM)?;
    let signed = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| FORM)?;
    match Duration::try_from(signed) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        Ok(_) | Err(_) => Err(ParseQuantityError("is not above zero")),
    }
}

/// Writes a duration in the form that [`parse_duration`] reads: `1h30m`.
#[must_use]
pub fn write_duration(duration: Duration) -> String {
    const PRINTER: SpanPrinter = SpanPrinter::new().spacing(Spacing::None).designator(Designator::Compact);
    // Hours without end would overflow the reader's calendar long before the printer's; days say the same, shorter.
    let days = duration.as_secs() / 86_400;
    let below_a_day = duration - Duration::from_secs(days * 86_400);
    match (days, below_a_day.is_zero()) {
        (0, _) => PRINTER.unsigned_duration_to_string(&duration),
        (_, true) => format!("{days}d"),
        (_, false) => format!("{days}d{}", PRINTER.unsigned_duration_to_string(&below_a_day)),
    }
}

/// Whole milliseconds.
#[must_use]
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

const UNITS: [(&str, u64); 7] = [
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// Reads a positive number of bytes: `500MB`, `1GiB`.
pub fn parse_size(text: &str) -> Result<u64, ParseQuantityError> {
    const FORM: ParseQuantityError = ParseQuantityError("is not a size");
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or(FORM)?;
    let (digits, unit) = text.split_at(unit_at);
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(FORM)?;
    let count: u64 = digits.parse().map_err(|_| FORM)?;
    match count.checked_mul(*factor) {
        Some(0) => Err(ParseQuantityError("is not above zero")),
        Some(bytes) => Ok(bytes),
        None => Err(FORM),
    }
}

/// Writes a number of bytes in the form that [`parse_size`] reads, in the largest unit without a remainder.
#[must_use]
pub fn write_size(bytes: u64) -> String {
    let fitting = UNITS.iter().filter(|(_, factor)| bytes.is_multiple_of(*factor)).max_by_key(|(_, factor)| *factor);
    let (unit, factor) = fitting.unwrap_or(&UNITS[0]);
    format!("{}{unit}", bytes / factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written() {
        for (text, millis, written) in [
            ("60s", 60_000, "1m"),
            ("10m", 600_000, "10m"),
            ("1h30m", 5_400_000, "1h30m"),
            ("1h 30m", 5_400_000, "1h30m"),
            ("500ms", 500, "500ms"),
            ("1.5s", 1_500, "1s500ms"),
            ("365d", 31_536_000_000, "365d"),
        ] {
            let duration = parse_duration(text).unwrap();
            assert_eq!((duration.as_millis(), write_duration(duration).as_str()), (millis, written), "{text}");
        }
    }

    #[test]
    fn sizes_are_read_and_written() {
        for (text, bytes) in [("1B", 1), ("500MB", 500_000_000), ("1GiB", 1 << 30), ("3KiB", 3072)] {
            assert_eq!((parse_size(text).unwrap(), write_size(bytes).as_str()), (bytes, text));
        }
        for text in ["", "1", "GB", "0MB", "1 GB", "-1GB", "99999999999999999999GB", "18446744073709551615GB", "1mb"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "0", "0s", "-5s", "5s ago", "60", "ten", "1 month", "5x", "none", "99999999999999999h"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_duration_survives_being_written(nanos in 1_u64..) {
            let duration = Duration::from_nanos(nanos);
            proptest::prop_assert_eq!(parse_duration(&write_duration(duration)), Ok(duration));
        }

        #[test]
        fn every_size_survives_being_written(bytes in 1_u64..) {
            proptest::prop_assert_eq!(parse_size(&write_size(bytes)), Ok(bytes));
        }

        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = parse_size(&text);
            let _ = parse_duration(&text);
        }
    }
}
