//! How a client becomes a member of a namespace.

use std::task::{Context, Poll};
use std::time::Instant;

use socketio_proto::server::Connection as Machine;
use socketio_proto::{ConnectError, Revision, SessionKey, SocketId};

use crate::core::{Claim, Seat};
use crate::handshake::Handshake;
use crate::registry::invalid_namespace;
use crate::socket::{Socket, SocketCore};
use crate::sync::Arc;
use crate::trace::debug;

use super::step::{Back, Step, Stepped};
use super::{Joined, NamespaceSession, Phase, Progress, internal_error};

/// A client that was accepted, and does not know it yet.
pub(super) struct Accepted<D> {
    id: SocketId,
    key: Option<SessionKey>,
    data: D,
    handshake: Handshake,
}

impl<D: Send + Sync + 'static> NamespaceSession<D> {
    /// Polls what the client waits for, and answers it when that is done.
    pub(super) fn join(
        &mut self,
        now: Instant,
        machine: &mut Machine,
        cx: &mut Context<'_>,
    ) -> Progress {
        loop {
            let (polled, handshake) = match &mut self.phase {
                Phase::Joining { step, handshake } => match step.poll(cx) {
                    Poll::Pending => return Progress::Waits,
                    Poll::Ready(result) => (result, handshake.clone()),
                },
                Phase::Accepted(_) | Phase::Joined(_) => return Progress::Waits,
            };
            let admitted = match polled {
                Err(error) => Err(error),
                Ok(Stepped::Fresh(data)) => self.welcome(now, machine, data, handshake),
                Ok(Stepped::Back(back)) => {
                    let Some(joined) = back
                        .and_then(|back| self.welcome_back(now, machine, back, handshake.clone()))
                    else {
                        let step = Step::fresh(&self.namespace, &handshake);
                        self.phase = Phase::Joining { step, handshake };
                        continue;
                    };
                    Ok(Phase::Joined(joined))
                }
            };
            return match admitted {
                Ok(phase) => {
                    if let Phase::Joined(joined) = &phase {
                        self.joined(joined);
                    }
                    self.phase = phase;
                    Progress::Accepted
                }
                Err(error) => {
                    let namespace = &self.namespace.core.id;
                    self.server.counters.refused.add();
                    machine.refuse(now, namespace, &error).ok();
                    Progress::Refused
                }
            };
        }
    }

    /// It is a member.
    fn joined(&self, joined: &Joined<D>) {
        let namespace = &self.namespace.core.id;
        debug!("socket {} joined {namespace}", joined.socket.core().shown());
        self.server.counters.connected.add();
        // who removed the namespace just now did not see the socket
        if !self.namespace.core.is_open() {
            joined.socket.core().put_out();
        }
    }

    /// A new session.
    fn welcome(
        &self,
        now: Instant,
        machine: &mut Machine,
        data: D,
        handshake: Handshake,
    ) -> Result<Phase<D>, ConnectError> {
        let namespace = &self.namespace;
        if !namespace.core.is_open() {
            return Err(invalid_namespace());
        }
        let entropy = || {
            let mut entropy = [0; 15];
            let filled = getrandom::fill(&mut entropy).map_err(|_| internal_error());
            filled.map(|()| SocketId::from_entropy(entropy))
        };
        let (id, key) = match (machine.revision(), &namespace.sessions) {
            // it makes the same by itself, and cannot come back
            (Revision::V4, _) => {
                let sid = self.connection.handle.sid();
                (SocketId::of_session(&namespace.core.id, &sid), None)
            }
            (Revision::V5, Some(_)) => (entropy()?, Some(SessionKey::new(entropy()?.as_str()))),
            (Revision::V5, None) => (entropy()?, None),
        };
        machine
            .accept(now, &namespace.core.id, id.clone(), key.as_ref())
            .map_err(|_| internal_error())?;
        Ok(Phase::Accepted(Some(Box::new(Accepted {
            id,
            key,
            data,
            handshake,
        }))))
    }

    /// The client knows that it is in.
    pub(super) fn enter(&self, accepted: Accepted<D>) -> Joined<D> {
        let Accepted {
            id,
            key,
            data,
            handshake,
        } = accepted;
        let namespace = &self.namespace;
        let core = SocketCore::register(
            id,
            Arc::clone(&self.server),
            Arc::clone(&namespace.core),
            Arc::clone(&self.connection),
            handshake,
        );
        if let (Some(sessions), Some(key)) = (&namespace.sessions, &key) {
            sessions.live(key.clone(), self.connection.handle.clone());
        }
        let socket = Socket::new(core, Arc::new(data));
        let joined = Joined::new(Arc::clone(namespace), socket, key);
        self.joined(&joined);
        joined
    }

    /// The session that the client had; `None` when it misses something that is not known any
    /// more.
    fn welcome_back(
        &self,
        now: Instant,
        machine: &mut Machine,
        back: Box<Back<D>>,
        handshake: Handshake,
    ) -> Option<Joined<D>> {
        let Back { returning, offset } = *back;
        let namespace = &self.namespace;
        if !namespace.core.is_open() {
            return None;
        }
        let saved = returning.session()?;
        let claim = Claim {
            id: saved.id.clone(),
            history: &saved.history,
            start: saved.start,
            offset: offset.as_deref(),
        };
        let seat = namespace.core.readmit(&claim, &self.connection)?;
        let seat = Seat {
            newest: saved.start,
            ..seat
        };
        let id = saved.id.clone();
        let key = returning.key.clone();
        if machine
            .accept(now, &namespace.core.id, id.clone(), Some(&key))
            .is_err()
        {
            namespace.core.remove(seat.slot);
            return None;
        }
        let saved = returning.arrive(self.connection.handle.clone())?;
        let core = SocketCore::seated(
            id,
            &seat,
            true,
            Arc::clone(&self.server),
            Arc::clone(&namespace.core),
            Arc::clone(&self.connection),
            handshake,
        );
        let socket = Socket::new(core, saved.data);
        Some(Joined::new(Arc::clone(namespace), socket, Some(key)))
    }
}
