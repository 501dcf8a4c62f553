//! `cargo gate history push`: runs that are kept here go to the history that machines share.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::json;

use super::verbs::{HistoryError, Result, write_json};
use crate::cli::{Format, PushArgs};
use crate::commands::keeping;
use crate::commands::place::Place;
use crate::history::shared::{Outbox, Sent, send_all};
use crate::history::store::RunFilter;
use crate::model::RunId;
use crate::report::inert::one_line;
use crate::report::words;

/// Sends what waits in the outbox, and on demand what is in this machine's own history.
pub(super) fn run(args: &PushArgs, place: &Place) -> Result<()> {
    // Who has nowhere to send to is told so, also where nothing would be sent.
    let link = place.history().line().map_err(HistoryError::Source)?;
    let mut outbox = keeping::outbox(&place.gate_dir)?;
    let own = if args.all { keeping::own(&place.gate_dir)? } else { None };
    let (format, out) = (args.common.format, &mut io::stdout().lock());
    if args.dry_run {
        let mut names = outbox.as_ref().map_or_else(|| Ok(Vec::new()), Outbox::waiting)?;
        names.extend(own.as_ref().map_or_else(|| Ok(Vec::new()), |own| own.names(&RunFilter::default()))?);
        return tell(&Sent::default(), Some(&names), format, out);
    }
    link.reach()?;
    let mut sent =
        outbox.as_mut().map_or_else(|| Ok(Sent::default()), |outbox| outbox.send(&link, &|| Duration::MAX))?;
    if let Some(own) = own {
        let more = send_all(&*own, &link)?;
        sent.sent += more.sent;
        sent.known += more.known;
    }
    tell(&sent, None, format, out)?;
    match &sent.why {
        Some(why) => {
            let runs = words::count(sent.refused, "run", "runs");
            Err(HistoryError::Refused(format!("{runs} cannot be sent, and stay here: {why}")))
        }
        None => Ok(()),
    }
}

/// What was sent, or the runs that would be.
fn tell(sent: &Sent, plan: Option<&[RunId]>, format: Format, out: &mut dyn Write) -> Result<()> {
    let Sent { sent: runs, known, refused, why } = sent;
    if format == Format::Json {
        let document = json!({
            "schema_version": 1,
            "dry_run": plan.is_some(),
            "runs": plan,
            "sent": runs,
            "known": known,
            "refused": refused,
            "why": why,
        });
        return write_json(out, &document);
    }
    let of_runs = |count| words::count(count, "run", "runs");
    match plan {
        Some(names) => {
            names.iter().try_for_each(|name| writeln!(out, "{}", one_line(name.as_str())))?;
            writeln!(out, "Would send {}.", of_runs(names.len() as u64))?;
        }
        None => writeln!(out, "Sent {}; {} known.", of_runs(*runs), words::thousands(*known))?,
    }
    Ok(())
}
