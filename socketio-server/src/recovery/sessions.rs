//! [`Sessions`]: those of a namespace that can be recovered.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use engineio::CloseReason;
use engineio::net::server::Handle;
use socketio_proto::{SessionKey, SocketId};
use tokio::sync::Notify;

use super::{History, Recovery};
use crate::clock;
use crate::registry::Lease;
use crate::sync::{Arc, Mutex, Weak, spawn};

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
    /// How many are saved.
    saved: usize,
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
    pub(crate) _lease: Option<Box<Lease>>,
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
                saved: 0,
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
        let before = self.state.lock().put(key, Entry::Live(handle));
        drop(before);
    }

    /// A session has ended for good.
    pub(crate) fn forget(&self, key: &SessionKey) {
        let forgotten = self.state.lock().remove(key);
        drop(forgotten);
        self.saved.notify_waiters();
    }

    /// The connection of a session broke.
    pub(crate) fn save(self: &Arc<Self>, key: SessionKey, now: Instant, saved: Saved<D>) {
        let forgotten = {
            let mut state = self.state.lock();
            let before = state.put(key.clone(), Entry::Saved(now, saved));
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
        let taken = {
            let mut state = self.state.lock();
            if let Some(Entry::Live(handle)) = state.entries.get(key) {
                return Err(handle.clone());
            }
            state.remove(key)
        };
        let in_time = |since| clock::now().duration_since(since) <= self.limits.max_gap;
        match taken {
            Some(Entry::Saved(since, saved)) if in_time(since) => Ok(Some((since, saved))),
            _ => Ok(None),
        }
    }

    /// Starts a task that forgets sessions in time, for as long as there are any.
    fn sweep(self: &Arc<Self>) {
        let (sessions, gap) = (Arc::downgrade(self), self.limits.max_gap);
        if tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        spawn(async move {
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
            let current = self.is_current(*since, key);
            if current && !due && self.saved <= limits.max_sessions {
                break;
            }
            let Some((_, key)) = self.order.pop_front() else {
                break;
            };
            if current && let Some(Entry::Saved(_, saved)) = self.remove(&key) {
                expired.push(saved);
            }
        }
        if self.order.len() > 2 * self.saved + 32 {
            let mut seen = HashSet::new();
            let mut order = std::mem::take(&mut self.order);
            order.retain(|(since, key)| self.is_current(*since, key) && seen.insert(key.clone()));
            self.order = order;
        }
        expired
    }

    /// It may be back, or have been saved again since.
    fn is_current(&self, since: Instant, key: &SessionKey) -> bool {
        matches!(self.entries.get(key), Some(Entry::Saved(at, _)) if *at == since)
    }

    fn put(&mut self, key: SessionKey, entry: Entry<D>) -> Option<Entry<D>> {
        self.saved += usize::from(matches!(entry, Entry::Saved(..)));
        let before = self.entries.insert(key, entry);
        self.saved -= usize::from(matches!(before, Some(Entry::Saved(..))));
        before
    }

    fn remove(&mut self, key: &SessionKey) -> Option<Entry<D>> {
        let removed = self.entries.remove(key);
        self.saved -= usize::from(matches!(removed, Some(Entry::Saved(..))));
        removed
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

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> SessionKey {
        SessionKey::new(name)
    }

    fn save(sessions: &Arc<Sessions<()>>, name: &str) {
        let saved = Saved {
            id: SocketId::from_entropy([7; 15]),
            start: 0,
            history: History::default(),
            data: Arc::new(()),
            _lease: None,
        };
        sessions.save(key(name), clock::now(), saved);
    }

    fn take(sessions: &Sessions<()>, name: &str) -> bool {
        matches!(sessions.try_take(&key(name)), Ok(Some(_)))
    }

    #[test]
    fn a_client_that_comes_and_goes_does_not_push_others_out() {
        let sessions = Sessions::new(Recovery::default().max_sessions(2));
        save(&sessions, "quiet");
        for _ in 0..1000 {
            save(&sessions, "restless");
            assert!(take(&sessions, "restless"));
        }
        assert!(sessions.state.lock().order.len() < 100);
        save(&sessions, "restless");
        assert!(take(&sessions, "quiet"));
        save(&sessions, "third");
        save(&sessions, "fourth");
        let left = ["restless", "third", "fourth"].map(|name| take(&sessions, name));
        assert_eq!(left, [false, true, true], "the oldest goes first");
    }
}
