//! [`Resume`]: what a client says to get its session back.

use std::fmt;

use engineio::Text;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use socketio_proto::SessionKey;

/// `pid` and `offset` of an auth payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resume {
    pub(crate) key: SessionKey,
    pub(crate) offset: Option<Box<str>>,
}

impl Resume {
    /// Takes them out of an auth payload; what is left is the application's. A payload without
    /// a `pid` that is a string stays as it is.
    pub(crate) fn take(auth: &Text) -> Option<(Self, Text)> {
        let Fields(fields) = serde_json::from_str(auth).ok()?;
        let text = |name: &str| -> Option<Box<str>> {
            let (_, value) = fields.iter().find(|(own, _)| own == name)?;
            serde_json::from_str(value.get()).ok()
        };
        let resume = Self {
            key: SessionKey::new(&*text("pid")?),
            offset: text("offset"),
        };
        let own = fields
            .iter()
            .filter(|(name, _)| name != "pid" && name != "offset");
        let own: Vec<String> = own
            .map(|(name, value)| format!("{}:{}", serde_json::Value::from(&**name), value.get()))
            .collect();
        Some((resume, format!("{{{}}}", own.join(",")).into()))
    }
}

/// The fields of an object, in order.
struct Fields(Vec<(String, Box<RawValue>)>);

impl<'de> serde::Deserialize<'de> for Fields {
    fn deserialize<T: Deserializer<'de>>(deserializer: T) -> Result<Self, T::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Fields, M::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Fields(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_and_offset_are_taken_out_and_the_rest_stays_in_order() {
        let auth = r#"{"z":[1, 2],"pid":"k","a\"":{"pid":1},"offset":"e-1"}"#;
        let (resume, rest) = Resume::take(&auth.into()).expect("a key");
        assert_eq!(resume.key.as_str(), "k");
        assert_eq!(resume.offset.as_deref(), Some("e-1"));
        assert_eq!(rest.as_str(), r#"{"z":[1, 2],"a\"":{"pid":1}}"#);
    }

    #[test]
    fn a_payload_without_a_key_stays_as_it_is() {
        for auth in ["{}", "{\"pid\":1}", "[]", "{\"offset\":\"e-1\"}"] {
            assert_eq!(Resume::take(&auth.into()), None, "{auth}");
        }
        let (resume, rest) = Resume::take(&"{\"pid\":\"k\"}".into()).expect("a key");
        assert_eq!((resume.offset, rest.as_str()), (None, "{}"));
    }
}
