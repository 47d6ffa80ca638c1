//! Prices the open points of the design, each choice beside its rival in one run:
//! `cargo run --release -p bench --bin spikes`.
#![allow(
    unsafe_code,
    clippy::print_stdout,
    reason = "a counting allocator, and a program that prints"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::io::{Cursor, Read, Write};
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use bytes::Bytes;
pub(crate) use engineio::{Data, Text};
use socketio_proto::{Args, Binary, NamespaceId, Parser};
use tokio::sync::mpsc;
use tungstenite::protocol::{Role, WebSocket, WebSocketConfig};

#[allow(dead_code, reason = "the very file that the server uses")]
#[path = "../../../../engineio/src/net/ws/mod.rs"]
mod ws;

mod flusher;

struct Counting;

static LIVE: AtomicIsize = AtomicIsize::new(0);
static COUNT: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size() as isize, Relaxed);
        COUNT.fetch_add(1, Relaxed);
        // SAFETY: as the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as isize, Relaxed);
        // SAFETY: as the caller's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn main() {
    println!("1. the layer above in the session's task, or in one of its own");
    tasks();
    println!("2. tungstenite on in-memory buffers, or its frame layer under our reader");
    readers();
    println!("3. who writes a broadcast to 1,000 receivers, per receiver");
    flusher::compare();
    println!("4. checking UTF-8 again when a text is read");
    utf8();
    println!("5. binary in typed payloads");
    binary();
}

const ROUNDS: usize = 300_000;

fn report(what: &str, per_round: f64, bytes: isize, allocations: f64) {
    println!("   {what:<52} {per_round:>8.1} ns {bytes:>8} B {allocations:>6.2} allocs");
}

/// Runs `f` often: nanoseconds and allocations of one round, after a warm-up.
fn time(mut f: impl FnMut()) -> (f64, f64) {
    (0..ROUNDS / 10).for_each(|_| f());
    let (start, count) = (Instant::now(), COUNT.load(Relaxed));
    (0..ROUNDS).for_each(|_| f());
    let nanos = start.elapsed().as_nanos() as f64 / ROUNDS as f64;
    (nanos, (COUNT.load(Relaxed) - count) as f64 / ROUNDS as f64)
}

fn io_runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .expect("a runtime")
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime")
}

fn tasks() {
    const IDLE: isize = 10_000;
    // one task with its queue inside, a second one behind a channel
    for (what, second) in [
        ("one task", false),
        ("a second task behind a channel", true),
    ] {
        let runtime = runtime();
        let (nanos, bytes) = runtime.block_on(async {
            let before = LIVE.load(Relaxed);
            let mut keep = Vec::new();
            for _ in 0..IDLE {
                let (first_in, mut first) = mpsc::channel::<Text>(4);
                if second {
                    let (second_in, mut second) = mpsc::channel::<Text>(4);
                    tokio::spawn(async move { while second.recv().await.is_some() {} });
                    tokio::spawn(async move {
                        while let Some(text) = first.recv().await {
                            second_in.send(text).await.ok();
                        }
                    });
                } else {
                    tokio::spawn(async move { while first.recv().await.is_some() {} });
                }
                keep.push(first_in);
            }
            tokio::task::yield_now().await;
            let bytes = (LIVE.load(Relaxed) - before) / IDLE;
            let (to, mut first) = mpsc::channel::<usize>(1);
            let (back, mut answers) = mpsc::channel::<usize>(1);
            if second {
                let (second_in, mut second) = mpsc::channel::<usize>(1);
                tokio::spawn(async move {
                    while let Some(n) = second.recv().await {
                        back.send(n).await.ok();
                    }
                });
                tokio::spawn(async move {
                    while let Some(n) = first.recv().await {
                        second_in.send(n).await.ok();
                    }
                });
            } else {
                tokio::spawn(async move {
                    while let Some(n) = first.recv().await {
                        back.send(n).await.ok();
                    }
                });
            }
            let start = Instant::now();
            for n in 0..ROUNDS {
                to.send(n).await.ok();
                black_box(answers.recv().await);
            }
            drop(keep);
            (start.elapsed().as_nanos() as f64 / ROUNDS as f64, bytes)
        });
        report(what, nanos, bytes, 0.0);
    }
}

