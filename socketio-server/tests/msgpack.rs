//! A server that speaks msgpack; npm's clients are in `interop`.
#![cfg(feature = "msgpack")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failure of the test"
)]

mod support;

use serde_json::json;
use socketio_server::parser::{Body, Data, Packet, Parser};
use socketio_server::{
    Args, Binary, Limits, Namespace, NamespaceId, RawArgs, Recovery, Server, Socket, Value,
};
use support::{Client, start, until};

fn builder() -> socketio_server::Builder {
    Server::builder().parser(Parser::Msgpack)
}

async fn send(client: &mut Client, body: Body) {
    let namespace = NamespaceId::ROOT;
    let packet = Packet { namespace, body };
    let batch = Parser::Msgpack.encode(&packet, &Limits::default()).unwrap();
    let frames: Vec<_> = batch.iter().collect();
    assert!(frames.len() == 1 && frames[0].is_binary());
    client.send_binary(frames[0].payload()).await;
}

async fn receive(client: &mut Client) -> Body {
    let message = client.binary().await;
    let mut decoder = Parser::Msgpack.decoder(Limits::default());
    let packet = decoder.feed(Data::Binary(message.into())).unwrap().unwrap();
    assert!(packet.namespace.is_root());
    packet.body
}

async fn event(client: &mut Client) -> RawArgs {
    match receive(client).await {
        Body::Event { args, .. } => args,
        other => panic!("{other:?}"),
    }
}

/// Connects with this auth payload, and gives what answers that.
async fn join(address: std::net::SocketAddr, auth: Option<serde_json::Value>) -> (Client, String) {
    let mut client = Client::open(address).await;
    let payload = auth.map(|auth| auth.to_string().into());
    send(&mut client, Body::Connect { payload }).await;
    match receive(&mut client).await {
        Body::Connect { payload } => (client, payload.unwrap().to_string()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn bytes_stand_in_their_places() {
    let server = builder().build();
    let namespace = Namespace::new("/").on("echo", async |socket: Socket, args: RawArgs| {
        socket.emit("echo", &args).unwrap();
    });
    server.mount(namespace).unwrap();
    let (mut client, _) = join(start(&server).await, None).await;
    // more of them than JSON has attachments for
    let many: Vec<Binary> = (0..40u8).map(|n| vec![n].into()).collect();
    let args = RawArgs::encode(&Args((many.clone(), "between", Binary::default()))).unwrap();
    let name = "echo".into();
    send(
        &mut client,
        Body::Event {
            name,
            args,
            ack: None,
        },
    )
    .await;
    let Args((bytes, text, empty)) = event(&mut client).await.read().unwrap();
    let _: (&Vec<Binary>, &String, &Binary) = (&bytes, &text, &empty);
    assert_eq!((bytes, text.as_str(), empty.len()), (many, "between", 0));
}

#[tokio::test]
async fn what_was_missed_comes_again_with_its_offset() {
    let server = builder().recovery(Recovery::default()).build();
    let io = server.mount(Namespace::new("/")).unwrap();
    let address = start(&server).await;
    let (mut client, answer) = join(address, None).await;
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    io.emit("first", &Binary::from(vec![1])).unwrap();
    let Args((bytes, offset)) = event(&mut client).await.read().unwrap();
    let (bytes, offset): (Binary, String) = (bytes, offset);
    assert_eq!(&bytes[..], [1]);
    drop(client);
    until("an empty namespace", || io.is_empty()).await;
    let missed = Args((Binary::from(vec![2]), Value::from(0.5)));
    io.emit("second", &missed).unwrap();

    let mut client = Client::open(address).await;
    let auth = json!({ "pid": answer["pid"], "offset": offset });
    let payload = Some(auth.to_string().into());
    send(&mut client, Body::Connect { payload }).await;
    let Args((bytes, half, later)) = event(&mut client).await.read().unwrap();
    let (bytes, later): (Binary, String) = (bytes, later);
    assert_eq!((&bytes[..], half), (&[2][..], 0.5));
    assert_ne!(later, offset);
    let Body::Connect { payload } = receive(&mut client).await else {
        panic!("no answer")
    };
    let again: serde_json::Value = serde_json::from_str(&payload.unwrap()).unwrap();
    assert_eq!(
        (&again["sid"], &again["pid"]),
        (&answer["sid"], &answer["pid"])
    );
}

#[tokio::test]
async fn json_and_what_is_cut_off_end_the_connection() {
    for wrong in [
        &b"\x91"[..],
        b"\x83\xa4type\x02",
        b"\xdd\xff\xff\xff\xff",
        b"",
    ] {
        let server = builder().build();
        server.mount(Namespace::new("/")).unwrap();
        let (mut client, _) = join(start(&server).await, None).await;
        if wrong.is_empty() {
            client.send("42[\"echo\"]").await;
        } else {
            client.send_binary(wrong).await;
        }
        client.closed().await;
        until("nobody", || server.gauges().sockets == 0).await;
    }
}

#[cfg(feature = "testing")]
#[tokio::test(start_paused = true)]
async fn the_client_of_tests_speaks_what_its_server_does() {
    use socketio_server::Ack;
    use socketio_server::testing::Client;

    let server = builder().build();
    let io = server
        .mount(
            Namespace::new("/sums")
                .on("add", async |_: Socket, Args((a, b)): Args<(u32, u32)>| {
                    Ack(a + b)
                })
                .on("bytes", async |socket: Socket, bytes: Binary| {
                    socket.emit("bytes back", &[bytes]).unwrap();
                }),
        )
        .unwrap();
    let client = Client::builder(&server).namespace("/sums").connect().await;
    let mut client = client.unwrap();
    assert_eq!(client.emit_with_ack("add", &Args((2, 3))).await, Ok(5));
    client.emit("bytes", &Binary::from(vec![1, 2])).unwrap();
    let [bytes] = client.expect::<[Binary; 1]>("bytes back").await;
    assert_eq!(&bytes[..], [1, 2]);
    let asked = tokio::spawn(io.socket(client.id()).unwrap().emit_with_ack("why", "me"));
    let question = client.recv().await.unwrap();
    assert_eq!(question.read::<String>().unwrap(), "me");
    client.answer(&question, &Binary::from(vec![3])).unwrap();
    let answer: Binary = asked.await.unwrap().unwrap();
    assert_eq!(&answer[..], [3]);
    client.disconnect();
}
