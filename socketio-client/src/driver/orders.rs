//! What handles want.

use engineio::CloseReason;
use engineio::net::client::Connection as Engine;
use socketio_proto::client::{Attempt, Emit};
use socketio_proto::{ConnectError, NamespaceId, SendError};

use super::Driver;
use super::lane::Lane;
use crate::clock;
use crate::error::{AckError, ConnectFailed};
use crate::order::{Order, Waiter};
use crate::sync::Arc;
use crate::trace::{debug, warning};

impl Driver {
    pub(super) fn on_order(&mut self, order: Order) {
        let size = order.size();
        let now = clock::now();
        match order {
            Order::Connect { core, left, told } => {
                let namespace = core.namespace.clone();
                let mut state = core.state.lock();
                // the server may have ended the wish of before while this one was on its way
                state.active |= state.left == left;
                drop(state);
                let lane = self.lanes.entry(namespace.clone());
                let lane = lane.or_insert_with(|| Lane::new(Arc::clone(&core)));
                lane.tell(told);
                if self.machine.is_connected(&namespace) {
                    lane.settle(&Ok(()));
                } else {
                    self.machine.connect(&namespace);
                    let next = self.dialing.want();
                    self.follow(next);
                }
            }
            Order::Disconnect { namespace } => self.disconnect(&namespace),
            Order::Emit {
                namespace,
                name,
                args,
                options,
                waiter,
            } => {
                if !self.is_dropped(options) {
                    let emitted = self.machine.emit(now, &namespace, name, args, options);
                    self.wait_for_ack(options, waiter, emitted);
                } else if let Some(waiter) = waiter {
                    waiter.send(Err(AckError::Dropped)).ok();
                }
            }
            Order::LimitAck {
                namespace,
                emit,
                timeout,
            } => self.machine.limit_ack(now, &namespace, emit, timeout),
            Order::Answer {
                namespace,
                reply,
                args,
            } => match self.machine.answer(&namespace, reply, args) {
                Ok(()) => {}
                // the server asked on a connection that is gone
                Err(SendError::Closed) => debug!("{namespace}: an answer came too late"),
                Err(error) => warning!("{namespace}: an answer cannot be sent: {error}"),
            },
            Order::Configure {
                namespace,
                settings,
            } => self.machine.configure(&namespace, settings),
            Order::Reconnect(reconnect) => {
                let next = self.dialing.configure(reconnect);
                self.follow(next);
            }
            Order::Wake => {}
            Order::Remove { namespace } => {
                self.disconnect(&namespace);
                self.machine.remove(now, &namespace);
                self.lanes.remove(&namespace);
            }
            Order::Close => self.disconnect_all(),
            Order::Watch(watcher) => self.watchers.push(watcher),
            Order::Shutdown => {
                self.disconnect_all();
                self.lanes.clear();
                self.waiters.clear();
                self.asking.clear();
                self.is_shut_down = true;
            }
        }
        self.shared.taken(size);
        self.carry_out();
    }

    /// A volatile event is dropped when what was sent before has not left.
    fn is_dropped(&self, options: Emit) -> bool {
        let is_free = |engine: &Engine| engine.is_writable() && engine.buffered() == 0;
        options.volatile && !self.engine.as_ref().is_some_and(is_free)
    }

    fn wait_for_ack(
        &mut self,
        options: Emit,
        waiter: Option<Waiter>,
        emitted: Result<(), SendError>,
    ) {
        match (emitted, options.ack, waiter) {
            (Ok(()), Some(emit), Some(waiter)) => {
                self.waiters.insert(emit, waiter);
            }
            (Ok(()), ..) => {}
            (Err(error), _, Some(waiter)) => {
                waiter.send(Err(error.into())).ok();
            }
            (Err(error), ..) => warning!("an event cannot be sent: {error}"),
        }
    }

    fn disconnect(&mut self, namespace: &NamespaceId) {
        self.machine.disconnect(clock::now(), namespace);
        if let Some(lane) = self.lanes.get_mut(namespace) {
            lane.settle(&Err(ConnectFailed::Disconnected));
        }
        self.carry_out();
        // a connection that is still on its way, or waited for, is not the machine's to close
        if !self.machine.is_wanted() {
            self.dialing.unwant();
            self.leave(CloseReason::ForcedClose);
        }
    }

    fn disconnect_all(&mut self) {
        let names: Vec<_> = self.lanes.keys().cloned().collect();
        for name in names {
            self.disconnect(&name);
        }
    }

    pub(super) fn authenticate(
        &mut self,
        namespace: &NamespaceId,
        attempt: Attempt,
        answer: Result<Option<engineio::Text>, ConnectError>,
    ) {
        let given = match answer {
            Ok(auth) => self.machine.authenticate(namespace, attempt, auth),
            Err(error) => self.machine.abandon(namespace, attempt, error),
        };
        // one that is late was asked for again, or is not wanted any more
        if let Err(error) = given {
            debug!("{namespace}: credentials are not used: {error}");
        }
        self.carry_out();
    }
}
