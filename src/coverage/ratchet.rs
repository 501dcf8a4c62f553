//! The ratchet: baselines that only rise by themselves, and fall by hand with a reason.

use std::collections::BTreeMap;

use super::baseline::{Baseline, Subject};
use crate::config::{Metric, RatchetWhen};
use crate::ratio::{Percent, Share};

/// What a baseline is kept under: figures of different keys are never compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RatchetKey {
    /// Which workspace, where several share a file.
    pub workspace: String,
    /// The target triple, or several joined by commas.
    pub target: String,
    /// The features asked for: empty for the default ones, else as canonical flags.
    pub features: String,
    /// Whose figure it is.
    pub subject: Subject,
    /// What is counted.
    pub metric: Metric,
}

/// What is kept under a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The baseline; `None` once it was reset.
    pub baseline: Option<Baseline>,
    /// Why it was last lowered or reset by hand.
    pub reason: Option<String>,
}

/// All baselines of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ratchet {
    pub(super) entries: BTreeMap<RatchetKey, Entry>,
}

/// What a measured figure does to a baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// There was none: it becomes the first.
    Bootstrap,
    /// It is higher: it takes the place.
    Rise {
        /// What stood there.
        from: Share,
    },
    /// It is equal: the file stays as it is, the store may note when that was.
    Same,
    /// It is lower, or was counted otherwise: nothing changes.
    Refused {
        /// What stands.
        stands: Share,
    },
    /// It would change something, but not here and now.
    Held {
        /// Why not.
        why: String,
    },
}

impl Change {
    /// Does it change the file?
    #[must_use]
    pub const fn is_change(&self) -> bool {
        matches!(self, Self::Bootstrap | Self::Rise { .. })
    }
}

/// **R5**: what a measured figure does to what is kept.
#[must_use]
pub fn propose(old: Option<&Baseline>, measured: &Baseline) -> Change {
    let Some(old) = old else { return Change::Bootstrap };
    let (was, is) = (old.share.ratio(), measured.share.ratio());
    let counted_otherwise = matches!((old.counting, measured.counting), (Some(a), Some(b)) if a != b);
    if counted_otherwise || !is.reaches(was, Percent::ZERO) {
        Change::Refused { stands: old.share }
    } else if was.reaches(is, Percent::ZERO) {
        Change::Same
    } else {
        Change::Rise { from: old.share }
    }
}

/// A baseline is lowered, or replaced by what cannot be compared with it, only with a reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the baseline is {from} %, and {to} % {}: say why with `--reason`, which is kept", self.what())]
pub struct ReasonNeeded {
    /// What stands.
    pub from: Share,
    /// What was to take its place.
    pub to: Share,
}

impl ReasonNeeded {
    fn what(&self) -> &'static str {
        let is_lower = !self.to.ratio().reaches(self.from.ratio(), Percent::ZERO);
        if is_lower { "would lower it" } else { "is counted otherwise, so that the two cannot be compared" }
    }
}

impl Ratchet {
    /// The baseline under a key.
    #[must_use]
    pub fn baseline(&self, key: &RatchetKey) -> Option<&Baseline> {
        self.entries.get(key)?.baseline.as_ref()
    }

    /// Everything that is kept, in order.
    pub fn entries(&self) -> impl Iterator<Item = (&RatchetKey, &Entry)> {
        self.entries.iter()
    }

    /// Lets a measured figure raise what is kept, as far as that is permitted. Never lowers anything.
    pub fn raise(&mut self, key: &RatchetKey, measured: &Baseline, permission: &Permission) -> Change {
        match (propose(self.baseline(key), measured), permission) {
            (Change::Bootstrap | Change::Rise { .. }, Permission::Nothing(why))
            | (Change::Rise { .. }, Permission::Bootstrap(why)) => Change::Held { why: why.clone() },
            (change, _) => {
                if change.is_change() {
                    self.entries.entry(key.clone()).or_default().baseline = Some(measured.clone());
                }
                change
            }
        }
    }

