//! Documents held against their schemas, by which each test that reads one checks its shape, too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use cargo_gate::report::schema::{self, DOCUMENTS};
use jsonschema::Validator;
use serde_json::Value;

/// The document that a command line writes to standard output, of several the one that says more of it.
pub(crate) fn document_of(args: &[String]) -> Option<&'static str> {
    let (gate, words) = args.split_first()?;
    let is_json = words.windows(2).any(|two| two == ["--format", "json"]) || words.iter().any(|w| w == "--format=json");
    let fits = |from: &'static str| {
        let told: Vec<&str> = from.strip_prefix("cargo gate ")?.strip_suffix(" --format json")?.split(' ').collect();
        let (flags, path): (Vec<&str>, Vec<&str>) = told.iter().partition(|word| word.starts_with('-'));
        let is_it = words.iter().take(path.len()).eq(path.iter()) && flags.iter().all(|f| words.iter().any(|w| w == f));
        is_it.then_some(told.len())
    };
    let found = DOCUMENTS.iter().filter_map(|document| Some((fits(document.from)?, document.name)));
    found.max().filter(|_| gate == "gate" && is_json).map(|(_, name)| name)
}

/// Panics unless the document has just the shape that is promised: what the schema does not name is a fault here.
#[track_caller]
pub(crate) fn assert_fits(name: &str, document: &Value) {
    let faults = faults(name, document);
    assert!(faults.is_empty(), "not of the schema `{name}`:\n{}\n{document:#}", faults.join("\n"));
}

/// What is wrong with it.
pub(crate) fn faults(name: &str, document: &Value) -> Vec<String> {
    static VALIDATORS: LazyLock<BTreeMap<&str, Validator>> = LazyLock::new(|| {
        let validator = |name| {
            let schema = schema::of(name).unwrap();
            jsonschema::meta::validate(&schema).unwrap_or_else(|error| panic!("{name} is no schema: {error}"));
            let options = jsonschema::options().should_validate_formats(true);
            options.build(&closed(schema)).unwrap_or_else(|error| panic!("{name}: {error}"))
        };
        DOCUMENTS.iter().map(|document| (document.name, validator(document.name))).collect()
    });
    let faults = VALIDATORS[name].iter_errors(document);
    faults.map(|fault| format!("{}: {fault}", fault.instance_path())).collect()
}

/// What a document of an earlier release has that is promised no longer: a name or a shape. It may lack what came later.
pub(crate) fn what_is_gone(name: &str, document: &Value) -> Vec<String> {
    let mut schema = closed(schema::of(name).unwrap());
    require_nothing(&mut schema);
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    validator.iter_errors(document).map(|fault| format!("{}: {fault}", fault.instance_path())).collect()
}

fn require_nothing(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.get("required").is_some_and(Value::is_array) {
                fields.remove("required");
            }
            fields.values_mut().for_each(require_nothing);
        }
        Value::Array(items) => items.iter_mut().for_each(require_nothing),
        _ => {}
    }
}

/// The schema with every object shut: a property that it does not name is refused.
fn closed(mut schema: Value) -> Value {
    shut(&mut schema, true);
    schema
}

/// Shuts a schema that stands for a whole value; parts of one, which `allOf` joins and `$defs` holds for that, stay
/// open at the top.
fn shut(schema: &mut Value, is_whole: bool) {
    let Value::Object(fields) = schema else { return };
    for (keyword, inner) in &mut *fields {
        match (keyword.as_str(), inner) {
            ("properties", Value::Object(named)) => named.values_mut().for_each(|inner| shut(inner, true)),
            ("$defs", Value::Object(named)) => named.values_mut().for_each(|inner| shut(inner, false)),
            ("items" | "additionalProperties", inner) => shut(inner, true),
            ("anyOf" | "oneOf", Value::Array(each)) => each.iter_mut().for_each(|inner| shut(inner, true)),
            ("allOf", Value::Array(each)) => each.iter_mut().for_each(|inner| shut(inner, false)),
            _ => {}
        }
    }
    let describes = BTreeSet::from(["$ref", "allOf", "properties"]);
    if is_whole && fields.keys().any(|keyword| describes.contains(keyword.as_str())) {
        fields.insert("unevaluatedProperties".to_owned(), false.into());
    }
}
