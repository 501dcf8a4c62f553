//! Reads tables of the file into typed places, and collects every mistake on the way.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, nearest};
use super::field::{Field, Presence};
use super::file::ConfigFile;
use super::settings::{SETTINGS, Section, Setting};
use super::shape::Raw;
use super::tables::{EXEMPT, FLOOR, GROUP, OVERRIDE, QUARANTINE};
use super::values::{Exempt, Floor, Group, Override, Quarantine, Settings};

/// Keys of the file's top that are no settings.
pub(super) const TOP_TABLES: [&str; 14] = [
    "required-version",
    "scope",
    "store",
    "judgement",
    "notify",
    "ci",
    "default",
    "profile",
    "groups",
    "override",
    "quarantine",
    "floor",
    "exempt",
    "pipeline",
];

/// A value that was set, and the line on which it stands.
pub(super) struct SetOn {
    pub(super) setting: &'static Setting,
    pub(super) line: usize,
}

/// Reads one file.
pub(super) struct Reader<'a> {
    pub(super) file: &'a ConfigFile,
    pub(super) problems: Vec<ConfigError>,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(file: &'a ConfigFile) -> Self {
        Self { file, problems: Vec::new() }
    }

    /// The settings that stand at the top and in the tables that no profile changes.
    pub(super) fn unprofiled(&mut self, top: &DeTable<'_>, to: &mut Settings) -> Vec<SetOn> {
        let mut set = self.section(Section::Top, top, "", &TOP_TABLES, to);
        for section in Section::ALL {
            if section == Section::Top || section.is_profiled() {
                continue;
            }
            if let Some(table) = self.table(top, "", section.name()) {
                set.extend(self.section(section, table, section.name(), &[], to));
            }
        }
        set
    }

    /// The settings of `default` or of a profile.
    pub(super) fn profiled(&mut self, table: &DeTable<'_>, path: &str, to: &mut Settings) -> Vec<SetOn> {
        let sections = Section::ALL.into_iter().filter(|section| section.is_profiled());
        let mut known: Vec<&str> = sections.clone().map(Section::name).collect();
        if path != "default" {
            known.push("inherits");
        }
        self.refuse_unknown(table, path, &known);
        let mut set = Vec::new();
        for section in sections {
            if let Some(inner) = self.table(table, path, section.name()) {
                set.extend(self.section(section, inner, &join(path, section.name()), &[], to));
            }
        }
        set
    }

    fn section(
        &mut self,
        section: Section,
        table: &DeTable<'_>,
        path: &str,
        tables: &[&str],
        to: &mut Settings,
    ) -> Vec<SetOn> {
        let settings = SETTINGS.iter().filter(|setting| setting.section == section);
        let known: Vec<&str> =
            settings.clone().map(|setting| setting.field.key).chain(tables.iter().copied()).collect();
        self.refuse_unknown(table, path, &known);
        let mut set = Vec::new();
        for setting in settings {
            if let Some(value) = table.get(setting.field.key)
                && self.write(&setting.field, path, value, to)
            {
                let line = self.file.line(&value.span());
                set.push(SetOn { setting, line });
            }
        }
        set
    }

    /// `[groups]`, `[pipeline]`, and the tables in double brackets.
    pub(super) fn lists(&mut self, top: &DeTable<'_>, to: &mut Settings) {
        to.groups = self.groups(top);
        for (table, span) in self.tables(top, "", "override") {
            let mut one = Override::default();
            self.fields(OVERRIDE, table, "override", &span, &[], &mut one);
            self.refuse_unknown_group(&one, table, &to.groups);
            to.overrides.push(one);
        }
        for (table, span) in self.tables(top, "", "quarantine") {
            let mut one = Quarantine::default();
            self.fields(QUARANTINE, table, "quarantine", &span, &[], &mut one);
            to.quarantine.push(one);
        }
        for (table, span) in self.tables(top, "", "floor") {
            let mut one = Floor::default();
            self.fields(FLOOR, table, "floor", &span, &[], &mut one);
            self.refuse_floor_of_two_or_none(table, &span);
            to.floors.push(one);
        }
        for (table, span) in self.tables(top, "", "exempt") {
            let mut one = Exempt::default();
            self.fields(EXEMPT, table, "exempt", &span, &[], &mut one);
            to.exempt.push(one);
        }
        to.pipelines = self.pipelines(top);
    }

    fn groups(&mut self, top: &DeTable<'_>) -> BTreeMap<String, Group> {
        let mut groups = BTreeMap::new();
        let Some(tables) = self.table(top, "", "groups") else { return groups };
        for (name, value) in tables {
            let mut group = Group::default();
            if let Some(table) = self.table(tables, "groups", name.get_ref()) {
                self.fields(GROUP, table, &join("groups", name.get_ref()), &value.span(), &[], &mut group);
            }
            groups.insert(name.get_ref().to_string(), group);
        }
        groups
    }

    fn refuse_floor_of_two_or_none(&mut self, table: &DeTable<'_>, span: &std::ops::Range<usize>) {
        let why = match (table.get("packages"), table.get("files")) {
            (Some(_), Some(_)) => "both `packages` and `files`",
            (None, None) => "neither `packages` nor `files`",
            _ => return,
        };
        let error = self.error(span, "floor", why);
        self.problems.push(error.wanting("one of them"));
    }

    fn refuse_unknown_group(&mut self, one: &Override, table: &DeTable<'_>, groups: &BTreeMap<String, Group>) {
        let (Some(group), Some(value)) = (&one.group, table.get("group")) else { return };
        if !groups.contains_key(group) {
            let mut error = self.error(&value.span(), "override.group", format!("there is no group {group:?}"));
            error.nearest = nearest(group, groups.keys().map(String::as_str)).map(|name| format!("groups.{name}"));
            self.problems.push(error.wanting("the name of a group, as in `[groups.NAME]`"));
        }
    }

    /// All fields of a table into an `S`; `others` are read elsewhere.
    pub(super) fn fields<S>(
        &mut self,
        fields: &'static [Field<S>],
        table: &DeTable<'_>,
        path: &str,
        span: &std::ops::Range<usize>,
        others: &[&str],
        to: &mut S,
    ) {
        let known: Vec<&str> = fields.iter().map(|field| field.key).chain(others.iter().copied()).collect();
        self.refuse_unknown(table, path, &known);
        for field in fields {
            match table.get(field.key) {
                Some(value) => {
                    self.write(field, path, value, to);
                }
                None if field.presence == Presence::Required => {
                    let error = self.error(span, join(path, field.key), "missing");
                    self.problems.push(error.wanting(field.place.wanted()));
                }
                None => {}
            }
        }
    }

    fn write<S>(&mut self, field: &Field<S>, path: &str, value: &Spanned<DeValue<'_>>, to: &mut S) -> bool {
        match field.place.write(to, Raw::Toml(value.get_ref())) {
            Ok(()) => true,
            Err(why) => {
                let error = self.error(&value.span(), join(path, field.key), why);
                self.problems.push(error.wanting(field.place.wanted()));
                false
            }
        }
    }

    fn refuse_unknown(&mut self, table: &DeTable<'_>, path: &str, known: &[&str]) {
        for key in table.keys() {
            let text = key.get_ref().as_ref();
            if known.contains(&text) {
                continue;
            }
            let mut error = self.error(&key.span(), join(path, text), "no such key");
            error.nearest = nearest_key(text, path, known);
            self.problems.push(error.wanting(format!("one of {}", known.join(", "))));
        }
    }

    /// The table under a key, if it is there and is one.
    pub(super) fn table<'t, 'd>(&mut self, table: &'t DeTable<'d>, path: &str, key: &str) -> Option<&'t DeTable<'d>> {
        let value = table.get(key)?;
        let inner = value.get_ref().as_table();
        if inner.is_none() {
            self.wrong_type(value, path, key, &format!("a table, as in `[{}]`", join(path, key)));
        }
        inner
    }

    /// The tables of the list under a key, each with its place.
    pub(super) fn tables<'t, 'd>(
        &mut self,
        table: &'t DeTable<'d>,
        path: &str,
        key: &str,
    ) -> Vec<(&'t DeTable<'d>, std::ops::Range<usize>)> {
        let Some(value) = table.get(key) else { return Vec::new() };
        let wanted = format!("a list of tables, as in `[[{}]]`", join(path, key));
        let Some(list) = value.get_ref().as_array() else {
            self.wrong_type(value, path, key, &wanted);
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in list.iter() {
            match item.get_ref().as_table() {
                Some(table) => tables.push((table, item.span())),
                None => self.wrong_type(item, path, key, &wanted),
            }
        }
        tables
    }

    fn wrong_type(&mut self, value: &Spanned<DeValue<'_>>, path: &str, key: &str, wanted: &str) {
        let why = Raw::Toml(value.get_ref()).misfit();
        let error = self.error(&value.span(), join(path, key), why);
        self.problems.push(error.wanting(wanted));
    }

    pub(super) fn error(
        &self,
        span: &std::ops::Range<usize>,
        key: impl Into<String>,
        why: impl Into<String>,
    ) -> ConfigError {
        ConfigError::new(self.file.origin(span), key, why)
    }
}

pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The key that was most probably meant: one of this table, or a setting that stands in another one.
fn nearest_key(text: &str, path: &str, known: &[&str]) -> Option<String> {
    if TOP_TABLES.contains(&text) {
        return Some(format!("{text}, at the top level"));
    }
    if let Some(key) = nearest(text, known.iter().copied()) {
        return Some(join(path, key));
    }
    let section = Section::ALL.into_iter().find(|section| section.is_profiled() && section.name() == text);
    if let Some(section) = section {
        return Some(format!("default.{}", section.name()));
    }
    SETTINGS.iter().find(|setting| setting.field.key == text).map(Setting::path)
}
