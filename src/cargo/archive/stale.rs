//! What cargo remembers of its own builds in a target directory that an archive is unpacked into.
//!
//! cargo takes a file for its own, and as fresh, by what it wrote down of the build that made it. Once an archive has
//! replaced the file, that would be the archive's executable in the place of one of the sources that are there: it is
//! forgotten, for the members of the workspace, whose sources change, and the next build of cargo's makes them anew.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;

/// Where cargo writes it down, in the directory of each profile.
const FINGERPRINTS: &str = ".fingerprint";

/// The directories in which cargo remembers what it built where these files go.
pub(super) fn fingerprints<'a>(
    target_directory: &Utf8Path,
    files: impl IntoIterator<Item = &'a str>,
) -> Vec<Utf8PathBuf> {
    let above = |file: &'a str| Utf8Path::new(file).ancestors().skip(1);
    let directories: BTreeSet<&Utf8Path> = files.into_iter().flat_map(above).collect();
    let fingerprints = directories.into_iter().map(|directory| target_directory.join(directory).join(FINGERPRINTS));
    fingerprints.filter(|fingerprints| fingerprints.is_dir()).collect()
}

/// Forgets what is remembered of these packages there.
pub(super) fn forget(fingerprints: &[Utf8PathBuf], packages: &BTreeSet<&str>) -> std::io::Result<()> {
    for fingerprints in fingerprints {
        let Ok(entries) = fingerprints.read_dir_utf8() else { continue };
        let of_members: Vec<Utf8PathBuf> = entries
            .flatten()
            .filter(|entry| is_of(entry.file_name(), packages))
            .map(|entry| entry.path().to_owned())
            .collect();
        of_members.iter().try_for_each(fs::remove_dir_all)?;
    }
    Ok(())
}

/// `app-0123456789abcdef` is of `app`.
fn is_of(fingerprint: &str, packages: &BTreeSet<&str>) -> bool {
    fingerprint.rsplit_once('-').is_some_and(|(package, _)| packages.contains(package))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cargo_built_of_the_members_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let target = Utf8Path::from_path(dir.path()).unwrap();
        for of in ["debug/.fingerprint/app-1", "debug/.fingerprint/app-core-1", "release/.fingerprint/app-1"] {
            fs::create_dir_all(target.join(of)).unwrap();
        }
        forget(&fingerprints(target, ["debug/deps/app-1"]), &["app"].into()).unwrap();
        let left = |of: &str| target.join(of).is_dir();
        assert!(!left("debug/.fingerprint/app-1"));
        assert!(left("debug/.fingerprint/app-core-1") && left("release/.fingerprint/app-1"));
    }
}
