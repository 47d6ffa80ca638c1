//! Messages that somebody else than the session's own task sends, as broadcasts do: the flusher writes them.

use std::net::SocketAddr;

use engineio::net::server::{Connection, Handle, Options, Server, on_connection, serve};
use engineio::{CloseReason, Data, Frame};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::support::{Http, OPEN_WEBSOCKET, WebSocket, soon, upgrade_request};

type Told = (Handle, UnboundedReceiver<Option<CloseReason>>);

/// Servers whose sessions only listen; their handles come out.
struct Quiet {
    handles: UnboundedReceiver<Told>,
    addresses: Vec<SocketAddr>,
}

impl Quiet {
    /// One server that is reached on a port in each of the runtimes.
    fn start(options: Options, runtimes: &[&Runtime]) -> Self {
        let (told, handles) = unbounded_channel();
        let service = on_connection(options, move |connection| listen(connection, told.clone()));
        let bind = |runtime: &&Runtime| {
            let (server, service): (Server, _) = (service.server(), service.clone());
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = listener.local_addr().unwrap();
                tokio::spawn(serve(listener, server, service, std::future::pending()));
                address
            })
        };
        let addresses = runtimes.iter().map(bind).collect();
        Self { handles, addresses }
    }

    async fn connect(&mut self, port: usize) -> (WebSocket, Told) {
        let stream = soon(TcpStream::connect(self.addresses[port]))
            .await
            .unwrap();
        let mut http = Http::new(stream);
        http.send(upgrade_request(OPEN_WEBSOCKET, "")).await;
        let mut websocket = http.switched().await;
        assert!(websocket.text().await.starts_with("0{"));
        (websocket, soon(self.handles.recv()).await.unwrap())
    }
}

async fn listen(mut connection: Connection, told: UnboundedSender<Told>) {
    let (ended, reason) = unbounded_channel();
    told.send((connection.handle().clone(), reason)).unwrap();
    while connection.recv().await.is_some() {}
    ended.send(connection.close_reason()).ok();
}

fn frame(text: &str) -> Frame {
    Frame::message(&Data::from(text))
}

fn runtime() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
}

#[test]
fn what_others_send_arrives_once_and_in_order_whoever_writes_it() {
    const CLIENTS: usize = 50;
    const MESSAGES: usize = 200;
    let runtime = runtime();
    let mut quiet = Quiet::start(Options::default(), &[&runtime]);
    runtime.block_on(async {
        let mut clients = Vec::new();
        for _ in 0..CLIENTS {
            clients.push(quiet.connect(0).await);
        }
        for n in 0..MESSAGES {
            let shared = frame(&n.to_string());
            for (websocket, (handle, _)) in &mut clients {
                handle.send([shared.clone()]).unwrap();
                // some have a task that is awake, which writes by itself
                if n % 50 == 0 {
                    websocket.send("4hello").await;
                }
            }
        }
        for (websocket, _) in &mut clients {
            for n in 0..MESSAGES {
                assert_eq!(websocket.text().await, format!("4{n}"));
            }
        }
    });
}

#[test]
fn a_receiver_that_takes_nothing_is_given_up_and_the_others_get_everything() {
    let runtime = runtime();
    let mut options = Options::default();
    (options.soft_budget, options.hard_budget) = (1_000_000, 4_000_000);
    let mut quiet = Quiet::start(options, &[&runtime]);
    runtime.block_on(async {
        let (_deaf, (deaf, mut reason)) = quiet.connect(0).await;
        let (mut hears, (other, _)) = quiet.connect(0).await;
        let message = "x".repeat(100_000);
        let shared = frame(&message);
        let mut sent = 0;
        while deaf.send([shared.clone()]).is_ok() {
            other.send([shared.clone()]).unwrap();
            sent += 1;
            assert!(sent < 1000, "nobody gave it up");
            // one at a time, so that only one of them has something waiting
            assert_eq!(hears.text().await.len(), 1 + message.len());
        }
        let reason = soon(reason.recv()).await.unwrap();
        assert_eq!(reason, Some(CloseReason::SlowConsumer));
    });
}

#[test]
fn sessions_are_written_to_when_the_runtime_of_the_first_ones_has_ended() {
    let (first, second) = (runtime(), runtime());
    let mut quiet = Quiet::start(Options::default(), &[&first, &second]);
    let gone = first.block_on(quiet.connect(0));
    let (mut stays, (handle, _)) = second.block_on(quiet.connect(1));
    gone.1.0.send([frame("a")]).unwrap();
    first.shutdown_background();
    for n in 0..10 {
        handle.send([frame(&n.to_string())]).unwrap();
        let text = second.block_on(stays.text());
        assert_eq!(text, format!("4{n}"));
    }
    // and whoever comes now is as well off
    let (mut late, (handle, _)) = second.block_on(quiet.connect(1));
    handle.send([frame("late")]).unwrap();
    assert_eq!(second.block_on(late.text()), "4late");
}
