//! What can be said to it at the start.

use socketio_server::{Namespace, Server, Socket};
use tokio::net::TcpListener;

use super::support::Siocat;

#[tokio::test]
async fn a_bad_setting_is_one_line_and_status_2() {
    for args in [
        &[][..],
        &["http://127.0.0.1", "--nonsense"],
        &["ftp://127.0.0.1"],
        &["http://127.0.0.1", "--attempts", "many"],
        &["http://127.0.0.1", "--header", "no colon"],
        &["http://127.0.0.1", "--header", "a b: c"],
        &["http://127.0.0.1", "--auth", "[1]"],
        &["http://127.0.0.1", "-n", "/a,b"],
        &["http://127.0.0.1", "--transport", "pigeon"],
    ] {
        let (lines, status, said) = Siocat::start(args).end().await;
        assert_eq!((lines.len(), status), (0, 2), "{args:?}: {said}");
        assert!(
            said.starts_with("siocat: ") && said.lines().count() == 1,
            "{args:?}: {said}"
        );
    }
}

#[tokio::test]
async fn help_and_version_are_there() {
    let (lines, status, _) = Siocat::start(&["--help"]).end().await;
    assert!(
        lines
            .iter()
            .any(|line| line.contains("--reconnect-delay-max <MS>")),
        "{lines:?}"
    );
    assert_eq!(status, 0);
    let (lines, status, _) = Siocat::start(&["--version"]).end().await;
    assert_eq!(
        (lines, status),
        (
            vec![concat!("siocat ", env!("CARGO_PKG_VERSION")).to_owned()],
            0
        )
    );
}

#[tokio::test]
async fn headers_query_and_path_reach_the_server() {
    let server = Server::builder().path("/other/").build();
    let namespace = Namespace::new("/").on_connect(async |socket: Socket| {
        let handshake = socket.handshake();
        let request = handshake.request();
        let header = request.headers().get_str("x-one").map(str::to_owned);
        let mut query = request.query();
        let found = query.find(|(name, _)| name == "k");
        let value = found.map(|(_, value)| value.into_owned());
        socket.emit("seen", &(header, value)).ok();
    });
    server.mount(namespace).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/?k=1", listener.local_addr().unwrap());
    tokio::spawn(async move { server.serve(listener, std::future::pending()).await });
    let plain = url.trim_end_matches("?k=1");
    for (url, query, expected) in [(url.as_str(), "l=", "1"), (plain, "k=v w", "v w")] {
        let header = "X-One: a: b";
        let args = [
            url, "--path", "/other/", "--header", header, "--query", query,
        ];
        let mut siocat = Siocat::start(&args);
        siocat.connected("/").await;
        let seen = siocat.until("event").await;
        assert_eq!(
            seen["event"],
            serde_json::json!(["seen", ["a: b", expected]])
        );
        assert_eq!(siocat.end().await.1, 0);
    }
}
