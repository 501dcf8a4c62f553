//! What must hold of any bytes that somebody takes for results: they are read or refused, and what is read becomes a
//! run whose keys can be written and read again, each once.

use std::collections::HashSet;

use cargo_gate::import::{Format, Origin, RustBinaries, detect, imported, parse};
use cargo_gate::model::{ContentHash, Context, TestKey};

pub fn import(format: Format, bytes: &[u8]) {
    let _ = detect(bytes);
    let Ok(runs) = parse(format, bytes) else { return };
    let rust = RustBinaries::default();
    for results in &runs {
        let run = imported(results, origin(&rust));
        let mut keys = HashSet::new();
        for case in &run.cases {
            let written = case.key.to_string();
            assert_eq!(written.parse::<TestKey>().as_ref(), Ok(&*case.key));
            assert!(keys.insert(written), "{} comes twice", case.key);
        }
    }
}

fn origin(rust: &RustBinaries) -> Origin<'_> {
    Origin {
        context: Context { target: String::new(), features: String::new(), profile: String::new() },
        suite: None,
        otherwise: "file".to_owned(),
        package: "app".to_owned(),
        at: None,
        otherwise_at: "2026-01-31T12:00:00Z".parse().unwrap(),
        now: "2027-01-31T12:00:00Z".parse().unwrap(),
        commit: None,
        branch: None,
        version: None,
        trigger: "fuzz".to_owned(),
        content: ContentHash([0; 16]),
        rust,
    }
}
