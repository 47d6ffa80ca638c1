//! [`Command`]: what a line of the input says.

use socketio_client::parser::ArgsWriter;
use socketio_client::{EncodeError, IntoArgs, NamespaceId, Value};

use crate::binary;

#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Answer {
        id: u64,
        args: Arguments,
    },
    Connect(NamespaceId),
    Disconnect(NamespaceId),
    Emit {
        event: String,
        args: Arguments,
        /// The first one, unless it is said.
        namespace: Option<NamespaceId>,
        ack: bool,
        tag: Option<Value>,
        volatile: bool,
    },
}

/// Any number of arguments.
#[derive(Debug, PartialEq)]
pub(crate) struct Arguments(pub(crate) Vec<Value>);

impl IntoArgs for Arguments {
    fn write_args(&self, out: &mut ArgsWriter<'_>) -> Result<(), EncodeError> {
        self.0.iter().try_for_each(|value| out.value(value))
    }
}

/// The members that an object may have, the one that tells its kind first.
const KINDS: [(&str, &[&str]); 4] = [
    ("answer", &["args"]),
    ("connect", &[]),
    ("disconnect", &[]),
    ("emit", &["nsp", "ack", "tag", "volatile"]),
];

impl Command {
    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn parse(line: &str) -> Result<Self, String> {
        match serde_json::from_str(line).map_err(|error| error.to_string())? {
            Value::Array(values) => {
                let (event, args) = event(values)?;
                Ok(Self::Emit {
                    event,
                    args,
                    namespace: None,
                    ack: false,
                    tag: None,
                    volatile: false,
                })
            }
            Value::Object(members) => Self::object(Members(members.into_iter().collect())),
            _ => Err("expected [\"event\", …] or an object".to_owned()),
        }
    }

    fn object(mut members: Members) -> Result<Self, String> {
        let kind = members.kind()?;
        let what = members.take(kind).unwrap_or_default();
        Ok(match kind {
            "answer" => Self::Answer {
                id: number(&what)?,
                args: Arguments(match members.take("args") {
                    Some(args) => array("args", args)?,
                    None => Vec::new(),
                }),
            },
            "connect" => Self::Connect(namespace(kind, &what)?),
            "disconnect" => Self::Disconnect(namespace(kind, &what)?),
            _ => {
                let (event, args) = event(array(kind, what)?)?;
                let name = members.take("nsp");
                Self::Emit {
                    event,
                    args,
                    namespace: name.map(|name| namespace("nsp", &name)).transpose()?,
                    ack: members.flag("ack")?,
                    tag: members.take("tag").map(binary::read).transpose()?,
                    volatile: members.flag("volatile")?,
                }
            }
        })
    }
}

/// What of an object was not read yet.
struct Members(Vec<(String, Value)>);

impl Members {
    /// What the object says, once it has no member too many.
    fn kind(&self) -> Result<&'static str, String> {
        let has = |name: &str| self.0.iter().any(|(own, _)| own == name);
        let mut kinds = KINDS.iter().filter(|(kind, _)| has(kind));
        let (Some((kind, others)), None) = (kinds.next(), kinds.next()) else {
            let names = KINDS.map(|(kind, _)| kind).join(", ");
            return Err(format!("expected one of the members {names}"));
        };
        for (nth, (name, _)) in self.0.iter().enumerate() {
            if name != kind && !others.contains(&name.as_str()) {
                return Err(format!("{name:?} is no member of {kind:?}"));
            }
            if self.0.iter().skip(nth + 1).any(|(other, _)| other == name) {
                return Err(format!("{name:?} is there twice"));
            }
        }
        Ok(kind)
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        let index = self.0.iter().position(|(own, _)| own == name)?;
        Some(self.0.swap_remove(index).1)
    }

    fn flag(&mut self, name: &str) -> Result<bool, String> {
        match self.take(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(_) => Err(format!("{name:?} is true or false")),
        }
    }
}

fn event(values: Vec<Value>) -> Result<(String, Arguments), String> {
    let mut values = values.into_iter();
    let Some(Value::String(name)) = values.next() else {
        return Err("an event begins with its name, a string".to_owned());
    };
    let args: Result<_, _> = values.map(binary::read).collect();
    Ok((name, Arguments(args?)))
}

