//! What all sessions of a server share: settings, the registry of sessions, gauges.

use std::borrow::Borrow;
use std::cmp::Reverse;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::request::Parts;
use http::{Extensions, HeaderMap};

use super::Options;
use super::addresses::{Addresses, Network};
use super::flusher::Flusher;
use super::memory::Memory;
use super::metrics::Counters;
use super::shared::Handle;
use crate::net::sync::{AtomicBool, AtomicU64, AtomicUsize, Mutex, Ordering};
use crate::net::trace::warning;
use crate::net::{clock, platform};
use crate::query::Terms;
use crate::server::RequestId;
use crate::{CloseReason, Config, Sid};

/// Budget for all queues where the system does not tell its memory.
const FALLBACK_BUDGET: usize = 1024 * 1024 * 1024;
/// How late a session's own timer may fire. What is late by the protocol is judged by the clock,
/// not by the timer.
pub(super) const TICK: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(super) struct Core {
    pub(super) engine: Arc<Config>,
    start: Instant,
    /// What waits for clients.
    pub(super) memory: Arc<Memory>,
    /// What came of clients and is unfinished, or waits for the layer above.
    pub(super) incoming: Arc<Memory>,
    pub(super) flusher: Flusher,
    pub(super) options: Options,
    /// Keyed by wire data: the standard set hashes with a random key.
    sessions: Mutex<HashSet<BySid>>,
    pub(super) addresses: Addresses,
    requests: AtomicU64,
    pub(super) connections: AtomicUsize,
    pub(super) tasks: AtomicUsize,
    closing: AtomicBool,
    /// How many found too much waiting, since somebody began to do something about it.
    relieving: AtomicUsize,
    pub(super) evicted: AtomicUsize,
    pub(super) counters: Counters,
}

/// A session that is found by its id, which it has itself: a map would keep another one for each.
#[derive(Debug)]
struct BySid(Handle);

impl Borrow<Sid> for BySid {
    fn borrow(&self) -> &Sid {
        self.0.sid_ref()
    }
}

impl Hash for BySid {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.sid_ref().hash(state);
    }
}

impl PartialEq for BySid {
    fn eq(&self, other: &Self) -> bool {
        self.0.sid_ref() == other.0.sid_ref()
    }
}

impl Eq for BySid {}

/// A handle with the place of its session in the registry, for as long as the session's task lives.
#[derive(Debug)]
pub(super) struct Registration {
    handle: Handle,
    /// Counted as one of this client's.
    network: Option<Box<Network>>,
}

impl Deref for Registration {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

impl Registration {
    /// Says whose session it is; `false` when that client has too many.
    pub(super) fn belong(&mut self, client: Option<IpAddr>) -> bool {
        let core = self.handle.core();
        if client.is_none() && core.options.go_by_address() {
            core.addresses.warn_once();
        }
        if core.options.same_address {
            core.addresses.give(self.handle.sid(), client);
        }
        let Some((limit, client)) = core.options.max_sessions_per_address.zip(client) else {
            return true;
        };
        let network = Network::from(client);
        let opened = core.addresses.open_session(network, limit);
        self.network = opened.then(|| Box::new(network));
        opened
    }
}

impl Core {
    pub(super) fn new(options: Options) -> Arc<Self> {
        let quarter = || platform::memory_limit().map_or(FALLBACK_BUDGET, |limit| limit / 4);
        let budget = options.memory_budget.unwrap_or_else(quarter);
        Arc::new(Self {
            engine: Arc::new(options.engine.clone()),
            start: clock::now(),
            memory: Memory::new(budget),
            incoming: Memory::new(budget),
            flusher: Flusher::new(),
            relieving: AtomicUsize::new(0),
            evicted: AtomicUsize::new(0),
            counters: Counters::default(),
            options,
            sessions: Mutex::default(),
            addresses: Addresses::default(),
            requests: AtomicU64::new(0),
            connections: AtomicUsize::new(0),
            tasks: AtomicUsize::new(0),
            closing: false.into(),
        })
    }

