//! Clients of Socket.IO 1.x and 2.x, string by string. The real ones are in `interop`.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failure of the test"
)]

mod support;

use std::time::Duration;

use serde_json::json;
use socketio_server::{
    ConnectError, Handshake, Namespace, Protocol, Recovery, Server, Socket, SocketId,
};
use support::fixture::{Served, http};
use support::{Client, start, until, until_idle};

/// An old client and the id of its session.
async fn open(served: &Served) -> (Client, String) {
    let mut raw = Client::connect_with(served.address, "EIO=3").await;
    let open = raw.text().await;
    let sid = open.split('"').nth(3).unwrap().to_owned();
    (raw, sid)
}

async fn fixture() -> Served {
    Served::fixture_of(Server::builder().allow_eio3(true)).await
}

#[tokio::test]
async fn they_are_refused_unless_they_are_allowed() {
    let served = Served::fixture().await;
    let (status, body) = http(served.address, "GET", "&EIO=3", "").await;
    let refused = r#"{"code":5,"message":"Unsupported protocol version"}"#;
    assert_eq!((status, body.as_str()), (400, refused));
}

#[tokio::test]
async fn they_are_in_the_root_namespace_without_asking() {
    let served = fixture().await;
    let (mut raw, _) = open(&served).await;
    raw.expect("40").await;
    raw.expect(r#"42["auth",{}]"#).await;
    raw.echoes().await;
    raw.send(r#"427["message-with-ack",1,"2"]"#).await;
    raw.expect(r#"437[1,"2"]"#).await;
    raw.send(r#"451-["message",{"_placeholder":true,"num":0}]"#)
        .await;
    raw.send_binary(&[4, 1, 2, 3]).await;
    raw.expect(r#"451-["message-back",{"_placeholder":true,"num":0}]"#)
        .await;
    assert_eq!(raw.binary().await, [4, 1, 2, 3]);
    raw.send("2").await;
    raw.expect("3").await;
    raw.send("41").await;
    drop(raw);
    until_idle(&served.server).await;
}

#[tokio::test]
async fn other_namespaces_are_joined_with_a_query() {
    let served = fixture().await;
    let (mut raw, _) = open(&served).await;
    raw.expect("40").await;
    raw.expect(r#"42["auth",{}]"#).await;
    raw.send("40/custom?token=a%26b&n=1,").await;
    raw.expect("40/custom,").await;
    raw.expect(r#"42/custom,["auth",{"n":"1","token":"a&b"}]"#)
        .await;
    raw.send(r#"42/custom,["message","x"]"#).await;
    raw.expect(r#"42/custom,["message-back","x"]"#).await;
    raw.send("40/nowhere?x=1,").await;
    raw.expect(r#"44/nowhere,"Invalid namespace""#).await;
    raw.send("41/custom,").await;
    raw.echoes().await;
}

#[tokio::test]
async fn they_know_the_ids_of_their_sockets_without_being_told() {
    let server = Server::builder().allow_eio3(true).build();
    for name in ["/", "/custom"] {
        let namespace = Namespace::new(name)
            .on_connect(async |socket: Socket| socket.emit("id", socket.id()))
            .on("to", async |socket: Socket, to: SocketId| {
                socket.to(to).emit("hello", socket.id()).unwrap();
            });
        server.mount(namespace).unwrap();
    }
    let served = Served::start(server).await;
    let (mut ada, of_ada) = open(&served).await;
    ada.expect("40").await;
    ada.expect(&format!(r#"42["id","{of_ada}"]"#)).await;
    ada.send("40/custom,").await;
    ada.expect("40/custom,").await;
    ada.expect(&format!(r#"42/custom,["id","/custom#{of_ada}"]"#))
        .await;
    let (mut bob, of_bob) = open(&served).await;
    bob.expect("40").await;
    bob.expect(&format!(r#"42["id","{of_bob}"]"#)).await;
    bob.send("40/custom,").await;
    bob.expect("40/custom,").await;
    bob.text().await;
    bob.send(&format!(r#"42/custom,["to","/custom#{of_ada}"]"#))
        .await;
    ada.expect(&format!(r#"42/custom,["hello","/custom#{of_bob}"]"#))
        .await;
    bob.send(&format!(r#"42["to","{of_ada}"]"#)).await;
    ada.expect(&format!(r#"42["hello","{of_bob}"]"#)).await;

    // today's clients keep their secret
    let mut new = Client::connect(served.address).await;
    let secret = new.text().await.split('"').nth(3).unwrap().to_owned();
    new.send("40").await;
    let connected = new.text().await;
    assert!(connected.starts_with(r#"40{"sid":""#) && !connected.contains(&secret));
}

#[tokio::test]
async fn a_refusal_is_a_bare_value_and_the_connection_stays() {
    let server = Server::builder()
        .allow_eio3(true)
        .connect_timeout(Duration::from_secs(1))
        .build();
    let refuse = async |handshake: Handshake| -> Result<(), ConnectError> {
        assert_eq!(handshake.request().protocol(), Protocol::V3);
        let error = ConnectError::new("not you");
        match handshake.auth_json() {
            "{}" => Err(error),
            _ => error.data(&json!({ "code": 401 })).map_or(Ok(()), Err),
        }
    };
    for name in ["/", "/a"] {
        server.mount(Namespace::with_auth(name, refuse)).unwrap();
    }
    let served = Served::start(server).await;
    let (mut raw, _) = open(&served).await;
    raw.expect(r#"44"not you""#).await;
    raw.send("40/a,").await;
    raw.expect(r#"44/a,"not you""#).await;
    raw.send("40/a?x=1,").await;
    raw.expect(r#"44/a,{"code":401}"#).await;
    // who gets in nowhere does not stay for ever
    raw.ends().await;
}

#[tokio::test]
async fn a_broadcast_reaches_old_and_new_clients_in_their_own_forms() {
    let server = Server::builder().allow_eio3(true).build();
    let address = start(&server).await;
    let mut old = Client::connect_with(address, "EIO=3").await;
    let mut text_only = Client::connect_with(address, "EIO=3&b64=1").await;
    let mut new = Client::join(address, "/").await;
    for client in [&mut old, &mut text_only] {
        client.text().await;
        client.expect("40").await;
    }
    until("three sockets", || server.gauges().sockets == 3).await;
    let bytes = socketio_server::Binary::from(vec![1, 2, 3]);
    server.emit("x", &bytes).unwrap();
    for client in [&mut old, &mut text_only, &mut new] {
        client
            .expect(r#"451-["x",{"_placeholder":true,"num":0}]"#)
            .await;
    }
    assert_eq!(old.binary().await, [4, 1, 2, 3]);
    text_only.expect("b4AQID").await;
    assert_eq!(new.binary().await, [1, 2, 3]);
}

#[tokio::test]
async fn they_cannot_take_a_session_back() {
    let builder = Server::builder().allow_eio3(true);
    let served = Served::fixture_of(builder.recovery(Recovery::default())).await;
    let mut new = Client::open(served.address).await;
    new.send("40/custom,").await;
    let connected = new.text().await;
    let key = connected.split("\"pid\":\"").nth(1).unwrap();
    let key = key.strip_suffix("\"}").unwrap().to_owned();
    drop(new);
    let (mut raw, _) = open(&served).await;
    raw.expect("40").await;
    assert!(raw.text().await.starts_with(r#"42["auth",{}"#));
    raw.send(&format!("40/custom?pid={key}&offset=x,")).await;
    raw.expect("40/custom,").await;
    let auth = raw.text().await;
    let own = format!(r#"42/custom,["auth",{{"offset":"x","pid":"{key}"}}"#);
    assert!(auth.starts_with(&own), "{auth}");
}
