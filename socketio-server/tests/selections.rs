//! What can be done to many sockets at once: fetching, moving, ending, asking.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use socketio_server::{
    AckError, Limits, Namespace, NamespaceHandle, Room, RoomEvent, Server, Socket, SocketId,
};
use support::{Client, Frame, start, until, until_idle, within};

async fn joined(server: &Server, count: usize) -> (NamespaceHandle, Vec<(Client, SocketId)>) {
    let io = server.mount(Namespace::new("/")).unwrap();
    let address = start(server).await;
    let mut clients = Vec::new();
    for _ in 0..count {
        let (client, id) = Client::join_as(address, "/", "").await;
        clients.push((client, id.parse().unwrap()));
    }
    (io, clients)
}

#[tokio::test]
async fn who_has_left_and_come_again_is_not_put_out_for_the_socket_it_was() {
    let server = Server::default();
    let (io, mut clients) = joined(&server, 1).await;
    let (client, id) = &mut clients[0];
    let old = io.socket(id).unwrap();
    client.send("41").await;
    old.closed().await;
    client.send("40").await;
    assert!(client.text().await.starts_with("40{"));
    old.disconnect();
    io.emit("still here?", &1).unwrap();
    client.expect("42[\"still here?\",1]").await;
}

#[tokio::test]
async fn sockets_are_fetched_with_their_rooms_and_what_is_shared_of_their_data() {
    let server = Server::default();
    let io = server
        .mount(
            Namespace::with_auth("/", async |handshake: socketio_server::Handshake| {
                let auth: serde_json::Value = handshake.auth()?;
                Ok(auth["name"].as_str().unwrap_or("nobody").to_owned())
            })
            .share_data(|name: &String| serde_json::json!({ "name": name })),
        )
        .unwrap();
    let address = start(&server).await;
    let (mut ann, id) = Client::join_as(address, "/", "{\"name\":\"ann\"}").await;
    let (_bob, _) = Client::join_as(address, "/", "{\"name\":\"bob\"}").await;
    io.socket(&id.parse().unwrap()).unwrap().join("blue");
    let found = io.to("blue").fetch_sockets();
    let [remote] = &found[..] else {
        panic!("{found:?}");
    };
    assert_eq!(remote.id().as_str(), id);
    assert_eq!(remote.rooms(), [Room::from(&id), Room::from("blue")]);
    assert_eq!(remote.handshake().auth_json(), "{\"name\":\"ann\"}");
    assert_eq!(remote.data::<serde_json::Value>().unwrap()["name"], "ann");
    assert!(remote.data::<Vec<u8>>().is_err());
    remote.emit("private", &1).unwrap();
    ann.expect("42[\"private\",1]").await;
    let answers = async {
        ann.expect("420[\"ask\",2]").await;
        ann.send("430[3]").await;
    };
    let (answer, ()) = tokio::join!(remote.emit_with_ack::<u8>("ask", &2), answers);
    assert_eq!(answer, Ok(3));
    remote.join("green");
    assert_eq!(io.to("green").fetch_sockets().len(), 1);
    remote.leave("green");
    assert!(io.to("green").fetch_sockets().is_empty());
    remote.disconnect(false);
    ann.expect("41").await;
    assert_eq!(io.broadcast().fetch_sockets().len(), 1);
    let asked = remote.emit_with_ack::<u8>("ask", &2);
    assert_eq!(within(asked).await, Err(AckError::Disconnected));
}

#[tokio::test]
async fn selections_move_between_rooms_and_are_put_out() {
    let server = Server::default();
    let (io, mut clients) = joined(&server, 3).await;
    let (first, second) = (&clients[0].1, &clients[1].1);
    io.to(first).to(second).sockets_join(["red", "blue"]);
    io.to("red").except(first).sockets_leave(["blue"]);
    let ids = |room: &'static str| -> Vec<SocketId> {
        io.to(room)
            .fetch_sockets()
            .iter()
            .map(|s| s.id().clone())
            .collect()
    };
    assert_eq!(ids("red").len(), 2);
    assert_eq!(ids("blue"), std::slice::from_ref(first));
    io.to("blue").disconnect_sockets(false);
    clients[0].0.expect("41").await;
    io.to("red").disconnect_sockets(true);
    clients[1].0.expect("41").await;
    assert_eq!(clients[1].0.next().await, Frame::Close(None));
    until("one left", || io.len() == 1).await;
}

#[tokio::test]
async fn everybody_is_asked_and_who_is_late_or_leaves_does_not_take_the_answers_along() {
    let server = Server::default();
    let (io, mut clients) = joined(&server, 4).await;
    let ids: Vec<SocketId> = clients.iter().map(|(_, id)| id.clone()).collect();
    let asked = io
        .broadcast()
        .timeout(Duration::from_millis(300))
        .emit_with_ack::<u32>("count", &());
    for (index, (client, _)) in clients.iter_mut().enumerate() {
        // one id, and so the same bytes, for all
        client.expect("420[\"count\",null]").await;
        match index {
            0 => client.send("430[10]").await,
            1 => client.send("430[\"no number\"]").await,
            2 => client.send("41").await,
            _ => {}
        }
    }
    let answers = within(asked).await.unwrap();
    assert_eq!(answers.answers, [(ids[0].clone(), 10)]);
    let missing = |id: &SocketId| {
        let found = answers.missing.iter().find(|(socket, _)| socket == id);
        found.map(|(_, error)| error.clone())
    };
    assert!(matches!(missing(&ids[1]), Some(AckError::Decode(_))));
    assert_eq!(missing(&ids[2]), Some(AckError::Disconnected));
    assert_eq!(missing(&ids[3]), Some(AckError::Timeout));
    assert_eq!(answers.clone().complete(), Err(answers));
    clients.clear();
    until_idle(&server).await;
}

