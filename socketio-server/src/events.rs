//! [`Events`]: the events of one socket as a loop, for those who want local state.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Poll, Waker};

use socketio_proto::{DisconnectReason, IntoArgs};

use crate::error::SendError;
use crate::handler::Incoming;
use crate::socket::Socket;
use crate::sync::{Arc, Mutex};

pub(crate) type Serve<D> =
    Box<dyn Fn(Events<D>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// The events of one socket, in order. Given to [`Namespace::serve`](crate::Namespace::serve).
pub struct Events<D = ()> {
    socket: Socket<D>,
    inbox: Arc<Inbox>,
}

/// What waits for the loop.
pub(crate) struct Inbox(Mutex<State>);

struct State {
    events: VecDeque<(Incoming, usize)>,
    bytes: usize,
    end: Option<DisconnectReason>,
    waker: Option<Waker>,
}

impl<D> Events<D> {
    pub(crate) fn new(socket: Socket<D>) -> (Self, Arc<Inbox>) {
        let state = State {
            events: VecDeque::new(),
            bytes: 0,
            end: None,
            waker: None,
        };
        let inbox = Arc::new(Inbox(Mutex::new(state)));
        (
            Self {
                socket,
                inbox: Arc::clone(&inbox),
            },
            inbox,
        )
    }

    /// The client.
    #[must_use]
    pub fn socket(&self) -> &Socket<D> {
        &self.socket
    }

    /// The next event; `None` when the socket has been disconnected. Cancel safe.
    ///
    /// Events that nobody takes make the server stop reading from this client.
    pub async fn recv(&mut self) -> Option<Incoming> {
        poll_fn(|cx| self.inbox.poll(cx.waker())).await
    }

    /// Answers the client, if it waits for that. Only the first answer to an event is sent.
    ///
    /// # Errors
    /// [`SendError::Encode`].
    pub fn answer<P: IntoArgs + ?Sized>(
        &self,
        event: &mut Incoming,
        payload: &P,
    ) -> Result<(), SendError> {
        match event.ack.take() {
            Some(id) => self.socket.core().answer(id, payload),
            None => Ok(()),
        }
    }

    /// Why the socket was disconnected, once it was.
    #[must_use]
    pub fn reason(&self) -> Option<DisconnectReason> {
        self.inbox.0.lock().end
    }
}

impl<D> fmt::Debug for Events<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("socket", &self.socket)
            .finish_non_exhaustive()
    }
}

impl Inbox {
    fn poll(&self, waker: &Waker) -> Poll<Option<Incoming>> {
        let mut state = self.0.lock();
        if let Some((event, bytes)) = state.events.pop_front() {
            state.bytes -= bytes;
            return Poll::Ready(Some(event));
        }
        if state.end.is_some() {
            return Poll::Ready(None);
        }
        state.waker = Some(waker.clone());
        Poll::Pending
    }

    pub(crate) fn push(&self, event: Incoming, bytes: usize) {
        let mut state = self.0.lock();
        state.bytes += bytes;
        state.events.push_back((event, bytes));
        wake(state);
    }

    /// Events that nobody has taken are dropped.
    pub(crate) fn end(&self, reason: DisconnectReason) {
        let mut state = self.0.lock();
        state.end = Some(reason);
        state.events.clear();
        wake(state);
    }

    pub(crate) fn bytes(&self) -> usize {
        self.0.lock().bytes
    }
}

fn wake(mut state: crate::sync::MutexGuard<'_, State>) {
    let waker = state.waker.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}
