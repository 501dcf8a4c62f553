//! Profiles: which one is in force, what it inherits from.

use std::collections::BTreeMap;

use toml::de::DeTable;

use super::error::{ConfigError, ConfigErrors, Origin, nearest};
use super::file::ConfigFile;
use super::layers::Owner;
use super::read::{Reader, join};
use super::settings::PROFILE;
use super::shape::Raw;
use super::values::Settings;

const DEFAULT_PROFILE: &str = "default";

/// The profile in force, and who chose it.
pub(super) struct Chosen {
    pub(super) name: String,
    origin: Origin,
}

impl Chosen {
    pub(super) fn new(flag: Option<&str>, variables: &BTreeMap<String, String>) -> Self {
        if let Some(name) = flag {
            return Self { name: name.to_owned(), origin: Origin::Flag("gate-profile".to_owned()) };
        }
        let name = variables.get(PROFILE).map_or(DEFAULT_PROFILE, String::as_str);
        Self { name: name.to_owned(), origin: Origin::Variable(PROFILE.to_owned()) }
    }
}

/// A file and the mistakes found in it.
pub(super) struct Written<'a> {
    pub(super) reader: Reader<'a>,
    pub(super) top: &'a DeTable<'a>,
    pub(super) belongs_to: Owner,
}

impl<'a> Written<'a> {
    pub(super) const fn new(file: &'a ConfigFile, top: &'a DeTable<'a>, belongs_to: Owner) -> Self {
        Self { reader: Reader::new(file), top, belongs_to }
    }

    pub(super) fn check_version(&self) -> Result<(), ConfigErrors> {
        const KEY: &str = "required-version";
        let Some(value) = self.top.get(KEY) else { return Ok(()) };
        let wanted = || "a requirement such as \">=0.1\"";
        let error = |why: String| self.reader.error(&value.span(), KEY, why);
        let Some(text) = value.get_ref().as_str() else {
            return Err(error(Raw::Toml(value.get_ref()).misfit()).wanting(wanted()).into());
        };
        let requirement = semver::VersionReq::parse(text)
            .map_err(|why| error(format!("{text:?} is no requirement: {why}")).wanting(wanted()))?;
        let this = env!("CARGO_PKG_VERSION");
        match semver::Version::parse(this) {
            Ok(version) if requirement.matches(&version) => Ok(()),
            _ => Err(error(format!("this is cargo-gate {this}, and the file asks for {text}")).into()),
        }
    }

    /// The names of the profiles. Mistakes about their types are reported when all profiles are read.
    fn profile_names(&self) -> impl Iterator<Item = &'a str> {
        let profiles = self.top.get("profile").and_then(|value| value.get_ref().as_table());
        let tables = profiles.into_iter().flatten().filter(|(_, value)| value.get_ref().is_table());
        tables.map(|(name, _)| name.get_ref().as_ref())
    }

    /// A profile's table.
    pub(super) fn profile(&self, name: &str) -> Option<&'a DeTable<'a>> {
        self.top.get("profile")?.get_ref().as_table()?.get(name)?.get_ref().as_table()
    }

    /// Profiles that are not in force are read too, so that a mistake does not wait for the day they are.
    pub(super) fn check_other_profiles(&mut self, in_force: &[String], settings: &Settings) {
        let Some(profiles) = self.reader.table(self.top, "", "profile") else { return };
        for (name, value) in profiles {
            let name = name.get_ref().as_ref();
            if name == DEFAULT_PROFILE {
                let error = self.reader.error(&value.span(), "profile.default", "no profile can have this name");
                self.reader.problems.push(error.wanting("the tables `[default.test]`, `[default.infra]`…"));
            } else if !in_force.iter().any(|one| one == name)
                && let Some(table) = self.reader.table(profiles, "profile", name)
            {
                self.reader.profiled(table, &join("profile", name), &mut settings.clone());
            }
        }
    }
}

/// The mistakes in what profiles inherit, be they in force or not.
pub(super) fn broken_chains(files: &[Written<'_>]) -> Vec<ConfigError> {
    let names = files.iter().flat_map(Written::profile_names);
    let broken = |name: &str| chain(files, &Chosen { name: name.to_owned(), origin: Origin::Workspace }).err();
    names.filter_map(broken).map(|error| *error).collect()
}

/// The profiles in force, those that are inherited from first.
pub(super) fn chain(files: &[Written<'_>], chosen: &Chosen) -> Result<Vec<String>, Box<ConfigError>> {
    let mut chain: Vec<String> = Vec::new();
    let mut next = chosen.name.clone();
    let mut origin = chosen.origin.clone();
    while next != DEFAULT_PROFILE {
        if chain.contains(&next) {
            return Err(ConfigError::new(origin, "inherits", format!("profile {next:?} inherits from itself")).into());
        }
        if files.iter().all(|file| file.profile(&next).is_none()) {
            let mut error = ConfigError::new(origin, "", format!("there is no profile {next:?}"));
            let names = files.iter().flat_map(Written::profile_names);
            error.nearest = nearest(&next, names).map(|name| join("profile", name));
            return Err(error
                .wanting("a profile of the file, as in `[profile.NAME.test]`, or \"ci\", or \"default\"")
                .into());
        }
        // The workspace's file has the last word on what a profile inherits.
        let mut parent = DEFAULT_PROFILE.to_owned();
        for file in files {
            let Some(value) = file.profile(&next).and_then(|table| table.get("inherits")) else { continue };
            match value.get_ref().as_str() {
                Some(text) => parent = text.to_owned(),
                None => {
                    let why = Raw::Toml(value.get_ref()).misfit();
                    let error = file.reader.error(&value.span(), format!("profile.{next}.inherits"), why);
                    return Err(error.wanting("the name of a profile").into());
                }
            }
            origin = file.reader.file.origin(&value.span());
        }
        chain.push(std::mem::replace(&mut next, parent));
    }
    chain.reverse();
    Ok(chain)
}
