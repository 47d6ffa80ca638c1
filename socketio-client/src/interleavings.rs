//! What handles and the connection's task do to each other, in many orders:
//! `cargo xtask interleavings`. Each test is the task.

use std::future::poll_fn;
use std::task::Poll;

use engineio::Data;
use shuttle::{future, thread};
use socketio_proto::client::{Config, Connection, Event, Output, Reply};
use socketio_proto::{DisconnectReason, NamespaceId, Parser, RawArgs};
use testkit::explore;

use crate::clock;
use crate::incoming::Asked;
use crate::listeners::Happening;
use crate::order::Order;
use crate::shared::Shared;
use crate::sync::{Arc, Ordering};
use crate::{AckError, Builder, Manager, SendError, Socket, SocketEvent};

fn socket(settings: impl FnOnce(Builder) -> Builder) -> Socket {
    let builder = Manager::builder("http://localhost/").expect("a URL");
    let manager = settings(builder).build().expect("settings");
    let socket = manager.of(NamespaceId::ROOT);
    let configure = next(socket.shared());
    assert!(matches!(configure, Order::Configure { .. }));
    socket
}

/// The next order.
fn next(shared: &Shared) -> Order {
    let order = poll_fn(|cx| match shared.mailbox.poll(cx) {
        Some(order) => Poll::Ready(order),
        None => Poll::Pending,
    });
    let order = future::block_on(order);
    shared.taken(order.size());
    order
}

fn name(order: &Order) -> String {
    match order {
        Order::Emit { name, .. } => name.to_string(),
        _ => "another order".to_owned(),
    }
}

#[test]
fn orders_arrive_in_the_order_of_each_who_gives_them() {
    explore(|| {
        let socket = socket(|settings| settings);
        let threads = ["a", "b"].map(|who| {
            let socket = socket.clone();
            thread::spawn(move || {
                for n in 1..=2 {
                    socket.emit(&format!("{who}{n}"), &n).expect("room");
                }
            })
        });
        let orders = [(); 4].map(|()| name(&next(socket.shared())));
        for thread in threads {
            thread.join().expect("a thread");
        }
        for who in ["a", "b"] {
            let own = orders.iter().filter(|name| name.starts_with(who));
            assert_eq!(
                own.collect::<Vec<_>>(),
                [&format!("{who}1"), &format!("{who}2")]
            );
        }
        assert_eq!(socket.shared().buffered(), 0);
    });
}

#[test]
fn every_wait_ends_when_the_task_does() {
    explore(|| {
        let socket = socket(|settings| settings.max_buffered(1000));
        let asking = {
            let socket = socket.clone();
            thread::spawn(move || {
                future::block_on(socket.emit_with_ack::<u8>("q", &"x".repeat(700)))
            })
        };
        let waiting = {
            let socket = socket.clone();
            thread::spawn(move || future::block_on(socket.emit_ready()))
        };
        let ended = {
            let socket = socket.clone();
            thread::spawn(move || future::block_on(socket.shared().mailbox.ended()))
        };
        socket.shared().end();
        assert_eq!(
            asking.join().expect("a thread"),
            Err(AckError::Disconnected)
        );
        for thread in [waiting, ended] {
            thread.join().expect("a thread");
        }
        assert_eq!(socket.shared().buffered(), 0);
    });
}

#[test]
fn who_waits_for_room_gets_it() {
    explore(|| {
        let socket = socket(|settings| settings.max_buffered(1000));
        let threads = ["a", "b"].map(|who| {
            let (socket, payload) = (socket.clone(), "x".repeat(300));
            thread::spawn(move || {
                for _ in 0..2 {
                    future::block_on(socket.emit_ready());
                    // the other one may have been quicker
                    while socket.emit(who, &payload) == Err(SendError::Full) {
                        future::block_on(socket.emit_ready());
                        thread::yield_now();
                    }
                }
            })
        });
        for _ in 0..4 {
            next(socket.shared());
            // at the end of each turn
            socket.shared().set_below(0);
        }
        for thread in threads {
            thread.join().expect("a thread");
        }
    });
}

