//! Bytes that broke other servers: each with the three checks of [`Alive`].

use crate::support::{Alive, App, OPEN_POLLING, OPEN_WEBSOCKET, frame, upgrade_request};

/// CVE-2022-41940: a reset while an upgrade is refused.
#[tokio::test]
async fn resets_during_refused_upgrades_do_no_harm() {
    let app = App::start().await;
    let alive = Alive::before(&app).await;
    let h2c = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n";
    for round in 0..300 {
        let mut http = app.connect().await;
        match round % 3 {
            0 => {
                http.send(upgrade_request("/engine.io/?EIO=4&transport=x", ""))
                    .await
            }
            1 => {
                http.request("GET", "/engine.io/?EIO=4&transport=x", h2c, "")
                    .await
            }
            _ => http.send(&upgrade_request(OPEN_WEBSOCKET, "")[..60]).await,
        }
        http.reset();
    }
    alive.check(&app).await;
}

/// GHSA-5v72-xg48-5rpm.
#[tokio::test]
async fn offers_of_extensions_are_ignored() {
    let app = App::start().await;
    let alive = Alive::before(&app).await;
    let many = "x, ".repeat(3000);
    for offer in [
        "constructor",
        "__proto__",
        "permessage-deflate; server_max_window_bits=99",
        "x; y=\"unterminated",
        many.as_str(),
    ] {
        let headers = format!("Sec-WebSocket-Extensions: {offer}\r\n");
        let answer = app.ask_upgrade(OPEN_WEBSOCKET, &headers).await;
        assert_eq!(answer.status, 101, "{offer}");
        assert_eq!(answer.header("sec-websocket-extensions"), None);
    }
    alive.check(&app).await;
}

/// CVE-2021-32640.
#[tokio::test]
async fn long_blanks_in_headers_cost_nothing() {
    let app = App::start().await;
    let alive = Alive::before(&app).await;
    let start = std::time::Instant::now();
    for name in [
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Extensions",
        "Connection",
        "Cookie",
    ] {
        let headers = format!("{name}: b{}x\r\n", " ".repeat(15_000));
        for _ in 0..20 {
            assert_eq!(
                app.ask_upgrade(OPEN_WEBSOCKET, &headers).await.status,
                101,
                "{name}"
            );
        }
    }
    assert!(
        start.elapsed().as_millis() < 80 * 20,
        "{:?}",
        start.elapsed()
    );
    alive.check(&app).await;
}

/// CVE-2024-37890. A32.
#[tokio::test]
async fn too_many_headers_or_bytes_of_them_are_431() {
    let app = App::start().await;
    let alive = Alive::before(&app).await;
    for count in [101, 200, 2000] {
        let headers: String = (0..count).map(|n| format!("a{n}: b\r\n")).collect();
        let mut http = app.connect().await;
        let last = upgrade_request(OPEN_WEBSOCKET, "");
        let (line, rest) = last.split_once("\r\n").unwrap();
        http.send(format!("{line}\r\n{headers}{rest}")).await;
        assert_eq!(http.answer().await.status, 431, "{count}");
    }
    let mut http = app.connect().await;
    http.send(format!(
        "GET {OPEN_POLLING} HTTP/1.1\r\nHost: x\r\nA: {}",
        "b".repeat(20_000)
    ))
    .await;
    assert_eq!(http.answer().await.status, 431);
    drop(http);
    alive.check(&app).await;
}

/// CVE-2021-21299, CVE-2021-32715, CVE-2021-32714: what two servers read differently.
#[tokio::test]
async fn smuggled_requests_are_not_executed() {
    let app = App::start().await;
    let alive = Alive::before(&app).await;
    let behind = format!("GET {OPEN_POLLING} HTTP/1.1\r\nHost: x\r\n\r\n");
    for headers in [
        "Content-Length: +3\r\n\r\n4ab",
        "Content-Length: 3\r\nContent-Length: 4\r\n\r\n4ab",
        "Transfer-Encoding: xchunked\r\n\r\n3\r\n4ab\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n4ab\r\n0\r\n\r\n",
    ] {
        let target = app.open().await;
        let mut http = app.connect().await;
        http.send(format!(
            "POST {target} HTTP/1.1\r\nHost: x\r\n{headers}{behind}"
        ))
        .await;
        let answers = String::from_utf8(http.ended().await).unwrap();
        assert!(
            answers.is_empty() || answers.starts_with("HTTP/1.1 400"),
            "{headers}: {answers}"
        );
        assert_eq!(
            answers.matches("\"sid\"").count(),
            0,
            "{headers}: {answers}"
        );
        app.post(&target, "1").await;
    }
    alive.check(&app).await;
}

