//! The ratchet as text: TOML with one line an entry, in a stable order, so that a diff shows what rose, and merges in
//! git meet only where both sides touched the same entry.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::Deserialize;
use toml::Value;

use super::baseline::{Baseline, Subject, Tools};
use super::map::Counting;
use super::ratchet::{Entry, Ratchet, RatchetKey};
use crate::config::Metric;
use crate::model::Word;
use crate::ratio::{Percent, Ratio, Share};

/// The form that this program writes, and the newest that it reads.
const VERSION: i64 = 1;

const HEAD: &str = "\
# What coverage reached and may not lose. `cargo gate coverage` raises these figures; `cargo gate baseline set --reason`
# lowers one, and keeps why. One line an entry, with blank lines between, so that git can merge them; of two lines for
# one entry the higher holds.
";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "version")]
    _version: i64,
    #[serde(default)]
    entries: Vec<Line>,
}

/// One entry as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    workspace: String,
    target: String,
    #[serde(default)]
    features: String,
    of: String,
    metric: Metric,
    covered: Option<u64>,
    total: Option<u64>,
    percent: Option<String>,
    counting: Option<Counting>,
    files: Option<u64>,
    toolchain: Option<String>,
    measurer: Option<String>,
    commit: Option<String>,
    at: Option<Timestamp>,
    reason: Option<String>,
}

impl Line {
    fn read(self) -> Result<(RatchetKey, Entry), String> {
        let subject: Subject = self.of.parse().map_err(|error| format!("{error}"))?;
        let whose = format!("the {} of the {subject}", self.metric);
        let share = match (self.covered, self.total, self.percent) {
            (Some(covered), Some(total), None) => {
                Some(Share::Counted(Ratio::new(covered, total).map_err(|error| format!("{whose}: {error}"))?))
            }
            (None, None, Some(text)) => {
                let percent: Percent = text.parse().map_err(|error| format!("{whose}: {text:?} {error}"))?;
                Some(Share::Percent(percent))
            }
            (None, None, None) if self.reason.is_some() => None,
            _ => return Err(format!("{whose} need either `covered` and `total`, or `percent`, or a `reason` alone")),
        };
        let tools = match (self.toolchain, self.measurer) {
            (None, None) => None,
            (toolchain, measurer) => {
                Some(Tools { toolchain: toolchain.unwrap_or_default(), measurer: measurer.unwrap_or_default() })
            }
        };
        let baseline = share.map(|share| Baseline {
            share,
            counting: self.counting,
            files: self.files,
            tools,
            commit: self.commit,
            at: self.at,
        });
        let key = RatchetKey {
            workspace: self.workspace,
            target: self.target,
            features: self.features,
            subject,
            metric: self.metric,
        };
        Ok((key, Entry { baseline, reason: self.reason }))
    }
}

impl Ratchet {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// What is wrong with the text, in one phrase.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(at) = text.lines().position(|line| line.starts_with("<<<<<<< ")) {
            return Err(format!(
                "line {}: git left a conflict: keep of each pair of lines the one with the higher figure",
                at + 1
            ));
        }
        let table: toml::Table = text.parse().map_err(|error| at_line(text, &error))?;
        match table.get("version").and_then(Value::as_integer) {
            Some(version) if version > VERSION => {
                return Err(format!("it has version {version}, and this cargo-gate understands {VERSION}: update it"));
            }
            Some(_) => {}
            None => return Err("it has no `version`".to_owned()),
        }
        let document: Document = toml::from_str(text).map_err(|error| at_line(text, &error))?;
        let mut ratchet = Self::default();
        for line in document.entries {
            let (key, entry) = line.read()?;
            ratchet.keep_higher(key, entry);
        }
        Ok(ratchet)
    }

    /// Two lines for one entry come from a merge that kept both.
    fn keep_higher(&mut self, key: RatchetKey, entry: Entry) {
        let Some(kept) = self.entries.get_mut(&key) else {
            self.entries.insert(key, entry);
            return;
        };
        let reaches = |entry: &Entry, other: &Entry| match (&entry.baseline, &other.baseline) {
            (Some(one), Some(other)) => one.share.ratio().reaches(other.share.ratio(), Percent::ZERO),
            (_, other) => other.is_none(),
        };
        if !reaches(kept, &entry) {
            *kept = entry;
        }
    }

    /// As text.
    #[must_use]
    pub fn render(&self) -> String {
        let mut out = format!("{HEAD}version = {VERSION}\n\nentries = [\n\n");
        for (key, entry) in &self.entries {
            out.push_str(&line(key, entry));
            out.push_str("\n\n");
        }
        out.push_str("]\n");
        out
    }
}

