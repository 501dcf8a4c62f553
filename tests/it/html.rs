//! The HTML report as text: what it holds, what it never holds, and how large it becomes. What it does in a browser is
//! in `browser`.

use std::sync::Arc;

use cargo_gate::model::{CaseRecord, TestKey};
use cargo_gate::report::inert::one_line;
use cargo_gate::report::retrospect::CoveredFile;
use cargo_gate::report::{Retrospect, html};
use proptest::prelude::*;
use serde_json::Value;

use crate::support::retrospects;

fn page(retrospect: &Retrospect) -> String {
    let mut out = Vec::new();
    html::write(retrospect, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The page without its style and scripts, and the values that the script reads.
fn parts(page: &str) -> (String, Value) {
    let (before, rest) = page.split_once("<script id=\"data\" type=\"application/json\">").unwrap();
    let (json, _) = rest.split_once("</script>").unwrap();
    let (head, body) = before.split_once("<style").unwrap();
    let (_, body) = body.rsplit_once("</head>").unwrap();
    (format!("{head}{body}"), serde_json::from_str(json).unwrap())
}

#[test]
fn every_history_has_a_page() {
    let histories = [
        retrospects::empty(),
        retrospects::small(),
        retrospects::typical(),
        retrospects::large(),
        retrospects::hostile(),
    ];
    for history in histories {
        let page = page(&history);
        assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"), "{}", history.workspace);
        assert_eq!(page.matches("<h1").count(), 1);
    }
}

#[test]
fn the_page_needs_nothing_but_itself() {
    // The name of SVG's elements looks like an address, and is none.
    let page = page(&retrospects::typical()).replace("http://www.w3.org/2000/svg", "");
    for way_out in ["@import", "url(", " src=", "srcset", "<link", "<iframe", "fetch(", "XMLHttp", "import(", "http://"]
    {
        assert!(!page.contains(way_out), "{way_out}");
    }
    let links: Vec<&str> = page.split("https://").skip(1).collect();
    assert!(!links.is_empty() && links.iter().all(|link| link.starts_with("ci.example/")), "links of the runs alone");
    let policy = page.split("Content-Security-Policy\" content=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");
}

#[test]
fn what_matters_reads_without_a_script() {
    let history = retrospects::typical();
    let (written, _) = parts(&page(&history));
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let sentence = &history.runs.last().unwrap().reasons[0].text;
    assert!(written.contains(&escaped(sentence)));
    for test in history.tests.iter().filter(|test| test.state != "steady") {
        assert!(
            written.contains(&escaped(&test.key.name)) && written.contains(&escaped(&test.evidence)),
            "{}",
            test.key
        );
    }
    for case in &history.failing {
        assert!(written.contains(&escaped(case.failure_text().unwrap().trim_end())), "{}", case.key);
    }
    for quarantine in history.tests.iter().filter_map(|test| test.quarantine.as_ref()) {
        assert!(written.contains(&escaped(&quarantine.reason)), "{}", quarantine.reason);
    }
    for vanished in &history.vanished {
        assert!(written.contains(&escaped(&vanished.name)), "{vanished}");
    }
    for (at, reason) in &history.order[..20] {
        assert!(written.contains(&escaped(&history.tests[*at].key.name)) && written.contains(&escaped(reason)));
    }
    assert!(written.contains("<noscript>") && written.matches("<svg").count() > 50);
}

#[test]
fn every_test_is_in_the_table_of_all() {
    let history = retrospects::typical();
    let (_, values) = parts(&page(&history));
    let key = |row: &Value| {
        let binary = usize::try_from(row[0].as_u64().unwrap()).unwrap();
        format!("{}::{}", values["binaries"][binary].as_str().unwrap(), row[1].as_str().unwrap())
    };
    let keys: Vec<String> = values["tests"].as_array().unwrap().iter().map(key).collect();
    assert_eq!(keys, history.tests.iter().map(|test| test.key.to_string()).collect::<Vec<_>>());
}

#[test]
fn ten_thousand_tests_fit_into_five_megabytes() {
    let history = retrospects::large();
    assert_eq!((history.tests.len(), history.runs.len()), (10_000, 500));
    let length = page(&history).len();
    assert!(length < 5_000_000, "{length} bytes");
}

#[test]
fn uncovered_lines_are_marked_in_their_source() {
    let mut history = retrospects::small();
    let source = ["fn a() {", "    b(\"<x>\");", "", "}"].map(str::to_owned).to_vec();
    let file = CoveredFile {
        path: "src/a.rs".to_owned(),
        covered: 1,
        total: 4,
        uncovered: vec![2..=3, 4..=4],
        source: Some(source),
    };
    history.files = vec![file];
    let (written, _) = parts(&page(&history));
    let source = "1   fn a() {\n<mark id=\"file-0-2\">2 ✗     b(&quot;&lt;x&gt;&quot;);\n3 ✗\n</mark><mark id=\"file-0-4\">4 ✗ }\n</mark></code></pre>";
    assert!(written.contains(source), "{written}");
    assert!(written.contains("<span class=\"because\">lines 2-3, 4</span>"));
    assert!(written.contains("<a class=\"key\" href=\"#file-0\">src/a.rs</a>") && written.contains("id=\"file-0\""));
}

#[test]
fn files_stand_by_what_is_not_covered_of_them_and_need_no_source() {
    let mut history = retrospects::small();
    let file = |path: &str, covered| CoveredFile {
        path: path.to_owned(),
        covered,
        total: 9,
        uncovered: vec![1..=1],
        source: None,
    };
    history.files = vec![file("whole.rs", 9), file("b.rs", 2), file("a.rs", 2), file("worst.rs", 0)];
    let (written, _) = parts(&page(&history));
    let places: Vec<usize> =
        ["worst.rs", "a.rs", "b.rs", "whole.rs"].map(|path| written.find(&format!(">{path}<")).unwrap()).to_vec();
    assert!(places.is_sorted(), "{places:?}");
    assert!(written.contains("4 files were measured last; 3 are not wholly covered.") && !written.contains("<mark"));
    history.files.clear();
    assert!(!page(&history).contains("id=\"files\""));
}

#[test]
fn sources_are_shown_while_there_is_room() {
    let mut history = retrospects::large();
    // One that was generated, the worst of all, takes no room from those that were written.
    history.files.push(CoveredFile {
        path: "src/generated.rs".to_owned(),
        covered: 0,
        total: 90_000,
        uncovered: vec![1..=90_000],
        source: Some(vec!["let x = 1;".to_owned(); 90_000]),
    });
    let page = page(&history);
    assert!(page.len() < 5_000_000, "{} bytes", page.len());
    let shown = page.matches("<pre class=\"source\" ").count();
    assert!(shown > 20 && page.contains("href=\"#file-1\"") && !page.contains("href=\"#file-0\""), "{shown}");
    // One file is wholly covered, and of one nobody has the source.
    let left_out = history.files.len() - 2 - shown;
    assert!(page.contains(&format!("The source of {left_out} more files is left out")), "{shown}");
    assert!(page.contains("and 401 more, with less that is not covered"));
}

#[test]
fn the_same_history_is_the_same_page() {
    assert_eq!(page(&retrospects::typical()), page(&retrospects::typical()));
}

/// A small history in which every text from outside is this one.
fn full_of(text: &str) -> Retrospect {
    let mut history = retrospects::small();
    text.clone_into(&mut history.workspace);
    text.clone_into(&mut history.context.target);
    text.clone_into(&mut history.context.profile);
    history.runs.truncate(1);
    for run in &mut history.runs {
        run.branch = Some(text.to_owned());
        run.commit = Some(text.to_owned());
        run.link = Some(text.to_owned());
        run.reasons.iter_mut().for_each(|reason| text.clone_into(&mut reason.text));
    }
    history.tests.truncate(1);
    for test in &mut history.tests {
        let mut key = TestKey::clone(&test.key);
        text.clone_into(&mut key.name);
        text.clone_into(&mut key.binary.package);
        text.clone_into(&mut key.binary.binary);
        test.key = Arc::new(key);
        test.state = "flaky";
        text.clone_into(&mut test.evidence);
    }
    let key = Arc::clone(&history.tests[0].key);
    let mut attempt: Vec<CaseRecord> = retrospects::typical().failing;
    attempt.truncate(1);
    for case in &mut attempt {
        case.key = Arc::clone(&key);
        case.attempts.iter_mut().for_each(|attempt| attempt.text = Some(format!("-{text}-").into()));
    }
    history.failing = attempt;
    let source = Some(vec![text.to_owned(); 3]);
    history.files = vec![CoveredFile { path: text.to_owned(), covered: 1, total: 3, uncovered: vec![2..=2], source }];
    history.vanished = vec![key];
    history.groups = vec![vec![0]];
    history.order = vec![(0, text.to_owned())];
    history
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_is_more_than_text(
        text in "\\PC{1,20}|(</script>|<!--|\\]\\]>|&lt;){1,4}|[<>&\"'/=!\\-\\u{2028}\\u{2029}\\u{202e}\\\\a-z\\x00-\\x1f]{1,30}",
    ) {
        let (written, values) = parts(&page(&full_of(&text)));
        let (plain, _) = parts(&page(&full_of("x")));
        // Neither an element more nor an attribute, whatever it is called.
        for mark in ['<', '>', '"'] {
            prop_assert_eq!(written.matches(mark).count(), plain.matches(mark).count(), "{}", mark);
        }
        prop_assert_eq!(values["tests"][0][1].as_str().unwrap(), one_line(&text));
        let has_effect = written.contains(['\0', '\u{202e}', '\u{2028}', '\u{1b}']);
        prop_assert!(!has_effect);
    }
}
