//! Packages that a workspace takes in from outside of it, by the paths that manifests name.

use std::collections::{BTreeSet, HashSet};
use std::path::{Component, Path, PathBuf};

/// Folders outside of `root` that hold packages which these manifests name by their paths, or which those name in turn.
///
/// cargo is not asked, which would resolve everything: whatever stands behind a `path` anywhere in a manifest and leads to
/// a package counts, also in the workspace that a package outside belongs to. One too many is read in vain.
pub(super) fn outside(root: &Path, manifests: impl IntoIterator<Item = PathBuf>) -> BTreeSet<PathBuf> {
    let mut open: Vec<PathBuf> = manifests.into_iter().collect();
    let mut read: HashSet<PathBuf> = open.iter().cloned().collect();
    let mut found = BTreeSet::new();
    while let Some(manifest) = open.pop() {
        let Some(folder) = manifest.parent() else { continue };
        for path in paths(&manifest) {
            let package = plain(&folder.join(path));
            if package.starts_with(root) || !package.join("Cargo.toml").is_file() {
                continue;
            }
            // What it inherits is written in a manifest above it.
            let above = package.ancestors().map(|folder| folder.join("Cargo.toml")).filter(|file| file.is_file());
            open.extend(above.filter(|file| read.insert(file.clone())));
            found.insert(package);
        }
    }
    found
}

/// What stands behind `path` anywhere in a manifest.
fn paths(manifest: &Path) -> Vec<String> {
    let text = fs_err::read_to_string(manifest).unwrap_or_default();
    if !text.contains("path") {
        return Vec::new();
    }
    let mut paths = Vec::new();
    // cargo has words for a manifest that is none.
    if let Ok(table) = text.parse::<toml::Table>() {
        collect(&table, &mut paths);
    }
    paths
}

fn collect(table: &toml::Table, paths: &mut Vec<String>) {
    for (key, value) in table {
        match value {
            toml::Value::String(path) if key == "path" => paths.push(path.clone()),
            toml::Value::Table(inner) => collect(inner, paths),
            toml::Value::Array(items) => {
                items.iter().filter_map(toml::Value::as_table).for_each(|inner| collect(inner, paths));
            }
            _ => {}
        }
    }
}

/// Without `.` and `..`, as far as that can be.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if plain.file_name().is_some() => drop(plain.pop()),
            part => plain.push(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)], manifests: &[&str]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        }
        let root = folder.path().join("ws");
        let outside = outside(&root, manifests.iter().map(|manifest| root.join(manifest)));
        let short = |path: PathBuf| path.strip_prefix(folder.path()).unwrap().to_str().unwrap().to_owned();
        outside.into_iter().map(short).collect()
    }

    #[test]
    fn what_lies_beside_a_workspace_is_found_through_whoever_names_it() {
        let dependency = |name: &str, path: &str| format!("[dependencies]\n{name} = {{ path = \"{path}\" }}\n");
        let files = [
            ("ws/Cargo.toml", "[workspace.dependencies]\nz = { path = '../z' }\n[patch.crates-io]\np.path = '../p'"),
            ("ws/a/Cargo.toml", &dependency("b", "../b")),
            ("ws/a/src/lib.rs", "path"),
            ("ws/b/Cargo.toml", &dependency("deep", "../../other/deep")),
            ("p/Cargo.toml", "[lib]\npath = 'lib.rs'\n[target.'cfg(unix)'.build-dependencies]\nq = { path = '../q/' }"),
            ("q/Cargo.toml", &dependency("ws", "../ws/a")),
            ("other/Cargo.toml", "[workspace.dependencies]\nlent = { path = './lent' }\nno = { path = 'no' }"),
            ("other/deep/Cargo.toml", "[dependencies]\nlent.workspace = true"),
            ("other/lent/Cargo.toml", "this is no manifest, whatever its path"),
            ("other/unknown/Cargo.toml", ""),
            ("z/Cargo.toml", ""),
        ];
        let manifests = ["Cargo.toml", "a/Cargo.toml", "b/Cargo.toml"];
        assert_eq!(found(&files, &manifests), ["other/deep", "other/lent", "p", "q", "z"]);
        assert!(found(&files, &["a/Cargo.toml"]).is_empty());
        assert!(found(&[], &["Cargo.toml"]).is_empty());
    }
}
