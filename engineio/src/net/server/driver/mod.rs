//! [`Driver`]: the one task of a session. It owns the machine, the layer above and the
//! WebSocket; everybody else reaches it through its [`Handle`](super::Handle).

mod input;
mod output;

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::sync::oneshot;
use tokio::time::Sleep;

use super::Upper;
use super::core::{Registration, TICK, Task};
use super::io::Wire;
use super::link::Link;
use super::memory::Charge;
use super::queue::Queue;
use super::requests::Requests;
use super::shared::Command;
use crate::net::clock;
use crate::server::{First, LinkId, Output, Reply, RequestId, Session};
use crate::{Spare, Transport};

/// Turns of one poll, before others have theirs.
const TURNS: usize = 8;

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
