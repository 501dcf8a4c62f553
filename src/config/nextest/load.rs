//! Finds nextest's file where the settings ask for it.

use std::ffi::OsString;

use camino::Utf8Path;

use crate::config::error::{ConfigError, ConfigErrors, Origin};
use crate::config::file::ConfigFile;
use crate::config::layers::{Layers, Resolved};
use crate::config::settings::SETTINGS;
use crate::model::Compat;

/// nextest's file, relative to the workspace root.
pub const NEXTEST_FILE: &str = ".config/nextest.toml";

/// A variable that says something.
pub(super) fn text_of(variables: &[(OsString, OsString)], name: &str) -> Option<String> {
    let value = variables.iter().find(|(known, _)| known == name).map(|(_, value)| value);
    value.map(|value| value.to_string_lossy().into_owned()).filter(|text| !text.is_empty())
}

/// nextest's file, with what it takes to understand it here.
#[derive(Clone, Copy, Debug)]
pub struct NextestLayer<'a> {
    /// The file.
    pub file: &'a ConfigFile,
    /// The triples that the build is for; empty: the host.
    pub targets: &'a [String],
    /// How many CPUs there are.
    pub cpus: usize,
}

impl Resolved {
    /// The same with nextest's file of this workspace as one more layer, where the settings ask for it. A file that is
    /// asked for and is not there is a mistake: nobody runs without limits that were thought to hold.
    pub fn with_nextest(
        self,
        layers: &Layers<'_>,
        workspace_root: &Utf8Path,
        targets: &[String],
    ) -> Result<Self, ConfigErrors> {
        if self.settings.test.compat != Compat::Nextest {
            return Ok(self);
        }
        let text = fs_err::read_to_string(workspace_root.join(NEXTEST_FILE)).map_err(|error| {
            let asked = SETTINGS.iter().find(|setting| setting.name() == "test.compat");
            let asked = asked.map(|setting| self.source(setting).to_string()).unwrap_or_default();
            let why = match error.kind() {
                std::io::ErrorKind::NotFound => format!("{asked} asks for {NEXTEST_FILE}, and there is none"),
                _ => error.to_string(),
            };
            ConfigErrors::from(ConfigError::new(Origin::Workspace, "test.compat", why))
        })?;
        let file = ConfigFile { name: NEXTEST_FILE.to_owned(), text };
        let mut targets = [self.settings.targets(), targets.to_vec()].concat();
        if targets.is_empty() {
            targets.extend(text_of(layers.variables, "CARGO_BUILD_TARGET"));
        }
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        Self::from_layers(&Layers { nextest: Some(NextestLayer { file: &file, targets: &targets, cpus }), ..*layers })
    }
}
