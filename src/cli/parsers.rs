//! Readers of single values: each says in its error what it wants. The text itself goes on to the settings, which
//! read flags, variables and file alike.

use std::path::PathBuf;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::model::{KeyPattern, Word, parse_duration, parse_size};

use super::{Events, Since};

/// One of a closed set of words, which the help then lists.
pub(super) fn word<W: Word>() -> clap::builder::PossibleValuesParser {
    W::ALL.iter().map(|one| one.word()).collect::<Vec<_>>().into()
}

pub(super) fn duration_or_none(text: &str) -> Result<String, String> {
    if text != "none" {
        parse_duration(text).map_err(|why| format!("it {why}; write a duration such as 90s, 10m, 1h30m, or none"))?;
    }
    Ok(text.to_owned())
}

pub(super) fn count(text: &str) -> Result<String, String> {
    text.parse::<u32>().map(|_| text.to_owned()).map_err(|_| "write a number, 0 or more".to_owned())
}

pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "write a number, 1 or more".to_owned())
}

fn at_least_one_as_text(text: &str) -> Result<String, String> {
    at_least_one(text).map(|_| text.to_owned())
}

pub(super) fn slots(text: &str) -> Result<String, String> {
    if text == "auto" { Ok(text.to_owned()) } else { at_least_one_as_text(text) }
}

pub(super) fn count_or_none(text: &str) -> Result<String, String> {
    if text == "none" { Ok(text.to_owned()) } else { at_least_one_as_text(text) }
}

/// On the command line 0 says the same as `none`: who types it means it.
pub(super) fn tries(text: &str) -> Result<String, String> {
    if text == "0" { Ok("none".to_owned()) } else { count_or_none(text) }
}

pub(super) fn size_or_none(text: &str) -> Result<String, String> {
    if text != "none" {
        parse_size(text).map_err(|why| format!("it {why}; write a size such as 500MB, 1GiB, or none"))?;
    }
    Ok(text.to_owned())
}

/// Dates and moments are UTC, as everything on record is.
pub(super) fn since(text: &str) -> Result<Since, String> {
    let day = || text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok().map(|day| Since::At(day.timestamp()));
    let moment = || text.parse::<Timestamp>().ok().map(Since::At);
    let ago = || parse_duration(text).ok().map(Since::Ago);
    // A moment is read as a date, too.
    moment()
        .or_else(day)
        .or_else(ago)
        .ok_or_else(|| "write a day (2026-01-31), a moment (2026-01-31T12:00:00Z), or how long ago (7d)".to_owned())
}

pub(super) fn key_pattern(text: &str) -> Result<KeyPattern, String> {
    KeyPattern::new(text).map_err(|why| why.to_string())
}

pub(super) fn trigger(text: &str) -> Result<String, String> {
    let fits = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:/".contains(c));
    fits.then(|| text.to_owned()).ok_or_else(|| "write one word of letters, digits and -_.:/".to_owned())
}

pub(super) fn events(text: &str) -> Result<Events, String> {
    match text {
        "" => Err("write a file's name, or - for standard output".to_owned()),
        "-" => Ok(Events::Stdout),
        path => Ok(Events::File(PathBuf::from(path))),
    }
}
