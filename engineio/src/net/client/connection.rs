//! [`Connection`]: one session, driven by whoever polls it.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::Sleep;

use super::link::{Link, Read};
use super::requests::Requests;
use super::shared::Setting;
use super::{dial, websocket};
use crate::client::{Config, Detail, Event, Input, LinkId, Output, Session};
use crate::net::clock;
use crate::net::trace::debug;
use crate::{Batch, CloseReason, Open, SendError, Transport};

/// Events that may follow each other before other tasks have their turn.
const EVENTS: u32 = 128;
/// Turns of one poll without an event.
const TURNS: usize = 16;
/// Bytes that are not kept back until all events were taken.
const FLUSH_BYTES: usize = 16 * 1024;
/// Time for which they are kept back at most: whoever answers each event at once sends its
/// answers together, and whoever takes long for one does not keep its answers.
const FLUSH_TIME: Duration = Duration::from_millis(1);
/// How long the server's answer to a close frame is waited for.
const CLOSE_DEADLINE: Duration = Duration::from_secs(2);

type Dialing = Pin<Box<dyn Future<Output = Result<(dial::Stream, bytes::Bytes), Detail>> + Send>>;

/// One session with the server, from the first request to the end.
///
/// There is no task behind it: it connects, reads, writes and keeps its deadlines only while it is
/// polled, by [`Connection::poll_event`] or [`Connection::next`]. Who does not poll is not sent
/// more than the system's buffers hold; who does not poll for the server's ping timeout (20 s by
/// default) loses the session. Dropping it drops its sockets at once, whatever was not sent.
pub struct Connection {
    setting: Setting,
    session: Session,
    events: VecDeque<Event>,
    requests: Requests,
    dialing: Option<(LinkId, Dialing)>,
    link: Option<Box<Link>>,
    /// The WebSocket that is being closed, and when that ends.
    closing: Option<(Box<Link>, Instant)>,
    /// Bytes that the machine was given for the link and that are still among its outputs.
    unsent: usize,
    /// Events before others have their turn.
    budget: u32,
    flushed_at: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
    wakes_at: Option<Instant>,
    /// What went wrong with the last request that failed.
    failure: Option<Detail>,
}

