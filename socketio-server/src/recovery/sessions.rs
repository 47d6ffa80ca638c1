//! [`Sessions`]: those of a namespace that can be recovered.

use std::collections::hash_map::Entry as Place;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use engineio::CloseReason;
use engineio::net::server::Handle;
use socketio_proto::{SessionKey, SocketId};
use tokio::sync::Notify;

use super::{History, Recovery};
use crate::clock;
use crate::registry::Lease;
use crate::sync::{Arc, Mutex, Weak};

/// How long a session that is taken over may need to end.
const TAKE_OVER: Duration = Duration::from_secs(2);

/// The sessions of a namespace by their secret key.
pub(crate) struct Sessions<D> {
    limits: Recovery,
    state: Mutex<State<D>>,
    /// Something was saved.
    saved: Notify,
}

struct State<D> {
    entries: HashMap<SessionKey, Entry<D>>,
    /// Those that are saved, and when they were; some of them are back already.
    order: VecDeque<(Instant, SessionKey)>,
    sweeping: bool,
}

enum Entry<D> {
    /// Its client is connected, or nobody has noticed that it is not.
    Live(Handle),
    Saved(Instant, Saved<D>),
}

/// What is kept of a session.
pub(crate) struct Saved<D> {
    pub(crate) id: SocketId,
    /// The number of the newest event when it began.
    pub(crate) start: u64,
    pub(crate) history: History,
    pub(crate) data: Arc<D>,
    /// Keeps a namespace that came from a pattern in service.
    pub(crate) _lease: Option<Lease>,
}

/// A session on its way back to its client. Dropped on that way, it is saved again.
pub(crate) struct Returning<D: Send + Sync + 'static> {
    pub(crate) key: SessionKey,
    sessions: Arc<Sessions<D>>,
    since: Instant,
    saved: Option<Saved<D>>,
}

impl<D: Send + Sync + 'static> Sessions<D> {
    pub(crate) fn new(limits: Recovery) -> Arc<Self> {
        Arc::new(Self {
            limits,
            state: Mutex::new(State {
                entries: HashMap::new(),
                order: VecDeque::new(),
                sweeping: false,
            }),
            saved: Notify::new(),
        })
    }

    pub(crate) fn limits(&self) -> Recovery {
        self.limits
    }

    /// A session has begun, or goes on.
    pub(crate) fn live(&self, key: SessionKey, handle: Handle) {
        self.state.lock().entries.insert(key, Entry::Live(handle));
    }

    /// A session has ended for good.
    pub(crate) fn forget(&self, key: &SessionKey) {
        let forgotten = self.state.lock().entries.remove(key);
        drop(forgotten);
        self.saved.notify_waiters();
    }

    /// The connection of a session broke.
    pub(crate) fn save(self: &Arc<Self>, key: SessionKey, now: Instant, saved: Saved<D>) {
        let forgotten = {
            let mut state = self.state.lock();
            let before = state.entries.insert(key.clone(), Entry::Saved(now, saved));
            state.order.push_back((now, key));
            if !std::mem::replace(&mut state.sweeping, true) {
                self.sweep();
            }
            let expired = state.expire(now, self.limits);
            (before, expired)
        };
        drop(forgotten);
        self.saved.notify_waiters();
    }

    /// Takes the session of that key, if it is there. One whose client is still connected ends
    /// its old connection first.
    pub(crate) async fn take(self: Arc<Self>, key: SessionKey) -> Option<Returning<D>> {
        let wait = async {
            loop {
                let notified = self.saved.notified();
                let mut notified = std::pin::pin!(notified);
                notified.as_mut().enable();
                match self.try_take(&key) {
                    Ok(taken) => return taken,
                    Err(old) => old.close(CloseReason::TransportClose),
                }
                notified.await;
            }
        };
        let (since, saved) = tokio::time::timeout(TAKE_OVER, wait).await.ok()??;
        Some(Returning {
            sessions: Arc::clone(&self),
            key,
            since,
            saved: Some(saved),
        })
    }

    fn try_take(&self, key: &SessionKey) -> Result<Option<(Instant, Saved<D>)>, Handle> {
        let mut state = self.state.lock();
        let Place::Occupied(entry) = state.entries.entry(key.clone()) else {
            return Ok(None);
        };
        if let Entry::Live(handle) = entry.get() {
            return Err(handle.clone());
        }
        match entry.remove() {
            Entry::Saved(since, _) if clock::now().duration_since(since) > self.limits.max_gap => {
                Ok(None)
            }
            Entry::Saved(since, saved) => Ok(Some((since, saved))),
            Entry::Live(handle) => Err(handle),
        }
    }

    /// Starts a task that forgets sessions in time, for as long as there are any.
    fn sweep(self: &Arc<Self>) {
        let (sessions, gap) = (Arc::downgrade(self), self.limits.max_gap);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        runtime.spawn(async move {
            let mut next = Some(gap);
            while let Some(pause) = next {
                tokio::time::sleep(pause).await;
                next = Weak::upgrade(&sessions).and_then(|sessions| sessions.sweep_now());
            }
        });
    }

    /// When to come again; `None` when there is nothing left.
    fn sweep_now(&self) -> Option<Duration> {
        let (expired, next) = {
            let mut state = self.state.lock();
            let now = clock::now();
            let expired = state.expire(now, self.limits);
            let next = state.order.front().map(|(since, _)| {
                let due = *since + self.limits.max_gap;
                due.saturating_duration_since(now) + Duration::from_millis(1)
            });
            state.sweeping = next.is_some();
            (expired, next)
        };
        drop(expired);
        next
    }
}

impl<D> State<D> {
    /// Takes out what is too old or too much. It is the caller's to drop, without the lock.
    fn expire(&mut self, now: Instant, limits: Recovery) -> Vec<Saved<D>> {
        let mut expired = Vec::new();
        while let Some((since, key)) = self.order.front() {
            let due = now.duration_since(*since) > limits.max_gap;
            if !due && self.order.len() <= limits.max_sessions {
                break;
            }
            let (since, key) = (*since, key.clone());
            self.order.pop_front();
            // it may be back, or have been saved again since
            let current = |entry: &Entry<D>| matches!(entry, Entry::Saved(at, _) if *at == since);
            if self.entries.get(&key).is_some_and(current)
                && let Some(Entry::Saved(_, saved)) = self.entries.remove(&key)
            {
                expired.push(saved);
            }
        }
        expired
    }
}

impl<D: Send + Sync + 'static> Returning<D> {
    pub(crate) fn session(&self) -> Option<&Saved<D>> {
        self.saved.as_ref()
    }

    /// The client has it.
    pub(crate) fn arrive(mut self, handle: Handle) -> Option<Saved<D>> {
        self.sessions.live(self.key.clone(), handle);
        self.saved.take()
    }
}

impl<D: Send + Sync + 'static> Drop for Returning<D> {
    fn drop(&mut self) {
        if let Some(saved) = self.saved.take() {
            self.sessions.save(self.key.clone(), self.since, saved);
        }
    }
}
