//! What happens on the connection, and what follows from it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use engineio::client::Event as EngineEvent;
use engineio::net::client::Connection as Engine;
use engineio::{CloseReason, Transport};
use socketio_proto::DisconnectReason;
use socketio_proto::client::{Event, Output};

use super::Driver;
use crate::auth::Auth;
use crate::clock;
use crate::error::ConnectFailed;
use crate::incoming::{Asked, Incoming};
use crate::listeners::Happening;
use crate::manager::ManagerEvent;
use crate::manager::machine::Next;
use crate::manager::unbounded;
use crate::trace::{debug, warning};

impl Driver {
    pub(super) fn on_engine_event(&mut self, event: EngineEvent) {
        let now = clock::now();
        match event {
            EngineEvent::Opened => {
                let attempt = self.dialing.opened();
                let transport = self.transport();
                self.observe(&ManagerEvent::Opened { transport });
                if let Some(attempt) = attempt {
                    self.observe(&ManagerEvent::Reconnected(attempt));
                }
                self.machine.handle_opened(now);
            }
            EngineEvent::Message(data) => self.machine.handle_data(now, data),
            EngineEvent::Upgraded => {
                let transport = self.transport();
                self.observe(&ManagerEvent::Upgraded { transport });
            }
            EngineEvent::Ping => self.observe(&ManagerEvent::Ping),
            EngineEvent::Closed(reason) => self.on_closed(reason),
            // nothing of it is ours
            _ => {}
        }
        self.carry_out();
    }

    fn transport(&self) -> Transport {
        let engine = self.engine.as_ref();
        engine.map_or(Transport::Polling, Engine::transport)
    }

    /// The connection ended by itself.
    fn on_closed(&mut self, reason: CloseReason) {
        let Some(engine) = self.engine.take() else {
            return;
        };
        let detail = engine.detail().cloned();
        let was_open = engine.handshake().is_some();
        self.leaving.push(engine);
        let error = ConnectFailed::Transport {
            reason,
            detail: detail.clone(),
        };
        if was_open {
            self.machine.handle_closed(clock::now(), reason);
            self.carry_out();
            self.observe(&ManagerEvent::Closed { reason, detail });
        } else {
            self.failed(&error);
        }
        self.come_back(&error);
    }

    /// An attempt to connect failed.
    fn failed(&mut self, error: &ConnectFailed) {
        debug!("no connection: {error}");
        self.observe(&ManagerEvent::Error(error.clone()));
        if self.dialing.is_reconnecting() {
            self.observe(&ManagerEvent::ReconnectError(error.clone()));
        }
        for (name, lane) in &mut self.lanes {
            if self.machine.is_active(name) {
                lane.push(Happening::ConnectFailed(error.clone()));
            }
        }
    }

    /// Tries again after `error`, if a socket still wants the connection.
    fn come_back(&mut self, error: &ConnectFailed) {
        if !self.machine.is_wanted() {
            return self.dialing.unwant();
        }
        match self.dialing.ended(clock::now(), random()) {
            Next::GaveUp => self.give_up(error),
            next => self.follow(next),
        }
    }

    fn give_up(&mut self, error: &ConnectFailed) {
        if self.dialing.reconnect.is_enabled() {
            self.observe(&ManagerEvent::ReconnectFailed);
        }
        for lane in self.lanes.values_mut() {
            lane.settle(&Err(error.clone()));
        }
    }

    /// Does what the dialing machine says.
    pub(super) fn follow(&mut self, next: Next) {
        match next {
            Next::Nothing => {}
            Next::Dial(attempt) => {
                if attempt > 0 {
                    self.observe(&ManagerEvent::ReconnectAttempt(attempt));
                }
                // an observer may have changed them for this very attempt
                if let Some(options) = self.shared.take_changed_options()
                    && let Err(error) = self.client.set_options(unbounded(options))
                {
                    warning!("the new options cannot be used: {error}");
                }
                self.engine = Some(self.client.connect());
            }
            Next::GaveUp => self.give_up(&ConnectFailed::Transport {
                reason: CloseReason::TransportClose,
                detail: None,
            }),
        }
    }

