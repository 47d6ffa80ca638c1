//! [`Link`]: one WebSocket of a session, and how it ends.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::tcp::OwnedWriteHalf;
use tokio::time::timeout;

use super::core::{Core, Task};
use super::io::{Flush, Wire};
use super::queue::Queue;
use crate::net::buffers::{JOIN_BYTES, READ_BYTES};
use crate::net::pongs::Pongs;
use crate::net::sync::spawn;
use crate::net::ws::{Item, Reader, Role};
use crate::server::LinkId;
use crate::{CloseReason, Data, Dialect, Frame};

const OPCODE_CLOSE: u8 = 8;
/// Close code of a server that stops (RFC 6455, section 7.4.1).
const GOING_AWAY: u16 = 1001;
/// A peer that does not read what was sent before the close frame is left after this long.
const WRITE_DEADLINE: Duration = Duration::from_secs(10);
/// How long the peer's answer to a close frame is waited for.
const CLOSE_DEADLINE: Duration = Duration::from_secs(2);
/// Reads in one turn, before others have theirs.
const READS: usize = 4;

#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: LinkId,
    wire: Wire,
    reader: Reader,
    /// Messages are queued as they leave for nearly everybody; for others they are rewritten.
    dialect: Dialect,
    control: Option<Box<Control>>,
    ending: Ending,
}

/// What the machine and the WebSocket itself have to say; goes before messages.
#[derive(Debug, Default)]
struct Control {
    frames: Queue,
    /// Answers to pings.
    pongs: Pongs,
}

/// How the connection will end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// We close it: the peer is told and its answer awaited.
    Ours,
    /// The peer asked for it: it is answered, then the connection is dropped.
    Theirs,
    /// We tell the peer what it did wrong.
    Violated,
    /// Nobody is there any more.
    Gone,
}

/// What one turn of reading brought.
pub(super) enum Read {
    /// Nothing more for now.
    Empty,
    /// Perhaps more.
    More,
    /// The link ended; in words, how.
    End(CloseReason, Box<str>),
}

impl Link {
    pub(super) fn new(id: LinkId, wire: Wire, dialect: Dialect, max_message: usize) -> Self {
        Self {
            id,
            wire,
            reader: Reader::new(Role::Server, max_message),
            dialect,
            control: None,
            ending: Ending::Ours,
        }
    }

    /// Queues a frame that goes before messages. One pong is enough for a client that does not
    /// read.
    pub(super) fn push(&mut self, frame: Frame) {
        // bytes may look like one, and are a message
        let pong = !frame.is_binary() && frame.payload() == b"3";
        let Control { frames, .. } = &mut **self.control.get_or_insert_default();
        if !(pong && frames.last() == Some(&frame)) {
            frames.push(frame);
        }
    }

    pub(super) fn read(&mut self, cx: &mut Context<'_>, mut each: impl FnMut(Data)) -> Read {
        for _ in 0..READS {
            let Self {
                wire,
                reader,
                control,
                ..
            } = self;
            let mut closed = false;
            let mut violation = None;
            let result = wire.poll_read(cx, |bytes| {
                let fed = reader.feed(bytes, |item| match item {
                    Item::Message(data) if !closed => each(data),
                    Item::Message(_) => {}
                    Item::Ping(content) if !closed => {
                        control.get_or_insert_default().pongs.push(&content);
                    }
                    // nothing is said behind a close frame
                    Item::Ping(_) => {}
                    Item::Close(_) => closed = true,
                });
                violation = fed.err();
            });
            if closed {
                self.end(Ending::Theirs, &[]);
                let detail = "the client closed the WebSocket";
                return Read::End(CloseReason::TransportClose, detail.into());
            }
            if let Some(violation) = violation {
                self.end(Ending::Violated, &violation.close_code().to_be_bytes());
                let detail = violation.to_string().into();
                return Read::End(CloseReason::TransportError, detail);
            }
            match result {
                Poll::Pending => return Read::Empty,
                Poll::Ready(Ok(0)) => {
                    self.ending = Ending::Gone;
                    let detail = "the connection ended without a close frame";
                    return Read::End(CloseReason::TransportClose, detail.into());
                }
                Poll::Ready(Err(error)) => {
                    self.ending = Ending::Gone;
                    return Read::End(CloseReason::TransportError, error.to_string().into());
                }
                // what so much was made of is worked off first: each byte may take many in memory
                Poll::Ready(Ok(READ_BYTES..)) => return Read::More,
                Poll::Ready(Ok(_)) => {}
            }
        }
        Read::More
    }

    /// Nothing more will be written: the peer takes nothing.
    pub(super) fn abandon(&mut self) {
        self.ending = Ending::Gone;
    }

    /// Bytes of what is unfinished.
    pub(super) fn held(&self) -> usize {
        self.reader.held()
    }

    /// The writing half, if messages are all that may have to be written, and leave as they are queued.
    pub(super) fn lend(&mut self) -> Option<OwnedWriteHalf> {
        if !self.is_steady() {
            return None;
        }
        self.wire.lend()
    }

    pub(super) fn take_back(&mut self, half: OwnedWriteHalf) {
        self.wire.take_back(half);
    }

