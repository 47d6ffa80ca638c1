use proptest::prelude::*;

use super::*;

fn placeholders(json: &str, depth: usize, count: usize) -> Result<(), DecodeError> {
    elements(json.as_bytes(), depth, count, |_| Ok(()))
}

/// Placeholders of these numbers, each within so many arrays.
fn json(numbers: impl Iterator<Item = usize>, depth: usize) -> String {
    let (open, close) = ("[".repeat(depth), "]".repeat(depth));
    let placeholder = |number| format!(r#"{open}{{"_placeholder":true,"num":{number}}}{close}"#);
    let all: Vec<_> = numbers.map(placeholder).collect();
    format!("[{}]", all.join(","))
}

#[test]
fn many_placeholders_however_deep() {
    for count in [1, 2, 63, 64, 65, 66, 130] {
        for depth in [0, 1, 2, 3, 4, 9] {
            let judge = |numbers: &mut dyn Iterator<Item = usize>| {
                placeholders(&json(numbers, depth), 11, count)
            };
            let invalid = Err(DecodeError::InvalidPlaceholder);
            assert_eq!(judge(&mut (0..count).rev()), Ok(()), "{count} {depth}");
            assert_eq!(judge(&mut (1..count)), invalid, "one is missing");
            assert_eq!(judge(&mut (1..=count)), invalid, "one has no attachment");
            let mut numbers = (1..count).chain([count.max(2) - 1]);
            assert_eq!(judge(&mut numbers), invalid, "one comes for another");
            for twice in [0, count / 2, count - 1] {
                let mut numbers = (0..count).chain([twice]);
                assert_eq!(judge(&mut numbers), invalid, "{twice} comes twice");
            }
        }
    }
    let deep = json(0..1, 9);
    assert_eq!(placeholders(&deep, 10, 1), Err(DecodeError::TooDeep));
}

#[test]
fn an_escaped_quote_does_not_end_a_string() {
    for text in [
        r#"["\"[["]"#,
        r#"["\\",""]"#,
        r#"["\\\"[["]"#,
        r#"["a\u0022[["]"#,
    ] {
        assert_eq!(value(text.as_bytes(), 0), Err(DecodeError::TooDeep));
        assert_eq!(value(text.as_bytes(), 1), Ok(()), "{text}");
    }
    let forged = r#"["\"_placeholder\":true,\"num\":0"]"#;
    let invalid = Err(DecodeError::InvalidPlaceholder);
    assert_eq!(placeholders(forged, 9, 1), invalid);
}

/// What JSON is made of, and what it is nearly made of.
const PIECES: &[&str] = &[
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    " ",
    "\t\r\n",
    "\"",
    "\"a\"",
    "\"a\":",
    "\\",
    "\\\"",
    "\\u00e9",
    "\\ud800",
    "\\u00g0",
    "\\u12",
    "\\x",
    "\\/",
    "0",
    "-",
    "-0",
    "01",
    "12",
    ".",
    ".5",
    "e",
    "1e5",
    "1E+05",
    "e-",
    "true",
    "false",
    "null",
    "tru",
    "nul",
    "é",
    "\u{1f600}",
    "\u{b}",
    "\u{1}",
    "\u{7f}",
    "sixteen bytes and",
    "[]",
    "{}",
    "[1,2]",
    "{\"b\":[null]}",
];

fn document() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        any::<f64>().prop_filter_map("finite", |number| number
            .is_finite()
            .then(|| serde_json::json!(number))),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<bool>().prop_map(serde_json::Value::from),
        "\\PC{0,40}|[\"\\\\\u{0}-\u{30}]{0,40}".prop_map(serde_json::Value::from),
    ];
    let nested = scalar.prop_recursive(4, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::btree_map("\\PC{0,3}", inner, 0..4)
                .prop_map(|members| members.into_iter().collect()),
        ]
    });
    (nested, any::<bool>()).prop_map(|(value, pretty)| match pretty {
        true => format!("{value:#}"),
        false => value.to_string(),
    })
}

proptest! {
    #[test]
    fn pieces_are_taken_as_by_serde_json(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..12)) {
        let text = pieces.concat();
        agrees(&text);
        agrees(&format!("[{text}]"));
        agrees(&format!("{{\"a\":{text}}}"));
        agrees(&format!("[\"{text}\"]"));
    }

    #[test]
    fn documents_are_taken_and_broken_ones_as_by_serde_json(
        text in document(),
        cut in any::<prop::sample::Index>(),
        replaced in prop::sample::select(PIECES),
    ) {
        agrees(&text);
        agrees(&format!(" [ {text} , {text} ] "));
        let at = cut.index(text.len() + 1);
        if let Some((before, after)) = text.split_at_checked(at) {
            agrees(before);
            agrees(&format!("{before}{replaced}{after}"));
        }
    }
}