#[tokio::test]
async fn a_complete_answer_comes_at_once_and_nobody_is_no_reason_to_wait() {
    let server = Server::default();
    let (io, mut clients) = joined(&server, 3).await;
    let nobody = io.to("nowhere").emit_with_ack::<u32>("count", &());
    assert_eq!(within(nobody).await.unwrap().complete(), Ok(Vec::new()));
    let asked = io.broadcast().emit_with_ack::<u32>("count", &());
    for (n, (client, _)) in clients.iter_mut().enumerate() {
        client.expect("421[\"count\",null]").await;
        client.send(&format!("431[{n}]")).await;
    }
    let mut all = within(asked).await.unwrap().complete().unwrap();
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2]);
    let refused = io.broadcast().emit_with_ack::<u32>("disconnect", &());
    assert!(within(refused).await.is_err(), "the name is reserved");
}

/// socket.io 4.8.4: acks that timed out stayed in every socket's map.
#[tokio::test]
async fn answers_that_never_come_leave_nothing_behind() {
    let limits = Limits::default().pending_acks(1000);
    let server = Server::builder().limits(limits).build();
    let (io, mut clients) = joined(&server, 1).await;
    for _ in 0..1000 {
        let asked = io
            .broadcast()
            .timeout(Duration::from_millis(1))
            .emit_with_ack::<u32>("silence", &());
        drop(asked);
    }
    until("no ack", || server.gauges().pending_acks == 0).await;
    // the limit was used up, and is not any more
    let last = io
        .broadcast()
        .timeout(Duration::from_millis(20))
        .emit_with_ack::<u32>("last", &());
    assert_eq!(within(last).await.unwrap().missing[0].1, AckError::Timeout);
    assert_eq!(server.gauges().pending_acks, 0);
    clients.clear();
    until_idle(&server).await;
}

#[tokio::test]
async fn rooms_tell_when_they_come_and_go() {
    let server = Server::default();
    let log: Arc<Mutex<Vec<RoomEvent>>> = Arc::default();
    let seen = Arc::clone(&log);
    let namespace = Namespace::new("/")
        .on_connect(async |socket: Socket| socket.join("blue"))
        .on_room_event(move |event| seen.lock().unwrap().push(event.clone()));
    let io = server.mount(namespace).unwrap();
    let address = start(&server).await;
    let (mut a, a_id) = Client::join_as(address, "/", "").await;
    until("blue", || log.lock().unwrap().len() == 4).await;
    let (_b, b_id) = Client::join_as(address, "/", "").await;
    until("both", || log.lock().unwrap().len() == 7).await;
    let (a_id, b_id): (SocketId, SocketId) = (a_id.parse().unwrap(), b_id.parse().unwrap());
    let blue = || Room::from("blue");
    let (own_a, own_b) = (Room::from(&a_id), Room::from(&b_id));
    assert_eq!(
        std::mem::take(&mut *log.lock().unwrap()),
        [
            RoomEvent::Created {
                room: own_a.clone()
            },
            RoomEvent::Joined {
                room: own_a.clone(),
                socket: a_id.clone()
            },
            RoomEvent::Created { room: blue() },
            RoomEvent::Joined {
                room: blue(),
                socket: a_id.clone()
            },
            RoomEvent::Created {
                room: own_b.clone()
            },
            RoomEvent::Joined {
                room: own_b,
                socket: b_id.clone()
            },
            RoomEvent::Joined {
                room: blue(),
                socket: b_id.clone()
            },
        ]
    );
    io.socket(&b_id).unwrap().leave("blue");
    a.send("41").await;
    until("the end of both", || log.lock().unwrap().len() == 5).await;
    assert_eq!(
        *log.lock().unwrap(),
        [
            RoomEvent::Left {
                room: blue(),
                socket: b_id.clone()
            },
            RoomEvent::Left {
                room: blue(),
                socket: a_id.clone()
            },
            RoomEvent::Deleted { room: blue() },
            RoomEvent::Left {
                room: own_a.clone(),
                socket: a_id.clone()
            },
            RoomEvent::Deleted { room: own_a },
        ]
    );
}

/// F16: not at the deadline, which is 30 s away.
#[tokio::test]
async fn the_place_of_a_client_that_dies_ends_with_its_connection() {
    let server = Server::default();
    let (io, mut clients) = joined(&server, 3).await;
    let asked = io.broadcast().emit_with_ack::<u32>("count", &());
    let (mut dying, dead) = clients.pop().unwrap();
    dying.expect("420[\"count\",null]").await;
    for (client, _) in &mut clients {
        client.expect("420[\"count\",null]").await;
        client.send("430[1]").await;
    }
    drop(dying);
    let answers = within(asked).await.unwrap();
    assert_eq!(answers.answers.len(), 2);
    assert_eq!(answers.missing, [(dead, AckError::Disconnected)]);
}
