//! [`Lane`]: what happened to one socket, on its way through the listeners: one after another.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};
use std::vec;

use engineio::Text;
use socketio_proto::answer::Answered;
use socketio_proto::{EventError, EventErrorKind, RawArgs, SocketId};

use crate::error::ConnectFailed;
use crate::incoming::{Asked, Outgoing};
use crate::listeners::{Happening, Listener, Running};
use crate::order::Told;
use crate::shared::{self, Handle};
use crate::socket::{Socket, SocketCore};
use crate::sync::{Arc, Ordering, Weak};
use crate::trace::warning;

/// What an event costs beyond its bytes.
const EVENT_COST: usize = 64;

pub(super) struct Lane {
    core: Arc<SocketCore>,
    waiting: VecDeque<Happening>,
    job: Option<Job>,
    /// Who wants to know whether the socket gets connected.
    told: Vec<Told>,
}

/// Something that listeners are being told.
struct Job {
    socket: Socket,
    what: Happening,
    running: Running,
    rest: vec::IntoIter<Arc<dyn Listener>>,
    answered: Answered,
}

impl Lane {
    pub(super) fn new(core: Arc<SocketCore>) -> Self {
        Self {
            core,
            waiting: VecDeque::new(),
            job: None,
            told: Vec::new(),
        }
    }

    pub(super) fn core(&self) -> &Arc<SocketCore> {
        &self.core
    }

    /// Bytes of events that wait, here and in streams.
    pub(super) fn bytes(&self) -> usize {
        self.core.held.load(Ordering::Relaxed)
    }

    pub(super) fn tell(&mut self, told: Told) {
        self.told.retain(|told| !told.is_closed());
        self.told.push(told);
    }

    /// Nothing more is tried, or the socket is connected.
    pub(super) fn settle(&mut self, result: &Result<(), ConnectFailed>) {
        for told in self.told.drain(..) {
            told.send(result.clone()).ok();
        }
    }

    pub(super) fn connected(&mut self, id: SocketId, recovered: bool) {
        let mut state = self.core.state.lock();
        // unless somebody has disconnected it meanwhile
        if state.active {
            state.id = Some(id);
            state.recovered = recovered;
        }
        drop(state);
        self.settle(&Ok(()));
        self.push(Happening::Connected { recovered });
    }

    /// It is not connected any more; whether it comes back is `active`.
    pub(super) fn disconnected(&self, active: bool) {
        let mut state = self.core.state.lock();
        state.id = None;
        state.active &= active;
    }

    pub(super) fn push(&mut self, what: Happening) {
        if let Happening::Event(event) = &what {
            let size = EVENT_COST + event.size();
            self.core.held.fetch_add(size, Ordering::Relaxed);
        }
        if let (Happening::ConnectFailed(_), Some(Happening::ConnectFailed(_))) =
            (&what, self.waiting.back())
        {
            // while a handler waits, only the last failure is worth telling
            self.waiting.pop_back();
        }
        self.waiting.push_back(what);
    }

    /// An event of ours has left.
    pub(super) fn sent(&self, handle: &Weak<Handle>, name: Text, args: RawArgs) {
        let Some(socket) = shared::socket(handle, &self.core) else {
            return;
        };
        let listeners = self.core.listeners.lock().any_outgoing();
        let event = Outgoing::new(name, args);
        for listener in listeners {
            let told = catch_unwind(AssertUnwindSafe(|| listener(&socket, &event)));
            if let Err(panic) = told {
                report(&socket, event.name(), EventErrorKind::panicked(&*panic));
            }
        }
    }

    /// Lets listeners run; whether any of them got on.
    pub(super) fn poll(&mut self, handle: &Weak<Handle>, cx: &mut Context<'_>) -> bool {
        let mut any = false;
        loop {
            if let Some(job) = &mut self.job {
                if job.poll(cx).is_pending() {
                    return any;
                }
                self.job = None;
                any = true;
            }
            let Some(what) = self.waiting.pop_front() else {
                return any;
            };
            if let Happening::Event(event) = &what {
                let size = EVENT_COST + event.size();
                self.core.held.fetch_sub(size, Ordering::Relaxed);
            }
            // without a handle nobody listens
            if let Some(socket) = shared::socket(handle, &self.core) {
                self.job = self.start(socket, what);
            }
        }
    }

    fn start(&self, socket: Socket, what: Happening) -> Option<Job> {
        let mut listeners = self.core.listeners.lock();
        let any = listeners.any();
        let queues = listeners.queues();
        let called = listeners.take(&what);
        drop(listeners);
        for queue in queues {
            queue.push(&what);
        }
        if let Happening::Event(event) = &what {
            for listener in any {
                let told = catch_unwind(AssertUnwindSafe(|| listener(&socket, event)));
                if let Err(panic) = told {
                    report(&socket, event.name(), EventErrorKind::panicked(&*panic));
                }
            }
        }
        let mut rest = called.into_iter();
        let first = rest.next()?;
        let running = call(&*first, &socket, &what);
        Some(Job {
            socket,
            what,
            running,
            rest,
            answered: Answered::Default,
        })
    }
}

impl Job {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let polled = catch_unwind(AssertUnwindSafe(|| self.running.as_mut().poll(cx)));
            let result = match polled {
                Ok(Poll::Pending) => return Poll::Pending,
                Ok(Poll::Ready(result)) => result,
                Err(panic) => Err(EventErrorKind::panicked(&*panic)),
            };
            match result {
                Ok(Answered::Default) => {}
                Ok(answered) => self.answered = answered,
                Err(kind) => {
                    report(&self.socket, self.name(), kind);
                    // the server's wait ends as a failure, not as an answer that nobody gave
                    self.answered = Answered::Never;
                }
            }
            let Some(next) = self.rest.next() else {
                self.end();
                return Poll::Ready(());
            };
            self.running = call(&*next, &self.socket, &self.what);
        }
    }

    /// Nobody who asked is left waiting by listeners that said nothing.
    fn end(&self) {
        if let (Answered::Default, Some(asked)) = (self.answered, self.asked()) {
            asked.send(RawArgs::default()).ok();
        }
    }

    fn asked(&self) -> Option<&Asked> {
        match &self.what {
            Happening::Event(event) => event.asked(),
            _ => None,
        }
    }

    fn name(&self) -> &str {
        match &self.what {
            Happening::Connected { .. } => "connect",
            Happening::ConnectFailed(_) => "connect_error",
            Happening::Event(event) => event.name(),
            Happening::Disconnected(_) => "disconnect",
        }
    }
}

/// A handler may panic before its future exists.
fn call(listener: &dyn Listener, socket: &Socket, what: &Happening) -> Running {
    let called = catch_unwind(AssertUnwindSafe(|| listener.call(socket, what)));
    called.unwrap_or_else(|panic| {
        let kind = EventErrorKind::panicked(&*panic);
        Box::pin(std::future::ready(Err(kind)))
    })
}

fn report(socket: &Socket, event: &str, kind: EventErrorKind) {
    let error = EventError::new(event, kind);
    let Some(handler) = socket.error_handler() else {
        warning!("{}: {error}", socket.namespace());
        return;
    };
    if catch_unwind(AssertUnwindSafe(|| handler(socket, &error))).is_err() {
        warning!("the handler for errors panicked at {error}");
    }
}
