//! The configuration: as written, then resolved with the source of each value.

mod values;

pub use values::{
    CoveragePolicy, CoverageSettings, Group, InfraSettings, Metric, Notice, NotifySettings, OnToolError, Override,
    Quarantine, RatchetScope, RatchetWhen, ScopeSettings, Settings, StoreSettings, TestSettings,
};
