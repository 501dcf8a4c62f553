//! Readers of single values: each says in its error what it wants. The text itself goes on to the settings, which
//! read flags, variables and file alike.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::model::{KeyPattern, Shard, Word, parse_duration, parse_size};
use crate::ratio::Share;

use super::Events;

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

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|why| format!("it {why}; write a duration such as 90s, 24h, 7d"))
}

/// A day stands for its beginning.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    let day = |text: &str| text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok().map(|day| day.timestamp());
    let moment = text.parse().ok().or_else(|| day(text));
    moment.ok_or_else(|| "write a time such as 2026-01-31T12:00:00Z, or a day such as 2026-01-31".to_owned())
}

pub(super) fn one_line(text: &str) -> Result<String, String> {
    let text = text.trim();
    let fits = !text.is_empty() && text.len() <= 200 && !text.contains(char::is_control);
    fits.then(|| text.to_owned()).ok_or_else(|| "write one line of text, 200 bytes at most".to_owned())
}

pub(super) fn count(text: &str) -> Result<String, String> {
    text.parse::<u32>().map(|_| text.to_owned()).map_err(|_| "write a number, 0 or more".to_owned())
}

pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "write a number, 1 or more".to_owned())
}

/// A number of shards.
pub(super) fn shards(text: &str) -> Result<u32, String> {
    let count = text.parse().ok().filter(|count| Shard::new(*count, *count).is_some());
    count.ok_or_else(|| "write a number from 1 to 10000".to_owned())
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

pub(super) fn share(text: &str) -> Result<Share, String> {
    text.parse().map_err(|why| format!("it {why}; write percent such as 77.5, or counts such as 850/1000"))
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
