//! [`Driver`]: the one task of a session. It owns the machine, the layer above and the
//! WebSocket; everybody else reaches it through its [`Handle`](super::Handle).

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::time::Sleep;

use super::Upper;
use super::core::{Registration, TICK, Task};
use super::io::{Flush, Wire};
use super::link::{Link, Read};
use super::memory::Charge;
use super::queue::Queue;
use super::requests::Requests;
use super::shared::Command;
use crate::net::clock;
use crate::net::trace::debug;
use crate::server::{Event, First, Input, LinkId, Output, Reply, RequestId, Session};
use crate::{CloseReason, SendError, Spare, Transport};

/// Turns of one poll, before others have theirs.
const TURNS: usize = 8;
/// Over the soft budget, a client must take something within this time.
const STALL: Duration = Duration::from_secs(10);

thread_local! {
    /// Where outputs of sessions stand while one of them is polled.
    static SPARE: RefCell<Spare<Output>> = const { RefCell::new(Spare::new()) };
}

/// What the first request of a session brings.
pub(super) enum Opening {
    Polling(RequestId, oneshot::Sender<Reply>),
    WebSocket(Wire),
}

pub(super) struct Driver<U> {
    session: Session,
    upper: U,
    handle: Registration,
    link: Option<Box<Link>>,
    next_link: u64,
    /// The link that carries the session, or carried it to its end.
    carrier: Option<LinkId>,
    requests: Requests,
    sleep: Option<Pin<Box<Sleep>>>,
    /// When a client that takes nothing is given up.
    stalls_at: Option<Instant>,
    /// What came in and is unfinished, or waits for the layer above.
    incoming: Charge,
    /// The writing half of the WebSocket is lent to the flusher.
    lent: bool,
    _task: Task,
}

impl<U: Upper> Driver<U> {
    pub(super) fn new(handle: Registration, opening: Opening, upper: U) -> Self {
        let now = clock::now();
        let core = handle.core();
        let dialect = handle.terms().dialect;
        let (mut link, mut carrier) = (None, None);
        let mut requests = Requests::default();
        let first = match opening {
            Opening::Polling(request, reply) => {
                requests.add(request, reply);
                First::Polling(request)
            }
            Opening::WebSocket(wire) => {
                handle.carried_by(Transport::WebSocket);
                let id = LinkId::new(0);
                let max = core.engine.max_payload;
                link = Some(Box::new(Link::new(id, wire, dialect, max)));
                carrier = Some(id);
                First::Link(id)
            }
        };
        Self {
            _task: Task::new(core),
            incoming: Charge::new(&core.incoming),
            lent: false,
            session: Session::speaking(dialect, handle.sid(), Arc::clone(&core.engine), first, now),
            upper,
            handle,
            link,
            next_link: 1,
            carrier,
            requests,
            sleep: None,
            stalls_at: None,
        }
    }

    fn on_command(&mut self, now: Instant, command: Command, cx: &mut Context<'_>) {
        match command {
            Command::Input(input) => {
                if let Input::PostFailed { failure, .. } = &input {
                    self.handle.explain(failure.to_string());
                }
                self.session.handle_input(now, input);
            }
            Command::Request(input, reply) => {
                if let Input::Poll { request } | Input::Post { request } = &input {
                    self.requests.add(*request, reply);
                }
                self.session.handle_input(now, input);
            }
            Command::Wire(wire, base64) => self.on_wire(now, wire, base64, cx),
            Command::Close(reason) => {
                while self.feed(now) {}
                self.session.close(now, reason);
            }
        }
        self.drain(now, cx);
    }

    /// A WebSocket arrived: the machine says whether it may probe.
    fn on_wire(&mut self, now: Instant, wire: Wire, base64: bool, cx: &mut Context<'_>) {
        let id = LinkId::new(self.next_link);
        self.next_link += 1;
        let link = Box::new(self.new_link(id, wire, base64));
        if self.link.is_some() {
            return link.close(cx, Default::default(), self.handle.core());
        }
        self.link = Some(link);
        let opened = Input::LinkOpened { link: id, base64 };
        self.session.handle_input(now, opened);
    }

    fn new_link(&self, id: LinkId, wire: Wire, base64: bool) -> Link {
        let dialect = self.handle.terms().dialect.base64(base64);
        Link::new(id, wire, dialect, self.handle.core().engine.max_payload)
    }