    /// Makes an id nobody has and registers its session; `None` when the server is closing.
    pub(super) fn register(self: &Arc<Self>, terms: Terms) -> Option<Registration> {
        loop {
            let mut entropy = [0; 15];
            getrandom::fill(&mut entropy).ok()?;
            let sid = Sid::from_entropy(entropy);
            match self.register_as(sid, terms) {
                None if !self.is_closing() => {}
                registered => return registered,
            }
        }
    }

    /// Registers the session of an id; `None` when the server is closing or somebody has the id.
    pub(super) fn register_as(self: &Arc<Self>, sid: Sid, terms: Terms) -> Option<Registration> {
        let mut sessions = self.sessions.lock();
        if self.is_closing() {
            return None;
        }
        if sessions.contains(&sid) {
            return None;
        }
        let handle = Handle::new(sid, terms, Arc::clone(self));
        sessions.insert(BySid(handle.clone()));
        Some(Registration {
            handle,
            network: None,
        })
    }

    /// The next tick of the server's clock at or after `at`: sessions whose timers are near each
    /// other wake the runtime once.
    pub(super) fn coalesce(&self, at: Instant) -> Instant {
        let since = at.saturating_duration_since(self.start).as_millis();
        let ticks = since.div_ceil(TICK.as_millis());
        let ticks = u32::try_from(ticks).unwrap_or(u32::MAX);
        (self.start + TICK * ticks).max(at)
    }

    pub(super) fn find(&self, sid: Sid) -> Option<Handle> {
        let sessions = self.sessions.lock();
        sessions.get(&sid).map(|BySid(session)| session.clone())
    }

    /// Whether a request for a session comes from its client, as far as that is asked; `None` if it has ended.
    pub(super) fn is_its_client(
        &self,
        sid: Sid,
        extensions: &Extensions,
        headers: &HeaderMap,
    ) -> Option<bool> {
        if !self.options.same_address {
            return Some(true);
        }
        let client = self.options.trusted_proxies.client(extensions, headers);
        self.addresses.owns(sid, client)
    }

    /// Whether this client may ask for one more session; it is counted then.
    pub(super) fn may_handshake(&self, parts: &Parts) -> bool {
        let Some(limit) = self.options.max_handshakes_per_address else {
            return true;
        };
        let trusted = &self.options.trusted_proxies;
        let client = trusted.client(&parts.extensions, &parts.headers);
        client.is_none_or(|client| self.addresses.handshake(client.into(), limit, clock::now()))
    }

