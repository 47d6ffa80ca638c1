use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::*;

fn raw(payload: &(impl IntoArgs + ?Sized)) -> RawArgs {
    RawArgs::encode(payload).unwrap()
}

fn bytes(byte: u8) -> Binary {
    Binary(vec![byte; 3].into())
}

#[test]
fn a_value_is_one_argument_and_a_tuple_in_args_several() {
    for (args, texts) in [
        (raw(&()), &["null"][..]),
        (raw(&Args(())), &[]),
        (raw(&(1, 2)), &["[1,2]"]),
        (raw(&Args((1, 2))), &["1", "2"]),
        (raw("text"), &["\"text\""]),
        (raw(&Args(([0; 0],))), &["[]"]),
        (
            raw(&Args((1, 2, 3, 4, 5, 6, 7, 8))),
            &["1", "2", "3", "4", "5", "6", "7", "8"],
        ),
    ] {
        assert_eq!(args.iter().collect::<Vec<_>>(), texts);
        assert_eq!(
            (args.len(), args.is_empty()),
            (texts.len(), texts.is_empty())
        );
        assert_eq!(args.get(texts.len()), None);
    }
}

#[test]
fn missing_arguments_are_null_and_further_ones_ignored() {
    let args = raw(&Args((1, "x")));
    assert_eq!(args.read(), Ok(1));
    assert_eq!(args.read(), Ok(Args((1, "x".to_owned(), None::<u8>))));
    assert_eq!(args.read(), Ok(Args(())));
    assert_eq!(args.read(), Ok(args.clone()));
    assert_eq!(args.value::<Option<u8>>(9), Ok(None));
    assert_eq!(RawArgs::default().read(), Ok(()));
}

#[test]
fn an_error_names_the_argument() {
    let error = raw(&Args((1, "x"))).read::<Args<(u8, u8)>>().unwrap_err();
    assert_eq!(error.index(), 1);
    assert!(
        error
            .to_string()
            .starts_with("argument 1: invalid type: string"),
        "{error}"
    );
    let error = RawArgs::default().read::<String>().unwrap_err();
    assert!(
        error.index() == 0 && error.message().contains("null"),
        "{error}"
    );
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Deep {
    name: String,
    picture: Binary,
    #[serde(flatten)]
    rest: Rest,
    more: BTreeMap<String, Vec<Choice>>,
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Rest {
    sound: Option<Binary>,
    none: Option<Binary>,
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
#[serde(untagged)]
enum Choice {
    Number(u64),
    Bytes(Binary),
    Named { bytes: Binary },
}

#[test]
fn binary_may_be_anywhere_in_a_typed_value() {
    let value = Deep {
        name: "x".into(),
        picture: bytes(1),
        rest: Rest {
            sound: Some(bytes(2)),
            none: None,
        },
        more: BTreeMap::from([(
            "k".into(),
            vec![
                Choice::Number(4),
                Choice::Bytes(bytes(3)),
                Choice::Named { bytes: bytes(4) },
            ],
        )]),
    };
    let args = raw(&value);
    let sent: Vec<u8> = args.attachments().iter().map(|bytes| bytes[0]).collect();
    assert_eq!(sent, [1, 2, 3, 4]);
    assert_eq!(args.read(), Ok(value));
}

#[test]
fn reading_binary_copies_nothing() {
    let args = raw(&bytes(1));
    let Binary(read) = args.read().unwrap();
    assert_eq!(read.as_ptr(), args.attachments()[0].as_ptr());
    let Value::Binary(read) = args.read().unwrap() else {
        panic!()
    };
    assert_eq!(read.as_ptr(), args.attachments()[0].as_ptr());
}

#[test]
fn an_imitated_placeholder_is_an_object() {
    let text = r#"{"_placeholder":true,"num":0}"#;
    let object: serde_json::Value = serde_json::from_str(text).unwrap();
    let args = raw(&object);
    assert!(args.attachments().is_empty());
    assert!(args.read::<Binary>().is_err());
    let Value::Object(map) = args.read().unwrap() else {
        panic!()
    };
    assert_eq!(map.get("_placeholder"), Some(&Value::Bool(true)));
}

#[test]
fn binary_reads_what_plain_json_makes_of_bytes() {
    let json = serde_json::to_string(&bytes(7)).unwrap();
    assert_eq!(json, "[7,7,7]");
    assert_eq!(serde_json::from_str::<Binary>(&json).unwrap(), bytes(7));
    assert!(serde_json::from_str::<Binary>("[256]").is_err());
    assert!(serde_json::from_str::<Binary>("\"x\"").is_err());
}

/// Reads other arguments, or panics, in the middle of being read.
struct Nested(Binary);

impl<'de> Deserialize<'de> for Nested {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        assert_eq!(raw(&bytes(9)).read(), Ok(bytes(9)));
        assert_eq!(raw(&1).read(), Ok(1));
        let binary = Binary::deserialize(deserializer)?;
        assert_ne!(binary, bytes(66), "panics");
        Ok(Self(binary))
    }
}

#[test]
fn attachments_are_in_reach_of_their_own_arguments_only() {
    let read: Args<(Nested, Binary)> = raw(&Args((bytes(1), bytes(2)))).read().unwrap();
    assert_eq!((read.0.0.0, read.0.1), (bytes(1), bytes(2)));
    let args = raw(&bytes(66));
    assert!(catch_unwind(AssertUnwindSafe(|| args.read::<Nested>().is_ok())).is_err());
    assert_eq!(binary::attachment(0), None);
}

#[test]
fn key_order_and_numbers_survive() {
    for text in [
        r#"{"z":1,"a":{"c":1.5,"b":-7},"m":[18446744073709551615,null,true,"é"]}"#,
        r#"{"":{},"x":[]}"#,
    ] {
        let value: Value = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&value).unwrap(), text);
    }
    let twice: Value = serde_json::from_str(r#"{"a":1,"a":2}"#).unwrap();
    let Value::Object(twice) = twice else {
        panic!()
    };
    assert_eq!(twice.get("a"), Some(&2.into()));
}

struct Relay<'a>(&'a Binary, &'a RawArgs);

impl IntoArgs for Relay<'_> {
    fn write_args(&self, out: &mut ArgsWriter<'_>) -> Result<(), EncodeError> {
        out.value(self.0)?;
        out.raw(self.1)
    }
}

