//! Section 7: how a connection is closed.

use super::{Case, End, echo};
use crate::frames::Frame;

const HELLO: &str = "Hello World!";
/// What may be sent in a close frame, and what may not.
const VALID: [u16; 13] = [
    1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999,
];
const INVALID: [u16; 9] = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999];

pub(super) fn cases() -> Vec<Case> {
    let bye = |reason: &[u8]| Frame::close(1000, reason);
    let message = || Frame::message(HELLO);
    let halves = (
        Frame::message("fragment1").unfinished(),
        Frame::more("fragment2"),
    );
    let large = "BAsd7&jh23".repeat(26_214);
    let broken = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited";
    let mut cases = vec![
        Case::of("7.1.1", vec![message()]).gives(vec![echo(HELLO)]),
        Case::of("7.1.2", vec![bye(b""), Frame::new(8, "")]),
        Case::of("7.1.3", vec![bye(b""), Frame::ping("")]),
        Case::of("7.1.4", vec![bye(b""), message()]),
        Case::of("7.1.5", vec![halves.0, bye(b""), halves.1]),
        Case::of(
            "7.1.6",
            vec![Frame::message(large), message(), bye(b""), Frame::ping("")],
        )
        .ends(End::Any),
        Case::of("7.3.1", vec![Frame::new(8, "")]),
        Case::of("7.3.2", vec![Frame::new(8, "a")]).refused(1002),
        Case::of("7.3.3", vec![bye(b"")]),
        Case::of("7.3.4", vec![bye(HELLO.as_bytes())]),
        Case::of("7.3.5", vec![bye(&[b'*'; 123])]),
        Case::of("7.3.6", vec![bye(&[b'*'; 124])]).refused(1002),
        Case::of("7.5.1", vec![bye(broken)]).ends(End::Refused(vec![1002, 1007])),
    ];
    let close = |id: String, code| Case::of(id, vec![Frame::close(code, b"")]);
    cases.extend(VALID.into_iter().zip(1..).map(|(code, number)| {
        close(format!("7.7.{number}"), code).ends(End::Clean(vec![1000, code]))
    }));
    let invalid = INVALID.into_iter().zip(1..);
    cases.extend(invalid.map(|(code, number)| close(format!("7.9.{number}"), code).refused(1002)));
    let undefined = [5000, 65_535].into_iter().zip(1..);
    cases.extend(
        undefined.map(|(code, number)| close(format!("7.13.{number}"), code).ends(End::Any)),
    );
    cases
}
