//! A session on a WebSocket.

use super::*;
use crate::net::sync::{AtomicUsize, Ordering};

/// Sends two messages that are named after the producer; how many were accepted.
fn produce(handle: &Handle, name: char) -> usize {
    let messages = [1, 2].map(|n| text(&format!("{name}{n}")));
    let sent = messages.into_iter().map(|frame| handle.send(frame));
    sent.filter(|sent| *sent == Ok(())).count()
}

#[test]
fn what_several_threads_send_arrives_in_the_order_of_each() {
    explore(|| {
        let core = core(Options::default());
        let (wire, mut client) = websocket(usize::MAX);
        let (handle, task) = begin(&core, Opening::WebSocket(wire), |_| Silent);
        let producers = ['a', 'b'].map(|name| {
            let handle = handle.clone();
            thread::spawn(move || produce(&handle, name))
        });
        let messages = client.take(5);
        assert!(messages[0].starts_with('0'), "{messages:?}");
        for name in ['a', 'b'] {
            assert_eq!(of(name, &messages), [1, 2].map(|n| format!("4{name}{n}")));
        }
        client.leave();
        future::block_on(task).expect("the task");
        assert!(producers.map(|p| p.join().expect("a producer")) == [2, 2]);
        assert_eq!(handle.send(text("late")), Err(SendError::Closed));
        drop(handle);
        assert_eq!((core.memory.used(), core.sessions()), (0, 0));
    });
}

#[test]
fn what_was_accepted_before_the_end_leaves() {
    explore(|| {
        let core = core(Options::default());
        let (wire, mut client) = websocket(usize::MAX);
        let (handle, task) = begin(&core, Opening::WebSocket(wire), |_| Silent);
        let closing = {
            let handle = handle.clone();
            thread::spawn(move || {
                let accepted = produce(&handle, 'a');
                handle.close(CloseReason::ForcedClose);
                accepted
            })
        };
        let accepted = produce(&handle, 'b');
        let messages = client.rest();
        assert_eq!(closing.join().expect("a producer"), 2);
        assert_eq!(of('a', &messages), ["4a1", "4a2"]);
        assert_eq!(of('b', &messages), ["4b1", "4b2"][..accepted]);
        client.leave();
        future::block_on(task).expect("the task");
    });
}

#[test]
fn a_volatile_message_arrives_unless_it_was_refused() {
    explore(|| {
        let core = core(Options::default());
        let (wire, mut client) = websocket(usize::MAX);
        let (handle, task) = begin(&core, Opening::WebSocket(wire), |_| Silent);
        let producer = {
            let handle = handle.clone();
            thread::spawn(move || produce(&handle, 'a'))
        };
        let volatile = ["v1", "v2"].into_iter();
        let accepted = volatile.filter(|name| handle.send_volatile(text(name)) == Ok(true));
        let accepted: Vec<String> = accepted.map(|name| format!("4{name}")).collect();
        let messages = client.take(3 + accepted.len());
        producer.join().expect("a producer");
        assert_eq!(of('a', &messages), ["4a1", "4a2"]);
        assert_eq!(of('v', &messages), accepted);
        client.leave();
        future::block_on(task).expect("the task");
    });
}

/// A frame of `NAME12345678901234567890`.
const SIZE: usize = 24;

fn long(name: char) -> [Frame; 1] {
    text(&format!("{name}{}", "1234567890".repeat(2)))
}

#[test]
fn who_waits_for_room_gets_it_and_keeps_to_the_budget() {
    explore(|| {
        let core = core(Options {
            soft_budget: 2 * SIZE,
            ..Options::default()
        });
        let (wire, mut client) = websocket(0);
        let (handle, task) = begin(&core, Opening::WebSocket(wire), |_| Silent);
        let producers = ['a', 'b'].map(|name| {
            let handle = handle.clone();
            thread::spawn(move || {
                for _ in 0..2 {
                    future::block_on(handle.ready()).expect("room");
                    handle.send(long(name)).expect("an open session");
                    assert!(handle.queued_bytes() <= 3 * SIZE);
                }
            })
        });
        // the first packet, and a bit at a time of what follows
        let ends = Arc::clone(&client.ends);
        let network = thread::spawn(move || {
            for bytes in [100, 30, 40, 50, 60, 70] {
                make_room(&ends, bytes);
            }
        });
        let messages = client.take(5);
        assert_eq!(['a', 'b'].map(|name| of(name, &messages).len()), [2, 2]);
        for thread in producers.into_iter().chain([network]) {
            thread.join().expect("a thread");
        }
        client.leave();
        future::block_on(task).expect("the task");
    });
}

#[test]
fn who_waits_for_room_learns_of_the_end() {
    explore(|| {
        let core = core(Options {
            soft_budget: 2 * SIZE,
            ..Options::default()
        });
        let (wire, client) = websocket(0);
        let (handle, task) = begin(&core, Opening::WebSocket(wire), |_| Silent);
        let producers = ['a', 'b'].map(|name| {
            let handle = handle.clone();
            thread::spawn(move || {
                while future::block_on(handle.ready()).is_ok() {
                    handle.send(long(name)).ok();
                }
            })
        });
        client.leave();
        for thread in producers {
            thread.join().expect("a producer");
        }
        future::block_on(task).expect("the task");
        drop(handle);
        assert_eq!((core.memory.used(), core.sessions()), (0, 0));
    });
}

/// The layer above panicked, or the runtime stops.
#[test]
fn who_waits_for_room_learns_that_the_task_is_gone() {
    explore(|| {
        let core = core(Options {
            soft_budget: 2 * SIZE,
            ..Options::default()
        });
        let (wire, _client) = websocket(0);
        let (handle, task) = begin(&core, Opening::WebSocket(wire), |_| Silent);
        let producer = {
            let handle = handle.clone();
            thread::spawn(move || {
                while future::block_on(handle.ready()).is_ok() {
                    handle.send(long('a')).ok();
                }
            })
        };
        task.abort();
        producer.join().expect("a producer");
        assert_eq!(handle.send(text("late")), Err(SendError::Closed));
        drop((handle, future::block_on(task)));
        assert_eq!((core.memory.used(), core.sessions()), (0, 0));
    });
}

/// Tells how much it knows of each time that it is polled.
struct Watching(Arc<AtomicUsize>, Sender<usize>);

impl Upper for Watching {
    fn on_event(&mut self, _: Instant, _: Event) {}

    fn poll(&mut self, _: Instant, _: &mut Context<'_>) {
        self.1.send(self.0.load(Ordering::SeqCst)).ok();
    }
}

#[test]
fn the_layer_above_is_polled_after_every_wake() {
    explore(|| {
        let core = core(Options::default());
        let (wire, client) = websocket(usize::MAX);
        let (told, tells) = channel();
        let known = Arc::<AtomicUsize>::default();
        let opening = Opening::WebSocket(wire);
        let upper = |_: &Handle| Watching(Arc::clone(&known), told);
        let (handle, task) = begin(&core, opening, upper);
        let threads = [(); 2].map(|()| {
            let (known, handle) = (Arc::clone(&known), handle.clone());
            thread::spawn(move || {
                for _ in 0..2 {
                    known.fetch_add(1, Ordering::SeqCst);
                    handle.wake();
                }
            })
        });
        while tells.recv().expect("a poll") < 4 {}
        for thread in threads {
            thread.join().expect("a thread");
        }
        client.leave();
        future::block_on(task).expect("the task");
    });
}
