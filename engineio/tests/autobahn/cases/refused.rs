//! Sections 3 (reserved bits) and 4 (reserved opcodes).

use super::{Case, Step, echo};
use crate::frames::Frame;

const HELLO: &str = "Hello, world!";

/// How the three frames of [`behind_a_message`] leave.
#[derive(Clone, Copy)]
enum Cut {
    /// In one write: our side may drop the echo, which is then not on its way yet.
    Not,
    /// Each by itself, the second when the echo is there.
    Frames,
    /// The same, byte by byte.
    Bytes,
}

/// A message, a frame that is refused, and a ping that is not answered any more.
fn behind_a_message(id: impl Into<String>, frame: Frame, cut: Cut) -> Case {
    let (hello, ping) = (Frame::message(HELLO), Frame::ping(""));
    let case = match cut {
        Cut::Not => Case::of(id, vec![hello, frame, ping]),
        Cut::Frames | Cut::Bytes => {
            let chop = if matches!(cut, Cut::Bytes) {
                1
            } else {
                usize::MAX
            };
            let alone = |frame| Step::Send(vec![frame], chop);
            let steps = vec![alone(hello), Step::Await, alone(frame), alone(ping)];
            Case::new(id, steps)
        }
    };
    case.gives(vec![echo(HELLO)]).or(Vec::new()).refused(1002)
}

pub(super) fn reserved_bits() -> Vec<Case> {
    let hello = |bits| Frame::message(HELLO).reserved(bits);
    let binary = Frame::binary(&b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"[..]).reserved(5);
    vec![
        Case::of("3.1", vec![hello(1)]).refused(1002),
        behind_a_message("3.2", hello(2), Cut::Not),
        behind_a_message("3.3", hello(3), Cut::Frames),
        behind_a_message("3.4", hello(4), Cut::Bytes),
        Case::of("3.5", vec![binary]).refused(1002),
        Case::of("3.6", vec![Frame::ping(HELLO).reserved(6)]).refused(1002),
        Case::of("3.7", vec![Frame::new(8, "").reserved(7)]).refused(1002),
    ]
}

/// Five of the data frames, five of the control frames, in the same five ways.
pub(super) fn opcodes() -> Vec<Case> {
    let five = |section, first| {
        let id = move |number| format!("{section}.{number}");
        vec![
            Case::of(id(1), vec![Frame::new(first, "")]).refused(1002),
            Case::of(
                id(2),
                vec![Frame::new(first + 1, "reserved opcode payload")],
            )
            .refused(1002),
            behind_a_message(id(3), Frame::new(first + 2, ""), Cut::Not),
            behind_a_message(id(4), Frame::new(first + 3, HELLO), Cut::Not),
            behind_a_message(id(5), Frame::new(first + 4, HELLO), Cut::Bytes),
        ]
    };
    let mut cases = five("4.1", 3);
    cases.extend(five("4.2", 11));
    cases
}
