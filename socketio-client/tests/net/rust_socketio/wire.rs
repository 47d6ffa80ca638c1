//! What goes over the wire, and what is made of what comes.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::Mutex;

use socketio_client::{Args, Binary, EncodeError, Limits, RawArgs, SendError, Socket};
use socketio_server::{Namespace, Server};

use crate::raw::{self, Raw};
use crate::support::{HOW, How, Log, Running, contract_server, next, until, within};

fn bytes(bytes: impl Into<Vec<u8>>) -> Binary {
    Binary(bytes.into().into())
}

#[tokio::test]
async fn r02_a_binary_emit_with_an_ack_is_a_binary_event() {
    let raw = Raw::start().await;
    let socket = raw.manager().build().unwrap().socket("/").unwrap();
    let connecting = socket.connect();
    let mut wire = raw.connected().await;
    within("connect", connecting).await.unwrap();
    let ack = socket.emit_with_ack::<u8>("b", &Args((bytes([7]), 1)));
    let placeholder = r#"{"_placeholder":true,"num":0}"#;
    assert_eq!(wire.hear().await, format!(r#"451-0["b",{placeholder},1]"#));
    assert_eq!(wire.hear().await, "[7]");
    wire.say("430[5]").await;
    assert_eq!(within("the answer", ack).await, Ok(5));
}

#[tokio::test]
async fn r03_ack_ids_are_never_used_twice() {
    const COUNT: usize = 2_000;
    let raw = Raw::start().await;
    let socket = raw.manager().build().unwrap().socket("/").unwrap();
    let connecting = socket.connect();
    let mut wire = raw.connected().await;
    within("connect", connecting).await.unwrap();
    let acks: Vec<_> = (0..COUNT)
        .map(|n| socket.emit_with_ack::<usize>("n", &n))
        .collect();
    let (mut ids, mut answers) = (HashSet::new(), Vec::new());
    for n in 0..COUNT {
        let heard = wire.hear().await;
        let end = format!("[\"n\",{n}]");
        let id = heard.strip_prefix("42").unwrap().strip_suffix(&end);
        let id = id.unwrap().to_owned();
        answers.push(format!("43{id}[{n}]"));
        assert!(ids.insert(id), "{heard}");
    }
    for answer in answers.iter().rev() {
        wire.say(answer).await;
    }
    for (n, ack) in acks.into_iter().enumerate() {
        assert_eq!(within("an answer", ack).await, Ok(n));
    }
}

#[tokio::test]
async fn r05_an_event_without_arguments_has_its_name_and_nothing_else() {
    let raw = Raw::start().await;
    let socket = raw.manager().build().unwrap().socket("/").unwrap();
    let log = Log::default();
    for name in ["alone", "message"] {
        let log = log.clone();
        socket.on(name, async move |_: Socket, args: RawArgs| {
            log.add(format!("{name} {}", args.len()));
        });
    }
    let connecting = socket.connect();
    let mut wire = raw.connected().await;
    within("connect", connecting).await.unwrap();
    wire.say(r#"42["alone"]"#).await;
    wire.say(r#"42["message"]"#).await;
    log.reaches(&["alone 0", "message 0"]).await;
}

#[tokio::test]
async fn r06_names_are_nobody_s_but_the_user_s() {
    let names = [
        "Error", "Close", "Message", "open", "error", "close", "OPEN",
    ];
    let raw = Raw::start().await;
    let socket = raw.manager().build().unwrap().socket("/").unwrap();
    let mut events = socket.events();
    let connecting = socket.connect();
    let mut wire = raw.connected().await;
    within("connect", connecting).await.unwrap();
    assert_eq!(next(&mut events).await, "connect");
    for name in names {
        socket.emit(name, &1).unwrap();
        let heard = wire.hear().await;
        assert_eq!(heard, format!(r#"42["{name}",1]"#));
        wire.say(&heard).await;
        assert_eq!(next(&mut events).await, format!("{name}(1)"));
    }
    let refused = socket.emit("connect", &1);
    assert_eq!(refused, Err(SendError::Encode(EncodeError::Reserved)));
}

#[tokio::test]
async fn r07_three_hundred_attachments_arrive_with_the_json_between_them() {
    let limits = Limits::default().attachments(600);
    let server = Server::builder().limits(limits);
    let running = Running::start(contract_server(server)).await;
    for how in HOW {
        let manager = running.manager().limits(limits);
        let manager = manager.transports(how.transports()).build().unwrap();
        let socket = manager.socket("/").unwrap();
        within("connect", socket.connect()).await.unwrap();
        let many: Vec<_> = (0..300u32)
            .map(|n| (n, bytes(n.to_be_bytes()), "ü"))
            .collect();
        let back = socket.emit_with_ack::<Vec<(u32, Binary, String)>>("message-with-ack", &many);
        let back = within("the answer", back).await.unwrap();
        assert_eq!(back.len(), 300);
        for ((n, own, text), (m, sent, _)) in back.iter().zip(&many) {
            assert_eq!((n, own, text.as_str()), (m, sent, "ü"), "{how:?}");
        }
    }
}

#[tokio::test]
async fn r08_a_record_separator_is_a_byte_like_any_other() {
    let running = Running::contract().await;
    for how in HOW {
        let socket = running.socket(how);
        within("connect", socket.connect()).await.unwrap();
        let payload = (bytes([0x1e; 99]), "\u{1e}4\u{1e}", bytes(*b"b\x1e4b\x1e"));
        let back = socket.emit_with_ack::<Args<(Binary, String, Binary)>>(
            "message-with-ack",
            &Args(payload.clone()),
        );
        let Args((one, text, two)) = within("the answer", back).await.unwrap();
        assert_eq!((one, text.as_str(), two), payload, "{how:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r09_attachments_of_concurrent_emits_stay_with_their_events() {
    let running = Running::contract().await;
    for how in HOW {
        let socket = running.socket(how);
        within("connect", socket.connect()).await.unwrap();
        let tasks = (0..8u8).map(|task| {
            let socket = socket.clone();
            tokio::spawn(async move {
                for n in 0..50 {
                    let payload = (bytes([task, n]), task, bytes([n, task]));
                    let back = socket.emit_with_ack::<Args<(Binary, u8, Binary)>>(
                        "message-with-ack",
                        &Args(payload.clone()),
                    );
                    assert_eq!(back.await.unwrap().0, payload);
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            within("a task", task).await.unwrap();
        }
    }
}

#[tokio::test]
async fn r10_a_body_in_pieces_is_one_body_and_all_its_packets_count() {
    let first = Mutex::new(true);
    let manager = raw::polling(move |request| {
        if request.is_post() {
            return Some(raw::ok("", "ok"));
        }
        if request.is_handshake() {
            return Some(raw::chunked(&raw::open_packet(1_000_000)));
        }
        let packets = [
            r#"40{"sid":"s1"}"#,
            r#"42["a","é😀"]"#,
            r#"451-["b",{"_placeholder":true,"num":0}]"#,
            "bHh4=",
            r#"42["c"]"#,
        ];
        let is_first = std::mem::take(&mut *first.lock().unwrap());
        is_first.then(|| raw::chunked(&packets.join("\u{1e}")))
    });
    let socket = manager.await.build().unwrap().socket("/").unwrap();
    let mut events = socket.events();
    within("connect", socket.connect()).await.unwrap();
    for expected in [
        "connect",
        r#"a("é😀")"#,
        r#"b({"_placeholder":true,"num":0})"#,
        "c()",
    ] {
        assert_eq!(next(&mut events).await, expected);
    }
}

#[tokio::test]
async fn r11_r12_nothing_is_said_before_the_connect_answer_and_no_pong_without_a_ping() {
    let raw = Raw::start().await;
    let socket = raw.manager().build().unwrap().socket("/").unwrap();
    socket.emit("early", &1).unwrap();
    drop(socket.connect());
    let mut wire = raw.accept().await;
    socket.emit("early", &2).unwrap();
    assert_eq!(wire.hear().await, "40", "the first thing ever");
    socket.emit("early", &3).unwrap();
    for _ in 0..3 {
        wire.say("2").await;
        assert_eq!(wire.hear().await, "3", "one answer to one ping");
    }
    wire.say(r#"40{"sid":"s1"}"#).await;
    for n in 1..=3 {
        assert_eq!(wire.hear().await, format!(r#"42["early",{n}]"#));
    }
}

#[tokio::test]
async fn r13_packets_share_posts_and_none_is_larger_than_the_server_takes() {
    const MAX: usize = 2_000;
    let posts = Arc::new(Mutex::new(Vec::new()));
    let first = Mutex::new(true);
    let seen = Arc::clone(&posts);
    let manager = raw::polling(move |request| {
        if request.is_post() {
            seen.lock().unwrap().push(request.body.clone());
            return Some(raw::ok("", "ok"));
        }
        if request.is_handshake() {
            return Some(raw::ok("", &raw::open_packet(MAX)));
        }
        let is_first = std::mem::take(&mut *first.lock().unwrap());
        is_first.then(|| raw::ok("", r#"40{"sid":"s1"}"#))
    });
    let socket = manager.await.build().unwrap().socket("/").unwrap();
    for n in 0..500 {
        socket.emit("n", &n).unwrap();
    }
    within("connect", socket.connect()).await.unwrap();
    until("an empty buffer", || socket.buffered() == 0).await;
    let posts = posts.lock().unwrap().clone();
    assert!(posts.iter().all(|post| post.len() <= MAX));
    let events: Vec<_> = posts[1..].iter().flat_map(|p| p.split('\u{1e}')).collect();
    let all: Vec<_> = (0..500).map(|n| format!("42[\"n\",{n}]")).collect();
    assert_eq!(events, all);
    let bytes: usize = posts.iter().map(String::len).sum();
    assert!(posts.len() <= 2 + bytes / (MAX - 20), "{}", posts.len());
}

#[tokio::test]
async fn r24_quotes_in_names_and_text_arrive() {
    const NAME: &str = "say \"hi\" \\ ' \n é";
    let server = Server::default();
    let namespace = Namespace::new("/").on(
        NAME,
        async |socket: socketio_server::Socket, args: RawArgs| {
            socket.emit(NAME, &args).unwrap();
        },
    );
    server.mount(namespace).unwrap();
    let running = Running::start(server).await;
    let socket = running.socket(How::Upgrade);
    let mut events = socket.events();
    within("connect", socket.connect()).await.unwrap();
    for text in ["\"", "not \"JSON\"", "\\\"", "{", ""] {
        socket.emit(NAME, &text).unwrap();
        let back = within("the echo", events.recv()).await;
        assert_eq!(
            (back.name(), back.read::<String>().unwrap().as_str()),
            (NAME, text)
        );
    }
}
