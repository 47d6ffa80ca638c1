//! [`Wire`]: the byte stream of a WebSocket, from the moment of its upgrade.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use http::Request;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade as auto;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::foreign::{ForeignUpgrade, Io, Opening};
use super::queue::Queue;
use super::stall::Stalling;
use crate::net::buffers::{JOIN_BYTES, LARGE_BYTES, lend_join, lend_read};
use crate::net::platform;

#[derive(Debug)]
pub(super) struct Wire {
    stream: Stream,
    /// What arrived together with the request, until it was read.
    early: Option<Box<Bytes>>,
    is_ending: bool,
}

enum Stream {
    Pending(OnUpgrade),
    /// Of a server that is not hyper.
    Foreign(Opening),
    Tcp {
        reads: OwnedReadHalf,
        /// Not here while it is lent; this stream is written to all the same.
        writes: Option<OwnedWriteHalf>,
    },
    /// TLS, or whatever else the HTTP server put its bytes through.
    Other(Box<dyn Io>),
    /// It was never handed over. What has failed must not be polled again.
    Lost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flush {
    Done,
    Stuck,
    Broken,
}

impl Wire {
    /// The stream that follows the answer to this request.
    pub(super) fn after<B>(request: &mut Request<B>) -> Self {
        let foreign = request.extensions_mut().remove::<ForeignUpgrade>();
        let stream = match foreign.and_then(|foreign| foreign.take()) {
            Some(opening) => Stream::Foreign(opening),
            None => Stream::Pending(hyper::upgrade::on(request)),
        };
        Self {
            stream,
            early: None,
            is_ending: false,
        }
    }

    /// What is written from now on is the last: [`Wire::poll_shutdown`] or the drop of this follows.
    pub(super) fn will_end(&mut self) {
        self.is_ending = true;
    }

    /// Waits until the HTTP server has handed the stream over.
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let opened = match &mut self.stream {
            Stream::Pending(upgrade) => ready!(Pin::new(upgrade).poll(cx))
                .map(unwrap)
                .map_err(io::Error::other),
            Stream::Foreign(opening) => {
                ready!(opening.as_mut().poll(cx)).map(|io| (Stream::Other(io), Bytes::new()))
            }
            Stream::Tcp { .. } | Stream::Other(_) => return Poll::Ready(Ok(())),
            Stream::Lost => Err(io::ErrorKind::NotConnected.into()),
        };
        Poll::Ready(match opened {
            Ok((stream, early)) => {
                self.stream = stream;
                self.early = (!early.is_empty()).then(|| Box::new(early));
                Ok(())
            }
            Err(error) => {
                self.stream = Stream::Lost;
                Err(error)
            }
        })
    }

    /// One read into the thread's buffer; `used` gets what it brought. `Ready(Ok(0))` is the end.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        used: impl FnOnce(&mut [u8]),
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_open(cx))?;
        lend_read(|buffer| self.read_into(cx, buffer, used))
    }

    fn read_into(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
        used: impl FnOnce(&mut [u8]),
    ) -> Poll<io::Result<usize>> {
        let mut read = ReadBuf::new(buffer);
        if let Some(early) = &mut self.early {
            let len = early.len().min(read.remaining());
            read.put_slice(&early.split_to(len));
            self.early.take_if(|early| early.is_empty());
        } else {
            ready!(self.stream.poll_read(cx, &mut read))?;
        }
        let count = read.filled().len();
        if count > 0 {
            used(read.filled_mut());
        }
        Poll::Ready(Ok(count))
    }

    /// Writes what is queued, small frames together; tells how far it came and whether it wrote
    /// anything.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>, queue: &mut Queue) -> (Flush, bool) {
        match self.poll_open(cx) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(_)) => return (Flush::Broken, false),
            Poll::Pending => return (Flush::Stuck, false),
        }
        let Self {
            stream, is_ending, ..
        } = self;
        let (flush, progress) = write(queue, |bytes| stream.poll_write(cx, bytes, *is_ending));
        if flush != Flush::Done {
            return (flush, progress);
        }
        match self.stream.poll_flush(cx) {
            Poll::Ready(Ok(())) => (Flush::Done, progress),
            Poll::Ready(Err(_)) => (Flush::Broken, progress),
            Poll::Pending => (Flush::Stuck, progress),
        }
    }

    /// Ends the writing half.
    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Pending(_) | Stream::Foreign(_) | Stream::Lost => Poll::Ready(Ok(())),
            Stream::Tcp { writes, .. } => match writes {
                Some(writes) => Pin::new(writes).poll_shutdown(cx),
                None => Poll::Ready(Ok(())),
            },
            Stream::Other(other) => Pin::new(other).poll_shutdown(cx),
        }
    }

    /// The writing half of a plain TCP stream, for somebody who writes while we do not.
    pub(super) fn lend(&mut self) -> Option<OwnedWriteHalf> {
        match &mut self.stream {
            Stream::Tcp { writes, .. } => writes.take(),
            _ => None,
        }
    }

    /// It is here again.
    pub(super) fn take_back(&mut self, half: OwnedWriteHalf) {
        if let Stream::Tcp { writes, .. } = &mut self.stream {
            *writes = Some(half);
        }
    }
}

