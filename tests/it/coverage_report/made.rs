//! Measurements that were made up.

use cargo_gate::model::{Reason, Totals, Verdict};
use cargo_gate::ratio::{Ratio, Share};
use cargo_gate::report::coverage::{CoveredPart, PatchLines, PatchReport};
use cargo_gate::report::json::{Head, SCHEMA_VERSION};
use cargo_gate::report::{CoverageHead, CoverageReport};

pub(crate) fn of(covered: u64, total: u64) -> Ratio {
    Ratio::new(covered, total).unwrap()
}

fn part(name: &str, covered: u64, total: u64, before: Option<(u64, u64)>) -> CoveredPart {
    let before = before.map(|(covered, total)| Share::Counted(of(covered, total)));
    CoveredPart { name: name.to_owned(), ratio: of(covered, total), before, ..CoveredPart::default() }
}

/// A fall below the baseline, with everything that a report can say.
pub(crate) fn failing() -> CoverageReport {
    let reason = "8,412 of 9,980 lines are covered (84.28 %), and the baseline asks for 85.50 % (8,500 of 9,941, at \
                  1a2b3c4d) less 0.5 points of tolerance: 72 more lines must be covered";
    let mut files = vec![
        part("crates/harbour-net/src/connection/handshake.rs", 120, 410, Some((190, 410))),
        part("src/lib.rs", 610, 802, Some((610, 802))),
        part("src/route.rs", 40, 96, None),
        part("crates/pilot/src/tide.rs", 995, 1002, Some((990, 1002))),
        part("build/version.rs", 0, 0, None),
    ];
    files[0].uncovered = vec![3..=14, 20..=20, 31..=90, 101..=140, 155..=155, 160..=170, 201..=240, 300..=402];
    files[1].uncovered = vec![17..=17, 100..=290];
    files[2].uncovered = vec![1..=56];
    files[2].floor = Some("60".parse().unwrap());
    files[2].falls_short = true;
    files.extend((0..22).map(|at| part(&format!("src/steady/module_{at}.rs"), 40 + at / 20, 41, Some((40, 41)))));
    CoverageReport {
        head: CoverageHead {
            passes: false,
            measured: Some(Share::Counted(of(8_412, 9_980))),
            counting: Some("llvm-cov".to_owned()),
            files: Some(27),
            target: Some("x86_64-unknown-linux-gnu".to_owned()),
            features: String::new(),
            may_be_baseline: Some(false),
            baseline: Some("85.5".parse().unwrap()),
            floor: "80".parse().unwrap(),
            policy: "both".to_owned(),
            epsilon: "0.5".parse().unwrap(),
            delta: "-1.22".parse().unwrap(),
            metric: "lines".to_owned(),
            commit: Some("4f1e2d3a5b6c7d8e".to_owned()),
            tools: "rustc 1.95.0, cargo-llvm-cov 0.9.1".to_owned(),
            reason: reason.to_owned(),
        },
        word: "FAIL",
        reasons: vec![
            Reason::new("below-baseline", reason),
            Reason::new(
                "tools-changed",
                "the tools changed since the baseline was measured (rustc 1.94.0; now 1.95.0)",
            ),
            Reason::new("worst-files", "most is uncovered in `crates/harbour-net/src/connection/handshake.rs`"),
            Reason::new(
                "next",
                "`cargo gate report --open` shows what is uncovered; `cargo gate baseline set --reason \"…\"` accepts \
                 the lower figure, and keeps why",
            ),
        ],
        warnings: vec![Reason::new(
            "incomplete",
            "the measurement is incomplete: 1 process left no profile because it was killed or aborted \
             (harbour/test:crash); this figure becomes no baseline",
        )],
        baseline: Some((Share::Counted(of(8_500, 9_941)), Some("1a2b3c4d5e6f".to_owned()))),
        totals: vec![("lines", of(8_412, 9_980)), ("regions", of(12_001, 15_400)), ("functions", of(1_203, 1_377))],
        ratchet: Some("the baseline stays at 85.50 %: this figure is lower".to_owned()),
        packages: vec![
            part("harbour", 6_000, 6_702, Some((6_000, 6_702))),
            part("harbour-net", 1_417, 2_276, Some((1_510, 2_237))),
            part("pilot", 995, 1_002, Some((990, 1_002))),
        ],
        files,
        patch: Some(patch()),
        left_out: vec![
            ("test code (`#[cfg(test)]` items and test functions)".to_owned(), "412 lines in 31 files".to_owned()),
            ("`generated/**`: made by prost".to_owned(), "3 files".to_owned()),
        ],
        counted: "Lines are counted function by function, as llvm-cov's own summary does.".to_owned(),
    }
}

