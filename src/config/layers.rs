//! Puts the layers over each other: built-in defaults, file, profile, variables, flags. The later wins.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fmt;

use serde::Serialize;

use super::error::{ConfigError, ConfigErrors, Origin, nearest};
use super::file::ConfigFile;
use super::nextest::{Borrowed, NextestLayer, Taken};
use super::profiles::{Chosen, Written, broken_chains, chain};
use super::read::{SetOn, join};
use super::settings::{DISABLE, OTHER_VARIABLES, SETTINGS, Section, Setting};
use super::shape::{FromEnvironment, Raw};
use super::shapes::SWITCH;
use super::values::Settings;

/// What holds where nobody says otherwise, in the form of the file.
pub const DEFAULTS: &str = include_str!("defaults.toml");

/// Everything that has a say, as values.
#[derive(Clone, Copy, Debug, Default)]
pub struct Layers<'a> {
    /// The workspace's file.
    pub file: Option<&'a ConfigFile>,
    /// nextest's file, where it has a say.
    pub nextest: Option<NextestLayer<'a>>,
    /// The process's variables; those that do not begin with `CARGO_GATE_` are not looked at.
    pub variables: &'a [(OsString, OsString)],
    /// The profile that `--gate-profile` names.
    pub profile: Option<&'a str>,
    /// The flags that stand for a setting, by name without dashes, with their text.
    pub flags: &'a [(&'static str, &'a str)],
}

/// Whose file is it?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The one inside the program.
    Program,
    /// The workspace's.
    Workspace,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Source {
    /// From the built-in defaults.
    Default,
    /// From the file, on this line.
    File {
        /// The file's name.
        name: String,
        /// The line, from 1.
        line: usize,
    },
    /// From a profile of the file, on this line.
    Profile {
        /// The profile's name.
        profile: String,
        /// The file's name.
        name: String,
        /// The line, from 1.
        line: usize,
    },
    /// From a built-in profile of this name.
    BuiltInProfile {
        /// The profile's name.
        profile: String,
    },
    /// From this variable.
    Variable {
        /// The variable's name.
        name: String,
    },
    /// From this flag.
    Flag {
        /// The flag's name, without dashes.
        name: &'static str,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { name, line } => write!(f, "{name}:{line}"),
            Self::Profile { profile, name, line } => write!(f, "{name}:{line} (profile {profile})"),
            Self::BuiltInProfile { profile } => write!(f, "built-in profile {profile}"),
            Self::Variable { name } => f.write_str(name),
            Self::Flag { name } => write!(f, "--{name}"),
        }
    }
}

/// Something odd that stops nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigWarning {
    /// A stable word, kebab-case.
    pub id: &'static str,
    /// One sentence.
    pub text: String,
}

/// The settings in force, and what only people want to know of them.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The settings.
    pub settings: Settings,
    /// The name of the profile in force.
    pub profile: String,
    /// The name of the file, if there is one.
    pub file: Option<String>,
    /// What was odd on the way.
    pub warnings: Vec<ConfigWarning>,
    /// What who runs tests should know: what nextest's file says and has no effect.
    pub notes: Vec<String>,
    borrowed: Borrowed,
    sources: HashMap<(Section, &'static str), Source>,
}

impl Resolved {
    /// Puts the layers over each other. Every mistake is reported, not only the first.
    pub fn from_layers(layers: &Layers<'_>) -> Result<Self, ConfigErrors> {
        let built_in = ConfigFile { name: "built-in defaults".to_owned(), text: DEFAULTS.to_owned() };
        let built_in_top = built_in.parse()?;
        let mut files = vec![Written::new(&built_in, built_in_top.get_ref(), Owner::Program)];
        let file_top = layers.file.map(ConfigFile::parse).transpose()?;
        if let (Some(file), Some(top)) = (layers.file, &file_top) {
            let written = Written::new(file, top.get_ref(), Owner::Workspace);
            // A file for another version is not judged by the rules of this one.
            written.check_version()?;
            files.push(written);
        }
        let nextest_top = layers.nextest.map(|layer| layer.file.parse()).transpose()?;
        let variables = gate_variables(layers.variables);
        let chosen = Chosen::new(layers.profile, &variables);

        let mut resolving = Resolving::new();
        for file in &mut files {
            resolving.apply_top(file);
        }
        let chain = chain(&files, &chosen).unwrap_or_else(|error| {
            resolving.problems.push(*error);
            Vec::new()
        });
        for profile in &chain {
            for file in &mut files {
                resolving.apply_profile(file, profile);
            }
        }
        for error in broken_chains(&files) {
            if !resolving.problems.contains(&error) {
                resolving.problems.push(error);
            }
        }
        for file in &mut files {
            file.check_other_profiles(&chain, &resolving.settings);
            resolving.problems.append(&mut file.reader.problems);
        }
        let taken = layers.nextest.zip(nextest_top.as_ref()).map(|(layer, top)| {
            let taken = Taken::read(layer, top.get_ref(), layers, &chosen.name, &mut resolving);
            taken.lay_under(&mut resolving);
            taken
        });
        resolving.apply_variables(&variables);
        resolving.apply_flags(layers.flags);
        if let Some(taken) = taken {
            taken.take_lists(&mut resolving);
        }
        ConfigErrors::unless(
            resolving.problems,
            Self {
                settings: resolving.settings,
                profile: chosen.name,
                file: layers.file.map(|file| file.name.clone()),
                warnings: resolving.warnings,
                notes: resolving.notes,
                borrowed: resolving.borrowed,
                sources: resolving.sources,
            },
        )
    }

