//! Emitting: an event, how it is sent, and what waits for its answer.

use std::time::Duration;

use socketio_proto::client::Emit;
use socketio_proto::{Body, EncodeError, Event, FromArgs, IntoArgs, RawArgs, SendError};
use tokio::sync::oneshot;

use super::Socket;
use crate::ack::AckFuture;
use crate::order::{Order, Waiter};

/// An emit that is done differently: made by [`Socket::volatile`] and [`Socket::timeout`].
#[derive(Clone, Debug)]
#[must_use = "it only emits when it is told what"]
pub struct Emitter<'a> {
    socket: &'a Socket,
    options: Emit,
}

impl<'a> Emitter<'a> {
    pub(super) fn new(socket: &'a Socket) -> Self {
        let options = Emit::default();
        Self { socket, options }
    }

    /// The event is dropped when the socket is not connected, or something that was sent before
    /// still waits to leave.
    pub fn volatile(mut self) -> Self {
        self.options = self.options.volatile();
        self
    }

    /// How long the answer may take, counted from the emit; with [retries](Socket::retries), the
    /// answer to each sending of the event.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options = self.options.timeout(Some(timeout));
        self
    }

    /// As [`Socket::emit`].
    ///
    /// # Errors
    /// As there.
    pub fn emit<P: IntoArgs + ?Sized>(&self, event: &str, payload: &P) -> Result<(), SendError> {
        self.send(event, payload, self.options, None)
    }

    /// As [`Socket::emit_with_ack`].
    pub fn emit_with_ack<R: FromArgs>(
        &self,
        event: &str,
        payload: &(impl IntoArgs + ?Sized),
    ) -> AckFuture<R> {
        let Self { socket, options } = self;
        let emit = socket.shared().emit_id();
        let (waiter, receiver) = oneshot::channel();
        match self.send(event, payload, options.ack(emit), Some(waiter)) {
            Ok(()) => {
                let namespace = socket.core.namespace.clone();
                AckFuture::waiting(socket.client.clone(), namespace, emit, receiver)
            }
            Err(error) => AckFuture::failed(error),
        }
    }

    /// As [`Socket::notify`].
    ///
    /// # Errors
    /// As there.
    pub fn notify<E: Event>(&self, event: &E) -> Result<(), SendError> {
        self.emit(E::NAME, event)
    }

    /// As [`Socket::call`].
    pub fn call<E: Event>(&self, event: &E) -> AckFuture<E::Ack> {
        self.emit_with_ack(E::NAME, event)
    }

    fn send<P: IntoArgs + ?Sized>(
        &self,
        event: &str,
        payload: &P,
        options: Emit,
        waiter: Option<Waiter>,
    ) -> Result<(), SendError> {
        let args = RawArgs::encode(payload)?;
        self.check(event, &args)?;
        let namespace = self.socket.core.namespace.clone();
        self.socket.shared().send(Order::Emit {
            namespace,
            name: event.into(),
            args,
            options,
            waiter,
        })
    }

    /// Finds here what the connection's task would find: there, nobody could be told.
    fn check(&self, event: &str, args: &RawArgs) -> Result<(), EncodeError> {
        if socketio_proto::is_reserved(event) {
            return Err(EncodeError::Reserved);
        }
        let namespace = &self.socket.core.namespace;
        self.socket.shared().check(namespace, args, || Body::Event {
            name: event.into(),
            args: args.clone(),
            ack: None,
        })
    }
}