    /// Closes the connection, if there is one, and lets what was sent leave.
    pub(super) fn leave(&mut self, reason: CloseReason) {
        let Some(mut engine) = self.engine.take() else {
            return;
        };
        engine.close(reason);
        let was_open = engine.handshake().is_some();
        self.leaving.push(engine);
        if was_open {
            let detail = None;
            self.observe(&ManagerEvent::Closed { reason, detail });
        }
    }

    /// Does what the protocol's machine says.
    pub(super) fn carry_out(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Send(batch) => {
                    if let Some(engine) = &mut self.engine
                        && let Err(error) = engine.send(batch)
                    {
                        // it has ended, and is about to say so
                        debug!("not sent: {error}");
                    }
                }
                Output::Close(reason) => {
                    self.leave(reason);
                    self.come_back(&ConnectFailed::Transport {
                        reason,
                        detail: None,
                    });
                }
                Output::Event(event) => self.on_event(event),
            }
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::AuthNeeded { namespace, attempt } => {
                let Some(lane) = self.lanes.get(&namespace) else {
                    return;
                };
                let auth = lane.core().auth.lock().clone();
                match auth {
                    Auth::None => self.authenticate(&namespace, attempt, Ok(None)),
                    Auth::Value(auth) => self.authenticate(&namespace, attempt, Ok(Some(auth))),
                    Auth::Function(ask) => {
                        self.asking.retain(|(name, ..)| *name != namespace);
                        // called in the future, where a panic is caught
                        let asking = Box::pin(async move { ask().await });
                        self.asking.push((namespace, attempt, asking));
                    }
                }
            }
            Event::Connected {
                namespace,
                id,
                recovered,
            } => {
                if let Some(lane) = self.lanes.get_mut(&namespace) {
                    lane.connected(id, recovered);
                }
            }
            Event::Refused { namespace, error } => {
                if let Some(lane) = self.lanes.get_mut(&namespace) {
                    let error = ConnectFailed::Refused(error);
                    lane.disconnected(false);
                    lane.settle(&Err(error.clone()));
                    lane.push(Happening::ConnectFailed(error));
                }
            }
            Event::Received {
                namespace,
                name,
                args,
                reply,
            } => {
                if let Some(lane) = self.lanes.get_mut(&namespace) {
                    let asked = reply.map(|reply| Asked::new(&self.shared, namespace, reply));
                    lane.push(Happening::Event(Incoming::new(name, args, asked)));
                }
            }
            Event::Sent {
                namespace,
                name,
                args,
            } => {
                if let Some(lane) = self.lanes.get(&namespace) {
                    lane.sent(&self.handle, name, args);
                }
            }
            Event::Acked { emit, args, .. } => {
                if let Some(waiter) = self.waiters.remove(&emit) {
                    waiter.send(Ok(args)).ok();
                }
            }
            Event::AckFailed { emit, failure, .. } => {
                if let Some(waiter) = self.waiters.remove(&emit) {
                    waiter.send(Err(failure.into())).ok();
                }
            }
            Event::Disconnected { namespace, reason } => {
                if let Some(lane) = self.lanes.get_mut(&namespace) {
                    lane.disconnected(reason != DisconnectReason::IoServerDisconnect);
                    lane.push(Happening::Disconnected(reason));
                }
            }
            // an event that the machine may learn to tell
            _ => {}
        }
    }

    pub(super) fn observe(&self, event: &ManagerEvent) {
        for observer in self.shared.observers() {
            if catch_unwind(AssertUnwindSafe(|| observer(event))).is_err() {
                warning!("an observer panicked at {event:?}");
            }
        }
    }
}

/// A number from 0 to 1.
fn random() -> f64 {
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    f64::from(random) / f64::from(u32::MAX)
}
