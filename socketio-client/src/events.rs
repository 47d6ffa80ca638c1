//! [`Events`]: what happens to a socket as a loop, for those who prefer one to handlers.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

use socketio_proto::DisconnectReason;

use crate::error::ConnectFailed;
use crate::incoming::Incoming;
use crate::listeners::Happening;
use crate::order::Order;
use crate::socket::Socket;
use crate::sync::{Arc, AtomicUsize, Mutex, Ordering};

/// Something that happened to a socket.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SocketEvent {
    /// It is connected.
    Connected {
        /// With the session of before: what was missed has come out already.
        recovered: bool,
    },
    /// An attempt to connect failed.
    ConnectFailed(ConnectFailed),
    /// The server sent an event. One that [wants an answer](Incoming::wants_ack) gets it by
    /// [`Incoming::answer`], or by a handler if there is one.
    Event(Incoming),
    /// It was connected, and is no longer.
    Disconnected(DisconnectReason),
}

/// What happens to a socket from [`Socket::events`] on, in order.
///
/// What nobody takes is kept, up to 16 MiB (see
/// [`Builder::max_inbox`](crate::Builder::max_inbox)); then nothing more is read from the server,
/// which gives the client up when its pings stay without answer.
#[derive(Debug)]
pub struct Events {
    socket: Socket,
    queue: Arc<Queue>,
}

#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    /// Bytes of all queues of the socket, and of its lane.
    held: Arc<AtomicUsize>,
}

#[derive(Debug, Default)]
struct State {
    events: VecDeque<(SocketEvent, usize)>,
    waker: Option<Waker>,
}

impl Events {
    pub(crate) fn new(socket: Socket, held: Arc<AtomicUsize>) -> Self {
        let state = Mutex::default();
        let queue = Arc::new(Queue { state, held });
        Self { socket, queue }
    }

    pub(crate) fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }

    /// The socket.
    #[must_use]
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// The next thing that happens. It waits through disconnects: a socket can come back. Cancel
    /// safe.
    pub async fn next(&mut self) -> SocketEvent {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// As [`Events::next`], without `async`.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<SocketEvent> {
        let Some((event, size)) = self.queue.poll(cx) else {
            return Poll::Pending;
        };
        self.release(size);
        Poll::Ready(event)
    }

    /// Tells the connection's task when it may read on.
    fn release(&self, size: usize) {
        let before = self.queue.held.fetch_sub(size, Ordering::Relaxed);
        let limit = self.socket.shared().max_inbox;
        if before > limit && before - size <= limit {
            self.socket.shared().order(Order::Wake);
        }
    }

    /// The next event of the server, whatever else happens meanwhile. Cancel safe.
    pub async fn recv(&mut self) -> Incoming {
        loop {
            if let SocketEvent::Event(event) = self.next().await {
                return event;
            }
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let events = std::mem::take(&mut self.queue.state.lock().events);
        self.release(events.iter().map(|(_, size)| size).sum());
    }
}

/// Bytes that a connect or a disconnect takes: a client that comes back for ever must not fill
/// the memory of whoever does not look.
const STATE_COST: usize = size_of::<SocketEvent>();

impl Queue {
    pub(crate) fn push(&self, what: &Happening) {
        let (event, size) = match what {
            Happening::Connected { recovered } => {
                let recovered = *recovered;
                (SocketEvent::Connected { recovered }, STATE_COST)
            }
            // of those in a row only the last is kept
            Happening::ConnectFailed(error) => (SocketEvent::ConnectFailed(error.clone()), 0),
            Happening::Event(event) => (SocketEvent::Event(event.clone()), event.size()),
            Happening::Disconnected(reason) => (SocketEvent::Disconnected(*reason), STATE_COST),
        };
        self.held.fetch_add(size, Ordering::Relaxed);
        let mut state = self.state.lock();
        if let (SocketEvent::ConnectFailed(_), Some((SocketEvent::ConnectFailed(_), _))) =
            (&event, state.events.back())
        {
            // whoever does not listen while nothing connects learns of the last failure
            state.events.pop_back();
        }
        state.events.push_back((event, size));
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn poll(&self, cx: &Context<'_>) -> Option<(SocketEvent, usize)> {
        let mut state = self.state.lock();
        let event = state.events.pop_front();
        if event.is_none() {
            state.waker = Some(cx.waker().clone());
        }
        event
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let events = &self.state.lock().events;
        let bytes = events.iter().map(|(_, size)| size).sum();
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }
}
