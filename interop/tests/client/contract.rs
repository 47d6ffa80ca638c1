//! The contract of `interop/README.md`, against each server over each transport.

use serde_json::json;
use socketio_client::{
    Ack, Args, Binary, ConnectFailed, Events, IntoArgs, Map, RawArgs, Socket, Value,
};

use super::peer::{HOW, How, Kind, Peer, against, named, state, values, within};

fn bytes(bytes: impl Into<Vec<u8>>) -> Binary {
    Binary(bytes.into().into())
}

async fn connected(peer: &Peer, how: How) -> Socket {
    let socket = peer.socket(how);
    within("connect", socket.connect()).await.unwrap();
    socket
}

/// It comes back as an event and as an answer.
async fn echo(socket: &Socket, events: &mut Events, payload: &impl IntoArgs) {
    let sent = values(&RawArgs::encode(payload).unwrap());
    socket.emit("message", payload).unwrap();
    let back = named(events, "message-back").await;
    assert_eq!(values(back.args()), sent);
    let answer = socket.emit_with_ack::<RawArgs>("message-with-ack", payload);
    let answer = within("an answer", answer).await.unwrap();
    assert_eq!(values(&answer), sent);
}

async fn echoes(socket: &Socket, events: &mut Events) {
    echo(socket, events, &"plain").await;
    echo(socket, events, &"").await;
    echo(
        socket,
        events,
        &"é ß 日本語 \0 \u{1e} \u{2028} \" \\ \n 🦀 👩\u{200d}🚀",
    )
    .await;
    echo(socket, events, &"🦀".repeat(50_000)).await;
    let nested = json!({"nine": {"ten": [{}]}, "float": -2.5});
    let many = (
        1,
        true,
        false,
        (),
        "six",
        [7],
        nested,
        9_007_199_254_740_991_u64,
    );
    echo(socket, events, &Args(many)).await;
    echo(socket, events, &Args(())).await;
    echo(socket, events, &bytes([0, 1, 2, 0x1e, 253, 254, 255])).await;
    echo(socket, events, &bytes([])).await;
    let deep: Map = [
        ("er", Value::Binary(vec![2, 3].into())),
        ("no", Value::Null),
    ]
    .into_iter()
    .collect();
    let deep: Map = [("deep", Value::Array(vec![deep.into(), Value::Null]))]
        .into_iter()
        .collect();
    let mixed = ("before", bytes([1]), Value::from(deep), bytes([4]), "after");
    echo(socket, events, &Args(mixed)).await;
    let nine: Vec<_> = (0..9).map(|n| bytes([n])).collect();
    echo(socket, events, &nine).await;
    let large: Vec<u8> = (0..200_000u32).map(|n| n as u8).collect();
    echo(socket, events, &Args((bytes(large.clone()), bytes(large)))).await;
}

fn exchange(kind: Kind) {
    against(kind, async |peer| {
        for how in HOW {
            let socket = peer.socket(how);
            let mut events = socket.events();
            socket
                .auth(&json!({"name": "Ada", "n": [1, "zwei", null]}))
                .unwrap();
            within("connect", socket.connect()).await.unwrap();
            assert!(socket.is_connected());
            let auth = named(&mut events, "auth").await;
            let expected = json!({"name": "Ada", "n": [1, "zwei", null]});
            assert_eq!(auth.read::<serde_json::Value>().unwrap(), expected);
            echoes(&socket, &mut events).await;
        }
    });
}

/// The server asks; handlers answer by what they return.
fn questions(kind: Kind) {
    against(kind, async |peer| {
        for how in HOW {
            let socket = connected(peer, how).await;
            socket.on("question", async |_: Socket, question: Value| {
                Ack(Map::from_iter([("answer", question)]))
            });
            let answer = |n: Value| Value::from(Map::from_iter([("answer", n)]));
            let asked: Vec<_> = (0..5)
                .map(|n| socket.emit_with_ack::<Value>("ask", &n))
                .collect();
            for (n, asked) in (0..5).zip(asked) {
                let own = within("an answer", asked).await.unwrap();
                assert_eq!(own, answer(n.into()), "{how:?}");
            }
            let question = Value::Binary(vec![9, 0x1e].into());
            let asked = socket.emit_with_ack::<Value>("ask", &question);
            let own = within("an answer", asked).await.unwrap();
            assert_eq!(own, answer(question), "{how:?}");
        }
    });
}

fn namespaces(kind: Kind) {
    against(kind, async |peer| {
        for how in HOW {
            let manager = peer.manager(how).build().unwrap();
            let root = manager.socket("/").unwrap();
            let custom = manager.socket("/custom").unwrap();
            custom.auth(&json!({"token": "abc"})).unwrap();
            let (mut at_root, mut at_custom) = (root.events(), custom.events());
            within("root", root.connect()).await.unwrap();
            within("custom", custom.connect()).await.unwrap();
            assert_ne!(root.id(), custom.id());
            let auth = named(&mut at_root, "auth").await;
            assert_eq!(auth.read::<serde_json::Value>().unwrap(), json!({}));
            let auth = named(&mut at_custom, "auth").await;
            let expected = json!({"token": "abc"});
            assert_eq!(auth.read::<serde_json::Value>().unwrap(), expected);
            custom.emit("all", &"custom only").unwrap();
            named(&mut at_custom, "all").await;
            root.emit("message", &1).unwrap();
            // nothing crossed; a client of before may still be leaving
            let first = async {
                loop {
                    match at_root.recv().await.name() {
                        "left" => {}
                        name => break name.to_owned(),
                    }
                }
            };
            assert_eq!(within("an echo", first).await, "message-back");
            echo(&custom, &mut at_custom, &bytes([1, 2])).await;
            custom.disconnect();
            let reason = state(&mut at_custom).await;
            assert_eq!(reason, "disconnect io client disconnect");
            echo(&root, &mut at_root, &"still there").await;
        }
    });
}

