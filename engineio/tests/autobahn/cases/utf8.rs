//! Section 6 up to 6.4: text in fragments, and what becomes none.

use super::{Case, Event, Step, echo, sequences};
use crate::frames::Frame;

/// Five Greek letters, eleven bytes.
pub(super) const GREEK: &str = "\u{3ba}\u{1f79}\u{3c3}\u{3bc}\u{3b5}";
const GREETING: (&str, &str) = (
    "Hello-\u{b5}@\u{df}\u{f6}\u{e4}",
    "\u{fc}\u{e0}\u{e1}-UTF-8!!",
);

pub(super) fn cases() -> Vec<Case> {
    let mut cases = fragmented();
    cases.extend(fail_fast());
    cases.extend(sequences::cases());
    cases
}

/// A message in frames of one byte.
fn bytewise(content: &[u8]) -> Vec<Frame> {
    let mut frames = vec![Frame::new(1, "4").unfinished()];
    let mut more = content.iter().map(|byte| Frame::more(vec![*byte]));
    frames.extend(more.clone().take(content.len() - 1).map(Frame::unfinished));
    frames.extend(more.next_back());
    frames
}

fn fragmented() -> Vec<Case> {
    let none = || Frame::more("").unfinished();
    let whole = [GREETING.0, GREETING.1].concat();
    let broken = [GREEK.as_bytes(), b"\xed\xa0\x80edited"].concat();
    let opening = || Frame::new(1, "").unfinished();
    let middle = "middle frame payload";
    vec![
        Case::of("6.1.1", vec![Frame::message("")]).gives(vec![echo("")]),
        Case::of("6.1.2", vec![opening(), none(), Frame::more("4")]).gives(vec![echo("")]),
        Case::of(
            "6.1.3",
            vec![
                opening(),
                Frame::more(format!("4{middle}")).unfinished(),
                Frame::more(""),
            ],
        )
        .gives(vec![echo(middle)]),
        Case::of("6.2.1", vec![Frame::message(&whole)]).gives(vec![echo(&whole)]),
        Case::of(
            "6.2.2",
            vec![
                Frame::message(GREETING.0).unfinished(),
                Frame::more(GREETING.1),
            ],
        )
        .gives(vec![echo(&whole)]),
        Case::of("6.2.3", bytewise(whole.as_bytes())).gives(vec![echo(&whole)]),
        Case::of("6.2.4", bytewise(GREEK.as_bytes())).gives(vec![echo(GREEK)]),
        Case::of("6.3.1", vec![Frame::message(&broken)]).refused(1007),
        Case::of("6.3.2", bytewise(&broken)).refused(1007),
    ]
}

/// A message that cannot become text any more before it is complete. A peer may say so at once, or at its end.
fn fail_fast() -> Vec<Case> {
    let all = [GREEK.as_bytes(), b"\xf4\x90\x80\x80edited"].concat();
    let judged = |case: Case| {
        case.gives(vec![Event::Quiet])
            .or(vec![Event::Quiet; 2])
            .refused(1007)
    };
    let frames = |id: &str, (first, second): (usize, usize)| {
        let more = |bytes: &[u8]| Frame::more(bytes.to_vec());
        let send = |frame| Step::Send(vec![frame], usize::MAX);
        let steps = vec![
            send(Frame::message(&all[..first]).unfinished()),
            Step::Quiet,
            send(more(&all[first..second]).unfinished()),
            Step::Quiet,
            send(more(&all[second..])),
        ];
        judged(Case::new(id, steps))
    };
    // the `4` is one of the bytes
    let pieces = |id: &str, (first, second): (usize, usize)| {
        let cuts = vec![first + 1, second + 1];
        judged(Case::new(
            id,
            vec![Step::Pieces(Frame::message(&all), cuts)],
        ))
    };
    // the second byte behind the letters is the one that is wrong
    vec![
        frames("6.4.1", (11, 15)),
        frames("6.4.2", (12, 13)),
        pieces("6.4.3", (11, 15)),
        pieces("6.4.4", (12, 13)),
    ]
}
