//! What cargo sets on top of the environment it is given, without that environment: pure functions.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use camino::Utf8Path;
use serde::{Deserialize, Serialize};

use super::Remap;
use crate::sys::process::is_variable;

/// An environment.
pub type Environment = [(OsString, OsString)];

/// Variables that are lists of directories, to which cargo and its proxies add some.
const SEARCH_PATHS: [&str; 6] =
    ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "LIBPATH", "SHLIB_PATH"];

/// Variables that tell of the machine and its toolchain: where the archive runs they are others.
const OF_THE_MACHINE: [&str; 5] = ["CARGO", "CARGO_HOME", "RUST_RECURSION_COUNT", "RUSTC", "RUSTDOC"];

/// Variables that cargo sets for each test. One that has the same value already is no less set by it.
const CARGOS_OWN: [&str; 6] = [
    "OUT_DIR",
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_CRATE_NAME",
    "CARGO_BIN_NAME",
    "CARGO_PRIMARY_PACKAGE",
];

/// What is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overlay {
    /// Variables with their values.
    pub set: BTreeMap<String, String>,
    /// Lists of directories with what is put before those that are there.
    pub prepend: BTreeMap<String, Vec<String>>,
}

impl Overlay {
    /// What a launch has beyond the environment that cargo was given. Of a list of directories, those that cargo added
    /// count, and those that lie in one of `owned`. An error is the name of a variable whose value is no UTF-8.
    pub fn of(launch: &Environment, given: &Environment, owned: &[&Utf8Path]) -> Result<Self, String> {
        let mut overlay = Self::default();
        for (name, value) in launch {
            let known = given.iter().find(|(given, _)| given == name).map(|(_, value)| value);
            if is_of_the_machine(name) {
                continue;
            }
            let shown = || name.to_string_lossy().into_owned();
            if let Some(list) = SEARCH_PATHS.iter().find(|list| is_variable(name, list)) {
                let added = added(value, known, owned).ok_or_else(shown)?;
                if !added.is_empty() {
                    overlay.prepend.insert((*list).to_owned(), added);
                }
            } else if known != Some(value) || is_cargos_own(name) {
                let text = |text: &OsStr| text.to_str().map(str::to_owned);
                let (name, value) = text(name).zip(text(value)).ok_or_else(shown)?;
                overlay.set.insert(name, value);
            }
        }
        Ok(overlay)
    }

    /// This environment with what is set, the paths in it being those of here.
    #[must_use]
    pub fn over(&self, own: &Environment, remap: &Remap) -> Vec<(OsString, OsString)> {
        let mut all = own.to_vec();
        let mut put = |name: &str, value: OsString| {
            all.retain(|(known, _)| !is_variable(known, name));
            all.push((name.into(), value));
        };
        for (name, value) in &self.set {
            put(name, remap.text(value).into());
        }
        for (name, added) in &self.prepend {
            let mut list: Vec<PathBuf> = added.iter().map(|path| remap.text(path).into()).collect();
            let there = own.iter().find(|(known, _)| is_variable(known, name)).map(|(_, value)| value);
            let behind = there.into_iter().flat_map(std::env::split_paths).filter(|path| !list.contains(path));
            let behind: Vec<PathBuf> = behind.collect();
            list.extend(behind);
            // A directory whose name cannot stand in a list was in none before either.
            if let Ok(joined) = std::env::join_paths(&list) {
                put(name, joined);
            }
        }
        all
    }
}

fn is_of_the_machine(name: &OsStr) -> bool {
    OF_THE_MACHINE.iter().any(|of| is_variable(name, of)) || name.to_string_lossy().starts_with("RUSTUP_")
}

fn is_cargos_own(name: &OsStr) -> bool {
    let text = name.to_string_lossy();
    CARGOS_OWN.contains(&&*text) || ["CARGO_PKG_", "CARGO_BIN_EXE_"].iter().any(|prefix| text.starts_with(prefix))
}