    /// The settings as far as the layers can be read: for who leaves word of a mistake in the rest of them.
    #[must_use]
    pub fn settings_despite_mistakes(layers: &Layers<'_>) -> Settings {
        let mut resolving = Resolving::new();
        if let Some((file, top)) = layers.file.and_then(|file| Some((file, file.parse().ok()?))) {
            resolving.apply_top(&mut Written::new(file, top.get_ref(), Owner::Workspace));
        }
        resolving.apply_variables(&gate_variables(layers.variables));
        resolving.apply_flags(layers.flags);
        resolving.settings
    }

    /// Where a setting's value comes from.
    #[must_use]
    pub fn source(&self, setting: &Setting) -> &Source {
        self.sources.get(&(setting.section, setting.field.key)).unwrap_or(&Source::Default)
    }

    /// Where a group comes from that is not the gate's own file's.
    #[must_use]
    pub fn source_of_group(&self, name: &str) -> Option<&Source> {
        self.borrowed.groups.get(name)
    }

    /// Where an override comes from that is not the gate's own file's, by its place among all.
    #[must_use]
    pub fn source_of_override(&self, place: usize) -> Option<&Source> {
        let own = self.settings.overrides.len() - self.borrowed.overrides.len();
        self.borrowed.overrides.get(place.checked_sub(own)?)
    }
}

impl Default for Settings {
    /// The built-in defaults.
    #[expect(clippy::expect_used, reason = "the text is part of the program, and tests read it")]
    fn default() -> Self {
        Resolved::from_layers(&Layers::default()).expect("the built-in defaults are sound").settings
    }
}

/// Settings while the layers are put over each other.
pub(super) struct Resolving {
    pub(super) settings: Settings,
    pub(super) problems: Vec<ConfigError>,
    pub(super) notes: Vec<String>,
    pub(super) borrowed: Borrowed,
    sources: HashMap<(Section, &'static str), Source>,
    warnings: Vec<ConfigWarning>,
}

impl Resolving {
    fn new() -> Self {
        Self {
            settings: Settings::blank(),
            problems: Vec::new(),
            notes: Vec::new(),
            borrowed: Borrowed::default(),
            sources: HashMap::new(),
            warnings: Vec::new(),
        }
    }

    /// All of a file but its profiles.
    fn apply_top(&mut self, file: &mut Written<'_>) {
        let mut set = file.reader.unprofiled(file.top, &mut self.settings);
        if let Some(table) = file.reader.table(file.top, "", "default") {
            set.extend(file.reader.profiled(table, "default", &mut self.settings));
        }
        file.reader.lists(file.top, &mut self.settings);
        self.note(file, None, &set);
    }

    fn apply_profile(&mut self, file: &mut Written<'_>, profile: &str) {
        let Some(table) = file.profile(profile) else { return };
        let set = file.reader.profiled(table, &join("profile", profile), &mut self.settings);
        self.note(file, Some(profile), &set);
    }

    fn note(&mut self, file: &Written<'_>, profile: Option<&str>, set: &[SetOn]) {
        for SetOn { setting, line } in set {
            let (name, line) = (file.reader.file.name.clone(), *line);
            let source = match (file.belongs_to, profile) {
                (Owner::Program, None) => Source::Default,
                (Owner::Program, Some(profile)) => Source::BuiltInProfile { profile: profile.to_owned() },
                (Owner::Workspace, None) => Source::File { name, line },
                (Owner::Workspace, Some(profile)) => Source::Profile { profile: profile.to_owned(), name, line },
            };
            self.sources.insert((setting.section, setting.field.key), source);
        }
    }