/// The server ends the whole connection: no namespace comes back by itself where the server said so to it.
fn ends(kind: Kind) {
    against(kind, async |peer| {
        for how in HOW {
            let manager = peer.manager(how).build().unwrap();
            let root = manager.socket("/").unwrap();
            let custom = manager.socket("/custom").unwrap();
            let (mut at_root, mut at_custom) = (root.events(), custom.events());
            within("root", root.connect()).await.unwrap();
            within("custom", custom.connect()).await.unwrap();
            root.emit("bye-all", &Args(())).unwrap();
            for (socket, events) in [(&root, &mut at_root), (&custom, &mut at_custom)] {
                assert_eq!(state(events).await, "connect");
                let reason = state(events).await;
                if reason == "disconnect io server disconnect" {
                    assert!(!socket.is_active());
                    within("connect", socket.connect()).await.unwrap();
                } else {
                    assert_eq!(reason, "disconnect transport close", "{how:?}");
                }
                // by itself, or because we asked for it
                while state(events).await != "connect" {}
            }
        }
    });
}

fn refusals(kind: Kind) {
    against(kind, async |peer| {
        for how in HOW {
            let manager = peer.manager(how).build().unwrap();
            let guarded = manager.socket("/guarded").unwrap();
            guarded.auth(&json!({"token": "wrong"})).unwrap();
            let refused = within("the refusal", guarded.connect()).await;
            let refused = refused.unwrap_err();
            assert!(matches!(refused, ConnectFailed::Refused(_)), "{refused:?}");
            assert_eq!(refused.message(), "unauthorized");
            let data: serde_json::Value =
                serde_json::from_str(refused.data_json().unwrap()).unwrap();
            assert_eq!(data, json!({"code": 401}), "{how:?}");
            assert!(!guarded.is_active());
            guarded.auth(&json!({"token": "secret"})).unwrap();
            within("the pardon", guarded.connect()).await.unwrap();
            let nowhere = manager.socket("/nowhere").unwrap();
            let refused = within("the refusal", nowhere.connect()).await;
            assert_eq!(refused.unwrap_err().message(), kind.unknown());
            // the connection is there for the others
            assert!(guarded.is_connected());
        }
    });
}

fn rooms_and_leaving(kind: Kind) {
    against(kind, async |peer| {
        for how in HOW {
            let (ada, bob) = (connected(peer, how).await, connected(peer, how).await);
            let (mut at_ada, mut at_bob) = (ada.events(), bob.events());
            for socket in [&ada, &bob] {
                let joined = socket.emit_with_ack::<RawArgs>("join", &"red");
                within("join", joined).await.unwrap();
            }
            ada.emit("room", &Args(("red", bytes([7])))).unwrap();
            let event = named(&mut at_bob, "room").await;
            assert_eq!(event.read::<Binary>().unwrap(), bytes([7]));
            let to = bob.id().unwrap();
            ada.emit("private", &Args((to.as_str(), "psst"))).unwrap();
            named(&mut at_bob, "private").await;
            let who = bob.id().unwrap();
            bob.emit("bye", &Args(())).unwrap();
            let reason = state(&mut at_bob).await;
            assert_eq!(reason, "disconnect io server disconnect", "{how:?}");
            assert!(!bob.is_active(), "the server does not want it");
            let left = named(&mut at_ada, "left").await;
            let Args((left, reason)) = left.read::<Args<(String, String)>>().unwrap();
            assert_eq!(
                (left.as_str(), reason.as_str()),
                (who.as_str(), "server namespace disconnect")
            );
            within("connect", bob.connect()).await.unwrap();
            let who = bob.id().unwrap();
            bob.disconnect();
            let left = named(&mut at_ada, "left").await;
            let Args((left, reason)) = left.read::<Args<(String, String)>>().unwrap();
            assert_eq!(
                (left.as_str(), reason.as_str()),
                (who.as_str(), "client namespace disconnect"),
                "{how:?}"
            );
        }
    });
}

macro_rules! servers {
    ($($name:ident $kind:ident),*) => {$(
        mod $name {
            use super::Kind::$kind;

            #[test]
            fn text_binary_arguments_and_acks_come_back() {
                super::exchange($kind);
            }

            #[test]
            fn the_server_s_questions_are_answered() {
                super::questions($kind);
            }

            #[test]
            fn namespaces_share_a_connection() {
                super::namespaces($kind);
            }

            #[test]
            fn the_server_ends_the_connection() {
                super::ends($kind);
            }

            #[test]
            fn refusals_are_told_with_their_data() {
                super::refusals($kind);
            }

            #[test]
            fn rooms_private_messages_and_ways_to_leave() {
                super::rooms_and_leaving($kind);
            }
        }
    )*};
}

servers!(node Node, node_msgpack NodeMsgpack, node_3 Node3, python Python, ours Ours);