fn added(value: &OsStr, known: Option<&OsString>, owned: &[&Utf8Path]) -> Option<Vec<String>> {
    let known: Vec<PathBuf> = known.into_iter().flat_map(std::env::split_paths).collect();
    let mut added = Vec::new();
    for path in std::env::split_paths(value) {
        let is_owned = owned.iter().any(|owned| path.starts_with(owned));
        if is_owned || !known.contains(&path) {
            let path = path.to_str()?.to_owned();
            if !added.contains(&path) {
                added.push(path);
            }
        }
    }
    Some(added)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn env(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        pairs.iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    fn sorted(mut env: Vec<(OsString, OsString)>) -> Vec<(OsString, OsString)> {
        env.sort();
        env
    }

    #[test]
    fn only_what_cargo_set_is_kept() {
        let given = env(&[("TOKEN", "secret"), ("CARGO_PKG_NAME", "app"), ("CHANGED", "a"), ("CARGO", "/c")]);
        let mut launch = env(&[("TOKEN", "secret"), ("CARGO_PKG_NAME", "app"), ("CHANGED", "b"), ("NEW", "1")]);
        launch.extend(env(&[("CARGO", "/other"), ("RUSTUP_HOME", "/r"), ("CARGO_HOME", "/h")]));
        let overlay = Overlay::of(&launch, &given, &[]).unwrap();
        let set: Vec<(&str, &str)> = overlay.set.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(set, [("CARGO_PKG_NAME", "app"), ("CHANGED", "b"), ("NEW", "1")]);
        assert!(overlay.prepend.is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn of_a_list_of_directories_only_what_cargo_added_is_kept() {
        let given = env(&[("LD_LIBRARY_PATH", "/own:/t/debug"), ("PATH", "/bin")]);
        let launch = env(&[("LD_LIBRARY_PATH", "/s/lib:/t/debug:/own:/t/debug"), ("PATH", "/bin")]);
        let overlay = Overlay::of(&launch, &given, &[Utf8Path::new("/t")]).unwrap();
        assert_eq!(overlay.prepend["LD_LIBRARY_PATH"], ["/s/lib", "/t/debug"]);
        assert_eq!((overlay.prepend.len(), overlay.set.len()), (1, 0));
        let remap = Remap::of(&[(Utf8Path::new("/s"), Utf8Path::new("/r"))]);
        let here = overlay.over(&env(&[("LD_LIBRARY_PATH", "/mine:/r/lib"), ("HOME", "/h")]), &remap);
        assert_eq!(sorted(here), env(&[("HOME", "/h"), ("LD_LIBRARY_PATH", "/r/lib:/t/debug:/mine")]));
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_no_text_is_named() {
        use std::os::unix::ffi::OsStringExt;
        let launch = [("ODD".into(), OsString::from_vec(vec![0xff]))];
        assert_eq!(Overlay::of(&launch, &[], &[]), Err("ODD".to_owned()));
        // What cargo did not set is nobody's concern.
        assert_eq!(Overlay::of(&launch, &launch, &[]), Ok(Overlay::default()));
    }

    proptest! {
        #[test]
        fn the_same_environment_comes_back_and_nothing_that_was_given_is_kept(
            given in proptest::collection::btree_map("G[A-Z]{1,3}", "[a-z]{1,4}", 0..5),
            set in proptest::collection::btree_map("S[A-Z]{1,3}", "[a-z]{1,4}", 0..5),
        ) {
            let given: Vec<_> = given.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
            let launch: Vec<(OsString, OsString)> =
                given.iter().cloned().chain(set.into_iter().map(|(name, value)| (name.into(), value.into()))).collect();
            let overlay = Overlay::of(&launch, &given, &[]).unwrap();
            prop_assert!(overlay.set.keys().all(|name| name.starts_with('S')));
            prop_assert_eq!(sorted(overlay.over(&given, &Remap::default())), sorted(launch));
        }
    }
}
