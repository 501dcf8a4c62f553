//! The shapes of the JSON documents, as JSON Schema (draft 2020-12).
//!
//! They are a promise, so they are written by hand, in `schemas/`, and real documents are held against them wherever a
//! test reads one. In these files a property is required unless its name ends in `?`, and what several documents have
//! in common stands in `definitions.json`; [`of`] writes both out, so that what is printed needs nothing else.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// A document that some command writes.
#[derive(Clone, Copy, Debug)]
pub struct Document {
    /// What the schema is asked for by.
    pub name: &'static str,
    /// What writes it: a command line, or a file's name.
    pub from: &'static str,
    text: &'static str,
}

macro_rules! documents {
    ($($name:literal, $from:literal, $file:literal;)*) => {
        &[$(Document { name: $name, from: $from, text: include_str!(concat!("schemas/", $file, ".json")) }),*]
    };
}

/// Every document.
pub const DOCUMENTS: &[Document] = documents! {
    "test", "cargo gate test --format json", "test";
    "test-list", "cargo gate test --list --format json", "test-list";
    "coverage", "cargo gate coverage --format json", "coverage";
    "shards", "cargo gate shards --format json", "shards";
    "join", "cargo gate join --format json", "join";
    "run", "cargo gate run --format json", "run";
    "run-dry-run", "cargo gate run --dry-run --format json", "run-dry-run";
    "events", "cargo gate test --events FILE", "events";
    "report", "cargo gate report --format json", "report";
    "flaky", "cargo gate flaky --format json", "flaky";
    "explain", "cargo gate explain --format json", "explain";
    "order", "cargo gate order --format json", "order";
    "order-backtest", "cargo gate order --backtest --format json", "order-backtest";
    "history-list", "cargo gate history list --format json", "history-list";
    "history-show", "cargo gate history show --format json", "history-show";
    "history-stats", "cargo gate history stats --format json", "history-stats";
    "history-add", "cargo gate history add --format json", "history-add";
    "history-import", "cargo gate history import --format json", "history-import";
    "history-export", "cargo gate history export --format json", "history-export";
    "history-merge", "cargo gate history merge --format json", "history-merge";
    "history-push", "cargo gate history push --format json", "history-push";
    "history-prune", "cargo gate history prune --format json", "history-prune";
    "history-undo", "cargo gate history undo --format json", "history-undo";
    "status", "cargo gate status --format json", "status";
    "baseline-show", "cargo gate baseline show --format json", "baseline-show";
    "baseline-set", "cargo gate baseline set --format json", "baseline-move";
    "baseline-reset", "cargo gate baseline reset --format json", "baseline-move";
    "verdict", "cargo gate verdict --format json", "verdict";
    "init", "cargo gate init --format json", "init";
    "doctor", "cargo gate doctor --format json", "doctor";
    "config-show", "cargo gate config show --format json", "config-show";
    "shard", "shard.json", "shard";
    "validation-manifest", "validation_manifest.json", "validation-manifest";
    "validation-complete", "validation_complete.json", "validation-complete";
};

/// The schema of this document. None where no document has this name.
#[must_use]
pub fn of(name: &str) -> Option<Value> {
    let document = DOCUMENTS.iter().find(|document| document.name == name)?;
    let mut all = parsed(include_str!("schemas/definitions.json"));
    let mut schema = parsed(document.text);
    if let Some(Value::Object(own)) = schema.remove("$defs") {
        all.extend(own);
    }
    let mut head = Map::from_iter([
        ("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into()),
        ("title".to_owned(), document.from.into()),
    ]);
    let mut wanted = BTreeSet::new();
    let schema = Value::Object(schema);
    collect(&schema, &all, &mut wanted);
    all.retain(|name, _| wanted.contains(name));
    if let Value::Object(schema) = schema {
        head.extend(schema);
    }
    head.insert("$defs".to_owned(), all.into());
    let mut schema = Value::Object(head);
    write_out(&mut schema);
    Some(schema)
}

#[expect(clippy::expect_used, reason = "they are files of our own, and a test reads each")]
fn parsed(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).expect("a schema is an object")
}

/// The names of the definitions that it takes, and that these take.
fn collect(schema: &Value, all: &Map<String, Value>, names: &mut BTreeSet<String>) {
    match schema {
        Value::Object(fields) => {
            let name = fields.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix("#/$defs/"));
            if let Some(name) = name
                && names.insert(name.to_owned())
                && let Some(definition) = all.get(name)
            {
                collect(definition, all, names);
            }
            fields.values().for_each(|inner| collect(inner, all, names));
        }
        Value::Array(items) => items.iter().for_each(|inner| collect(inner, all, names)),
        _ => {}
    }
}

/// Says which properties are required.
fn write_out(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.values_mut().for_each(write_out);
            let Some(Value::Object(properties)) = fields.get_mut("properties") else { return };
            let (mut named, mut required) = (Map::new(), Vec::new());
            for (name, schema) in std::mem::take(properties) {
                match name.strip_suffix('?') {
                    Some(optional) => named.insert(optional.to_owned(), schema),
                    None => {
                        required.push(Value::from(name.as_str()));
                        named.insert(name, schema)
                    }
                };
            }
            *properties = named;
            fields.insert("required".to_owned(), required.into());
        }
        Value::Array(items) => items.iter_mut().for_each(write_out),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_read_and_every_definition_found() {
        for document in DOCUMENTS {
            assert!(!parsed(document.text).is_empty(), "{}", document.name);
            let schema = of(document.name).unwrap();
            let mut names = BTreeSet::new();
            let definitions = schema["$defs"].as_object().unwrap();
            collect(&schema, definitions, &mut names);
            assert!(names.iter().eq(definitions.keys()), "{}: {names:?}", document.name);
            assert!(schema["description"].is_string(), "{}", document.name);
        }
        assert_eq!(of("nothing"), None);
    }

    #[test]
    fn no_definition_is_left_over() {
        let all = parsed(include_str!("schemas/definitions.json"));
        let mut names = BTreeSet::new();
        DOCUMENTS.iter().for_each(|document| collect(&parsed(document.text).into(), &all, &mut names));
        let unused: Vec<_> = all.keys().filter(|name| !names.contains(*name)).collect();
        assert_eq!(unused, [""; 0]);
    }

    #[test]
    fn what_is_optional_is_not_required() {
        let mut schema = serde_json::json!({ "properties": { "a": { "properties": { "b?": {} } }, "c?": {} } });
        write_out(&mut schema);
        let inner = serde_json::json!({ "properties": { "b": {} }, "required": [] });
        assert_eq!(schema, serde_json::json!({ "properties": { "a": inner, "c": {} }, "required": ["a"] }));
    }
}