    /// Puts a figure there by hand, whatever stood there.
    ///
    /// # Errors
    ///
    /// It would lower what stands there, and no reason is given.
    pub fn set(&mut self, key: &RatchetKey, baseline: Baseline, reason: Option<&str>) -> Result<(), ReasonNeeded> {
        if let (Some(old), None) = (self.baseline(key), reason)
            && matches!(propose(Some(old), &baseline), Change::Refused { .. })
        {
            return Err(ReasonNeeded { from: old.share, to: baseline.share });
        }
        let entry = self.entries.entry(key.clone()).or_default();
        entry.baseline = Some(baseline);
        if let Some(reason) = reason {
            entry.reason = Some(reason.to_owned());
        }
        Ok(())
    }

    /// Takes a baseline away by hand: the next measurement begins anew. The reason stays. Says whether there was one.
    pub fn reset(&mut self, key: &RatchetKey, reason: &str) -> bool {
        let Some(entry) = self.entries.get_mut(key) else { return false };
        entry.reason = Some(reason.to_owned());
        entry.baseline.take().is_some()
    }
}

/// Where a measurement takes place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing<'a> {
    /// Is there a git repository?
    pub has_git: bool,
    /// The branch: CI's variables know it where a commit is checked out without one.
    pub branch: Option<&'a str>,
    /// The default branch, where `origin/HEAD` or CI's variables say it.
    pub default_branch: Option<&'a str>,
    /// Is it a pull request's run? Its branch may have any name, that of the default branch included.
    pub is_pull_request: bool,
}

/// What a measured figure may do to the ratchet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Become the first baseline, and raise one.
    Rise,
    /// Become the first baseline; why not more.
    Bootstrap(String),
    /// Nothing; why.
    Nothing(String),
}

/// Names of default branches where nobody says which it is.
const USUAL_DEFAULTS: [&str; 2] = ["main", "master"];

