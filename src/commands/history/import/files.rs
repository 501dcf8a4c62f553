//! Files whose results are taken in: read whole, one after the other, up to a limit.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use jiff::Timestamp;

use super::super::verbs::{HistoryError, Result};
use crate::cli::ImportArgs;
use crate::commands::complain;
use crate::import::{Format, MOST_BYTES, Results, detect, parse};
use crate::model::ContentHash;

/// A file, or several that are one run.
pub(super) struct Given {
    /// As the user named it.
    pub(super) name: String,
    pub(super) format: Format,
    /// All its runs.
    pub(super) results: Vec<Results>,
    pub(super) hash: ContentHash,
    /// What its name says of the suite.
    pub(super) otherwise: String,
    /// When it was last changed.
    pub(super) latest: Timestamp,
}

/// Reads all files. Each that cannot be read is named.
pub(super) fn read(args: &ImportArgs, now: Timestamp) -> Result<Vec<Given>> {
    let wanted = match args.input_format.as_str() {
        "auto" => None,
        word => Some(word.parse::<Format>().map_err(HistoryError::Usage)?),
    };
    let mut given = Vec::new();
    let mut wrong: Option<String> = None;
    for path in &args.files {
        match one(path, wanted, now) {
            Ok(file) => given.push(file),
            Err(why) => {
                let why = format!("{}:{why}", name_of(path));
                if let Some(before) = wrong.replace(why) {
                    complain("error", &before);
                }
            }
        }
    }
    match wrong {
        Some(why) => Err(HistoryError::Source(why)),
        None if args.one_run => joined(given).map(|whole| vec![whole]),
        None => Ok(given),
    }
}

fn name_of(path: &Path) -> String {
    if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() }
}

/// A file, or what completes "FILE:".
fn one(path: &Path, wanted: Option<Format>, now: Timestamp) -> std::result::Result<Given, String> {
    let (bytes, changed) = bytes(path).map_err(|error| format!(" {error}"))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(" it is larger than 512 MiB".to_owned());
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(" there is nothing in it".to_owned());
    }
    let format = match wanted.or_else(|| detect(&bytes)) {
        Some(format) => format,
        None if bytes.starts_with(&[0x1f, 0x8b]) || bytes.starts_with(b"SQLite format 3") => {
            return Err(" this is no file of results; `cargo gate history merge` takes in histories".to_owned());
        }
        None => {
            let known = Format::ALL.map(Format::as_str).join(", ");
            return Err(format!(" nothing in it tells its format; if it is one of {known}, name it by --input-format"));
        }
    };
    let results = parse(format, &bytes).map_err(|error| match error.line {
        Some(_) => format!("{error} ({format})"),
        None => format!(" {error} ({format})"),
    })?;
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let otherwise = stem.filter(|stem| stem != "-").unwrap_or_else(|| format.to_string());
    let hash = short(blake3::hash(&bytes));
    let latest = changed.filter(|changed| *changed < now).unwrap_or(now);
    Ok(Given { name: name_of(path), format, results, hash, otherwise, latest })
}

/// The bytes of a file up to one above the limit, and when it was last changed.
fn bytes(path: &Path) -> io::Result<(Vec<u8>, Option<Timestamp>)> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        io::stdin().lock().take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
        return Ok((bytes, None));
    }
    let file = File::open(path)?;
    let changed = file.metadata()?.modified().ok().and_then(|at| Timestamp::try_from(at).ok());
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    Ok((bytes, changed))
}

/// Several files as one run.
fn joined(files: Vec<Given>) -> Result<Given> {
    let mut hash = blake3::Hasher::new();
    let mut parts = Vec::new();
    let mut whole: Option<Given> = None;
    let count = files.len();
    for file in files {
        if file.format == Format::Csv {
            let why = format!("{}: a history is of several runs, which --one-run cannot join", file.name);
            return Err(HistoryError::Usage(why));
        }
        hash.update(&file.hash.0);
        parts.extend(file.results.clone());
        match &mut whole {
            None => whole = Some(file),
            Some(first) => first.latest = first.latest.max(file.latest),
        }
    }
    let Some(first) = whole else { return Err(HistoryError::Usage("there is no file".to_owned())) };
    // One file is one run in any case.
    if count < 2 {
        return Ok(first);
    }
    let name = format!("{} and {} more", first.name, count - 1);
    Ok(Given { name, results: vec![Results::joined(parts)], hash: short(hash.finalize()), ..first })
}

/// The beginning of a hash.
pub(super) fn short(hash: blake3::Hash) -> ContentHash {
    let mut short = [0; 16];
    short.iter_mut().zip(hash.as_bytes()).for_each(|(to, from)| *to = *from);
    ContentHash(short)
}
