//! What leaves a session: outputs of the machine, and the queue.

use std::task::Context;
use std::time::{Duration, Instant};

use super::Driver;
use crate::net::server::Upper;
use crate::net::server::io::Flush;
use crate::net::trace::debug;
use crate::server::{Event, Input, Output};
use crate::{CloseReason, SendError};

/// Over the soft budget, a client must take something within this time.
const STALL: Duration = Duration::from_secs(10);

impl<U: Upper> Driver<U> {
    pub(super) fn drain(&mut self, now: Instant, cx: &mut Context<'_>) {
        while let Some(output) = self.session.poll_output(now) {
            match output {
                Output::Reply { request, reply } => {
                    self.requests.answer(request, reply, self.upper.is_full());
                }
                Output::Frame { link, frame } => {
                    if let Some(current) = self.link.as_mut().filter(|l| l.id == link) {
                        current.push(frame);
                    }
                }
                // the end of the session's own link waits for the queue: see `finish`
                Output::CloseLink { link } if !self.session.is_closed() => {
                    if let Some(probe) = self.link.take_if(|probe| probe.id == link) {
                        probe.close(cx, Default::default(), self.handle.core());
                    }
                }
                Output::CloseLink { .. } => {}
                Output::Event(event) => {
                    match &event {
                        Event::Opened => {
                            debug!("session {:?} opened", self.handle.sid());
                            self.handle.core().counters.opened();
                        }
                        Event::Upgraded => {
                            debug!("session {:?} upgraded", self.handle.sid());
                            self.handle.core().counters.upgraded();
                            self.carrier = self.session.link();
                            self.handle.carried_by(self.session.transport());
                        }
                        Event::Closed(reason) => {
                            debug!("session {:?} closed: {reason}", self.handle.sid());
                            self.handle.core().counters.closed(*reason);
                            self.handle.end();
                        }
                        Event::Message(_) | Event::Ping => {}
                    }
                    self.upper.on_event(now, event);
                }
            }
        }
    }

    /// Gives the machine what is queued for long-polling; `false` when there was nothing.
    pub(super) fn feed(&mut self, now: Instant) -> bool {
        if self.session.link().is_some() {
            return false;
        }
        let max = self.handle.core().engine.max_payload;
        let Some(batch) = self.handle.with_queue(|queue| queue.take(max)) else {
            return false;
        };
        // a hole in the middle is worse than an end
        if self.session.send(batch) == Err(SendError::Full) {
            self.session.close(now, CloseReason::SlowConsumer);
        }
        true
    }

    /// Writes; tells whether more would leave at once.
    pub(super) fn flush(&mut self, now: Instant, cx: &mut Context<'_>) -> bool {
        let linked = self.session.link().is_some();
        if !linked && self.session.is_writable() {
            if self.feed(now) {
                self.stalls_at = None;
            }
            self.drain(now, cx);
        }
        let Some(link) = &mut self.link else {
            return self.session.is_writable();
        };
        let (flush, progress) = if linked {
            self.handle.with_queue(|queue| link.flush(cx, Some(queue)))
        } else {
            link.flush(cx, None)
        };
        if progress {
            self.stalls_at = None;
        }
        match flush {
            Flush::Done => self.session.is_writable(),
            Flush::Stuck => !linked && self.session.is_writable(),
            Flush::Broken => {
                if linked {
                    self.handle.explain("the WebSocket cannot be written to");
                }
                let reason = CloseReason::TransportError;
                self.session.handle_input(
                    now,
                    Input::LinkClosed {
                        link: link.id,
                        reason,
                    },
                );
                self.link = None;
                self.drain(now, cx);
                false
            }
        }
    }

    /// RELIABILITY: a queue over the hard budget, or over the soft one without progress, ends
    /// the session.
    pub(super) fn judge_queue(&mut self, now: Instant, cx: &mut Context<'_>) {
        let (queued, overflowed) = self.handle.load();
        if queued <= self.handle.core().options.soft_budget && !overflowed {
            self.stalls_at = None;
            return;
        }
        let stalls_at = *self.stalls_at.get_or_insert(now + STALL);
        if overflowed || stalls_at <= now {
            self.handle
                .explain(format!("the client left {queued} bytes waiting"));
            self.session.close(now, CloseReason::SlowConsumer);
            self.drain(now, cx);
            // who took nothing for so long will not take the rest either, and it takes memory
            if !overflowed && let Some(link) = &mut self.link {
                link.abandon();
            }
        }
    }

    /// Whether messages are all that will have to be written; what that takes is lent then.
    pub(super) fn steady(&mut self) -> bool {
        let carrier = self.session.link();
        let Some(link) = self.link.as_mut().filter(|link| carrier == Some(link.id)) else {
            return false;
        };
        if !self.lent
            && let Some(half) = link.lend()
        {
            self.handle.lend(half);
            self.lent = true;
        }
        self.lent && link.is_steady()
    }
}
