//! Where the gate directory is.

use camino::{Utf8Path, Utf8PathBuf};

/// The directory of the history, the ratchet, the reports and the logs.
///
/// A configured one is taken as it is, relative to the workspace. Else it is `gate` in the target directory, so that
/// nothing appears in the checkout; where that directory lies outside the workspace it may be shared, so the
/// workspace gets a folder of its own in it.
#[must_use]
pub fn gate_dir(target_dir: &Utf8Path, workspace_root: &Utf8Path, configured: Option<&Utf8Path>) -> Utf8PathBuf {
    if let Some(configured) = configured {
        return workspace_root.join(configured);
    }
    let shared = target_dir.join("gate");
    if target_dir.starts_with(workspace_root) {
        return shared;
    }
    let hash = blake3::hash(workspace_root.as_str().as_bytes()).to_hex();
    let name = workspace_root.file_name().unwrap_or("root");
    shared.join(format!("{name}-{}", hash.get(..8).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_inside_the_target_directory_of_the_workspace() {
        assert_eq!(gate_dir("/w/app/target".into(), "/w/app".into(), None), "/w/app/target/gate");
    }

    #[test]
    fn workspaces_that_share_a_target_directory_do_not_share_it() {
        let first = gate_dir("/shared/target".into(), "/w/app".into(), None);
        let second = gate_dir("/shared/target".into(), "/v/app".into(), None);
        assert!(first.as_str().starts_with("/shared/target/gate/app-"), "{first}");
        assert_eq!(first.as_str().len(), "/shared/target/gate/app-".len() + 8);
        assert_ne!(first, second);
        assert_eq!(first, gate_dir("/shared/target".into(), "/w/app".into(), None));
    }

    #[test]
    fn a_configured_one_is_relative_to_the_workspace() {
        assert_eq!(gate_dir("/t".into(), "/w".into(), Some(".gate".into())), "/w/.gate");
        assert_eq!(gate_dir("/t".into(), "/w".into(), Some("/elsewhere".into())), "/elsewhere");
    }
}
