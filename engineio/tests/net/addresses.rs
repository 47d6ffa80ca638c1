//! What is limited by the address of a client. RELIABILITY A18, A30.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use engineio::net::server::{Options, Refused, TrustedProxies};

use crate::support::{Answer, App, OPEN_POLLING, eventually, sid};

fn behind_a_proxy() -> Options {
    let mut options = Options::default();
    options.trusted_proxies = TrustedProxies::networks(["127.0.0.1"]).unwrap();
    options
}

async fn open_from(app: &App, address: &str) -> Answer {
    let header = format!("X-Forwarded-For: {address}\r\n");
    app.ask("GET", OPEN_POLLING, &header, "").await
}

#[tokio::test]
async fn sessions_of_one_address_may_be_limited() {
    let mut options = behind_a_proxy();
    options.max_sessions_per_address = Some(2);
    let app = App::with(options).await;
    let from = async |address: &str| open_from(&app, address).await;
    let first = from("1.2.3.4").await;
    assert_eq!(from("1.2.3.4").await.status, 200);
    let many = r#"{"code":4,"message":"Too many sessions from this address"}"#;
    from("1.2.3.4").await.is(403, many);
    assert_eq!(from("5.6.7.8").await.status, 200);
    assert_eq!(from("2001:db8::1").await.status, 200);
    assert_eq!(from("2001:db8::2").await.status, 200);
    from("2001:db8::3").await.is(403, many);
    let target = format!("{OPEN_POLLING}&sid={}", sid(&first.body));
    app.post(&target, "1").await;
    let server = &app.server;
    eventually(|| server.sessions() == 4).await;
    assert_eq!(from("1.2.3.4").await.status, 200);
}

#[tokio::test]
async fn handshakes_of_one_address_may_be_limited() {
    let mut options = behind_a_proxy();
    options.max_handshakes_per_address = Some(3);
    let asked = Arc::<AtomicUsize>::default();
    let asks = Arc::clone(&asked);
    let app = App::with(options.allow_request(move |_| {
        asks.fetch_add(1, Ordering::SeqCst);
        ready(Ok(()))
    }))
    .await;
    let first = open_from(&app, "1.2.3.4").await;
    for _ in 0..2 {
        assert_eq!(open_from(&app, "1.2.3.4").await.status, 200);
    }
    let often = r#"{"code":4,"message":"Too many handshakes from this address"}"#;
    for _ in 0..2 {
        open_from(&app, "1.2.3.4").await.is(403, often);
    }
    assert_eq!(open_from(&app, "5.6.7.8").await.status, 200);
    assert_eq!(
        asked.load(Ordering::SeqCst),
        4,
        "who is refused costs no question"
    );
    // a session that is there is not a handshake
    let target = format!("{OPEN_POLLING}&sid={}", sid(&first.body));
    let header = "X-Forwarded-For: 1.2.3.4\r\n";
    app.ask("POST", &target, header, "4x").await.is(200, "ok");
    let metrics = app.server.metrics();
    assert_eq!(metrics.refused(Refused::TooManyHandshakes), 2);
    assert_eq!(metrics.opened, 4);
}

#[tokio::test]
async fn the_address_is_what_trusted_proxies_say() {
    let mut options = behind_a_proxy();
    options.same_address = true;
    let app = App::with(options).await;
    let opened = open_from(&app, "1.2.3.4").await;
    let target = format!("{OPEN_POLLING}&sid={}", sid(&opened.body));
    for (address, status) in [("5.6.7.8", 403), ("1.2.3.4", 200)] {
        let header = format!("X-Forwarded-For: {address}\r\n");
        let answer = app.ask("POST", &target, &header, "4x").await;
        assert_eq!(answer.status, status, "{address}");
    }
}

/// A parameter of the application's that looks like a session's.
#[tokio::test]
async fn no_parameter_hides_the_address() {
    let mut options = Options::default();
    options.max_sessions_per_address = Some(1);
    options.max_handshakes_per_address = Some(3);
    let app = App::with(options).await;
    assert_eq!(app.get(OPEN_POLLING).await.status, 200);
    for parameter in ["xsid=1", "x=sid=1"] {
        let answer = app.get(&format!("{OPEN_POLLING}&{parameter}")).await;
        assert_eq!(answer.status, 403, "{parameter}: {}", answer.body);
    }
}

/// Linux has all of 127.0.0.0/8.
#[cfg(target_os = "linux")]
mod elsewhere {
    use tokio::net::TcpSocket;

    use super::*;
    use crate::support::{Http, soon, upgrade_request};

    /// A connection from another address of this machine, which has all of 127.0.0.0/8.
    async fn from_elsewhere(app: &App) -> Http {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        Http::new(soon(socket.connect(app.addr)).await.unwrap())
    }

    #[tokio::test]
    async fn a_session_may_be_for_the_address_of_its_handshake_alone() {
        let mut options = Options::default();
        options.same_address = true;
        let app = App::with(options).await;
        let target = app.open().await;
        let other = r#"{"code":4,"message":"Session of another address"}"#;
        let mut thief = from_elsewhere(&app).await;
        for (method, body) in [("GET", ""), ("POST", "1")] {
            thief.request(method, &target, "", body).await;
            thief.answer().await.is(403, other);
        }
        let probe = target.replace("polling", "websocket");
        thief.send(upgrade_request(&probe, "")).await;
        thief.answer().await.is(403, other);
        // its client notices nothing
        app.post(&target, "4mine").await.is(200, "ok");
        app.get(&target).await.is(200, "4mine");
        let mut websocket = app.upgrade(&probe).await;
        websocket.send("2probe").await;
        assert_eq!(websocket.text().await, "3probe");
        assert_eq!(app.server.metrics().refused(Refused::OtherAddress), 3);
    }
}
