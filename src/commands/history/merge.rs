//! `cargo gate history merge`: the runs of other histories come into this one.
//!
//! Every source is read through to its end before the first run is taken in, so that nothing is merged where one of
//! them turns out to be broken. After that runs are added bit by bit, and others may record theirs in between; a
//! merge that is cut off then has added some runs whole, and merging again adds the rest.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use camino::Utf8PathBuf;
use serde::Serialize;
use serde_json::json;

use super::verbs::{HistoryError, Result, write_json};
use crate::cli::{Format, MergeArgs};
use crate::commands::complain;
use crate::commands::place::Place;
use crate::history::portable;
use crate::history::sqlite::{FILE_NAME, SqliteStore};
use crate::history::store::{Appended, FinishedRun, RunFilter, Store};
use crate::report::inert::one_line;
use crate::report::json::SCHEMA_VERSION;
use crate::report::words;

/// How every SQLite file begins.
const SQLITE: &[u8] = b"SQLite format 3\0";

/// Where a history lies in a directory: in a gate directory, a target directory, a checkout.
const INSIDE: [&str; 3] = ["", "gate", "target/gate"];

/// Something whose runs are taken in.
struct Source {
    /// As the user named it.
    name: String,
    content: Content,
}

/// What came of looking at a source, or what is wrong with it.
type Examined<T> = std::result::Result<T, String>;

/// What a source turned out to be.
enum Content {
    /// An exported file; what cannot be read twice is kept in a temporary one.
    Exported(File),
    /// The history of another checkout.
    Store(Box<SqliteStore>),
}

/// What became of a source.
#[derive(Serialize)]
struct Merged<'s> {
    source: &'s str,
    #[serde(flatten)]
    appended: Appended,
}

/// Takes the runs of other histories into the one of this place.
pub(super) fn run(args: &MergeArgs, place: &Place) -> Result<()> {
    let refuse = |why| HistoryError::Source(format!("{why} (nothing was merged)"));
    let mut sources = examined(&args.sources).map_err(refuse)?;
    let mut store = place.open()?;
    let merged = merge(&mut *store, &mut sources);
    store.take_warnings().iter().for_each(|warning| complain("warning", warning));
    let merged = merged.inspect_err(|_| {
        complain("note", "the merge stopped early: runs that it had added stay, and merging again adds the rest");
    })?;
    tell(&merged, args.common.format, &mut io::stdout().lock())
}

/// The sources, each read to its end: of these, runs can be taken in.
fn examined(paths: &[PathBuf]) -> Examined<Vec<Source>> {
    let mut sources = paths.iter().map(|path| Source::open(path)).collect::<Examined<Vec<_>>>()?;
    for Source { name, content } in &mut sources {
        let read = content.runs().and_then(|mut runs| runs.try_for_each(|run| run.map(drop)));
        read.map_err(|why| of(name, &why))?;
        if let Content::Store(store) = content {
            store.take_warnings().iter().for_each(|warning| complain("warning", &of(name, warning)));
        }
    }
    Ok(sources)
}

fn of(source: &str, what: &str) -> String {
    format!("{source}: {what}")
}

/// Takes in what is not known yet.
fn merge<'s>(store: &mut dyn Store, sources: &'s mut [Source]) -> Result<Vec<Merged<'s>>> {
    let mut merged = Vec::new();
    for Source { name, content } in sources {
        // It could be read a moment ago.
        let mut failure = None;
        let changed = |why: String| HistoryError::Source(of(name, &why));
        let runs = content.runs().map_err(changed)?;
        let appended = store.append(&mut runs.map_while(|run| run.map_err(|why| failure = Some(why)).ok()))?;
        if let Some(why) = failure {
            return Err(changed(why));
        }
        merged.push(Merged { source: name, appended });
    }
    Ok(merged)
}

/// Runs, until one cannot be read.
type Found<'c> = Box<dyn Iterator<Item = Examined<FinishedRun>> + 'c>;

impl Content {
    /// All its runs, from the first.
    fn runs(&mut self) -> Examined<Found<'_>> {
        match self {
            Self::Exported(file) => {
                file.rewind().map_err(|error| error.to_string())?;
                let runs = portable::read(file).map_err(|error| error.to_string())?;
                Ok(Box::new(runs.map(|run| run.map_err(|error| error.to_string()))))
            }
            Self::Store(store) => {
                let names = store.names(&RunFilter::default()).map_err(|error| error.to_string())?;
                let runs = names.into_iter().filter_map(|name| store.finished(&name).transpose());
                Ok(Box::new(runs.map(|run| run.map_err(|error| error.to_string()))))
            }
        }
    }
}

impl Source {
    fn open(path: &Path) -> Examined<Self> {
        let name = path.display().to_string();
        match Content::open(path) {
            Ok(content) => Ok(Self { name, content }),
            Err(why) => Err(of(&name, &why)),
        }
    }
}

impl Content {
    fn open(path: &Path) -> Examined<Self> {
        let unreadable = |error: io::Error| error.to_string();
        if path == Path::new("-") {
            return kept(&mut io::stdin().lock()).map(Self::Exported).map_err(unreadable);
        }
        if path.is_dir() {
            let files = INSIDE.map(|inside| path.join(inside).join(FILE_NAME));
            let file = files.into_iter().find(|file| file.is_file());
            return Self::store(file.ok_or_else(|| format!("there is no history in it (`{FILE_NAME}`)"))?);
        }
        let mut file = File::open(path).map_err(unreadable)?;
        if !file.metadata().map_err(unreadable)?.is_file() {
            return kept(&mut file).map(Self::Exported).map_err(unreadable);
        }
        let mut head = Vec::new();
        Read::by_ref(&mut file).take(SQLITE.len() as u64).read_to_end(&mut head).map_err(unreadable)?;
        if head == SQLITE { Self::store(path.to_owned()) } else { Ok(Self::Exported(file)) }
    }

    fn store(file: PathBuf) -> Examined<Self> {
        let file = Utf8PathBuf::try_from(file).map_err(|_| "its name is no UTF-8".to_owned())?;
        match SqliteStore::open_untouched(&file) {
            Ok(Some(store)) => Ok(Self::Store(Box::new(store))),
            Ok(None) => Err("there is nothing in it".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// What can be read only once, in a file that nobody else sees.
fn kept(from: &mut dyn Read) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    io::copy(from, &mut file)?;
    Ok(file)
}

fn tell(merged: &[Merged<'_>], format: Format, out: &mut dyn Write) -> Result<()> {
    let sum = |of: fn(&Appended) -> u64| merged.iter().map(|merged| of(&merged.appended)).sum::<u64>();
    let (added, known, cases) = (sum(|all| all.added), sum(|all| all.known), sum(|all| all.cases));
    if format == Format::Json {
        let document = json!({ "schema_version": SCHEMA_VERSION, "added": added, "known": known, "cases": cases, "sources": merged });
        return write_json(out, &document);
    }
    let runs = |count| words::count(count, "run", "runs");
    for Merged { source, appended: Appended { added, known, cases } } in merged {
        let cases = words::count(*cases, "case", "cases");
        writeln!(out, "{}: added {} with {cases}, {known} known", one_line(source), runs(*added))?;
    }
    if merged.len() > 1 {
        let cases = words::count(cases, "case", "cases");
        writeln!(out, "Added {} with {cases}; {known} were known.", runs(added))?;
    }
    Ok(())
}
