//! Who writes a broadcast: a task per receiver, woken for it, or one flusher for all.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::Read as _;
use std::os::unix::net::UnixStream as Peer;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::AsyncWrite as _;
use tokio::net::UnixStream;

const RECEIVERS: usize = 1000;
const BROADCASTS: u32 = 300;

/// What waits for one receiver, under the lock that whoever writes takes.
#[derive(Default)]
struct Queue {
    frames: VecDeque<Bytes>,
    waker: Option<Waker>,
}

type Shared = Arc<Mutex<Queue>>;

fn locked(queue: &Shared) -> std::sync::MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn compare() {
    let frame = Bytes::from(vec![b'x'; 126]);
    for (what, run) in [
        ("write alone, no queue", alone as fn(&Bytes) -> Duration),
        ("a woken task per receiver", tasks),
        ("one flusher for all", flusher),
    ] {
        let per_receiver = run(&frame).as_nanos() as f64 / RECEIVERS as f64;
        crate::report(what, per_receiver / f64::from(BROADCASTS), 0, 0.0);
    }
}

fn pairs() -> (Vec<UnixStream>, Vec<Peer>) {
    let pair = |_| {
        let (ours, theirs) = Peer::pair().expect("a pair of sockets");
        ours.set_nonblocking(true).expect("a socket");
        (UnixStream::from_std(ours).expect("a socket"), theirs)
    };
    (0..RECEIVERS).map(pair).unzip()
}

fn drain(peers: &mut [Peer], len: usize) {
    let mut buffer = vec![0; len];
    for peer in peers {
        peer.read_exact(&mut buffer).expect("the broadcast");
    }
}

fn alone(frame: &Bytes) -> Duration {
    crate::io_runtime().block_on(async {
        let (streams, mut peers) = pairs();
        let mut took = Duration::ZERO;
        for _ in 0..BROADCASTS {
            let start = Instant::now();
            for stream in &streams {
                while stream.try_write(frame).is_err() {
                    stream.writable().await.expect("a socket");
                }
            }
            took += start.elapsed();
            drain(&mut peers, frame.len());
        }
        took
    })
}

fn tasks(frame: &Bytes) -> Duration {
    crate::io_runtime().block_on(async {
        let (streams, mut peers) = pairs();
        let written = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let mut queues: Vec<Shared> = Vec::new();
        for mut stream in streams {
            let queue = Shared::default();
            queues.push(Arc::clone(&queue));
            let written = Arc::clone(&written);
            tokio::spawn(poll_fn(move |cx: &mut Context<'_>| -> Poll<()> {
                let mut queue = locked(&queue);
                while let Some(frame) = queue.frames.front() {
                    if Pin::new(&mut stream).poll_write(cx, frame).is_pending() {
                        return Poll::Pending;
                    }
                    queue.frames.pop_front();
                    written.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                }
                queue.waker.get_or_insert_with(|| cx.waker().clone());
                Poll::Pending
            }));
        }
        tokio::task::yield_now().await;
        let mut took = Duration::ZERO;
        for round in 1..=BROADCASTS as usize {
            let start = Instant::now();
            for queue in &queues {
                let waker = {
                    let mut queue = locked(queue);
                    queue.frames.push_back(frame.clone());
                    queue.waker.take()
                };
                waker.into_iter().for_each(Waker::wake);
            }
            while written.load(std::sync::atomic::Ordering::Relaxed) < round * RECEIVERS {
                tokio::task::yield_now().await;
            }
            took += start.elapsed();
            drain(&mut peers, frame.len());
        }
        took
    })
}

fn flusher(frame: &Bytes) -> Duration {
    crate::io_runtime().block_on(async {
        let (streams, mut peers) = pairs();
        let queues: Vec<Shared> = streams.iter().map(|_| Shared::default()).collect();
        let mut took = Duration::ZERO;
        for _ in 0..BROADCASTS {
            let start = Instant::now();
            let mut dirty = Vec::with_capacity(RECEIVERS);
            for receiver in queues.iter().zip(&streams) {
                locked(receiver.0).frames.push_back(frame.clone());
                dirty.push(receiver);
            }
            for (queue, stream) in dirty {
                while let Some(frame) = { locked(queue).frames.pop_front() } {
                    while stream.try_write(&frame).is_err() {
                        stream.writable().await.expect("a socket");
                    }
                }
            }
            took += start.elapsed();
            drain(&mut peers, frame.len());
        }
        took
    })
}