    /// Who has said something of a setting of the tests, above what is built in.
    pub(super) fn said(&self, key: &'static str) -> Option<&Source> {
        let source = self.sources.get(&(Section::Test, key));
        source.filter(|source| !matches!(source, Source::Default | Source::BuiltInProfile { .. }))
    }

    /// Sets what nobody has said anything of.
    pub(super) fn lay_under(&mut self, key: &'static str, source: &Source, set: impl FnOnce(&mut Settings)) {
        if self.said(key).is_none() {
            set(&mut self.settings);
            self.sources.insert((Section::Test, key), source.clone());
        }
    }

    fn apply_variables(&mut self, variables: &BTreeMap<String, String>) {
        let known: Vec<String> = SETTINGS.iter().map(Setting::variable).collect();
        for (name, text) in variables {
            let setting = SETTINGS.iter().zip(&known).find(|(_, variable)| *variable == name);
            match setting {
                _ if OTHER_VARIABLES.iter().any(|(other, _)| *other == name) => {}
                Some((setting, _)) if name == DISABLE => self.apply_disable(setting, text),
                Some((setting, _)) => self.apply_variable(setting, name, text),
                None => self.warn_unknown(name, &known),
            }
        }
    }

    /// The one variable that says the opposite of its setting.
    fn apply_disable(&mut self, setting: &Setting, text: &str) {
        match (SWITCH.read)(Raw::Text(text)) {
            Ok(disabled) => {
                self.settings.enabled = !disabled;
                self.note_variable(setting, DISABLE);
            }
            Err(why) => {
                let error = ConfigError::new(Origin::Variable(DISABLE.to_owned()), "", why);
                self.problems.push(error.wanting("1 or 0"));
            }
        }
    }

    fn apply_variable(&mut self, setting: &Setting, name: &str, text: &str) {
        let place = setting.field.place;
        let Err(why) = place.write(&mut self.settings, Raw::Text(text)) else {
            self.note_variable(setting, name);
            return;
        };
        match place.environment() {
            FromEnvironment::Strict => {
                let error = ConfigError::new(Origin::Variable(name.to_owned()), setting.name(), why);
                self.problems.push(error.wanting(place.wanted()));
            }
            FromEnvironment::FallsBack => {
                let below = self.sources.get(&(setting.section, setting.field.key)).unwrap_or(&Source::Default);
                let value = place.show(&self.settings).unwrap_or_default();
                let text = format!("{name} is ignored ({why}): {} stays {value} ({below})", setting.name());
                self.warnings.push(ConfigWarning { id: "bad-variable", text });
            }
        }
    }

    fn note_variable(&mut self, setting: &Setting, name: &str) {
        self.sources.insert((setting.section, setting.field.key), Source::Variable { name: name.to_owned() });
    }

    fn warn_unknown(&mut self, name: &str, known: &[String]) {
        let lower: Vec<String> = known
            .iter()
            .map(String::as_str)
            .chain(OTHER_VARIABLES.map(|(name, _)| name))
            .map(|name| name.to_lowercase())
            .collect();
        // The underscores are part of these names, and `nearest` compares keys, which have dashes.
        let keys: Vec<String> = lower.iter().map(|name| name.replace('_', "-")).collect();
        let meant = nearest(name, keys.iter().map(String::as_str));
        let hint = meant.map_or(String::new(), |key| format!("; nearest: {}", key.to_uppercase().replace('-', "_")));
        let text = format!("{} is no variable of the gate's{hint}", name.escape_debug());
        self.warnings.push(ConfigWarning { id: "unknown-variable", text });
    }

    fn apply_flags(&mut self, flags: &[(&'static str, &str)]) {
        for (flag, text) in flags {
            let Some(setting) = SETTINGS.iter().find(|setting| setting.flag == Some(flag)) else { continue };
            match setting.field.place.write(&mut self.settings, Raw::Text(text)) {
                Ok(()) => {
                    self.sources.insert((setting.section, setting.field.key), Source::Flag { name: flag });
                }
                Err(why) => {
                    let error = ConfigError::new(Origin::Flag((*flag).to_owned()), setting.name(), why);
                    self.problems.push(error.wanting(setting.field.place.wanted()));
                }
            }
        }
    }
}

/// The gate's own variables. An empty one counts as not set, as CI systems leave them behind.
fn gate_variables(variables: &[(OsString, OsString)]) -> BTreeMap<String, String> {
    variables
        .iter()
        .map(|(name, text)| (name.to_string_lossy(), text.to_string_lossy()))
        .filter(|(name, text)| name.starts_with("CARGO_GATE_") && !text.is_empty())
        .map(|(name, text)| (name.into_owned(), text.into_owned()))
        .collect()
}
