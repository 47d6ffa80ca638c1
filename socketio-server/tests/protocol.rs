//! The protocol as it is on the wire, string by string: connecting, events, binary, acknowledgements, leaving.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failure of the test"
)]

mod support;

use std::time::Duration;

use socketio_server::{Ack, ConnectError, Handshake, Namespace, RawArgs, Server, Socket, Value};
use support::Client;
use support::fixture::{Served, http, open_polling};
use tokio::time::Instant;

/// The id in `40{"sid":"…"}` or the like.
fn id_in(packet: &str, before: &str) -> String {
    let rest = packet.strip_prefix(before);
    let id = rest
        .and_then(|rest| rest.strip_prefix(r#"{"sid":""#))
        .and_then(|rest| rest.strip_suffix(r#""}"#));
    let id = id.unwrap_or_else(|| panic!("{packet} instead of {before} and an id"));
    assert_eq!(id.len(), 20, "{packet}");
    id.to_owned()
}

// ---- connecting ----

#[tokio::test]
async fn a_client_connects_to_the_root_namespace() {
    let served = Served::fixture().await;
    let mut raw = served.open().await;
    raw.send("40").await;
    id_in(&raw.text().await, "40");
    assert_eq!(raw.text().await, r#"42["auth",{}]"#);
}

#[tokio::test]
async fn a_client_connects_with_credentials() {
    let served = Served::fixture().await;
    let mut raw = served.open().await;
    raw.send(r#"40{"token":"123","é":[1,null]}"#).await;
    id_in(&raw.text().await, "40");
    assert_eq!(
        raw.text().await,
        r#"42["auth",{"token":"123","é":[1,null]}]"#
    );
}

#[tokio::test]
async fn a_client_connects_to_a_custom_namespace() {
    let served = Served::fixture().await;
    for (connect, auth) in [
        ("40/custom,", "{}"),
        ("40/custom", "{}"),
        (r#"40/custom,{"token":"abc"}"#, r#"{"token":"abc"}"#),
    ] {
        let mut raw = served.open().await;
        raw.send(connect).await;
        id_in(&raw.text().await, "40/custom,");
        let expected = format!(r#"42/custom,["auth",{auth}]"#);
        assert_eq!(raw.text().await, expected, "{connect}");
    }
}

#[tokio::test]
async fn one_connection_is_in_several_namespaces_under_different_ids() {
    let served = Served::fixture().await;
    let mut raw = Client::connect(served.address).await;
    let open = raw.text().await;
    raw.send("40").await;
    let root = id_in(&raw.text().await, "40");
    raw.text().await;
    raw.send("40/custom,").await;
    let custom = id_in(&raw.text().await, "40/custom,");
    raw.text().await;
    assert_ne!(root, custom);
    // the session's own id is a secret
    assert!(!open.contains(&root) && !open.contains(&custom));
    raw.send(r#"42/custom,["message",1]"#).await;
    assert_eq!(raw.text().await, r#"42/custom,["message-back",1]"#);
    raw.send(r#"42["message",2]"#).await;
    assert_eq!(raw.text().await, r#"42["message-back",2]"#);
}

#[tokio::test]
async fn an_unknown_namespace_is_refused_and_the_connection_stays() {
    let served = Served::fixture().await;
    let mut raw = served.open().await;
    raw.send("40/random").await;
    let refused = r#"44/random,{"message":"Invalid namespace"}"#;
    assert_eq!(raw.text().await, refused);
    raw.send("40").await;
    id_in(&raw.text().await, "40");
}

#[tokio::test]
async fn the_auth_step_refuses_with_message_and_data() {
    let server = Server::default();
    let no = async |_: Handshake| -> Result<(), ConnectError> {
        Err(ConnectError::new("no \"entry\"").data(&[1, 2]).unwrap())
    };
    server.mount(Namespace::with_auth("/", no)).unwrap();
    let served = Served::start(server).await;
    let mut raw = served.open().await;
    for _ in 0..2 {
        raw.send("40").await;
        let refused = r#"44{"message":"no \"entry\"","data":[1,2]}"#;
        assert_eq!(raw.text().await, refused);
    }
}

#[tokio::test]
async fn a_connect_packet_that_is_none_closes() {
    let served = Served::fixture().await;
    for bad in ["4abc", "40[]", r#"40"x""#, "40{", "40/custom,{}x", "401"] {
        let mut raw = served.open().await;
        raw.send(bad).await;
        raw.ends().await;
    }
}

#[tokio::test]
async fn a_client_that_joins_nothing_is_closed_in_time() {
    let timeout = Duration::from_millis(300);
    let served = Served::fixture_of(Server::builder().connect_timeout(timeout)).await;
    let mut raw = served.open().await;
    let opened = Instant::now();
    raw.send("40/random").await;
    raw.text().await;
    raw.ends().await;
    assert!(opened.elapsed() >= Duration::from_millis(290));
}

#[tokio::test]
async fn a_client_that_left_everything_is_closed_in_time() {
    let timeout = Duration::from_millis(300);
    let served = Served::fixture_of(Server::builder().connect_timeout(timeout)).await;
    let mut raw = served.join().await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    raw.echoes().await;
    raw.send("41").await;
    raw.ends().await;
}

#[tokio::test]
async fn a_second_connect_closes() {
    let served = Served::fixture().await;
    let mut raw = served.join().await;
    raw.send("40").await;
    raw.ends().await;
}

// ---- leaving ----

#[tokio::test]
async fn leaving_one_namespace_keeps_the_other() {
    let served = Served::fixture().await;
    let mut raw = served.join().await;
    raw.send("40/custom,").await;
    raw.text().await;
    raw.text().await;
    raw.send("41/custom,").await;
    raw.echoes().await;
    assert_eq!(served.server.gauges().sockets, 1);
    raw.send("40/custom,").await;
    id_in(&raw.text().await, "40/custom,");
}

#[tokio::test]
async fn an_event_after_leaving_closes() {
    let served = Served::fixture().await;
    let mut raw = served.join().await;
    raw.send("41").await;
    raw.send(r#"42["message",1]"#).await;
    raw.ends().await;
}

#[tokio::test]
async fn the_close_packet_ends_all_namespaces() {
    let served = Served::fixture().await;
    let mut raw = served.join().await;
    raw.send("1").await;
    raw.ends().await;
    drop(raw);
    while served.server.gauges().sessions > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(served.server.gauges().sockets, 0);
}

// ---- events ----

#[tokio::test]
async fn events_come_back_as_they_went() {
    let served = Served::fixture().await;
    let mut raw = served.join().await;
    for args in [
        "",
        ",1",
        r#",1,"2",{"3":[true]}"#,
        r#",null,-0.5,1e100,"""#,
        r#","𝄞 ü \" \\ \u0007""#,
        r#",{"__proto__":1,"constructor":2,"a":{}}"#,
    ] {
        raw.send(&format!(r#"42["message"{args}]"#)).await;
        let expected = format!(r#"42["message-back"{args}]"#);
        assert_eq!(raw.text().await, expected);
    }
}

#[tokio::test]
async fn an_event_of_an_unknown_name_is_ignored() {
    let served = Served::fixture().await;
    let mut raw = served.join().await;
    raw.send(r#"42["nobody listens",1]"#).await;
    raw.send(r#"4212["nobody listens",1]"#).await;
    raw.echoes().await;
}

#[tokio::test]
async fn events_keep_their_order() {
    let served = Served::fixture().await;
    let mut raw = served.join().await;
    let sent: Vec<String> = (0..500).map(|n| format!(r#"42["message",{n}]"#)).collect();
    raw.send_at_once(&sent.iter().map(String::as_str).collect::<Vec<_>>())
        .await;
    for n in 0..500 {
        assert_eq!(raw.text().await, format!(r#"42["message-back",{n}]"#));
    }
}

#[tokio::test]
async fn binary_comes_back_in_its_place() {
    let served = Served::fixture().await;
    let mut raw = served.join().await;
    let args =
        r#"{"_placeholder":true,"num":0},"between",{"deep":[{"_placeholder":true,"num":1}]}"#;
    raw.send(&format!(r#"452-["message",{args}]"#)).await;
    raw.send_binary(&[1, 2, 3]).await;
    raw.send_binary(&[]).await;
    let expected = format!(r#"452-["message-back",{args}]"#);
    assert_eq!(raw.text().await, expected);
    assert_eq!(raw.binary().await, [1, 2, 3]);
    assert!(raw.binary().await.is_empty());
}

#[tokio::test]
async fn binary_in_a_custom_namespace() {
    let served = Served::fixture().await;
    let mut raw = served.open().await;
    raw.send("40/custom,").await;
    raw.text().await;
    raw.text().await;
    raw.send(r#"451-/custom,["message",{"_placeholder":true,"num":0}]"#)
        .await;
    raw.send_binary(&[9]).await;
    let expected = r#"451-/custom,["message-back",{"_placeholder":true,"num":0}]"#;
    assert_eq!(raw.text().await, expected);
    assert_eq!(raw.binary().await, [9]);
}

// ---- acknowledgements ----

#[tokio::test]
async fn an_ack_has_the_id_of_its_event() {
    let served = Served::fixture().await;
    let mut raw = served.join().await;
    for (sent, expected) in [
        (r#"42456["message-with-ack"]"#, "43456[]"),
        (r#"420["message-with-ack",1,"2",{}]"#, r#"430[1,"2",{}]"#),
        // an id may be used again
        (r#"420["message-with-ack",false]"#, "430[false]"),
    ] {
        raw.send(sent).await;
        assert_eq!(raw.text().await, expected);
    }
}

#[tokio::test]
async fn an_ack_with_binary() {
    let served = Served::fixture().await;
    let mut raw = served.join().await;
    raw.send(r#"451-789["message-with-ack",{"_placeholder":true,"num":0}]"#)
        .await;
    raw.send_binary(&[4, 5]).await;
    assert_eq!(
        raw.text().await,
        r#"461-789[{"_placeholder":true,"num":0}]"#
    );
    assert_eq!(raw.binary().await, [4, 5]);
}

/// A server that asks its client and acknowledges with what it was answered.
async fn asking() -> (Served, Client) {
    let server = Server::default();
    let ask = async |socket: Socket, question: Value| {
        let answer: Result<RawArgs, _> = socket.emit_with_ack("question", &question).await;
        Ack(answer.unwrap_or_default())
    };
    server.mount(Namespace::new("/").on("ask", ask)).unwrap();
    let served = Served::start(server).await;
    let mut raw = served.open().await;
    raw.send("40").await;
    raw.text().await;
    (served, raw)
}

#[tokio::test]
async fn a_client_answers_the_servers_event() {
    let (_served, mut raw) = asking().await;
    raw.send(r#"425["ask","why"]"#).await;
    assert_eq!(raw.text().await, r#"420["question","why"]"#);
    raw.send(r#"430["because",2]"#).await;
    assert_eq!(raw.text().await, r#"435["because",2]"#);
    raw.send(r#"426["ask",null]"#).await;
    assert_eq!(raw.text().await, r#"421["question",null]"#);
    raw.send(r#"461-1[{"_placeholder":true,"num":0}]"#).await;
    raw.send_binary(&[1]).await;
    assert_eq!(raw.text().await, r#"461-6[{"_placeholder":true,"num":0}]"#);
    assert_eq!(raw.binary().await, [1]);
}

#[tokio::test]
async fn acks_that_nobody_waits_for_are_ignored() {
    let (_served, mut raw) = asking().await;
    for stray in ["430[]", "4399[1]", r#"430["twice"]"#] {
        raw.send(stray).await;
    }
    raw.send(r#"421["ask",1]"#).await;
    assert_eq!(raw.text().await, r#"420["question",1]"#);
    raw.send("430[1]").await;
    raw.send("430[2]").await;
    assert_eq!(raw.text().await, "431[1]");
}

// ---- long-polling ----

#[tokio::test]
async fn packets_share_a_payload_on_long_polling() {
    let served = Served::fixture().await;
    let sid = open_polling(served.address).await;
    let post = async |body: &str| http(served.address, "POST", &sid, body).await;
    assert_eq!(post("40").await, (200, "ok".to_owned()));
    let (_, payload) = http(served.address, "GET", &sid, "").await;
    let (connect, auth) = payload.split_once('\u{1e}').unwrap();
    id_in(connect, "40");
    assert_eq!(auth, r#"42["auth",{}]"#);
    post("42[\"message\",1]\u{1e}451-[\"message\",{\"_placeholder\":true,\"num\":0}]\u{1e}bAQID")
        .await;
    let (_, payload) = http(served.address, "GET", &sid, "").await;
    let expected = "42[\"message-back\",1]\u{1e}451-[\"message-back\",{\"_placeholder\":true,\"num\":0}]\u{1e}bAQID";
    assert_eq!(payload, expected);
}

#[tokio::test]
async fn a_malformed_packet_ends_a_polling_session() {
    let served = Served::fixture().await;
    let sid = open_polling(served.address).await;
    http(served.address, "POST", &sid, "4abc").await;
    let (status, _) = http(served.address, "GET", &sid, "").await;
    assert_eq!(status, 400);
    assert_eq!(served.server.gauges().sessions, 0);
}
