//! [`Driver`]: the task that owns the connection, and everything that happens on it.

mod events;
mod lane;
mod orders;

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use engineio::CloseReason;
use engineio::client::Event as EngineEvent;
use engineio::net::client::{Client, Connection as Engine};
use socketio_proto::client::{Attempt, Connection, EmitId};
use socketio_proto::{ConnectError, EventErrorKind, Limits, NamespaceId, Parser};
use tokio::sync::oneshot;
use tokio::time::Sleep;

use crate::auth::Asking;
use crate::clock;
use crate::manager::machine::Machine;
use crate::order::Waiter;
use crate::shared::{Handle, Shared};
use crate::sync::{Arc, Weak};
use lane::Lane;

/// What a driver is made of.
pub(crate) struct Parts {
    pub(crate) client: Client,
    pub(crate) machine: Connection,
    pub(crate) dialing: Machine,
    pub(crate) parser: Parser,
    pub(crate) limits: Limits,
    pub(crate) max_inbox: usize,
}

pub(crate) struct Driver {
    shared: Arc<Shared>,
    /// For the sockets that handlers get.
    handle: Weak<Handle>,
    client: Client,
    machine: Connection,
    dialing: Machine,
    /// The connection that is there or on its way.
    engine: Option<Engine>,
    /// Connections that were closed, while what was sent on them leaves.
    leaving: Vec<Engine>,
    /// Who wants to know when there is no connection any more.
    watchers: Vec<oneshot::Sender<()>>,
    lanes: BTreeMap<NamespaceId, Lane>,
    waiters: HashMap<EmitId, Waiter>,
    asking: Vec<(NamespaceId, Attempt, Asking)>,
    sleep: Pin<Box<Sleep>>,
    /// When `sleep` ends, if anybody waits for that.
    wakes_at: Option<Instant>,
    is_shut_down: bool,
}

/// How often a turn goes round before other tasks have theirs.
const ROUNDS: u32 = 32;
/// Events or orders of one round.
const BATCH: u32 = 128;

impl Driver {
    pub(crate) fn new(parts: Parts, handle: &Arc<Handle>) -> Self {
        Self {
            shared: Arc::clone(handle),
            handle: Arc::downgrade(handle),
            client: parts.client,
            machine: parts.machine,
            dialing: parts.dialing,
            engine: None,
            leaving: Vec::new(),
            watchers: Vec::new(),
            lanes: BTreeMap::new(),
            waiters: HashMap::new(),
            asking: Vec::new(),
            sleep: Box::pin(tokio::time::sleep_until(clock::now().into())),
            wakes_at: None,
            is_shut_down: false,
        }
    }

    /// Whether handlers have enough to do for now: nothing is read while it is so.
    fn is_full(&self) -> bool {
        let limit = self.shared.max_inbox;
        self.lanes.values().any(|lane| lane.bytes() > limit)
    }

    /// Reads and writes. Whether anything happened.
    fn poll_engine(&mut self, cx: &mut Context<'_>) -> bool {
        for nth in 0..BATCH {
            let is_full = self.is_full();
            let Some(engine) = &mut self.engine else {
                return nth > 0;
            };
            if is_full {
                // handlers may wait for what they sent to leave
                engine.poll_flush(cx);
                return nth > 0;
            }
            let event = match engine.poll_event(cx) {
                Poll::Ready(Some(event)) => event,
                Poll::Ready(None) => EngineEvent::Closed(CloseReason::TransportClose),
                Poll::Pending => return nth > 0,
            };
            self.on_engine_event(event);
        }
        true
    }

    fn poll_leaving(&mut self, cx: &mut Context<'_>) {
        self.leaving.retain_mut(|engine| {
            // who still says something talks to nobody
            for _ in 0..BATCH {
                match engine.poll_event(cx) {
                    Poll::Ready(Some(_)) => {}
                    Poll::Ready(None) => return false,
                    Poll::Pending => return true,
                }
            }
            cx.waker().wake_by_ref();
            true
        });
    }

    /// Does what handles want. Whether they wanted anything.
    fn poll_orders(&mut self, cx: &Context<'_>) -> bool {
        for nth in 0..BATCH {
            match self.shared.mailbox.poll(cx) {
                Some(order) => self.on_order(order),
                None => return nth > 0,
            }
        }
        true
    }

    /// Fires what is due, and sets the timer for what is next. Whether anything was due.
    fn poll_time(&mut self, cx: &mut Context<'_>) -> bool {
        let now = clock::now();
        let machine = self.machine.poll_timeout();
        let Some(next) = machine.into_iter().chain(self.dialing.poll_timeout()).min() else {
            self.wakes_at = None;
            return false;
        };
        if next <= now {
            self.machine.handle_timeout(now);
            self.carry_out();
            let next = self.dialing.handle_timeout(now);
            self.follow(next);
            return true;
        }
        if self.wakes_at != Some(next) {
            self.wakes_at = Some(next);
            self.sleep.as_mut().reset(next.into());
        }
        // what is due by then is found in the next round
        self.sleep.as_mut().poll(cx).is_ready()
    }

    /// Credentials that are on their way.
    fn poll_asking(&mut self, cx: &mut Context<'_>) -> bool {
        let mut answers = Vec::new();
        self.asking.retain_mut(|(namespace, attempt, asking)| {
            let answer = match catch_unwind(AssertUnwindSafe(|| asking.as_mut().poll(cx))) {
                Ok(Poll::Pending) => return true,
                Ok(Poll::Ready(answer)) => answer,
                Err(panic) => {
                    let words = EventErrorKind::panicked(&*panic);
                    Err(ConnectError::new(words.to_string()))
                }
            };
            answers.push((namespace.clone(), *attempt, answer));
            false
        });
        let any = !answers.is_empty();
        for (namespace, attempt, answer) in answers {
            self.authenticate(&namespace, attempt, answer);
        }
        any
    }

    fn poll_lanes(&mut self, cx: &mut Context<'_>) -> bool {
        let was_full = self.is_full();
        let mut any = false;
        for lane in self.lanes.values_mut() {
            any |= lane.poll(&self.handle, cx);
        }
        any || was_full && !self.is_full()
    }

    /// Tells how much waits to leave.
    fn settle(&self) {
        let engines = self.engine.iter().chain(&self.leaving);
        let written: usize = engines.map(Engine::buffered).sum();
        self.shared.set_below(self.machine.buffered() + written);
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.shared.end();
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let driver = self.get_mut();
        let mut rounds = 0;
        loop {
            let mut more = driver.poll_engine(cx);
            more |= driver.poll_orders(cx);
            more |= driver.poll_asking(cx);
            // what happened is told before what follows from it
            more |= driver.poll_lanes(cx);
            more |= driver.poll_time(cx);
            rounds += 1;
            if !more {
                break;
            }
            if rounds == ROUNDS {
                cx.waker().wake_by_ref();
                break;
            }
        }
        driver.poll_leaving(cx);
        driver.settle();
        if driver.engine.is_none() && driver.leaving.is_empty() {
            for watcher in driver.watchers.drain(..) {
                watcher.send(()).ok();
            }
        }
        if driver.is_shut_down && driver.leaving.is_empty() {
            return Poll::Ready(());
        }
        Poll::Pending
    }
}
