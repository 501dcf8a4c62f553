//! Exact shares: so many of so many, and the one comparison that every gate uses.
//!
//! Nothing here is a float. A percentage is for people, floored to two decimals, so that only what is wholly covered
//! reads `100.00`; what is judged is integers.

use std::fmt;
use std::str::FromStr;

/// Text that is no percentage: what completes "this text …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParsePercentError(&'static str);

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

    /// The same as a share.
    #[must_use]
    pub fn ratio(self) -> Ratio {
        Ratio { covered: u64::from(self.0), total: u64::from(Self::HUNDRED.0) }
    }
}

impl FromStr for Percent {
    type Err = ParsePercentError;

    /// Plain decimals: `80`, `84.5`, `0.0001`. No exponent, no sign but `+`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const PLAIN: ParsePercentError = ParsePercentError("is not a plain decimal number");
        if text.starts_with('-') {
            return Err(ParsePercentError("is below 0"));
        }
        let digits = text.strip_prefix('+').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !all_digits(whole) || !all_digits(fraction) {
            return Err(PLAIN);
        }
        if fraction.len() > 4 {
            return Err(ParsePercentError("has more than four decimals"));
        }
        const ABOVE: ParsePercentError = ParsePercentError("is above 100");
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

/// Two numbers that are no share: what completes "covered of total …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RatioError {
    /// More are covered than there are.
    #[error("{covered} of {total} are covered, which is more than there are")]
    MoreThanAll {
        /// How many are said to be covered.
        covered: u64,
        /// Of how many.
        total: u64,
    },
    /// No code base has so many; they could not be compared exactly.
    #[error("{total} are more than any workspace has")]
    TooMany {
        /// How many.
        total: u64,
    },
}

/// So many of so many. Of nothing nothing is covered: `0/0` reads as 0 %, and [`Ratio::is_empty`] tells it apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Ratio {
    covered: u64,
    total: u64,
}

impl Ratio {
    /// Nothing of nothing.
    pub const EMPTY: Self = Self { covered: 0, total: 0 };

    /// The most that can be counted. Products of two such totals and a [`Percent`] fit into 127 bits; it is also the
    /// largest integer that JSON carries everywhere.
    pub const MOST: u64 = 1 << 53;

    /// So many of so many.
    ///
    /// # Errors
    ///
    /// More covered than there are, or more than [`Ratio::MOST`].
    pub const fn new(covered: u64, total: u64) -> Result<Self, RatioError> {
        if total > Self::MOST {
            return Err(RatioError::TooMany { total });
        }
        if covered > total {
            return Err(RatioError::MoreThanAll { covered, total });
        }
        Ok(Self { covered, total })
    }

    /// How many are covered.
    #[must_use]
    pub const fn covered(self) -> u64 {
        self.covered
    }

