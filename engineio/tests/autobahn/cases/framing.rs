//! Sections 1 (lengths of frames) and 2 (pings and pongs).

use super::{Case, Event, Step, echo, pong};
use crate::frames::Frame;

/// Those at which the form of the length changes; the last one is cut into writes.
const LENGTHS: [(usize, usize); 8] = [
    (0, usize::MAX),
    (125, usize::MAX),
    (126, usize::MAX),
    (127, usize::MAX),
    (128, usize::MAX),
    (65_535, usize::MAX),
    (65_536, usize::MAX),
    (65_536, 997),
];

pub(super) fn payloads() -> Vec<Case> {
    let text = LENGTHS.iter().zip(1..).map(|((len, chop), number)| {
        let content = "*".repeat(len.saturating_sub(1));
        let send = Step::Send(vec![Frame::message(&content)], *chop);
        Case::new(format!("1.1.{number}"), vec![send]).gives(vec![echo(content)])
    });
    let binary = LENGTHS.iter().zip(1..).map(|((len, chop), number)| {
        let content = vec![0xfe; *len];
        let send = Step::Send(vec![Frame::binary(content.clone())], *chop);
        let binary = Event::Message {
            binary: true,
            content: content.into(),
        };
        Case::new(format!("1.2.{number}"), vec![send]).gives(vec![binary])
    });
    text.chain(binary).collect()
}

pub(super) fn pings() -> Vec<Case> {
    let answered = |id: &str, content: &'static [u8], chop| {
        let send = Step::Send(vec![Frame::ping(content)], chop);
        Case::new(id, vec![send]).gives(vec![pong(content)])
    };
    let ten = |id: &str, chop| {
        let contents = || (0..10).map(|n| format!("payload-{n}"));
        let pings = contents().map(Frame::ping).collect();
        Case::new(id, vec![Step::Send(pings, chop)]).gives(contents().map(pong).collect())
    };
    let unasked = |content: &'static str| Frame::new(10, content);
    let bye = || Frame::close(1000, b"");
    let text = "unsolicited pong payload";
    vec![
        answered("2.1", b"", usize::MAX),
        answered("2.2", b"Hello, world!", usize::MAX),
        answered("2.3", b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff", usize::MAX),
        answered("2.4", &[0xfe; 125], usize::MAX),
        Case::of("2.5", vec![Frame::ping(vec![0xfe; 126])]).refused(1002),
        answered("2.6", &[0xfe; 125], 1),
        Case::of("2.7", vec![unasked(""), bye()]),
        Case::of("2.8", vec![unasked(text), bye()]),
        Case::of("2.9", vec![unasked(text), Frame::ping("ping payload")])
            .gives(vec![pong("ping payload")]),
        ten("2.10", usize::MAX),
        ten("2.11", 1),
    ]
}
