//! Which targets bring a harness of their own: `harness = false`, which cargo's metadata does not tell.

use std::collections::BTreeSet;

use crate::model::Kind;

/// The targets of one manifest that say `harness = false`. A manifest that cannot be read says nothing: cargo has
/// read it before, so it can be.
#[must_use]
pub fn without_libtest(manifest: &str) -> BTreeSet<(Kind, String)> {
    let Ok(table) = manifest.parse::<toml::Table>() else { return BTreeSet::new() };
    let package = table.get("package").and_then(|package| package.get("name")).and_then(toml::Value::as_str);
    let mut found = BTreeSet::new();
    let mut note = |kind, target: &toml::Value| {
        if target.get("harness").and_then(toml::Value::as_bool) == Some(false) {
            let name = target.get("name").and_then(toml::Value::as_str).map(str::to_owned);
            // Only a library may go without a name; cargo then takes the package's.
            let name = name.or_else(|| package.map(|package| package.replace('-', "_")));
            found.extend(name.map(|name| (kind, name)));
        }
    };
    if let Some(lib) = table.get("lib") {
        note(Kind::Lib, lib);
    }
    for (section, kind) in
        [("bin", Kind::Bin), ("test", Kind::Test), ("example", Kind::Example), ("bench", Kind::Bench)]
    {
        for target in table.get(section).and_then(toml::Value::as_array).into_iter().flatten() {
            note(kind, target);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_targets_that_say_so_go_without_libtest() {
        let found = without_libtest(
            r#"
            [package]
            name = "my-app"
            [lib]
            harness = false
            [[test]]
            name = "ui"
            harness = false
            [[test]]
            name = "plain"
            [[bench]]
            name = "speed"
            harness = false
            [[example]]
            name = "shown"
            harness = true
            "#,
        );
        let wanted = [(Kind::Lib, "my_app"), (Kind::Test, "ui"), (Kind::Bench, "speed")];
        assert_eq!(found, wanted.map(|(kind, name)| (kind, name.to_owned())).into());
    }

    #[test]
    fn what_is_no_manifest_says_nothing() {
        assert!(without_libtest("[[[").is_empty());
        assert!(without_libtest("").is_empty());
    }
}