    /// Of how many.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.total
    }

    /// How many are not covered.
    #[must_use]
    pub const fn uncovered(self) -> u64 {
        self.total - self.covered
    }

    /// Is there nothing to cover?
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.total == 0
    }

    /// Both together.
    ///
    /// # Errors
    ///
    /// More than [`Ratio::MOST`].
    pub const fn plus(self, other: Self) -> Result<Self, RatioError> {
        // Two totals of at most 2^53 do not overflow.
        Self::new(self.covered + other.covered, self.total + other.total)
    }

    /// **The comparison**: is this at least `wanted − epsilon`?
    #[must_use]
    pub fn reaches(self, wanted: Self, epsilon: Percent) -> bool {
        // covered/total ≥ wanted.covered/wanted.total − epsilon, multiplied out.
        let have = self.comparable_covered() * wanted.comparable_total() * HUNDRED;
        have >= wanted.least(self.comparable_total(), epsilon)
    }

    /// How many more of this total would have to be covered to reach `wanted − epsilon`; 0 if it is reached.
    #[must_use]
    pub fn lacks(self, wanted: Self, epsilon: Percent) -> u64 {
        let least = wanted.least(self.comparable_total(), epsilon).div_ceil(wanted.comparable_total() * HUNDRED);
        u64::try_from(least.saturating_sub(self.comparable_covered())).unwrap_or(u64::MAX)
    }

    /// `(this − epsilon) · total`, with this total's and the percentage's denominators multiplied out.
    fn least(self, total: u128, epsilon: Percent) -> u128 {
        let wanted = self.comparable_covered() * HUNDRED;
        let pardoned = u128::from(epsilon.0) * self.comparable_total();
        wanted.saturating_sub(pardoned) * total
    }

    fn comparable_covered(self) -> u128 {
        u128::from(self.covered)
    }

    /// Of nothing nothing is covered: 0 of 1.
    fn comparable_total(self) -> u128 {
        u128::from(self.total.max(1))
    }

    /// The difference to another share.
    #[must_use]
    pub fn minus(self, other: Self) -> Points {
        let (ours, theirs) = (self.comparable_total(), other.comparable_total());
        let gain = signed(self.comparable_covered() * theirs) - signed(other.comparable_covered() * ours);
        // At most 100.00 either way.
        let hundredths = (gain * HUNDREDTHS).div_euclid(signed(ours * theirs));
        Points(i32::try_from(hundredths).unwrap_or_default())
    }

    /// The percentage as people read it: floored to two decimals.
    #[must_use]
    pub fn floored(self) -> Percent {
        let hundredths = self.comparable_covered() * HUNDREDTHS.unsigned_abs() / self.comparable_total();
        Percent(u32::try_from(hundredths).unwrap_or_default() * 100)
    }
}

/// [`Percent::HUNDRED`] as a factor.
const HUNDRED: u128 = Percent::HUNDRED.0 as u128;

/// 100 % in hundredths of a point.
const HUNDREDTHS: i128 = 10_000;

/// Products of two totals are below 2^106.
fn signed(product: u128) -> i128 {
    i128::try_from(product).unwrap_or(i128::MAX)
}

impl fmt::Display for Ratio {
    /// The percentage, floored, always with two decimals: `83.33`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&two_decimals(self.floored()))
    }
}

fn two_decimals(percent: Percent) -> String {
    let hundredths = percent.0 / 100;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// A difference between two shares as people read it: signed hundredths of a percentage point, floored, so that no
/// fall reads as nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Points(i32);

impl Points {
    /// No difference.
    pub const ZERO: Self = Self(0);

    /// How many hundredths of a point it is.
    #[must_use]
    pub const fn hundredths(self) -> i32 {
        self.0
    }
}

impl fmt::Display for Points {
    /// `+5.00`, `-0.01`, `0.00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.0 {
            0 => "",
            1.. => "+",
            _ => "-",
        };
        let size = self.0.unsigned_abs();
        f.pad(&format!("{sign}{}.{:02}", size / 100, size % 100))
    }
}

impl FromStr for Points {
    type Err = ParsePercentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (sign, size) = text.strip_prefix('-').map_or((1, text), |size| (-1, size));
        let percent: Percent = size.parse()?;
        // It fits: at most 10,000.
        i32::try_from(percent.0 / 100)
            .map(|hundredths| Self(sign * hundredths))
            .map_err(|_| ParsePercentError("is above 100"))
    }
}

/// A share as somebody handed it over: counted, or as a bare percentage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// So many of so many.
    Counted(Ratio),
    /// A percentage whose counts nobody knows.
    Percent(Percent),
}

impl Share {
    /// What is compared.
    #[must_use]
    pub fn ratio(self) -> Ratio {
        match self {
            Self::Counted(ratio) => ratio,
            Self::Percent(percent) => percent.ratio(),
        }
    }

    /// The counts, where they are known.
    #[must_use]
    pub const fn counted(self) -> Option<Ratio> {
        match self {
            Self::Counted(ratio) => Some(ratio),
            Self::Percent(_) => None,
        }
    }
}

