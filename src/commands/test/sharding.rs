//! What of a plan is this machine's: all of it, or its shard.

use std::path::Path;

use super::Refused;
use super::ask::Asked;
use super::session::Session;
use crate::cli::TestArgs;
use crate::exit_code::ExitCode;
use crate::model::{ContentHash, some_of};
use crate::plan::cut::{Cut, Weighing};
use crate::plan::cut_file::{self, Difference};
use crate::plan::portion::Portion;
use crate::plan::{Plan, digest};
use crate::report::words;

/// What is to run here, and of what it is a part.
pub(super) struct Ours {
    pub(super) plan: Plan,
    /// What it is of the whole, where that is cut.
    pub(super) portion: Option<Portion>,
    /// The whole plan's digest.
    pub(super) whole: ContentHash,
    /// How many tests the whole plan has.
    pub(super) of: u64,
    /// Has the whole plan anything in it?
    pub(super) whole_has_any: bool,
}

/// How the plan is cut, where a file says so.
pub(super) fn handed_over(args: &TestArgs) -> Result<Option<Cut>, Refused> {
    let (Some(path), Some(shard)) = (&args.shard_plan, args.shard) else { return Ok(None) };
    let cut = cut_file::load(path).map_err(|error| Refused::new(ExitCode::Config, error.to_string()))?;
    let of = cut.shards.len();
    if of != shard.of() as usize {
        let shards = words::count(of as u64, "shard", "shards");
        let why = format!("`{}` is a plan of {shards}, and `--shard {shard}` is not one of them", path.display());
        return Err(Refused::new(ExitCode::Usage, why));
    }
    Ok(Some(cut))
}

impl Session<'_> {
    /// Takes from the whole plan what is this machine's. Nothing that is remembered here has a say in that: two machines
    /// with different memories would lose a test between them.
    pub(super) fn ours(&self, mut plan: Plan) -> Result<Ours, Refused> {
        let names = plan.names();
        let (whole, of) = (digest(&names), plan.tests().count() as u64);
        let whole_has_any = !names.is_empty();
        let Some(shard) = self.args.shard else { return Ok(Ours { plan, portion: None, whole, of, whole_has_any }) };
        let by_list = || Cut::of(plan.uncut(Weighing::Alike), shard.of(), self.asked.settings().test.isolation);
        let cut = match &self.cut {
            Some(cut) => self.obeyed(cut, &names)?,
            None => &by_list(),
        };
        let lost = || Refused::new(ExitCode::Internal, format!("the cut has no shard {shard}"));
        let portion = cut.portion(shard, self.full_but_for_shard).ok_or_else(lost)?;
        plan.keep(&portion);
        Ok(Ours { plan, portion: Some(portion), whole, of, whole_has_any })
    }

    /// A cut that was handed over, where it is one of the tests that are there.
    fn obeyed<'c>(&self, cut: &'c Cut, there: &[String]) -> Result<&'c Cut, Refused> {
        let here = self.asked.settings().test.isolation;
        if cut.isolation != here {
            let text = format!("the plan was cut for the isolation `{}`, and `{here}` is in force here", cut.isolation);
            self.asked.stage.complain("warning", &text);
        }
        let Some(Difference { new, missing }) = Difference::between(&cut.names(), there) else { return Ok(cut) };
        let said = [(&new, "new"), (&missing, "missing")].into_iter().filter(|(names, _)| !names.is_empty());
        let said: Vec<String> = said
            .map(|(names, what)| {
                format!("{} {what} ({})", words::thousands(names.len() as u64), some_of(names.iter(), NAMED))
            })
            .collect();
        let path = self.args.shard_plan.as_deref().unwrap_or_else(|| Path::new("")).display();
        let why = format!(
            "the shard plan `{path}` is of other tests than there are here: {}; all machines need the same code, flags \
             and filters as `cargo gate shards` had",
            said.join(" and "),
        );
        Err(Refused::new(ExitCode::Config, why))
    }
}

/// So many names tell what happened.
const NAMED: usize = 3;

/// Is every test of the workspace asked for, as far as shards do not share them out?
pub(super) fn is_full_but_for_shard(args: &TestArgs, asked: &Asked) -> bool {
    let flags = &asked.build.flags;
    let libtest = &args.libtest;
    let filters = args.filters.is_empty() && libtest.filters.is_empty() && libtest.skip.is_empty() && !libtest.ignored;
    let selection = args.select.is_empty() && !args.failed && !args.changed;
    let targets = !(flags.lib || flags.bins || flags.examples || flags.tests || flags.benches || flags.doc)
        && flags.bin.is_empty()
        && flags.example.is_empty()
        && flags.test.is_empty()
        && flags.bench.is_empty();
    let packages = flags.package.is_empty() && flags.exclude.is_empty() && (flags.workspace || flags.all);
    filters && selection && targets && packages
}