/// RFC 9112, 6.1: hyper takes the chunks and hides the length, which whoever stands in front may have believed.
#[tokio::test]
async fn nothing_follows_a_request_with_two_lengths_on_its_connection() {
    let app = App::start().await;
    let alive = Alive::before(&app).await;
    for headers in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "Transfer-Encoding: chunked\r\n",
    ] {
        let target = app.open().await;
        let mut http = app.connect().await;
        let behind = format!("GET {OPEN_POLLING} HTTP/1.1\r\nHost: x\r\n\r\n");
        http.send(format!(
            "POST {target} HTTP/1.1\r\nHost: x\r\n{headers}\r\n2\r\n4a\r\n0\r\n\r\n{behind}"
        ))
        .await;
        let answers = String::from_utf8(http.ended().await).unwrap();
        assert!(answers.ends_with("\r\n\r\nok"), "{answers}");
        app.post(&target, "1").await;
    }
    alive.check(&app).await;
}

/// CVE-2026-48779: fragments without content were not counted.
#[tokio::test]
async fn endless_empty_fragments_end_the_connection() {
    let app = App::start().await;
    let alive = Alive::before(&app).await;
    let mut websocket = app.websocket().await;
    websocket.http.send(frame(0x01, b"")).await;
    let empty = frame(0x00, b"").repeat(10_000);
    for _ in 0..7 {
        websocket.http.send(&empty).await;
    }
    let (first, content) = websocket.frame().await;
    assert_eq!((first, content), (0x88, 1009u16.to_be_bytes().to_vec()));
    drop(websocket);
    alive.check(&app).await;
}

/// CVE-2026-48779: single bytes, on the network and in frames.
#[tokio::test]
async fn one_byte_at_a_time_is_only_slow() {
    let app = App::start().await;
    let alive = Alive::before(&app).await;
    let mut http = app.connect().await;
    for byte in upgrade_request(OPEN_WEBSOCKET, "").bytes() {
        http.send([byte]).await;
    }
    let mut websocket = http.switched().await;
    assert!(websocket.text().await.starts_with("0{"));
    let message = [frame(0x01, b"4"), frame(0x00, b"h"), frame(0x80, b"i")].concat();
    for byte in message {
        websocket.http.send([byte]).await;
    }
    assert_eq!(websocket.text().await, "4hi");
    websocket.send("1").await;
    websocket.closed().await;
    alive.check(&app).await;
}

/// CVE-2026-48802: each pong cost a thread.
#[tokio::test]
async fn a_flood_of_pongs_changes_nothing() {
    let app = App::start().await;
    let alive = Alive::before(&app).await;
    let mut websocket = app.websocket().await;
    let pongs = frame(0x81, b"3").repeat(10_000);
    for _ in 0..10 {
        websocket.http.send(&pongs).await;
    }
    websocket.echoes("still here").await;
    assert_eq!(app.server.tasks(), 2);
    websocket.send("1").await;
    websocket.closed().await;
    alive.check(&app).await;
}

/// A28.
#[tokio::test]
async fn a_ping_of_the_client_closes() {
    let app = App::start().await;
    let mut websocket = app.websocket().await;
    websocket.send("2").await;
    assert_eq!(websocket.closed().await, 0);
    let target = app.open().await;
    assert_eq!(app.post(&target, "2").await.status, 400);
    assert_eq!(app.get(&target).await.status, 400);
}

#[tokio::test]
async fn bytes_that_are_no_http_do_no_harm() {
    let app = App::start().await;
    let alive = Alive::before(&app).await;
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
    ] {
        let mut http = app.connect().await;
        http.send(bytes).await;
        let answer = http.ended().await;
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 "),
            "{answer:?}"
        );
    }
    alive.check(&app).await;
}

/// A32.
#[tokio::test]
async fn a_query_over_8_kib_is_414() {
    let app = App::start().await;
    let alive = Alive::before(&app).await;
    for query in ["x".repeat(9000), "a=b&".repeat(2300), "%41".repeat(3000)] {
        let answer = app.get(&format!("{OPEN_POLLING}&{query}")).await;
        answer.is(414, "");
    }
    alive.check(&app).await;
}
