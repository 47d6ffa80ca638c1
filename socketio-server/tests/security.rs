//! What once broke other implementations, and what is known to be tried: RELIABILITY's attack tests of the Socket.IO
//! layer. Each ends with the same four checks: an honest client that was there before is served within a second, a
//! new one gets in, the attackers leave nothing behind, and nothing has panicked.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failure of the test"
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use socketio_server::{
    ConnectError, Gauges, Handshake, Incoming, Limits, Namespace, Server, Socket, Value,
};
use support::Client;
use support::fixture::{Served, fixture, http, open_polling};
use testkit::Panics;
use tokio::time::{Instant, sleep, timeout};

/// A server with an honest client.
struct Target {
    served: Served,
    honest: Client,
    calm: Gauges,
    /// Events that reached a handler, those of the fixture aside.
    seen: Arc<AtomicUsize>,
    connects: Arc<AtomicUsize>,
    /// One ends a connection as well as a refusal does.
    panics: Panics,
}

impl Target {
    async fn start() -> Self {
        Self::start_with(Limits::default()).await
    }

    async fn start_with(limits: Limits) -> Self {
        let (seen, connects) = <(Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
        let server = Server::builder().limits(limits).build();
        let (count, connected) = (Arc::clone(&seen), Arc::clone(&connects));
        let namespace = fixture("/")
            .fallback(async move |_: Socket<Value>, _: Incoming| {
                count.fetch_add(1, Ordering::SeqCst);
            })
            .on_connect(async move |_: Socket<Value>| {
                connected.fetch_add(1, Ordering::SeqCst);
            });
        server.mount(namespace).unwrap();
        let served = Served::start(server).await;
        let mut honest = served.join().await;
        honest.echoes().await;
        let mut target = Self {
            calm: served.server.gauges(),
            served,
            honest,
            seen,
            connects,
            panics: Panics::watch(),
        };
        // the connection of the handshake became a WebSocket, and is none of HTTP's any more
        target.calm.connections = 0;
        target.served.settles(target.calm).await;
        target
    }

    fn seen(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }

    /// Each of these texts ends the connection that sends it, in silence, and reaches no handler.
    async fn refuses<T: AsRef<str>>(&self, texts: impl IntoIterator<Item = T>) {
        for text in texts {
            let mut attacker = self.served.join().await;
            attacker.send(text.as_ref()).await;
            closes(attacker, text.as_ref()).await;
        }
        assert_eq!(self.seen(), 0, "events that reached a handler");
    }

    async fn alive(mut self) {
        let echo = timeout(Duration::from_secs(1), self.honest.echoes());
        echo.await.expect("the honest client waits");
        let mut new = self.served.join().await;
        new.echoes().await;
        drop(new);
        self.served.settles(self.calm).await;
        assert_eq!(self.panics.here(), 0, "panics");
    }
}

async fn closes(mut attacker: Client, what: &str) {
    let end = timeout(Duration::from_secs(2), attacker.ends());
    let what: String = what.chars().take(60).collect();
    end.await.unwrap_or_else(|_| panic!("{what:?} was taken"));
}

#[tokio::test]
async fn cve_2020_36049_a_packet_of_digits_alone() {
    let target = Target::start().await;
    let asked = Instant::now();
    target.refuses([format!("4{}", "2".repeat(999_998))]).await;
    assert!(asked.elapsed() < Duration::from_secs(1));
    target.alive().await;
}

#[tokio::test]
async fn cve_2022_2421_placeholders_that_name_no_attachment() {
    let target = Target::start().await;
    let numbers = [
        r#","num":"splice""#,
        r#","num":-1"#,
        r#","num":1"#,
        r#","num":1.5"#,
        r#","num":1e308"#,
        r#","num":null"#,
        "",
        r#","num":[0]"#,
        r#","num":9223372036854775808"#,
    ];
    for number in numbers {
        let packet = format!(r#"451-["x",{{"_placeholder":true{number}}}]"#);
        let mut attacker = target.served.join().await;
        attacker.send(&packet).await;
        attacker.send_binary(&[1]).await;
        closes(attacker, &packet).await;
    }
    let zero = r#"{"_placeholder":true,"num":0}"#;
    for packet in [
        format!(r#"452-["x",{zero},{zero}]"#),
        format!(r#"452-["x",{zero}]"#),
        r#"451-["x"]"#.to_owned(),
    ] {
        let mut attacker = target.served.join().await;
        attacker.send(&packet).await;
        attacker.send_binary(&[1]).await;
        attacker.send_binary(&[2]).await;
        closes(attacker, &packet).await;
    }
    assert_eq!(target.seen(), 0);
    target.alive().await;
}

#[tokio::test]
async fn cve_2023_32695_names_that_are_no_text() {
    let target = Target::start().await;
    let packets = [
        r#"42[{"toString":"x"}]"#,
        r#"42[["a"]]"#,
        "42[null]",
        "42[true]",
        "42[]",
        "42{}",
        r#"42"x""#,
        "42",
    ];
    target.refuses(packets).await;
    target.alive().await;
}

#[tokio::test]
async fn cve_2024_38355_an_event_named_error_is_an_event() {
    let target = Target::start().await;
    let mut client = target.served.join().await;
    client.send(r#"42["error"]"#).await;
    client.send(r#"42["error",{}]"#).await;
    client.echoes().await;
    assert_eq!(target.seen(), 2);
    drop(client);
    target.alive().await;
}

#[tokio::test]
async fn cve_2026_33151_more_attachments_than_allowed() {
    let target = Target::start().await;
    for packet in [r#"4511-["x"]"#, r#"4599999999999-["x"]"#] {
        let mut attacker = target.served.join().await;
        attacker.send(packet).await;
        for _ in 0..100 {
            attacker.send_binary(&[0; 1000]).await;
        }
        closes(attacker, packet).await;
    }
    assert_eq!(target.seen(), 0);
    target.alive().await;
}

#[tokio::test]
async fn cve_2026_69185_no_attachments_where_there_must_be_some() {
    let target = Target::start().await;
    target.refuses([r#"450-["x"]"#, "460-1[]"]).await;
    let mut attacker = target.served.join().await;
    attacker.send(r#"450-["x"]"#).await;
    for _ in 0..10_000 {
        attacker.send_binary(&[0; 1000]).await;
    }
    closes(attacker, "no attachments").await;
    assert_eq!(target.seen(), 0);
    target.alive().await;
}

#[tokio::test]
async fn cve_2026_48804_a_binary_event_before_joining() {
    let target = Target::start().await;
    let header = r#"451-["x",{"_placeholder":true,"num":0}]"#;
    let mut attacker = target.served.open().await;
    attacker.send(header).await;
    closes(attacker, "nothing is kept for who has not joined").await;
    // nor for another namespace than the one that was joined
    let mut attacker = target.served.join().await;
    attacker
        .send(r#"451-/custom,["x",{"_placeholder":true,"num":0}]"#)
        .await;
    closes(attacker, "another namespace").await;
    assert_eq!(target.seen(), 0);
    target.alive().await;
}

#[tokio::test]
async fn cve_2026_48804_half_a_binary_event_then_leaving() {
    let target = Target::start().await;
    for last in ["41", "42[\"x\"]", "40"] {
        let mut attacker = target.served.join().await;
        attacker
            .send(r#"452-["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#)
            .await;
        attacker.send_binary(&[0; 100_000]).await;
        attacker.send(last).await;
        closes(attacker, last).await;
    }
    // and without a word
    let mut attacker = target.served.join().await;
    attacker
        .send(r#"451-["x",{"_placeholder":true,"num":0}]"#)
        .await;
    drop(attacker);
    assert_eq!(target.seen(), 0);
    target.alive().await;
}

#[tokio::test]
async fn connect_storm_in_one_payload() {
    let target = Target::start().await;
    // few enough to be read one by one, and more than a payload may have
    for count in [2, 333_333] {
        let before = target.connects.load(Ordering::SeqCst);
        let sid = open_polling(target.served.address).await;
        let storm = vec!["40"; count].join("\u{1e}");
        http(target.served.address, "POST", &sid, &storm).await;
        let (status, _) = http(target.served.address, "GET", &sid, "").await;
        assert_eq!(status, 400, "the session is gone");
        target.served.settles(target.calm).await;
        assert!(target.connects.load(Ordering::SeqCst) - before <= 1);
    }
    target.alive().await;
}

#[tokio::test]
async fn connect_storm_on_a_websocket() {
    let target = Target::start().await;
    let before = target.connects.load(Ordering::SeqCst);
    let mut attacker = target.served.open().await;
    attacker.send_at_once(&["40"; 1000]).await;
    attacker.closed().await;
    target.served.settles(target.calm).await;
    assert!(target.connects.load(Ordering::SeqCst) - before <= 1);
    target.alive().await;
}

#[tokio::test]
async fn events_behind_a_connect_that_is_still_being_judged() {
    let target = Target::start().await;
    let calls = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&calls);
    let slow = async |_: Handshake| -> Result<(), ConnectError> {
        sleep(Duration::from_millis(200)).await;
        Ok(())
    };
    let namespace =
        Namespace::with_auth("/slow", slow).fallback(async move |_: Socket, _: Incoming| {
            count.fetch_add(1, Ordering::SeqCst);
        });
    target.served.server.mount(namespace).unwrap();
    for early in [
        r#"42/slow,["admin"]"#,
        r#"42/slow,1["admin"]"#,
        "43/slow,0[]",
        "41/slow,",
        "40/slow,",
    ] {
        let mut attacker = target.served.open().await;
        attacker.send_at_once(&["40/slow,", early]).await;
        closes(attacker, early).await;
    }
    sleep(Duration::from_millis(300)).await;
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    target.alive().await;
}

#[tokio::test]
async fn socketioxide_794_multibyte_characters_and_packets_cut_at_each_byte() {
    let target = Target::start().await;
    target
        .refuses(["éaaaa", "b", "", "2probé", "4éaaaa", "4", "é"])
        .await;
    let whole = r#"451-/custom,12["é🦀",{"_placeholder":true,"num":0}]"#.as_bytes();
    for end in 0..whole.len() {
        let mut attacker = target.served.join().await;
        // a text frame, whether or not what is in it is text
        attacker.frame(0x81, &whole[..end]).await;
        closes(attacker, &format!("the first {end} bytes")).await;
    }
    assert_eq!(target.seen(), 0);
    target.alive().await;
}

#[tokio::test]
async fn json_that_is_nested_too_deep() {
    let target = Target::start().await;
    let deep = "[".repeat(999_000);
    let even = format!("{}{}", "[".repeat(490_000), "]".repeat(490_000));
    target
        .refuses([
            format!(r#"42["x",{deep}"#),
            format!(r#"42["x",{even}]"#),
            format!("430{even}"),
            format!("42{}", r#"{"a":"#.repeat(190_000)),
        ])
        .await;
    let mut attacker = target.served.open().await;
    attacker.send(&format!(r#"40{{"a":{even}}}"#)).await;
    closes(attacker, "deep auth").await;
    target.alive().await;
}

#[tokio::test]
async fn names_that_belong_to_the_library() {
    let target = Target::start().await;
    let names = [
        "connect",
        "connect_error",
        "disconnect",
        "disconnecting",
        "newListener",
        "removeListener",
    ];
    target
        .refuses(names.map(|name| format!(r#"42["{name}"]"#)))
        .await;
    target.refuses([r#"42["\u0063onnect"]"#]).await;
    target.alive().await;
}

#[tokio::test]
async fn ack_ids_are_digits_up_to_2_53() {
    let target = Target::start().await;
    target
        .refuses([
            r#"429007199254740992["x"]"#,
            r#"421000000000000000000000["x"]"#,
            r#"4200000000000000001["x"]"#,
            r#"42+1["x"]"#,
            r#"42 1["x"]"#,
            r#"421 ["x"]"#,
            r#"421e3["x"]"#,
            r#"42-1["x"]"#,
            r#"42٣["x"]"#,
            "43[]",
        ])
        .await;
    let mut client = target.served.join().await;
    client
        .send(r#"429007199254740991["message-with-ack",1]"#)
        .await;
    assert_eq!(client.text().await, "439007199254740991[1]");
    drop(client);
    target.alive().await;
}

#[tokio::test]
async fn numbers_and_types_are_read_strictly() {
    let target = Target::start().await;
    target
        .refuses([
            "4 ",
            r#"455e0-["x"]"#,
            r#"450x2-["x"]"#,
            r#"45 2-["x"]"#,
            r#"452.0-["x"]"#,
            r#"45-["x"]"#,
            r#"45["x"]"#,
            "47",
            "48[]",
            "4-1",
            "4٢[\"x\"]",
            r#"44{"message":"x"}"#,
        ])
        .await;
    target.alive().await;
}

#[tokio::test]
async fn binary_where_text_is_due() {
    let target = Target::start().await;
    let mut attacker = target.served.join().await;
    attacker.send_binary(&[1, 2, 3]).await;
    closes(attacker, "binary").await;
    target.alive().await;
}

#[tokio::test]
async fn engine_packets_may_come_between_the_parts_of_an_event() {
    let target = Target::start().await;
    let mut client = target.served.join().await;
    client
        .send(r#"451-["message",{"_placeholder":true,"num":0}]"#)
        .await;
    client.send("3").await;
    client.send_binary(&[7]).await;
    assert_eq!(
        client.text().await,
        r#"451-["message-back",{"_placeholder":true,"num":0}]"#
    );
    assert_eq!(client.binary().await, [7]);
    drop(client);
    target.alive().await;
}

#[tokio::test]
async fn an_event_with_its_attachments_is_limited_as_a_whole() {
    let target = Target::start_with(Limits::default().packet_bytes(1000)).await;
    let mut attacker = target.served.join().await;
    attacker
        .send(r#"452-["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#)
        .await;
    attacker.send_binary(&[0; 500]).await;
    attacker.send_binary(&[0; 500]).await;
    closes(attacker, "1000 bytes of attachments").await;
    assert_eq!(target.seen(), 0);
    target.alive().await;
}