#[test]
fn what_waits_stays_within_the_bound_whoever_emits() {
    explore(|| {
        let socket = socket(|settings| settings.max_buffered(1200));
        let threads = ["a", "b"].map(|who| {
            let (socket, payload) = (socket.clone(), "x".repeat(300));
            thread::spawn(move || while socket.emit(who, &payload).is_ok() {})
        });
        for thread in threads {
            thread.join().expect("a thread");
        }
        // two of them fit
        let buffered = socket.shared().buffered();
        assert!((600..=1200).contains(&buffered), "{buffered}");
    });
}

const WHAT: Happening = Happening::Disconnected(DisconnectReason::TransportClose);

#[test]
fn a_task_that_stopped_reading_is_woken_when_its_events_are_taken() {
    explore(|| {
        // one fits, the second is too much
        let socket = socket(|settings| settings.max_inbox(size_of::<SocketEvent>()));
        let mut events = socket.events();
        let queue = Arc::clone(events.queue());
        let taking = thread::spawn(move || {
            for _ in 0..4 {
                future::block_on(events.next());
            }
            events
        });
        for _ in 0..4 {
            // as the lane of the driver: an order wakes it, whatever it is
            let limit = socket.shared().max_inbox;
            while socket.core().held.load(Ordering::Relaxed) > limit {
                assert!(matches!(next(socket.shared()), Order::Wake));
            }
            queue.push(&WHAT);
        }
        drop(taking.join().expect("a thread"));
        assert_eq!(socket.core().held.load(Ordering::Relaxed), 0);
    });
}

#[test]
fn a_stream_that_is_dropped_holds_nothing() {
    explore(|| {
        let socket = socket(|settings| settings);
        let mut events = socket.events();
        let queue = Arc::clone(events.queue());
        let taking = thread::spawn(move || {
            future::block_on(events.next());
        });
        queue.push(&WHAT);
        queue.push(&WHAT);
        drop(queue);
        taking.join().expect("a thread");
        assert_eq!(socket.core().held.load(Ordering::Relaxed), 0);
    });
}

/// What a server that wants an answer is answered with.
fn reply() -> Reply {
    let now = clock::now();
    let mut machine = Connection::new(Parser::Json, Arc::new(Config::default()));
    machine.connect(&NamespaceId::ROOT);
    machine.handle_opened(now);
    let mut reply = None;
    for packet in ["0{\"sid\":\"AAAAAAAAAAAAAAAAAAAA\"}", "20[\"q\"]"] {
        while let Some(output) = machine.poll_output() {
            if let Output::Event(Event::AuthNeeded { namespace, attempt }) = output {
                machine
                    .authenticate(&namespace, attempt, None)
                    .expect("wanted");
            }
        }
        machine.handle_data(now, Data::from(packet));
    }
    while let Some(output) = machine.poll_output() {
        if let Output::Event(Event::Received { reply: given, .. }) = output {
            reply = given;
        }
    }
    reply.expect("a wish")
}

#[test]
fn of_several_answers_one_is_sent() {
    let reply = reply();
    explore(move || {
        let socket = socket(|settings| settings);
        let asked = Asked::new(socket.shared(), NamespaceId::ROOT, reply);
        let threads = [1, 2].map(|n| {
            let asked = asked.clone();
            thread::spawn(move || asked.send(RawArgs::encode(&n).expect("a number")))
        });
        let answers = threads.map(|thread| thread.join().expect("a thread"));
        assert_eq!(answers, [Ok(()), Ok(())]);
        assert!(matches!(next(socket.shared()), Order::Answer { .. }));
        drop(asked);
        let shared = Arc::clone(socket.shared());
        drop(socket);
        assert!(matches!(next(&shared), Order::Shutdown));
    });
}

#[test]
fn a_socket_is_made_and_configured_once() {
    explore(|| {
        let manager = Manager::builder("http://localhost/").expect("a URL");
        let manager = manager.build().expect("settings");
        let threads = [(); 2].map(|()| {
            let manager = manager.clone();
            thread::spawn(move || manager.of(NamespaceId::ROOT))
        });
        let [one, other] = threads.map(|thread| thread.join().expect("a thread"));
        assert!(Arc::ptr_eq(one.core(), other.core()));
        let shared = Arc::clone(one.shared());
        assert!(matches!(next(&shared), Order::Configure { .. }));
        // the last of all handles says that it was
        let threads = [
            thread::spawn(move || drop(one)),
            thread::spawn(move || drop(other)),
        ];
        drop(manager);
        for thread in threads {
            thread.join().expect("a thread");
        }
        assert!(matches!(next(&shared), Order::Shutdown));
    });
}
