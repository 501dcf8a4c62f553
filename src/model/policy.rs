//! What softens or bounds the judgement of a test: how often it may be tried, in what company it runs, how much a
//! failure weighs.
//!
//! Two small mechanisms serve every softener: an attempt policy ([`RetryPolicy`]: how often, with what delay) and a
//! [`Severity`].

use std::fmt;
use std::time::Duration;

/// A closed set of words, as they are written in the configuration, on the command line and in formats.
pub trait Word: Copy + PartialEq + 'static {
    /// Every word, in the order in which they are named to people.
    const ALL: &'static [Self];

    /// The word as it is written.
    fn word(self) -> &'static str;

    /// Reads the word back.
    #[must_use]
    fn from_word(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|word| word.word() == text)
    }
}

/// Declares an enum together with its words.
macro_rules! words {
    ($(#[$meta:meta])* $visibility:vis enum $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
        )]
        $visibility enum $name {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $crate::model::Word for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad($crate::model::Word::word(*self))
            }
        }
    };
}
pub(crate) use words;

words! {
    /// In what company a test runs.
    pub enum Isolation {
        /// In one live process per binary, beside its siblings.
        #[default]
        Shared = "shared",
        /// In a process of its own.
        Process = "process",
    }
}

words! {
    /// How much a failure weighs.
    pub enum Severity {
        /// It shuts the gate.
        #[default]
        Block = "block",
        /// It is shown, and the gate stays open.
        Warn = "warn",
        /// It is recorded, nothing more.
        Ignore = "ignore",
    }
}

words! {
    /// What a test that failed and then passed counts as.
    pub enum FlakyResult {
        /// A pass.
        #[default]
        Pass = "pass",
        /// A failure.
        Fail = "fail",
    }
}

words! {
    /// What a selection that matches no test counts as.
    pub enum NoTests {
        /// An error of its own.
        #[default]
        Fail = "fail",
        /// A pass with a warning.
        Warn = "warn",
        /// A pass.
        Pass = "pass",
    }
}

words! {
    /// Whose configuration is read beside the gate's own.
    pub enum Compat {
        /// Nobody's.
        #[default]
        None = "none",
        /// nextest's.
        Nextest = "nextest",
    }
}

words! {
    /// What happens when the suite could not be executed.
    pub enum InfraMode {
        /// It is tried again at once, within the same call.
        #[default]
        Retry = "retry",
        /// The call ends; the next one tries again, and the store counts.
        Defer = "defer",
    }
}

words! {
    /// How the delay grows from one retry to the next.
    pub enum Backoff {
        /// Not at all.
        #[default]
        Fixed = "fixed",
        /// It doubles.
        Exponential = "exponential",
    }
}

/// An attempt policy: how often something may be tried again, with what delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often it may be tried again; 0: never.
    pub count: u32,
    /// How the delay grows.
    pub backoff: Backoff,
    /// How long to wait before the first retry.
    pub delay: Duration,
    /// No delay grows beyond this.
    pub max_delay: Option<Duration>,
    /// Shorten each delay at random, by up to a half, so that those who failed together do not return together.
    pub jitter: bool,
}

impl RetryPolicy {
    /// Never again.
    pub const NEVER: Self = Self::fixed(0, Duration::ZERO);

    /// So many times, always after the same delay.
    #[must_use]
    pub const fn fixed(count: u32, delay: Duration) -> Self {
        Self { count, backoff: Backoff::Fixed, delay, max_delay: None, jitter: false }
    }

    /// How long to wait before a retry, the first being 1; `None` once the retries are used up.
    ///
    /// `roll` is a random number from 0 to 1 and matters only with jitter.
    #[must_use]
    pub fn delay_before(&self, retry: u32, roll: f64) -> Option<Duration> {
        if retry == 0 || retry > self.count {
            return None;
        }
        let grown = match self.backoff {
            Backoff::Fixed => self.delay,
            Backoff::Exponential => self.delay.saturating_mul(2_u32.saturating_pow(retry - 1)),
        };
        let capped = self.max_delay.map_or(grown, |most| grown.min(most));
        if !self.jitter || !roll.is_finite() {
            return Some(capped);
        }
        let factor = 0.5 + 0.5 * roll.clamp(0.0, 1.0);
        Some(Duration::try_from_secs_f64(capped.as_secs_f64() * factor).unwrap_or(capped).min(capped))
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::NEVER
    }
}

