//! The typed contract, and the ways of sending that are short for another.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use socketio_server::{Namespace, Server, Socket, event};
use support::{Client, start, within};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Add {
    a: u32,
    b: u32,
}
event!(Add => "add" -> u32);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct News(String);
event!(News => "news");

#[tokio::test]
async fn name_payload_and_answer_are_those_of_the_contract_both_ways() {
    let server = Server::default();
    let io = server
        .mount(
            Namespace::new("/").handle(async |socket: Socket, Add { a, b }| {
                socket.notify(&News(format!("{a} and {b}"))).unwrap();
                a + b
            }),
        )
        .unwrap();
    let (mut client, id) = Client::join_as(start(&server).await, "/", "").await;
    client.send("420[\"add\",{\"a\":2,\"b\":3}]").await;
    client.expect("42[\"news\",\"2 and 3\"]").await;
    client.expect("430[5]").await;
    let socket = io.socket(&id.parse().unwrap()).unwrap();
    let add = Add { a: 1, b: 1 };
    let asked: u32 = {
        let asked = socket.call(&add);
        client.expect("420[\"add\",{\"a\":1,\"b\":1}]").await;
        client.send("430[2]").await;
        within(asked).await.unwrap()
    };
    assert_eq!(asked, 2);
    let asked = socket.timeout(Duration::from_secs(5)).call(&add);
    client.expect("421[\"add\",{\"a\":1,\"b\":1}]").await;
    client.send("431[2]").await;
    assert_eq!(within(asked).await, Ok(2));
    let all = io.broadcast().call(&add);
    client.expect("422[\"add\",{\"a\":1,\"b\":1}]").await;
    client.send("432[2]").await;
    assert_eq!(within(all).await.unwrap().complete(), Ok(vec![2]));
    io.broadcast().notify(&News("for all".into())).unwrap();
    client.expect("42[\"news\",\"for all\"]").await;
}

#[tokio::test]
async fn send_is_the_event_message_and_flags_are_accepted_anywhere() {
    let server = Server::default();
    let io = server.mount(Namespace::new("/")).unwrap();
    let (mut client, id) = Client::join_as(start(&server).await, "/", "").await;
    let socket = io.socket(&id.parse().unwrap()).unwrap();
    socket.send(&1).unwrap();
    client.expect("42[\"message\",1]").await;
    io.broadcast().send(&2).unwrap();
    client.expect("42[\"message\",2]").await;
    socket.compress(false).volatile().emit("flags", &3).unwrap();
    client.expect("42[\"flags\",3]").await;
    socket
        .volatile()
        .compress(true)
        .notify(&News("4".into()))
        .unwrap();
    client.expect("42[\"news\",\"4\"]").await;
    io.broadcast()
        .local()
        .compress(true)
        .volatile()
        .emit("flags", &5)
        .unwrap();
    client.expect("42[\"flags\",5]").await;
}
