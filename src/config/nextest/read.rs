//! Reads nextest's file: what the gate has a place for, and what it passes over.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::filterset::{Filterset, Refusal};
use super::forms::{
    FAIL_FAST, FLAKY_RESULT, Form, LIMIT, PRIORITY, RETRIES, SLOW_TIMEOUT, SlowTimeout, TEXT, THREADS, Threads,
};
use super::ignored::Ignored;
use super::platform;
use super::profile::{self, Profile};
use crate::config::error::nearest;
use crate::config::read::{Reader, join};
use crate::config::shape::Raw;
use crate::config::values::Group;
use crate::model::{FlakyResult, RetryPolicy};

/// A value, and the line on which it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct On<T> {
    pub(super) value: T,
    pub(super) line: usize,
}

/// What one profile says.
#[derive(Clone, Debug, Default)]
pub(super) struct Says {
    pub(super) profile: String,
    pub(super) retries: Option<On<RetryPolicy>>,
    pub(super) flaky_result: Option<On<FlakyResult>>,
    pub(super) slow_timeout: Option<On<SlowTimeout>>,
    pub(super) run_timeout: Option<On<Duration>>,
    pub(super) threads: Option<On<Threads>>,
    pub(super) overrides: Vec<Differs>,
}

/// What one override says.
#[derive(Clone, Debug)]
pub(super) struct Differs {
    pub(super) line: usize,
    pub(super) which: Filterset,
    pub(super) retries: Option<On<RetryPolicy>>,
    pub(super) slow_timeout: Option<On<SlowTimeout>>,
    pub(super) group: Option<On<String>>,
    pub(super) priority: Option<On<i64>>,
}

/// All that the gate has a place for.
#[derive(Clone, Debug, Default)]
pub(super) struct Read {
    /// What the profiles in force say, the one that was chosen first.
    pub(super) profiles: Vec<Says>,
    /// How many threads each group has.
    pub(super) groups: BTreeMap<String, On<Threads>>,
    /// What was passed over.
    pub(super) ignored: Ignored,
}

/// nextest's own keys of the top that the gate has nothing like.
const TOP: [&str; 5] = ["nextest-version", "experimental", "store", "script", "scripts"];

/// The same of a profile; why, where it is not plain.
const PROFILE: [(&str, &str); 12] = [
    ("default-filter", "every test runs; `--select` and filters choose"),
    ("threads-required", ""),
    ("run-extra-args", "arguments after `--` are for all test binaries"),
    ("leak-timeout", ""),
    ("bench", ""),
    ("status-level", ""),
    ("final-status-level", ""),
    ("failure-output", ""),
    ("success-output", ""),
    ("junit", "`--junit FILE` writes one"),
    ("archive", ""),
    ("scripts", ""),
];

/// The same of an override.
const OVERRIDE: [(&str, &str); 9] = [
    ("default-filter", "every test runs; `--select` and filters choose"),
    ("threads-required", ""),
    ("run-extra-args", "arguments after `--` are for all test binaries"),
    ("leak-timeout", ""),
    ("bench", ""),
    ("failure-output", ""),
    ("success-output", ""),
    ("junit", ""),
    ("flaky-result", "it holds for all tests, or for none"),
];

const PROFILE_READ: [&str; 8] =
    ["inherits", "retries", "flaky-result", "slow-timeout", "global-timeout", "test-threads", "fail-fast", "overrides"];

const OVERRIDE_READ: [&str; 6] = ["filter", "platform", "retries", "slow-timeout", "test-group", "priority"];

/// Reads it all; mistakes are left with the reader.
pub(super) fn read(
    reader: &mut Reader<'_>,
    top: &DeTable<'_>,
    gates_profile: &str,
    nextests_profile: Option<&str>,
    targets: &[String],
) -> Read {
    let profiles = profile::profiles(reader, top);
    let in_force = profile::in_force(reader, &profiles, gates_profile, nextests_profile);
    let mut reading = Reading { reader, targets, default: Ok(Filterset::all()), read: Read::default() };
    reading.top(top);
    profile::check_parents(reading.reader, &profiles, &mut reading.read.ignored);
    reading.default = reading.default_filter(&profiles, &in_force);
    for name in &in_force {
        if let Some(profile) = profiles.iter().find(|(known, _)| known == name) {
            let says = reading.profile(*profile);
            reading.read.profiles.push(says);
        }
    }
    // The others are read too, so that a mistake does not wait for the day they are in force.
    let ignored = reading.read.ignored.clone();
    for profile in profiles.iter().filter(|(name, _)| !in_force.iter().any(|one| one == name)) {
        reading.profile(*profile);
    }
    Read { ignored, ..reading.read }
}

struct Reading<'r, 'f> {
    reader: &'r mut Reader<'f>,
    targets: &'r [String],
    /// What `default()` stands for, or the predicate in it that cannot be known.
    default: Result<Filterset, &'static str>,
    read: Read,
}

