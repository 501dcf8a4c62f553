//! How long the runners take, warm and in turn, so that a change of the machine's pace meets all alike.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::outcomes::lists;
use crate::runners::{Runner, Workspace};

/// The head of the table.
pub(crate) const HEAD: &str = "\
| workspace | `cargo test` | `cargo nextest run` | `cargo gate test` | of `cargo test` | of nextest | cores in use |
|---|---|---|---|---|---|---|";

/// What one run cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    wall: Duration,
    cpu: Option<Duration>,
}

pub(crate) fn cost(mut command: Command) -> io::Result<Cost> {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let (before, start) = (cpu_of_children(), Instant::now());
    command.status()?;
    let wall = start.elapsed();
    let cpu = cpu_of_children().zip(before).map(|(after, before)| after.saturating_sub(before));
    Ok(Cost { wall, cpu })
}

/// CPU time of all children that have been waited for, theirs included; only Linux says it in a file.
fn cpu_of_children() -> Option<Duration> {
    const TICKS_PER_SECOND: u64 = 100;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(13);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some(Duration::from_millis((ticks()? + ticks()?) * 1000 / TICKS_PER_SECOND))
}

/// Times all runners and gives a row of the table.
pub(crate) fn times(workspace: &Workspace, runs: usize, told: &mut dyn Write) -> io::Result<String> {
    let runners = workspace.runners();
    let mut costs: Vec<Vec<Cost>> = vec![Vec::new(); runners.len()];
    // The first round makes everything warm.
    for round in 0..=runs {
        for (runner, costs) in runners.iter().zip(&mut costs) {
            let cost = cost(workspace.command(*runner))?;
            if round > 0 {
                costs.push(cost);
            }
        }
    }
    let of = |wanted: Runner| {
        let place = runners.iter().position(|runner| *runner == wanted);
        place.and_then(|place| costs.get(place)).map(Vec::as_slice)
    };
    let (cargo, gate) = (of(Runner::CargoTest).unwrap_or_default(), of(Runner::Gate).unwrap_or_default());
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    for (runner, costs) in runners.iter().zip(&costs) {
        let walls: Vec<Duration> = costs.iter().map(|cost| cost.wall).collect();
        let range = (walls.iter().min().copied().unwrap_or_default(), walls.iter().max().copied().unwrap_or_default());
        writeln!(
            told,
            "{:>18}: {} ({} to {}), cores in use {}",
            runner.name(),
            seconds(median(costs)),
            seconds(range.0),
            seconds(range.1),
            share(costs, cores)
        )?;
    }
    let nextest = of(Runner::Nextest);
    let scratch = tempfile::tempdir()?;
    let does_less = lists(workspace, scratch.path())?.iter().any(|(_, kind, ..)| kind == "doc");
    let better = match nextest.filter(|_| !does_less) {
        Some(nextest) => median(nextest).min(median(cargo)),
        None => median(cargo),
    };
    let limit = better.mul_f64(1.05) + Duration::from_millis(60);
    let word = if median(gate) <= limit { "within" } else { "BEYOND" };
    let whose = if does_less { "cargo test" } else { "the better one" };
    writeln!(told, "{:>18}: {word} {} (1.05 of {whose} and 60 ms)", "limit", seconds(limit))?;
    let dash = || "–".to_owned();
    let mark = if does_less { "*" } else { "" };
    Ok(format!(
        "| {} | {} | {} | {} | {} | {} | {} |",
        workspace.name,
        seconds(median(cargo)),
        nextest.map_or_else(dash, |costs| seconds(median(costs)) + mark),
        seconds(median(gate)),
        ratio(gate, cargo),
        nextest.map_or_else(dash, |costs| ratio(gate, costs) + mark),
        share(cargo, cores),
    ))
}

/// The gate with and without its memory.
pub(crate) fn recording(workspace: &Workspace, runs: usize, told: &mut dyn Write) -> io::Result<()> {
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for round in 0..=runs {
        let mut command = workspace.command(Runner::Gate);
        command.arg("--no-record");
        let (a, b) = (cost(workspace.command(Runner::Gate))?, cost(command)?);
        if round > 0 {
            with.push(a);
            without.push(b);
        }
    }
    let (a, b) = (median(&with), median(&without));
    let is_fine = a <= b.mul_f64(1.02) || a <= b + Duration::from_millis(30);
    let word = if is_fine { "within" } else { "BEYOND" };
    writeln!(told, "{:>18}: {} recorded, {} not; {word} 2 % or 30 ms", "recording", seconds(a), seconds(b))
}

/// The way to the first test, held against what cargo needs to build nothing and to describe the workspace.
pub(crate) fn first_test(workspace: &Workspace, runs: usize, told: &mut dyn Write) -> io::Result<()> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..=runs {
        let start = Instant::now();
        let mut build = workspace.cargo(&["test", "--no-run"]);
        build.args(workspace.flags()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        let mut metadata = workspace.cargo(&["metadata", "--no-deps", "--format-version=1"]);
        metadata.stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        let them = Cost { wall: start.elapsed(), cpu: None };
        let Some(us) = to_the_first_test(workspace)? else { continue };
        if round > 0 {
            ours.push(Cost { wall: us, cpu: None });
            theirs.push(them);
        }
    }
    let word = if median(&ours) <= median(&theirs).mul_f64(1.2) { "within" } else { "BEYOND" };
    writeln!(
        told,
        "{:>18}: {} to the first test, {} to build nothing and describe, ratio {}; {word} 1.2",
        "first test",
        seconds(median(&ours)),
        seconds(median(&theirs)),
        ratio(&ours, &theirs)
    )
}

/// Until the gate says what it is about to run. Doctests give no results before most of their work is done, so the
/// first result tells little.
fn to_the_first_test(workspace: &Workspace) -> io::Result<Option<Duration>> {
    let mut command = workspace.command(Runner::Gate);
    command.args(["--color", "never"]).stdout(Stdio::null()).stderr(Stdio::piped());
    let start = Instant::now();
    let mut child = command.spawn()?;
    let mut first = None;
    for line in child.stderr.take().into_iter().flat_map(|stderr| BufReader::new(stderr).split(b'\n')) {
        if first.is_none() && line?.starts_with(b"     Running ") {
            first = Some(start.elapsed());
        }
    }
    child.wait()?;
    Ok(first)
}

pub(crate) fn median(costs: &[Cost]) -> Duration {
    let mut walls: Vec<Duration> = costs.iter().map(|cost| cost.wall).collect();
    walls.sort_unstable();
    walls.get(walls.len() / 2).copied().unwrap_or_default()
}

/// The median of the ratios round by round.
pub(crate) fn ratio(ours: &[Cost], theirs: &[Cost]) -> String {
    let each = ours.iter().zip(theirs).map(|(a, b)| a.wall.as_secs_f64() / b.wall.as_secs_f64().max(1e-9));
    let mut each: Vec<f64> = each.collect();
    each.sort_by(f64::total_cmp);
    each.get(each.len() / 2).map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}"))
}

/// How much of all cores was in use, at the median.
fn share(costs: &[Cost], cores: usize) -> String {
    let all = f64::from(u32::try_from(cores).unwrap_or(1));
    let each =
        costs.iter().filter_map(|cost| Some(cost.cpu?.as_secs_f64() / (cost.wall.as_secs_f64() * all).max(1e-9)));
    let mut each: Vec<f64> = each.collect();
    each.sort_by(f64::total_cmp);
    each.get(each.len() / 2).map_or_else(|| "–".to_owned(), |share| format!("{:.0} %", share * 100.0))
}

pub(crate) fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}
