//! The endpoint beside other routes: axum router, tower layer, hyper service.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::net::SocketAddr;

use axum::extract::State;
use axum::routing::{get, post};
use hyper_util::rt::TokioIo;
use socketio_server::{Ack, ConnectError, Handshake, Namespace, Server, Socket};
use support::{Client, within};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

fn server() -> Server {
    let server = Server::default();
    server
        .mount(Namespace::new("/").on("echo", async |_: Socket, n: u8| Ack(n)))
        .unwrap();
    server
}

/// A route that tells everybody what it did: the handle is the router's state.
fn routes() -> axum::Router<Server> {
    axum::Router::new()
        .route("/hello", get(async || "hello"))
        .route(
            "/orders",
            post(async |State(server): State<Server>| {
                server
                    .emit("ordered", &1)
                    .map_err(|error| error.to_string())
            }),
        )
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn request(address: SocketAddr, line: &str) -> String {
    let mut stream = within(TcpStream::connect(address)).await.unwrap();
    let head =
        format!("{line} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    within(stream.read_to_string(&mut answer)).await.unwrap();
    answer
}

async fn both_work(address: SocketAddr) {
    let mut client = Client::join(address, "/").await;
    client.send("420[\"echo\",7]").await;
    client.expect("430[7]").await;
    assert!(request(address, "GET /hello").await.ends_with("hello"));
    assert!(
        request(address, "POST /orders")
            .await
            .starts_with("HTTP/1.1 200")
    );
    client.expect("42[\"ordered\",1]").await;
    assert!(
        request(address, "GET /nothing")
            .await
            .starts_with("HTTP/1.1 404")
    );
    for path in ["/socket.io/", "/socket.io"] {
        let answer = request(address, &format!("GET {path}?EIO=4&transport=polling")).await;
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.contains("0{\"sid\""),
            "{answer}"
        );
    }
    assert!(
        request(address, "GET /socket.io-admin")
            .await
            .starts_with("HTTP/1.1 404")
    );
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn as_an_axum_router() {
    let server = server();
    let app = routes().merge(server.router()).with_state(server);
    let (listener, address) = listen().await;
    tokio::spawn(async move { axum::serve(listener, app).await });
    both_work(address).await;
}

/// In every request: one of a session that came without would be refused.
#[cfg(feature = "axum")]
#[tokio::test]
async fn the_peers_address_is_taken_from_axum() {
    use support::fixture::{http, open_polling};

    let whoami = || {
        let server = Server::builder().same_address(true).build();
        server
            .mount(Namespace::new("/").on_connect(async |socket: Socket| {
                let address = socket.handshake().address();
                socket.emit("you are", &address).unwrap();
            }))
            .unwrap();
        server
    };
    let (merged, layered) = (whoami(), whoami());
    let merged = routes().merge(merged.router()).with_state(merged);
    let layered = routes().layer(layered.layer()).with_state(layered);
    for app in [merged, layered] {
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        let (listener, address) = listen().await;
        tokio::spawn(async move { axum::serve(listener, app).await });
        let mut client = Client::join(address, "/").await;
        client.expect("42[\"you are\",\"127.0.0.1\"]").await;
        let session = open_polling(address).await;
        let posted = http(address, "POST", &session, "40").await;
        assert_eq!(posted, (200, "ok".to_owned()));
        let (status, body) = http(address, "GET", &session, "").await;
        assert!(status == 200 && body.starts_with("40{"), "{status} {body}");
    }
}

/// What a session middleware, or anything else in front, knows about a request.
#[derive(Clone)]
struct LoggedIn(&'static str);

#[tokio::test]
async fn the_handshake_keeps_what_layers_in_front_put_into_the_request() {
    let server = Server::default();
    let auth = async |handshake: Handshake| {
        let session = handshake.request().extension::<LoggedIn>();
        let name = session.map(|LoggedIn(name)| *name);
        name.ok_or_else(|| ConnectError::new("log in first"))
    };
    let namespace = Namespace::with_auth("/", auth).on_connect(async |socket: Socket<&str>| {
        socket.emit("you are", socket.data()).unwrap();
    });
    server.mount(namespace).unwrap();
    let session = async |mut request: axum::extract::Request| {
        request.extensions_mut().insert(LoggedIn("ann"));
        request
    };
    let app = routes()
        .with_state(server.clone())
        .layer(server.layer())
        .layer(axum::middleware::map_request(session));
    let (listener, address) = listen().await;
    tokio::spawn(async move { axum::serve(listener, app).await });
    let mut client = Client::join(address, "/").await;
    client.expect("42[\"you are\",\"ann\"]").await;
}

#[tokio::test]
async fn as_a_tower_layer() {
    let server = server();
    let app = routes().with_state(server.clone()).layer(server.layer());
    let (listener, address) = listen().await;
    tokio::spawn(async move { axum::serve(listener, app).await });
    both_work(address).await;
}

#[tokio::test]
async fn as_a_hyper_service() {
    let server = server();
    let (listener, address) = listen().await;
    let service = server.service();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service.clone())
                .with_upgrades();
            tokio::spawn(connection);
        }
    });
    let mut client = Client::join(address, "/").await;
    client.send("420[\"echo\",7]").await;
    client.expect("430[7]").await;
    assert!(
        request(address, "GET /hello")
            .await
            .starts_with("HTTP/1.1 404")
    );
}
