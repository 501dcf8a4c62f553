//! What a build leaves on the disk beside its test executables: what tests start, load, read, and are compiled against.

use std::path::{Path, PathBuf};

use camino::Utf8PathBuf;
use cargo_metadata::{BuildScript, PackageId, TargetKind};

/// Files and directories that cargo named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outputs {
    /// Programs that are no tests, and dynamic libraries.
    pub programs: Vec<PathBuf>,
    /// Libraries and procedural macros that other crates are compiled against.
    pub libraries: Vec<PathBuf>,
    /// The `OUT_DIR` of each build script.
    pub out_dirs: Vec<(PackageId, PathBuf)>,
    /// Where build scripts say that native libraries lie.
    pub searched: Vec<PathBuf>,
}

impl Outputs {
    /// Takes what cargo says of an artifact.
    pub(super) fn take_artifact(&mut self, artifact: &cargo_metadata::Artifact) {
        let is = |kind: &TargetKind| artifact.target.kind.contains(kind);
        if artifact.profile.test || is(&TargetKind::CustomBuild) {
            return;
        }
        let is_macro = is(&TargetKind::ProcMacro);
        for file in artifact.filenames.iter().chain(&artifact.executable) {
            match file.extension() {
                // A program's own symbols beside it are large, and only a debugger looks for them.
                Some("a" | "lib" | "exp" | "pdb" | "dwp" | "dSYM") => {}
                Some("rlib" | "rmeta") => self.libraries.extend(library(file)),
                _ if is_macro => self.libraries.push(file.clone().into()),
                _ => self.programs.push(file.clone().into()),
            }
        }
    }

    /// Takes what cargo says of a build script.
    pub(super) fn take_script(&mut self, script: BuildScript) {
        self.out_dirs.push((script.package_id, script.out_dir.into()));
        let path = |path: &Utf8PathBuf| {
            let path = path.as_str();
            let kinds = ["dependency=", "crate=", "native=", "framework=", "all="];
            PathBuf::from(kinds.iter().find_map(|kind| path.strip_prefix(kind)).unwrap_or(path))
        };
        self.searched.extend(script.linked_paths.iter().map(path));
    }
}

/// The library in the directory where the compiler looks for it: cargo may name another name of its, but that of its
/// metadata has the hash.
fn library(file: &Utf8PathBuf) -> Option<PathBuf> {
    let whole = file.with_extension("rlib");
    let is_whole = Path::new(&whole).is_file();
    Some(if is_whole { whole } else { file.clone() }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(kind: &str, test: bool, files: &[&str], executable: Option<&str>) -> cargo_metadata::Artifact {
        let target = serde_json::json!({
            "kind": [kind], "name": "app", "src_path": "/w/src/lib.rs", "edition": "2024", "crate_types": [kind],
            "doctest": true, "test": true, "doc": true,
        });
        let profile = serde_json::json!({
            "opt_level": "0", "debuginfo": 2, "debug_assertions": true, "overflow_checks": true, "test": test,
        });
        let json = serde_json::json!({
            "package_id": "app", "manifest_path": "/w/Cargo.toml", "target": target, "profile": profile,
            "features": [], "filenames": files, "executable": executable, "fresh": false,
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn what_tests_start_is_told_from_what_is_compiled_against() {
        let mut outputs = Outputs::default();
        for (kind, test, files, executable) in [
            ("bin", false, &["/t/app", "/t/app.dwp"][..], Some("/t/app")),
            ("test", true, &["/t/deps/it-1"], Some("/t/deps/it-1")),
            ("custom-build", false, &["/t/build/app-1/build-script-build"], None),
            ("proc-macro", false, &["/t/deps/libpm-1.so"], None),
            ("cdylib", false, &["/t/deps/libapp.so", "/t/deps/libapp.rlib"], None),
        ] {
            outputs.take_artifact(&artifact(kind, test, files, executable));
        }
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(outputs.programs, paths(&["/t/app", "/t/app", "/t/deps/libapp.so"]));
        assert_eq!(outputs.libraries, paths(&["/t/deps/libpm-1.so", "/t/deps/libapp.rlib"]));
    }

    #[test]
    fn where_native_libraries_lie_is_read_without_their_kind() {
        let script = serde_json::json!({
            "package_id": "app", "linked_libs": [], "linked_paths": ["native=/t/out", "/t/other"], "cfgs": [],
            "env": [], "out_dir": "/t/out",
        });
        let mut outputs = Outputs::default();
        outputs.take_script(serde_json::from_value(script).unwrap());
        assert_eq!(outputs.searched, [PathBuf::from("/t/out"), PathBuf::from("/t/other")]);
        assert_eq!(outputs.out_dirs.len(), 1);
    }
}
