//! Who gets what: rooms, broadcasts, private messages, namespaces, acks, slow readers.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod support;

use std::time::Duration;

use socketio_server::{
    AckError, Args, Binary, ConnectError, Handshake, Namespace, NamespaceHandle, Outgoing,
    SendError, Server, Socket,
};
use support::{Client, Frame, start, until, until_idle, within};

async fn three(server: &Server) -> (NamespaceHandle, [(Client, String); 3]) {
    let handle = server.mount(Namespace::new("/")).unwrap();
    let address = start(server).await;
    let a = Client::join_as(address, "/", "").await;
    let b = Client::join_as(address, "/", "").await;
    let c = Client::join_as(address, "/", "").await;
    (handle, [a, b, c])
}

fn socket(handle: &NamespaceHandle, id: &str) -> Socket {
    handle.socket(&id.parse().unwrap()).unwrap()
}

#[tokio::test]
async fn every_client_of_a_selection_gets_it_once() {
    let server = Server::default();
    let (io, [(mut a, id_a), (mut b, id_b), (mut c, id_c)]) = three(&server).await;
    let [sa, sb, sc] = [&id_a, &id_b, &id_c].map(|id| socket(&io, id));
    sa.join("red");
    sb.join("red");
    sb.join("blue");
    sc.join("blue");

    server.emit("all", &1).unwrap();
    sa.broadcast().emit("others", &2).unwrap();
    io.to("red").to("blue").emit("both", &3).unwrap();
    sa.to("red").emit("red", &4).unwrap();
    io.to("red").except("blue").emit("only red", &5).unwrap();
    io.to(&id_c)
        .emit("private", &Args((&id_a, "psst")))
        .unwrap();
    io.to(sa.id()).except(sa.id()).emit("nobody", &()).unwrap();
    io.to("nobody").emit("nobody", &()).unwrap();
    sb.leave("red");
    io.to("red").emit("left", &6).unwrap();
    io.emit("end", &Args(())).unwrap();

    let ends = "42[\"end\"]";
    for (client, expected) in [
        (
            &mut a,
            vec![
                "42[\"all\",1]",
                "42[\"both\",3]",
                "42[\"only red\",5]",
                "42[\"left\",6]",
                ends,
            ],
        ),
        (
            &mut b,
            vec![
                "42[\"all\",1]",
                "42[\"others\",2]",
                "42[\"both\",3]",
                "42[\"red\",4]",
                ends,
            ],
        ),
        (
            &mut c,
            vec![
                "42[\"all\",1]",
                "42[\"others\",2]",
                "42[\"both\",3]",
                &format!("42[\"private\",\"{id_a}\",\"psst\"]"),
                ends,
            ],
        ),
    ] {
        for text in expected {
            client.expect(text).await;
        }
    }
    assert_eq!(
        sb.rooms()
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        [id_b, "blue".into()]
    );
}

#[tokio::test]
async fn rooms_end_with_their_last_member() {
    let server = Server::default();
    let (io, [(a, id_a), (mut b, id_b), _c]) = three(&server).await;
    socket(&io, &id_a).join("room");
    let left = socket(&io, &id_a);
    drop(a);
    until("two sockets", || server.gauges().sockets == 2).await;
    left.join("room");
    assert!(left.rooms().is_empty());
    socket(&io, &id_b).join("room");
    io.to("room").emit("hello", &()).unwrap();
    b.expect("42[\"hello\",null]").await;
}

#[tokio::test]
async fn the_root_namespace_needs_no_declaration() {
    let server = Server::default();
    let mut client = Client::join(start(&server).await, "/").await;
    server.emit("hello", &[1, 2]).unwrap();
    client.expect("42[\"hello\",[1,2]]").await;
}

struct User(String);

async fn authenticate(handshake: Handshake) -> Result<User, ConnectError> {
    #[derive(serde::Deserialize)]
    struct Auth {
        token: String,
    }
    let Auth { token } = handshake.auth()?;
    if token == "secret" {
        return Ok(User(token));
    }
    let error = ConnectError::new("unauthorized").data(&serde_json::json!({ "code": 401 }));
    Err(error.unwrap_or_else(|_| ConnectError::new("unauthorized")))
}

