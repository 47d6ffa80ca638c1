//! What a namespace does when its clients come, say something, and go.

use std::future::{Future, ready};
use std::marker::PhantomData;

use engineio::Text;
use serde::Serialize;
use socketio_proto::answer::{Ack, Answer, Answered, into_args};
use socketio_proto::{DisconnectReason, Event, EventError, FromArgs, RawArgs, Refused};

use super::{Namespace, NamespaceHandle};
use crate::events::Events;
use crate::handler::{Answering, Incoming, Listener, Raw, Typed, give};
use crate::outgoing::Outgoing;
use crate::rooms::RoomEvent;
use crate::socket::Socket;
use crate::trace::warning;

impl<D: Send + Sync + 'static, N> Namespace<D, N> {
    /// Runs when a client has connected, after it was told so and before any of its events.
    pub fn on_connect<F, Fut>(mut self, handler: F) -> Self
    where
        F: FnOnce(Socket<D>) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future + Send + 'static,
    {
        self.definition
            .handlers
            .connect
            .push(Box::new(move |socket| {
                let future = (handler.clone())(socket);
                Box::pin(async move {
                    future.await;
                    Ok(Answered::Default)
                })
            }));
        self
    }

    /// Runs for each event of that name. The payload type is read from the first argument, or
    /// from several with [`Args`](socketio_proto::Args); the answer is the ack.
    ///
    /// A second listener for a name runs after the first; the first that answers is heard. A
    /// payload that does not decode goes to [`Namespace::on_error`].
    pub fn on<P, A, F, Fut>(mut self, event: impl Into<Text>, handler: F) -> Self
    where
        F: FnOnce(Socket<D>, P) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = A> + Send + 'static,
        P: FromArgs + 'static,
        A: Answer + 'static,
    {
        let listener = Box::new(Typed {
            handler,
            payload: PhantomData,
        });
        self.definition.handlers.events.push(event.into(), listener);
        self
    }

    /// Runs for each event of that name, and gets it as it came: undecoded, and with the
    /// knowledge whether an ack is wanted. For relays and the like.
    pub fn on_raw<A, F, Fut>(mut self, event: impl Into<Text>, handler: F) -> Self
    where
        F: FnOnce(Socket<D>, Incoming) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = A> + Send + 'static,
        A: Answer + 'static,
    {
        let listener: Box<dyn Listener<D>> = Box::new(Raw(handler));
        self.definition.handlers.events.push(event.into(), listener);
        self
    }

    /// Runs for a typed event: name and ack come from its type, which server and client share.
    pub fn handle<E, F, Fut>(self, handler: F) -> Self
    where
        E: Event,
        F: FnOnce(Socket<D>, E) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = E::Ack> + Send + 'static,
    {
        self.on(E::NAME, move |socket, event: E| {
            let future = handler(socket, event);
            async move { Ack(future.await) }
        })
    }

    /// Runs for events that no other listener is for.
    pub fn fallback<A, F, Fut>(mut self, handler: F) -> Self
    where
        F: FnOnce(Socket<D>, Incoming) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = A> + Send + 'static,
        A: Answer + 'static,
    {
        let listener: Box<dyn Listener<D>> = Box::new(Raw(handler));
        self.definition.handlers.fallback.push(listener);
        self
    }

    /// Runs once after each connect, when the socket has left its rooms. It waits for the
    /// handler that still runs, but no longer than 5 s.
    pub fn on_disconnect<F, Fut>(mut self, handler: F) -> Self
    where
        F: FnOnce(Socket<D>, DisconnectReason) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future + Send + 'static,
    {
        self.definition
            .handlers
            .disconnect
            .push(Box::new(move |socket, reason| {
                let future = (handler.clone())(socket, reason);
                Box::pin(async move {
                    future.await;
                    Ok(Answered::Default)
                })
            }));
        self
    }

    /// Hears of payloads that do not decode and of panics. What it returns is the ack, if it
    /// is [`Ack`]; `()` sends none, so that the client's wait ends as a failure.
    pub fn on_error<A, F>(mut self, handler: F) -> Self
    where
        F: Fn(&Socket<D>, &EventError) -> A + Send + Sync + 'static,
        A: Answer,
    {
        self.definition.handlers.error = Some(Box::new(move |socket, error, ack| {
            give(handler(socket, error), socket.core(), ack)
        }));
        self
    }

    /// Gives all events of a socket to one loop instead of handlers.
    ///
    /// The loop runs in the connection's task from connect on; the socket stays connected when
    /// it ends. It sees the disconnect as `None`.
    pub fn serve<F, Fut>(mut self, run: F) -> Self
    where
        F: FnOnce(Events<D>) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.definition.handlers.serve =
            Some(Box::new(move |events| Box::pin((run.clone())(events))));
        self
    }

    /// How many events of one socket may be handled at the same time. Default 1: strict order.
    /// They are always started in order.
    pub fn max_in_flight(mut self, count: usize) -> Self {
        self.definition.handlers.max_in_flight = count.max(1);
        self
    }

    /// Judges each event before its listeners run; Node's `socket.use`. Several are asked in
    /// the order in which they were added, the next one when the one before has agreed.
    ///
    /// An event that is refused reaches [`Namespace::on_error`], which may answer it, and
    /// nobody else. The loop of [`Namespace::serve`] gets all events itself.
    pub fn before_event<F, Fut>(mut self, judge: F) -> Self
    where
        F: FnOnce(Socket<D>, Incoming) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Refused>> + Send + 'static,
    {
        let judge = Box::new(move |socket, event| {
            let judging = (judge.clone())(socket, event);
            Box::pin(judging) as _
        });
        self.definition.handlers.before_event.push(judge);
        self
    }

    /// Sees every event of a client, before anything else does; Node's `onAny`.
    pub fn on_any<F>(mut self, observer: F) -> Self
    where
        F: Fn(&Socket<D>, &Incoming) + Send + Sync + 'static,
    {
        self.definition.handlers.any.push(Box::new(observer));
        self
    }

    /// Sees every event that is sent to a client, once for each client; Node's `onAnyOutgoing`.
    /// Broadcasts are seen too, acknowledgements are not. Runs where the event is sent,
    /// after it: what it emits to the same namespace, it sees too.
    pub fn on_any_outgoing<F>(mut self, observer: F) -> Self
    where
        F: Fn(&Socket<D>, &Outgoing<'_>) + Send + Sync + 'static,
    {
        self.definition
            .handlers
            .any_outgoing
            .push(Box::new(observer));
        self
    }

    /// Runs when a socket is being disconnected and is still in its rooms; Node's
    /// `disconnecting`. It cannot wait: [`Namespace::on_disconnect`] can.
    pub fn on_disconnecting<F>(mut self, handler: F) -> Self
    where
        F: Fn(&Socket<D>, DisconnectReason) + Send + Sync + 'static,
    {
        self.definition
            .handlers
            .disconnecting
            .push(Box::new(handler));
        self
    }

    /// Sees rooms come into being, get and lose members, and vanish; Node's `create-room`,
    /// `join-room`, `leave-room` and `delete-room`. Runs after that, in the order in which it
    /// happens: where two threads do something at the same time, one of them tells both.
    pub fn on_room_event<F>(mut self, observer: F) -> Self
    where
        F: Fn(&RoomEvent) + Send + Sync + 'static,
    {
        self.definition
            .handlers
            .room_events
            .push(Box::new(observer));
        self
    }

    /// What others may know of a socket's data: [`RemoteSocket::data`](crate::RemoteSocket)
    /// reads it. By default nothing.
    pub fn share_data<T, F>(mut self, share: F) -> Self
    where
        T: Serialize,
        F: Fn(&D) -> T + Send + Sync + 'static,
    {
        self.definition.handlers.share_data = Some(Box::new(move |data| {
            serde_json::to_string(&share(data)).ok().map(Text::from)
        }));
        self
    }

    /// Runs when the connection of a client moves to another transport; Node's
    /// `socket.conn.on("upgrade")`.
    pub fn on_upgrade<F>(mut self, handler: F) -> Self
    where
        F: Fn(&Socket<D>) + Send + Sync + 'static,
    {
        self.definition.handlers.upgrade.push(Box::new(handler));
        self
    }

    /// Runs for each event of that name that another server emits with
    /// [`server_side_emit`](NamespaceHandle::server_side_emit); Node's `io.on`. The first
    /// listener that answers is heard. A payload that does not decode is a warning, and no
    /// answer.
    pub fn on_server<P, A, F, Fut>(mut self, event: impl Into<Text>, handler: F) -> Self
    where
        F: FnOnce(NamespaceHandle<D>, P) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = A> + Send + 'static,
        P: FromArgs + 'static,
        A: Answer + 'static,
    {
        let event = event.into();
        let name = event.clone();
        let listener = Box::new(move |namespace, args: RawArgs| -> Answering {
            match args.read() {
                Ok(payload) => {
                    let answer = (handler.clone())(namespace, payload);
                    Box::pin(async move { into_args(answer.await).ok().flatten() })
                }
                Err(error) => {
                    warning!("server-side event {name:?}: the payload does not decode: {error}");
                    Box::pin(ready(None))
                }
            }
        });
        let events = &mut self.definition.handlers.server_events;
        events.push(event, listener);
        self
    }
}
