//! [`SocketCore`]: a socket without the type of its data.

use std::fmt;
use std::task::Waker;
use std::time::Duration;

use socketio_proto::{AckId, DisconnectReason, EventErrorKind, FromArgs, IntoArgs, SocketId};

use crate::ack::{AckFuture, Patience, Waiter};
use crate::clock;
use crate::connection::{Command, Connection};
use crate::core::{Core, NamespaceCore, Seat, Settings};
use crate::error::{AckError, SendError};
use crate::handshake::Handshake;
use crate::outgoing::Outgoing;
use crate::recovery::{History, Kept};
use crate::rooms::{Rooms, Selection, Slot};
use crate::sync::{Arc, Mutex};
use crate::trace::Shown;

/// What a socket is, whatever its namespace keeps with it.
pub(crate) struct SocketCore {
    pub(super) id: SocketId,
    pub(super) slot: Slot,
    /// The newest event when it connected.
    pub(crate) start: u64,
    pub(super) recovered: bool,
    pub(super) server: Arc<Core>,
    pub(super) namespace: Arc<NamespaceCore>,
    pub(super) connection: Arc<Connection>,
    pub(super) handshake: Handshake,
    pub(super) end: Mutex<End>,
}

pub(super) enum End {
    /// It is connected: those who wait for the end.
    Awaited(Vec<Waker>),
    Come {
        reason: DisconnectReason,
        detail: Option<Box<str>>,
    },
}

