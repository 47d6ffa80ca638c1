//! A parser that is not ours: what goes over the wire has its shape, and all else is as ever.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failure of the test"
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value as Json, json};
use socketio_server::parser::{
    AckId, ArgsWriter, Batch, Body, Data, DecodeError, EncodeError, Packet, UserDecoder, UserParser,
};
use socketio_server::{
    Ack, ConnectError, Handshake, IntoArgs, Limits, Namespace, NamespaceId, Parser, RawArgs,
    Recovery, Server, Socket,
};
use support::{Client, start, until};

/// `["event","/","name",7,[arguments]]` as text, and so on; nothing in it is binary.
#[derive(Clone, Debug, Default)]
struct Lists {
    /// Events that were written.
    events: Arc<AtomicUsize>,
}

impl UserParser for Lists {
    fn encode(&self, packet: &Packet, _: &Limits) -> Result<Batch, EncodeError> {
        let space = packet.namespace.as_str();
        let value = |text: &str| serde_json::from_str::<Json>(text).unwrap();
        let list = |args: &RawArgs| match args.attachments() {
            [] => Ok(args.iter().map(value).collect::<Json>()),
            _ => Err(EncodeError::TooManyAttachments),
        };
        let line = match &packet.body {
            Body::Connect { payload } => json!(["join", space, payload.as_deref().map(value)]),
            Body::Disconnect => json!(["leave", space]),
            Body::Event { name, args, ack } => {
                self.events.fetch_add(1, Ordering::Relaxed);
                json!([
                    "event",
                    space,
                    name.as_str(),
                    ack.map(AckId::get),
                    list(args)?
                ])
            }
            Body::Ack { id, args } => json!(["answer", space, id.get(), list(args)?]),
            Body::ConnectError { payload } => json!(["refused", space, value(payload)]),
            _ => return Err(EncodeError::TooLarge),
        };
        Ok(Data::from(line.to_string().as_str()).into())
    }

    fn decoder(&self, _: Limits) -> Box<dyn UserDecoder> {
        Box::new(Lines)
    }
}

#[derive(Debug)]
struct Lines;

struct List(Vec<Json>);

impl IntoArgs for List {
    fn write_args(&self, out: &mut ArgsWriter<'_>) -> Result<(), EncodeError> {
        self.0.iter().try_for_each(|value| out.value(value))
    }
}

impl UserDecoder for Lines {
    fn feed(&mut self, data: Data) -> Result<Option<Packet>, DecodeError> {
        let Data::Text(text) = data else {
            return Err(DecodeError::UnexpectedBinary);
        };
        let line: Json = serde_json::from_str(&text).map_err(|_| DecodeError::Malformed)?;
        let text = |index: usize| line[index].as_str().ok_or(DecodeError::Malformed);
        let id = |index: usize| line[index].as_u64().and_then(AckId::new);
        let args = |index: usize| {
            let list = line[index].as_array().cloned().map(List);
            RawArgs::encode(&list.ok_or(DecodeError::InvalidPayload)?)
                .map_err(|_| DecodeError::InvalidPayload)
        };
        let body = match text(0)? {
            "join" => Body::Connect {
                payload: line[2].is_object().then(|| line[2].to_string().into()),
            },
            "leave" => Body::Disconnect,
            "event" => Body::Event {
                name: text(2)?.into(),
                ack: id(3),
                args: args(4)?,
            },
            "answer" => Body::Ack {
                id: id(2).ok_or(DecodeError::InvalidAckId)?,
                args: args(3)?,
            },
            _ => return Err(DecodeError::UnknownType),
        };
        let namespace =
            NamespaceId::parse(text(1)?.into()).map_err(|_| DecodeError::InvalidNamespace)?;
        Ok(Some(Packet { namespace, body }))
    }
}

async fn send(client: &mut Client, line: Json) {
    client.send(&format!("4{line}")).await;
}

async fn line(client: &mut Client) -> Json {
    let text = client.text().await;
    serde_json::from_str(text.strip_prefix('4').unwrap()).unwrap()
}

async fn join(address: std::net::SocketAddr) -> Client {
    let mut client = Client::open(address).await;
    send(&mut client, json!(["join", "/", { "name": "Ada" }])).await;
    assert_eq!(line(&mut client).await[0], "join");
    client
}

