//! The steps in their order, and which of them run at all: a pure function of configuration, flags and changes.

use std::collections::BTreeMap;

use super::gating::{self, Changes, Gating};
use crate::config::{Pipeline, SmokeCheck, Step, Suite, nearest};
use crate::model::{PathPatterns, Severity, StepKind, Word};

/// What the flags say of steps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    /// `--only`: names and kinds; none: every step.
    pub only: Vec<String>,
    /// `--skip`: names and kinds.
    pub skip: Vec<String>,
    /// `--no-smoke`: as `--skip smoke`.
    pub no_smoke: bool,
}

/// What a planned step does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Work<'a> {
    /// Runs a command.
    Command(&'a Step),
    /// Is the gate's own: tests, or coverage.
    Engine(&'a Step),
    /// Runs a suite that is not Rust, or those that it finds.
    Suite(&'a Suite),
    /// Asks whether what runs answers.
    Smoke(&'a [SmokeCheck]),
}

/// A step with its place in the order.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned<'a> {
    /// Its name.
    pub name: String,
    /// What sort of step it is.
    pub kind: StepKind,
    /// What it does.
    pub work: Work<'a>,
    /// What it waits for: always steps that stand before it.
    pub needs: Vec<String>,
    /// How much its failure weighs.
    pub severity: Severity,
    /// Does it run?
    pub runs: bool,
    /// Why it runs, or why not: one sentence, naming the flag or the pattern.
    pub why: String,
    /// What the changes have to do with it, where flags leave it in.
    pub gating: Option<Gating>,
}

/// A word of `--only` or `--skip` that names nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// It is neither a step's name nor a kind.
    #[error("`{flag} {word}`: no step has this name, and no kind{}; the steps are: {steps}", meant(nearest.as_deref()))]
    Unknown {
        /// `--only` or `--skip`.
        flag: &'static str,
        /// What was written.
        word: String,
        /// What was probably meant.
        nearest: Option<String>,
        /// The names there are.
        steps: String,
    },
    /// It is a kind of which the pipeline has no step, so that nothing would run.
    #[error("`--only {word}`: the pipeline has no step of this kind; the steps are: {steps}")]
    NoneOfKind {
        /// What was written.
        word: String,
        /// The names there are.
        steps: String,
    },
}

fn meant(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!(" (did you mean `{nearest}`?)")).unwrap_or_default()
}

/// All steps in their order: by group, within a group what is needed first, else as written, steps before suites
/// before the smoke checks. Those that do not run are among them, with the reason.
///
/// # Errors
///
/// A flag names nothing.
pub fn propose<'a>(pipeline: &'a Pipeline, ask: &Ask, changes: &Changes) -> Result<Vec<Planned<'a>>, PlanError> {
    let mut steps = in_order(written(pipeline));
    for (flag, words) in [("--only", &ask.only), ("--skip", &ask.skip)] {
        words.iter().try_for_each(|word| check(flag, word, &steps))?;
    }
    let whole = gating::of_pipeline(pipeline, changes);
    let only_config = gating::only_config(pipeline, changes);
    // A setup step may prepare what looks at code.
    let looking = with_needs(steps.iter(), |step| step.kind.is_lint_like() || step.kind == StepKind::Setup);
    let looking: Vec<bool> = steps.iter().map(|step| looking.contains_key(step.name.as_str())).collect();
    let by_flags = by_flags(ask, &steps);
    for ((step, (runs, said)), is_looking) in steps.iter_mut().zip(by_flags).zip(looking) {
        (step.runs, step.why) = (runs, said.clone().unwrap_or_default());
        if !runs {
            continue;
        }
        let gating = match &only_config {
            _ if !whole.runs => whole.clone(),
            Some(why) if !is_looking => Gating { runs: false, why: why.clone(), patterns: Vec::new() },
            _ => gating::of_step(step.inputs(), &pipeline.config_files, step.kind, changes),
        };
        step.runs = gating.runs;
        let is_plain = gating.runs && gating.patterns.is_empty();
        step.why = said.filter(|_| is_plain).unwrap_or_else(|| gating.why.clone());
        step.gating = Some(gating);
    }
    Ok(steps)
}

impl<'a> Planned<'a> {
    fn new(name: &str, kind: StepKind, work: Work<'a>, needs: &[String], severity: Severity) -> Self {
        let (runs, why, gating) = (true, String::new(), None);
        Self { name: name.to_owned(), kind, work, needs: needs.to_vec(), severity, runs, why, gating }
    }

