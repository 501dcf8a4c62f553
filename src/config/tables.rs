//! The keys of the tables that may stand in the file several times: groups, overrides, quarantines, floors, pipelines.

use serde_json::{Map, Value, json};

use super::field::{Field, Presence, at, maybe, unless_empty};
use super::pipeline::{Pipeline, SmokeCheck, Step, Suite};
use super::pipeline_shapes::{COMMAND, Command, NAME, PATH, RATE, RESULT_PATH, STATUS, SUITE_KIND, URL, VARIABLES};
use super::retries::RETRIES;
use super::shapes::{
    AT_LEAST_ONE, DAY, KEYS, LIMIT, PACKAGES, PATHS, PERCENT, SWITCH, TESTS, TEXT, WHOLE, WORDS, word,
};
use super::values::{Exempt, Floor, Group, Override, Quarantine, Settings};
use crate::model::{Isolate, Isolation, ResultFormat, Runner, Severity, StepKind};

/// `[groups.NAME]`.
pub(super) static GROUP: &[Field<Group>] =
    &[Field::required("max-threads", at!(Group.max_threads, AT_LEAST_ONE), "How many of its tests run at once.")];

/// `[[override]]`.
pub(super) static OVERRIDE: &[Field<Override>] = &[
    Field::required("filter", at!(Override.filter, TESTS), "Which tests, as a glob over their keys."),
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

/// Groups, overrides, quarantines, floors, exemptions and pipelines as they would be written: what no single setting
/// shows.
#[must_use]
pub fn lists(settings: &Settings) -> Value {
    let groups: Map<String, Value> =
        settings.groups.iter().map(|(name, group)| (name.clone(), shown(GROUP, group))).collect();
    let pipelines: Map<String, Value> =
        settings.pipelines.iter().map(|(name, pipeline)| (name.clone(), shown_pipeline(pipeline))).collect();
    json!({
        "groups": groups,
        "override": settings.overrides.iter().map(|one| shown(OVERRIDE, one)).collect::<Vec<_>>(),
        "quarantine": settings.quarantine.iter().map(|one| shown(QUARANTINE, one)).collect::<Vec<_>>(),
        "floor": settings.floors.iter().map(|one| shown(FLOOR, one)).collect::<Vec<_>>(),
        "exempt": settings.exempt.iter().map(|one| shown(EXEMPT, one)).collect::<Vec<_>>(),
        "pipeline": pipelines,
    })
}

fn shown_pipeline(pipeline: &Pipeline) -> Value {
    let mut table = shown(PIPELINE, pipeline);
    for (key, tables) in [
        ("step", pipeline.steps.iter().map(|one| shown(STEP, one)).collect::<Vec<_>>()),
        ("suite", pipeline.suites.iter().map(|one| shown(SUITE, one)).collect()),
        ("smoke", pipeline.smoke.iter().map(|one| shown(SMOKE, one)).collect()),
    ] {
        if !tables.is_empty() {
            table[key] = Value::Array(tables);
        }
    }
    table
}

fn shown<S>(fields: &[Field<S>], from: &S) -> Value {
    fields.iter().filter_map(|field| Some((field.key.to_owned(), field.place.show(from)?))).collect()
}

/// The place of a command, which is a line exactly where the shell runs it.
macro_rules! command {
    ($of:ident) => {
        &$crate::config::field::At {
            set: |to: &mut $of, command: Command| to.invocation.command = command.into_words(),
            get: |from: &$of| Command::of(&from.invocation),
            shape: COMMAND,
        }
    };
}

/// `[pipeline.NAME]`.
pub(super) static PIPELINE: &[Field<Pipeline>] = &[
    Field::optional(
        "code-patterns",
        maybe!(Pipeline.code_patterns, PATHS),
        "A change list of which none of these matches skips it.",
    ),
    Field::optional(
        "config-files",
        at!(Pipeline.config_files, PATHS),
        "Files that are part of every lint's cache key, and void it where they change.",
    ),
    Field::optional("isolate", at!(Pipeline.isolate, word::<Isolate>()), "Where its steps run."),
];

/// `[[pipeline.NAME.step]]`.
pub(super) static STEP: &[Field<Step>] = &[
    Field::required("name", at!(Step.name, NAME), "Its name, which no other step or suite of the pipeline has."),
    Field::required("kind", at!(Step.kind, word::<StepKind>()), "What sort of step it is."),
    Field::optional(
        "command",
        command!(Step),
        "What is run; without it a step of the kinds `test` and `coverage` is the gate's own.",
    ),
    Field::optional(
        "args",
        unless_empty!(Step.args, WORDS),
        "Flags of the gate's own step, as after `cargo gate test` or `cargo gate coverage`.",
    ),
    Field::optional("shell", at!(Step.invocation.shell, SWITCH), "Run the command by the shell."),
    Field::optional("cwd", maybe!(Step.invocation.cwd, PATH), "Where it runs."),
    Field::optional("env", unless_empty!(Step.invocation.env, VARIABLES), "Variables of its own."),
    Field::optional("timeout", at!(Step.timeout, LIMIT), "How long it may run."),
    Field::optional("severity", at!(Step.severity, word::<Severity>()), "How much its failure weighs."),
    Field::optional(
        "cache",
        maybe!(Step.cache, SWITCH),
        "Skip it where nothing it depends on changed; unsaid: for format, lint and typecheck. Never for setup.",
    ),
    Field::optional("mutex", maybe!(Step.mutex, TEXT), MUTEX),
    Field::optional("inputs", maybe!(Step.inputs, PATHS), INPUTS),
    Field::optional("needs", unless_empty!(Step.needs, WORDS), NEEDS),
];

const MUTEX: &str = "Never beside another step, of any process, with the same word.";
const INPUTS: &str = "The files it depends on; unsaid: every file of the workspace.";
const NEEDS: &str = "Steps and suites of the same group, or an earlier one, that come before it.";

/// `[[pipeline.NAME.suite]]`.
pub(super) static SUITE: &[Field<Suite>] = &[
    Field::required("name", at!(Suite.name, NAME), "Its name, which no other step or suite of the pipeline has."),
    Field::optional("kind", at!(Suite.kind, SUITE_KIND), "When it runs, as the kind of a step."),
    Field::optional("runner", at!(Suite.runner, word::<Runner>()), "What runs it."),
    Field::optional("command", command!(Suite), "What is run; unsaid: what its runner is called by."),
    Field::optional("shell", at!(Suite.invocation.shell, SWITCH), "Run the command by the shell."),
    Field::optional("cwd", maybe!(Suite.invocation.cwd, PATH), "Where it runs."),
    Field::optional("env", unless_empty!(Suite.invocation.env, VARIABLES), "Variables of its own."),
    Field::optional("timeout", at!(Suite.timeout, LIMIT), "How long it may run."),
    Field::optional(
        "format",
        maybe!(Suite.format, word::<ResultFormat>()),
        "What it writes; unsaid: what its runner writes, of a script nothing but its exit code.",
    ),
    Field::optional(
        "result-path",
        maybe!(Suite.result_path, RESULT_PATH),
        "The file it writes; unsaid: its standard output.",
    ),
    Field::optional("min-pass-rate", at!(Suite.min_pass_rate, RATE), "The least share of its tests that must pass."),
    Field::optional("on-failure", at!(Suite.on_failure, word::<Severity>()), "How much its failure weighs."),
    Field::optional(
        "discover",
        maybe!(Suite.discover, PATH),
        "Where to look for suites: a folder, a manifest, an executable.",
    ),
    Field::optional("mutex", maybe!(Suite.mutex, TEXT), MUTEX),
    Field::optional("inputs", maybe!(Suite.inputs, PATHS), INPUTS),
    Field::optional("needs", unless_empty!(Suite.needs, WORDS), NEEDS),
];

/// `[[pipeline.NAME.smoke]]`.
pub(super) static SMOKE: &[Field<SmokeCheck>] = &[
    Field::required("url", at!(SmokeCheck.url, URL), "What is asked for."),
    Field::optional("contains", maybe!(SmokeCheck.contains, TEXT), "What the first 64 KiB of the answer must contain."),
    Field::optional("status", at!(SmokeCheck.status, STATUS), "The status that must come."),
    Field::optional("timeout", at!(SmokeCheck.timeout, LIMIT), "How long the answer may take."),
];

/// The README's tables of what a pipeline can say, one after the other.
#[must_use]
pub fn pipelines_as_markdown() -> String {
    [
        markdown("[pipeline.NAME]", PIPELINE, &Pipeline::default()),
        markdown("[[pipeline.NAME.step]]", STEP, &Step::default()),
        markdown("[[pipeline.NAME.suite]]", SUITE, &Suite::default()),
        markdown("[[pipeline.NAME.smoke]]", SMOKE, &SmokeCheck::default()),
    ]
    .join("\n")
}

fn markdown<S>(table: &str, fields: &[Field<S>], defaults: &S) -> String {
    let mut text = format!("| `{table}` | default | wanted | |\n|---|---|---|---|\n");
    for Field { key, place, presence, help } in fields {
        let default = match (presence, place.show(defaults)) {
            (Presence::Required, _) => "required".to_owned(),
            (Presence::Optional, Some(value)) => format!("`{value}`"),
            (Presence::Optional, None) => String::new(),
        };
        text.push_str(&format!("| `{key}` | {default} | {} | {help} |\n", in_a_cell(&place.wanted())));
    }
    text
}

/// A text in which nothing means anything to Markdown but its backticks.
fn in_a_cell(text: &str) -> String {
    let escaped = |c: char| if "\\|*<>".contains(c) { format!("\\{c}") } else { c.to_string() };
    text.chars().map(escaped).collect()
}
