//! The keys of the tables that may stand in the file several times: groups, overrides, quarantines, floors, pipelines.

use serde_json::{Map, Value, json};

use super::field::{Field, at, checked, maybe};
use super::pipeline_shapes::{COMMAND, RATE, STATUS, VARIABLES};
use super::retries::RETRIES;
use super::shapes::{AT_LEAST_ONE, DAY, KEYS, LIMIT, PACKAGES, PATHS, PERCENT, SWITCH, TEXT, WHOLE, WORDS, word};
use super::values::{Exempt, Floor, Group, Override, Quarantine, Settings};
use crate::model::{Isolate, Isolation, ResultFormat, Severity, StepKind};

/// `[groups.NAME]`.
pub(super) static GROUP: &[Field<Group>] =
    &[Field::required("max-threads", at!(Group.max_threads, AT_LEAST_ONE), "How many of its tests run at once.")];

/// `[[override]]`.
pub(super) static OVERRIDE: &[Field<Override>] = &[
    Field::required("filter", at!(Override.filter, KEYS), "Which tests, as a glob over their keys."),
    Field::optional("group", maybe!(Override.group, TEXT), "The group whose limit they share."),
    Field::optional("timeout", maybe!(Override.timeout, LIMIT), "How long one may run at all."),
    Field::optional("slow", maybe!(Override.slow, LIMIT), "How long one may run before it is called slow."),
    Field::optional("retries", maybe!(Override.retries, RETRIES), "How often a failure is tried again."),
    Field::optional("priority", maybe!(Override.priority, WHOLE), "Their place by hand: higher runs earlier."),
    Field::optional("isolation", maybe!(Override.isolation, word::<Isolation>()), "In what company they run."),
];

/// `[[quarantine]]`.
pub(super) static QUARANTINE: &[Field<Quarantine>] = &[
    Field::required("test", at!(Quarantine.test, KEYS), "Which tests, as a glob over their keys."),
    Field::required("reason", at!(Quarantine.reason, TEXT), "Why their failures fail nothing."),
    Field::optional("until", maybe!(Quarantine.until, DAY), "The last day on which this holds (UTC)."),
];

/// `[[floor]]`.
pub(super) static FLOOR: &[Field<Floor>] = &[
    Field::optional("packages", maybe!(Floor.packages, PACKAGES), "Which packages, each by itself."),
    Field::optional("files", maybe!(Floor.files, PATHS), "Or which files, each by itself."),
    Field::required("floor", at!(Floor.floor, PERCENT), "The least coverage that is asked of each, in percent."),
];

/// `[[exempt]]`.
pub(super) static EXEMPT: &[Field<Exempt>] = &[
    Field::required("files", at!(Exempt.files, PATHS), "Which files coverage leaves out."),
    Field::required("reason", at!(Exempt.reason, TEXT), "Why."),
];

/// Groups, overrides, quarantines, floors and exemptions as they would be written: what no single setting shows.
#[must_use]
pub fn lists(settings: &Settings) -> Value {
    let groups: Map<String, Value> =
        settings.groups.iter().map(|(name, group)| (name.clone(), shown(GROUP, group))).collect();
    json!({
        "groups": groups,
        "override": settings.overrides.iter().map(|one| shown(OVERRIDE, one)).collect::<Vec<_>>(),
        "quarantine": settings.quarantine.iter().map(|one| shown(QUARANTINE, one)).collect::<Vec<_>>(),
        "floor": settings.floors.iter().map(|one| shown(FLOOR, one)).collect::<Vec<_>>(),
        "exempt": settings.exempt.iter().map(|one| shown(EXEMPT, one)).collect::<Vec<_>>(),
    })
}

fn shown<S>(fields: &[Field<S>], from: &S) -> Value {
    fields.iter().filter_map(|field| Some((field.key.to_owned(), field.place.show(from)?))).collect()
}

/// `[pipeline.NAME]`.
pub(super) static PIPELINE: &[Field<()>] = &[
    Field::optional("code-patterns", checked!(WORDS), "A change list of which none of these matches skips it."),
    Field::optional("config-files", checked!(WORDS), "Files that are part of every lint's cache key."),
    Field::optional("isolate", checked!(word::<Isolate>()), "Where its steps run."),
];

/// `[[pipeline.NAME.step]]`.
pub(super) static STEP: &[Field<()>] = &[
    Field::required("name", checked!(TEXT), "Its name."),
    Field::required("kind", checked!(word::<StepKind>()), "What sort of step it is."),
    Field::required("command", checked!(COMMAND), "What is run: a list, or a text with `shell = true`."),
    Field::optional("shell", checked!(SWITCH), "Run the command by the shell."),
    Field::optional("cwd", checked!(TEXT), "Where it runs, relative to the workspace root."),
    Field::optional("env", checked!(VARIABLES), "Variables of its own."),
    Field::optional("timeout", checked!(LIMIT), "How long it may run."),
    Field::optional("severity", checked!(word::<Severity>()), "How much its failure weighs."),
    Field::optional("cache", checked!(SWITCH), "Skip it where nothing it depends on changed."),
    Field::optional("mutex", checked!(TEXT), "Never beside another step, of any process, with the same word."),
    Field::optional("inputs", checked!(WORDS), "What it depends on, as globs."),
    Field::optional("needs", checked!(WORDS), "Steps that come before it."),
];

/// `[[pipeline.NAME.suite]]`.
pub(super) static SUITE: &[Field<()>] = &[
    Field::required("name", checked!(TEXT), "Its name."),
    Field::optional("runner", checked!(TEXT), "What runs it: script, pytest, unittest, node…"),
    Field::optional("command", checked!(COMMAND), "What is run: a list, or a text with `shell = true`."),
    Field::optional("shell", checked!(SWITCH), "Run the command by the shell."),
    Field::optional("cwd", checked!(TEXT), "Where it runs, relative to the workspace root."),
    Field::optional("env", checked!(VARIABLES), "Variables of its own."),
    Field::optional("timeout", checked!(LIMIT), "How long it may run."),
    Field::optional("format", checked!(word::<ResultFormat>()), "What it writes."),
    Field::optional("result-path", checked!(TEXT), "The file it writes."),
    Field::optional("min-pass-rate", checked!(RATE), "The least share of its tests that must pass."),
    Field::optional("on-failure", checked!(word::<Severity>()), "How much its failure weighs."),
    Field::optional("discover", checked!(TEXT), "Where to look for suites: a folder, a manifest, an executable."),
];

/// `[[pipeline.NAME.smoke]]`.
pub(super) static SMOKE: &[Field<()>] = &[
    Field::required("url", checked!(TEXT), "What is asked for."),
    Field::optional("contains", checked!(TEXT), "What the answer must contain."),
    Field::optional("status", checked!(STATUS), "The status that must come."),
    Field::optional("timeout", checked!(LIMIT), "How long the answer may take."),
];
