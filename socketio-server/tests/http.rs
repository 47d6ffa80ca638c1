//! What the HTTP side offers: the handshake object, proxies, the client's bundle, compression,
//! HTTP/2.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use socketio_server::{Handshake, Namespace, Server, Socket, Transport, TrustedProxies};
use support::{Client, start, within};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tower::Layer as _;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;

/// A request with these headers; head and body of the answer.
async fn ask(address: SocketAddr, line: &str, headers: &str) -> (String, Vec<u8>) {
    let mut stream = within(TcpStream::connect(address)).await.unwrap();
    let request = format!("{line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    within(stream.read_to_end(&mut answer)).await.unwrap();
    let end = answer
        .windows(4)
        .position(|bytes| bytes == b"\r\n\r\n")
        .unwrap();
    let body = answer.split_off(end + 4);
    (String::from_utf8(answer).unwrap().to_lowercase(), body)
}

fn describing() -> Namespace {
    Namespace::new("/").on_connect(async |socket: Socket| {
        let handshake: &Handshake = socket.handshake();
        let address = handshake.address().map(|address| address.to_string());
        let age = handshake.issued().elapsed().unwrap();
        let recent = age < Duration::from_secs(60);
        let told = serde_json::json!({
            "address": address,
            "secure": handshake.is_secure(),
            "url": handshake.url(),
            "xdomain": handshake.is_cross_domain(),
            "recent": recent,
        });
        socket.emit("handshake", &told).unwrap();
    })
}

async fn described(address: SocketAddr, headers: &str) -> serde_json::Value {
    let (_, open) = ask(
        address,
        "GET /socket.io/?EIO=4&transport=polling&x=1",
        headers,
    )
    .await;
    let open = String::from_utf8(open).unwrap();
    let sid = open.split('"').nth(3).unwrap();
    let session = format!("/socket.io/?EIO=4&transport=polling&sid={sid}");
    ask(
        address,
        &format!("POST {session}"),
        "Content-Length: 2\r\n\r\n40",
    )
    .await;
    let (_, payload) = ask(address, &format!("GET {session}"), "").await;
    let payload = String::from_utf8(payload).unwrap();
    let event = payload.split('\u{1e}').nth(1).unwrap();
    let array: serde_json::Value = serde_json::from_str(event.strip_prefix("42").unwrap()).unwrap();
    array[1].clone()
}

#[tokio::test]
async fn the_handshake_tells_what_the_request_was_and_proxies_are_believed_when_listed() {
    let server = Server::default();
    server.mount(describing()).unwrap();
    let address = start(&server).await;
    let forged = "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nOrigin: http://a\r\n";
    let url = "/socket.io/?EIO=4&transport=polling&x=1";
    assert_eq!(
        described(address, forged).await,
        serde_json::json!({
            "address": "127.0.0.1", "secure": false, "url": url, "xdomain": true, "recent": true,
        })
    );
    let server = Server::builder()
        .trusted_proxies(TrustedProxies::networks(["127.0.0.0/8"]).unwrap())
        .build();
    server.mount(describing()).unwrap();
    let behind = "X-Forwarded-For: 6.6.6.6, 1.2.3.4\r\nX-Forwarded-Proto: https\r\n";
    assert_eq!(
        described(start(&server).await, behind).await,
        serde_json::json!({
            "address": "1.2.3.4", "secure": true, "url": url, "xdomain": false, "recent": true,
        })
    );
}

#[tokio::test]
async fn transports_and_upgrades_may_be_switched_off() {
    let server = Server::builder()
        .transports(&[Transport::WebSocket])
        .build();
    let address = start(&server).await;
    let (head, body) = ask(address, "GET /socket.io/?EIO=4&transport=polling", "").await;
    assert!(head.starts_with("http/1.1 400"));
    assert_eq!(body, br#"{"code":0,"message":"Transport unknown"}"#);
    Client::join(address, "/").await;
    assert_eq!(server.clients_count(), 1);
    let server = Server::builder().allow_upgrades(false).build();
    let (_, open) = ask(
        start(&server).await,
        "GET /socket.io/?EIO=4&transport=polling",
        "",
    )
    .await;
    assert!(String::from_utf8(open).unwrap().contains("\"upgrades\":[]"));
}

#[tokio::test]
async fn the_bundle_of_the_client_is_served_from_its_package() {
    let package = std::env::temp_dir().join(format!("socketio-client-{}", std::process::id()));
    let dist = package.join("dist");
    std::fs::create_dir_all(&dist).unwrap();
    std::fs::write(package.join("package.json"), "{\"version\":\"4.8.1\"}").unwrap();
    std::fs::write(dist.join("socket.io.js"), "let io;").unwrap();
    std::fs::write(dist.join("socket.io.min.js"), "let i;").unwrap();
    std::fs::write(dist.join("socket.io.min.js.map"), "{}").unwrap();
    std::fs::write(dist.join("secret.js"), "let no;").unwrap();
    let server = Server::builder().serve_client(&dist).unwrap().build();
    let missing = Server::builder().serve_client(package.join("src"));
    assert!(
        missing
            .unwrap_err()
            .to_string()
            .contains("no bundle of socket.io-client")
    );
    std::fs::remove_dir_all(&package).unwrap();
    let address = start(&server).await;
    let (head, body) = ask(address, "GET /socket.io/socket.io.js", "").await;
    assert_eq!(body, b"let io;");
    assert!(
        head.contains("etag: \"4.8.1\"") && head.contains("application/javascript"),
        "{head}"
    );
    let (head, body) = ask(address, "GET /socket.io/socket.io.min.js.map", "").await;
    assert_eq!(body, b"{}");
    assert!(head.contains("application/json"), "{head}");
    let known = "If-None-Match: \"4.8.1\"\r\n";
    let (head, body) = ask(address, "GET /socket.io/socket.io.js", known).await;
    assert!(head.starts_with("http/1.1 304") && body.is_empty());
    let (head, _) = ask(address, "GET /socket.io/secret.js", "").await;
    assert!(head.starts_with("http/1.1 404"), "{head}");
    Client::join(address, "/").await;
}

/// Node's `httpCompression` with its threshold of 1 KiB: a layer of tower-http.
#[tokio::test]
async fn a_layer_compresses_long_answers_and_leaves_websockets_alone() {
    let server = Server::default();
    let io = server.mount(Namespace::new("/")).unwrap();
    let compressed = CompressionLayer::new().compress_when(SizeAbove::new(1024));
    let service = TowerToHyperService::new(compressed.layer(server.service()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = server.clone();
    tokio::spawn(async move {
        serving
            .serve_with(listener, service, std::future::pending())
            .await
    });
    let gzip = "Accept-Encoding: gzip\r\n";
    let (head, open) = ask(address, "GET /socket.io/?EIO=4&transport=polling", gzip).await;
    assert!(!head.contains("content-encoding"), "{head}");
    let open = String::from_utf8(open).unwrap();
    let sid = open.split('"').nth(3).unwrap();
    let session = format!("/socket.io/?EIO=4&transport=polling&sid={sid}");
    ask(
        address,
        &format!("POST {session}"),
        "Content-Length: 2\r\n\r\n40",
    )
    .await;
    ask(address, &format!("GET {session}"), "").await;
    io.emit("long", &"x".repeat(50_000)).unwrap();
    let (head, body) = ask(address, &format!("GET {session}"), gzip).await;
    assert!(head.contains("content-encoding: gzip"), "{head}");
    assert!(body.len() < 1000, "{}", body.len());
    let mut client = Client::join(address, "/").await;
    io.emit("short", &1).unwrap();
    client.expect("42[\"short\",1]").await;
}

/// HTTP/2 for long-polling, on a server that speaks it.
#[tokio::test]
async fn polling_works_over_http_2() {
    let server = Server::default();
    let io = server.mount(describing()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = server.service();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        auto::Builder::new(TokioExecutor::new())
            .http2_only()
            .serve_connection(TokioIo::new(stream), service)
            .await
    });
    let stream = TcpStream::connect(address).await.unwrap();
    let handshake =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (sender, connection) = within(handshake).await.unwrap();
    tokio::spawn(connection);
    let ask = async |method: &str, query: &str, body: &'static str| {
        let url = format!("http://a/socket.io/?EIO=4&transport=polling{query}");
        let request = Request::builder().method(method).uri(url);
        let request = request.body(Full::new(Bytes::from(body))).unwrap();
        let answer: Response<Incoming> =
            within(sender.clone().send_request(request)).await.unwrap();
        let body = within(answer.into_body().collect())
            .await
            .unwrap()
            .to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    };
    let open = ask("GET", "", "").await;
    let session = format!("&sid={}", open.split('"').nth(3).unwrap());
    assert_eq!(ask("POST", &session, "40").await, "ok");
    assert!(ask("GET", &session, "").await.starts_with("40{"));
    // the answer to a poll that waits comes while another request is served on the same connection
    let (payload, posted) = tokio::join!(ask("GET", &session, ""), async {
        let posted = ask("POST", &session, "42[\"ignored\"]").await;
        io.emit("over", &2).unwrap();
        posted
    });
    assert_eq!(
        (payload.as_str(), posted.as_str()),
        ("42[\"over\",2]", "ok")
    );
}
