//! Section 6 from 6.5 on: sequences of bytes that are text, and those that only look like it.

use super::utf8::GREEK;
use super::{Case, echo};
use crate::frames::Frame;

/// Subsections 5 to 23, after Markus Kuhn's test file for decoders: whether a sequence is text is what RFC 3629 says,
/// which the count of those that are makes sure of.
pub(super) fn cases() -> Vec<Case> {
    let groups = groups();
    let mut cases = Vec::new();
    for (group, number) in groups.iter().zip(5..) {
        let texts = group
            .0
            .iter()
            .filter(|text| std::str::from_utf8(text).is_ok());
        assert_eq!(texts.count(), group.1, "6.{number}");
        for (content, case) in group.0.iter().zip(1..) {
            let id = format!("6.{number}.{case}");
            let case = Case::of(id, vec![Frame::message(content)]);
            cases.push(match std::str::from_utf8(content) {
                Ok(text) => case.gives(vec![echo(text)]),
                Err(_) => case.refused(1007),
            });
        }
    }
    cases
}

/// Sequences of a subsection, and how many of them are text.
type Group = (Vec<Vec<u8>>, usize);

fn groups() -> Vec<Group> {
    let greek = GREEK.as_bytes();
    let group = |sequences: &[&[u8]], texts| {
        let sequences = sequences.iter().map(|bytes| bytes.to_vec());
        (sequences.collect::<Vec<_>>(), texts)
    };
    let in_words = |bytes: &[u8]| [b"hello", bytes, b"world"].concat();
    let lonely = |from: u8, to: u8| (from..to).flat_map(|byte| [byte, b' ']).collect();
    // with the last byte missing, shortest and longest of each length
    let missing: [&[u8]; 10] = [
        b"\xc0",
        b"\xe0\x80",
        b"\xf0\x80\x80",
        b"\xf8\x80\x80\x80",
        b"\xfc\x80\x80\x80\x80",
        b"\xdf",
        b"\xef\xbf",
        b"\xf7\xbf\xbf",
        b"\xfb\xbf\xbf\xbf",
        b"\xfd\xbf\xbf\xbf\xbf",
    ];
    // bytes that only continue something
    let mut continuing: Vec<Vec<u8>> = [&b"\x80"[..], b"\xbf"].map(<[u8]>::to_vec).to_vec();
    continuing.extend((2..7).map(|len| b"\x80\xbf".repeat(3)[..len].to_vec()));
    continuing.push((0x80..0xbf).collect());
    let mut words: Vec<Vec<u8>> = ["$", "\u{a2}", "\u{20ac}", "\u{24b62}"]
        .map(|text| in_words(text.as_bytes()))
        .to_vec();
    words.push(greek.to_vec());
    vec![
        (words, 5),
        (
            (1..=greek.len()).map(|len| greek[..len].to_vec()).collect(),
            5,
        ),
        group(
            &[b"\0", b"\xc2\x80", b"\xe0\xa0\x80", b"\xf0\x90\x80\x80"],
            4,
        ),
        group(&[b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80"], 0),
        group(
            &[b"\x7f", b"\xdf\xbf", b"\xef\xbf\xbf", b"\xf4\x8f\xbf\xbf"],
            4,
        ),
        group(
            &[
                b"\xf7\xbf\xbf\xbf",
                b"\xfb\xbf\xbf\xbf\xbf",
                b"\xfd\xbf\xbf\xbf\xbf\xbf",
            ],
            0,
        ),
        group(
            &[
                b"\xed\x9f\xbf",
                b"\xee\x80\x80",
                b"\xef\xbf\xbd",
                b"\xf4\x8f\xbf\xbf",
                b"\xf4\x90\x80\x80",
            ],
            4,
        ),
        (continuing, 0),
        (
            vec![
                lonely(0xc0, 0xdf),
                lonely(0xe0, 0xef),
                lonely(0xf0, 0xf7),
                lonely(0xf8, 0xfb),
                lonely(0xfc, 0xfd),
            ],
            0,
        ),
        group(&missing, 0),
        (vec![missing.concat()], 0),
        group(&[b"\xfe", b"\xff", b"\xfe\xfe\xff\xff"], 0),
        (overlong(b"\xaf"), 0),
        group(
            &[
                b"\xc1\xbf",
                b"\xe0\x9f\xbf",
                b"\xf0\x8f\xbf\xbf",
                b"\xf8\x87\xbf\xbf\xbf",
                b"\xfc\x83\xbf\xbf\xbf\xbf",
            ],
            0,
        ),
        (overlong(b"\x80"), 0),
        (surrogates().to_vec(), 0),
        (pairs(), 0),
        (non_characters(), 34),
        ((0xfff9..=0xffff).map(encoded).collect(), 7),
    ]
}

/// One character in two to six bytes, where one would do.
fn overlong(last: &[u8]) -> Vec<Vec<u8>> {
    let beginnings: [&[u8]; 5] = [
        b"\xc0",
        b"\xe0\x80",
        b"\xf0\x80\x80",
        b"\xf8\x80\x80\x80",
        b"\xfc\x80\x80\x80\x80",
    ];
    beginnings
        .iter()
        .map(|bytes| [bytes, last].concat())
        .collect()
}

/// Halves of characters in UTF-16: the bounds of both kinds.
fn surrogates() -> [Vec<u8>; 7] {
    [
        b"\xed\xa0\x80",
        b"\xed\xad\xbf",
        b"\xed\xae\x80",
        b"\xed\xaf\xbf",
        b"\xed\xb0\x80",
        b"\xed\xbe\x80",
        b"\xed\xbf\xbf",
    ]
    .map(|bytes: &[u8; 3]| bytes.to_vec())
}

fn pairs() -> Vec<Vec<u8>> {
    let [a, b, c, d, low, _, high] = surrogates();
    let pairs = [a, b, c, d]
        .into_iter()
        .flat_map(|first| [&low, &high].map(|second| [first.clone(), second.clone()].concat()));
    pairs.collect()
}

/// Code points that stand for nothing, and are text all the same: the last two of each plane.
fn non_characters() -> Vec<Vec<u8>> {
    let planes = (0..=16_u32).flat_map(|plane| [plane << 16 | 0xfffe, plane << 16 | 0xffff]);
    planes.map(encoded).collect()
}

fn encoded(code: u32) -> Vec<u8> {
    char::from_u32(code).unwrap().to_string().into_bytes()
}
