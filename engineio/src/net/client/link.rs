//! [`Link`]: one WebSocket of a session, and how it ends.

use std::io::ErrorKind;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};

use super::dial::Stream;
use super::error;
use super::writer::Writer;
use crate::client::{Detail, LinkId};
use crate::net::buffers::lend_read;
use crate::net::ws::{CloseFrame, Item, Reader, Role};
use crate::{CloseReason, Data, Frame};

const OPCODE_CLOSE: u8 = 8;

#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: LinkId,
    stream: Stream,
    /// What came with the answer to the handshake.
    early: Bytes,
    reader: Reader,
    writer: Writer,
    ending: Ending,
    /// Why it cannot be written to. It is read on to its end: the server may have said why.
    broken: Option<Detail>,
}

/// How the connection will end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// It is open, or we close it: the server is told, and its answer awaited.
    Ours,
    /// The server asked for it, or broke the protocol: it is told, and nothing awaited.
    Theirs,
    /// Nobody is there any more.
    Gone,
}

/// What one read brought.
#[derive(Debug)]
pub(super) enum Read {
    /// Nothing more for now.
    Empty,
    /// Perhaps more.
    More,
    /// The link ended.
    End(CloseReason, Option<Detail>),
}

impl Link {
    pub(super) fn new(id: LinkId, stream: Stream, early: Bytes, max_message: usize) -> Self {
        Self {
            id,
            stream,
            early,
            reader: Reader::new(Role::Client, max_message),
            writer: Writer::default(),
            ending: Ending::Ours,
            broken: None,
        }
    }

    pub(super) fn push(&mut self, frame: Frame) {
        self.writer.push(frame);
    }

    /// Bytes that were not written yet.
    pub(super) fn queued(&self) -> usize {
        self.writer.queued()
    }

    pub(super) fn is_stuck(&self) -> bool {
        self.writer.is_stuck()
    }

    /// Reads once into the thread's buffer; `each` gets the messages.
    pub(super) fn read(&mut self, cx: &mut Context<'_>, mut each: impl FnMut(Data)) -> Read {
        let mut closed = None;
        let mut violation = None;
        let read = self.poll_read(cx, |reader, writer, bytes| {
            let fed = reader.feed(bytes, |item| match item {
                Item::Message(data) if closed.is_none() => each(data),
                Item::Message(_) => {}
                Item::Ping(content) if closed.is_none() => writer.pong(&content),
                // nothing is said behind a close frame
                Item::Ping(_) => {}
                Item::Close(frame) => closed = Some(frame),
            });
            violation = fed.err();
        });
        if let Some(CloseFrame { code, reason }) = closed {
            let content = code.map(u16::to_be_bytes);
            self.end(content.as_ref().map_or(&[], |code| &code[..]));
            let detail = code.map(|code| Detail::Frame {
                code,
                message: reason.into(),
            });
            return Read::End(CloseReason::TransportClose, detail);
        }
        if let Some(violation) = violation {
            self.end(&violation.close_code().to_be_bytes());
            let detail = Detail::Io(violation.to_string());
            return Read::End(CloseReason::TransportError, Some(detail));
        }
        match read {
            Poll::Pending => match self.broken.take() {
                None => Read::Empty,
                detail => {
                    self.ending = Ending::Gone;
                    Read::End(CloseReason::TransportError, detail)
                }
            },
            // TLS that ends without saying so is no more than that
            Poll::Ready(Err(error)) if error.kind() == ErrorKind::UnexpectedEof => self.gone(),
            Poll::Ready(Ok(0)) => self.gone(),
            Poll::Ready(Ok(_)) => Read::More,
            Poll::Ready(Err(error)) => {
                self.ending = Ending::Gone;
                Read::End(CloseReason::TransportError, Some(error::io(&error)))
            }
        }
    }

    fn gone(&mut self) -> Read {
        self.ending = Ending::Gone;
        let detail = Detail::Io("the connection ended without a close frame".to_owned());
        Read::End(CloseReason::TransportClose, Some(detail))
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        used: impl FnOnce(&mut Reader, &mut Writer, &mut [u8]),
    ) -> Poll<std::io::Result<usize>> {
        lend_read(|buffer| {
            let mut read = ReadBuf::new(buffer);
            if self.early.is_empty() {
                ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read))?;
            } else {
                let len = self.early.len().min(read.remaining());
                read.put_slice(&self.early.split_to(len));
            }
            let count = read.filled().len();
            if count > 0 {
                used(&mut self.reader, &mut self.writer, read.filled_mut());
            }
            Poll::Ready(Ok(count))
        })
    }

    /// Writes what waits. What goes wrong is told by the next read.
    pub(super) fn flush(&mut self, cx: &mut Context<'_>) {
        if self.broken.is_none()
            && let Poll::Ready(Err(error)) = self.writer.poll_flush(cx, &mut self.stream)
        {
            self.broken = Some(error::io(&error));
        }
    }

    fn end(&mut self, content: &[u8]) {
        self.ending = Ending::Theirs;
        self.writer.give_up();
        self.writer.push(Frame::control(OPCODE_CLOSE, content));
    }

    /// Begins to close, after what was pushed before.
    pub(super) fn close(&mut self) {
        if self.ending == Ending::Ours {
            self.writer.push(Frame::control(OPCODE_CLOSE, &[]));
        }
    }

    /// Goes on closing: ready when everything has left and the server has closed as well.
    pub(super) fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.ending == Ending::Gone {
                return Poll::Ready(());
            }
            let flushed = ready!(self.writer.poll_flush(cx, &mut self.stream));
            if flushed.is_err() {
                return Poll::Ready(());
            }
            if self.ending == Ending::Theirs {
                ready!(Pin::new(&mut self.stream).poll_shutdown(cx)).ok();
                return Poll::Ready(());
            }
            // what the server says until then is for nobody
            match self.read(cx, drop) {
                Read::Empty => return Poll::Pending,
                Read::More => {}
                Read::End(..) => self.ending = Ending::Gone,
            }
        }
    }
}
