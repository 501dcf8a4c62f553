//! `cargo gate shards`: builds, lists, and cuts what there is for several machines.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use console::Style;

use super::test::archiving::Packing;
use super::test::{self, Prepared, Purpose, Refused};
use super::{complain, unwritable, written};
use crate::cli::{Format, ShardsArgs};
use crate::exit_code::ExitCode;
use crate::model::{BinaryId, NoTests, Shard};
use crate::plan::Harness;
use crate::plan::cut::{Cut, SLACK, Slice, Weighing, expected};
use crate::plan::cut_file::CutFile;
use crate::report::inert::one_line;
use crate::report::{json, words};
use crate::sys::fs::replace;

/// Runs the command.
pub(super) fn run(args: &ShardsArgs) -> ExitCode {
    cut(args).unwrap_or_else(|refused| {
        complain("error", &refused.why);
        refused.code
    })
}

fn cut(args: &ShardsArgs) -> Result<ExitCode, Refused> {
    let tests = args.as_test();
    let asked = match test::prepare(&tests, Purpose::Test, test::here()?)? {
        Prepared::Ours(asked) => Arc::new(*asked),
        Prepared::Handed(code) => return Ok(code),
        Prepared::Off => {
            complain("note", "the gate is switched off: nothing is cut, and `cargo gate test` is plain cargo test");
            return Ok(ExitCode::Pass);
        }
    };
    let (built, plan) = test::survey(&tests, &asked)?;
    let settings = &asked.settings().test;
    if plan.binaries.is_empty() {
        let why = "no test matches the selection";
        if settings.no_tests == NoTests::Fail {
            return Err(Refused::new(ExitCode::NoTests, why));
        }
        complain("warning", why);
    }
    for binary in plan.binaries.iter().filter(|binary| binary.harness == Harness::Unlisted) {
        let why = "does not say which tests it has, and stays whole; a machine on which it says so refuses this cut";
        complain("warning", &format!("{} {why}", one_line(&binary.id.to_string())));
    }
    let cut = Cut::of(plan.uncut(Weighing::ByTime), args.count, settings.isolation);
    let file = CutFile::from(&cut);
    if let Some(path) = &args.out {
        let mut bytes = Vec::new();
        let kept = json::write_line(&mut bytes, &file).and_then(|()| replace(path, &bytes));
        kept.map_err(|error| {
            let why = format!("the shard plan cannot be written to `{}`: {error}", path.display());
            Refused::new(unwritable(&error), why)
        })?;
    }
    if let Some(path) = &args.archive {
        Packing { args: &tests, asked: &asked, built: &built, path }.pack(&asked.stage.listen())?;
    }
    let mut out = io::stdout().lock();
    let shown = match args.format {
        Format::Json => json::write_line(&mut out, &file),
        Format::Human => show(&cut, &mut out).and_then(|()| out.flush()),
    };
    Ok(written(shown, ExitCode::Pass))
}

fn show(cut: &Cut, out: &mut dyn Write) -> io::Result<()> {
    let bold = Style::new().bold();
    writeln!(
        out,
        "{}",
        bold.apply_to(format!("{:>9}  {:>8}  {:>9}  {:>9}", "Shard", "Binaries", "Tests", "Expected"))
    )?;
    for (shard, slices) in cut.parts() {
        let (binaries, tests) = (words::thousands(slices.len() as u64), counted(slices));
        let time = expected(slices).filter(|_| !slices.is_empty()).map_or_else(|| "-".to_owned(), words::exact);
        writeln!(out, "{:>9}  {binaries:>8}  {tests:>9}  {time:>9}", shard.to_string())?;
    }
    for line in remarks(cut) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// How many tests that are; a dash where only the binaries know that.
fn counted(slices: &[Slice]) -> String {
    match tests(slices) {
        0 if !slices.is_empty() => "-".to_owned(),
        tests => words::thousands(tests),
    }
}

fn tests(slices: &[Slice]) -> u64 {
    slices.iter().map(|slice| slice.tests.len() as u64).sum()
}

/// What is to be said below the table.
fn remarks(cut: &Cut) -> Vec<String> {
    let mut lines = Vec::new();
    let all: Vec<Slice> = cut.shards.iter().flatten().cloned().collect();
    let mut binaries: Vec<&BinaryId> = all.iter().map(|slice| &slice.binary).collect();
    binaries.sort_unstable();
    binaries.dedup();
    let count = words::count(tests(&all), "test", "tests");
    let mut of = words::count(binaries.len() as u64, "binary", "binaries");
    let without_list = all.iter().filter(|slice| slice.tests.is_empty()).count();
    if without_list > 0 {
        of.push_str(&format!(" ({} without a list, as doctests)", words::thousands(without_list as u64)));
    }
    let total = expected(&all).filter(|total| !total.is_zero());
    lines.push(match total {
        Some(total) => {
            let longest = cut.shards.iter().filter_map(|slices| expected(slices)).max().unwrap_or_default();
            // Above the mean by so many percent, rounded up: a figure to rely on.
            let above = longest.as_micros() * 100 * cut.shards.len() as u128;
            let above = above.div_ceil(total.as_micros().max(1)).saturating_sub(100);
            let time = words::exact(total);
            format!("{count} in {of}, {time} on one thread; the longest shard is {above} % above the mean")
        }
        None => format!("{count} in {of}; no times are on record yet, so each test weighs the same"),
    });
    lines.extend(total.and_then(|total| too_long(cut, total)));
    for binary in binaries {
        let of_binary = |(shard, slices): (Shard, &[Slice])| {
            let slice = slices.iter().find(|slice| slice.binary == *binary && !slice.whole)?;
            Some(format!("{} in {shard}", words::thousands(slice.tests.len() as u64)))
        };
        let parts: Vec<String> = cut.parts().filter_map(of_binary).collect();
        if !parts.is_empty() {
            lines.push(format!("{} is split: {}", one_line(&binary.to_string()), parts.join(", ")));
        }
    }
    lines
}

/// What keeps the longest shard too long, where something does.
fn too_long(cut: &Cut, total: Duration) -> Option<String> {
    let time = |slices: &&Vec<Slice>| expected(slices).unwrap_or_default();
    let longest = cut.shards.iter().max_by_key(time)?;
    let of = u32::try_from(cut.shards.len()).ok()?;
    if expected(longest)? <= total / of * (SLACK + 1) / SLACK {
        return None;
    }
    let whole = longest.iter().filter(|slice| slice.tests.len() < 2).max_by_key(|slice| slice.expected)?;
    let what = whole.names().next()?;
    Some(format!("{} takes {} and cannot be split", one_line(&what), words::exact(whole.expected?)))
}
