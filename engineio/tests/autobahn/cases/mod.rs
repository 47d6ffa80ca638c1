//! The table: each case once, for both roles.

mod closing;
mod fragments;
mod framing;
mod refused;
mod sequences;
mod sizes;
mod utf8;

use bytes::Bytes;

use crate::frames::Frame;

/// What a case is, and what the suite allows for it.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) steps: Vec<Step>,
    /// What comes back when all is well.
    pub(crate) ok: Vec<Event>,
    /// What may come back instead.
    pub(crate) non_strict: Option<Vec<Event>>,
    pub(crate) end: End,
}

#[derive(Debug)]
pub(crate) enum Step {
    /// Frames, all in writes of so many bytes.
    Send(Vec<Frame>, usize),
    /// A frame in pieces that end at these bytes of its content; behind each but the last, nothing must come.
    Pieces(Frame, Vec<usize>),
    /// The next event is awaited.
    Await,
    /// Nothing comes.
    Quiet,
}

/// What our side sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Message {
        binary: bool,
        content: Bytes,
    },
    Pong(Bytes),
    /// Nothing was sent, and the connection stayed open.
    Quiet,
    /// What no case wants.
    Other(u8),
}

/// How the connection must end.
#[derive(Debug)]
pub(crate) enum End {
    /// The case closes, itself or behind what it wanted; our side answers with a close frame that is empty or has one of
    /// these codes.
    Clean(Vec<u16>),
    /// Our side refuses what came, with one of these codes or none, and may drop the connection.
    Refused(Vec<u16>),
    /// The suite does not judge it.
    Any,
}

impl Case {
    /// A case in which nothing comes back before the close.
    fn new(id: impl Into<String>, steps: Vec<Step>) -> Self {
        Self {
            id: id.into(),
            steps,
            ok: Vec::new(),
            non_strict: None,
            end: End::Clean(vec![1000]),
        }
    }

    /// One with frames that are sent in one write.
    fn of(id: impl Into<String>, frames: Vec<Frame>) -> Self {
        Self::new(id, vec![Step::Send(frames, usize::MAX)])
    }

    fn gives(mut self, events: Vec<Event>) -> Self {
        self.ok = events;
        self
    }

    fn or(mut self, events: Vec<Event>) -> Self {
        self.non_strict = Some(events);
        self
    }

    fn ends(mut self, end: End) -> Self {
        self.end = end;
        self
    }

    fn refused(self, code: u16) -> Self {
        self.ends(End::Refused(vec![code]))
    }

    /// Whether a close frame is among what it sends.
    pub(crate) fn closes(&self) -> bool {
        self.steps.iter().any(|step| match step {
            Step::Send(frames, _) => frames.iter().any(Frame::is_close),
            _ => false,
        })
    }
}

/// The echo of [`Frame::message`].
fn echo(content: impl AsRef<[u8]>) -> Event {
    Event::Message {
        binary: false,
        content: [b"4", content.as_ref()].concat().into(),
    }
}

fn pong(content: impl Into<Bytes>) -> Event {
    Event::Pong(content.into())
}

/// All cases, a section at a time: those of section 9 are large.
pub(crate) fn sections() -> [fn() -> Vec<Case>; 8] {
    [
        framing::payloads,
        framing::pings,
        refused::reserved_bits,
        refused::opcodes,
        fragments::cases,
        utf8::cases,
        closing::cases,
        sizes::cases,
    ]
}
