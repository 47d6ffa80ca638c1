//! The client for the tests of applications, and the clock that such tests turn.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use http::HeaderValue;
use http::header::AUTHORIZATION;
use serde::{Deserialize, Serialize};
use socketio_server::testing::Client;
use socketio_server::{
    Ack, AckError, Args, Binary, ConnectError, DisconnectReason, Handshake, Namespace, Recovery,
    Server, Socket, event,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, advance, sleep};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Add(u32, u32);
event!(Add => "add" -> u32);

#[tokio::test(start_paused = true)]
async fn events_and_answers_go_both_ways() {
    let server = Server::default();
    let io = server
        .mount(
            Namespace::new("/sums")
                .handle(async |_: Socket, Add(a, b)| a + b)
                .on("bytes", async |socket: Socket, bytes: Binary| {
                    socket.emit("bytes back", &Args((1, bytes))).unwrap();
                }),
        )
        .unwrap();
    let mut client = Client::builder(&server)
        .namespace("/sums")
        .connect()
        .await
        .unwrap();
    assert_eq!(client.call(&Add(2, 3)).await, Ok(5));
    client.emit("bytes", &Binary::from(vec![1, 2, 3])).unwrap();
    let Args((one, bytes)) = client.expect::<Args<(u8, Binary)>>("bytes back").await;
    assert_eq!((one, &bytes[..]), (1, &[1, 2, 3][..]));
    let socket = io.socket(client.id()).unwrap();
    let asked = tokio::spawn(socket.call(&Add(1, 1)));
    let event = client.recv().await.unwrap();
    assert_eq!(event.read::<Add>().unwrap(), Add(1, 1));
    client.answer(&event, &2).unwrap();
    assert_eq!(asked.await.unwrap(), Ok(2));
}

#[tokio::test(start_paused = true)]
async fn a_day_of_heartbeats_passes_in_no_time() {
    let server = Server::default();
    let mut client = Client::connect(&server).await.unwrap();
    let start = Instant::now();
    sleep(Duration::from_secs(24 * 3600)).await;
    server.emit("still", "here").unwrap();
    assert_eq!(client.expect::<String>("still").await, "here");
    assert!(start.elapsed() >= Duration::from_secs(24 * 3600));
}

#[tokio::test(start_paused = true)]
async fn deadlines_are_those_of_the_test() {
    let server = Server::default();
    let io = server.mount(Namespace::new("/")).unwrap();
    let client = Client::connect(&server).await.unwrap();
    let start = Instant::now();
    let asked = io
        .socket(client.id())
        .unwrap()
        .emit_with_ack::<u8>("silence", &());
    assert_eq!(asked.await, Err(AckError::Timeout));
    assert_eq!(start.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_says_what_the_auth_step_said() {
    let server = Server::default();
    let namespace = Namespace::with_auth("/", async |handshake: Handshake| {
        let token = handshake.request().headers().get_str("authorization");
        let auth: serde_json::Value = handshake.auth()?;
        if token == Some("secret") && auth["name"] == "ann" {
            return Ok(());
        }
        Err(ConnectError::new("no").data(&[1, 2]).unwrap())
    });
    server.mount(namespace).unwrap();
    let error = Client::connect(&server).await.unwrap_err();
    assert_eq!((error.message(), error.data_json()), ("no", Some("[1,2]")));
    let client = Client::builder(&server)
        .header(AUTHORIZATION, HeaderValue::from_static("secret"))
        .auth(&serde_json::json!({ "name": "ann" }))
        .connect();
    assert!(client.await.is_ok());
    let unknown = Client::builder(&server)
        .namespace("/nowhere")
        .connect()
        .await;
    assert_eq!(unknown.unwrap_err().message(), "Invalid namespace");
}

#[tokio::test(start_paused = true)]
async fn leaving_and_breaking_are_told_apart() {
    let server = Server::builder().recovery(Recovery::default()).build();
    let (told, mut reasons) = mpsc::unbounded_channel();
    let namespace = Namespace::new("/")
        .on("ping", async |_: Socket, ()| Ack(()))
        .on_disconnect(async move |_: Socket, reason| told.send(reason).unwrap());
    server.mount(namespace).unwrap();
    Client::connect(&server).await.unwrap().disconnect();
    let left = DisconnectReason::ClientNamespaceDisconnect;
    assert_eq!(reasons.recv().await, Some(left));
    Client::connect(&server).await.unwrap().cut();
    assert_eq!(reasons.recv().await, Some(DisconnectReason::TransportClose));
    // the session of the second is kept for two minutes, and then not
    advance(Duration::from_secs(121)).await;
    assert_eq!(server.gauges().sockets, 0);
}