fn array(name: &str, value: Value) -> Result<Vec<Value>, String> {
    match value {
        Value::Array(values) if name == "args" => values.into_iter().map(binary::read).collect(),
        Value::Array(values) => Ok(values),
        _ => Err(format!("{name:?} is an array")),
    }
}

fn number(value: &Value) -> Result<u64, String> {
    let number = match value {
        Value::Number(number) => number.as_u64(),
        _ => None,
    };
    number.ok_or_else(|| "\"answer\" is the number of \"ack_id\"".to_owned())
}

fn namespace(member: &str, value: &Value) -> Result<NamespaceId, String> {
    let Value::String(name) = value else {
        return Err(format!("{member:?} is the name of a namespace"));
    };
    NamespaceId::new(name.as_str()).map_err(|error| format!("{member:?}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emit(event: &str, args: Vec<Value>) -> Command {
        Command::Emit {
            event: event.to_owned(),
            args: Arguments(args),
            namespace: None,
            ack: false,
            tag: None,
            volatile: false,
        }
    }

    #[test]
    fn lines_say_what_to_do() {
        let chat = NamespaceId::new("/chat").unwrap();
        let bytes = || Value::Binary(b"x".as_slice().into());
        let full = Command::Emit {
            event: "e".to_owned(),
            args: Arguments(vec![bytes()]),
            namespace: Some(chat.clone()),
            ack: true,
            tag: Some("t1".into()),
            volatile: true,
        };
        for (line, expected) in [
            (r#"["e"]"#, emit("e", vec![])),
            (
                r#" ["e", 1, null] "#,
                emit("e", vec![1u64.into(), Value::Null]),
            ),
            (r#"["e", {"$bin":"eA=="}]"#, emit("e", vec![bytes()])),
            (r#"{"emit":["e"]}"#, emit("e", vec![])),
            (
                r#"{"emit":["e",{"$bin":"eA=="}],"nsp":"chat","ack":true,"tag":"t1","volatile":true}"#,
                full,
            ),
            (r#"{"connect":"/chat"}"#, Command::Connect(chat.clone())),
            (r#"{"disconnect":"/chat"}"#, Command::Disconnect(chat)),
            (
                r#"{"args":[{"$bin":"eA=="}],"answer":7}"#,
                Command::Answer {
                    id: 7,
                    args: Arguments(vec![bytes()]),
                },
            ),
            (
                r#"{"answer":7}"#,
                Command::Answer {
                    id: 7,
                    args: Arguments(vec![]),
                },
            ),
        ] {
            assert_eq!(Command::parse(line).as_ref(), Ok(&expected), "{line}");
        }
    }

    #[test]
    fn bad_lines_say_why() {
        for (line, words) in [
            ("nonsense", "expected"),
            (r#"["e"] 2"#, "trailing"),
            (r#"["e",]"#, "trailing comma"),
            ("7", "expected [\"event\", …]"),
            ("[]", "begins with its name"),
            ("[1]", "begins with its name"),
            (r#"["e",{"$bin":"?"}]"#, "no base64"),
            ("{}", "one of the members"),
            (r#"{"emit":["e"],"connect":"/"}"#, "one of the members"),
            (r#"{"emit":"e"}"#, "is an array"),
            (r#"{"emit":["e"],"ack":1}"#, "true or false"),
            (r#"{"emit":["e"],"acks":true}"#, "no member of"),
            (r#"{"emit":["e"],"ack":true,"ack":true}"#, "twice"),
            (r#"{"emit":["e"],"nsp":7}"#, "name of a namespace"),
            (r#"{"connect":"/a,b"}"#, "\"connect\": "),
            (r#"{"answer":"7"}"#, "the number of"),
            (r#"{"answer":7,"args":1}"#, "is an array"),
        ] {
            let said = Command::parse(line).unwrap_err();
            assert!(said.contains(words), "{line}: {said}");
        }
        let deep = format!("[\"e\",{}{}]", "[".repeat(500), "]".repeat(500));
        assert!(Command::parse(&deep).unwrap_err().contains("recursion"));
    }
}
