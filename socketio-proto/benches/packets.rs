//! Packets to bytes and back, and a step of the server's machine: `cargo bench -p socketio-proto`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use divan::Bencher;
use engineio::{Data, Text};
use socketio_proto::server::{Config, Connection};
use socketio_proto::{AckId, Args, Binary, Limits, NamespaceId, Parser, RawArgs, SocketId};

#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

const EVENT: &str =
    r#"27["message",{"user":"somebody","text":"hello, this is what somebody says in a room"}]"#;
const WITH_BYTES: &str = r#"51-7["file",{"_placeholder":true,"num":0},{"name":"picture.png"}]"#;
const BYTES: usize = 1000;

fn main() {
    divan::main();
}

#[expect(clippy::disallowed_methods, reason = "a point to count from")]
fn now() -> Instant {
    Instant::now()
}

#[divan::bench]
fn decode_event(bencher: Bencher<'_, '_>) {
    let mut decoder = Parser::Json.decoder(Limits::default());
    bencher.bench_local(|| decoder.feed(Data::Text(Text::from_static(black_box(EVENT)))));
}

#[divan::bench]
fn decode_attachment(bencher: Bencher<'_, '_>) {
    let mut decoder = Parser::Json.decoder(Limits::default());
    let bytes = Bytes::from(vec![7; BYTES]);
    bencher.bench_local(|| {
        let head = decoder.feed(Data::Text(Text::from_static(black_box(WITH_BYTES))));
        (head, decoder.feed(Data::Binary(bytes.clone())))
    });
}

#[divan::bench]
fn encode_event(bencher: Bencher<'_, '_>) {
    let (limits, text) = (Limits::default(), "x".repeat(100));
    bencher.bench(|| Parser::Json.event(&NamespaceId::ROOT, "message", &text, None, &limits));
}

#[divan::bench]
fn encode_ack_of_raw_arguments(bencher: Bencher<'_, '_>) {
    let limits = Limits::default();
    let args = RawArgs::encode(&Args(("x".repeat(100), 7))).expect("arguments");
    let id = AckId::new(7).expect("an id");
    bencher.bench(|| Parser::Json.ack(&NamespaceId::ROOT, id, &args, &limits));
}

#[divan::bench]
fn encode_attachment(bencher: Bencher<'_, '_>) {
    let (limits, bytes) = (Limits::default(), Binary(vec![7; BYTES].into()));
    bencher.bench(|| Parser::Json.event(&NamespaceId::ROOT, "file", &bytes, None, &limits));
}

/// An event comes, and the layer above is told.
#[divan::bench]
fn connection_event_in(bencher: Bencher<'_, '_>) {
    let now = now();
    let mut connection = Connection::new(Parser::Json, Arc::new(Config::default()), now);
    connection.handle_data(now, "0".into());
    let id: SocketId = "AAAAAAAAAAAAAAAAAAAA".parse().expect("an id");
    let accepted = connection.accept(now, &NamespaceId::ROOT, id, None);
    accepted.expect("it is connecting");
    while connection.poll_output().is_some() {}
    bencher.bench_local(|| {
        connection.handle_data(now, Data::Text(Text::from_static(EVENT)));
        connection.poll_output()
    });
}
