//! The allocations in the life of an event, as ARCHITECTURE.md has them: none for a receiver of a broadcast, three for an
//! event that is answered, and what an idle connection holds.
//!
//! The server runs on a thread of its own, whose allocations alone are counted; clients speak by hand on another.
#![expect(
    unsafe_code,
    clippy::unwrap_used,
    reason = "an allocator is unsafe by its trait; failures of the test"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::SocketAddr;
use std::time::Duration;

use bench::by_hand::Client;
use bench::on_a_thread;
use socketio_server::{Ack, Args, Incoming, Namespace, Options, RawArgs, Socket, Value};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static LIVE: Cell<i64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: everything is left to the system's allocator; the counters are numbers of this thread.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        LIVE.set(LIVE.get() + layout.size() as i64);
        // SAFETY: as our caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        LIVE.set(LIVE.get() - layout.size() as i64);
        // SAFETY: as our caller promised.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A server with the events of the yardstick, and one that tells the counters.
fn serve() -> SocketAddr {
    serve_with(Options::default())
}

fn serve_with(options: Options) -> SocketAddr {
    on_a_thread::serve_with(options, |server| {
        let io = server.clone();
        Namespace::new("/")
            .on_raw("echo", async |_: Socket, event: Incoming| {
                Ack(event.args().clone())
            })
            .on("cast", async move |_: Socket, payload: Value| {
                io.emit("cast", &payload).unwrap();
            })
            .on("ask", async |socket: Socket, _: RawArgs| {
                tokio::spawn(socket.emit_with_ack::<Value>("question", &1));
            })
            .on("counters", async |_: Socket, _: RawArgs| {
                Ack(Args((ALLOCATIONS.get(), LIVE.get())))
            })
    })
}

/// The server's counters: allocations, and bytes that it holds.
fn counters(client: &mut Client) -> (u64, i64) {
    say(client, "420[\"counters\"]");
    let answer = hear(client);
    let (allocations, live) = answer
        .strip_prefix("430[")
        .and_then(|rest| rest.strip_suffix(']')?.split_once(','))
        .unwrap();
    (allocations.parse().unwrap(), live.parse().unwrap())
}

fn say(client: &mut Client, message: &str) {
    client.queue(message);
    client.send().unwrap();
}

fn hear(client: &mut Client) -> String {
    String::from_utf8(client.message().unwrap().to_vec()).unwrap()
}

fn echo(client: &mut Client, rounds: u32, depth: u32) {
    let text = "x".repeat(100);
    for _ in 0..rounds {
        for id in 0..depth {
            client.queue(&format!("42{id}[\"echo\",\"{text}\"]"));
        }
        client.send().unwrap();
        for id in 0..depth {
            assert_eq!(hear(client), format!("43{id}[\"{text}\"]"));
        }
    }
}

#[test]
fn an_event_that_is_answered_takes_three() {
    let mut client = Client::connect(serve()).unwrap();
    for depth in [1, 16] {
        echo(&mut client, 50, depth);
        let before = counters(&mut client).0;
        echo(&mut client, 200, depth);
        let each = (counters(&mut client).0 - before) as f64 / f64::from(200 * depth);
        assert!(each < 3.1, "{each} at depth {depth}");
    }
}

#[test]
fn a_receiver_of_a_broadcast_takes_none() {
    const CASTS: u64 = 50;
    let address = serve();
    let mut clients: Vec<Client> = Vec::new();
    let mut taken = Vec::new();
    for count in [20, 120] {
        clients.resize_with(count, || Client::connect(address).unwrap());
        // the first ones make room in queues and lists
        for round in 0..2 {
            let before = counters(&mut clients[0]).0;
            for _ in 0..CASTS {
                say(&mut clients[0], "42[\"cast\",\"hello\"]");
                for client in &mut clients {
                    assert_eq!(hear(client), "42[\"cast\",\"hello\"]");
                }
            }
            if round == 1 {
                taken.push(counters(&mut clients[0]).0 - before);
            }
        }
    }
    let each = (taken[1] as f64 - taken[0] as f64) / (100 * CASTS) as f64;
    assert!(each < 0.01, "{each} for a receiver: {taken:?}");
}

/// Memory that a burst left is given back with the next heartbeat.
#[test]
fn a_connection_that_was_busy_holds_as_little_after_a_heartbeat() {
    const CLIENTS: usize = 100;
    let mut options = Options::default();
    options.engine.ping_interval = Duration::from_secs(5);
    let address = serve_with(options);
    let live = || counters(&mut Client::connect(address).unwrap()).1;
    // what the threads have in common comes with the first one
    let mut first = Client::connect(address).unwrap();
    echo(&mut first, 1, 16);
    let before = live();
    let mut clients: Vec<_> = (0..CLIENTS)
        .map(|_| Client::connect(address).unwrap())
        .collect();
    let each = |live: i64| (live - before) / CLIENTS as i64;
    let idle = each(live());
    for client in &mut clients {
        echo(client, 1, 16);
        say(client, "42[\"ask\",1]");
        let question = hear(client);
        let id = question.strip_suffix("[\"question\",1]").unwrap();
        say(client, &format!("43{}[1]", id.strip_prefix("42").unwrap()));
    }
    let busy = each(live());
    for client in &mut clients {
        while hear(client) != "2" {}
        say(client, "3");
    }
    let rested = each(live());
    assert!(rested <= idle + 50, "{idle}, then {busy}, then {rested}");
}

#[test]
fn an_idle_connection_holds_little() {
    let address = serve();
    let mut first = Client::connect(address).unwrap();
    let before = counters(&mut first).1;
    let idle: Vec<Client> = (0..300)
        .map(|_| Client::connect(address).unwrap())
        .collect();
    let each = (counters(&mut first).1 - before) / idle.len() as i64;
    assert!(each < 2700, "{each} bytes");
}