    const fn inputs(&self) -> Option<&'a PathPatterns> {
        match self.work {
            Work::Command(step) | Work::Engine(step) => step.inputs.as_ref(),
            Work::Suite(suite) => suite.inputs.as_ref(),
            Work::Smoke(_) => None,
        }
    }
}

/// Every step as it is written.
fn written(pipeline: &Pipeline) -> Vec<Planned<'_>> {
    let steps = pipeline.steps.iter().map(|step| {
        let work = if step.is_engine() { Work::Engine(step) } else { Work::Command(step) };
        Planned::new(&step.name, step.kind, work, &step.needs, step.severity)
    });
    let suites = pipeline
        .suites
        .iter()
        .map(|suite| Planned::new(&suite.name, suite.kind, Work::Suite(suite), &suite.needs, suite.on_failure));
    let mut all: Vec<Planned<'_>> = steps.chain(suites).collect();
    if !pipeline.smoke.is_empty() {
        let mut name = "smoke".to_owned();
        while all.iter().any(|step| step.name == name) {
            name.push_str("-checks");
        }
        all.push(Planned::new(&name, StepKind::Smoke, Work::Smoke(&pipeline.smoke), &[], Severity::Block));
    }
    all
}

/// By group, and what is needed first. Of steps that need each other the one that is written first comes first, and
/// none waits for what comes after it.
fn in_order(mut left: Vec<Planned<'_>>) -> Vec<Planned<'_>> {
    left.sort_by_key(|step| step.kind.group());
    let mut placed: Vec<Planned<'_>> = Vec::new();
    while let Some(first) = left.first() {
        let group = first.kind.group();
        let waits = |step: &Planned<'_>| step.needs.iter().any(|need| left.iter().any(|other| other.name == *need));
        let mut candidates = left.iter().take_while(|step| step.kind.group() == group);
        let next = candidates.position(|step| !waits(step)).unwrap_or(0);
        let mut step = left.remove(next);
        step.needs.retain(|need| placed.iter().any(|before| before.name == *need));
        placed.push(step);
    }
    placed
}

/// The steps that are chosen and those that they need, these with the name of one that needs them.
fn with_needs<'a>(
    steps: impl DoubleEndedIterator<Item = &'a Planned<'a>> + Clone,
    is_chosen: impl Fn(&Planned<'_>) -> bool,
) -> BTreeMap<&'a str, Option<&'a str>> {
    let chosen = steps.clone().filter(|step| is_chosen(step));
    let mut all: BTreeMap<&str, Option<&str>> = chosen.map(|step| (step.name.as_str(), None)).collect();
    // What is needed stands before what needs it.
    for step in steps.rev() {
        if all.contains_key(step.name.as_str()) {
            for need in &step.needs {
                all.entry(need).or_insert(Some(&step.name));
            }
        }
    }
    all
}

/// Of each step: do the flags let it run? And what they have to say of it, if anything.
fn by_flags(ask: &Ask, steps: &[Planned<'_>]) -> Vec<(bool, Option<String>)> {
    let skipped = |step: &Planned<'_>| match ask.skip.iter().find(|word| names(word, step)) {
        Some(word) => Some(format!("`--skip {word}` leaves it out")),
        None => (ask.no_smoke && names("smoke", step)).then(|| "`--no-smoke` leaves it out".to_owned()),
    };
    let only = |step: &Planned<'_>| ask.only.iter().find(|word| names(word, step));
    let not_skipped = steps.iter().filter(|step| skipped(step).is_none());
    let wanted = with_needs(not_skipped, |step| ask.only.is_empty() || only(step).is_some());
    let of_step = |step: &Planned<'_>| match (skipped(step), wanted.get(step.name.as_str())) {
        (Some(why), _) => (false, Some(why)),
        (None, Some(Some(by))) => (true, Some(format!("`--only` brings it in: {by} needs it"))),
        (None, Some(None)) => (true, only(step).map(|word| format!("`--only {word}` names it"))),
        (None, None) => (false, Some(format!("`--only {}` leaves it out", ask.only.join("`, `--only ")))),
    };
    steps.iter().map(of_step).collect()
}

/// Does a word of the command line mean this step?
fn names(word: &str, step: &Planned<'_>) -> bool {
    step.name == word || step.kind.word() == word
}

