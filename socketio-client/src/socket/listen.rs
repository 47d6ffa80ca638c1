//! Listening: handlers that come and go at any time.

use std::future::Future;
use std::marker::PhantomData;

use engineio::Text;
use socketio_proto::answer::Answer;
use socketio_proto::{Ack, DisconnectReason, Event, EventError, FromArgs};

use super::Socket;
use crate::error::ConnectFailed;
use crate::events::Events;
use crate::incoming::{Incoming, Outgoing};
use crate::listeners::{Happening, Listener, ListenerId, Place, Raw, State, Typed};
use crate::order::Order;
use crate::sync::Arc;

/// Listeners. They can be added and removed at any time; what happens to a socket reaches them in
/// order, one after the other: while one waits, those of this socket that come after it do too,
/// and nothing else does.
impl Socket {
    /// Calls `handler` for each event of that name, with its payload: the first argument, or
    /// [`Args`](crate::Args) for several. What it returns is the ack, if the server asked for one:
    /// nothing for an empty one, [`Ack`] with arguments, [`NoAck`](crate::NoAck) for none. Of
    /// several listeners the first that answers is heard.
    pub fn on<P, A, F, Fut>(&self, event: impl Into<Text>, handler: F) -> ListenerId
    where
        F: FnOnce(Self, P) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = A> + Send + 'static,
        P: FromArgs + 'static,
        A: Answer + 'static,
    {
        self.listen(event.into(), false, Typed(handler, PhantomData))
    }

    /// As [`Socket::on`], for the next event of that name only.
    pub fn once<P, A, F, Fut>(&self, event: impl Into<Text>, handler: F) -> ListenerId
    where
        F: FnOnce(Self, P) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = A> + Send + 'static,
        P: FromArgs + 'static,
        A: Answer + 'static,
    {
        self.listen(event.into(), true, Typed(handler, PhantomData))
    }

    /// As [`Socket::on`], with the event undecoded.
    pub fn on_raw<A, F, Fut>(&self, event: impl Into<Text>, handler: F) -> ListenerId
    where
        F: FnOnce(Self, Incoming) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = A> + Send + 'static,
        A: Answer + 'static,
    {
        self.listen(event.into(), false, Raw(handler))
    }

    /// Calls `handler` for each event of a type that both ends share; what it returns is the ack.
    pub fn handle<E, F, Fut>(&self, handler: F) -> ListenerId
    where
        E: Event,
        F: FnOnce(Self, E) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = E::Ack> + Send + 'static,
    {
        let handler = move |socket: Self, event: E| {
            let answer = handler(socket, event);
            async move { Ack(answer.await) }
        };
        self.on(E::NAME, handler)
    }

    /// Calls `handler` each time the socket was connected, with whether the session of before was
    /// recovered. What the server sent while the socket was away has been handled by then.
    pub fn on_connect<F, Fut>(&self, handler: F) -> ListenerId
    where
        F: FnOnce(Self, bool) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future + Send + 'static,
    {
        self.on_state(
            &Happening::Connected { recovered: false },
            State(move |socket, what| match what {
                Happening::Connected { recovered } => Some((handler.clone())(socket, recovered)),
                _ => None,
            }),
        )
    }

    /// Calls `handler` for each attempt to connect that failed. After a refusal nothing is tried
    /// again before [`Socket::connect`], which may be called here.
    pub fn on_connect_error<F, Fut>(&self, handler: F) -> ListenerId
    where
        F: FnOnce(Self, ConnectFailed) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future + Send + 'static,
    {
        self.on_state(
            &Happening::ConnectFailed(ConnectFailed::Disconnected),
            State(move |socket, what| match what {
                Happening::ConnectFailed(error) => Some((handler.clone())(socket, error)),
                _ => None,
            }),
        )
    }

    /// Calls `handler` each time the socket was disconnected: once for each connect.
    pub fn on_disconnect<F, Fut>(&self, handler: F) -> ListenerId
    where
        F: FnOnce(Self, DisconnectReason) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future + Send + 'static,
    {
        self.on_state(
            &Happening::Disconnected(DisconnectReason::TransportClose),
            State(move |socket, what| match what {
                Happening::Disconnected(reason) => Some((handler.clone())(socket, reason)),
                _ => None,
            }),
        )
    }

