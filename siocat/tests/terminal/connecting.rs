//! Coming, going and coming back.

use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::json;
use socketio_server::{Builder, Recovery, Server};
use testkit::Proxy;
use tokio::net::TcpListener;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::support::{Running, Siocat, contract, words};

const QUICK: [&str; 4] = ["--reconnect-delay", "10", "--reconnect-delay-max", "50"];

#[tokio::test]
async fn namespaces_come_and_go_by_lines() {
    let running = Running::start(Builder::default()).await;
    let url = format!("{}/custom", running.url());
    let mut siocat = Siocat::start(&[&url, "--transport", "websocket"]);
    siocat.connected("/custom").await;
    siocat
        .shows(&[r#"{"nsp":"/custom","event":["auth",{}]}"#])
        .await;
    siocat.say(&[r#"{"connect": "/"}"#]).await;
    siocat.connected("/").await;
    siocat.shows(&[r#"{"nsp":"/","event":["auth",{}]}"#]).await;
    siocat
        .say(&[r#"["message",1]"#, r#"{"emit":["message",2],"nsp":"/"}"#])
        .await;
    // what two namespaces hear has no order
    let shown = [siocat.line().await, siocat.line().await];
    assert!(
        shown.contains(&json!({"nsp": "/custom", "event": ["message-back", 1]})),
        "{shown:?}"
    );
    assert!(
        shown.contains(&json!({"nsp": "/", "event": ["message-back", 2]})),
        "{shown:?}"
    );
    siocat.say(&[r#"{"disconnect": "/custom"}"#]).await;
    siocat
        .shows(&[r#"{"nsp":"/custom","disconnect":"io client disconnect"}"#])
        .await;
    siocat
        .say(&[r#"["message",3]"#, r#"{"connect": "/custom"}"#])
        .await;
    siocat.connected("/custom").await;
    let shown = [siocat.line().await, siocat.line().await];
    assert!(
        shown.contains(&json!({"nsp": "/custom", "event": ["message-back", 3]})),
        "{shown:?}"
    );
    siocat.say(&[r#"{"connect": "/guarded"}"#]).await;
    siocat
        .shows(&[
            r#"{"nsp":"/guarded","connect_error":{"message":"unauthorized","data":{"code":401}}}"#,
        ])
        .await;
    siocat.say(&[r#"["bye"]"#]).await;
    siocat
        .shows(&[r#"{"nsp":"/custom","disconnect":"io server disconnect"}"#])
        .await;
    siocat
        .ends_well(&[r#"{"nsp":"/","disconnect":"io client disconnect"}"#])
        .await;
}

#[tokio::test]
async fn a_first_namespace_that_is_refused_is_the_end() {
    let running = Running::start(Builder::default()).await;
    for (name, error) in [
        (
            "/guarded",
            r#"{"message":"unauthorized","data":{"code":401}}"#,
        ),
        ("/nowhere", r#"{"message":"Invalid namespace","data":null}"#),
    ] {
        let siocat = Siocat::start(&[&running.url(), "-n", name, "--transport", "websocket"]);
        let (lines, status, said) = siocat.end().await;
        let expected = format!("{{\"nsp\":\"{name}\",\"connect_error\":{error}}}");
        assert_eq!((lines, status, said.as_str()), (vec![expected], 1, ""));
    }
    // another one is not
    let mut siocat = Siocat::start(&[&running.url(), "-n", "/", "-n", "/guarded"]);
    let refused = siocat.until("connect_error").await;
    assert_eq!(refused["nsp"], "/guarded");
    siocat.say(&[r#"["message"]"#]).await;
    siocat.until("event").await;
    assert_eq!(siocat.end().await.1, 0);
}

/// A port that nobody listens on.
async fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn where_nobody_listens_it_ends_when_the_attempts_do() {
    let url = nowhere().await;
    for input in ["", "[\"message\"]\n"] {
        let mut siocat = Siocat::start(&[&[url.as_str(), "--attempts", "2"], &QUICK[..]].concat());
        siocat.write(input.as_bytes()).await;
        let (lines, status, said) = siocat.end().await;
        let shown: Vec<serde_json::Value> = lines
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let message = &shown[0]["connect_error"]["message"];
        assert!(
            message
                .as_str()
                .is_some_and(|words| words.contains("refused")),
            "{message}"
        );
        let failed = json!({"nsp": "/", "connect_error": {"message": message, "data": null}});
        let expected = [
            failed.clone(),
            json!({"nsp": "/", "reconnect_attempt": 1}),
            failed.clone(),
            json!({"nsp": "/", "reconnect_attempt": 2}),
            failed,
            json!({"nsp": "/", "reconnect_failed": true}),
        ];
        assert_eq!((shown.as_slice(), status), (&expected[..], 1));
        assert_eq!(said, "siocat: no connection\n");
    }
    let mut siocat = Siocat::start(&[&url, "--no-reconnect"]);
    siocat.until("connect_error").await;
    let (lines, status, said) = siocat.end().await;
    assert_eq!((lines, status), (vec![], 1));
    assert!(
        said.starts_with("siocat: no connection: ") && said.lines().count() == 1,
        "{said}"
    );
}

#[tokio::test]
async fn it_comes_back_to_a_server_that_was_away() {
    let running = Running::start(Builder::default()).await;
    let port = running.address.port();
    let url = running.url();
    let mut siocat =
        Siocat::start(&[&[url.as_str(), "--transport", "websocket"], &QUICK[..]].concat());
    siocat.connected("/").await;
    siocat.until("event").await;
    running.stop().await;
    siocat
        .shows(&[
            r#"{"nsp":"/","disconnect":"transport close"}"#,
            r#"{"nsp":"/","reconnect_attempt":1}"#,
        ])
        .await;
    siocat.until("connect_error").await;
    siocat.say(&[r#"["message","kept"]"#]).await;
    let _running = Running::start_on(Builder::default(), port).await;
    let mut attempt = json!(1);
    loop {
        let line = siocat.line().await;
        if let Some(number) = line.get("reconnect") {
            assert_eq!(number, &attempt);
            break;
        }
        if let Some(number) = line.get("reconnect_attempt") {
            attempt = number.clone();
        }
    }
    siocat.connected("/").await;
    siocat
        .shows(&[
            r#"{"nsp":"/","event":["auth",{}]}"#,
            r#"{"nsp":"/","event":["message-back","kept"]}"#,
        ])
        .await;
    siocat
        .ends_well(&[r#"{"nsp":"/","disconnect":"io client disconnect"}"#])
        .await;
}

#[tokio::test]
async fn a_recovered_session_is_told_and_its_offsets_are_seen() {
    let running = Running::start(Server::builder().recovery(Recovery::default())).await;
    let proxy = Proxy::start(running.address).await.unwrap();
    let url = proxy.url();
    let mut siocat =
        Siocat::start(&[&[url.as_str(), "--transport", "websocket"], &QUICK[..]].concat());
    siocat.connected("/").await;
    // the offset is one argument more, as in Node
    assert_eq!(siocat.line().await["event"].as_array().unwrap().len(), 3);
    proxy.cut();
    let gone = siocat.line().await;
    assert!(
        gone["disconnect"]
            .as_str()
            .unwrap()
            .starts_with("transport "),
        "{gone}"
    );
    siocat
        .shows(&[
            r#"{"nsp":"/","reconnect_attempt":1}"#,
            r#"{"nsp":"/","reconnect":1}"#,
        ])
        .await;
    assert_eq!(siocat.until("connect").await["recovered"], true);
    siocat.until("event").await;
    siocat
        .ends_well(&[r#"{"nsp":"/","disconnect":"io client disconnect"}"#])
        .await;
}

#[tokio::test]
async fn without_reconnection_it_stays_down_until_a_line_asks_for_it() {
    let running = Running::start(Builder::default()).await;
    let proxy = Proxy::start(running.address).await.unwrap();
    let mut siocat = Siocat::start(&[&proxy.url(), "--no-reconnect", "--transport", "websocket"]);
    siocat.connected("/").await;
    siocat.until("event").await;
    proxy.cut();
    siocat.until("disconnect").await;
    siocat
        .say(&[r#"["message","kept"]"#, r#"{"connect":"/"}"#])
        .await;
    siocat.connected("/").await;
    siocat.until("event").await;
    siocat
        .shows(&[r#"{"nsp":"/","event":["message-back","kept"]}"#])
        .await;
    proxy.cut();
    siocat.until("disconnect").await;
    siocat.say(&[r#"["message","lost"]"#]).await;
    let (lines, status, said) = siocat.end().await;
    assert_eq!((lines, status), (vec![], 1));
    assert_eq!(
        said,
        "siocat: not everything was sent: there is no connection\n"
    );
}

#[tokio::test]
async fn any_certificate_is_accepted_when_that_is_asked_for() {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["elsewhere.example".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::builder().build();
    server.mount(contract("/")).unwrap();
    let listener = engineio::net::server::Tls::new(listener, Arc::new(config));
    tokio::spawn(async move { server.serve(listener, std::future::pending()).await });

    for url in [format!("https://{address}"), format!("wss://{address}")] {
        let mut siocat = Siocat::start(&[&url, "--no-reconnect"]);
        let refused = siocat.until("connect_error").await.to_string();
        assert!(refused.contains("ertificate"), "{refused}");
        assert_eq!(siocat.end().await.1, 1);

        let mut siocat = Siocat::start(&[&url, "--insecure"]);
        siocat.connected("/").await;
        siocat.say(&[r#"["message","hidden"]"#]).await;
        siocat.until("event").await;
        let (_, status, said) = siocat.end().await;
        assert!(
            status == 0 && said.starts_with("siocat: WARNING: --insecure"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_signal_ends_it_cleanly() {
    let running = Running::start(Builder::default()).await;
    let mut siocat = Siocat::start(&[&running.url(), "--no-upgrade"]);
    siocat.connected("/").await;
    siocat.until("event").await;
    siocat.terminate();
    siocat
        .shows(&[r#"{"nsp":"/","disconnect":"io client disconnect"}"#])
        .await;
    assert_eq!(siocat.text().await, None);
    siocat.ends_well(&[]).await;
    // in the middle of an attempt, too
    let mut siocat = Siocat::start(&[&nowhere().await, "--reconnect-delay", "60000"]);
    siocat.until("connect_error").await;
    siocat.terminate();
    assert_eq!(siocat.text().await, None);
    let (lines, status, said) = siocat.end().await;
    assert_eq!((lines, status, said.as_str()), (words(&[]), 0, ""));
}

#[tokio::test]
async fn who_lingers_sees_what_comes_after_the_end_of_the_input() {
    let running = Running::start(Builder::default()).await;
    let mut siocat = Siocat::start(&[&running.url(), "--linger", "60000", "--no-upgrade"]);
    siocat.say(&[r#"["message","late"]"#]).await;
    siocat.close_input();
    siocat.connected("/").await;
    siocat
        .shows(&[
            r#"{"nsp":"/","event":["auth",{}]}"#,
            r#"{"nsp":"/","event":["message-back","late"]}"#,
        ])
        .await;
    siocat.terminate();
    siocat
        .ends_well(&[r#"{"nsp":"/","disconnect":"io client disconnect"}"#])
        .await;
}