fn echo() -> Namespace<Json> {
    Namespace::with_auth("/", async |handshake: Handshake| handshake.auth::<Json>())
        .on("who", async |socket: Socket<Json>, ()| {
            Ack(socket.data().clone())
        })
        .on("echo", async |socket: Socket<Json>, args: RawArgs| {
            socket.emit("echo", &args).unwrap();
        })
        .on("ask", async |socket: Socket<Json>, question: String| {
            let answer: String = socket.emit_with_ack("question", &question).await.unwrap();
            Ack(answer)
        })
}

#[tokio::test]
async fn a_server_speaks_the_form_of_its_user() {
    let server = Server::builder()
        .parser(Parser::user(Lists::default()))
        .build();
    server.mount(echo()).unwrap();
    let no = async |_: Handshake| -> Result<(), ConnectError> {
        Err(ConnectError::new("no").data(&[401]).unwrap())
    };
    server.mount(Namespace::with_auth("/guarded", no)).unwrap();
    let address = start(&server).await;
    let mut client = join(address).await;

    send(&mut client, json!(["event", "/", "who", 7, [null]])).await;
    let expected = json!(["answer", "/", 7, [{ "name": "Ada" }]]);
    assert_eq!(line(&mut client).await, expected);
    send(
        &mut client,
        json!(["event", "/", "echo", null, [1, [2.5], "é"]]),
    )
    .await;
    let expected = json!(["event", "/", "echo", null, [1, [2.5], "é"]]);
    assert_eq!(line(&mut client).await, expected);

    send(&mut client, json!(["event", "/", "ask", 8, ["how?"]])).await;
    let question = line(&mut client).await;
    assert_eq!(
        (&question[2], &question[4]),
        (&json!("question"), &json!(["how?"]))
    );
    send(&mut client, json!(["answer", "/", question[3], ["so"]])).await;
    assert_eq!(line(&mut client).await, json!(["answer", "/", 8, ["so"]]));

    send(&mut client, json!(["join", "/guarded", null])).await;
    let refused = json!(["refused", "/guarded", { "message": "no", "data": [401] }]);
    assert_eq!(line(&mut client).await, refused);
    send(&mut client, json!(["leave", "/"])).await;
    until("nobody", || server.gauges().sockets == 0).await;
}

#[tokio::test]
async fn an_event_for_many_is_written_once_and_recovery_adds_its_offset() {
    for recovery in [None, Some(Recovery::default())] {
        let parser = Lists::default();
        let mut builder = Server::builder().parser(Parser::user(parser.clone()));
        if let Some(recovery) = recovery {
            builder = builder.recovery(recovery);
        }
        let server = builder.build();
        let io = server.mount(echo()).unwrap();
        let address = start(&server).await;
        let mut clients = Vec::new();
        for _ in 0..3 {
            clients.push(join(address).await);
        }
        io.emit("news", &[1, 2]).unwrap();
        for client in &mut clients {
            let news = line(client).await;
            assert_eq!((&news[2], &news[4][0]), (&json!("news"), &json!([1, 2])));
            assert_eq!(news[4].as_array().unwrap().len() == 2, recovery.is_some());
        }
        assert_eq!(parser.events.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test]
async fn what_it_cannot_write_its_sender_hears() {
    let server = Server::builder()
        .parser(Parser::user(Lists::default()))
        .build();
    let io = server.mount(echo()).unwrap();
    let address = start(&server).await;
    let mut client = join(address).await;
    let bytes = socketio_server::Binary::from(vec![1]);
    assert!(io.emit("bytes", &bytes).is_err());
    io.emit("text", "still here").unwrap();
    assert_eq!(line(&mut client).await[4], json!(["still here"]));
}

#[tokio::test]
async fn what_it_cannot_read_ends_the_connection() {
    for wrong in [
        "4[\"event\"]",
        "4[\"event\",\"/\",\"disconnect\",null,[]]",
        "42[\"echo\"]",
    ] {
        let server = Server::builder()
            .parser(Parser::user(Lists::default()))
            .build();
        server.mount(echo()).unwrap();
        let mut client = join(start(&server).await).await;
        client.send(wrong).await;
        client.closed().await;
        until("nobody", || server.gauges().sockets == 0).await;
    }
}
