//! Sections 9 (large messages, and many) and 10 (messages that a sender fragments by itself).

use bytes::Bytes;

use super::{Case, Event, Step};
use crate::frames::Frame;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
/// Fragments of 9.3 and 9.4: with the smallest, a message has 65,536 of them, which is our limit.
const FRAGMENTS: [usize; 9] = [
    64,
    256,
    KIB,
    4 * KIB,
    16 * KIB,
    64 * KIB,
    256 * KIB,
    MIB,
    4 * MIB,
];
/// Messages of 9.7 and 9.8.
const ROUNDS: usize = 1000;

pub(super) fn cases() -> Vec<Case> {
    let scale = if std::env::var_os("AUTOBAHN_FULL").is_some() {
        1
    } else {
        16
    };
    let mut cases = Vec::new();
    for (binary, section) in [(false, "9.1"), (true, "9.2")] {
        let sizes = [64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB];
        for (size, number) in sizes.into_iter().zip(1..) {
            let message = Message::new(binary, size / scale);
            let send = Step::Send(vec![message.frame()], usize::MAX);
            cases.push(message.case(format!("{section}.{number}"), vec![send]));
        }
    }
    for (binary, section) in [(false, "9.3"), (true, "9.4")] {
        for (fragment, number) in FRAGMENTS.into_iter().zip(1..) {
            let message = Message::new(binary, 4 * MIB / scale);
            let send = Step::Send(message.fragments(fragment), usize::MAX);
            cases.push(message.case(format!("{section}.{number}"), vec![send]));
        }
    }
    for (binary, section) in [(false, "9.5"), (true, "9.6")] {
        for (chop, number) in [64, 128, 256, 512, 1024, 2048].into_iter().zip(1..) {
            let message = Message::new(binary, MIB / scale);
            let send = Step::Send(vec![message.frame()], chop);
            cases.push(message.case(format!("{section}.{number}"), vec![send]));
        }
    }
    for (binary, section) in [(false, "9.7"), (true, "9.8")] {
        for (size, number) in [0, 16, 64, 256, 1024, 4096].into_iter().zip(1..) {
            let message = Message::new(binary, size);
            let rounds = (0..ROUNDS)
                .flat_map(|_| [Step::Send(vec![message.frame()], usize::MAX), Step::Await]);
            let case = Case::new(format!("{section}.{number}"), rounds.collect());
            cases.push(case.gives(vec![message.event(); ROUNDS]));
        }
    }
    let text = Message::new(false, 65_536);
    let send = Step::Send(text.fragments(1300), usize::MAX);
    cases.push(text.case("10.1.1".to_owned(), vec![send]));
    cases
}

/// A message of a length on the wire: a text of none is `4` alone.
struct Message {
    binary: bool,
    content: Bytes,
}

impl Message {
    fn new(binary: bool, len: usize) -> Self {
        let (pattern, prefix): (&[u8], &[u8]) = if binary {
            (b"\x00\xfe\x23\xfa\xf0", b"")
        } else {
            (b"BAsd7&jh23", b"4")
        };
        let endless = pattern.iter().cycle();
        let len = len.max(prefix.len());
        let content = prefix.iter().chain(endless).take(len).copied().collect();
        Self { binary, content }
    }

    fn frame(&self) -> Frame {
        Frame::new(1 + u8::from(self.binary), self.content.clone())
    }

    fn fragments(&self, size: usize) -> Vec<Frame> {
        let starts = (0..self.content.len()).step_by(size);
        let frames = starts.map(|start| {
            let end = self.content.len().min(start + size);
            let content = self.content.slice(start..end);
            let frame = match start {
                0 => Frame::new(1 + u8::from(self.binary), content),
                _ => Frame::more(content),
            };
            let is_last = end == self.content.len();
            if is_last { frame } else { frame.unfinished() }
        });
        frames.collect()
    }

    fn event(&self) -> Event {
        Event::Message {
            binary: self.binary,
            content: self.content.clone(),
        }
    }

    fn case(&self, id: String, steps: Vec<Step>) -> Case {
        Case::new(id, steps).gives(vec![self.event()])
    }
}