    /// Whether messages are all that may have to be written, and leave as they are queued.
    pub(super) fn is_steady(&self) -> bool {
        self.dialect.is_plain() && self.control.is_none() && self.ending == Ending::Ours
    }

    fn end(&mut self, ending: Ending, content: &[u8]) {
        self.ending = ending;
        self.wire.will_end();
        let Control { frames, pongs } = &mut **self.control.get_or_insert_default();
        while let Some(pong) = pongs.pop() {
            frames.push(pong);
        }
        frames.push(Frame::control(OPCODE_CLOSE, content));
    }

    /// Writes control frames, then `messages`. Nothing comes between the parts of a frame.
    pub(super) fn flush(
        &mut self,
        cx: &mut Context<'_>,
        messages: Option<&mut Queue>,
    ) -> (Flush, bool) {
        let mut progress = false;
        let mut none = Queue::default();
        let messages = messages.unwrap_or(&mut none);
        if messages.is_cut() {
            let (flush, wrote) = self.wire.poll_flush(cx, messages);
            progress |= wrote;
            if flush != Flush::Done {
                return (flush, progress);
            }
        }
        let (flush, wrote) = self.flush_control(cx);
        progress |= wrote;
        if flush != Flush::Done {
            return (flush, progress);
        }
        if !self.dialect.is_plain() {
            let (flush, wrote) = self.flush_rewritten(cx, messages);
            return (flush, progress | wrote);
        }
        if !messages.is_empty() {
            let (flush, wrote) = self.wire.poll_flush(cx, messages);
            progress |= wrote;
            if flush != Flush::Done {
                return (flush, progress);
            }
        }
        (Flush::Done, progress)
    }

    /// Writes control frames. Who has none keeps no memory for them.
    fn flush_control(&mut self, cx: &mut Context<'_>) -> (Flush, bool) {
        let mut progress = false;
        while let Some(Control { frames, pongs }) = self.control.as_deref_mut() {
            if frames.is_empty() {
                match pongs.pop() {
                    Some(pong) => frames.push(pong),
                    None => self.control = None,
                }
                continue;
            }
            let (flush, wrote) = self.wire.poll_flush(cx, frames);
            progress |= wrote;
            if flush != Flush::Done {
                return (flush, progress);
            }
        }
        (Flush::Done, progress)
    }

    /// Writes messages in the form that this client wants, a few at a time: the rest stays
    /// queued, where it counts.
    fn flush_rewritten(&mut self, cx: &mut Context<'_>, messages: &mut Queue) -> (Flush, bool) {
        let mut progress = false;
        while let Some(batch) = messages.take(JOIN_BYTES) {
            let Control { frames, .. } = &mut **self.control.get_or_insert_default();
            for frame in batch {
                frames.push(self.dialect.frame(frame));
            }
            let (flush, wrote) = self.flush_control(cx);
            progress |= wrote;
            if flush != Flush::Done {
                return (flush, progress);
            }
        }
        (Flush::Done, progress)
    }

    /// Ends the connection. What is queued leaves first, as far as the peer reads; nobody waits
    /// for that: it goes on in a task of its own when it cannot be done at once.
    pub(super) fn close(mut self, cx: &mut Context<'_>, mut messages: Queue, core: &Arc<Core>) {
        self.wire.will_end();
        match self.ending {
            Ending::Gone => return,
            // the peer wants to hear no more messages
            Ending::Theirs => {
                if messages.is_cut() || self.flush(cx, None).0 != Flush::Stuck {
                    return;
                }
                messages = Queue::default();
            }
            Ending::Ours if core.is_closing() => {
                messages.push(Frame::control(OPCODE_CLOSE, &GOING_AWAY.to_be_bytes()));
            }
            Ending::Ours => messages.push(Frame::control(OPCODE_CLOSE, &[])),
            Ending::Violated => messages = Queue::default(),
        }
        let task = Task::new(core);
        spawn(async move {
            let _task = task;
            let written = timeout(
                WRITE_DEADLINE,
                poll_fn(|cx| match self.flush(cx, Some(&mut messages)).0 {
                    Flush::Done => Poll::Ready(true),
                    Flush::Broken => Poll::Ready(false),
                    Flush::Stuck => Poll::Pending,
                }),
            );
            if written.await == Ok(true) {
                timeout(CLOSE_DEADLINE, self.drain()).await.ok();
            }
        });
    }

    /// Reads on until the peer has closed: dropping the connection with unread bytes would
    /// reset it, and the peer would lose what it has not read yet.
    async fn drain(&mut self) {
        let Self { wire, reader, .. } = self;
        poll_fn(|cx| wire.poll_shutdown(cx)).await.ok();
        let mut budget = 64 * READ_BYTES;
        let mut closed = false;
        while !closed && budget > 0 {
            let read = poll_fn(|cx| {
                wire.poll_read(cx, |bytes| {
                    // after a violation there are no frames any more, only bytes
                    reader
                        .feed(bytes, |item| closed |= matches!(item, Item::Close(_)))
                        .ok();
                })
            });
            match read.await {
                Ok(count @ 1..) => budget = budget.saturating_sub(count),
                Ok(0) | Err(_) => return,
            }
        }
    }
}