impl fmt::Display for RetryPolicy {
    /// `2`, or `2, exponential from 1s to 10s, with jitter`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use super::write_duration as written;
        write!(f, "{}", self.count)?;
        if self.delay.is_zero() {
            return Ok(());
        }
        match self.backoff {
            Backoff::Fixed => write!(f, ", {} apart", written(self.delay))?,
            Backoff::Exponential => write!(f, ", exponential from {}", written(self.delay))?,
        }
        if let Some(most) = self.max_delay {
            write!(f, " to {}", written(most))?;
        }
        if self.jitter { f.write_str(", with jitter") } else { Ok(()) }
    }
}

/// What holds for one test, once defaults and overrides are put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestPolicy {
    /// In what company it runs.
    pub isolation: Isolation,
    /// How long it may run before it is called slow.
    pub slow: Option<Duration>,
    /// How long it may run at all.
    pub timeout: Option<Duration>,
    /// How often a failure is tried again.
    pub retries: RetryPolicy,
    /// The group whose limit of concurrent tests it shares.
    pub group: Option<String>,
    /// Its place by hand: higher runs earlier; 0 leaves it to the order.
    pub priority: i64,
}

words! {
    /// Against what coverage is judged.
    pub enum CoveragePolicy {
        /// The floor.
        Absolute = "absolute",
        /// The baseline.
        Baseline = "baseline",
        /// Both must hold.
        #[default]
        Both = "both",
    }
}

words! {
    /// What is counted.
    pub enum Metric {
        /// Lines.
        #[default]
        Lines = "lines",
        /// Regions.
        Regions = "regions",
        /// Functions.
        Functions = "functions",
        /// Branches.
        Branches = "branches",
    }
}

words! {
    /// What a measurement without result counts as.
    pub enum OnToolError {
        /// A pass with a warning.
        #[default]
        Open = "open",
        /// A failure.
        Closed = "closed",
    }
}

words! {
    /// Which figures the ratchet keeps and judges.
    pub enum RatchetScope {
        /// The workspace's.
        #[default]
        Workspace = "workspace",
        /// Each package's too.
        Package = "package",
        /// Each file's too.
        File = "file",
    }
}

words! {
    /// To which CI service a command speaks, beside people and machines.
    pub enum Annotations {
        /// To the one it runs under.
        #[default]
        Auto = "auto",
        /// To GitHub Actions.
        Github = "github",
        /// To none.
        None = "none",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_written_and_read_back() {
        assert_eq!(Isolation::from_word("process"), Some(Isolation::Process));
        assert_eq!(Severity::from_word("Block"), None);
        for mode in InfraMode::ALL {
            assert_eq!(InfraMode::from_word(mode.word()), Some(*mode));
            assert_eq!(serde_json::to_value(mode).unwrap(), mode.word());
        }
    }

    #[test]
    fn delays_grow_up_to_their_cap_and_end_with_the_count() {
        let secs = Duration::from_secs;
        let policy = RetryPolicy {
            count: 4,
            backoff: Backoff::Exponential,
            delay: secs(1),
            max_delay: Some(secs(5)),
            jitter: false,
        };
        let delays: Vec<_> = (0..6).map(|retry| policy.delay_before(retry, 0.0)).collect();
        assert_eq!(delays, [None, Some(secs(1)), Some(secs(2)), Some(secs(4)), Some(secs(5)), None]);
        assert_eq!(RetryPolicy::fixed(2, secs(3)).delay_before(2, 0.9), Some(secs(3)));
        assert_eq!(RetryPolicy::NEVER.delay_before(1, 0.0), None);
    }

    #[test]
    fn jitter_only_shortens_and_nothing_overflows() {
        let policy = RetryPolicy {
            count: u32::MAX,
            backoff: Backoff::Exponential,
            delay: Duration::MAX,
            max_delay: None,
            jitter: true,
        };
        for roll in [0.0, 0.5, 1.0, -3.0, 7.0, f64::NAN, f64::INFINITY] {
            assert!(policy.delay_before(u32::MAX, roll).unwrap() >= Duration::MAX / 4);
        }
        let short = RetryPolicy { delay: Duration::from_secs(8), ..policy };
        assert_eq!(short.delay_before(1, 0.0), Some(Duration::from_secs(4)));
        assert_eq!(short.delay_before(1, 1.0), Some(Duration::from_secs(8)));
    }

    #[test]
    fn a_policy_reads_as_a_phrase() {
        let policy = RetryPolicy {
            count: 2,
            backoff: Backoff::Exponential,
            delay: Duration::from_secs(1),
            max_delay: Some(Duration::from_secs(10)),
            jitter: true,
        };
        assert_eq!(policy.to_string(), "2, exponential from 1s to 10s, with jitter");
        assert_eq!(RetryPolicy::NEVER.to_string(), "0");
        assert_eq!(RetryPolicy::fixed(3, Duration::from_millis(500)).to_string(), "3, 500ms apart");
    }
}