fn line(key: &RatchetKey, entry: &Entry) -> String {
    let mut fields = Fields(String::new());
    fields.text("workspace", Some(&key.workspace));
    fields.text("target", Some(&key.target));
    fields.text("features", Some(key.features.as_str()).filter(|features| !features.is_empty()));
    fields.text("of", Some(&key.subject.to_string()));
    fields.text("metric", Some(key.metric.word()));
    let mut shown = "reset".to_owned();
    if let Some(baseline) = &entry.baseline {
        shown = format!("{} %", baseline.share);
        match baseline.share {
            Share::Counted(ratio) => {
                fields.add("covered", ratio.covered());
                fields.add("total", ratio.total());
            }
            Share::Percent(percent) => fields.text("percent", Some(&percent.to_string())),
        }
        fields.text("counting", baseline.counting.map(Word::word));
        if let Some(files) = baseline.files {
            fields.add("files", files);
        }
        fields.text("toolchain", baseline.tools.as_ref().map(|tools| tools.toolchain.as_str()));
        fields.text("measurer", baseline.tools.as_ref().map(|tools| tools.measurer.as_str()));
        fields.text("commit", baseline.commit.as_deref());
        fields.text("at", baseline.at.map(|at| at.to_string()).as_deref());
    }
    fields.text("reason", entry.reason.as_deref());
    format!("  {{ {} }}, # {shown}", fields.0)
}

/// The fields of an inline table.
struct Fields(String);

impl Fields {
    fn add(&mut self, key: &str, value: impl std::fmt::Display) {
        let comma = if self.0.is_empty() { "" } else { ", " };
        let _ = write!(self.0, "{comma}{key} = {value}");
    }

    /// JSON's strings are basic strings of TOML, on one line whatever they hold, but for one character.
    fn text(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            let quoted = serde_json::to_string(text).unwrap_or_default().replace('\u{7f}', "\\u007f");
            self.add(key, quoted);
        }
    }
}

