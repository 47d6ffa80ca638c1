//! [`NamespaceSession`]: one client in one namespace, inside the connection's task: the auth
//! step, then its events, one handler after another.

mod joined;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};
use std::time::Instant;

use engineio::Text;
use socketio_proto::server::Connection as Machine;
use socketio_proto::{AckId, ConnectError, DisconnectReason, RawArgs, Revision, SocketId};

use crate::afterlife;
use crate::connection::Connection;
use crate::core::Core;
use crate::handshake::Handshake;
use crate::namespace::{Joining, Mounted};
use crate::registry::{Lease, invalid_namespace};
use crate::socket::{Socket, SocketCore};
use crate::sync::Arc;
use crate::trace::debug;

use self::joined::Event;
pub(crate) use self::joined::{Job, Joined};

/// A session without the type of its data.
pub(crate) trait Session: Send {
    fn received(&mut self, name: Text, args: RawArgs, ack: Option<AckId>);

    /// Lets the auth step and handlers run.
    fn poll(&mut self, now: Instant, machine: &mut Machine, cx: &mut Context<'_>) -> Progress;

    /// Bytes of events that wait for handlers.
    fn inbox_bytes(&self) -> usize;

    /// The connection moved to another transport.
    fn upgraded(&self);

    fn disconnected(self: Box<Self>, reason: DisconnectReason);
}

/// What polling a session came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Waits,
    /// The client was accepted: its handlers run when it was told so.
    Accepted,
    Refused,
}

pub(crate) struct NamespaceSession<D> {
    namespace: Arc<Mounted<D>>,
    server: Arc<Core>,
    connection: Arc<Connection>,
    phase: Phase<D>,
    /// Keeps a namespace that came from a pattern in service.
    _lease: Option<Lease>,
}

enum Phase<D> {
    Joining {
        step: Joining<D>,
        handshake: Handshake,
    },
    Joined(Joined<D>),
}

impl<D: Send + Sync + 'static> NamespaceSession<D> {
    pub(crate) fn new(
        namespace: Arc<Mounted<D>>,
        server: Arc<Core>,
        connection: Arc<Connection>,
        handshake: Handshake,
        lease: Option<Lease>,
    ) -> Self {
        let join = AssertUnwindSafe(|| namespace.definition.join(handshake.clone()));
        let step = catch_unwind(join)
            .unwrap_or_else(|_| Box::pin(std::future::ready(Err(internal_error()))));
        Self {
            namespace,
            server,
            connection,
            phase: Phase::Joining { step, handshake },
            _lease: lease,
        }
    }

    /// Polls the auth step, and answers the client when it is done.
    fn join(&mut self, now: Instant, machine: &mut Machine, cx: &mut Context<'_>) -> Progress {
        let Phase::Joining { step, handshake } = &mut self.phase else {
            return Progress::Waits;
        };
        let polled = catch_unwind(AssertUnwindSafe(|| step.as_mut().poll(cx)));
        let result = match polled {
            Ok(Poll::Pending) => return Progress::Waits,
            Ok(Poll::Ready(result)) => result,
            Err(_) => Err(internal_error()),
        };
        let namespace = &self.namespace.core.id;
        let entropy = || {
            let mut entropy = [0; 15];
            getrandom::fill(&mut entropy).map(|()| SocketId::from_entropy(entropy))
        };
        let revision = machine.revision();
        let accepted = result.and_then(|data| {
            if !self.namespace.core.is_open() {
                return Err(invalid_namespace());
            }
            let id = match revision {
                // it makes the same by itself
                Revision::V4 => SocketId::of_session(namespace, &self.connection.handle.sid()),
                Revision::V5 => entropy().map_err(|_| internal_error())?,
            };
            machine
                .accept(now, namespace, id.clone(), None)
                .map_err(|_| internal_error())?;
            Ok((id, data))
        });
        match accepted {
            Ok((id, data)) => {
                let core = SocketCore::register(
                    id,
                    Arc::clone(&self.server),
                    Arc::clone(&self.namespace.core),
                    Arc::clone(&self.connection),
                    handshake.clone(),
                );
                let joined = Joined::new(Arc::clone(&self.namespace), Socket::new(core, data));
                debug!("socket {} joined {namespace}", joined.socket.core().shown());
                self.phase = Phase::Joined(joined);
                Progress::Accepted
            }
            Err(error) => {
                machine.refuse(now, namespace, &error).ok();
                Progress::Refused
            }
        }
    }
}

pub(crate) fn internal_error() -> ConnectError {
    ConnectError::new("internal server error")
}

impl<D: Send + Sync + 'static> Session for NamespaceSession<D> {
    fn received(&mut self, name: Text, args: RawArgs, ack: Option<AckId>) {
        if let Phase::Joined(joined) = &mut self.phase {
            joined.push(Event { name, args, ack });
        }
    }

    fn poll(&mut self, now: Instant, machine: &mut Machine, cx: &mut Context<'_>) -> Progress {
        match &mut self.phase {
            Phase::Joining { .. } => self.join(now, machine, cx),
            Phase::Joined(joined) => {
                joined.poll(cx);
                Progress::Waits
            }
        }
    }

    fn inbox_bytes(&self) -> usize {
        match &self.phase {
            Phase::Joined(joined) => joined.inbox_bytes(),
            Phase::Joining { .. } => 0,
        }
    }

    fn upgraded(&self) {
        if let Phase::Joined(joined) = &self.phase {
            joined.upgraded();
        }
    }

    fn disconnected(self: Box<Self>, reason: DisconnectReason) {
        if let Phase::Joined(joined) = self.phase {
            debug!("socket {} left: {reason}", joined.socket.core().shown());
            joined.end(reason);
            afterlife::start(self.server, joined, reason);
        }
    }
}
