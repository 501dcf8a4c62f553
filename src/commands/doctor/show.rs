//! What was found, for people and machines.

use std::io::{self, Write};

use console::Style;
use serde_json::{Value, json};

use super::{Checked, fault};
use crate::cargo::tools::{Found, State, Tool};
use crate::cli::Format;
use crate::commands::keeping;
use crate::config::Settings;
use crate::exit_code::ExitCode;
use crate::model::Verdict;
use crate::report::inert::one_line;
use crate::report::json as documents;

/// Writes it.
pub(super) fn show(
    checked: &Checked,
    settings: &Settings,
    code: ExitCode,
    format: Format,
    out: &mut dyn Write,
) -> io::Result<()> {
    if format == Format::Json {
        return documents::write_line(out, &document(checked, code));
    }
    for (tool, state) in &checked.found.states {
        let is_needed = checked.needed.contains(tool);
        let (style, word) = match (state, is_needed) {
            (State::Ready(_), _) => (Style::new().green(), "ok"),
            (_, true) => (Style::new().red(), "lacking"),
            (_, false) => (Style::new().yellow(), "absent"),
        };
        let padding = " ".repeat(9 - word.len());
        let (name, found) = (tool.name(), one_line(&fault(state)));
        writeln!(out, "{}{padding}{name:<15} {found:<10} {}", style.bold().apply_to(word), tool.purpose())?;
        if !checked.found.has(*tool) {
            let optional = if is_needed { "" } else { "not needed here; " };
            writeln!(out, "{:25}{optional}{}", "", one_line(&way(&checked.found, *tool)))?;
        }
    }
    history(checked, out)?;
    writeln!(out, "\n{}", closing(checked, settings))
}

/// The shared history: a run goes on without it, so that nothing is lacking where it is not there.
fn history(checked: &Checked, out: &mut dyn Write) -> io::Result<()> {
    if let Some(shared) = &checked.shared {
        let (style, word, why) = match &shared.error {
            None => (Style::new().green(), "ok", None),
            Some(error) => (Style::new().yellow(), "absent", Some(error.to_string())),
        };
        let padding = " ".repeat(9 - word.len());
        writeln!(out, "{}{padding}{:<15} {}", style.bold().apply_to(word), "history", one_line(&shared.url))?;
        if let Some(why) = why {
            writeln!(out, "{:25}{}; runs are kept here meanwhile", "", one_line(&why))?;
        }
    }
    let waiting = match checked.waiting {
        Some(waiting) => keeping::told_of_waiting(waiting),
        None => Some("whether runs wait to be sent cannot be read".to_owned()),
    };
    waiting.map_or(Ok(()), |text| writeln!(out, "{:25}{text}", ""))
}

/// How to get it, in one phrase.
fn way(found: &Found, tool: Tool) -> String {
    found.installer(tool).map_or_else(|| by_hand(found, tool), |command| format!("get it with `{}`", command.join(" ")))
}

/// How to get what no command of ours gets.
pub(super) fn by_hand(found: &Found, tool: Tool) -> String {
    match tool {
        Tool::LlvmTools if found.has_rustup => {
            "the toolchain in use is none of rustup's: install the LLVM that rustc is of, and let LLVM_COV and \
             LLVM_PROFDATA name its tools"
                .to_owned()
        }
        Tool::LlvmTools => "rustup, which would install it, is not there: install the LLVM that rustc is of, and let \
                            LLVM_COV and LLVM_PROFDATA name its tools"
            .to_owned(),
        Tool::Cargo | Tool::Rustc => "get it with rustup: https://rustup.rs".to_owned(),
        Tool::Git => "get it with the system's package manager".to_owned(),
        Tool::CargoLlvmCov => String::new(),
    }
}

fn closing(checked: &Checked, settings: &Settings) -> String {
    let lacking: Vec<Tool> = checked.lacking().collect();
    let names: Vec<&str> = lacking.iter().map(|tool| tool.name()).collect();
    let can_install = lacking.iter().any(|tool| checked.found.installer(*tool).is_some());
    match (names.is_empty(), can_install) {
        (true, _) if !settings.enabled => {
            "The gate is switched off, so that little is needed, and that is there.".to_owned()
        }
        (true, _) if checked.shared.as_ref().is_some_and(|shared| shared.error.is_some()) => {
            "Everything that is needed is there; the shared history is not, and a run goes on without it.".to_owned()
        }
        (true, _) => "Everything that is needed is there.".to_owned(),
        (false, true) => format!("Lacking: {}. `cargo gate doctor --install` gets it.", names.join(", ")),
        (false, false) => format!("Lacking: {}.", names.join(", ")),
    }
}

fn document(checked: &Checked, code: ExitCode) -> Value {
    let tools = checked.found.states.iter().map(|(tool, state)| {
        let (word, version, why) = match state {
            State::Ready(version) => ("ready", Some(version), None),
            State::TooOld(version) => ("too-old", Some(version), None),
            State::Missing => ("missing", None, None),
            State::Unusable(why) => ("unusable", None, Some(why)),
        };
        let has = checked.found.has(*tool);
        json!({
            "tool": tool.name(),
            "state": word,
            "version": version.map(ToString::to_string),
            "oldest": tool.oldest().map(|version| version.to_string()),
            "why": why,
            "needed": checked.needed.contains(tool),
            "purpose": tool.purpose(),
            "install": if has { None } else { checked.found.installer(*tool) },
            "hint": if has { None } else { Some(way(&checked.found, *tool)) },
        })
    });
    json!({
        "schema_version": documents::SCHEMA_VERSION,
        "verdict": if code == ExitCode::Pass { Verdict::Pass } else { Verdict::Fail },
        "exit_code": code,
        "toolchain": checked.found.toolchain,
        "rustup": checked.found.has_rustup,
        "tools": tools.collect::<Vec<_>>(),
        "shared_history": checked.shared.as_ref().map(|shared| json!({
            "url": shared.url,
            "reachable": shared.error.is_none(),
            "error": shared.error.as_ref().map(ToString::to_string),
        })),
        "waiting": checked.waiting,
    })
}
