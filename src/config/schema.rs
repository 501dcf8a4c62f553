//! The JSON Schema of the configuration file, put together from the tables of keys.

use serde_json::{Map, Value, json};

use super::field::{Field, Presence};
use super::settings::{SETTINGS, Section};
use super::tables::{EXEMPT, FLOOR, GROUP, OVERRIDE, PIPELINE, QUARANTINE, SMOKE, STEP, SUITE};

/// The schema, for editors that complete and check TOML by one.
#[must_use]
pub fn schema() -> Value {
    let mut properties = section(Section::Top);
    let unprofiled = Section::ALL.into_iter().filter(|one| *one != Section::Top && !one.is_profiled());
    properties.extend(unprofiled.map(|one| (one.name().to_owned(), object(section(one), &[]))));
    let required_version = "The versions of cargo-gate that understand this file, such as `>=0.1`.";
    properties.insert("required-version".into(), json!({"type": "string", "description": required_version}));
    properties.insert("default".into(), profile(Map::new()));
    let inherits = json!({"type": "string", "description": "The profile it builds on."});
    properties.insert("profile".into(), each(profile(Map::from_iter([("inherits".to_owned(), inherits)]))));
    properties.insert("groups".into(), each(table(GROUP)));
    properties.insert("override".into(), list(table(OVERRIDE)));
    properties.insert("quarantine".into(), list(table(QUARANTINE)));
    properties.insert("floor".into(), list(table(FLOOR)));
    properties.insert("exempt".into(), list(table(EXEMPT)));
    let mut pipeline = keys(PIPELINE);
    pipeline.insert("step".into(), list(table(STEP)));
    pipeline.insert("suite".into(), list(table(SUITE)));
    pipeline.insert("smoke".into(), list(table(SMOKE)));
    properties.insert("pipeline".into(), each(object(pipeline, &[])));
    let mut schema = object(properties, &[]);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("cargo gate's configuration, .config/gate.toml");
    schema
}

fn section(section: Section) -> Map<String, Value> {
    let settings = SETTINGS.iter().filter(|setting| setting.section == section);
    settings.map(|setting| described(&setting.field)).collect()
}

/// The tables that profiles may change.
fn profile(mut others: Map<String, Value>) -> Value {
    let profiled = Section::ALL.into_iter().filter(|one| one.is_profiled());
    others.extend(profiled.map(|one| (one.name().to_owned(), object(section(one), &[]))));
    object(others, &[])
}

fn table<S>(fields: &[Field<S>]) -> Value {
    let required = fields.iter().filter(|field| field.presence == Presence::Required);
    object(keys(fields), &required.map(|field| field.key).collect::<Vec<_>>())
}

fn keys<S>(fields: &[Field<S>]) -> Map<String, Value> {
    fields.iter().map(described).collect()
}

fn described<S>(field: &Field<S>) -> (String, Value) {
    let mut schema = field.place.schema();
    schema["description"] = json!(format!("{} Wanted: {}.", field.help, field.place.wanted()));
    (field.key.to_owned(), schema)
}

fn object(properties: Map<String, Value>, required: &[&str]) -> Value {
    let mut object = json!({"type": "object", "additionalProperties": false, "properties": properties});
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

fn each(schema: Value) -> Value {
    json!({"type": "object", "additionalProperties": schema})
}

fn list(items: Value) -> Value {
    json!({"type": "array", "items": items})
}
