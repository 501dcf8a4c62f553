//! What a measurement that went wrong comes to: a matter of `on-tool-error`, or the end.

use std::io::ErrorKind;
use std::time::Duration;

use crate::commands::doctor;
use crate::commands::test::Refused;
use crate::coverage::measure::MeasureError;
use crate::coverage::verdict::Measurement;
use crate::exit_code::ExitCode;

/// What stops everything, whatever `on-tool-error` says: that is asked about a measurer that ran without result. `None`:
/// it did just that.
pub(super) fn refusal(error: &MeasureError) -> Option<Refused> {
    match error {
        // The doctor says it better than whoever could not be started.
        MeasureError::Missing(why) => {
            let lacks = doctor::bench(None).ok().and_then(|bench| doctor::what_coverage_lacks(&bench));
            let why = lacks.unwrap_or_else(|| format!("coverage cannot be measured: {why}"));
            Some(Refused::new(ExitCode::Config, why))
        }
        MeasureError::Interrupted => Some(Refused::new(ExitCode::Interrupted, "interrupted before the build")),
        MeasureError::Io { kind, .. } => Some(Refused::new(code_of(*kind), error.to_string())),
        MeasureError::Failed { .. } | MeasureError::TimedOut | MeasureError::NoProfile => None,
    }
}

/// Whose matter it is that a file of the measurement cannot be read, written or removed.
const fn code_of(kind: ErrorKind) -> ExitCode {
    match kind {
        // Rights, room, and what lies where a directory should be: the user's to mend.
        ErrorKind::PermissionDenied
        | ErrorKind::ReadOnlyFilesystem
        | ErrorKind::StorageFull
        | ErrorKind::QuotaExceeded
        | ErrorKind::AlreadyExists
        | ErrorKind::NotADirectory => ExitCode::Config,
        // Nobody but this program has a hand in these files.
        _ => ExitCode::Internal,
    }
}

/// What came of a measurement that has no numbers, where that is a matter of `on-tool-error`.
pub(super) fn without_numbers(error: &MeasureError, limit: Duration) -> Result<Measurement, Refused> {
    match (refusal(error), error) {
        (Some(refused), _) => Err(refused),
        (None, MeasureError::TimedOut) => Ok(Measurement::TimedOut(limit)),
        (None, MeasureError::NoProfile) => Ok(Measurement::NoProfile),
        (None, error) => Ok(Measurement::Failed(error.to_string())),
    }
}