#[test]
fn raw_arguments_are_relayed_as_they_are() {
    let args = raw(&Args((bytes(1), "x", [bytes(2)], 1.0)));
    assert_eq!(raw(&args), args);
    let behind_others = raw(&Relay(&bytes(0), &args));
    type All = Args<(Binary, Binary, String, [Binary; 1], f64)>;
    let expected = Args((bytes(0), bytes(1), "x".to_owned(), [bytes(2)], 1.0));
    assert_eq!(behind_others.read::<All>(), Ok(expected));
}

#[test]
fn arguments_are_equal_where_their_texts_and_their_attachments_are() {
    let args = raw(&Args((1, bytes(1))));
    assert_eq!(args, raw(&Args((1, bytes(1)))));
    for other in [
        raw(&Args((2, bytes(1)))),
        raw(&Args((1, bytes(2)))),
        raw(&Args((1, bytes(1), ()))),
    ] {
        assert_ne!(args, other);
    }
}

#[test]
fn size_counts_what_is_kept() {
    assert_eq!(raw(&Args(())).size(), 0);
    assert_eq!(raw("abc").size(), 5);
    let one = raw(&bytes(1));
    assert_eq!(one.size(), one.get(0).unwrap().len() + 3);
    let many = raw(&Args((1, 2, 3, 4, 5)));
    assert!(many.size() > 5 * size_of::<(u32, u32)>());
}

#[test]
fn debug_shows_texts_and_lengths() {
    let args = raw(&Args((1, Binary(Bytes::from_static(b"secret")))));
    let shown = format!("{args:?}");
    assert_eq!(shown, r#"[1, {"_placeholder":true,"num":0}, 6 bytes]"#);
}

#[test]
fn a_map_is_its_members_in_order() {
    let mut map: Map = [("b", 1)].into_iter().collect();
    map.push("a", 2);
    assert_eq!((map.len(), map.is_empty()), (2, false));
    assert!(Map::default().is_empty());
    let members: Vec<_> = map.into_iter().collect();
    let member = |key: &str, value: i32| (key.to_owned(), Value::from(value));
    assert_eq!(members, [member("b", 1), member("a", 2)]);
}

/// Gives its bytes away, or something that is there.
enum Owned {
    Bytes(Vec<u8>),
    Some(Vec<u8>),
}

impl<'de> serde::Deserializer<'de> for Owned {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: serde::de::Visitor<'de>>(
        self,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        match self {
            Self::Bytes(bytes) => visitor.visit_byte_buf(bytes),
            Self::Some(bytes) => visitor.visit_some(Self::Bytes(bytes)),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

#[test]
fn binary_takes_bytes_however_a_format_gives_them() {
    use serde::de::IntoDeserializer;
    use serde::de::value::{BytesDeserializer, Error};
    let lent = BytesDeserializer::<Error>::new(&[7; 3]);
    let owned = Owned::Bytes(vec![7; 3]);
    assert_eq!(Binary::deserialize(lent), Ok(bytes(7)));
    assert_eq!(Binary::deserialize(owned), Ok(bytes(7)));
    let listed = vec![7_u8; 3].into_deserializer();
    assert_eq!(
        Binary::deserialize::<serde::de::value::SeqDeserializer<_, Error>>(listed),
        Ok(bytes(7))
    );
}

#[test]
fn a_value_takes_what_json_does_not_have() {
    use serde::de::value::{BytesDeserializer, Error, StringDeserializer};
    let binary = Value::Binary(bytes(7).0);
    let lent = BytesDeserializer::<Error>::new(&[7; 3]);
    assert_eq!(Value::deserialize(lent).as_ref(), Ok(&binary));
    for owned in [Owned::Bytes(vec![7; 3]), Owned::Some(vec![7; 3])] {
        assert_eq!(Value::deserialize(owned).as_ref(), Ok(&binary));
    }
    let text = StringDeserializer::<Error>::new("x".to_owned());
    assert_eq!(Value::deserialize(text), Ok("x".into()));
}

#[test]
fn bytes_of_either_kind_are_sent_as_they_are() {
    for binary in [
        Binary::from(vec![1, 2, 3]),
        Bytes::from(vec![1, 2, 3]).into(),
    ] {
        assert_eq!(*binary, [1, 2, 3]);
        let raw = RawArgs::encode(&binary).unwrap();
        assert_eq!(raw.attachments(), [Bytes::from_static(&[1, 2, 3])]);
    }
}