/// What the ratchet may do here.
#[must_use]
pub fn permission(when: &RatchetWhen, standing: &Standing<'_>) -> Permission {
    let held = |where_else: String| {
        let here = match (standing.is_pull_request, standing.branch) {
            (true, _) => "this is a pull request's run".to_owned(),
            (false, Some(branch)) => format!("this is `{branch}`"),
            (false, None) => "no branch is checked out".to_owned(),
        };
        Permission::Bootstrap(format!("the ratchet rises on {where_else} only, and {here}"))
    };
    let branch = standing.branch.filter(|_| !standing.is_pull_request);
    match when {
        RatchetWhen::OnPass => Permission::Rise,
        RatchetWhen::Manual => Permission::Nothing("the ratchet is moved by hand (`ratchet = \"manual\"`)".to_owned()),
        RatchetWhen::Branches(names) => match branch {
            Some(branch) if names.iter().any(|name| name == branch) => Permission::Rise,
            _ => held(names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
        },
        RatchetWhen::DefaultBranch if !standing.has_git => Permission::Rise,
        RatchetWhen::DefaultBranch => match (branch, standing.default_branch) {
            (Some(branch), Some(default)) if branch == default => Permission::Rise,
            (Some(branch), None) if USUAL_DEFAULTS.contains(&branch) => Permission::Rise,
            (_, Some(default)) => held(format!("the default branch `{default}`")),
            (_, None) => held("the default branch".to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::map::Counting;
    use super::*;
    use crate::ratio::Ratio;

    fn key(workspace: &str) -> RatchetKey {
        RatchetKey {
            workspace: workspace.to_owned(),
            target: "x86_64-unknown-linux-gnu".to_owned(),
            features: String::new(),
            subject: Subject::Workspace,
            metric: Metric::Lines,
        }
    }

    fn counted(covered: u64, total: u64) -> Baseline {
        Baseline {
            counting: Some(Counting::Summary),
            ..Baseline::from(Share::Counted(Ratio::new(covered, total).unwrap()))
        }
    }

    fn bare(percent: &str) -> Baseline {
        Baseline::from(Share::Percent(percent.parse().unwrap()))
    }

    #[test]
    fn r5_a_baseline_is_set_raised_stamped_and_never_lowered() {
        let mut ratchet = Ratchet::default();
        let mut raise = |covered, total, commit: &str| {
            let measured = Baseline { commit: Some(commit.to_owned()), ..counted(covered, total) };
            let change = ratchet.raise(&key("a"), &measured, &Permission::Rise);
            (change, ratchet.clone())
        };
        let (eighty, eighty_five) = (counted(80, 100).share, counted(85, 100).share);
        assert_eq!(raise(80, 100, "one").0, Change::Bootstrap);
        let (change, raised) = raise(85, 100, "two");
        assert_eq!(change, Change::Rise { from: eighty });
        // Equal shares of different totals are equal, and the file stays as it is.
        assert_eq!(raise(170, 200, "three"), (Change::Same, raised.clone()));
        assert_eq!(raise(70, 100, "four"), (Change::Refused { stands: eighty_five }, raised.clone()));
        assert_eq!(raised.baseline(&key("a")).unwrap().commit.as_deref(), Some("two"));
        // Two workspaces do not share.
        assert_eq!(raised.baseline(&key("b")), None);
        let mut shared = raised.clone();
        assert_eq!(shared.raise(&key("b"), &counted(1, 100), &Permission::Rise), Change::Bootstrap);
        assert_eq!(shared.baseline(&key("a")), raised.baseline(&key("a")));
    }

    #[test]
    fn r6_a_bare_percentage_is_a_baseline_too() {
        let mut ratchet = Ratchet::default();
        assert_eq!(ratchet.raise(&key("a"), &bare("77.50"), &Permission::Rise), Change::Bootstrap);
        assert_eq!(ratchet.raise(&key("a"), &counted(775, 1000), &Permission::Rise), Change::Same);
        assert_eq!(
            propose(Some(&bare("77.5")), &counted(7749, 10_000)),
            Change::Refused { stands: bare("77.5").share }
        );
        assert_eq!(propose(Some(&bare("77.5")), &counted(7751, 10_000)), Change::Rise { from: bare("77.5").share });
    }

    #[test]
    fn what_was_counted_otherwise_changes_nothing() {
        let lines = Baseline { counting: Some(Counting::Lines), ..counted(99, 100) };
        assert!(matches!(propose(Some(&counted(1, 100)), &lines), Change::Refused { .. }));
        assert!(matches!(propose(Some(&bare("1")), &lines), Change::Rise { .. }));
    }

    #[test]
    fn a_hand_lowers_with_a_reason_that_is_kept_and_touches_no_other_entry() {
        let mut ratchet = Ratchet::default();
        for workspace in ["a", "b"] {
            ratchet.raise(&key(workspace), &counted(80, 100), &Permission::Rise);
        }
        let before = ratchet.clone();
        let error = ratchet.set(&key("a"), counted(70, 100), None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the baseline is 80.00 %, and 70.00 % would lower it: say why with `--reason`, which is kept"
        );
        assert_eq!(ratchet, before);
        ratchet.set(&key("a"), counted(70, 100), Some("the parser moved out")).unwrap();
        assert_eq!(ratchet.baseline(&key("a")), Some(&counted(70, 100)));
        assert_eq!(ratchet.baseline(&key("b")), Some(&counted(80, 100)));
        ratchet.set(&key("a"), counted(75, 100), None).unwrap();
        // A rise keeps why it once fell.
        ratchet.raise(&key("a"), &counted(76, 100), &Permission::Rise);
        assert_eq!(ratchet.entries[&key("a")].reason.as_deref(), Some("the parser moved out"));
    }

    #[test]
    fn a_reset_begins_anew_and_says_why() {
        let mut ratchet = Ratchet::default();
        assert!(!ratchet.reset(&key("a"), "nothing there"));
        ratchet.raise(&key("a"), &counted(80, 100), &Permission::Rise);
        assert!(ratchet.reset(&key("a"), "new tools"));
        assert_eq!((ratchet.baseline(&key("a")), ratchet.entries().count()), (None, 1));
        assert_eq!(
            ratchet.raise(&key("a"), &counted(10, 100), &Permission::Bootstrap(String::new())),
            Change::Bootstrap
        );
        assert_eq!(ratchet.entries[&key("a")].reason.as_deref(), Some("new tools"));
    }

    #[test]
    fn it_rises_where_it_may_and_begins_anywhere() {
        let named = || RatchetWhen::Branches(vec!["main".to_owned(), "release".to_owned()]);
        let git = Standing { has_git: true, ..Standing::default() };
        let on = |branch| Standing { branch: Some(branch), ..git };
        let rises = "rises";
        for (when, standing, want) in [
            (RatchetWhen::DefaultBranch, Standing::default(), rises),
            (RatchetWhen::DefaultBranch, on("main"), rises),
            (RatchetWhen::DefaultBranch, on("master"), rises),
            (RatchetWhen::DefaultBranch, on("trunk"), "on the default branch only, and this is `trunk`"),
            (RatchetWhen::DefaultBranch, Standing { default_branch: Some("trunk"), ..on("trunk") }, rises),
            (
                RatchetWhen::DefaultBranch,
                Standing { default_branch: Some("trunk"), ..on("main") },
                "on the default branch `trunk` only, and this is `main`",
            ),
            (RatchetWhen::DefaultBranch, git, "on the default branch only, and no branch is checked out"),
            (
                RatchetWhen::DefaultBranch,
                Standing { is_pull_request: true, ..on("main") },
                "on the default branch only, and this is a pull request's run",
            ),
            (RatchetWhen::OnPass, Standing { is_pull_request: true, ..on("x") }, rises),
            (RatchetWhen::OnPass, git, rises),
            (RatchetWhen::Manual, on("main"), "nothing"),
            (RatchetWhen::Manual, Standing::default(), "nothing"),
            (named(), on("release"), rises),
            (named(), on("next"), "on `main`, `release` only, and this is `next`"),
            (named(), Standing::default(), "on `main`, `release` only, and no branch is checked out"),
            (named(), Standing { is_pull_request: true, ..on("main") }, "only, and this is a pull request's run"),
        ] {
            let permission = permission(&when, &standing);
            let said = match &permission {
                Permission::Rise => rises.to_owned(),
                Permission::Bootstrap(why) => why.clone(),
                Permission::Nothing(_) => "nothing".to_owned(),
            };
            assert!(said.ends_with(want), "{when:?} {standing:?}: {said}");

            let mut ratchet = Ratchet::default();
            let begins = ratchet.raise(&key("a"), &counted(1, 2), &permission).is_change();
            assert_eq!(begins, !matches!(permission, Permission::Nothing(_)));
            let mut ratchet = Ratchet::default();
            ratchet.raise(&key("a"), &counted(1, 2), &Permission::Rise);
            assert_eq!(
                ratchet.raise(&key("a"), &counted(2, 2), &permission).is_change(),
                permission == Permission::Rise
            );
        }
    }

    proptest! {
        #[test]
        fn no_measurement_ever_lowers_it(
            measured in prop::collection::vec((0_u64..50, 50_u64..100, 0_usize..3, 0_usize..2), 1..30),
        ) {
            let mut ratchet = Ratchet::default();
            let permissions = [Permission::Rise, Permission::Bootstrap(String::new()), Permission::Nothing(String::new())];
            for (covered, total, permission, workspace) in measured {
                let (key, measured) = (key(["a", "b"][workspace]), counted(covered, total));
                let (before, other) = (ratchet.baseline(&key).cloned(), ratchet.clone());
                let change = ratchet.raise(&key, &measured, &permissions[permission]);
                if let (Some(before), Some(after)) = (&before, ratchet.baseline(&key)) {
                    prop_assert!(after.share.ratio().reaches(before.share.ratio(), Percent::ZERO));
                }
                prop_assert_eq!(change.is_change(), ratchet != other);
                let others = |ratchet: &Ratchet| {
                    ratchet.entries().filter(|(one, _)| **one != key).map(|(one, entry)| (one.clone(), entry.clone())).collect::<Vec<_>>()
                };
                prop_assert_eq!(others(&ratchet), others(&other));
            }
        }
    }
}
