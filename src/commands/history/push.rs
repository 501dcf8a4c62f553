//! `cargo gate history push`: runs that are kept here go to the history that machines share.

use std::io::{self, Write};

use serde_json::json;

use super::verbs::{HistoryError, Result, write_json};
use crate::cli::{Format, PushArgs};
use crate::commands::keeping;
use crate::commands::place::Place;
use crate::history::shared::{Sent, send_all};
use crate::history::store::RunFilter;
use crate::model::RunId;
use crate::report::inert::one_line;
use crate::report::words;

/// Sends what waits in the outbox, and on demand what is in this machine's own history.
pub(super) fn run(args: &PushArgs, place: &Place) -> Result<()> {
    let link = place.history().line().map_err(HistoryError::Source)?;
    let mut outbox = keeping::outbox(&place.gate_dir)?;
    let own = if args.all { keeping::own(&place.gate_dir)? } else { None };
    let out = &mut io::stdout().lock();
    if args.dry_run {
        let mut names = outbox.as_ref().map_or_else(|| Ok(Vec::new()), |outbox| outbox.waiting())?;
        names.extend(own.as_ref().map_or_else(|| Ok(Vec::new()), |own| own.names(&RunFilter::default()))?);
        return plan(&names, args.common.format, out);
    }
    link.reach()?;
    let mut sent = outbox.as_mut().map_or_else(|| Ok(Sent::default()), |outbox| outbox.send(&link, None))?;
    if let Some(own) = own {
        let more = send_all(&*own, &link)?;
        sent.sent += more.sent;
        sent.known += more.known;
    }
    tell(&sent, args.common.format, out)?;
    match &sent.why {
        Some(why) => {
            let runs = words::count(sent.refused, "run", "runs");
            Err(HistoryError::Refused(format!("{runs} cannot be sent, and stay here: {why}")))
        }
        None => Ok(()),
    }
}

fn plan(names: &[RunId], format: Format, out: &mut dyn Write) -> Result<()> {
    if format == Format::Json {
        return write_json(out, &json!({ "schema_version": 1, "dry_run": true, "runs": names }));
    }
    for name in names {
        writeln!(out, "{}", one_line(name.as_str()))?;
    }
    writeln!(out, "Would send {}.", words::count(names.len() as u64, "run", "runs"))?;
    Ok(())
}

fn tell(sent: &Sent, format: Format, out: &mut dyn Write) -> Result<()> {
    let Sent { sent: runs, known, refused, why, .. } = sent;
    if format == Format::Json {
        let document = json!({
            "schema_version": 1, "dry_run": false, "sent": runs, "known": known, "refused": refused, "why": why,
        });
        return write_json(out, &document);
    }
    let (runs, known) = (words::count(*runs, "run", "runs"), words::thousands(*known));
    writeln!(out, "Sent {runs}; {known} known.")?;
    Ok(())
}
