//! What may be measured beside the outcomes of a run: the seam between a run and whoever measures it.

use std::ffi::OsString;
use std::path::PathBuf;

use super::Refused;
use super::outputs::Ended;
use super::session::Came;
use crate::model::{CoverageFigures, Judgement};
use crate::report::CoverageReport;
use crate::sys::signals::Signals;

/// The environment of a build, where it is a special one.
pub(in crate::commands) type Begun = Result<Option<Vec<(OsString, OsString)>>, Refused>;

/// Whoever measures a run beside its outcomes. Each step comes once, in this order; after a build that failed the
/// middle ones are left out.
pub(in crate::commands) trait Measuring {
    /// Is what is built made to be measured? Then its durations are not what they would be.
    fn is_instrumented(&self) -> bool;

    /// Before the build: the environment it happens in, where it is not this process's own.
    fn begin(&mut self, signals: &Signals) -> Begun;

    /// The build is done, and these are all its executables and dynamic libraries.
    fn built(&mut self, executables: &[PathBuf]);

    /// The tests are about to run: what came from asking them for their names is no measurement.
    fn about_to_run(&mut self);

    /// The tests are judged; adds what the measurement has to say.
    fn judge(&mut self, came: &Came, signals: &Signals, judgement: &mut Judgement);

    /// What was reached, for the record of the run.
    fn reached(&self) -> Option<CoverageFigures> {
        None
    }

    /// What is shown of the measurement, where it was judged.
    fn report(&self) -> Option<&CoverageReport> {
        None
    }

    /// The one JSON document, where it is another one than that of the tests.
    fn document(&self, _: &Ended<'_>) -> Option<Vec<u8>> {
        None
    }

    /// All is over: tells what was measured, and gives what went wrong on the way.
    fn tell(&mut self, ended: &Ended<'_>) -> Vec<String>;
}

/// Nothing is measured.
pub(super) struct NotMeasuring;

impl Measuring for NotMeasuring {
    fn is_instrumented(&self) -> bool {
        false
    }

    fn begin(&mut self, _: &Signals) -> Begun {
        Ok(None)
    }

    fn built(&mut self, _: &[PathBuf]) {}

    fn about_to_run(&mut self) {}

    fn judge(&mut self, _: &Came, _: &Signals, _: &mut Judgement) {}

    fn tell(&mut self, _: &Ended<'_>) -> Vec<String> {
        Vec::new()
    }
}