    /// Calls `handler` for every event, before the listeners for its name.
    pub fn on_any(&self, handler: impl Fn(&Self, &Incoming) + Send + Sync + 'static) -> ListenerId {
        let mut listeners = self.core.listeners.lock();
        listeners.on_any(Place::Last, Arc::new(handler))
    }

    /// As [`Socket::on_any`], before those that are there.
    pub fn prepend_any(
        &self,
        handler: impl Fn(&Self, &Incoming) + Send + Sync + 'static,
    ) -> ListenerId {
        let mut listeners = self.core.listeners.lock();
        listeners.on_any(Place::First, Arc::new(handler))
    }

    /// Calls `handler` for every event of ours when it leaves: at the emit, or when the socket is
    /// connected again. Acks are no events.
    pub fn on_any_outgoing(
        &self,
        handler: impl Fn(&Self, &Outgoing) + Send + Sync + 'static,
    ) -> ListenerId {
        self.watch_outgoing(Place::Last, handler)
    }

    /// As [`Socket::on_any_outgoing`], before those that are there.
    pub fn prepend_any_outgoing(
        &self,
        handler: impl Fn(&Self, &Outgoing) + Send + Sync + 'static,
    ) -> ListenerId {
        self.watch_outgoing(Place::First, handler)
    }

    /// Calls `handler` for what goes wrong in handlers: payloads that do not decode, answers that
    /// cannot be sent, panics. One for the socket; without it they are warnings of `tracing`.
    pub fn on_error(&self, handler: impl Fn(&Self, &EventError) + Send + Sync + 'static) {
        let before = self.core.listeners.lock().error.replace(Arc::new(handler));
        drop(before);
    }

    /// Removes the listeners for events of that name.
    pub fn off(&self, event: &str) {
        let gone = self.core.listeners.lock().off(event);
        drop(gone);
    }

    /// Removes one listener of any kind. Whether it was there.
    pub fn off_listener(&self, id: ListenerId) -> bool {
        let (found, gone) = self.core.listeners.lock().off_listener(id);
        drop(gone);
        found
    }

    /// Removes all listeners for events and for connects, their failures and disconnects.
    pub fn off_all(&self) {
        let gone = self.core.listeners.lock().off_all();
        drop(gone);
    }

    /// Removes what was added by [`Socket::on_any`] and [`Socket::prepend_any`].
    pub fn off_any(&self) {
        let gone = self.core.listeners.lock().off_any();
        drop(gone);
    }

    /// Removes what was added by [`Socket::on_any_outgoing`] and
    /// [`Socket::prepend_any_outgoing`].
    pub fn off_any_outgoing(&self) {
        let gone = self.core.listeners.lock().off_any_outgoing();
        drop(gone);
    }

    /// How many listeners events of that name have.
    #[must_use]
    pub fn listeners(&self, event: &str) -> usize {
        self.core.listeners.lock().count(event)
    }

    /// What happens to this socket from now on, as a loop. Handlers hear of it too, and several
    /// loops each of all of it.
    #[must_use]
    pub fn events(&self) -> Events {
        let events = Events::new(self.clone(), Arc::clone(&self.core.held));
        self.core.listeners.lock().watch(events.queue());
        events
    }

    fn listen(&self, event: Text, once: bool, listener: impl Listener + 'static) -> ListenerId {
        let mut listeners = self.core.listeners.lock();
        listeners.on(event, once, Arc::new(listener))
    }

    fn on_state(&self, like: &Happening, listener: impl Listener + 'static) -> ListenerId {
        let mut listeners = self.core.listeners.lock();
        listeners.on_state(like, Arc::new(listener))
    }

    fn watch_outgoing(
        &self,
        place: Place,
        handler: impl Fn(&Self, &Outgoing) + Send + Sync + 'static,
    ) -> ListenerId {
        let mut listeners = self.core.listeners.lock();
        let id = listeners.on_any_outgoing(place, Arc::new(handler));
        drop(listeners);
        let mut settings = self.core.settings.lock();
        settings.watch_sent = true;
        self.shared().order(Order::Configure {
            namespace: self.core.namespace.clone(),
            settings: *settings,
        });
        id
    }
}
