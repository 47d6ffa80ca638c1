//! The task of a session, its queue and the registry against everybody else, in many orders:
//! `cargo xtask interleavings`.

mod polling;
mod registry;
mod websocket;

use std::io;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use http::Request;
use shuttle::sync::mpsc::{Receiver, Sender, channel};
use shuttle::{future, thread};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;

use super::core::Core;
use super::driver::{Driver, Opening};
use super::foreign::ForeignUpgrade;
use super::io::Wire;
use super::shared::{Command, Handle};
use super::{Options, Upper};
use crate::query::Terms;
use crate::server::{Event, Input, Reply};
use crate::{CloseReason, Data, Frame, SendError, Sid};

/// Explores `body` where timers can be made; none of them ever fires.
fn explore(body: impl Fn() + Send + Sync + 'static) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    // when it is dropped its timers wake tasks, whose scheduler is gone
    let runtime = ManuallyDrop::new(runtime);
    let _context = runtime.enter();
    testkit::explore(body);
}

/// A layer above that has nothing to say.
struct Silent;

impl Upper for Silent {
    fn on_event(&mut self, _: Instant, _: Event) {}

    fn poll(&mut self, _: Instant, _: &mut Context<'_>) {}
}

/// Our end of a WebSocket: what is written goes to a channel, as far as there is room.
struct Pipe {
    written: Sender<Vec<u8>>,
    ends: Arc<Mutex<Ends>>,
}

/// The client's end of it.
struct Client {
    bytes: Receiver<Vec<u8>>,
    read: Vec<u8>,
    ends: Arc<Mutex<Ends>>,
}

/// Held only for a moment, and never while somebody else runs.
#[derive(Default)]
struct Ends {
    room: usize,
    gone: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

fn websocket(room: usize) -> (Wire, Client) {
    let (written, bytes) = channel();
    let ends = Ends {
        room,
        ..Ends::default()
    };
    let ends = Arc::new(Mutex::new(ends));
    let client = Client {
        bytes,
        read: Vec::new(),
        ends: Arc::clone(&ends),
    };
    let pipe = Pipe { written, ends };
    let mut request = Request::new(());
    let upgrade = ForeignUpgrade::new(async { Ok(pipe) });
    request.extensions_mut().insert(upgrade);
    (Wire::after(&mut request), client)
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut ends = self.ends.lock().expect("ends");
        if ends.gone {
            return Poll::Ready(Ok(()));
        }
        ends.reader = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let count = {
            let mut ends = self.ends.lock().expect("ends");
            if ends.room == 0 {
                ends.writer = Some(cx.waker().clone());
                return Poll::Pending;
            }
            let count = bytes.len().min(ends.room);
            ends.room -= count;
            count
        };
        // a client that is gone reads no more
        self.written.send(bytes[..count].to_vec()).ok();
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Client {
    /// The next message without its type, or the close frame as `None`.
    fn next(&mut self) -> Option<String> {
        loop {
            if let [head, len, rest @ ..] = &*self.read
                && let Some(content) = rest.get(..usize::from(*len))
            {
                assert!(*len < 126 && [0x81, 0x88].contains(head), "a short frame");
                let (closed, text) = (*head == 0x88, String::from_utf8_lossy(content).into());
                self.read.drain(..2 + usize::from(*len));
                return (!closed).then_some(text);
            }
            self.read.extend(self.bytes.recv().expect("more bytes"));
        }
    }

    fn take(&mut self, count: usize) -> Vec<String> {
        (0..count).filter_map(|_| self.next()).collect()
    }

    /// All messages up to the close frame.
    fn rest(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.next()).collect()
    }

    fn leave(&self) {
        let reader = {
            let mut ends = self.ends.lock().expect("ends");
            ends.gone = true;
            ends.reader.take()
        };
        reader.into_iter().for_each(Waker::wake);
    }
}

/// The client's system takes so many bytes more.
fn make_room(ends: &Mutex<Ends>, bytes: usize) {
    let writer = {
        let mut ends = ends.lock().expect("ends");
        ends.room += bytes;
        ends.writer.take()
    };
    writer.into_iter().for_each(Waker::wake);
}

/// Starts the task of a session.
fn begin<U: Upper>(
    core: &Arc<Core>,
    opening: Opening,
    upper: impl FnOnce(&Handle) -> U,
) -> (Handle, future::JoinHandle<()>) {
    let sid = Sid::from_entropy([7; 15]);
    let registered = core.register_as(sid, Terms::default());
    let registration = registered.expect("a new id");
    let handle = Handle::clone(&registration);
    let driver = Driver::new(registration, opening, upper(&handle));
    (handle, future::spawn(driver))
}

fn text(content: &str) -> [Frame; 1] {
    [Frame::message(&Data::from(content))]
}

/// The messages of one producer, which are named `a1`, `a2` and so on.
fn of(producer: char, messages: &[String]) -> Vec<String> {
    let own = |text: &&String| {
        text.strip_prefix('4')
            .is_some_and(|m| m.starts_with(producer))
    };
    messages.iter().filter(own).cloned().collect()
}

fn core(options: Options) -> Arc<Core> {
    Core::new(Options {
        memory_budget: Some(options.memory_budget.unwrap_or(usize::MAX)),
        ..options
    })
}
