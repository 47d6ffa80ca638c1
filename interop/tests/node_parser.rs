//! npm's `socket.io-parser` and ours read the same packets. Where they differ we are the stricter,
//! for a reason that `docs/parser-differences.md` gives; a difference without one fails.
#![expect(clippy::unwrap_used, reason = "a failure of the test")]

#[path = "common/shown.rs"]
mod shown;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value as Json, json};
use socketio_proto::DecodeError::{self, *};
use socketio_proto::{Body, Data, Limits, Packet, Parser, RawArgs, Value};

use crate::shown::{doubles, plain};

/// A packet in the pieces that it was made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Case {
    kind: String,
    header: String,
    namespace: String,
    id: String,
    payload: String,
    /// Binary messages that follow.
    attachments: usize,
}

impl Case {
    fn text(&self) -> String {
        [
            &self.kind,
            &self.header,
            &self.namespace,
            &self.id,
            &self.payload,
        ]
        .map(String::as_str)
        .concat()
    }
}

/// What a parser makes of a case.
#[derive(Clone, Debug, PartialEq)]
enum Verdict {
    Refused,
    Incomplete,
    /// Type, namespace, id, name and data. Numbers are doubles, and binary is as Node writes a `Buffer`.
    Packet(Json),
}

/// Why we may differ: a name that the page explains, and what tells such a case.
struct Difference {
    name: &'static str,
    applies: fn(&Case, &Ours) -> bool,
}

type Ours = Result<Verdict, DecodeError>;

const DIFFERENCES: &[Difference] = &[
    Difference {
        name: "type-is-a-digit",
        applies: |case, ours| *ours == Err(UnknownType) && case.kind.trim().is_empty(),
    },
    Difference {
        name: "attachments-are-digits",
        applies: |case, ours| {
            *ours == Err(InvalidAttachments)
                && !case
                    .header
                    .trim_end_matches('-')
                    .bytes()
                    .all(|b| b.is_ascii_digit())
        },
    },
    Difference {
        name: "namespace-is-short-and-printable",
        applies: |_, ours| *ours == Err(InvalidNamespace),
    },
    Difference {
        name: "ack-id-is-digits",
        applies: |case, ours| {
            *ours == Err(InvalidPayload)
                && case
                    .id
                    .contains(|c: char| c.is_whitespace() || c == '\u{feff}')
        },
    },
    Difference {
        name: "ack-id-is-counted-by-javascript",
        applies: |case, ours| *ours == Err(InvalidAckId) && case.id.len() >= 16,
    },
    Difference {
        name: "ack-id-has-a-use",
        applies: |case, ours| {
            *ours == Err(InvalidAckId)
                && !case.id.is_empty()
                && ["0", "1", "4"].contains(&case.kind.as_str())
        },
    },
    Difference {
        name: "an-ack-has-an-id",
        applies: |case, ours| {
            *ours == Err(InvalidAckId)
                && case.id.is_empty()
                && ["3", "6"].contains(&case.kind.as_str())
        },
    },
    Difference {
        name: "payload-is-there",
        applies: |case, ours| {
            let unended = !case.namespace.is_empty() && !case.namespace.ends_with(',');
            *ours == Err(InvalidPayload) && (case.payload.is_empty() || unended)
        },
    },
    Difference {
        name: "name-is-unicode",
        applies: |case, ours| *ours == Err(InvalidName) && case.payload.contains("\\ud800"),
    },
    Difference {
        name: "depth-is-limited",
        applies: |_, ours| *ours == Err(TooDeep),
    },
    Difference {
        name: "arguments-are-limited",
        applies: |_, ours| *ours == Err(TooManyArguments),
    },
    Difference {
        name: "placeholders-name-every-attachment",
        applies: |_, ours| *ours == Err(InvalidPlaceholder),
    },
    Difference {
        name: "number-names-keep-their-text",
        applies: |case, ours| {
            let number = case.payload.trim_start_matches('[').trim_end_matches(']');
            matches!(ours, Ok(Verdict::Packet(_))) && number.parse::<f64>().is_ok()
        },
    },
    Difference {
        name: "what-has-no-value-is-not-read",
        applies: |case, ours| {
            matches!(ours, Ok(Verdict::Packet(_)))
                && (case.payload.contains("1e999") || case.payload.contains("\\ud800"))
        },
    },
];