fn frame(len: usize) -> Vec<u8> {
    let mut out = vec![0x81, 0x80 | 126];
    out.extend((len as u16).to_be_bytes());
    out.extend([0; 4]);
    out.extend(std::iter::repeat_n(b'x', len));
    out
}

/// A stream that brings the same frames again and again.
struct Endless {
    frames: Cursor<Vec<u8>>,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.frames.position() as usize >= self.frames.get_ref().len() {
            self.frames.set_position(0);
        }
        self.frames.read(buffer)
    }
}

impl Write for Endless {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn readers() {
    for len in [126, 4096] {
        let frames = frame(len).repeat(16);
        let before = LIVE.load(Relaxed);
        let stream = Endless {
            frames: Cursor::new(frames.clone()),
        };
        let held = LIVE.load(Relaxed);
        let config = WebSocketConfig::default().read_buffer_size(4096);
        let mut socket = WebSocket::from_raw_socket(stream, Role::Server, Some(config));
        let (nanos, allocations) = time(|| {
            black_box(socket.read().expect("a message"));
        });
        let bytes = LIVE.load(Relaxed) - held;
        report(
            &format!("tungstenite, {len} bytes"),
            nanos,
            bytes,
            allocations,
        );
        drop(socket);
        let held = LIVE.load(Relaxed);
        let mut reader = ws::Reader::new(ws::Role::Server, 1_000_000);
        // one buffer for all connections, 16 frames a read
        let mut buffer = frames.clone();
        let (nanos, allocations) = time(|| {
            buffer.copy_from_slice(&frames);
            reader
                .feed(&mut buffer, |item| drop(black_box(item)))
                .expect("frames");
        });
        let bytes = LIVE.load(Relaxed) - held - buffer.len() as isize;
        report(
            &format!("frame layer, {len} bytes"),
            nanos / 16.0,
            bytes,
            allocations / 16.0,
        );
        black_box(before);
    }
    // the asynchronous wrapper: what an idle connection holds
    let runtime = runtime();
    runtime.block_on(async {
        let mut sockets = Vec::with_capacity(1000);
        let before = LIVE.load(Relaxed);
        for _ in 0..1000 {
            let config = WebSocketConfig::default().read_buffer_size(4096);
            let stream = tokio::io::empty();
            let role = Role::Server;
            let socket =
                tokio_tungstenite::WebSocketStream::from_raw_socket(stream, role, Some(config));
            sockets.push(socket.await);
        }
        report(
            "tokio-tungstenite, idle",
            0.0,
            (LIVE.load(Relaxed) - before) / 1000,
            0.0,
        );
    });
}

fn utf8() {
    for len in [100, 4096] {
        let text = "x".repeat(len);
        let (nanos, _) = time(|| {
            black_box(std::str::from_utf8(black_box(text.as_bytes())).expect("text"));
        });
        report(&format!("std::str::from_utf8, {len} bytes"), nanos, 0, 0.0);
        let text = Text::from(text);
        let (nanos, _) = time(|| {
            black_box(black_box(&text).as_str());
        });
        report(&format!("Text::as_str, {len} bytes"), nanos, 0, 0.0);
    }
}

fn binary() {
    let limits = socketio_proto::Limits::default();
    let parser = Parser::default();
    let bytes = Bytes::from(vec![7; 4096]);
    let (nanos, allocations) = time(|| {
        let payload = Args(("name", Binary(bytes.clone())));
        let batch = parser.event(&NamespaceId::ROOT, "image", &payload, None, &limits);
        drop(black_box(batch));
    });
    report("encode one attachment of 4 KiB", nanos, 0, allocations);
    let header = Text::from("51-[\"image\",\"name\",{\"_placeholder\":true,\"num\":0}]");
    let mut decoder = parser.decoder(limits);
    let (nanos, allocations) = time(|| {
        decoder.feed(Data::Text(header.clone())).expect("a header");
        let packet = decoder.feed(Data::Binary(bytes.clone())).expect("a packet");
        if let Some(socketio_proto::Packet {
            body: socketio_proto::Body::Event { args, .. },
            ..
        }) = packet
        {
            let read: Args<(String, Binary)> = args.read().expect("arguments");
            drop(black_box(read));
        }
    });
    report(
        "decode and read it, its bytes shared",
        nanos,
        0,
        allocations,
    );
}
