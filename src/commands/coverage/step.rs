//! A measurement as a step of a pipeline.

use std::sync::Arc;

use super::judging::Judged;
use super::measured::Run;
use super::site::{self, Site};
use super::{judge_without_running, outputs};
use crate::cli::CoverageArgs;
use crate::commands::stage::Stage;
use crate::commands::test::{self, Prepared, Purpose, Refused, Stepped, Told};
use crate::coverage::verdict::Ruling;
use crate::report::CoverageReport;

/// Measures as a step of a pipeline.
pub(in crate::commands) fn run_step(args: &CoverageArgs, stage: &Stage, told: Told<'_>) -> Stepped {
    // Files lie where the step runs.
    let from = args.from.iter().map(|path| stage.cwd.join(path)).collect();
    let args = CoverageArgs { test: test::seated(&args.test, stage), from, ..args.clone() };
    step(&args, stage, told).unwrap_or_else(|refused| Stepped::refused(&refused, stage))
}

fn step(args: &CoverageArgs, stage: &Stage, told: Told<'_>) -> Result<Stepped, Refused> {
    let prepared = test::prepare(&args.test, Purpose::Coverage(&args.judging.given()), stage.clone())?;
    let asked = match prepared {
        Prepared::Off => return Ok(nothing_to_judge(args, stage, &Ruling::switched_off())),
        Prepared::Handed(code) => return Ok(test::handed(code)),
        Prepared::Ours(asked) => Arc::new(asked.instrumented()),
    };
    if let Some(packages) = site::out_of_scope(&asked)? {
        let names: Vec<&str> = packages.iter().map(String::as_str).collect();
        return Ok(nothing_to_judge(args, stage, &Ruling::out_of_scope(&names)));
    }
    if args.from.is_empty() {
        return Ok(test::run_once(&args.test, &asked, &mut Run::new(args, &asked), told)?.into());
    }
    let site = Site::of(&asked)?;
    let judged = judge_without_running(args, &asked, &site)?;
    let kept = (!args.test.no_record).then(|| outputs::keep(&site.gate_dir, None, &judged.report)).flatten();
    kept.iter().for_each(|text| stage.complain("warning", text));
    Ok(told_without_run(args, stage, &judged))
}

/// Says that there is nothing to judge.
fn nothing_to_judge(args: &CoverageArgs, stage: &Stage, ruling: &Ruling) -> Stepped {
    let report = CoverageReport { word: "N/A", reasons: ruling.reasons.clone(), ..CoverageReport::default() };
    told_without_run(args, stage, &Judged { report, verdict: ruling.verdict, code: ruling.code, reached: None })
}

fn told_without_run(args: &CoverageArgs, stage: &Stage, judged: &Judged) -> Stepped {
    outputs::tell(args, None, judged).iter().for_each(|text| stage.complain("warning", text));
    outputs::log(stage, judged);
    let stepped = Stepped::without_run(judged.verdict, judged.code, judged.report.reasons.clone());
    Stepped { coverage: Some(judged.report.clone()), ..stepped }
}
