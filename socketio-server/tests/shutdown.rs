//! What clients get when the server is asked to stop.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failure of the test"
)]

mod support;

use std::time::Duration;

use socketio_server::Server;
use support::Client;
use support::fixture::{fixture, http, open_polling};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

struct Stoppable {
    server: Server,
    address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    serving: tokio::task::JoinHandle<()>,
}

async fn start() -> Stoppable {
    let server = Server::default();
    server.mount(fixture("/")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = server.clone();
    let serving = tokio::spawn(async move {
        let stopped = async { stopped.await.unwrap_or_default() };
        serving.serve(listener, stopped).await.unwrap();
    });
    Stoppable {
        server,
        address,
        stop,
        serving,
    }
}

#[tokio::test]
async fn a_client_between_two_polls_still_gets_what_was_sent() {
    let started = start().await;
    let sid = open_polling(started.address).await;
    http(started.address, "POST", &sid, "40").await;
    http(started.address, "GET", &sid, "").await;
    started.server.emit("news", &1).unwrap();
    started.stop.send(()).unwrap();
    while started.server.gauges().sockets > 0 {
        sleep(Duration::from_millis(1)).await;
    }
    let (status, payload) = http(started.address, "GET", &sid, "").await;
    assert_eq!(
        (status, payload.as_str()),
        (200, "42[\"news\",1]\u{1e}6\u{1e}1")
    );
    started.serving.await.unwrap();
    assert_eq!(started.server.gauges().sessions, 0);
}

#[tokio::test]
async fn a_client_that_does_not_poll_any_more_holds_it_up_for_a_second() {
    let started = start().await;
    let sid = open_polling(started.address).await;
    http(started.address, "POST", &sid, "40").await;
    http(started.address, "GET", &sid, "").await;
    started.stop.send(()).unwrap();
    let asked = Instant::now();
    started.serving.await.unwrap();
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[tokio::test]
async fn a_websocket_gets_what_was_sent_and_a_close_frame() {
    let started = start().await;
    let mut raw = Client::connect(started.address).await;
    raw.text().await;
    raw.send("40").await;
    raw.text().await;
    raw.text().await;
    started.server.emit("news", &1).unwrap();
    started.stop.send(()).unwrap();
    assert_eq!(raw.text().await, r#"42["news",1]"#);
    raw.ends().await;
    drop(raw);
    started.serving.await.unwrap();
}
