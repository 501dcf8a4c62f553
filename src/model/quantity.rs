//! Percentages, durations and sizes as they are written: read exactly, written back the same.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::fmt::friendly::{Designator, Spacing, SpanPrinter};
use jiff::{Span, SpanRelativeTo};

/// Text that is no such quantity: what completes "this text …".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseQuantityError(&'static str);

/// A percentage from 0 to 100, as an integer of 1/10000 %: what is compared is never a rounded float.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(u32);

impl Percent {
    const PER_POINT: u32 = 10_000;

    /// 0 %.
    pub const ZERO: Self = Self(0);
    /// 100 %.
    pub const HUNDRED: Self = Self(100 * Self::PER_POINT);

    /// So many 1/10000 %; `None` above 100 %.
    #[must_use]
    pub const fn from_ten_thousandths(count: u32) -> Option<Self> {
        if count <= Self::HUNDRED.0 { Some(Self(count)) } else { None }
    }

    /// How many 1/10000 % it is: 80 % are 800,000.
    #[must_use]
    pub const fn ten_thousandths(self) -> u32 {
        self.0
    }
}

impl FromStr for Percent {
    type Err = ParseQuantityError;

    /// Plain decimals: `80`, `84.5`, `0.0001`. No exponent, no sign but `+`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const PLAIN: ParseQuantityError = ParseQuantityError("is not a plain decimal number");
        if text.starts_with('-') {
            return Err(ParseQuantityError("is below 0"));
        }
        let digits = text.strip_prefix('+').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !all_digits(whole) || !all_digits(fraction) {
            return Err(PLAIN);
        }
        if fraction.len() > 4 {
            return Err(ParseQuantityError("has more than four decimals"));
        }
        const ABOVE: ParseQuantityError = ParseQuantityError("is above 100");
        // Digits alone fail to parse only where there are too many of them.
        let whole: u32 = whole.parse().map_err(|_| ABOVE)?;
        let fraction: u32 = format!("{fraction:0<4}").parse().map_err(|_| PLAIN)?;
        whole
            .checked_mul(Self::PER_POINT)
            .and_then(|points| points.checked_add(fraction))
            .and_then(Self::from_ten_thousandths)
            .ok_or(ABOVE)
    }
}

impl fmt::Display for Percent {
    /// Without a sign and without superfluous zeros: `80`, `84.5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / Self::PER_POINT, self.0 % Self::PER_POINT);
        match fraction {
            0 => f.pad(&whole.to_string()),
            _ => f.pad(format!("{whole}.{fraction:04}").trim_end_matches('0')),
        }
    }
}

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
    fn percentages_are_exact() {
        for (text, count) in
            [("0", 0), ("80", 800_000), ("+84.5", 845_000), ("0.0001", 1), ("100.0000", 1_000_000), ("007.10", 71_000)]
        {
            assert_eq!(text.parse::<Percent>().unwrap().ten_thousandths(), count, "{text}");
        }
    }

    #[test]
    fn what_is_no_percentage_is_refused_with_the_reason() {
        for (text, why) in [
            ("nan", "is not a plain decimal number"),
            ("inf", "is not a plain decimal number"),
            ("8e1", "is not a plain decimal number"),
            ("", "is not a plain decimal number"),
            (".5", "is not a plain decimal number"),
            ("5.", "is not a plain decimal number"),
            ("80%", "is not a plain decimal number"),
            ("-0.5", "is below 0"),
            ("100.0001", "is above 100"),
            ("99999999999999999999", "is above 100"),
            ("80.00000", "has more than four decimals"),
        ] {
            assert_eq!(text.parse::<Percent>().unwrap_err().to_string(), why, "{text}");
        }
    }

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
        fn every_percentage_survives_being_written(count in 0_u32..=1_000_000) {
            let percent = Percent::from_ten_thousandths(count).unwrap();
            proptest::prop_assert_eq!(percent.to_string().parse(), Ok(percent));
        }

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
            let _ = text.parse::<Percent>();
            let _ = parse_duration(&text);
        }
    }
}
