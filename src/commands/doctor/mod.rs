//! `cargo gate doctor`: which tools are missing, and how to get them.

mod show;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::keeping::{self, Shared};
use super::place::{cargo, query, resolve, set_colors, variables};
use super::{complain, written};
use crate::cargo::tools::{Found, State, Tool, Workbench};
use crate::cargo::workspace::Workspace;
use crate::cli::DoctorArgs;
use crate::config::{Settings, StoreSettings};
use crate::exit_code::ExitCode;
use crate::history::place::gate_dir;

/// What was found, and what of it is needed here.
struct Checked {
    found: Found,
    needed: Vec<Tool>,
    /// The history that machines share, where one is configured …
    shared: Option<Shared>,
    /// … and how many runs wait to be sent there; none where that cannot be read.
    waiting: Option<u64>,
}

impl Checked {
    /// The tools that are needed and cannot be used.
    fn lacking(&self) -> impl Iterator<Item = Tool> {
        self.needed.iter().copied().filter(|tool| !self.found.has(*tool))
    }
}

/// Runs the command.
pub(super) fn run(args: &DoctorArgs) -> ExitCode {
    let place = &args.common.place;
    set_colors(place);
    // It is of use outside of a workspace, too: then the defaults tell what is needed.
    let workspace = query(place).ok();
    let settings = match resolve(place, workspace.as_ref().map(|workspace| workspace.root.as_path()), &[]) {
        Ok(resolved) => resolved.settings,
        Err(code) => return code,
    };
    let (shared, waiting) = workspace.as_ref().map_or((None, Some(0)), |workspace| history(workspace, &settings.store));
    let cwd = workspace.map(|workspace| workspace.root.into_std_path_buf());
    let bench = match bench(cwd) {
        Ok(bench) => bench,
        Err(error) => {
            complain("error", &error.to_string());
            return ExitCode::Internal;
        }
    };
    let needed = needed(&settings);
    let found = if args.install { install(&bench, &needed) } else { bench.look() };
    let checked = Checked { found, needed, shared, waiting };
    let code = if checked.lacking().next().is_none() { ExitCode::Pass } else { ExitCode::Config };
    written(show::show(&checked, &settings, code, args.common.format, &mut io::stdout().lock()), code)
}

/// The shared history of a workspace, and how many runs wait for it.
fn history(workspace: &Workspace, settings: &StoreSettings) -> (Option<Shared>, Option<u64>) {
    let gate_dir = gate_dir(&workspace.target_dir, &workspace.root, settings.dir.as_deref());
    let of = keeping::Of { gate_dir: &gate_dir, workspace: workspace.name(), settings };
    (of.shared(), keeping::waiting(&gate_dir).ok())
}

/// What coverage lacks on this machine, and the command that gets it, in one sentence.
pub(super) fn what_coverage_lacks(bench: &Workbench) -> Option<String> {
    let found = bench.look();
    let lacking: Vec<Tool> =
        [Tool::CargoLlvmCov, Tool::LlvmTools].into_iter().filter(|tool| !found.has(*tool)).collect();
    let names: Vec<String> =
        lacking.iter().map(|tool| format!("{} ({})", tool.name(), fault(found.state(*tool)))).collect();
    let can_install = lacking.iter().any(|tool| found.installer(*tool).is_some());
    let next =
        if can_install { "`cargo gate doctor --install` gets it" } else { "`cargo gate doctor` says how to get it" };
    (!lacking.is_empty()).then(|| format!("coverage lacks {}: {next}", names.join(" and ")))
}

/// Where tools are looked for: in this directory, or the current one.
pub(super) fn bench(cwd: Option<PathBuf>) -> io::Result<Workbench> {
    let cwd = cwd.map_or_else(std::env::current_dir, Ok)?;
    Ok(Workbench { cargo: cargo(), cwd, env: variables() })
}

/// What these settings cannot do without.
fn needed(settings: &Settings) -> Vec<Tool> {
    let coverage = &settings.coverage;
    let compares = coverage.baseline_ref.is_some() || coverage.patch_floor > crate::ratio::Percent::ZERO;
    Tool::ALL
        .into_iter()
        .filter(|tool| match tool {
            Tool::Cargo | Tool::Rustc => true,
            Tool::Git => settings.enabled && compares,
            Tool::CargoLlvmCov | Tool::LlvmTools => settings.enabled,
        })
        .collect()
}

/// Installs what is lacking; what is there then.
fn install(bench: &Workbench, needed: &[Tool]) -> Found {
    let found = bench.look();
    let lacking: Vec<Tool> = needed.iter().copied().filter(|tool| !found.has(*tool)).collect();
    for tool in &lacking {
        match found.installer(*tool) {
            Some(command) => run_installer(bench, *tool, &command),
            None => complain("warning", &format!("{}: {}", tool.name(), show::by_hand(&found, *tool))),
        }
    }
    if lacking.is_empty() { found } else { bench.look() }
}

/// Variables that would put what is installed elsewhere, or build it for another machine.
const NOT_FOR_INSTALLERS: [&str; 4] =
    ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR", "CARGO_BUILD_TARGET", "CARGO_ENCODED_RUSTFLAGS"];

/// Runs a command that installs a tool, and lets people see what it says.
fn run_installer(bench: &Workbench, tool: Tool, words: &[String]) {
    let shown = words.join(" ");
    let _ = writeln!(
        io::stderr().lock(),
        "{} {shown}",
        console::Style::new().for_stderr().green().bold().apply_to("running")
    );
    let Some((program, args)) = words.split_first() else { return };
    let program = if program == "cargo" { bench.cargo.clone() } else { program.into() };
    let mut command = Command::new(program);
    // What machines read is ours alone.
    command.args(args).current_dir(&bench.cwd).stdin(Stdio::null()).stdout(io::stderr());
    NOT_FOR_INSTALLERS.iter().for_each(|name| {
        command.env_remove(name);
    });
    let why = match command.status() {
        Ok(status) if status.success() => return,
        Ok(status) => format!("it ended with {status}"),
        Err(error) => error.to_string(),
    };
    let is_offline = std::env::var("CARGO_NET_OFFLINE").is_ok_and(|value| value == "true");
    let offline = match (tool, is_offline) {
        (Tool::CargoLlvmCov, true) => "; cargo is told to stay offline (CARGO_NET_OFFLINE)",
        _ => "; it needs the network",
    };
    complain("error", &format!("`{shown}` did not install {}: {why}{offline}", tool.name()));
}

/// What is wrong with a tool, in a few words.
fn fault(state: &State) -> String {
    match state {
        State::Ready(version) => version.to_string(),
        State::TooOld(version) => format!("{version} is too old"),
        State::Missing => "missing".to_owned(),
        State::Unusable(why) => why.clone(),
    }
}
