//! The lines of the output.

use std::fmt::Write as _;

use serde::Serialize;
use socketio_client::{ArgsError, ConnectFailed, RawArgs, Value};

use crate::binary::Printed;

/// One line: `{"nsp":"/","KEY":VALUE,…}`.
#[must_use = "it is finished by `end`"]
pub(crate) struct Line<'a>(&'a mut Vec<u8>);

impl<'a> Line<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>, namespace: &str) -> Self {
        out.push(b'{');
        let line = Self(out);
        line.bare("nsp", &json(namespace))
    }

    pub(crate) fn member(self, key: &str, value: &(impl Serialize + ?Sized)) -> Self {
        let value = json(value);
        self.next(key, &value)
    }

    /// A value that is JSON already.
    pub(crate) fn next(self, key: &str, value: &str) -> Self {
        self.0.push(b',');
        self.bare(key, value)
    }

    pub(crate) fn tag(self, tag: Option<&Value>) -> Self {
        match tag {
            Some(tag) => self.member("tag", &Printed(tag)),
            None => self,
        }
    }

    pub(crate) fn end(self) {
        self.0.extend_from_slice(b"}\n");
    }

    fn bare(self, key: &str, value: &str) -> Self {
        for part in [b"\"", key.as_bytes(), b"\":", value.as_bytes()] {
            self.0.extend_from_slice(part);
        }
        self
    }
}

/// An event, or an ack without a name, as a JSON array.
///
/// # Errors
/// Arguments with bytes that are nested too deeply.
pub(crate) fn array(name: Option<&str>, args: &RawArgs) -> Result<String, ArgsError> {
    let mut text = String::from("[");
    if let Some(name) = name {
        text.push_str(&json(name));
    }
    for (index, argument) in args.iter().enumerate() {
        if text.len() > 1 {
            text.push(',');
        }
        if !args.attachments().is_empty() {
            text.push_str(&json(&Printed(&args.value::<Value>(index)?)));
        } else if argument.contains(['\n', '\r']) {
            // between values only: in strings they are escaped
            text.push_str(&argument.replace(['\n', '\r'], " "));
        } else {
            text.push_str(argument);
        }
    }
    text.push(']');
    Ok(text)
}

/// `{"message": …, "data": …}`.
pub(crate) fn failure(error: &ConnectFailed) -> String {
    let mut text = String::from("{\"message\":");
    let data = error
        .data_json()
        .unwrap_or("null")
        .replace(['\n', '\r'], " ");
    let message = json(&error.message());
    write!(text, "{message},\"data\":{data}}}").ok();
    text
}

fn json(value: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(value).expect("strings, numbers and our own values serialise")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_begins_with_its_namespace() {
        let mut out = Vec::new();
        let tag = Value::from("t\"1");
        let line = Line::new(&mut out, "/a\"b").next("ack", "[]");
        line.tag(Some(&tag)).end();
        Line::new(&mut out, "/")
            .member("reconnect", &7)
            .tag(None)
            .end();
        let expected = "{\"nsp\":\"/a\\\"b\",\"ack\":[],\"tag\":\"t\\\"1\"}\n{\"nsp\":\"/\",\"reconnect\":7}\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn arguments_are_as_they_came() {
        let raw = |text: &str| {
            let args = serde_json::from_str::<Vec<Box<serde_json::value::RawValue>>>(text);
            RawArgs::encode(&args.unwrap()).unwrap()
        };
        let args = raw("[1.0,12345678901234567890123,\n\"a\\nb\"]");
        let expected = "[\"e\",[1.0,12345678901234567890123,\"a\\nb\"]]";
        assert_eq!(array(Some("e"), &args).unwrap(), expected);
        assert_eq!(array(None, &RawArgs::default()).unwrap(), "[]");
        assert_eq!(array(Some("e"), &RawArgs::default()).unwrap(), "[\"e\"]");
        let bytes = RawArgs::encode(&Value::Binary(b"x".as_slice().into())).unwrap();
        assert_eq!(array(None, &bytes).unwrap(), "[{\"$bin\":\"eA==\"}]");
    }
}