impl Reading<'_, '_> {
    fn top(&mut self, top: &DeTable<'_>) {
        let mut known = TOP.map(|key| (key, "")).to_vec();
        known.extend([("profile", ""), ("test-groups", "")]);
        self.pass_over(top, "", &["profile", "test-groups"], &known);
        let Some(groups) = self.reader.table(top, "", "test-groups") else { return };
        for (name, value) in groups {
            let name = name.get_ref().as_ref();
            let path = join("test-groups", name);
            let Some(table) = self.reader.table(groups, "test-groups", name) else { continue };
            self.pass_over(table, &path, &["max-threads"], &[]);
            match table.get("max-threads") {
                Some(_) => {
                    if let Some(threads) = self.value(table, &path, "max-threads", &THREADS) {
                        self.read.groups.insert(name.to_owned(), threads);
                    }
                }
                None => self.wrong(&value.span(), join(&path, "max-threads"), "missing", THREADS.wanted),
            }
        }
    }

    /// The first that the profiles in force have.
    fn default_filter(&mut self, profiles: &[Profile<'_, '_>], in_force: &[String]) -> Result<Filterset, &'static str> {
        let mut tables = in_force.iter().filter_map(|name| profiles.iter().find(|(known, _)| known == name));
        let said = tables.find_map(|(name, table)| Some((name, table.get("default-filter")?)));
        let Some((name, value)) = said else { return Ok(Filterset::all()) };
        let key = join(&join("profile", name), "default-filter");
        // It cannot speak of itself.
        self.filterset(value, &key, Err("default()")).unwrap_or(Ok(Filterset::all()))
    }

    fn profile(&mut self, (name, table): Profile<'_, '_>) -> Says {
        let path = &join("profile", name);
        self.pass_over(table, path, &PROFILE_READ, &PROFILE);
        if let Some(On { value: true, line }) = self.value(table, path, "fail-fast", &FAIL_FAST) {
            self.read.ignored.add(join(path, "fail-fast"), line, "`--fail-fast` and `--max-fail N` end a run early");
        }
        let says = Says {
            profile: name.to_owned(),
            retries: self.value(table, path, "retries", &RETRIES),
            flaky_result: self.value(table, path, "flaky-result", &FLAKY_RESULT),
            slow_timeout: self.value(table, path, "slow-timeout", &SLOW_TIMEOUT),
            run_timeout: self.value(table, path, "global-timeout", &LIMIT),
            threads: self.value(table, path, "test-threads", &THREADS),
            overrides: Vec::new(),
        };
        self.note_passing(says.slow_timeout.as_ref(), path);
        let path = &join(path, "overrides");
        let tables = self.reader.tables(table, &join("profile", name), "overrides");
        let overrides = tables.into_iter().filter_map(|(table, span)| self.differs(table, path, &span)).collect();
        Says { overrides, ..says }
    }

    fn differs(&mut self, table: &DeTable<'_>, path: &str, span: &Range<usize>) -> Option<Differs> {
        self.pass_over(table, path, &OVERRIDE_READ, &OVERRIDE);
        let line = self.reader.file.line(span);
        let differs = Differs {
            line,
            which: Filterset::all(),
            retries: self.value(table, path, "retries", &RETRIES),
            slow_timeout: self.value(table, path, "slow-timeout", &SLOW_TIMEOUT),
            group: self.value(table, path, "test-group", &TEXT),
            priority: self.value(table, path, "priority", &PRIORITY),
        };
        self.refuse_unknown_group(table, path, differs.group.as_ref());
        self.note_passing(differs.slow_timeout.as_ref(), path);
        if let Some(On { value: SlowTimeout { grace: Some(_), .. }, line }) = differs.slow_timeout {
            let key = join(path, "slow-timeout.grace-period");
            self.read.ignored.add(key, line, "it holds for all tests, or for none");
        }
        if !table.contains_key("filter") && !table.contains_key("platform") {
            self.wrong(span, path.to_owned(), "neither `filter` nor `platform`", "at least one of them");
            return None;
        }
        let holds = self.platform(table, path);
        let which = table.get("filter").map(|value| {
            let default = self.default.clone();
            self.filterset(value, &join(path, "filter"), default.as_ref().map_err(|unknown| *unknown))
        });
        let which = match which {
            None => Filterset::all(),
            Some(Some(Ok(which))) => which,
            Some(Some(Err(unknown))) => {
                self.read.ignored.add(path, line, format!("{unknown} cannot be told from a test's key"));
                return None;
            }
            Some(None) => return None,
        };
        (holds == Some(true)).then_some(Differs { which, ..differs })
    }

    /// Does an override's platform hold here? One of which that cannot be told is noted.
    fn platform(&mut self, table: &DeTable<'_>, path: &str) -> Option<bool> {
        let Some(value) = table.get("platform") else { return Some(true) };
        const WANTED: &str = "a triple or a text such as \"cfg(unix)\", or { host = …, target = … } of them";
        let (host, target) = match value.get_ref() {
            DeValue::Table(both) => {
                for key in both.keys().filter(|key| !["host", "target"].contains(&key.get_ref().as_ref())) {
                    let key = (join(&join(path, "platform"), key.get_ref()), key.span());
                    self.wrong(&key.1, key.0, "no such key", WANTED);
                }
                (both.get("host"), both.get("target"))
            }
            _ => (None, Some(value)),
        };
        let mut holds = Some(true);
        for (one, targets) in [(host, &[][..]), (target, self.targets)] {
            let Some(one) = one else { continue };
            let told = Raw::Toml(one.get_ref()).text().and_then(|text| platform::holds(text, targets));
            match told {
                Ok(Some(true)) => {}
                Ok(Some(false)) => holds = Some(false),
                Ok(None) => holds = holds.filter(|holds| !holds),
                Err(why) => {
                    self.wrong(&one.span(), join(path, "platform"), &why, WANTED);
                    return Some(false);
                }
            }
        }
        if holds.is_none() {
            let line = self.reader.file.line(&value.span());
            self.read.ignored.add(path, line, "whether its platform is this one cannot be told");
        }
        holds
    }

    /// Reads an expression; `None`: it is wrong, and that has been noted.
    fn filterset(
        &mut self,
        value: &Spanned<DeValue<'_>>,
        key: &str,
        default: Result<&Filterset, &'static str>,
    ) -> Option<Result<Filterset, &'static str>> {
        const WANTED: &str = "a filterset, such as \"package(app) and test(/^db/)\"";
        let why = match Raw::Toml(value.get_ref()).text().map(|text| Filterset::read(text, default)) {
            Ok(Ok(filterset)) => return Some(Ok(filterset)),
            Ok(Err(Refusal::Unknowable(unknown))) => return Some(Err(unknown)),
            Ok(Err(Refusal::Wrong(why))) | Err(why) => why,
        };
        self.wrong(&value.span(), key.to_owned(), &why, WANTED);
        None
    }

    fn refuse_unknown_group(&mut self, table: &DeTable<'_>, path: &str, group: Option<&On<String>>) {
        let (Some(On { value: name, .. }), Some(value)) = (group, table.get("test-group")) else { return };
        if name == Group::NONE || self.read.groups.contains_key(name) {
            return;
        }
        let why = format!("there is no test group {name:?}");
        let mut error = self.reader.error(&value.span(), join(path, "test-group"), why);
        let names = self.read.groups.keys().map(String::as_str);
        error.nearest = nearest(name, names).map(|name| join("test-groups", name));
        self.reader.problems.push(error.wanting("the name of one, as in `[test-groups.NAME]`, or \"@global\""));
    }

    fn note_passing(&mut self, slow: Option<&On<SlowTimeout>>, path: &str) {
        if let Some(On { value: SlowTimeout { passes: true, .. }, line }) = slow {
            let key = join(path, "slow-timeout.on-timeout");
            self.read.ignored.add(key, *line, "a test that is killed has not passed");
        }
    }

    fn value<T>(&mut self, table: &DeTable<'_>, path: &str, key: &str, form: &Form<T>) -> Option<On<T>> {
        let value = table.get(key)?;
        match (form.read)(Raw::Toml(value.get_ref())) {
            Ok(read) => Some(On { value: read, line: self.reader.file.line(&value.span()) }),
            Err(why) => {
                self.wrong(&value.span(), join(path, key), &why, form.wanted);
                None
            }
        }
    }

    /// Notes the keys of a table that are read nowhere: nextest's own, and those that nobody knows.
    fn pass_over(&mut self, table: &DeTable<'_>, path: &str, read: &[&str], known: &[(&str, &str)]) {
        for key in table.keys() {
            let (text, line) = (key.get_ref().as_ref(), self.reader.file.line(&key.span()));
            if read.contains(&text) {
                continue;
            }
            let why = known.iter().find(|(known, _)| *known == text).map(|(_, why)| (*why).to_owned());
            let why = why.unwrap_or_else(|| {
                let names = read.iter().copied().chain(known.iter().map(|(name, _)| *name));
                let meant = nearest(text, names).map(|name| format!("; nearest: {name}")).unwrap_or_default();
                format!("no key of nextest's{meant}")
            });
            self.read.ignored.add(join(path, text), line, why);
        }
    }

    fn wrong(&mut self, span: &Range<usize>, key: String, why: &str, wanted: &str) {
        let error = self.reader.error(span, key, why);
        self.reader.problems.push(error.wanting(wanted));
    }
}
