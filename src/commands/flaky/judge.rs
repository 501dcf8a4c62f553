//! What the flags of `cargo gate flaky` make of the states: a pure function.

use std::sync::Arc;

use crate::exit_code::ExitCode;
use crate::model::{Judgement, Reason, TestKey, Verdict};
use crate::report::words;

/// What is asked, and what there is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    /// Flaky tests that are not in quarantine.
    pub(super) flaky: &'a [Arc<TestKey>],
    /// So many may be.
    pub(super) most_flaky: Option<u64>,
    /// Tests that the latest full run did not have any more.
    pub(super) vanished: &'a [Arc<TestKey>],
    /// May none be gone?
    pub(super) fails_on_vanished: bool,
}

/// The verdict.
pub(super) fn judge(facts: &Facts<'_>) -> Judgement {
    let mut reasons = Vec::new();
    let flaky = facts.flaky.len() as u64;
    if let Some(most) = facts.most_flaky.filter(|most| flaky > *most) {
        let is = if flaky == 1 { "is" } else { "are" };
        let count = words::count(flaky, "test", "tests");
        let text = format!("{count} {is} flaky, and {} may be: {}", words::thousands(most), words::names(facts.flaky));
        reasons.push(Reason::new("flaky-above", text));
    }
    if facts.fails_on_vanished && !facts.vanished.is_empty() {
        reasons.push(Reason::new("vanished", words::vanished(facts.vanished)));
    }
    if !reasons.is_empty() {
        return Judgement { verdict: Verdict::Fail, codes: vec![ExitCode::TestsFailed], reasons };
    }
    if let Some(most) = facts.most_flaky {
        let count = words::count(flaky, "flaky test", "flaky tests");
        reasons.push(Reason::new("pass", format!("{count}, and {} may be", words::thousands(most))));
    }
    if facts.fails_on_vanished {
        reasons.push(Reason::new("pass", "no test vanished"));
    }
    Judgement { verdict: Verdict::Pass, codes: vec![ExitCode::Pass], reasons }
}

/// There is nothing to judge.
pub(super) fn nothing(code: ExitCode, why: &str) -> Judgement {
    Judgement { verdict: Verdict::Nothing, codes: vec![code], reasons: vec![Reason::new("nothing", why)] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_flaky_tests_than_may_be_and_vanished_ones_shut_the_gate_where_that_is_asked() {
        let key = |name: &str| Arc::new(format!("app/app::{name}").parse().unwrap());
        let (two, gone) = ([key("a"), key("b")], [key("c")]);
        for (most_flaky, fails_on_vanished, ids) in [
            (None, false, &[][..]),
            (Some(2), false, &[]),
            (Some(1), false, &["flaky-above"]),
            (Some(0), true, &["flaky-above", "vanished"]),
            (None, true, &["vanished"]),
        ] {
            let judgement = judge(&Facts { flaky: &two, most_flaky, vanished: &gone, fails_on_vanished });
            let found: Vec<&str> = judgement.reasons.iter().map(|reason| reason.id.as_str()).collect();
            let wanted = if ids.is_empty() { (Verdict::Pass, 0) } else { (Verdict::Fail, 100) };
            assert_eq!((judgement.verdict, judgement.exit_code().number()), wanted, "{most_flaky:?}");
            assert!(ids.is_empty() || found == ids, "{found:?}");
        }
        let judged = judge(&Facts { flaky: &two, most_flaky: Some(1), vanished: &[], fails_on_vanished: true });
        assert_eq!(judged.sentence(), "2 tests are flaky, and 1 may be: app/app::a, app/app::b");
    }
}
