//! What may be the name of a run that comes from elsewhere.

use crate::model::RunId;

/// What text there may be in names: they become names of files elsewhere.
const LONGEST: usize = 200;

/// The name of a run, if there can be such a one.
pub(in crate::history) fn run_name(text: &str) -> Result<RunId, String> {
    let is_plain = |c: char| !c.is_control() && !matches!(c, '/' | '\\');
    if text.is_empty() || text.len() > LONGEST || text.starts_with('.') || !text.chars().all(is_plain) {
        return Err(format!("`{}` is no run's name", text.chars().take(LONGEST).collect::<String>()));
    }
    Ok(RunId::from_stored(text))
}