/// Text that is no share: what completes "this text …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseShareError {
    /// No percentage.
    #[error(transparent)]
    Percent(#[from] ParsePercentError),
    /// A side of the stroke is no number.
    #[error("has no whole number on either side of the stroke")]
    NoNumbers,
    /// Two numbers that are no share.
    #[error("says that {0}")]
    Ratio(#[from] RatioError),
    /// Nothing of nothing.
    #[error("says nothing: of 0 nothing is covered")]
    Empty,
}

impl FromStr for Share {
    type Err = ParseShareError;

    /// `77.5`, `77.5%`, `850/1000`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((covered, total)) = text.split_once('/') else {
            return Ok(Self::Percent(text.strip_suffix('%').unwrap_or(text).trim_end().parse()?));
        };
        let number = |text: &str| text.trim().parse().map_err(|_| ParseShareError::NoNumbers);
        let ratio = Ratio::new(number(covered)?, number(total)?)?;
        if ratio.is_empty() { Err(ParseShareError::Empty) } else { Ok(Self::Counted(ratio)) }
    }
}

impl fmt::Display for Share {
    /// The percentage with two decimals; a bare one with all that it was given with.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Counted(ratio) => ratio.fmt(f),
            Self::Percent(percent) if percent.0.is_multiple_of(100) => f.pad(&two_decimals(*percent)),
            Self::Percent(percent) => percent.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn percent(text: &str) -> Percent {
        text.parse().unwrap()
    }

    fn of(covered: u64, total: u64) -> Ratio {
        Ratio::new(covered, total).unwrap()
    }