#[tokio::test]
async fn namespaces_share_a_connection_and_refuse_by_themselves() {
    let server = Server::default();
    let guarded = Namespace::with_auth("/guarded", authenticate)
        .on_connect(async |socket: Socket<User>| socket.emit("welcome", &socket.data().0).ok());
    server.mount(guarded).unwrap();
    let mut client = Client::join(start(&server).await, "/").await;
    client.send("40/guarded,{\"token\":\"wrong\"}").await;
    client
        .expect("44/guarded,{\"message\":\"unauthorized\",\"data\":{\"code\":401}}")
        .await;
    client.send("40/nowhere,").await;
    client
        .expect("44/nowhere,{\"message\":\"Invalid namespace\"}")
        .await;
    client.send("40/guarded,{\"nothing\":1}").await;
    assert!(
        client
            .text()
            .await
            .starts_with("44/guarded,{\"message\":\"invalid auth payload")
    );
    client.send("40/guarded,{\"token\":\"secret\"}").await;
    assert!(client.text().await.starts_with("40/guarded,{\"sid\":\""));
    client.expect("42/guarded,[\"welcome\",\"secret\"]").await;
    assert_eq!(server.gauges().sockets, 2);
    client.send("41/guarded,").await;
    server.emit("still here", &()).unwrap();
    client.expect("42[\"still here\",null]").await;
}

#[tokio::test]
async fn a_panicking_auth_step_refuses() {
    let server = Server::default();
    async fn fail(_: Handshake) -> Result<(), ConnectError> {
        panic!("no database")
    }
    server.mount(Namespace::with_auth("/x", fail)).unwrap();
    let mut client = Client::open(start(&server).await).await;
    client.send("40/x,").await;
    client
        .expect("44/x,{\"message\":\"internal server error\"}")
        .await;
    drop(client);
    until_idle(&server).await;
}

#[tokio::test]
async fn a_connection_that_ends_during_the_auth_step_was_never_connected() {
    // a handler that panics is heard of nowhere else
    let panics = testkit::Panics::watch();
    let server = Server::default();
    async fn forever(_: Handshake) -> Result<(), ConnectError> {
        std::future::pending().await
    }
    let namespace = Namespace::with_auth("/", forever)
        .on_connect(async |_: Socket| panic!("connected"))
        .on_disconnect(async |_: Socket, _| panic!("disconnected"));
    server.mount(namespace).unwrap();
    let mut client = Client::open(start(&server).await).await;
    client.send("40").await;
    until("one session", || server.gauges().sessions == 1).await;
    drop(client);
    until_idle(&server).await;
    assert_eq!(panics.here(), 0);
}

#[tokio::test]
async fn waits_for_acks_end_by_answer_deadline_and_disconnect() {
    let server = Server::builder()
        .ack_timeout(Duration::from_secs(1))
        .build();
    let (io, [(mut a, id_a), ..]) = three(&server).await;
    let socket = socket(&io, &id_a);

    let answered = socket.emit_with_ack::<(u8, u8)>("one", &());
    a.expect("420[\"one\",null]").await;
    a.send("430[[1,2]]").await;
    assert_eq!(within(answered).await, Ok((1, 2)));

    let several = socket.emit_with_ack::<Args<(u8, String)>>("two", &());
    a.expect("421[\"two\",null]").await;
    a.send("431[1,\"x\"]").await;
    assert_eq!(within(several).await, Ok(Args((1, "x".to_owned()))));

    let wrong = socket.emit_with_ack::<u8>("three", &());
    a.expect("422[\"three\",null]").await;
    a.send("432[\"text\"]").await;
    assert!(matches!(within(wrong).await, Err(AckError::Decode(_))));

    let late = socket.emit_with_ack::<u8>("four", &());
    a.expect("423[\"four\",null]").await;
    assert_eq!(within(late).await, Err(AckError::Timeout));
    assert_eq!(server.gauges().pending_acks, 0);
    a.send("433[4]").await;

    let short = socket
        .emit_with_ack::<u8>("five", &())
        .timeout(Duration::from_millis(1));
    assert_eq!(within(short).await, Err(AckError::Timeout));
    let short = socket
        .timeout(Duration::ZERO)
        .emit_with_ack::<u8>("six", &());
    assert_eq!(within(short).await, Err(AckError::Timeout));

    let reserved = socket.emit_with_ack::<u8>("disconnect", &());
    assert!(matches!(
        within(reserved).await,
        Err(AckError::Send(SendError::Encode(_)))
    ));

    let cut = socket
        .timeout(Duration::from_secs(60))
        .emit_with_ack::<u8>("seven", &());
    drop(a);
    assert_eq!(within(cut).await, Err(AckError::Disconnected));
    let after = socket.emit_with_ack::<u8>("eight", &());
    assert_eq!(within(after).await, Err(AckError::Disconnected));
}