    pub(super) fn next_request(&self) -> RequestId {
        RequestId::new(self.requests.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn sessions(&self) -> usize {
        self.sessions.lock().len()
    }

    /// Sessions that have not ended. The others wait for the poll that tells their client.
    pub(super) fn open_sessions(&self) -> usize {
        let sessions = self.sessions.lock();
        sessions
            .iter()
            .filter(|BySid(session)| !session.is_closed())
            .count()
    }

    pub(super) fn queued_bytes(&self) -> usize {
        let sessions = self.sessions.lock();
        let queued = sessions.iter().map(|BySid(session)| session.queued_bytes());
        queued.sum()
    }

    /// Ends sessions until their queues fit into seven eighths of the budget: those first whose
    /// clients do not take what waits for them, and of those the largest.
    pub(super) fn relieve(&self) {
        // one at a time, who looks again when others came: what they added may have come too late
        let mut asked = 1;
        if self.relieving.fetch_add(1, Ordering::AcqRel) > 0 {
            return;
        }
        loop {
            self.end_largest();
            let (done, failed) = (Ordering::AcqRel, Ordering::Acquire);
            match self.relieving.compare_exchange(asked, 0, done, failed) {
                Ok(_) => return,
                Err(more) => asked = more,
            }
        }
    }

    fn end_largest(&self) {
        let enough = self.memory.budget() / 8 * 7;
        let sessions = self.all();
        let backlog = |session: Handle| Some((session.backlog()?, session));
        let mut largest: Vec<_> = sessions.into_iter().filter_map(backlog).collect();
        largest.sort_unstable_by_key(|((stalled, bytes), _)| Reverse((*stalled, *bytes)));
        let mut evicted = 0;
        for ((_, bytes), session) in largest {
            if self.memory.used() <= enough || bytes == 0 {
                break;
            }
            session.evict();
            evicted += 1;
        }
        self.evicted.fetch_add(evicted, Ordering::Relaxed);
        warning!("queues over the memory budget: {evicted} sessions ended");
    }

    /// Refuses new sessions from now on.
    pub(super) fn refuse(&self) {
        // who registers right now holds the lock, and is there when it is released
        let _sessions = self.sessions.lock();
        self.closing.store(true, Ordering::SeqCst);
    }

    pub(super) fn all(&self) -> Vec<Handle> {
        let sessions = self.sessions.lock();
        let handles = sessions.iter().map(|BySid(session)| session.clone());
        handles.collect()
    }

    /// Refuses new sessions and ends those that are there.
    pub(super) fn close(&self, reason: CloseReason) {
        self.refuse();
        for session in self.all() {
            session.close(reason);
        }
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }
}

/// Counts a task for as long as it lives.
#[derive(Debug)]
pub(super) struct Task(Arc<Core>);

impl Task {
    pub(super) fn new(core: &Arc<Core>) -> Self {
        core.tasks.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(core))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.tasks.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let core = self.handle.core();
        let mut sessions = core.sessions.lock();
        sessions.remove(self.handle.sid_ref());
        if core.options.same_address {
            // before somebody else may have the id
            core.addresses.forget(self.handle.sid());
        }
        drop(sessions);
        if let Some(network) = self.network.take() {
            core.addresses.close_session(*network);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn a_session_that_ends_leaves_nothing_of_its_address() {
        let core = Core::new(Options {
            same_address: true,
            max_sessions_per_address: Some(1),
            ..Options::default()
        });
        let client = Some(IpAddr::from([1, 2, 3, 4]));
        for _ in 0..2 {
            let mut first = core.register(Terms::default()).unwrap();
            assert!(first.belong(client));
            let mut second = core.register(Terms::default()).unwrap();
            assert!(!second.belong(client));
            let sids = [first.sid(), second.sid()];
            assert_eq!(core.addresses.owns(sids[0], client), Some(true));
            drop((first, second));
            assert_eq!(sids.map(|sid| core.addresses.owns(sid, client)), [None; 2]);
        }
    }

    /// CVE-2017-16031: ids that could be guessed.
    #[test]
    fn session_ids_do_not_repeat_and_every_character_is_uniform() {
        const IDS: usize = 100_000;
        let core = Core::new(Options::default());
        let mut seen = HashSet::new();
        let mut counts = vec![HashMap::<char, usize>::new(); 20];
        for _ in 0..IDS {
            let sid = core.register(Terms::default()).unwrap().sid();
            for (position, c) in sid.as_str().chars().enumerate() {
                *counts[position].entry(c).or_default() += 1;
            }
            assert!(seen.insert(sid));
        }
        let expected = IDS as f64 / 64.0;
        for (position, counts) in counts.iter().enumerate() {
            assert_eq!(counts.len(), 64, "position {position}");
            let squares = counts
                .values()
                .map(|n| (*n as f64 - expected).powi(2) / expected);
            // 63 degrees of freedom: more than 140 once in some 10 million
            let chi_square: f64 = squares.sum();
            assert!(chi_square < 140.0, "position {position}: {chi_square}");
        }
    }

    /// What a broadcast shares costs no single queue anything, and the server all of it.
    #[test]
    fn shared_frames_over_the_memory_budget_end_sessions_too() {
        let options = Options {
            memory_budget: Some(1_000_000),
            ..Options::default()
        };
        let core = Core::new(options);
        let sessions: Vec<_> = (0..8)
            .map(|_| core.register(Terms::default()).unwrap())
            .collect();
        for session in &sessions {
            let data = crate::Data::Binary(vec![0; 300_000].into());
            let batch = session.share(&data.into());
            session.send(batch).ok();
        }
        assert!(core.memory.used() < 1_300_000, "{}", core.memory.used());
        assert!(core.evicted.load(Ordering::Relaxed) > 3);
    }
}