impl Connection {
    pub(super) fn new(setting: Setting) -> Self {
        let now = clock::now();
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
            let now = clock::now();
            self.session.handle_timeout(now);
            self.drain(now);
            let mut more = false;
            if self.events.is_empty() || self.is_flush_due(now) {
                more = self.flush(now, cx);
                self.drain(now);
            }
            if let Some(event) = self.events.pop_front() {
                self.budget -= 1;
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
        self.session.close(clock::now(), reason);
    }

    /// Whether the server should have pinged before now: after a sleep of the machine it tells,
    /// before any timer fires, that nobody will read what is sent.
    #[must_use]
    pub fn is_expired(&self) -> bool {
        self.session.is_expired(clock::now())
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

    fn is_over(&self) -> bool {
        self.session.is_closed()
            && self.events.is_empty()
            && self.closing.is_none()
            && self.requests.is_empty()
    }

    fn is_flush_due(&self, now: Instant) -> bool {
        let queued = self.link.as_ref().map_or(0, |link| link.queued());
        queued >= FLUSH_BYTES || now >= self.flushed_at + FLUSH_TIME
    }

    /// Carries out what the machine says, and keeps its events.
    fn drain(&mut self, now: Instant) {
        while let Some(output) = self.session.poll_output(now) {
            match output {
                Output::Get { request } => {
                    let query = self.session.query(Transport::Polling);
                    let heartbeat = self.session.handshake();
                    let heartbeat =
                        heartbeat.map(|open| open.ping_interval() + open.ping_timeout());
                    self.requests.get(request, &query, heartbeat);
                }
                Output::Post { request, body } => {
                    let query = self.session.query(Transport::Polling);
                    self.requests.post(request, &query, body);
                }
                Output::Abandon { request } => self.requests.abandon(request),
                Output::OpenLink { link, .. } => {
                    let query = self.session.query(Transport::WebSocket);
                    let opening = websocket::open(self.setting.clone(), query);
                    self.dialing = Some((link, Box::pin(opening)));
                }
                Output::Frame { link, frame } => {
                    if let Some(own) = self.link.as_mut().filter(|own| own.id == link) {
                        own.push(frame);
                    }
                }
                Output::CloseLink { link } => self.close_link(now, link),
                Output::Event(event) => self.keep(event),
            }
        }
        self.unsent = 0;
    }

    fn keep(&mut self, event: Event) {
        match &event {
            Event::Opened => {
                debug!("session opened over {:?}", self.session.transport());
                let linked = self.session.link().is_some();
                self.setting.remember(linked);
            }
            Event::Upgraded => {
                debug!("session upgraded");
                self.setting.remember(true);
                self.requests.rest();
            }
            Event::Closed(reason) => {
                debug!("session closed: {reason}");
                if self.session.handshake().is_none() {
                    self.setting.remember(false);
                }
                // who is silent will not answer a close frame
                if *reason == CloseReason::PingTimeout {
                    self.closing = None;
                }
            }
            Event::Message(_) => {}
        }
        self.events.push_back(event);
    }

    fn close_link(&mut self, now: Instant, id: LinkId) {
        self.dialing.take_if(|(own, _)| *own == id);
        let Some(mut link) = self.link.take_if(|link| link.id == id) else {
            return;
        };
        // a probe has nothing to say; one that was given its word (`5`) is the session's
        if self.session.is_closed() {
            link.close();
            let time = self.setting.terms.options.config().close_timeout;
            self.closing = Some((link, now + time));
        }
    }

    /// Writes, also while events wait; tells whether more may follow.
    fn flush(&mut self, now: Instant, cx: &mut Context<'_>) -> bool {
        self.flushed_at = now;
        let mut more = false;
        if let Some(link) = &mut self.link
            && let Err(detail) = link.flush(cx)
        {
            self.end_link(now, CloseReason::TransportError, Some(detail));
            more = true;
        }
        more | self.requests.poll_posts(cx, |input, failure| {
            self.failure = failure.or_else(|| self.failure.take());
            self.session.handle_input(now, input);
        })
    }

    /// Reads, now that no event waits; tells whether there may be more.
    fn read(&mut self, now: Instant, cx: &mut Context<'_>) -> bool {
        let mut more = self.requests.poll_gets(cx, |input, failure| {
            self.failure = failure.or_else(|| self.failure.take());
            self.session.handle_input(now, input);
        });
        if let Some((link, dialing)) = &mut self.dialing
            && let Poll::Ready(opened) = dialing.as_mut().poll(cx)
        {
            let link = *link;
            self.dialing = None;
            let input = match opened {
                Ok((stream, early)) => {
                    let max_message = self.setting.terms.options.max_message;
                    let opened = Link::new(link, stream, early, max_message);
                    self.link = Some(Box::new(opened));
                    Input::LinkOpened { link }
                }
                Err(detail) => Input::LinkClosed {
                    link,
                    reason: CloseReason::TransportError,
                    detail: Some(detail),
                },
            };
            self.session.handle_input(now, input);
            more = true;
        }
        if let Some(link) = &mut self.link {
            let id = link.id;
            let read = link.read(cx, |data| {
                let input = Input::Link { link: id, data };
                self.session.handle_input(now, input);
            });
            match read {
                Read::Empty => {}
                Read::More => more = true,
                Read::End(reason, detail) => {
                    self.end_link(now, reason, detail);
                    more = true;
                }
            }
        }
        more
    }

    fn end_link(&mut self, now: Instant, reason: CloseReason, detail: Option<Detail>) {
        let Some(link) = self.link.take() else {
            return;
        };
        let link_closed = Input::LinkClosed {
            link: link.id,
            reason,
            detail,
        };
        // there is a close frame to write at most
        self.closing = Some((link, now + CLOSE_DEADLINE));
        self.session.handle_input(now, link_closed);
    }

    fn poll_closing(&mut self, now: Instant, cx: &mut Context<'_>) -> bool {
        let Some((link, deadline)) = &mut self.closing else {
            return false;
        };
        if link.poll_closed(cx).is_ready() || *deadline <= now {
            self.closing = None;
            return true;
        }
        // everything has left: only the server's answer is waited for
        if link.queued() == 0 {
            *deadline = (*deadline).min(now + CLOSE_DEADLINE);
        }
        false
    }

    /// Arms the timer; `true` when something is due already.
    fn arm(&mut self, cx: &mut Context<'_>) -> bool {
        let closing = self.closing.as_ref().map(|(_, deadline)| *deadline);
        let Some(next) = self.session.poll_timeout().into_iter().chain(closing).min() else {
            self.sleep = None;
            self.wakes_at = None;
            return false;
        };
        // one that is early does no harm, and moving it costs
        let later = self.wakes_at.is_none_or(|at| at > next);
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(next.into())));
        if later {
            sleep.as_mut().reset(next.into());
            self.wakes_at = Some(next);
        }
        // polled each time: another task may have the connection now
        if sleep.as_mut().poll(cx).is_ready() {
            self.wakes_at = None;
            return true;
        }
        false
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
