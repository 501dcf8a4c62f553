//! Lays what nextest's file says under what the gate's own file, variables and flags say.

use std::collections::BTreeMap;
use std::time::Duration;

use toml::de::DeTable;

use super::forms::SlowTimeout;
use super::ignored::Ignored;
use super::load::{NEXTEST_FILE, NextestLayer, text_of};
use super::profile::{DEFAULT, VARIABLE};
use super::read::{Differs, On, Read, Says, read};
use crate::config::layers::{Layers, Resolving, Source};
use crate::config::read::{Reader, join};
use crate::config::values::{Group, Override};
use crate::config::which::Which;

/// What was read of nextest's file, to be taken over in two steps: what holds for all tests goes below variables and
/// flags, and what holds for some of them has to know what those have said.
pub(in crate::config) struct Taken {
    read: Read,
    cpus: usize,
    /// What limits a test where nextest's file does not.
    own_timeout: Option<Duration>,
}

/// Where entries of lists come from that nextest's file brought.
#[derive(Clone, Debug, Default)]
pub(in crate::config) struct Borrowed {
    /// The groups, by name.
    pub(in crate::config) groups: BTreeMap<String, Source>,
    /// The overrides: the last ones.
    pub(in crate::config) overrides: Vec<Source>,
}

impl Taken {
    /// Reads the file over the settings so far; mistakes are left with them.
    pub(in crate::config) fn read(
        layer: NextestLayer<'_>,
        top: &DeTable<'_>,
        layers: &Layers<'_>,
        profile: &str,
        resolving: &mut Resolving,
    ) -> Self {
        let mut reader = Reader::new(layer.file);
        let nextests = text_of(layers.variables, VARIABLE);
        let read = read(&mut reader, top, profile, nextests.as_deref(), layer.targets);
        resolving.problems.append(&mut reader.problems);
        Self { read, cpus: layer.cpus, own_timeout: resolving.settings.test.timeout }
    }

    /// What holds for all tests.
    pub(in crate::config) fn lay_under(&self, resolving: &mut Resolving) {
        if let Some((retries, source)) = self.nearest(|says| says.retries) {
            resolving.lay_under("retries", &source, |to| to.test.retries = retries);
        }
        if let Some((result, source)) = self.nearest(|says| says.flaky_result) {
            resolving.lay_under("flaky-result", &source, |to| to.test.flaky_result = result);
        }
        if let Some((limit, source)) = self.nearest(|says| says.run_timeout) {
            resolving.lay_under("run-timeout", &source, |to| to.test.run_timeout = Some(limit));
        }
        if let Some((threads, source)) = self.nearest(|says| says.threads) {
            resolving.lay_under("slots", &source, |to| to.test.slots = threads.of(self.cpus));
        }
        if let Some((slow, source)) = self.nearest(|says| says.slow_timeout) {
            resolving.lay_under("slow", &source, |to| to.test.slow = Some(slow.period));
            let timeout = self.timeout(slow);
            if timeout != self.own_timeout || slow.terminate_after.is_some() {
                resolving.lay_under("timeout", &source, |to| to.test.timeout = timeout);
            }
            if let Some(grace) = slow.grace {
                resolving.lay_under("grace", &source, |to| to.test.grace = grace);
            }
        }
    }

    /// Groups, and what holds for some tests, after the gate's own; then what was passed over, in one note.
    pub(in crate::config) fn take_lists(self, resolving: &mut Resolving) {
        for (name, On { value, line }) in &self.read.groups {
            if !resolving.settings.groups.contains_key(name) {
                let group = Group { max_threads: value.of(self.cpus).unwrap_or(self.cpus) };
                resolving.settings.groups.insert(name.clone(), group);
                resolving.borrowed.groups.insert(name.clone(), source(DEFAULT, *line));
            }
        }
        let mut ignored = self.read.ignored.clone();
        for says in &self.read.profiles {
            let path = join(&join("profile", &says.profile), "overrides");
            for differs in &says.overrides {
                let one = self.beside_what_was_said(differs, &path, resolving, &mut ignored);
                if one != (Override { filter: one.filter.clone(), ..Override::default() }) {
                    resolving.settings.overrides.push(one);
                    resolving.borrowed.overrides.push(source(&says.profile, differs.line));
                }
            }
        }
        resolving.notes.extend(ignored.note());
    }

    /// An override without what the gate's own file, variables or flags have said for all tests.
    fn beside_what_was_said(
        &self,
        differs: &Differs,
        path: &str,
        resolving: &Resolving,
        ignored: &mut Ignored,
    ) -> Override {
        // Without a key nothing of the file's is passed over.
        let mut is_free = |setting: &'static str, key: Option<&str>, line: usize| {
            let above = resolving.said(setting).filter(|source| !is_nextests(source));
            if let Some((source, key)) = above.zip(key) {
                ignored.add(join(path, key), line, format!("{source} decides"));
            }
            above.is_none()
        };
        let retries = differs.retries.filter(|said| is_free("retries", Some("retries"), said.line));
        let slow = differs.slow_timeout.filter(|said| is_free("slow", Some("slow-timeout.period"), said.line));
        let timeout = differs.slow_timeout.filter(|said| {
            let key = said.value.terminate_after.map(|_| "slow-timeout.terminate-after");
            is_free("timeout", key, said.line)
        });
        Override {
            filter: Which::Filterset(differs.which.clone()),
            group: differs.group.as_ref().map(|said| said.value.clone()),
            slow: slow.map(|said| Some(said.value.period)),
            timeout: timeout.map(|said| self.timeout(said.value)),
            retries: retries.map(|said| said.value),
            priority: differs.priority.map(|said| said.value),
            isolation: None,
        }
    }

    /// When a test is killed. Where the file says only when it is slow the gate's own limit stays, unless that would kill
    /// it before it is slow.
    fn timeout(&self, slow: SlowTimeout) -> Option<Duration> {
        match slow.terminate_after {
            Some(periods) => slow.period.checked_mul(periods),
            None => self.own_timeout.filter(|limit| *limit > slow.period),
        }
    }

    /// What the nearest of the profiles in force says.
    fn nearest<T>(&self, pick: impl Fn(&Says) -> Option<On<T>>) -> Option<(T, Source)> {
        self.read.profiles.iter().find_map(|says| {
            let said = pick(says)?;
            Some((said.value, source(&says.profile, said.line)))
        })
    }
}

fn source(profile: &str, line: usize) -> Source {
    let name = NEXTEST_FILE.to_owned();
    match profile {
        DEFAULT => Source::File { name, line },
        profile => Source::Profile { profile: profile.to_owned(), name, line },
    }
}

fn is_nextests(source: &Source) -> bool {
    matches!(source, Source::File { name, .. } | Source::Profile { name, .. } if name == NEXTEST_FILE)
}