#[test]
fn node_and_we_differ_only_where_we_say_so() {
    let cases = cases();
    assert!(cases.len() >= 400, "{} cases", cases.len());
    let (mut unexplained, mut used) = (String::new(), BTreeMap::new());
    for (case, node) in cases.iter().zip(node(&cases)) {
        let ours = ours(case);
        if ours.clone().unwrap_or(Verdict::Refused) == node {
            continue;
        }
        let stricter = ours.is_err() || matches!(node, Verdict::Packet(_));
        match DIFFERENCES
            .iter()
            .find(|difference| (difference.applies)(case, &ours))
        {
            Some(difference) if stricter => *used.entry(difference.name).or_insert(0) += 1,
            _ => writeln!(
                unexplained,
                "{}\n  node {node:?}\n  ours {ours:?}",
                case.text()
            )
            .unwrap(),
        }
    }
    assert!(unexplained.is_empty(), "{unexplained}");
    let page = root().join("docs/parser-differences.md");
    let page = std::fs::read_to_string(page).unwrap();
    for difference in DIFFERENCES {
        let name = difference.name;
        assert!(used.contains_key(name), "no case shows {name}");
        assert!(
            page.contains(&format!("`{name}`")),
            "the page does not explain {name}"
        );
    }
    println!("{} cases, differences {used:?}", cases.len());
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Asks Node about all cases at once.
fn node(cases: &[Case]) -> Vec<Verdict> {
    let folder = root().join("interop");
    let parser = folder.join("node_modules/socket.io-parser");
    assert!(
        parser.exists(),
        "{} is missing: run `cargo xtask setup`",
        parser.display()
    );
    let mut child = Command::new("node")
        .arg(folder.join("node/parser_verdicts.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node starts");
    let lines = cases
        .iter()
        .map(|case| format!("{}\n", json!([case.text(), case.attachments])));
    let input: String = lines.collect();
    let mut stdin = child.stdin.take().unwrap();
    // on its own thread: with both pipes full, neither side would go on
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "node: {}", output.status);
    let text = String::from_utf8(output.stdout).unwrap();
    let verdicts: Vec<Verdict> = text.lines().map(node_verdict).collect();
    assert_eq!(verdicts.len(), cases.len());
    verdicts
}

fn node_verdict(line: &str) -> Verdict {
    let mut verdict: Json = serde_json::from_str(line).unwrap();
    let object = verdict.as_object_mut().unwrap();
    match object.remove("verdict").unwrap().as_str().unwrap() {
        "refused" => Verdict::Refused,
        "incomplete" => Verdict::Incomplete,
        _ => {
            let data = object.get_mut("data").unwrap();
            *data = json_or_mark(data.as_str().unwrap());
            Verdict::Packet(doubles(verdict))
        }
    }
}

fn ours(case: &Case) -> Ours {
    let mut decoder = Parser::Json.decoder(Limits::default());
    let mut result = decoder.feed(Data::from(case.text().as_str()))?;
    for number in 0..case.attachments {
        if result.is_none() {
            result = decoder.feed(Data::Binary(vec![number as u8].into()))?;
        }
    }
    Ok(result.map_or(Verdict::Incomplete, |packet| {
        Verdict::Packet(doubles(shown(packet)))
    }))
}

fn json_or_mark(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|_| json!("unreadable"))
}

fn shown(packet: Packet) -> Json {
    let (kind, id, name, data) = match packet.body {
        Body::Connect { payload } => (
            0,
            None,
            None,
            payload.map_or(Json::Null, |text| json_or_mark(&text)),
        ),
        Body::Disconnect => (1, None, None, Json::Null),
        Body::Event { name, args, ack } => (2, ack, Some(name.to_string()), arguments(&args)),
        Body::Ack { id, args } => (3, Some(id), None, arguments(&args)),
        Body::ConnectError { payload } => (4, None, None, json_or_mark(&payload)),
        other => panic!("unknown to this test: {other:?}"),
    };
    let id = id.map(|id| id.to_string());
    json!({"type": kind, "nsp": packet.namespace.as_str(), "id": id, "name": name, "data": data})
}

fn arguments(args: &RawArgs) -> Json {
    let read = |index| {
        args.value::<Value>(index)
            .map_or_else(|_| json!("unreadable"), plain)
    };
    (0..args.len()).map(read).collect()
}

const KINDS: &[&str] = &[
    "", " ", "\t", "-", "0", "1", "2", "3", "4", "7", "9", "a", "é", "٢",
];

const NAMESPACES: &[&str] = &[
    "",
    "/",
    "/,",
    "/a,",
    "/a",
    "/a/b,",
    "/a?x=1&y=2,",
    "/a?x=1",
    "/é,",
    "/a b,",
    "//,",
    "/__proto__,",
    "/a\u{1},",
    "/\n,",
    "/a\u{85},",
    "/[],",
    "/1,",
];

