//! Paths of one place as paths of another: a pure function of text.

use camino::Utf8Path;

/// Directories that lie elsewhere here than where the archive was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remap {
    /// From and to, the longest first.
    moved: Vec<(String, String)>,
}

impl Remap {
    /// Of directories there and here; those that lie at the same place need nothing.
    #[must_use]
    pub fn of(directories: &[(&Utf8Path, &Utf8Path)]) -> Self {
        let is_moved = |(from, to): &&(&Utf8Path, &Utf8Path)| from != to && from.is_absolute();
        let trimmed = |path: &Utf8Path| path.as_str().trim_end_matches(['/', '\\']).to_owned();
        let mut moved: Vec<(String, String)> =
            directories.iter().filter(is_moved).map(|(from, to)| (trimmed(from), trimmed(to))).collect();
        // A directory that stays where it is within one that moves stays.
        let stays = directories.iter().filter(|(from, to)| from == to && from.is_absolute());
        moved.extend(stays.map(|(from, to)| (trimmed(from), trimmed(to))));
        moved.retain(|(from, _)| !from.is_empty());
        moved.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        Self { moved }
    }

    /// Does everything lie where it lay?
    #[must_use]
    pub fn is_identity(&self) -> bool {
        self.moved.iter().all(|(from, to)| from == to)
    }

    /// A text with the paths of here. A path begins where no name goes on, as in `-L dependency=/there/target/debug`,
    /// and ends where its last name does.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        let mut mapped = String::with_capacity(text.len());
        let mut rest = text;
        let mut before = None;
        while let Some(first) = rest.chars().next() {
            let found = self.moved.iter().find_map(|(from, to)| {
                let behind = rest.strip_prefix(from.as_str())?;
                (begins_a_path(before) && ends_a_name(behind.chars().next())).then_some((from, to, behind))
            });
            match found {
                Some((from, to, behind)) => {
                    mapped.push_str(to);
                    (before, rest) = (from.chars().next_back(), behind);
                }
                None => {
                    mapped.push(first);
                    (before, rest) = (Some(first), rest.get(first.len_utf8()..).unwrap_or_default());
                }
            }
        }
        mapped
    }
}

/// Can a path begin behind this?
fn begins_a_path(before: Option<char>) -> bool {
    before.is_none_or(|before| before.is_whitespace() || "=:;,\"'([{@".contains(before))
}

/// Does the name before this end with it?
fn ends_a_name(next: Option<char>) -> bool {
    next.is_none_or(|next| next.is_whitespace() || "/\\=:;,\"')]}#?".contains(next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn remap(directories: &[(&str, &str)]) -> Remap {
        let directories: Vec<_> =
            directories.iter().map(|(from, to)| (Utf8Path::new(*from), Utf8Path::new(*to))).collect();
        Remap::of(&directories)
    }

    #[cfg(unix)]
    #[test]
    fn a_path_is_found_wherever_one_can_begin() {
        let remap = remap(&[("/there/app", "/here"), ("/there/app/target", "/cache"), ("/sys root", "/r")]);
        for (text, wanted) in [
            ("/there/app", "/here"),
            ("/there/app/src/lib.rs", "/here/src/lib.rs"),
            ("/there/app/target/debug/app", "/cache/debug/app"),
            ("/there/app/targets", "/here/targets"),
            ("dependency=/there/app/target/debug/deps", "dependency=/cache/debug/deps"),
            ("a=/there/app/target/a.rlib", "a=/cache/a.rlib"),
            ("/there/app/target/debug:/sys root/lib", "/cache/debug:/r/lib"),
            ("path+file:///there/app", "path+file:///there/app"),
            ("/there/apple", "/there/apple"),
            ("/mnt/there/app", "/mnt/there/app"),
            ("/there", "/there"),
            ("-Wl,-rpath,/there/app/x", "-Wl,-rpath,/here/x"),
            ("", ""),
        ] {
            assert_eq!(remap.text(text), wanted, "{text}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_stays_within_what_moves_stays() {
        let remap = remap(&[("/there", "/here"), ("/there/target", "/there/target")]);
        assert_eq!(remap.text("/there/target/debug /there/src"), "/there/target/debug /here/src");
        assert!(!remap.is_identity());
    }

    #[test]
    fn nothing_moves_where_everything_lies_where_it_lay() {
        let remap = remap(&[("/there", "/there"), ("", "/here"), ("relative", "/here")]);
        assert!(remap.is_identity());
        assert_eq!(remap.text("/there relative"), "/there relative");
    }

    #[cfg(unix)]
    proptest! {
        #[test]
        fn a_text_without_the_directory_is_left_alone(text in "\\PC*") {
            prop_assume!(!text.contains("/there"));
            prop_assert_eq!(remap(&[("/there", "/here")]).text(&text), text);
        }

        #[test]
        fn there_and_back_again_is_where_it_was(parts in proptest::collection::vec("[a-z =:/,.]{0,6}|/one/x", 0..8)) {
            let text: String = parts.concat();
            prop_assume!(!text.contains("/two/y"));
            let there = remap(&[("/one/x", "/two/y")]).text(&text);
            prop_assert_eq!(remap(&[("/two/y", "/one/x")]).text(&there), text);
        }
    }
}
