//! Packets, payloads and a step of the session's machine, without I/O: `cargo bench -p engineio`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use divan::Bencher;
use divan::counter::ItemsCount;
use engineio::payload::Decoder;
use engineio::server::{First, Input, LinkId, RequestId, Session};
use engineio::{Config, Data, Frame, Packet, Sid, Text};

#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

const MESSAGE: &str = "4hello, this is a message of about a hundred bytes, which is what most of them are, it is said";
const PACKETS: usize = 10;

fn main() {
    divan::main();
}

#[expect(clippy::disallowed_methods, reason = "a point to count from")]
fn now() -> Instant {
    Instant::now()
}

#[divan::bench]
fn packet_decode(bencher: Bencher<'_, '_>) {
    let text = Text::from_static(MESSAGE);
    bencher.bench(|| Packet::decode(black_box(&text)));
}

#[divan::bench]
fn frame_encode(bencher: Bencher<'_, '_>) {
    let message = Data::from(MESSAGE);
    bencher.bench(|| Frame::message(black_box(&message)));
}

#[divan::bench]
fn payload_decode(bencher: Bencher<'_, '_>) {
    let body = Bytes::from([MESSAGE; PACKETS].join("\u{1e}"));
    bencher
        .counter(ItemsCount::new(PACKETS))
        .bench(|| Decoder::new(body.clone(), PACKETS).map(Iterator::count));
}

/// A message comes by WebSocket, and the layer above is told.
#[divan::bench]
fn session_link_in(bencher: Bencher<'_, '_>) {
    let (now, link) = (now(), LinkId::new(0));
    let mut session = session(First::Link(link), now);
    let data = Data::Text(Text::from_static(MESSAGE));
    bencher.bench_local(|| {
        let data = data.clone();
        session.handle_input(now, Input::Link { link, data });
        session.poll_output(now)
    });
}

/// A message is sent while a GET waits: the answer.
#[divan::bench]
fn session_poll_out(bencher: Bencher<'_, '_>) {
    let now = now();
    let mut session = session(First::Polling(RequestId::new(0)), now);
    let (mut last, message) = (0, Data::from(MESSAGE));
    bencher.bench_local(|| {
        last += 1;
        let request = RequestId::new(last);
        session.handle_input(now, Input::Poll { request });
        let sent = session.send(Frame::message(&message).into());
        (sent, session.poll_output(now))
    });
}

fn session(first: First, now: Instant) -> Session {
    let sid: Sid = "AAAAAAAAAAAAAAAAAAAA".parse().expect("an id");
    let mut session = Session::new(sid, Arc::new(Config::default()), first, now);
    while session.poll_output(now).is_some() {}
    session
}