fn patch() -> PatchReport {
    let line = |number: u32, text: &str| (number, text.to_owned());
    PatchReport {
        base: "origin/main".to_owned(),
        ratio: of(12, 17),
        said: "12 of 17 changed lines are covered (70.58 %), and 80 % are asked for: 2 more must be covered".to_owned(),
        fails: true,
        uncovered: vec![
            PatchLines {
                path: "crates/harbour-net/src/connection/handshake.rs".into(),
                lines: vec![
                    line(
                        101,
                        "    let peer = self.peers.get(&id).ok_or_else(|| Error::UnknownPeer { id, known: self.peers.len() })?;",
                    ),
                    line(102, "\tif peer.is_banned() {"),
                    line(103, "\t\treturn Err(Error::Banned); // ``` and <b>all</b>"),
                ],
            },
            PatchLines {
                path: "src/lib.rs".into(),
                lines: vec![line(17, "        Mode::Quiet => {}"), line(1_017, "}")],
            },
        ],
        unmeasured: vec!["xtask/src/main.rs".into()],
    }
}

/// The first measurement of a workspace of one package.
pub(crate) fn first() -> CoverageReport {
    let reason = "3 of 4 lines are covered (75.00 %): there is no baseline yet to hold it against (bootstrap)";
    let mut file = part("src/lib.rs", 3, 4, None);
    file.uncovered = vec![9..=9];
    CoverageReport {
        head: CoverageHead {
            passes: true,
            measured: Some(Share::Counted(of(3, 4))),
            counting: Some("llvm-cov".to_owned()),
            policy: "baseline".to_owned(),
            metric: "lines".to_owned(),
            tools: "rustc 1.95.0, cargo-llvm-cov 0.9.1".to_owned(),
            reason: reason.to_owned(),
            ..CoverageHead::default()
        },
        word: "PASS",
        reasons: vec![Reason::new("bootstrap", reason)],
        totals: vec![("lines", of(3, 4)), ("functions", of(1, 1))],
        ratchet: Some("75.00 % is the first baseline, in target/gate/ratchet.toml".to_owned()),
        packages: vec![part("fresh", 3, 4, None)],
        files: vec![file],
        counted: "Lines are counted function by function, as llvm-cov's own summary does.".to_owned(),
        ..CoverageReport::default()
    }
}

/// Nothing was measured, and the gate stays open all the same.
pub(crate) fn open() -> CoverageReport {
    let warning =
        Reason::new("no-measurement", "no measurement, and the gate stays open (fail-open): no process left a profile");
    CoverageReport {
        head: CoverageHead {
            passes: true,
            floor: "80".parse().unwrap(),
            policy: "both".to_owned(),
            metric: "lines".to_owned(),
            reason: warning.text.clone(),
            ..CoverageHead::default()
        },
        word: "PASS",
        reasons: vec![warning.clone()],
        warnings: vec![warning],
        ..CoverageReport::default()
    }
}

/// Tests failed: there is a figure, and it is not judged.
pub(crate) fn tests_failed() -> CoverageReport {
    let mut report = failing();
    report.head.reason = "2 tests failed, so coverage is shown and not judged".to_owned();
    report.reasons = vec![Reason::new("tests-failed", report.head.reason.clone())];
    report.warnings.clear();
    report.patch = None;
    report.files.truncate(3);
    report.left_out.clear();
    report.ratchet = None;
    report
}

/// The gate is switched off.
pub(crate) fn switched_off() -> CoverageReport {
    let reason = "N/A: the gate is switched off, nothing was measured";
    CoverageReport {
        head: CoverageHead { passes: true, reason: reason.to_owned(), ..CoverageHead::default() },
        word: "N/A",
        reasons: vec![Reason::new("disabled", reason)],
        ..CoverageReport::default()
    }
}

/// Every text that comes from outside is this one.
pub(crate) fn hostile(text: &str) -> CoverageReport {
    let mut report = failing();
    let any = || text.to_owned();
    report.head.reason = any();
    report.head.commit = Some(any());
    report.head.tools = any();
    report.head.features = any();
    for reason in report.reasons.iter_mut().chain(&mut report.warnings) {
        reason.text = any();
    }
    report.baseline = report.baseline.map(|(share, _)| (share, Some(any())));
    for part in report.packages.iter_mut().chain(&mut report.files) {
        part.name = any();
    }
    if let Some(patch) = &mut report.patch {
        patch.base = any();
        patch.said = any();
        patch.unmeasured = vec![text.into()];
        for file in &mut patch.uncovered {
            file.path = text.into();
            file.lines.iter_mut().for_each(|(_, line)| *line = any());
        }
    }
    report.left_out = vec![(any(), any())];
    report.ratchet = Some(any());
    report.counted = any();
    report
}

/// The head of the document of a run that is like this report.
pub(crate) fn head(report: &CoverageReport) -> Head {
    Head {
        schema_version: SCHEMA_VERSION,
        run_id: "20260131T120000000Z-1a2b3c4d".to_owned(),
        verdict: if report.head.passes { Verdict::Pass } else { Verdict::Fail },
        exit_code: if report.head.passes { 0 } else { 20 },
        codes: vec![if report.head.passes { 0 } else { 20 }],
        reasons: report.reasons.clone(),
        totals: Totals::default(),
        not_run: 0,
        duration_ms: 41_000,
        plan_digest: None,
        shard: None,
    }
}