    fn drain(&mut self, now: Instant, cx: &mut Context<'_>) {
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

    /// Reads what the WebSocket brought, unless the layer above has enough to do.
    fn read(&mut self, now: Instant, cx: &mut Context<'_>) -> bool {
        let full = self.upper.is_full();
        self.session.hold_heartbeat(full);
        if full {
            return false;
        }
        self.requests.release();
        let Some(mut link) = self.link.take() else {
            return false;
        };
        let id = link.id;
        let read = link.read(cx, |data| {
            self.session
                .handle_input(now, Input::Link { link: id, data });
        });
        self.link = Some(link);
        let more = match read {
            Read::Empty => false,
            Read::More => true,
            Read::End(reason, detail) => {
                let probing = self.session.link() != Some(id);
                if !probing {
                    self.handle.explain(detail);
                }
                self.session
                    .handle_input(now, Input::LinkClosed { link: id, reason });
                if probing && let Some(probe) = self.link.take() {
                    probe.close(cx, Default::default(), self.handle.core());
                }
                true
            }
        };
        self.drain(now, cx);
        more
    }

    /// Gives the machine what is queued for long-polling; `false` when there was nothing.
    fn feed(&mut self, now: Instant) -> bool {
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
    fn flush(&mut self, now: Instant, cx: &mut Context<'_>) -> bool {
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
    fn judge_queue(&mut self, now: Instant, cx: &mut Context<'_>) {
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

    /// A client that sends more while the server has no memory for it is given up.
    fn judge_input(&mut self, now: Instant, cx: &mut Context<'_>) {
        let link = self.link.as_ref().map_or(0, |link| link.held());
        if self.incoming.settle(link + self.upper.held()) {
            self.handle
                .explain("the server has no memory for what the client sends");
            self.session.close(now, CloseReason::ServerError);
            self.drain(now, cx);
        }
    }

    /// Arms the timer; `true` when something is due already.
    fn arm(&mut self, now: Instant, cx: &mut Context<'_>) -> bool {
        let session = self.session.poll_timeout();
        let others = [self.upper.poll_timeout(), self.stalls_at];
        let others = others.into_iter().flatten().min();
        // a timer that is early does no harm, and moving it costs
        let armed = self.sleep.as_ref().map(|sleep| sleep.deadline().into_std());
        let in_time = |at: Instant| {
            let by_session = session.is_none_or(|due| at < due + TICK);
            now < at && by_session && others.is_none_or(|due| at <= due)
        };
        if armed.is_some_and(in_time) {
            return false;
        }
        let session = session.map(|due| self.handle.core().coalesce(due));
        let Some(next) = session.into_iter().chain(others).min() else {
            return false;
        };
        if next <= now {
            return true;
        }
        let sleep = match &mut self.sleep {
            Some(sleep) => {
                sleep.as_mut().reset(next.into());
                sleep
            }
            None => self
                .sleep
                .insert(Box::pin(tokio::time::sleep_until(next.into()))),
        };
        // polled once, it remembers whom to wake: this task never has another waker
        sleep.as_mut().poll(cx).is_ready()
    }

    /// Whether messages are all that will have to be written; what that takes is lent then.
    fn steady(&mut self) -> bool {
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

    fn turns(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..TURNS {
            let now = clock::now();
            let mut commands = self.requests.take_room();
            self.handle.begin(cx, &mut commands);
            if self.session.poll_timeout().is_some_and(|at| at <= now) {
                self.session.handle_timeout(now);
                self.handle.with_queue(Queue::shrink);
                self.upper.shrink();
            }
            self.drain(now, cx);
            for command in commands.drain(..) {
                self.on_command(now, command, cx);
            }
            match self.link {
                None => self.requests.keep_room(commands),
                Some(_) => self.requests.rest(),
            }
            // what a WebSocket brings comes first if there is room for it, so that one poll does
            let polled = self.link.is_none() || self.upper.is_full();
            if polled {
                self.upper.poll(now, cx);
            }
            let mut more = self.read(now, cx);
            if !polled || self.link.is_some() {
                let was_full = self.upper.is_full();
                self.upper.poll(now, cx);
                more |= was_full && !self.upper.is_full();
            }
            let writable = self.flush(now, cx);
            self.judge_queue(now, cx);
            self.judge_input(now, cx);
            if self.session.is_closed() {
                self.drain(now, cx);
                self.finish(cx);
                return Poll::Ready(());
            }
            more |= self.arm(now, cx);
            let restful = self.session.would_wait();
            let steady = writable && self.steady();
            if !more && self.handle.rest(writable, restful, steady) {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn finish(&mut self, cx: &mut Context<'_>) {
        let (queue, commands, lent) = self.handle.finish();
        if let Some((link, half)) = self.link.as_mut().zip(lent) {
            link.take_back(half);
        }
        self.requests.release();
        for command in commands {
            if let Command::Wire(wire, base64) = command {
                let link = self.new_link(LinkId::new(self.next_link), wire, base64);
                link.close(cx, Default::default(), self.handle.core());
            }
        }
        if let Some(link) = self.link.take() {
            let is_probe = self.carrier != Some(link.id);
            let queue = if is_probe { Queue::default() } else { queue };
            link.close(cx, queue, self.handle.core());
        }
    }
}

/// A task that is dropped (the layer above panicked, the runtime stops) leaves nobody who waits
/// for it, and no connection to whoever still has a handle.
impl<U> Drop for Driver<U> {
    fn drop(&mut self) {
        self.handle.end();
        drop(self.handle.finish());
    }
}

impl<U: Upper> Future for Driver<U> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        SPARE.with_borrow_mut(|spare| self.session.borrow_memory(spare));
        let polled = self.turns(cx);
        SPARE.with_borrow_mut(|spare| self.session.return_memory(spare));
        polled
    }
}