impl fmt::Debug for SocketCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketCore")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl SocketCore {
    /// Registers a socket in its namespace.
    pub(crate) fn register(
        id: SocketId,
        server: Arc<Core>,
        namespace: Arc<NamespaceCore>,
        connection: Arc<Connection>,
        handshake: Handshake,
    ) -> Self {
        let seat = namespace.add(id.clone(), Arc::clone(&connection));
        Self::seated(id, &seat, false, server, namespace, connection, handshake)
    }

    /// A socket that has its place already.
    pub(crate) fn seated(
        id: SocketId,
        seat: &Seat,
        recovered: bool,
        server: Arc<Core>,
        namespace: Arc<NamespaceCore>,
        connection: Arc<Connection>,
        handshake: Handshake,
    ) -> Self {
        let (slot, start) = (seat.slot, seat.newest);
        let end = Mutex::new(End::Awaited(Vec::new()));
        Self {
            id,
            slot,
            start,
            recovered,
            server,
            namespace,
            connection,
            handshake,
            end,
        }
    }

    pub(crate) fn home(&self) -> &Arc<NamespaceCore> {
        &self.namespace
    }

    /// Leaves a message for the connection's task.
    pub(crate) fn command(&self, command: Command) -> bool {
        self.connection.command(command)
    }

    /// Tells the client to leave.
    pub(crate) fn put_out(&self) {
        let (namespace, socket) = (self.namespace.id.clone(), self.id.clone());
        self.command(Command::Disconnect { namespace, socket });
    }

    /// Takes it out of its rooms and its namespace, once. What rooms it was in, where that may
    /// be asked for.
    pub(crate) fn end(&self, reason: DisconnectReason) -> Option<History> {
        let wakers = {
            let mut end = self.end.lock();
            let End::Awaited(wakers) = &mut *end else {
                return None;
            };
            let wakers = std::mem::take(wakers);
            let detail = self.connection.handle.close_detail();
            *end = End::Come { reason, detail };
            wakers
        };
        let history = self.namespace.remove(self.slot);
        wakers.into_iter().for_each(Waker::wake);
        history
    }

    /// Reaches the room index; `None` after the disconnect, when the slot may be another's.
    pub(super) fn with_rooms<R>(&self, f: impl FnOnce(&mut Rooms, Slot) -> R) -> Option<R> {
        let result = {
            // held until `f` is done: `end` gives the slot away only afterwards
            let end = self.end.lock();
            let End::Awaited(_) = &*end else {
                return None;
            };
            self.namespace.change(|rooms| f(rooms, self.slot))
        };
        self.namespace.tell();
        Some(result)
    }

    /// The id as logs show it.
    pub(crate) fn shown(&self) -> Shown<'_> {
        Shown(&self.id, self.handshake.request().protocol())
    }

    pub(super) fn is_connected(&self) -> bool {
        matches!(&*self.end.lock(), End::Awaited(_))
    }

    pub(crate) fn count_failed(&self, kind: &EventErrorKind) {
        self.server.counters.failed(kind);
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.server.settings
    }

    pub(crate) fn answer<P: IntoArgs + ?Sized>(
        &self,
        id: AckId,
        payload: &P,
    ) -> Result<(), SendError> {
        let Settings {
            parser, protocol, ..
        } = self.settings();
        let batch = parser.ack(&self.namespace.id, id, payload, &protocol.limits)?;
        if self.is_connected() {
            self.connection.handle.send(batch)?;
        }
        Ok(())
    }

    pub(super) fn emit<P: IntoArgs + ?Sized>(
        &self,
        event: &str,
        payload: &P,
        ack: Option<AckId>,
        how: How,
    ) -> Result<(), SendError> {
        let Settings {
            parser, protocol, ..
        } = self.settings();
        let namespace = &self.namespace;
        if namespace.recovers && ack.is_none() && !matches!(how, How::Volatile) {
            return self.emit_kept(event, payload, how);
        }
        let batch = parser.event(&namespace.id, event, payload, ack, &protocol.limits)?;
        if !self.is_connected() {
            return Err(SendError::Closed);
        }
        match how {
            How::Queue => self.connection.handle.send(batch)?,
            How::IfRoom => self.connection.handle.try_send(batch)?,
            How::Volatile => {
                if !self.connection.handle.send_volatile(batch)? {
                    return Ok(());
                }
            }
        }
        self.show(event, payload);
        Ok(())
    }

    fn show<P: IntoArgs + ?Sized>(&self, event: &str, payload: &P) {
        if self.namespace.is_observed()
            && let Some(outgoing) = Outgoing::new(event, payload)
        {
            self.namespace.show(&[(self.slot, &self.id)], &outgoing);
        }
    }

    /// Sends an event that the client may recover when it misses it.
    fn emit_kept<P: IntoArgs + ?Sized>(
        &self,
        event: &str,
        payload: &P,
        how: How,
    ) -> Result<(), SendError> {
        if !self.is_connected() {
            return Err(SendError::Closed);
        }
        let kept = Kept::new(self.settings(), &self.namespace.id, event, payload)?;
        if let How::IfRoom = how
            && !self.connection.handle.has_room(kept.size())
        {
            return Err(SendError::Full);
        }
        self.namespace
            .dispatch_kept(&Selection::one(self.id.clone()), |offset| {
                kept.encode(offset)
            })?;
        self.show(event, payload);
        Ok(())
    }

    pub(super) fn emit_with_ack<R: FromArgs, P: IntoArgs + ?Sized>(
        &self,
        event: &str,
        payload: &P,
        timeout: Option<Duration>,
        how: How,
    ) -> AckFuture<R> {
        let Some(id) = self.namespace.next_ack() else {
            return AckFuture::failed(AckError::TooMany);
        };
        let patience = match timeout {
            Some(timeout) => Patience::Until(clock::now() + timeout),
            None => Patience::AfterSending {
                position: self.connection.handle.position() + 1,
                wait: self.settings().ack_timeout,
            },
        };
        let (waiter, receiver) = Waiter::new(&self.server, patience);
        let namespace = self.namespace.id.clone();
        // known to the task before the client can have answered
        let expect = Command::ExpectAck {
            namespace: namespace.clone(),
            id,
            waiter,
        };
        if !self.connection.command(expect) {
            return AckFuture::failed(AckError::Disconnected);
        }
        match self.emit(event, payload, Some(id), how) {
            Ok(()) => {}
            Err(SendError::Closed) => return AckFuture::failed(AckError::Disconnected),
            Err(error) => return AckFuture::failed(AckError::Send(error)),
        }
        AckFuture::waiting(Arc::clone(&self.connection), namespace, id, receiver)
    }
}

/// What happens when the client does not keep up.
pub(super) enum How {
    Queue,
    IfRoom,
    Volatile,
}
