//! Values as Node's parsers show them, for comparison.

use serde_json::{Value as Json, json};
use socketio_proto::Value;

/// As Node's `JSON.stringify` shows a value.
pub(crate) fn plain(value: Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => value.into(),
        Value::Number(number) => number.into(),
        Value::String(text) => text.into(),
        Value::Binary(bytes) => json!({"type": "Buffer", "data": &bytes[..]}),
        Value::Array(values) => values.into_iter().map(plain).collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| (key, plain(value)))
            .collect(),
    }
}

/// With numbers as JavaScript has them.
pub(crate) fn doubles(value: Json) -> Json {
    match value {
        Json::Number(number) => json!(number.as_f64()),
        Json::Array(values) => values.into_iter().map(doubles).collect(),
        Json::Object(map) => map
            .into_iter()
            .map(|(key, value)| (key, doubles(value)))
            .collect(),
        other => other,
    }
}
