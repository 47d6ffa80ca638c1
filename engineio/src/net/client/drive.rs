//! What a [`Connection`] does when it is polled.

use std::future::Future as _;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::link::{Link, Read};
use super::websocket;
use crate::client::{Detail, Event, Input, LinkId, Output};
use crate::net::trace::debug;
use crate::{CloseReason, Transport};

/// Bytes that are not kept back until all events were taken.
const FLUSH_BYTES: usize = 16 * 1024;
/// Time for which they are kept back at most: whoever answers each event at once sends its
/// answers together, and whoever takes long for one does not keep its answers.
const FLUSH_TIME: Duration = Duration::from_millis(1);
/// How long the server's answer to a close frame is waited for.
const CLOSE_DEADLINE: Duration = Duration::from_secs(2);

impl Connection {
    pub(super) fn is_over(&self) -> bool {
        self.session.is_closed()
            && self.events.is_empty()
            && self.closing.is_none()
            && self.requests.is_empty()
    }

    pub(super) fn is_flush_due(&self, now: Instant) -> bool {
        let queued = self.link.as_ref().map_or(0, |link| link.queued());
        queued >= FLUSH_BYTES || now >= self.flushed_at + FLUSH_TIME
    }

    /// Carries out what the machine says, and keeps its events.
    pub(super) fn drain(&mut self, now: Instant) {
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
            Event::Message(_) | Event::Ping => {}
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
    pub(super) fn flush(&mut self, now: Instant, cx: &mut Context<'_>) -> bool {
        self.flushed_at = now;
        if let Some(link) = &mut self.link {
            link.flush(cx);
        }
        self.requests.poll_posts(cx, |input, failure| {
            self.failure = failure.or_else(|| self.failure.take());
            self.session.handle_input(now, input);
        })
    }

    /// Reads, now that no event waits; tells whether there may be more.
    pub(super) fn read(&mut self, now: Instant, cx: &mut Context<'_>) -> bool {
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

    pub(super) fn poll_closing(&mut self, now: Instant, cx: &mut Context<'_>) -> bool {
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
    pub(super) fn arm(&mut self, cx: &mut Context<'_>) -> bool {
        let closing = self.closing.as_ref().map(|(_, deadline)| *deadline);
        let Some(next) = self.session.poll_timeout().into_iter().chain(closing).min() else {
            self.sleep = None;
            self.wakes_at = None;
            return false;
        };
        // one that is early does no harm, and moving it costs
        let later = self.wakes_at.is_none_or(|at| at > next);
        let timer = self.clock.timer(next).into();
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(timer)));
        if later {
            sleep.as_mut().reset(timer);
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
