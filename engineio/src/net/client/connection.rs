//! [`Connection`]: one session, driven by whoever polls it.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::time::Sleep;

use super::awake::AwakeClock;
use super::dial::Stream;
use super::link::Link;
use super::requests::Requests;
use super::shared::Setting;
use crate::client::{Config, Detail, Event, LinkId, Session};
use crate::{Batch, CloseReason, Open, SendError, Transport};

/// Events that may follow each other before other tasks have their turn.
const EVENTS: u32 = 128;
/// Events for which there is always room; what a flood needed is freed.
const KEPT: usize = 64;
/// Turns of one poll without an event.
const TURNS: usize = 16;

pub(super) type Dialing =
    Pin<Box<dyn Future<Output = Result<(Stream, bytes::Bytes), Detail>> + Send>>;

/// One session with the server, from the first request to the end.
///
/// There is no task behind it: it connects, reads, writes and keeps its deadlines only while it is
/// polled, by [`Connection::poll_event`] or [`Connection::next`]. Who does not poll is not sent
/// more than the system's buffers hold; who does not poll for the server's ping timeout (20 s by
/// default) loses the session. Dropping it drops its sockets at once, whatever was not sent.
pub struct Connection {
    pub(super) setting: Setting,
    pub(super) session: Session,
    pub(super) events: VecDeque<Event>,
    pub(super) requests: Requests,
    pub(super) dialing: Option<(LinkId, Dialing)>,
    pub(super) link: Option<Box<Link>>,
    /// The WebSocket that is being closed, and when that ends.
    pub(super) closing: Option<(Box<Link>, Instant)>,
    /// Bytes that the machine was given for the link and that are still among its outputs.
    pub(super) unsent: usize,
    /// Events before others have their turn.
    pub(super) budget: u32,
    pub(super) clock: AwakeClock,
    pub(super) flushed_at: Instant,
    pub(super) sleep: Option<Pin<Box<Sleep>>>,
    pub(super) wakes_at: Option<Instant>,
    /// What went wrong with the last request that failed.
    pub(super) failure: Option<Detail>,
}

impl Connection {
    pub(super) fn new(setting: Setting) -> Self {
        let clock = AwakeClock::new();
        let now = clock.now();
        let own = setting.terms.options.config();
        let config = Config {
            upgraded_before: own.upgraded_before || setting.was_upgraded(),
            ..own.clone()
        };
        Self {
            requests: Requests::new(setting.clone()),
            setting,
            session: Session::new(Arc::new(config), now),
            events: VecDeque::new(),
            dialing: None,
            link: None,
            closing: None,
            unsent: 0,
            budget: EVENTS,
            clock,
            flushed_at: now,
            sleep: None,
            wakes_at: None,
            failure: None,
        }
    }

    /// The next event. `None` when the session is closed, everything that was sent before has left
    /// (or can no longer), and its sockets are gone.
    ///
    /// Cancel safe: no event is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// As [`Connection::next`]. Does what is due: writes what was sent, then gives the events that
    /// are there, and reads only when there are none. After 128 events in a row it is pending once,
    /// and wakes its task.
    pub fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        if self.budget == 0 {
            self.budget = EVENTS;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        for _ in 0..TURNS {
            let now = self.clock.now();
            self.session.handle_timeout(now);
            self.drain(now);
            let mut more = false;
            if self.events.is_empty() || self.is_flush_due(now) {
                more = self.flush(now, cx);
                self.drain(now);
            }
            if let Some(event) = self.events.pop_front() {
                self.budget -= 1;
                if self.events.is_empty() && self.events.capacity() > KEPT {
                    self.events = VecDeque::new();
                }
                return Poll::Ready(Some(event));
            }
            more |= self.read(now, cx);
            more |= self.poll_closing(now, cx);
            self.drain(now);
            if self.is_over() {
                self.requests.rest();
                return Poll::Ready(None);
            }
            more |= !self.events.is_empty() || self.arm(cx);
            if !more {
                self.budget = EVENTS;
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Writes what was sent, and reads nothing: for whoever has no room for more events. What that
    /// brings is kept for [`Connection::poll_event`]; deadlines are not looked at.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) {
        for _ in 0..TURNS {
            let now = self.clock.now();
            self.drain(now);
            let more = self.flush(now, cx);
            self.drain(now);
            if !more {
                return;
            }
        }
        cx.waker().wake_by_ref();
    }

    /// Queues one batch. It leaves when the connection is polled next: what is sent between two
    /// polls leaves together, in one write or one POST.
    ///
    /// # Errors
    /// [`SendError::Closed`], or [`SendError::Full`] when more than
    /// [`Config::max_buffered`] bytes wait; nothing was taken then.
    pub fn send(&mut self, batch: Batch) -> Result<(), SendError> {
        if self.session.link().is_none() {
            return self.session.send(batch);
        }
        let size = batch.size();
        if self.buffered() + size > self.setting.terms.options.config().max_buffered {
            return Err(SendError::Full);
        }
        self.session.send(batch)?;
        self.unsent += size;
        Ok(())
    }

    /// Ends the session for `reason`, which [`Event::Closed`] tells. What was sent before still
    /// leaves while the connection is polled on, for [`Config::close_timeout`] at most, unless the
    /// session was not open yet.
    pub fn close(&mut self, reason: CloseReason) {
        self.session.close(self.clock.now(), reason);
    }

    /// Whether the server should have pinged before now: after a sleep of the machine it tells,
    /// before any timer fires, that nobody will read what is sent.
    #[must_use]
    pub fn is_expired(&self) -> bool {
        self.session.is_expired(self.clock.now())
    }

    /// Whether a message would leave with the next poll: the session is open, no POST is out, and
    /// the WebSocket took all that it was given.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        let stuck = self.link.as_ref().is_some_and(|link| link.is_stuck());
        self.session.is_writable() && !stuck
    }

    /// Bytes that wait to leave: for a POST, for the end of an upgrade or for the WebSocket.
    #[must_use]
    pub fn buffered(&self) -> usize {
        let links = self
            .link
            .iter()
            .chain(self.closing.iter().map(|(link, _)| link));
        let queued: usize = links.map(|link| link.queued()).sum();
        self.session.buffered() + self.unsent + queued
    }

    /// What carries the session now, or has to open it.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.session.transport()
    }

    /// What the server said when it opened the session: from [`Event::Opened`] on.
    #[must_use]
    pub fn handshake(&self) -> Option<&Open> {
        self.session.handshake()
    }

    /// What was said when the session ended, if anything was: by the server, or by whatever broke
    /// ([`Detail::Io`]: name resolution, TCP, proxy, TLS …).
    #[must_use]
    pub fn detail(&self) -> Option<&Detail> {
        self.session.detail().or(self.failure.as_ref())
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("transport", &self.transport())
            .field("closed", &self.session.is_closed())
            .finish_non_exhaustive()
    }
}
