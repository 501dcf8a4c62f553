//! The configuration file as written: where it is, its text, and which line a byte is on.

use std::ops::Range;

use camino::Utf8Path;
use toml::Spanned;
use toml::de::DeTable;

use super::error::{ConfigError, ConfigErrors, Origin};

/// Where the file may be, relative to the workspace root.
pub const PLACES: [&str; 2] = [".config/gate.toml", "gate.toml"];

/// A configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFile {
    /// Its name as people see it, relative to the workspace root.
    pub name: String,
    /// What it says.
    pub text: String,
}

impl ConfigFile {
    /// Reads the file of a workspace, if it has one. Two are a mistake, and so is one that cannot be read.
    pub fn load(workspace_root: &Utf8Path) -> Result<Option<Self>, ConfigErrors> {
        let there: Vec<&str> =
            PLACES.into_iter().filter(|place| workspace_root.join(place).symlink_metadata().is_ok()).collect();
        match there.as_slice() {
            [] => Ok(None),
            [name] => match fs_err::read_to_string(workspace_root.join(name)) {
                Ok(text) => Ok(Some(Self { name: (*name).to_owned(), text })),
                Err(error) => Err(ConfigError::new(Origin::Workspace, "", error.to_string()).into()),
            },
            _ => {
                let why = format!("both {} and {} exist: keep one of them", PLACES[0], PLACES[1]);
                Err(ConfigError::new(Origin::Workspace, "", why).into())
            }
        }
    }

    /// The file's tables, each value with its place.
    pub(super) fn parse(&self) -> Result<Spanned<DeTable<'_>>, ConfigErrors> {
        DeTable::parse(&self.text).map_err(|error| {
            let span = error.span().unwrap_or_default();
            ConfigError::new(self.origin(&span), "", error.message().replace('\n', ", ")).into()
        })
    }

    /// Where a span of bytes begins.
    pub(super) fn origin(&self, span: &Range<usize>) -> Origin {
        let before = self.before(span);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        Origin::File { name: self.name.clone(), line: self.line(span), column }
    }

    /// The line on which a span of bytes begins, from 1.
    pub(super) fn line(&self, span: &Range<usize>) -> usize {
        self.before(span).matches('\n').count() + 1
    }

    fn before(&self, span: &Range<usize>) -> &str {
        self.text.get(..span.start).unwrap_or(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_and_in_characters() {
        let file = ConfigFile { name: "gate.toml".to_owned(), text: "a = 1\nkö = \"ü\" # x\n".to_owned() };
        let at = |offset| file.origin(&(offset..offset)).to_string();
        assert_eq!(at(0), "gate.toml:1:1");
        assert_eq!(at(6), "gate.toml:2:1");
        assert_eq!(at(file.text.find('#').unwrap()), "gate.toml:2:10");
        assert_eq!(at(999), "gate.toml:3:1");
    }

    #[test]
    fn a_workspace_has_one_file_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(folder.path()).unwrap();
        assert_eq!(ConfigFile::load(root), Ok(None));
        fs_err::write(root.join("gate.toml"), "enabled = true").unwrap();
        assert_eq!(ConfigFile::load(root).unwrap().unwrap().name, "gate.toml");
        fs_err::create_dir(root.join(".config")).unwrap();
        fs_err::write(root.join(".config/gate.toml"), "").unwrap();
        let error = ConfigFile::load(root).unwrap_err();
        assert_eq!(error.to_string(), "configuration: both .config/gate.toml and gate.toml exist: keep one of them");
    }
}
