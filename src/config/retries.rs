//! The shape of an attempt policy: a count, or a table.

use std::time::Duration;

use serde_json::json;
use toml::de::{DeTable, DeValue};

use super::shape::{FromEnvironment, Raw, Shape};
use super::shapes::{LIMIT, PAUSE, SWITCH, duration_schema, word, word_schema};
use crate::model::{Backoff, RetryPolicy, Word};

/// How often, and with what delay, a failure is tried again.
pub(super) const RETRIES: Shape<RetryPolicy> = Shape {
    wanted: || {
        "a whole number, 0 or more, or { count = 2, backoff = \"fixed\" or \"exponential\", delay = \"1s\", \
         max-delay = \"10s\", jitter = true }"
            .to_owned()
    },
    read: |raw| match raw {
        Raw::Toml(DeValue::Table(table)) => retry_table(table),
        _ => match raw.integer()? {
            count @ 0.. => u32::try_from(count)
                .map(|count| RetryPolicy::fixed(count, Duration::ZERO))
                .map_err(|_| format!("{count} is too large")),
            count => Err(format!("{count} is below zero")),
        },
    },
    show: |value| {
        if *value == RetryPolicy::fixed(value.count, Duration::ZERO) {
            return json!(value.count);
        }
        let mut shown = json!({"count": value.count, "backoff": value.backoff.word()});
        shown["delay"] = (PAUSE.show)(&value.delay);
        shown["max-delay"] = (LIMIT.show)(&value.max_delay);
        shown["jitter"] = json!(value.jitter);
        shown
    },
    schema: || {
        json!({"anyOf": [{"type": "integer", "minimum": 0}, {
            "type": "object",
            "required": ["count"],
            "additionalProperties": false,
            "properties": {
                "count": {"type": "integer", "minimum": 0},
                "backoff": word_schema::<Backoff>(),
                "delay": duration_schema(),
                "max-delay": duration_schema(),
                "jitter": {"type": "boolean"},
            },
        }]})
    },
    environment: FromEnvironment::FallsBack,
};

fn retry_table(table: &DeTable<'_>) -> Result<RetryPolicy, String> {
    let mut count = None;
    let mut policy = RetryPolicy::NEVER;
    for (key, value) in table {
        let raw = Raw::Toml(value.get_ref());
        let read = match key.get_ref().as_ref() {
            "count" => (RETRIES.read)(raw).map(|plain| count = Some(plain.count)),
            "backoff" => (word::<Backoff>().read)(raw).map(|backoff| policy.backoff = backoff),
            "delay" => (PAUSE.read)(raw).map(|delay| policy.delay = delay),
            "max-delay" => (LIMIT.read)(raw).map(|most| policy.max_delay = most),
            "jitter" => (SWITCH.read)(raw).map(|jitter| policy.jitter = jitter),
            _ => Err("no such key".to_owned()),
        };
        read.map_err(|why| format!("`{}`: {why}", key.get_ref()))?;
    }
    policy.count = count.ok_or("`count` is missing")?;
    if policy.delay.is_zero() && policy != RetryPolicy::fixed(policy.count, Duration::ZERO) {
        return Err("`backoff`, `max-delay` and `jitter` need a `delay`".to_owned());
    }
    Ok(policy)
}
