//! What does not count of a measurement: packages out of scope, exempt files, and test code where that is asked for.

use std::io::ErrorKind;

use camino::{Utf8Path, Utf8PathBuf};

use crate::cargo::workspace::Workspace;
use crate::config::Settings;
use crate::coverage::CoverageMap;
use crate::coverage::exempt::{self, Layout, LeaveOutError, LeftOut};
use crate::coverage::test_code::{self, Root};

/// Where files lie, and what is said of them.
#[derive(Clone, Copy, Debug)]
pub(in crate::commands) struct Grounds<'a> {
    pub(in crate::commands) settings: &'a Settings,
    pub(in crate::commands) root: &'a Utf8Path,
    pub(in crate::commands) target_dir: &'a Utf8Path,
    /// Name and folder, relative to the root, of every package.
    pub(in crate::commands) packages: &'a [(&'a str, &'a Utf8Path)],
}

impl Grounds<'_> {
    /// Takes it out, and says what it was. Paths are relative to the root.
    pub(in crate::commands) fn leave_out(
        &self,
        map: CoverageMap,
    ) -> Result<(CoverageMap, Vec<LeftOut>), LeaveOutError> {
        let scope = &self.settings.scope.packages;
        let excludes = self.settings.coverage.exclude_test_code;
        let folders: Vec<&Utf8Path> = self.packages.iter().map(|(_, folder)| *folder).collect();
        let target = self.target_dir.strip_prefix(self.root).unwrap_or(self.target_dir);
        let layout = Layout { packages: &folders, target_dir: target };
        let why = |path: &Utf8PathBuf| {
            let outside = CoverageMap::package_of(path, self.packages).filter(|package| !scope.is_match(package));
            let outside = outside.map(|package| exempt::Why::Chosen(format!("`{package}` is out of scope")));
            let by_place = || excludes.then(|| exempt::by_place(path, &layout)).flatten();
            outside.or_else(|| exempt::chosen(path, &self.settings.exempt)).or_else(by_place)
        };
        let mut left_out: Vec<LeftOut> = map
            .files()
            .keys()
            .filter_map(|path| Some(LeftOut { path: path.clone(), lines: None, why: why(path)? }))
            .collect();
        if excludes {
            let whole = |path: &Utf8PathBuf| left_out.iter().any(|out| out.path == *path);
            let parse = |path: &Utf8PathBuf| {
                let source = self.source(path).transpose()?;
                // What the parser does not understand the compiler may: it counts.
                let found = |source: String| Some((path.clone(), test_code::find(&source, path, root_of(path)).ok()?));
                source.map(found).transpose()
            };
            let parsed = map.files().keys().filter(|path| !whole(path)).filter_map(parse);
            left_out.extend(exempt::by_parsing(&parsed.collect::<Result<Vec<_>, _>>()?));
        }
        let map = exempt::leave_out(map, &left_out)?;
        Ok((map, left_out))
    }

    /// The text of a file, where there is one: what is generated may be gone. One that cannot be read is another matter,
    /// since its test code would count.
    fn source(&self, path: &Utf8Path) -> Result<Option<String>, LeaveOutError> {
        match fs_err::read_to_string(self.root.join(path)) {
            Ok(text) => Ok(Some(text)),
            Err(error) => match error.kind() {
                ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidData => Ok(None),
                _ => Err(LeaveOutError::Unreadable { path: path.to_owned(), why: error.to_string() }),
            },
        }
    }
}

/// Roots of crates by where they lie.
fn root_of(path: &Utf8Path) -> Root {
    let folder = path.parent().and_then(Utf8Path::file_name).unwrap_or_default();
    let is_root = matches!(path.file_name(), Some("lib.rs" | "main.rs"))
        || matches!(folder, "bin" | "tests" | "benches" | "examples");
    if is_root { Root::Crate } else { Root::Module }
}

/// Name and folder, relative to the root, of every package.
pub(in crate::commands) fn packages(workspace: &Workspace) -> Vec<(String, Utf8PathBuf)> {
    let folder = |manifest: &Utf8Path| {
        let folder = manifest.parent().unwrap_or(manifest);
        folder.strip_prefix(&workspace.root).unwrap_or(folder).to_owned()
    };
    workspace.packages.values().map(|package| (package.name.clone(), folder(&package.manifest))).collect()
}
