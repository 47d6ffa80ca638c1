//! [`Connection`]: a session for those who want Engine.IO alone.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::handshake::Handshake;
use super::shared::Handle;
use super::{Options, Service, Upper};
use crate::net::sync::{Mutex, spawn};
use crate::server::Event;
use crate::{CloseReason, Data, SendError};

/// Bytes of messages that may wait for [`Connection::recv`] before reading stops.
const INBOX_BYTES: usize = 256 * 1024;
/// What a message costs beyond its bytes.
const MESSAGE_COST: usize = 64;

/// One session, as an asynchronous handle.
#[derive(Debug)]
pub struct Connection {
    handshake: Arc<Handshake>,
    handle: Handle,
    inbox: Arc<Mutex<Inbox>>,
}

#[derive(Debug, Default)]
struct Inbox {
    messages: VecDeque<Data>,
    bytes: usize,
    closed: Option<CloseReason>,
    waker: Option<Waker>,
}

impl Connection {
    /// The next message; `None` when the session has ended.
    ///
    /// Cancel safe: no message is lost when the future is dropped.
    pub async fn recv(&mut self) -> Option<Data> {
        poll_fn(|cx| self.poll_recv(cx.waker())).await
    }

    fn poll_recv(&self, waker: &Waker) -> Poll<Option<Data>> {
        let mut inbox = self.inbox.lock();
        if let Some(data) = inbox.messages.pop_front() {
            inbox.bytes -= data.len() + MESSAGE_COST;
            return Poll::Ready(Some(data));
        }
        if inbox.closed.is_some() {
            return Poll::Ready(None);
        }
        inbox.waker = Some(waker.clone());
        Poll::Pending
    }

    /// Sends a message: it is queued and leaves in order.
    ///
    /// # Errors
    /// [`SendError::Closed`].
    pub fn send(&self, data: Data) -> Result<(), SendError> {
        self.handle.send([crate::Frame::message(&data)])
    }

    /// Ends the session.
    pub fn close(&self) {
        self.handle.close(CloseReason::ForcedClose);
    }

    /// Why the session ended, once it has.
    #[must_use]
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.inbox.lock().closed
    }

    /// The request that opened the session.
    #[must_use]
    pub fn handshake(&self) -> &Handshake {
        &self.handshake
    }

    /// Sends and closes from anywhere.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

/// A service that runs `handler` for each session, in the session's own task. The session
/// ends when the handler does.
pub fn on_connection<H, Fut>(
    options: Options,
    handler: H,
) -> Service<impl Fn(Arc<Handshake>, Handle) -> Inline + Send + Sync + 'static>
where
    H: Fn(Connection) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    Service::new(options, move |handshake, handle: Handle| {
        let inbox = Arc::<Mutex<Inbox>>::default();
        let connection = Connection {
            handshake,
            handle: handle.clone(),
            inbox: Arc::clone(&inbox),
        };
        Inline {
            handle,
            inbox,
            future: Some(Box::pin(handler(connection))),
        }
    })
}

/// The layer above that polls a handler's future.
pub struct Inline {
    handle: Handle,
    inbox: Arc<Mutex<Inbox>>,
    future: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl std::fmt::Debug for Inline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inline")
            .field("handle", &self.handle)
            .finish_non_exhaustive()
    }
}

impl Upper for Inline {
    fn on_event(&mut self, _: Instant, event: Event) {
        let mut inbox = self.inbox.lock();
        match event {
            Event::Message(data) => {
                inbox.bytes += data.len() + MESSAGE_COST;
                inbox.messages.push_back(data);
            }
            Event::Closed(reason) => inbox.closed = Some(reason),
            Event::Opened | Event::Upgraded | Event::Ping => return,
        }
        let waker = inbox.waker.take();
        drop(inbox);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn poll(&mut self, _: Instant, cx: &mut Context<'_>) {
        let Some(future) = &mut self.future else {
            return;
        };
        if future.as_mut().poll(cx).is_ready() {
            self.future = None;
            self.handle.close(CloseReason::ForcedClose);
        }
    }

    fn is_full(&self) -> bool {
        self.inbox.lock().bytes > INBOX_BYTES
    }
}

/// The session is over, the handler perhaps not: it may finish.
impl Drop for Inline {
    fn drop(&mut self) {
        let (closed, waker) = {
            let mut inbox = self.inbox.lock();
            let closed = inbox.closed.is_some();
            // the handler panicked, or the runtime stops
            inbox.closed.get_or_insert(CloseReason::ServerError);
            (closed, inbox.waker.take())
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        if let Some(future) = self.future.take()
            && closed
            && tokio::runtime::Handle::try_current().is_ok()
        {
            spawn(future);
        }
    }
}

#[cfg(all(test, shuttle))]
mod interleavings {
    use http::Request;
    use shuttle::{future, thread};

    use super::*;
    use crate::net::server::core::Core;
    use crate::query::Terms;
    use crate::{Protocol, Sid, Transport};

    #[test]
    fn who_receives_elsewhere_gets_every_message_and_the_end() {
        testkit::explore(|| {
            let core = Core::new(Options::default());
            let registered = core.register_as(Sid::from_entropy([7; 15]), Terms::default());
            let registration = registered.expect("a new id");
            let handle = Handle::clone(&registration);
            let (parts, ()) = Request::new(()).into_parts();
            let trusted = &core.options.trusted_proxies;
            let handshake = Handshake::new(parts, Transport::Polling, Protocol::V4, trusted);
            let inbox = Arc::<Mutex<Inbox>>::default();
            let mut connection = Connection {
                handshake: Arc::new(handshake),
                handle: handle.clone(),
                inbox: Arc::clone(&inbox),
            };
            let receiving = thread::spawn(move || {
                let mut received = Vec::new();
                while let Some(data) = future::block_on(connection.recv()) {
                    received.push(data);
                }
                received
            });
            let mut inline = Inline {
                handle,
                inbox,
                future: None,
            };
            let now = crate::net::clock::now();
            for message in ["a", "b"] {
                inline.on_event(now, Event::Message(message.into()));
            }
            inline.on_event(now, Event::Closed(CloseReason::TransportClose));
            let received = receiving.join().expect("a thread");
            assert_eq!(received, ["a".into(), "b".into()]);
            assert_eq!(inline.inbox.lock().bytes, 0);
        });
    }
}
