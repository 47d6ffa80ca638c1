//! Plays a case on an open connection, and judges what came.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::cases::{Case, End, Event, Step};
use crate::frames::{Frame, Received, Sender, take};

/// In which something must come.
const LIMIT: Duration = Duration::from_secs(10);
/// In which nothing must come.
const QUIET: Duration = Duration::from_millis(50);

/// A connection, seen from the case's end.
pub(crate) struct Player {
    stream: TcpStream,
    /// What was read and is no whole frame yet.
    input: Vec<u8>,
    /// The case's role.
    sender: Sender,
    events: Vec<Event>,
    end: Option<Ended>,
    closed: bool,
}

/// How our side ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With a close frame, and its code.
    Closed(Option<u16>),
    Dropped,
    /// Not at all, in time.
    Open,
}

impl Player {
    pub(crate) fn new(stream: TcpStream, sender: Sender) -> Self {
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            input: Vec::new(),
            sender,
            events: Vec::new(),
            end: None,
            closed: false,
        }
    }

    /// The verdict, and how our side ended.
    pub(crate) async fn play(mut self, case: &Case) -> (&'static str, Ended) {
        for step in &case.steps {
            self.step(step).await;
        }
        self.closed = case.closes();
        while self.end.is_none() {
            let enough = self.events.len() >= case.ok.len();
            if enough && !self.closed && matches!(case.end, End::Clean(_)) {
                self.closed = true;
                self.write(&Frame::close(1000, b"").bytes(self.sender))
                    .await;
            }
            self.next(LIMIT).await;
        }
        let ended = self.end.unwrap_or(Ended::Open);
        let verdict = match self.leave(ended).await {
            true => self.verdict(case, ended),
            false => "FAILED",
        };
        if verdict == "FAILED" {
            let events = self.events.iter().map(shown).collect::<Vec<_>>();
            let behind = self.input;
            eprintln!(
                "{}: {ended:?} after {events:?}, then {behind:02x?}",
                case.id
            );
        }
        (verdict, ended)
    }

    async fn step(&mut self, step: &Step) {
        match step {
            Step::Send(frames, chop) => {
                let frames = frames.iter().map(|frame| frame.bytes(self.sender));
                let bytes = frames.collect::<Vec<_>>().concat();
                for chop in bytes.chunks(*chop) {
                    self.write(chop).await;
                }
            }
            Step::Pieces(frame, ends) => {
                let (mut piece, content) = frame.parts(self.sender);
                let mut rest = &content[..];
                let mut start = 0;
                for end in ends {
                    let (part, behind) = rest.split_at(end - start);
                    (start, rest) = (*end, behind);
                    piece.extend(part);
                    self.write(&piece).await;
                    piece.clear();
                    self.quiet().await;
                }
                self.write(rest).await;
            }
            Step::Await => self.next(LIMIT).await,
            Step::Quiet => self.quiet().await,
        }
    }

    /// Whoever has given up takes nothing more: what came before tells.
    async fn write(&mut self, bytes: &[u8]) {
        if self.end.is_none() {
            timeout(LIMIT, self.stream.write_all(bytes)).await.ok();
        }
    }

    async fn quiet(&mut self) {
        let before = self.events.len();
        self.next(QUIET).await;
        if self.end == Some(Ended::Open) && self.events.len() == before {
            self.end = None;
            self.events.push(Event::Quiet);
        }
    }

    /// Takes the next event or the end.
    async fn next(&mut self, limit: Duration) {
        while self.end.is_none() {
            if let Some(frame) = take(&mut self.input, other(self.sender)) {
                self.took(frame);
                return;
            }
            let read = timeout(limit, self.stream.read_buf(&mut self.input)).await;
            match read {
                Ok(Ok(1..)) => {}
                Ok(_) => self.end = Some(Ended::Dropped),
                Err(_) => self.end = Some(Ended::Open),
            }
        }
    }

    fn took(&mut self, frame: Received) {
        let Received { opcode, content } = frame;
        let event = match opcode {
            1 | 2 => Event::Message {
                binary: opcode == 2,
                content,
            },
            8 => {
                let code = content.first_chunk().map(|code| u16::from_be_bytes(*code));
                self.end = Some(Ended::Closed(code));
                return;
            }
            10 => Event::Pong(content),
            other => Event::Other(other),
        };
        self.events.push(event);
    }

    fn verdict(&self, case: &Case, ended: Ended) -> &'static str {
        let closed_well = match (&case.end, ended) {
            (End::Any, _) => return "INFORMATIONAL",
            (_, Ended::Open) => false,
            (End::Clean(codes), Ended::Closed(code)) => {
                self.closed && code.is_none_or(|code| codes.contains(&code))
            }
            (End::Clean(_), Ended::Dropped) => false,
            (End::Refused(codes), Ended::Closed(code)) => {
                code.is_none_or(|code| codes.contains(&code))
            }
            (End::Refused(_), Ended::Dropped) => true,
        };
        if closed_well && self.events == case.ok {
            "OK"
        } else if closed_well && case.non_strict.as_ref() == Some(&self.events) {
            "NON-STRICT"
        } else {
            "FAILED"
        }
    }

    /// Answers a close frame, and waits for the end of the stream, which must bring nothing more.
    async fn leave(&mut self, ended: Ended) -> bool {
        let Ended::Closed(_) = ended else {
            return true;
        };
        if !self.closed {
            let close = Frame::close(1000, b"").bytes(self.sender);
            self.stream.write_all(&close).await.ok();
        }
        let read = timeout(LIMIT, self.stream.read_to_end(&mut self.input)).await;
        read.is_ok() && self.input.is_empty()
    }
}

fn other(sender: Sender) -> Sender {
    match sender {
        Sender::Client => Sender::Server,
        Sender::Server => Sender::Client,
    }
}

fn shown(event: &Event) -> String {
    match event {
        Event::Message { content, .. } => {
            let begin = &content[..content.len().min(40)];
            format!("message of {} bytes, {begin:02x?}", content.len())
        }
        event => format!("{event:02x?}"),
    }
}