/// Writes what is queued at once, as far as the peer takes it.
pub(super) fn write_now(stream: &OwnedWriteHalf, queue: &mut Queue) -> Flush {
    let write_some = |bytes: &[u8]| match stream.try_write(bytes) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        result => Poll::Ready(result),
    };
    write(queue, write_some).0
}

/// Writes what is queued, small frames together, and tells whether any of it left.
fn write(
    queue: &mut Queue,
    mut some: impl FnMut(&[u8]) -> Poll<io::Result<usize>>,
) -> (Flush, bool) {
    let mut progress = false;
    while let Some(first) = queue.first() {
        let result = if queue.len() == 1 || first.len() >= LARGE_BYTES {
            some(first)
        } else {
            lend_join(|join| {
                queue.gather(JOIN_BYTES, join);
                some(join)
            })
        };
        match result {
            Poll::Ready(Ok(0) | Err(_)) => return (Flush::Broken, progress),
            Poll::Ready(Ok(count)) => queue.advance(count),
            Poll::Pending => return (Flush::Stuck, progress),
        }
        progress = true;
    }
    (Flush::Done, progress)
}

/// As `poll_write` of a stream of which we have one half; `last` says that its end follows.
fn poll_write(
    tcp: &TcpStream,
    cx: &mut Context<'_>,
    bytes: &[u8],
    last: bool,
) -> Poll<io::Result<usize>> {
    loop {
        ready!(tcp.poll_write_ready(cx))?;
        let written = if last {
            platform::write_last(tcp, bytes)
        } else {
            tcp.try_write(bytes)
        };
        match written {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => return Poll::Ready(result),
        }
    }
}

impl Stream {
    fn poll_read(&mut self, cx: &mut Context<'_>, read: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Pending(_) | Self::Foreign(_) | Self::Lost => Poll::Pending,
            Self::Tcp { reads, .. } => Pin::new(reads).poll_read(cx, read),
            Self::Other(other) => Pin::new(other).poll_read(cx, read),
        }
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        last: bool,
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Pending(_) | Self::Foreign(_) | Self::Lost => Poll::Pending,
            Self::Tcp { reads, .. } => poll_write(reads.as_ref(), cx, bytes, last),
            Self::Other(other) => Pin::new(other).poll_write(cx, bytes),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Pending(_) | Self::Foreign(_) | Self::Tcp { .. } | Self::Lost => {
                Poll::Ready(Ok(()))
            }
            Self::Other(other) => Pin::new(other).poll_flush(cx),
        }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending(_) => "Pending",
            Self::Foreign(_) => "Foreign",
            Self::Tcp { .. } => "Tcp",
            Self::Other(_) => "Other",
            Self::Lost => "Lost",
        })
    }
}

/// The plain TCP stream underneath, where there is one. What the HTTP server read too much is
/// copied, so that its buffer is freed.
fn unwrap(upgraded: Upgraded) -> (Stream, Bytes) {
    let copy = |bytes: Bytes| Bytes::copy_from_slice(bytes.chunk());
    let upgraded = match upgraded.downcast::<TokioIo<Stalling<TcpStream>>>() {
        Ok(parts) => {
            let tcp = parts.io.into_inner().into_inner();
            return (plain(tcp), copy(parts.read_buf));
        }
        Err(upgraded) => upgraded,
    };
    let upgraded = match auto::downcast::<TokioIo<TcpStream>>(upgraded) {
        Ok(parts) => return (plain(parts.io.into_inner()), copy(parts.read_buf)),
        Err(upgraded) => upgraded,
    };
    match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => (plain(parts.io.into_inner()), copy(parts.read_buf)),
        Err(upgraded) => (
            Stream::Other(Box::new(TokioIo::new(upgraded))),
            Bytes::new(),
        ),
    }
}

fn plain(tcp: TcpStream) -> Stream {
    let (reads, writes) = tcp.into_split();
    let writes = Some(writes);
    Stream::Tcp { reads, writes }
}
