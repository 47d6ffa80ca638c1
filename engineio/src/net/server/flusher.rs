//! [`Flusher`]: writes what is queued for sessions whose tasks sleep, so that a broadcast wakes one task and not one for
//! each receiver.
//!
//! It owns nothing: it writes what a session's queue holds, under the queue's lock, to a stream that the session's task
//! has lent while there is nothing else to be written (see [`Handle::lend`]). Whatever goes beyond that, a peer that takes
//! no more above all, wakes the task.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

use super::shared::Handle;
use crate::net::sync::{AtomicBool, Mutex, Ordering, spawn};

/// Sessions whose queues are written in one turn, before other tasks have theirs.
const TURN: usize = 64;
/// More tasks than this do not write faster.
const MAX_SHARDS: usize = 16;

/// One list of sessions for each worker thread.
#[derive(Debug)]
pub(super) struct Flusher {
    shards: Box<[Arc<Shard>]>,
    started: AtomicBool,
}

#[derive(Debug, Default)]
struct Shard {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Sessions with something to be written.
    listed: Vec<Handle>,
    waker: Option<Waker>,
    /// The task is there.
    runs: bool,
    /// The task runs, or was woken.
    awake: bool,
    /// The server has gone.
    closed: bool,
}

impl Flusher {
    pub(super) fn new() -> Self {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let shards = (0..workers.min(MAX_SHARDS)).map(|_| Arc::default());
        Self {
            shards: shards.collect(),
            started: AtomicBool::new(false),
        }
    }

    /// Sees to it that the tasks are there. They end with the flusher, or with the runtime that we are in.
    pub(super) fn start(&self) {
        if self.started.swap(true, Ordering::AcqRel) {
            return;
        }
        for shard in &self.shards {
            shard.state.lock().runs = true;
            spawn(Flushing {
                shard: Arc::downgrade(shard),
                batch: Vec::new(),
            });
        }
    }

    /// Lists a session; `false` when there is no task that would look at it.
    pub(super) fn add(&self, handle: &Handle) -> bool {
        let index = handle.place() % self.shards.len();
        let Some(shard) = self.shards.get(index) else {
            return false;
        };
        let mut state = shard.state.lock();
        if !state.runs {
            // of another runtime than the one that has ended
            drop(state);
            self.started.store(false, Ordering::Release);
            return false;
        }
        state.listed.push(handle.clone());
        if std::mem::replace(&mut state.awake, true) {
            return true;
        }
        let waker = state.waker.clone();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        for shard in &self.shards {
            let mut state = shard.state.lock();
            state.closed = true;
            let waker = state.waker.take();
            drop(state);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

/// The task of a shard.
struct Flushing {
    shard: Weak<Shard>,
    batch: Vec<Handle>,
}

impl Future for Flushing {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let Some(shard) = this.shard.upgrade() else {
            return Poll::Ready(());
        };
        if this.batch.is_empty() {
            let mut state = shard.state.lock();
            if state.closed {
                return Poll::Ready(());
            }
            std::mem::swap(&mut state.listed, &mut this.batch);
            // those who came first are written first, from the end
            this.batch.reverse();
            if this.batch.is_empty() {
                state.awake = false;
                let known = state.waker.as_ref();
                if !known.is_some_and(|waker| waker.will_wake(cx.waker())) {
                    state.waker = Some(cx.waker().clone());
                }
                return Poll::Pending;
            }
        }
        for _ in 0..TURN {
            let Some(handle) = this.batch.pop() else {
                break;
            };
            handle.write_now();
        }
        // a burst should not be remembered by its size
        if this.batch.is_empty() && this.batch.capacity() > 4096 {
            this.batch = Vec::new();
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// The runtime has ended, or all that could be written to has: the sessions' own tasks write what is left.
impl Drop for Flushing {
    fn drop(&mut self) {
        let Some(shard) = self.shard.upgrade() else {
            return;
        };
        let mut state = shard.state.lock();
        state.runs = false;
        state.awake = false;
        state.waker = None;
        let listed = std::mem::take(&mut state.listed);
        drop(state);
        for handle in listed.into_iter().chain(self.batch.drain(..)) {
            handle.rouse();
        }
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use tokio::net::{TcpListener, TcpStream};

    use crate::net::server::Options;
    use crate::net::server::core::Core;
    use crate::query::Terms;
    use crate::{Data, Frame, Sid};

    #[tokio::test]
    async fn nothing_is_written_into_a_frame_that_the_task_could_not_finish() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let _peer = TcpStream::connect(address).await.expect("a connection");
        let (stream, _) = listener.accept().await.expect("a connection");
        stream.writable().await.expect("room");
        let (_reads, writes) = stream.into_split();
        let core = Core::new(Options::default());
        let registered = core.register_as(Sid::from_entropy([7; 15]), Terms::default());
        let handle = registered.expect("a new id");
        handle.lend(writes);
        let message = || [Frame::message(&Data::from("x"))];

        assert!(handle.rest(true, false, true), "the task sleeps");
        handle.send(message()).expect("a session");
        // it wakes for a ping, which leaves in part, and sleeps until there is room
        assert!(handle.rest(false, false, false));
        handle.write_now();
        assert_ne!(handle.queued_bytes(), 0, "the rest of the ping comes first");
    }
}