    #[test]
    fn percentages_are_exact() {
        for (text, count) in
            [("0", 0), ("80", 800_000), ("+84.5", 845_000), ("0.0001", 1), ("100.0000", 1_000_000), ("007.10", 71_000)]
        {
            assert_eq!(percent(text).ten_thousandths(), count, "{text}");
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
    fn the_edges_are_exact() {
        for (covered, total, wanted, epsilon, reaches) in [
            (80, 100, "80", "0", true),
            (79, 100, "80", "0", false),
            (2, 3, "66.6666", "0", true),
            (2, 3, "66.6667", "0", false),
            (9_999_999, 10_000_000, "100", "0", false),
            (9_999_999, 10_000_000, "100", "0.0001", true),
            (0, 10, "0.5", "0.5", true),
            (0, 10, "0.5", "7", true),
            (0, 0, "0", "0", true),
            (0, 0, "0.0001", "0", false),
            (Ratio::MOST, Ratio::MOST, "100", "0", true),
            (Ratio::MOST - 1, Ratio::MOST, "100", "0", false),
        ] {
            assert_eq!(
                of(covered, total).reaches(percent(wanted).ratio(), percent(epsilon)),
                reaches,
                "{covered}/{total} against {wanted} - {epsilon}"
            );
        }
        let (less, more) = (of(Ratio::MOST - 2, Ratio::MOST - 1), of(Ratio::MOST - 1, Ratio::MOST));
        assert!(more.reaches(less, Percent::ZERO) && !less.reaches(more, Percent::ZERO));
    }

    #[test]
    fn nonsense_is_no_share() {
        assert_eq!(Ratio::new(2, 1).unwrap_err().to_string(), "2 of 1 are covered, which is more than there are");
        assert!(Ratio::new(0, Ratio::MOST + 1).is_err() && Ratio::new(u64::MAX, u64::MAX).is_err());
        assert!(of(1, Ratio::MOST).plus(of(0, 1)).is_err());
        assert_eq!(of(1, 2).plus(of(2, 3)), Ok(of(3, 5)));
    }

    #[test]
    fn people_read_two_decimals_and_never_more_than_is_true() {
        for (ratio, shown) in [
            (of(1, 3), "33.33"),
            (of(2, 3), "66.66"),
            (of(1, 1), "100.00"),
            (of(99_999, 100_000), "99.99"),
            (of(Ratio::MOST - 1, Ratio::MOST), "99.99"),
            (of(1, 100_000), "0.00"),
            (Ratio::EMPTY, "0.00"),
        ] {
            assert_eq!(ratio.to_string(), shown);
        }
        assert_eq!(Share::Percent(percent("77.5")).to_string(), "77.50");
        assert_eq!(Share::Percent(percent("77.1234")).to_string(), "77.1234");
        assert_eq!(Share::Counted(of(2, 3)).to_string(), "66.66");
    }

    #[test]
    fn differences_are_signed_and_no_fall_reads_as_nothing() {
        for (ours, theirs, shown) in [
            (of(85, 100), of(80, 100), "+5.00"),
            (of(75, 100), of(80, 100), "-5.00"),
            (of(1, 3), of(2, 6), "0.00"),
            (of(99_999, 100_000), of(1, 1), "-0.01"),
            (of(1, 100_000), of(0, 1), "0.00"),
            (of(0, 1), of(1, 1), "-100.00"),
            (of(Ratio::MOST, Ratio::MOST), of(0, Ratio::MOST), "+100.00"),
        ] {
            let points = ours.minus(theirs);
            assert_eq!(points.to_string(), shown);
            assert_eq!(shown.parse(), Ok(points));
        }
        assert!(
            "x".parse::<Points>().is_err() && "--1".parse::<Points>().is_err() && "-101".parse::<Points>().is_err()
        );
    }

    #[test]
    fn what_is_lacking_is_a_number_of_lines() {
        for (covered, total, wanted, epsilon, lacks) in
            [(78, 100, "80", "0.5", 2), (78, 100, "80", "2", 0), (0, 3, "50", "0", 2), (0, 0, "80", "0", 1)]
        {
            assert_eq!(of(covered, total).lacks(percent(wanted).ratio(), percent(epsilon)), lacks);
        }
    }

    fn ratios() -> impl Strategy<Value = Ratio> {
        let totals = prop_oneof![0_u64..200, 0..=Ratio::MOST];
        (totals, any::<u64>())
            .prop_map(|(total, covered)| of(if total == 0 { 0 } else { covered % (total + 1) }, total))
    }

    proptest! {
        #[test]
        fn every_percentage_survives_being_written(count in 0_u32..=1_000_000) {
            let percent = Percent::from_ten_thousandths(count).unwrap();
            prop_assert_eq!(percent.to_string().parse(), Ok(percent));
        }

        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = (text.parse::<Percent>(), text.parse::<Points>());
        }

        #[test]
        fn one_of_two_reaches_the_other_and_tolerance_only_helps(a in ratios(), b in ratios(), epsilon in 0_u32..=1_000_000) {
            let epsilon = Percent(epsilon);
            prop_assert!(a.reaches(b, Percent::ZERO) || b.reaches(a, Percent::ZERO));
            prop_assert!(a.reaches(a, Percent::ZERO));
            prop_assert!(!a.reaches(b, Percent::ZERO) || a.reaches(b, epsilon));
        }

        #[test]
        fn the_comparison_and_what_is_lacking_agree(a in ratios(), b in ratios(), epsilon in 0_u32..=1_000_000) {
            let epsilon = Percent(epsilon);
            let lacks = a.lacks(b, epsilon);
            prop_assert_eq!(a.reaches(b, epsilon), lacks == 0);
            // So many more are enough, and one less is not.
            if lacks > 0 && a.total() > 0 {
                prop_assert!(of(a.covered() + lacks, a.total()).reaches(b, epsilon));
                prop_assert!(!of(a.covered() + lacks - 1, a.total()).reaches(b, epsilon));
            }
        }

        #[test]
        fn a_difference_has_the_sign_of_the_comparison(a in ratios(), b in ratios()) {
            prop_assert_eq!(a.minus(b) >= Points::ZERO, a.reaches(b, Percent::ZERO));
            prop_assert!(a.reaches(a.floored().ratio(), Percent::ZERO));
        }
    }
}