const IDS: &[&str] = &[
    "0",
    "7",
    "007",
    "12",
    "9007199254740991",
    "9007199254740992",
    "9007199254740993",
    "0000000000000001",
    "00000000000000001",
    "99999999999999999999",
    " ",
    "1 ",
    " 1",
    "\t",
    "\n7",
    "+1",
    "-1",
    "1e3",
    "1.5",
    "0x1",
    "٢",
    "\u{feff}",
];

const PAYLOADS: &[&str] = &[
    "",
    "{}",
    "[]",
    "null",
    "true",
    "false",
    "0x",
    "\"x\"",
    "\"x",
    "{",
    "[",
    "{}x",
    "[]x",
    "{\"a\":1}",
    "{\"a\":1,}",
    "{\"message\":\"no\"}",
    "{\"a\":1,\"a\":2}",
    "{\"__proto__\":{\"x\":1}}",
    "{a:1}",
    "{'a':1}",
    "[\"a\"]",
    "[\"a\",1]",
    "[\"a\" , 1 ] ",
    "[ \"a\"]",
    "[\"a\",1",
    "[\"a\",]",
    "[,\"a\"]",
    "[\"a\"]]",
    "[\"a\",01]",
    "[\"a\",1.5,-2,1e3,0.1,1E-7]",
    "[\"a\",.5]",
    "[\"a\",+1]",
    "[\"a\",NaN]",
    "[\"a\",9007199254740993]",
    "[\"a\",18446744073709551615]",
    "[\"a\",1e999]",
    "[\"a\",null,true,false]",
    "[\"a\",{\"b\":[1,{\"c\":null}]}]",
    "[\"a\",{\"__proto__\":1,\"constructor\":2}]",
    "[\"a\",\"\\u00e9\\ud83d\\ude00\"]",
    "[\"a\",\"\\ud800\"]",
    "[\"a\",\"\\x\"]",
    "[\"a\",\"\n\"]",
    "[\"a\",\"\u{7f}\u{2028}\"]",
    "[\"\"]",
    "[\"é\"]",
    "[\"a\\nb\"]",
    "[\"\\ud800\"]",
    "[1]",
    "[1,2]",
    "[0]",
    "[-1]",
    "[1.0]",
    "[1e2]",
    "[null]",
    "[true]",
    "[{}]",
    "[[\"a\"]]",
    "[{\"toString\":\"x\"}]",
    "[\"connect\"]",
    "[\"connect_error\"]",
    "[\"disconnect\"]",
    "[\"disconnecting\"]",
    "[\"newListener\"]",
    "[\"removeListener\"]",
    "[\"\\u0063onnect\"]",
    "[\"error\"]",
    "[\"message\"]",
    "[\"Connect\"]",
    "[\"__proto__\",1]",
    "[\"a\",{\"_placeholder\":true,\"num\":0}]",
    "[\"a\"]/*x*/",
];

const HEADERS: &[(&str, usize)] = &[
    ("", 0),
    ("-", 0),
    ("0-", 1),
    ("1", 1),
    ("1-", 1),
    ("01-", 1),
    ("0x1-", 1),
    ("1e0-", 1),
    ("1.0-", 1),
    (" 1-", 1),
    ("1 -", 1),
    ("+1-", 1),
    ("-1-", 1),
    ("1.5-", 1),
    ("٢-", 1),
    ("11-", 11),
    ("999999999999-", 1),
    ("1--", 1),
    ("0001-", 1),
    ("NaN-", 1),
    ("Infinity-", 1),
];