/// A mistake with its line, on one line.
fn at_line(text: &str, error: &toml::de::Error) -> String {
    let line =
        error.span().and_then(|span| text.get(..span.start)).map_or(1, |before| before.matches('\n').count() + 1);
    format!("line {line}: {}", error.message().replace('\n', ", "))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    fn key(workspace: &str, subject: Subject) -> RatchetKey {
        RatchetKey {
            workspace: workspace.to_owned(),
            target: "x86_64-unknown-linux-gnu".to_owned(),
            features: String::new(),
            subject,
            metric: Metric::Lines,
        }
    }

    fn entry(covered: u64, total: u64) -> Entry {
        let share = Share::Counted(Ratio::new(covered, total).unwrap());
        Entry { baseline: Some(Baseline { counting: Some(Counting::Summary), ..Baseline::from(share) }), reason: None }
    }

    fn ratchet(entries: &[(&str, u64)]) -> Ratchet {
        let entries = entries.iter().map(|(name, covered)| (key(name, Subject::Workspace), entry(*covered, 100)));
        Ratchet { entries: entries.collect() }
    }

    #[test]
    fn an_entry_is_a_line_that_people_can_read() {
        let mut ratchet = ratchet(&[("app", 85)]);
        let full = Baseline {
            files: Some(12),
            tools: Some(Tools { toolchain: "rustc 1.95.0".to_owned(), measurer: "cargo-llvm-cov 0.9.1".to_owned() }),
            commit: Some("1a2b3c4d".to_owned()),
            at: Some("2026-01-31T12:00:00Z".parse().unwrap()),
            ..entry(3, 4).baseline.unwrap()
        };
        let core = key("app", Subject::Package("core".to_owned()));
        ratchet
            .entries
            .insert(core, Entry { baseline: Some(full), reason: Some("a \"parser\"\nmoved out".to_owned()) });
        let bare = Baseline::from(Share::Percent("77.50".parse().unwrap()));
        ratchet.entries.insert(key("tool", Subject::Workspace), Entry { baseline: Some(bare), reason: None });
        let file = key("tool", Subject::File("src/lib.rs".into()));
        ratchet.entries.insert(file, Entry { baseline: None, reason: Some("new tools".to_owned()) });
        insta::assert_snapshot!(ratchet.render(), @r##"
        # What coverage reached and may not lose. `cargo gate coverage` raises these figures; `cargo gate baseline set --reason`
        # lowers one, and keeps why. One line an entry, with blank lines between, so that git can merge them; of two lines for
        # one entry the higher holds.
        version = 1

        entries = [

          { workspace = "app", target = "x86_64-unknown-linux-gnu", of = "workspace", metric = "lines", covered = 85, total = 100, counting = "llvm-cov" }, # 85.00 %

          { workspace = "app", target = "x86_64-unknown-linux-gnu", of = "package:core", metric = "lines", covered = 3, total = 4, counting = "llvm-cov", files = 12, toolchain = "rustc 1.95.0", measurer = "cargo-llvm-cov 0.9.1", commit = "1a2b3c4d", at = "2026-01-31T12:00:00Z", reason = "a \"parser\"\nmoved out" }, # 75.00 %

          { workspace = "tool", target = "x86_64-unknown-linux-gnu", of = "workspace", metric = "lines", percent = "77.5" }, # 77.50 %

          { workspace = "tool", target = "x86_64-unknown-linux-gnu", of = "file:src/lib.rs", metric = "lines", reason = "new tools" }, # reset

        ]
        "##);
        assert_eq!(Ratchet::parse(&ratchet.render()), Ok(ratchet));
    }

    #[test]
    fn what_cannot_be_read_is_said_with_its_line() {
        let of = "workspace = \"a\", target = \"t\", of = \"workspace\", metric = \"lines\"";
        let with = |line: &str| format!("version = 1\nentries = [\n{line}\n]\n");
        for (text, why) in [
            (String::new(), "it has no `version`"),
            ("version = 2\nfuture = 1".to_owned(), "it has version 2, and this cargo-gate understands 1: update it"),
            ("version = 1\nentries = [".to_owned(), "line 2: unclosed array, expected `]`"),
            (format!("version = 1\n<<<<<<< ours\n{of}"), "line 2: git left a conflict"),
            (with("{ workspace = \"a\" }"), "line 3: missing field `target`"),
            (with(&format!("{{ {of}, covered = 1 }}")), "the lines of the workspace need either"),
            (with(&format!("{{ {of}, covered = 2, total = 1 }}")), "the lines of the workspace: 2 of 1 are covered"),
            (with(&format!("{{ {of}, covered = -2, total = 1 }}")), "line 3: invalid value: integer `-2`"),
            (with(&format!("{{ {of}, percent = \"nan\" }}")), "the lines of the workspace: \"nan\" is not a plain"),
            (with(&format!("{{ {of}, percent = 80.0 }}")), "line 3: invalid type: floating point `80.0`"),
            (with(&format!("{{ {of}, percent = \"80\", note = 1 }}")), "line 3: unknown field `note`"),
            (with(&format!("{{ {of} }}").replace("workspace\",", "crate\",")), "\"crate\" is none of `workspace`"),
        ] {
            let error = Ratchet::parse(&text).unwrap_err();
            assert!(error.starts_with(why), "{error}\n{text}");
        }
    }

    #[test]
    fn of_two_lines_for_one_entry_the_higher_holds() {
        let line = |covered| line(&key("a", Subject::Workspace), &entry(covered, 100));
        for order in [[70, 80, 75], [80, 70, 75], [75, 70, 80]] {
            let text = format!("version = 1\nentries = [\n{}\n]\n", order.map(line).join("\n"));
            assert_eq!(Ratchet::parse(&text), Ok(ratchet(&[("a", 80)])), "{order:?}");
        }
    }

    /// What git makes of two sides of one file.
    fn merge(base: &Ratchet, ours: &Ratchet, theirs: &Ratchet, how: &[&str]) -> (Option<i32>, String) {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, ratchet: &Ratchet| fs_err::write(folder.path().join(name), ratchet.render()).unwrap();
        write("base", base);
        write("ours", ours);
        write("theirs", theirs);
        let mut git = Command::new("git");
        git.args(["merge-file", "-p"]).args(how).args(["ours", "base", "theirs"]).current_dir(folder.path());
        let output = git.output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    }

    #[test]
    fn git_merges_neighbouring_entries() {
        let base = ratchet(&[("a", 50), ("b", 50), ("c", 50)]);
        let (ours, theirs) = (ratchet(&[("a", 60), ("b", 50), ("c", 50)]), ratchet(&[("a", 50), ("b", 70), ("c", 50)]));
        let (code, text) = merge(&base, &ours, &theirs, &[]);
        assert_eq!((code, Ratchet::parse(&text)), (Some(0), Ok(ratchet(&[("a", 60), ("b", 70), ("c", 50)]))), "{text}");
    }

    #[test]
    fn a_conflict_is_named_and_a_union_keeps_the_higher() {
        let (base, ours, theirs) = (ratchet(&[("a", 50)]), ratchet(&[("a", 60)]), ratchet(&[("a", 70)]));
        let (code, text) = merge(&base, &ours, &theirs, &[]);
        assert_eq!(code, Some(1));
        assert!(Ratchet::parse(&text).unwrap_err().contains("git left a conflict"));
        let (code, text) = merge(&base, &ours, &theirs, &["--union"]);
        assert_eq!((code, Ratchet::parse(&text)), (Some(0), Ok(ratchet(&[("a", 70)]))), "{text}");
    }

    fn keys() -> impl Strategy<Value = RatchetKey> {
        let subjects = prop_oneof![
            Just(Subject::Workspace),
            "\\PC{1,8}".prop_map(Subject::Package),
            "\\PC{1,8}".prop_map(|path| Subject::File(path.into())),
        ];
        ("\\PC{0,6}|[\\x00-\\x7f]{0,4}", "[a-z0-9_-]{0,6}", any::<String>(), subjects, 0_usize..4).prop_map(
            |(workspace, target, features, subject, metric)| RatchetKey {
                workspace,
                target,
                features,
                subject,
                metric: Metric::ALL[metric],
            },
        )
    }

    fn entries() -> impl Strategy<Value = Entry> {
        let shares = prop_oneof![
            (0_u64..100, 100_u64..=Ratio::MOST)
                .prop_map(|(covered, total)| Share::Counted(Ratio::new(covered, total).unwrap())),
            (0_u32..=1_000_000).prop_map(|count| Share::Percent(Percent::from_ten_thousandths(count).unwrap())),
        ];
        let stamps =
            (prop::option::of(any::<String>()), prop::option::of(0_u64..1 << 40), prop::option::of(0_i64..1 << 32));
        let baselines =
            (shares, any::<bool>(), stamps).prop_map(|(share, is_counted, (text, files, second))| Baseline {
                counting: is_counted.then_some(Counting::Lines),
                files,
                tools: text.clone().map(|text| Tools { toolchain: text.clone(), measurer: text }),
                commit: text,
                at: second.map(|second| Timestamp::from_second(second).unwrap()),
                share,
            });
        (prop::option::of(baselines), any::<String>(), any::<bool>()).prop_map(|(baseline, reason, has_reason)| Entry {
            reason: (has_reason || baseline.is_none()).then_some(reason),
            baseline,
        })
    }

    proptest! {
        #[test]
        fn every_ratchet_survives_being_written_on_one_line_an_entry(
            entries in prop::collection::btree_map(keys(), entries(), 0..6),
        ) {
            let ratchet = Ratchet { entries };
            let text = ratchet.render();
            let lines = text.lines().filter(|line| line.starts_with("  {")).count();
            prop_assert_eq!(lines, ratchet.entries.len());
            prop_assert_eq!(Ratchet::parse(&text), Ok(ratchet));
        }

        #[test]
        fn no_text_panics(text in any::<String>(), at in 0_usize..200, with in "[\\[\\]{}\"=,0-9a-z\n<-]{0,6}") {
            let _ = Ratchet::parse(&text);
            let mut damaged = ratchet(&[("a", 50)]).render();
            let at = HEAD.len() + at % (damaged.len() - HEAD.len());
            damaged.insert_str(at, &with);
            let _ = Ratchet::parse(&damaged);
        }
    }
}
