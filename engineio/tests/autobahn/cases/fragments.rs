//! Section 5: messages in several frames, and control frames between them.

use super::{Case, Event, Step, echo, pong};
use crate::frames::Frame;

/// All frames in one write, each in its own, or byte by byte.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    Not,
    Frames,
    Bytes,
}

const CUTS: [Cut; 3] = [Cut::Not, Cut::Frames, Cut::Bytes];

fn steps(frames: Vec<Frame>, cut: Cut) -> Vec<Step> {
    match cut {
        Cut::Not => vec![Step::Send(frames, usize::MAX)],
        Cut::Bytes => vec![Step::Send(frames, 1)],
        Cut::Frames => frames
            .into_iter()
            .map(|frame| Step::Send(vec![frame], usize::MAX))
            .collect(),
    }
}

/// The same frames cut in the three ways, as three cases from `number` on.
fn three(number: usize, frames: impl Fn() -> Vec<Frame>, gives: &[Event]) -> Vec<Case> {
    let numbered = CUTS.into_iter().zip(number..);
    numbered
        .map(|(cut, number)| {
            Case::new(format!("5.{number}"), steps(frames(), cut)).gives(gives.to_vec())
        })
        .collect()
}

pub(super) fn cases() -> Vec<Case> {
    let first = || Frame::message("fragment1").unfinished();
    let last = || Frame::more("fragment2");
    let both = echo("fragment1fragment2");
    let halves = |opcode| vec![Frame::new(opcode, "fragment1").unfinished(), last()];
    let stray = |is_final: bool| {
        move || {
            let frame = Frame::more("non-continuation payload");
            let frame = if is_final { frame } else { frame.unfinished() };
            vec![frame, Frame::message("Hello, world!")]
        }
    };
    let twice = |frame: Frame| {
        let once = [frame, first(), last()];
        [&once[..], &once].concat()
    };

    let mut cases = vec![
        Case::of("5.1", halves(9)).refused(1002),
        Case::of("5.2", halves(10)).refused(1002),
    ];
    cases.extend(three(
        3,
        || vec![first(), last()],
        std::slice::from_ref(&both),
    ));
    let between = || vec![first(), Frame::ping("ping payload"), last()];
    cases.extend(three(6, between, &[pong("ping payload"), both.clone()]));
    let strays = [three(9, stray(true), &[]), three(12, stray(false), &[])];
    cases.extend(strays.into_iter().flatten().map(|case| case.refused(1002)));
    let behind = vec![
        first(),
        last(),
        Frame::more("fragment3").unfinished(),
        Frame::message("fragment4"),
    ];
    cases.push(
        Case::of("5.15", behind)
            .gives(vec![both])
            .or(Vec::new())
            .refused(1002),
    );
    let stray = || Frame::more("fragment1");
    cases.push(Case::of("5.16", twice(stray().unfinished())).refused(1002));
    cases.push(Case::of("5.17", twice(stray())).refused(1002));
    let again = vec![first(), Frame::message("fragment2")];
    cases.push(Case::of("5.18", again).refused(1002));
    cases.push(with_pings("5.19", Cut::Not));
    cases.push(with_pings("5.20", Cut::Frames));
    cases
}

/// Five fragments and two pings; the first is answered before the message is complete.
fn with_pings(id: &str, cut: Cut) -> Case {
    let more = |content: &'static str| Frame::more(content).unfinished();
    let begin = vec![
        Frame::message("fragment1").unfinished(),
        more("fragment2"),
        Frame::ping("pongme 1!"),
    ];
    let rest = vec![
        more("fragment3"),
        more("fragment4"),
        Frame::ping("pongme 2!"),
        Frame::more("fragment5"),
    ];
    let mut all = steps(begin, cut);
    all.push(Step::Await);
    all.extend(steps(rest, cut));
    let whole = "fragment1fragment2fragment3fragment4fragment5";
    Case::new(id, all).gives(vec![pong("pongme 1!"), pong("pongme 2!"), echo(whole)])
}