const ATTACHED: &[(usize, &str)] = &[
    (1, r#"{"_placeholder":true,"num":0}"#),
    (1, r#"{"num":0,"_placeholder":true}"#),
    (1, r#"{ "_placeholder" : true , "num" : 0 }"#),
    (1, r#"{"_place\u0068older":true,"num":0}"#),
    (1, r#"1,[{"x":{"_placeholder":true,"num":0}}],"y""#),
    (
        2,
        r#"{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}"#,
    ),
    (
        2,
        r#"[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}],{"num":1}"#,
    ),
    (
        1,
        r#"{"_placeholder":true,"num":0},{"_placeholder":false,"num":9}"#,
    ),
    (1, r#"{"_placeholder":true,"num":0},{"_placeholder":1}"#),
    (
        1,
        r#"{"_placeholder":true,"num":0},"{\"_placeholder\":true}""#,
    ),
    (1, r#""no placeholder""#),
    (2, r#"{"_placeholder":true,"num":0}"#),
    (
        2,
        r#"{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}"#,
    ),
    (
        1,
        r#"{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}"#,
    ),
    (1, r#"{"_placeholder":true,"num":1}"#),
    (1, r#"{"_placeholder":true,"num":-1}"#),
    (1, r#"{"_placeholder":true,"num":-0}"#),
    (1, r#"{"_placeholder":true,"num":0.0}"#),
    (2, r#"{"_placeholder":true,"num":0.5}"#),
    (1, r#"{"_placeholder":true,"num":1e308}"#),
    (1, r#"{"_placeholder":true,"num":"0"}"#),
    (1, r#"{"_placeholder":true,"num":"splice"}"#),
    (1, r#"{"_placeholder":true,"num":null}"#),
    (1, r#"{"_placeholder":true,"num":[0]}"#),
    (1, r#"{"_placeholder":true}"#),
    (1, r#"{"_placeholder":true,"num":0,"more":1}"#),
    (1, r#"{"_placeholder":false,"_placeholder":true,"num":0}"#),
    (1, r#"{"_placeholder":true,"num":5,"num":0}"#),
];

fn cases() -> Vec<Case> {
    let mut cases = BTreeSet::new();
    let mut add = |kind: &str,
                   (header, attachments): (&str, usize),
                   namespace: &str,
                   id: &str,
                   payload: &str| {
        let [kind, header, namespace, id, payload] =
            [kind, header, namespace, id, payload].map(str::to_owned);
        cases.insert(Case {
            kind,
            header,
            namespace,
            id,
            payload,
            attachments,
        });
    };
    let none = ("", 0);
    for &payload in PAYLOADS {
        for &kind in KINDS {
            add(kind, none, "", "", payload);
        }
        add("2", none, "/a,", "7", payload);
        add("3", none, "/a,", "7", payload);
        add("3", none, "", "7", payload);
    }
    for &namespace in NAMESPACES {
        for (kind, id, payload) in [
            ("0", "", ""),
            ("0", "", "{\"a\":1}"),
            ("1", "", ""),
            ("2", "", "[\"a\",1]"),
            ("2", "7", "[\"a\"]"),
            ("3", "7", "[]"),
            ("4", "", "\"no\""),
        ] {
            add(kind, none, namespace, id, payload);
        }
    }
    let long = format!("/{},", "x".repeat(254));
    add("0", none, &long, "", "");
    add("0", none, &long.replace(',', "x,"), "", "");
    for &id in IDS {
        for namespace in ["", "/a,"] {
            for (kind, payload) in [
                ("0", "{}"),
                ("0", ""),
                ("1", ""),
                ("2", "[\"a\"]"),
                ("3", "[1]"),
                ("4", "\"no\""),
            ] {
                add(kind, none, namespace, id, payload);
            }
        }
    }
    let placeholder = r#"{"_placeholder":true,"num":0}"#;
    for &header in HEADERS {
        add("5", header, "", "", &format!("[\"a\",{placeholder}]"));
        add("6", header, "", "7", &format!("[{placeholder}]"));
        add("5", header, "/a,", "7", &format!("[\"a\",{placeholder}]"));
    }
    for &(count, args) in ATTACHED {
        let header = format!("{count}-");
        add("5", (&header, count), "", "", &format!("[\"a\",{args}]"));
        add("5", (&header, 0), "/a,", "7", &format!("[\"a\",{args}]"));
        add("6", (&header, count), "/a,", "7", &format!("[{args}]"));
        add("2", none, "", "", &format!("[\"a\",{args}]"));
    }
    for payload in [
        "",
        "{}",
        "[]",
        "[1]",
        "[null]",
        "\"x\"",
        "[\"connect\"]",
        "[\"a\"",
    ] {
        add("5", ("1-", 1), "", "", payload);
        add("6", ("1-", 1), "", "7", payload);
        add("6", ("1-", 1), "", "", payload);
    }
    for count in [10_000, 10_001] {
        let numbers = vec!["1"; count].join(",");
        add("2", none, "", "", &format!("[\"a\",{numbers}]"));
    }
    for depth in [1, 100, 126, 128, 200] {
        let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        add("2", none, "", "", &format!("[\"a\",{nested}]"));
        add(
            "5",
            ("1-", 1),
            "",
            "",
            &format!("[\"a\",{placeholder},{nested}]"),
        );
    }
    cases.into_iter().collect()
}
