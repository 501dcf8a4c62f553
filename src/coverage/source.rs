//! Coverage from files that are there already: llvm-cov's JSON, or lcov's tracefiles.

use std::fs::File;
use std::io::{self, BufRead, BufReader};

use camino::{Utf8Path, Utf8PathBuf};

use super::map::CoverageMap;
use super::{lcov, llvm_json};

/// Why files give no coverage.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// No file was named.
    #[error("no file was named")]
    None,
    /// A file cannot be opened or read.
    #[error("`{path}` cannot be read: {why}")]
    Unreadable {
        /// Which file.
        path: Utf8PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// A file is no export of llvm-cov's.
    #[error("`{path}` is no JSON of llvm-cov's: {why}")]
    LlvmJson {
        /// Which file.
        path: Utf8PathBuf,
        /// What is wrong, and where.
        why: serde_json::Error,
    },
    /// A file is no tracefile of lcov's.
    #[error("`{path}` is no lcov file: {why}")]
    Lcov {
        /// Which file.
        path: Utf8PathBuf,
        /// What is wrong, and where.
        why: lcov::LcovError,
    },
    /// Several files, and one of them is llvm-cov's.
    #[error(
        "`{0}` is JSON of llvm-cov's, and its totals cannot be put together with another file's: hand over one such \
         file, or lcov files"
    )]
    NotMergeable(Utf8PathBuf),
    /// Numbers that together are too large.
    #[error(transparent)]
    Numbers(#[from] crate::ratio::RatioError),
}

/// Reads one export of llvm-cov's, or any number of tracefiles, which are put together line by line, of the workspace at
/// this root. What a file is shows in its first character.
///
/// # Errors
///
/// Which file is not what it should be, and where.
pub fn load(paths: &[Utf8PathBuf], root: &Utf8Path) -> Result<CoverageMap, SourceError> {
    let mut traces = lcov::Traces::of(root);
    for path in paths {
        let (is_json, reader) = open(path).map_err(|why| SourceError::Unreadable { path: path.clone(), why })?;
        if !is_json {
            traces.add(reader).map_err(|why| SourceError::Lcov { path: path.clone(), why })?;
        } else if paths.len() > 1 {
            return Err(SourceError::NotMergeable(path.clone()));
        } else {
            let map = llvm_json::read(reader).map_err(|why| SourceError::LlvmJson { path: path.clone(), why })?;
            return Ok(map.relative_to(root));
        }
    }
    if paths.is_empty() { Err(SourceError::None) } else { Ok(traces.into_map()?) }
}

/// Reads what was asked of llvm-cov itself, which is an export or nothing.
///
/// # Errors
///
/// What is wrong with it, and where.
pub fn load_export(path: &Utf8Path, root: &Utf8Path) -> Result<CoverageMap, SourceError> {
    let (_, reader) = open(path).map_err(|why| SourceError::Unreadable { path: path.to_owned(), why })?;
    let map = llvm_json::read(reader).map_err(|why| SourceError::LlvmJson { path: path.to_owned(), why })?;
    Ok(map.relative_to(root))
}

/// Opens a file and says whether it is JSON.
fn open(path: &Utf8Path) -> io::Result<(bool, BufReader<File>)> {
    let mut reader = BufReader::with_capacity(1 << 16, File::open(path)?);
    let first = reader.fill_buf()?.iter().find(|byte| !byte.is_ascii_whitespace()).copied();
    Ok((first == Some(b'{'), reader))
}

#[cfg(test)]
mod tests {
    use super::super::map::Counting;
    use super::*;

    #[test]
    fn files_are_known_by_their_content_and_never_mixed() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        let root = Utf8Path::new("/home/ann/tally");
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            fs_err::write(&path, text).unwrap();
            path
        };
        let json = write("a", include_str!("../../testdata/coverage/export.json"));
        let lcov = write("b", include_str!("../../testdata/coverage/lcov.info"));
        let garbage = write("c", "garbage");
        let cut = write("d", "{\"data\":[");
        assert_eq!(load(std::slice::from_ref(&json), root).unwrap().counting(), Counting::Summary);
        let once = load(std::slice::from_ref(&lcov), root).unwrap();
        assert_eq!(once.total(), load(&[lcov.clone(), lcov.clone()], root).unwrap().total());

        let missing = folder.join("missing");
        for (paths, why) in [
            (vec![], "no file was named".to_owned()),
            (vec![lcov.clone(), json.clone()], format!("`{json}` is JSON of llvm-cov's, and its totals")),
            (vec![json.clone(), json.clone()], format!("`{json}` is JSON of llvm-cov's, and its totals")),
            (vec![lcov, garbage.clone()], format!("`{garbage}` is no lcov file: line 1: \"garbage\"")),
            (
                vec![cut.clone()],
                format!("`{cut}` is no JSON of llvm-cov's: EOF while parsing a list at line 1 column 9"),
            ),
            (vec![missing.clone()], format!("`{missing}` cannot be read: ")),
        ] {
            let error = load(&paths, root).unwrap_err().to_string();
            assert!(error.starts_with(&why), "{error}");
        }
    }
}
