//! Bytes in JSON: `{"$bin": "BASE64"}`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use socketio_client::{Map, Value};

/// The one member of an object that stands for bytes.
const KEY: &str = "$bin";

/// Puts bytes wherever an object stands for them.
///
/// # Errors
/// Such an object's string is no base64.
pub(crate) fn read(value: Value) -> Result<Value, String> {
    match value {
        Value::Array(values) => {
            let values: Result<_, _> = values.into_iter().map(read).collect();
            Ok(Value::Array(values?))
        }
        Value::Object(members) => match text(&members) {
            Some(text) => {
                let bytes = STANDARD.decode(text);
                let bytes = bytes.map_err(|error| format!("{KEY:?} is no base64: {error}"))?;
                Ok(Value::Binary(bytes.into()))
            }
            None => {
                let members = members.into_iter();
                let members = members.map(|(name, value)| Ok((name, read(value)?)));
                Ok(Value::Object(members.collect::<Result<Map, String>>()?))
            }
        },
        other => Ok(other),
    }
}

/// The string of an object that stands for bytes.
fn text(members: &Map) -> Option<&str> {
    let mut members = members.iter();
    match (members.next(), members.next()) {
        (Some((KEY, Value::String(text))), None) => Some(text),
        _ => None,
    }
}

/// A value as it is printed.
pub(crate) struct Printed<'a>(pub(crate) &'a Value);

impl Serialize for Printed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Binary(bytes) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(KEY, &STANDARD.encode(bytes))?;
                map.end()
            }
            Value::Array(values) => serializer.collect_seq(values.iter().map(Printed)),
            Value::Object(members) => {
                let members = members.iter();
                serializer.collect_map(members.map(|(name, value)| (name, Printed(value))))
            }
            other => other.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Value, String> {
        read(serde_json::from_str(text).unwrap())
    }

    #[test]
    fn bytes_stand_anywhere_and_come_back() {
        for text in [
            r#"{"$bin":"AAH/"}"#,
            r#"[1,{"b":[{"$bin":""},null],"a":{"$bin":"eA=="}}]"#,
            r#"{"$bin":1}"#,
            r#"{"$bin":"eA==","more":true}"#,
            r#"{"$bin":{"$bin":"eA=="}}"#,
        ] {
            let value = parse(text).unwrap();
            assert_eq!(serde_json::to_string(&Printed(&value)).unwrap(), text);
        }
        let bytes = Value::Binary(b"\x00\x01\xff".as_slice().into());
        assert_eq!(parse(r#"{"$bin":"AAH/"}"#).unwrap(), bytes);
        assert!(matches!(parse(r#"{"$bin":1}"#), Ok(Value::Object(_))));
    }

    #[test]
    fn what_is_no_base64_is_an_error() {
        for text in [r#"{"$bin":"eA"}"#, r#"[[{"x":{"$bin":"e!=="}}]]"#] {
            let words = parse(text).unwrap_err();
            assert!(words.starts_with("\"$bin\" is no base64: "), "{words}");
        }
    }
}
