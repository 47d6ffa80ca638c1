//! What handlers may do to their own connection.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failure of the test"
)]

mod support;

use socketio_server::{Namespace, RawArgs, Server, Socket};
use support::Client;
use support::fixture::Served;

async fn served(namespace: Namespace) -> (Served, Client) {
    let server = Server::default();
    server.mount(namespace).unwrap();
    let served = Served::start(server).await;
    let mut client = served.open().await;
    client.send("40").await;
    assert!(client.text().await.starts_with("40{\"sid\":\""));
    (served, client)
}

#[tokio::test]
async fn a_handler_puts_its_own_client_out() {
    let bye = async |socket: Socket, _: RawArgs| socket.disconnect();
    let (served, mut client) = served(Namespace::new("/").on("bye", bye)).await;
    client.send(r#"42["bye"]"#).await;
    assert_eq!(client.text().await, "41");
    assert_eq!(served.server.gauges().sockets, 0);
}

#[tokio::test]
async fn a_handler_closes_its_own_connection() {
    let bye = async |socket: Socket, _: RawArgs| socket.disconnect_all();
    let (_served, mut client) = served(Namespace::new("/").on("bye", bye)).await;
    client.send(r#"42["bye"]"#).await;
    assert_eq!(client.text().await, "41");
    client.ends().await;
}

#[tokio::test]
async fn everyone_is_the_sender_too() {
    let all = async |socket: Socket, _: RawArgs| {
        socket.everyone().emit("all", &1).unwrap();
    };
    let (served, mut client) = served(Namespace::new("/").on("all", all)).await;
    let mut other = served.open().await;
    other.send("40").await;
    other.text().await;
    client.send(r#"42["all"]"#).await;
    assert_eq!(client.text().await, r#"42["all",1]"#);
    assert_eq!(other.text().await, r#"42["all",1]"#);
}
