//! Reads pipelines, and refuses what their tables say together: names, needs, and keys that do not go with each other.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use toml::de::DeTable;

use super::error::nearest;
use super::pipeline::{Invocation, Pipeline, SmokeCheck, Step, Suite};
use super::pipeline_shapes::{NAME, trouble_with_name};
use super::read::{Reader, join};
use super::settings::check_engine_args;
use super::tables::{PIPELINE, SMOKE, STEP, SUITE};
use crate::model::{Runner, StepKind, Word};

const NOTHING_FOR_THE_SHELL: &str = "no command beside it";

/// A table of the file with its place.
struct Table<'t, 'd> {
    keys: &'t DeTable<'d>,
    path: String,
    span: Range<usize>,
}

impl Table<'_, '_> {
    /// Where the value of a key stands, or the table where there is none.
    fn span_of(&self, key: &str) -> Range<usize> {
        self.keys.get(key).map_or_else(|| self.span.clone(), toml::Spanned::span)
    }

    /// Where the item of a list stands.
    fn span_of_item(&self, key: &str, index: usize) -> Range<usize> {
        let items = self.keys.get(key).and_then(|value| value.get_ref().as_array());
        let item = items.and_then(|items| items.get(index));
        item.map_or_else(|| self.span_of(key), toml::Spanned::span)
    }
}

/// A step or a suite, as far as others refer to it.
struct Member<'t, 'd> {
    table: Table<'t, 'd>,
    name: String,
    kind: StepKind,
    needs: Vec<String>,
}

