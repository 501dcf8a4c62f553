//! The configuration: as written, then resolved with the source of each value.

mod address;
mod error;
mod field;
mod file;
mod layers;
mod nextest;
mod pipeline;
mod pipeline_shapes;
mod profiles;
mod read;
mod read_pipelines;
mod retries;
pub mod schema;
pub mod settings;
mod shape;
mod shapes;
mod tables;
mod values;
mod which;

pub use address::{without_password, without_user, word_without_passwords};
pub(crate) use error::nearest;
pub use error::{ConfigError, ConfigErrors, Origin};
pub use field::{At, Field, Place, Presence};
pub use file::{ConfigFile, PLACES};
pub use layers::{ConfigWarning, DEFAULTS, Layers, Resolved, Source};
pub use nextest::{Filterset, NEXTEST_FILE, NextestLayer};
pub use pipeline::{Invocation, Pipeline, SMOKE_TIMEOUT, STEP_TIMEOUT, SUITE_TIMEOUT, SmokeCheck, Step, Suite};
pub use shape::{FromEnvironment, Raw, Shape};
pub use tables::{lists, pipelines_as_markdown};
pub use values::{
    CoverageSettings, Exempt, Floor, Group, InfraSettings, JudgementSettings, Notice, NotifySettings, Override,
    Quarantine, RatchetWhen, ScopeSettings, Settings, StoreSettings, TestSettings,
};
pub use which::Which;

pub use crate::model::{CoveragePolicy, Metric, OnToolError, RatchetScope};