#[tokio::test]
async fn binary_travels_in_a_broadcast() {
    let server = Server::default();
    let (io, [(mut a, _), (mut b, _), _c]) = three(&server).await;
    let image = Binary(bytes::Bytes::from_static(&[1, 2, 3]));
    io.emit("image", &Args(("name", image))).unwrap();
    for client in [&mut a, &mut b] {
        client
            .expect("451-[\"image\",\"name\",{\"_placeholder\":true,\"num\":0}]")
            .await;
        assert_eq!(client.next().await, Frame::Binary(vec![1, 2, 3]));
    }
}

#[tokio::test]
async fn disconnect_all_closes_the_connection() {
    let server = Server::default();
    server.mount(Namespace::new("/other")).unwrap();
    let handle = server.mount(Namespace::new("/")).unwrap();
    let (mut client, id) = Client::join_as(start(&server).await, "/", "").await;
    client.send("40/other,").await;
    client.text().await;
    socket(&handle, &id).disconnect_all();
    client.expect("41").await;
    client.expect("41/other,").await;
    assert_eq!(client.next().await, Frame::Close(None));
    until("no session", || server.gauges().sessions == 0).await;
}

#[tokio::test]
async fn ten_thousand_emits_without_a_pause_all_arrive_in_order() {
    let server = Server::default();
    let (io, [(mut a, id), ..]) = three(&server).await;
    let socket = socket(&io, &id);
    for n in 0..10_000 {
        socket.emit("n", &n).unwrap();
    }
    for n in 0..10_000 {
        a.expect(&format!("42[\"n\",{n}]")).await;
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_is_ended_and_the_others_are_served() {
    let mut options = socketio_server::Options::default();
    (options.soft_budget, options.hard_budget) = (1 << 20, 16 << 20);
    let server = Server::builder().engine(options).build();
    let reasons = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = std::sync::Arc::clone(&reasons);
    let namespace = Namespace::new("/").on_disconnect(async move |_: Socket, reason| {
        seen.lock().unwrap().push(format!("{reason}"));
    });
    let io = server.mount(namespace).unwrap();
    let address = start(&server).await;
    let payload = "x".repeat(100_000);
    for broadcasts in [false, true] {
        let (stalled_client, stalled_id) = Client::join_as(address, "/", "").await;
        let (mut honest, honest_id) = Client::join_as(address, "/", "").await;
        let (stalled, honest_socket) = (socket(&io, &stalled_id), socket(&io, &honest_id));
        let mut sent = 0;
        while stalled.is_connected() {
            sent += 1;
            assert!(sent < 400, "the queue has no end");
            if broadcasts {
                io.emit("big", &payload).unwrap();
                assert!(honest.text().await.starts_with("42[\"big\""));
            } else {
                stalled.emit("big", &payload).ok();
            }
            honest_socket.emit("small", &sent).unwrap();
            honest.expect(&format!("42[\"small\",{sent}]")).await;
        }
        until("the reason", || !reasons.lock().unwrap().is_empty()).await;
        assert_eq!(*reasons.lock().unwrap(), ["slow consumer"]);
        assert!(matches!(stalled.try_emit("x", &()), Err(SendError::Closed)));
        drop((stalled_client, honest));
        until("both reasons", || reasons.lock().unwrap().len() == 2).await;
        reasons.lock().unwrap().clear();
    }
}

#[tokio::test]
async fn volatile_events_are_dropped_for_a_client_that_does_not_keep_up() {
    let server = Server::default();
    let (io, [(mut a, id), ..]) = three(&server).await;
    let socket = socket(&io, &id);
    socket.volatile().emit("first", &()).unwrap();
    a.expect("42[\"first\",null]").await;
    // fill what the kernel takes, then more
    let payload = "x".repeat(1_000_000);
    let mut big = 0;
    while socket.queued_bytes() < 2_000_000 {
        assert!(socket.try_emit("big", &payload).is_ok() || socket.emit("big", &payload).is_ok());
        big += 1;
        tokio::task::yield_now().await;
    }
    until("a queue", || socket.queued_bytes() > 0).await;
    socket.volatile().emit("dropped", &()).unwrap();
    socket.emit("last", &()).unwrap();
    for _ in 0..big {
        assert!(a.text().await.starts_with("42[\"big\""));
    }
    a.expect("42[\"last\",null]").await;
}

#[tokio::test]
async fn closing_the_server_tells_everybody() {
    let server = Server::default();
    let reasons = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = std::sync::Arc::clone(&reasons);
    let namespace = Namespace::new("/").on_disconnect(async move |_: Socket, reason| {
        seen.lock().unwrap().push(format!("{reason}"));
    });
    let handle = server.mount(namespace).unwrap();
    let (mut client, _) = Client::join_as(start(&server).await, "/", "").await;
    handle.emit("last words", &()).unwrap();
    within(server.close()).await;
    client.expect("42[\"last words\",null]").await;
    assert_eq!(client.next().await, Frame::Close(Some(1001)));
    assert_eq!(*reasons.lock().unwrap(), ["server shutting down"]);
    assert_eq!(server.gauges().tasks, 0);
}

#[tokio::test]
async fn a_producer_that_waits_for_room_goes_as_fast_as_its_client_and_ends_with_it() {
    let server = Server::default();
    let (io, [(mut a, id), ..]) = three(&server).await;
    let socket = socket(&io, &id);
    let payload = "x".repeat(100_000);
    let produced = tokio::spawn(async move {
        let mut most = 0;
        while socket.emit_ready().await.is_ok() {
            socket.emit("big", &payload).ok();
            most = most.max(socket.queued_bytes());
        }
        most
    });
    // 40 MB: nobody is a slow consumer, and no more than half of the soft budget waits
    for _ in 0..400 {
        assert!(a.text().await.starts_with("42[\"big\""));
    }
    until("a full queue", || server.gauges().queued_bytes > 512 * 1024).await;
    drop(a);
    let most = within(produced).await.unwrap();
    assert!((512 * 1024..700_000).contains(&most), "{most}");
}

#[tokio::test(flavor = "current_thread")]
async fn a_loop_that_never_pauses_is_bounded_too() {
    let server = Server::default();
    let (io, [(_a, id), ..]) = three(&server).await;
    let socket = socket(&io, &id);
    let payload = "x".repeat(1_000_000);
    let sent = (0..100)
        .take_while(|_| socket.emit("big", &payload).is_ok())
        .count();
    assert!((16..20).contains(&sent), "{sent} MB were taken");
    assert!(socket.queued_bytes() < 20_000_000);
    let reason = within(socket.closed()).await;
    assert_eq!(reason.to_string(), "slow consumer");
}

#[tokio::test]
async fn an_event_whose_attachments_never_come_ends_the_connection() {
    let server = Server::builder()
        .assembly_timeout(Duration::from_millis(50))
        .build();
    let mut client = Client::join(start(&server).await, "/").await;
    client
        .send("451-[\"x\",{\"_placeholder\":true,\"num\":0}]")
        .await;
    assert_eq!(client.next().await, Frame::Close(None));
    until("no session", || server.gauges().sessions == 0).await;
}

/// socketioxide #232, #287.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attachments_of_concurrent_emits_stay_with_their_events() {
    const EMITS: u16 = 1000;
    const ATTACHMENTS: u8 = 8;
    let server = Server::default();
    let io = server.mount(Namespace::new("/")).unwrap();
    let (mut client, id) = Client::join_as(start(&server).await, "/", "").await;
    let socket = io.socket(&id.parse().unwrap()).unwrap();
    // threads that never pause: they meet in the middle of an event
    for thread in 0..4_u16 {
        let socket = socket.clone();
        std::thread::spawn(move || {
            for n in 0..EMITS {
                let attachments = (0..ATTACHMENTS).map(|nth| bytes(thread, n, nth));
                let attachments: Vec<_> = attachments.map(|b| Binary(b.into())).collect();
                socket.emit("b", &Args((thread, n, attachments))).unwrap();
            }
        });
    }
    let mut next = [0; 4];
    for _ in 0..4 * EMITS {
        let text = client.text().await;
        let event: serde_json::Value =
            serde_json::from_str(text.strip_prefix("458-").unwrap()).unwrap();
        let number = |at: usize| u16::try_from(event[at].as_u64().unwrap()).unwrap();
        let (thread, n) = (number(1), number(2));
        assert_eq!(n, next[usize::from(thread)], "each in order");
        next[usize::from(thread)] += 1;
        for nth in 0..ATTACHMENTS {
            assert_eq!(client.next().await, Frame::Binary(bytes(thread, n, nth)));
        }
    }
    assert_eq!(next, [EMITS; 4]);
}

fn bytes(thread: u16, n: u16, nth: u8) -> Vec<u8> {
    [&thread.to_be_bytes()[..], &n.to_be_bytes(), &[nth]].concat()
}

/// socketioxide #708: the waiter was registered when the event had left.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_answer_that_comes_at_once_finds_its_question() {
    const ASKS: u32 = 200;
    let server = Server::default();
    // told when the event has left: the answer is there before this ends
    #[expect(clippy::disallowed_methods, reason = "it takes its time on purpose")]
    let slow = |_: &Socket, _: &Outgoing<'_>| std::thread::sleep(Duration::from_millis(2));
    let io = server
        .mount(Namespace::new("/").on_any_outgoing(slow))
        .unwrap();
    let (mut client, id) = Client::join_as(start(&server).await, "/", "").await;
    let socket = io.socket(&id.parse().unwrap()).unwrap();
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let socket = socket.clone();
        asking.spawn(async move {
            for n in 0..ASKS {
                assert_eq!(socket.emit_with_ack::<u32>("n", &n).await, Ok(n));
            }
        });
    }
    for _ in 0..2 * ASKS {
        // 42ID["n",N]
        let text = client.text().await;
        let (id, rest) = text.strip_prefix("42").unwrap().split_once('[').unwrap();
        let n = rest
            .strip_prefix("\"n\",")
            .unwrap()
            .strip_suffix(']')
            .unwrap();
        client.send(&format!("43{id}[{n}]")).await;
    }
    within(asking.join_all()).await;
    assert_eq!(server.gauges().pending_acks, 0);
}

/// socketioxide #602.
#[tokio::test]
async fn a_volatile_event_with_attachments_is_dropped_whole() {
    let server = Server::default();
    let io = server.mount(Namespace::new("/")).unwrap();
    let (mut client, id) = Client::join_as(start(&server).await, "/", "").await;
    let socket = io.socket(&id.parse().unwrap()).unwrap();
    // more than the kernel takes: what is volatile has nowhere to go
    let big = "x".repeat(1_000_000);
    let queued = || {
        socket.emit("big", &big).unwrap();
        socket.queued_bytes() > 2_000_000
    };
    until("a client that does not keep up", queued).await;
    let bytes = || Binary(vec![1, 2, 3].into());
    for _ in 0..10 {
        socket
            .volatile()
            .emit("lost", &Args((bytes(), bytes())))
            .unwrap();
    }
    socket.emit("last", &bytes()).unwrap();
    let last = loop {
        match client.text().await {
            big if big.starts_with("42[\"big\"") => {}
            last => break last,
        }
    };
    assert!(last.starts_with("451-[\"last\""), "{last}");
    assert_eq!(client.next().await, Frame::Binary(vec![1, 2, 3]));
}