impl Reader<'_> {
    /// `[pipeline]`.
    pub(super) fn pipelines(&mut self, top: &DeTable<'_>) -> BTreeMap<String, Pipeline> {
        let mut pipelines = BTreeMap::new();
        let Some(tables) = self.table(top, "", "pipeline") else { return pipelines };
        for (name, value) in tables {
            let path = join("pipeline", name.get_ref());
            if let Some(why) = trouble_with_name(name.get_ref()) {
                let error = self.error(&name.span(), path.as_str(), why);
                self.problems.push(error.wanting((NAME.wanted)()));
            }
            if let Some(keys) = self.table(tables, "pipeline", name.get_ref()) {
                let pipeline = self.pipeline(&Table { keys, path, span: value.span() });
                pipelines.insert(name.get_ref().to_string(), pipeline);
            }
        }
        pipelines
    }

    fn pipeline(&mut self, table: &Table<'_, '_>) -> Pipeline {
        let mut pipeline = Pipeline::default();
        let sound = self.problems.len();
        self.fields(PIPELINE, table.keys, &table.path, &table.span, &["step", "suite", "smoke"], &mut pipeline);
        let mut members = Vec::new();
        for (keys, span) in self.tables(table.keys, &table.path, "step") {
            let table = Table { keys, path: join(&table.path, "step"), span };
            let step = self.step(&table);
            members.push(Member { table, name: step.name.clone(), kind: step.kind, needs: step.needs.clone() });
            pipeline.steps.push(step);
        }
        for (keys, span) in self.tables(table.keys, &table.path, "suite") {
            let table = Table { keys, path: join(&table.path, "suite"), span };
            let suite = self.suite(&table);
            members.push(Member { table, name: suite.name.clone(), kind: suite.kind, needs: suite.needs.clone() });
            pipeline.suites.push(suite);
        }
        for (keys, span) in self.tables(table.keys, &table.path, "smoke") {
            let mut check = SmokeCheck::default();
            self.fields(SMOKE, keys, &join(&table.path, "smoke"), &span, &[], &mut check);
            pipeline.smoke.push(check);
        }
        // Of tables that could not be read nothing is known that others could refer to.
        if self.problems.len() == sound {
            self.refuse_shared_names(&members);
            self.refuse_needs(&members);
        }
        if self.problems.len() == sound {
            self.refuse_circles(&members);
        }
        pipeline
    }

    fn step(&mut self, table: &Table<'_, '_>) -> Step {
        let mut step = Step::default();
        let sound = self.problems.len();
        self.fields(STEP, table.keys, &table.path, &table.span, &[], &mut step);
        self.refuse_command_of_the_wrong_shape(table);
        if self.problems.len() == sound {
            self.take_own_command_for_the_engine(table, &mut step);
            self.refuse_unfit_step(table, &step);
        }
        step
    }

    fn suite(&mut self, table: &Table<'_, '_>) -> Suite {
        let mut suite = Suite::default();
        let sound = self.problems.len();
        self.fields(SUITE, table.keys, &table.path, &table.span, &[], &mut suite);
        self.refuse_command_of_the_wrong_shape(table);
        if self.problems.len() > sound {
            return suite;
        }
        let Suite { invocation, runner, discover, format, result_path, .. } = &suite;
        if *runner == Runner::Script && invocation.command.is_empty() && discover.is_none() {
            let wanted = "a `command`, `discover`, or a `runner` that brings its own, such as \"pytest\"";
            self.refuse(table, "command", "missing", wanted);
        } else if invocation.shell && invocation.command.is_empty() {
            self.refuse(table, "shell", NOTHING_FOR_THE_SHELL, "a `command`, as a text");
        } else if *runner == Runner::Script && result_path.is_some() && format.is_none() {
            self.refuse(table, "result-path", "nothing says what is in it", "a `format` beside it");
        }
        suite
    }

    /// `command = ["cargo", "gate", "test", …]` is the gate itself, and no child of it.
    fn take_own_command_for_the_engine(&mut self, table: &Table<'_, '_>, step: &mut Step) {
        let Step { kind, invocation: Invocation { command, shell, cwd, .. }, .. } = &*step;
        let Some((own, args)) = command.split_at_checked(3) else { return };
        // Elsewhere it may be the gate of another workspace.
        if *shell || cwd.is_some() || !kind.has_engine() || *own != ["cargo", "gate", kind.word()] {
            return;
        }
        if step.args.is_empty() {
            step.args = args.to_vec();
            step.invocation.command.clear();
            self.refuse_args(table, "command", step);
        }
    }

    fn refuse_unfit_step(&mut self, table: &Table<'_, '_>, step: &Step) {
        let Step { kind, invocation, args, .. } = step;
        if !kind.has_engine() && invocation.command.is_empty() {
            let wanted = "a list such as [\"cargo\", \"clippy\"]; only `test` and `coverage` are the gate's own";
            self.refuse(table, "command", "missing", wanted);
        } else if step.is_engine() && invocation.shell {
            self.refuse(table, "shell", NOTHING_FOR_THE_SHELL, "a `command`, as a text");
        }
        if step.is_engine() {
            if invocation.cwd.is_some() {
                self.refuse(table, "cwd", "the gate's own steps run in the workspace", "a `command` beside it");
            }
            if table.keys.contains_key("args") {
                self.refuse_args(table, "args", step);
            }
        } else if !args.is_empty() {
            let wanted = "one of kind `test` or `coverage` without `command`";
            self.refuse(table, "args", "only the gate's own steps have them", wanted);
        }
        if *kind == StepKind::Setup && step.cache == Some(true) {
            self.refuse(table, "cache", "a setup is never cached", "another kind, or no `cache`");
        }
    }

    fn refuse_args(&mut self, table: &Table<'_, '_>, key: &str, step: &Step) {
        if let Err(why) = check_engine_args(step.kind, &step.args) {
            self.refuse(table, key, why, &format!("what `cargo gate {}` understands", step.kind));
        }
    }

    /// A command written as a line would have to be split by guessing: only a shell may do that, by name.
    fn refuse_command_of_the_wrong_shape(&mut self, table: &Table<'_, '_>) {
        let by_shell = table.keys.get("shell").and_then(|shell| shell.get_ref().as_bool()) == Some(true);
        let Some(command) = table.keys.get("command") else { return };
        if command.get_ref().is_str() && !by_shell {
            let wanted = "a list such as [\"cargo\", \"clippy\"], or `shell = true` beside it";
            self.refuse(table, "command", "a text without `shell = true`", wanted);
        } else if command.get_ref().is_array() && by_shell {
            self.refuse(table, "command", "a list beside `shell = true`", "a text, or no `shell = true`");
        }
    }

    fn refuse_shared_names(&mut self, members: &[Member<'_, '_>]) {
        for (index, member) in members.iter().enumerate() {
            // Logs are called by them, also where files differ by more than the case of their names.
            let name = member.name.to_lowercase();
            if members.iter().take(index).any(|earlier| earlier.name.to_lowercase() == name) {
                let why = format!("there is a step or suite {:?} already", member.name);
                self.refuse(&member.table, "name", why, "a name of its own");
            }
        }
    }

    fn refuse_needs(&mut self, members: &[Member<'_, '_>]) {
        let names = || members.iter().map(|member| member.name.as_str());
        for member in members {
            for (index, need) in member.needs.iter().enumerate() {
                let found = members.iter().find(|other| other.name == *need);
                let why = match found {
                    None => format!("there is no step or suite {need:?}"),
                    Some(_) if *need == member.name => "it cannot come before itself".to_owned(),
                    Some(other) if other.kind.group() > member.kind.group() => {
                        format!("{need:?} is of kind {}, which comes after {}", other.kind, member.kind)
                    }
                    Some(_) => continue,
                };
                let span = member.table.span_of_item("needs", index);
                let mut error = self.error(&span, join(&member.table.path, "needs"), why);
                if found.is_none() {
                    error.nearest = nearest(need, names()).map(str::to_owned);
                }
                self.problems.push(error.wanting("names of steps or suites of this pipeline that come before it"));
            }
        }
    }

    /// Each circle is told once, at the first of its members.
    fn refuse_circles(&mut self, members: &[Member<'_, '_>]) {
        let mut told: Vec<&str> = Vec::new();
        for member in members {
            if told.contains(&member.name.as_str()) {
                continue;
            }
            if let Some(circle) = circle_from(member, members) {
                let why = format!("they go in a circle: {} → {}", circle.join(" → "), member.name);
                self.refuse(&member.table, "needs", why, "one of them that begins");
                told.extend(circle);
            }
        }
    }

    fn refuse(&mut self, table: &Table<'_, '_>, key: &str, why: impl Into<String>, wanted: &str) {
        let error = self.error(&table.span_of(key), join(&table.path, key), why);
        self.problems.push(error.wanting(wanted));
    }
}

/// The shortest way from a member through what it needs back to itself.
fn circle_from<'m>(start: &'m Member<'_, '_>, members: &'m [Member<'_, '_>]) -> Option<Vec<&'m str>> {
    let mut ways = VecDeque::from([vec![start]]);
    let mut seen: Vec<&str> = Vec::new();
    while let Some(way) = ways.pop_front() {
        for need in way.last()?.needs.iter() {
            if *need == start.name {
                return Some(way.iter().map(|member| member.name.as_str()).collect());
            }
            if let Some(next) = members.iter().find(|member| member.name == *need)
                && !seen.contains(&next.name.as_str())
            {
                seen.push(&next.name);
                ways.push_back(way.iter().copied().chain([next]).collect());
            }
        }
    }
    None
}