fn check(flag: &'static str, word: &str, steps: &[Planned<'_>]) -> Result<(), PlanError> {
    if steps.iter().any(|step| names(word, step)) {
        return Ok(());
    }
    let known = || steps.iter().map(|step| step.name.as_str());
    let listed = known().collect::<Vec<_>>().join(", ");
    match StepKind::from_word(word) {
        // There is nothing to leave out, and nothing is.
        Some(_) if flag == "--skip" => Ok(()),
        Some(_) => Err(PlanError::NoneOfKind { word: word.to_owned(), steps: listed }),
        None => {
            let kinds = steps.iter().map(|step| step.kind.word());
            let nearest = nearest(word, known().chain(kinds)).map(str::to_owned);
            Err(PlanError::Unknown { flag, word: word.to_owned(), nearest, steps: listed })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &str, kind: StepKind, needs: &[&str]) -> Step {
        let needs = needs.iter().map(|need| (*need).to_owned()).collect();
        Step { name: name.to_owned(), kind, needs, ..Step::default() }
    }

    /// Written in an order that is not theirs.
    fn pipeline() -> Pipeline {
        let steps = vec![
            step("e2e", StepKind::E2e, &[]),
            step("clippy", StepKind::Lint, &["gen"]),
            step("gen", StepKind::Custom, &["tools"]),
            step("fmt", StepKind::Format, &[]),
            step("tests", StepKind::Test, &["fmt"]),
            step("tools", StepKind::Setup, &[]),
            step("coverage", StepKind::Coverage, &["tests", "e2e"]),
        ];
        let suite = Suite { name: "scripts".to_owned(), on_failure: Severity::Warn, ..Suite::default() };
        Pipeline { steps, suites: vec![suite], smoke: vec![SmokeCheck::default()], ..Pipeline::default() }
    }

    fn ask(only: &[&str], skip: &[&str]) -> Ask {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Ask { only: owned(only), skip: owned(skip), no_smoke: false }
    }

    fn names_of<'a>(steps: &'a [Planned<'_>]) -> Vec<&'a str> {
        steps.iter().map(|step| step.name.as_str()).collect()
    }

    fn running(pipeline: &Pipeline, ask: &Ask, changes: &Changes) -> Vec<String> {
        let steps = propose(pipeline, ask, changes).unwrap();
        steps.into_iter().filter(|step| step.runs).map(|step| step.name).collect()
    }

    #[test]
    fn steps_come_by_group_and_what_is_needed_comes_first() {
        let pipeline = pipeline();
        let steps = propose(&pipeline, &Ask::default(), &Changes::unknown()).unwrap();
        let order = ["tools", "gen", "clippy", "fmt", "tests", "scripts", "coverage", "e2e", "smoke"];
        assert_eq!(names_of(&steps), order);
        assert!(steps.iter().all(|step| step.runs && step.gating.is_some()));
        assert_eq!(steps[0].why, "nothing is skipped: there is no list of changes");
        assert!(matches!(steps[4].work, Work::Engine(_)) && matches!(steps[0].work, Work::Command(_)));
        assert_eq!((steps[5].severity, steps[8].kind), (Severity::Warn, StepKind::Smoke));
        // What comes later cannot be waited for.
        assert_eq!(steps[6].needs, ["tests"]);
    }

    #[test]
    fn steps_that_need_each_other_come_as_written_and_wait_for_nothing_to_come() {
        let kind = StepKind::Custom;
        let steps = vec![step("a", kind, &["b"]), step("b", kind, &["a", "b"]), step("c", kind, &["nobody", "b"])];
        let pipeline = Pipeline { steps, ..Pipeline::default() };
        let steps = propose(&pipeline, &Ask::default(), &Changes::unknown()).unwrap();
        let needs: Vec<&[String]> = steps.iter().map(|step| step.needs.as_slice()).collect();
        assert_eq!(names_of(&steps), ["a", "b", "c"]);
        assert_eq!(needs, [&[][..], &["a".to_owned()], &["b".to_owned()]]);
    }

    #[test]
    fn flags_choose_by_name_and_kind_and_bring_in_what_is_needed() {
        let pipeline = pipeline();
        for (only, skip, expected) in [
            (&["clippy"][..], &[][..], &["tools", "gen", "clippy"][..]),
            (&["lint", "format"], &[], &["tools", "gen", "clippy", "fmt"]),
            (&["fmt"], &[], &["fmt"]),
            (&["test"], &[], &["fmt", "tests", "scripts"]),
            (&["clippy"], &["gen"], &["clippy"]),
            (&["clippy", "fmt"], &["lint"], &["fmt"]),
            (&["fmt"], &["fmt"], &[]),
            (&[], &["test", "e2e", "smoke"], &["tools", "gen", "clippy", "fmt", "coverage"]),
            (&[], &["typecheck"], &["tools", "gen", "clippy", "fmt", "tests", "scripts", "coverage", "e2e", "smoke"]),
        ] {
            assert_eq!(running(&pipeline, &ask(only, skip), &Changes::unknown()), expected, "{only:?} {skip:?}");
        }
    }

    #[test]
    fn each_step_says_which_flag_decided() {
        let pipeline = pipeline();
        let steps = propose(&pipeline, &ask(&["clippy"], &["e2e"]), &Changes::unknown()).unwrap();
        let why: Vec<&str> = steps.iter().map(|step| step.why.as_str()).collect();
        let out = "`--only clippy` leaves it out";
        assert_eq!(
            why,
            [
                "`--only` brings it in: gen needs it",
                "`--only` brings it in: clippy needs it",
                "`--only clippy` names it",
                out,
                out,
                out,
                out,
                "`--skip e2e` leaves it out",
                out,
            ]
        );
        let no_smoke = Ask { no_smoke: true, ..Ask::default() };
        let steps = propose(&pipeline, &no_smoke, &Changes::unknown()).unwrap();
        let last = steps.last().unwrap();
        assert_eq!((last.runs, last.why.as_str()), (false, "`--no-smoke` leaves it out"));
    }

    /// R23.
    #[test]
    fn changes_decide_where_flags_do_not() {
        let patterns = |texts: &[&str]| PathPatterns::new(texts).unwrap();
        let mut pipeline = pipeline();
        pipeline.code_patterns = Some(patterns(&["**/*.rs", "py/**"]));
        pipeline.config_files = patterns(&["clippy.toml"]);
        pipeline.suites[0].inputs = Some(patterns(&["py/**"]));
        let changed = |files: &[&str]| Changes::listed(files.iter().map(camino::Utf8PathBuf::from).collect());
        let all = ["tools", "gen", "clippy", "fmt", "tests", "scripts", "coverage", "e2e", "smoke"];
        let but_scripts: Vec<&str> = all.into_iter().filter(|name| *name != "scripts").collect();
        for (files, expected) in [
            (&["README.md"][..], &[][..]),
            (&[], &all),
            (&["py/a.py"], &all),
            (&["src/lib.rs"], &but_scripts),
            (&["clippy.toml"], &["tools", "gen", "clippy", "fmt"]),
        ] {
            assert_eq!(running(&pipeline, &Ask::default(), &changed(files)), expected, "{files:?}");
        }
        let steps = propose(&pipeline, &ask(&["scripts"], &[]), &changed(&["py/a.py"])).unwrap();
        assert_eq!(steps[5].why, "`py/**` matches py/a.py, of 1 changed file");
        let steps = propose(&pipeline, &ask(&["fmt"], &[]), &changed(&["a.rs"])).unwrap();
        assert_eq!(steps[3].why, "`--only fmt` names it");
    }

    #[test]
    fn what_names_nothing_is_refused_with_what_was_meant() {
        let pipeline = pipeline();
        let steps = "tools, gen, clippy, fmt, tests, scripts, coverage, e2e, smoke";
        for (only, skip, said) in [
            (&["clipy"][..], &[][..], "`--only clipy`: no step has this name, and no kind (did you mean `clippy`?)"),
            (&[], &["tset"], "`--skip tset`: no step has this name, and no kind (did you mean `test`?)"),
            (&["nonsense"], &[], "`--only nonsense`: no step has this name, and no kind"),
            (&["typecheck"], &[], "`--only typecheck`: the pipeline has no step of this kind"),
        ] {
            let refused = propose(&pipeline, &ask(only, skip), &Changes::unknown()).unwrap_err();
            assert_eq!(refused.to_string(), format!("{said}; the steps are: {steps}"));
        }
    }

    #[test]
    fn the_smoke_checks_give_way_to_a_step_of_their_name() {
        let mut pipeline = pipeline();
        pipeline.steps.push(step("smoke", StepKind::Custom, &[]));
        let steps = propose(&pipeline, &ask(&[], &["smoke"]), &Changes::unknown()).unwrap();
        assert_eq!(names_of(&steps).last(), Some(&"smoke-checks"));
        assert_eq!(steps.iter().filter(|step| !step.runs).count(), 2);
    }
}
