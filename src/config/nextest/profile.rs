//! Which of nextest's profiles are in force.

use toml::de::DeTable;

use super::ignored::Ignored;
use crate::config::error::{ConfigError, Origin, nearest};
use crate::config::read::{Reader, join};
use crate::config::shape::Raw;

/// The profile that all others build on.
pub(super) const DEFAULT: &str = "default";

/// The variable by which nextest is told its profile.
pub(super) const VARIABLE: &str = "NEXTEST_PROFILE";

/// A profile's name and table.
pub(super) type Profile<'t, 'd> = (&'t str, &'t DeTable<'d>);

/// The file's profiles, in its order.
pub(super) fn profiles<'t, 'd>(reader: &mut Reader<'_>, top: &'t DeTable<'d>) -> Vec<Profile<'t, 'd>> {
    let Some(tables) = reader.table(top, "", "profile") else { return Vec::new() };
    let names = tables.keys().map(|name| name.get_ref().as_ref());
    names.filter_map(|name| Some((name, reader.table(tables, "profile", name)?))).collect()
}

/// The names of the profiles in force, the one that was chosen first, those that it inherits from after it: the one named
/// like the gate's, else the one that nextest would take.
pub(super) fn in_force(
    reader: &mut Reader<'_>,
    profiles: &[Profile<'_, '_>],
    gates: &str,
    nextests: Option<&str>,
) -> Vec<String> {
    let table = |name: &str| profiles.iter().find(|(known, _)| *known == name).map(|(_, table)| *table);
    let (mut next, mut origin) = match nextests {
        _ if gates != DEFAULT && table(gates).is_some() => (gates.to_owned(), None),
        Some(name) => (name.to_owned(), Some(Origin::Variable(VARIABLE.to_owned()))),
        None => (DEFAULT.to_owned(), None),
    };
    let mut chain: Vec<String> = Vec::new();
    loop {
        let inherits = table(&next).and_then(|table| table.get("inherits"));
        let wrong = if chain.contains(&next) {
            Some(format!("profile {next:?} inherits from itself"))
        } else {
            (table(&next).is_none() && next != DEFAULT).then(|| format!("there is no profile {next:?}"))
        };
        if let Some(why) = wrong {
            let key = if matches!(origin, Some(Origin::Variable(_))) { "" } else { "inherits" };
            let mut error = ConfigError::new(origin.unwrap_or(Origin::Workspace), key, why);
            error.nearest = nearest(&next, profiles.iter().map(|(name, _)| *name)).map(|name| join("profile", name));
            reader.problems.push(error.wanting("a profile of nextest's file, as in `[profile.NAME]`"));
            return chain;
        }
        let parent = inherits.and_then(|value| value.get_ref().as_str().map(|text| (text, value.span())));
        let is_last = next == DEFAULT;
        chain.push(std::mem::replace(&mut next, DEFAULT.to_owned()));
        if is_last {
            return chain;
        }
        if let Some((name, span)) = parent {
            (next, origin) = (name.to_owned(), Some(reader.file.origin(&span)));
        }
    }
}

/// What every profile may say of its parent, be it in force or not.
pub(super) fn check_parents(reader: &mut Reader<'_>, profiles: &[Profile<'_, '_>], ignored: &mut Ignored) {
    for (name, table) in profiles {
        let Some(value) = table.get("inherits") else { continue };
        let key = join(&join("profile", name), "inherits");
        match value.get_ref().as_str() {
            Some(_) if *name == DEFAULT => ignored.add(key, reader.file.line(&value.span()), "nothing is below it"),
            Some(parent) if parent == DEFAULT || profiles.iter().any(|(known, _)| *known == parent) => {}
            other => {
                let why = other.map_or_else(
                    || Raw::Toml(value.get_ref()).misfit(),
                    |parent| format!("there is no profile {parent:?}"),
                );
                let error = reader.error(&value.span(), key, why).wanting("the name of a profile");
                if !reader.problems.iter().any(|known| known.origin == error.origin) {
                    reader.problems.push(error);
                }
            }
        }
    }
}
