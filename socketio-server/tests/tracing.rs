//! What a fault in a handler says to those who did not ask: one warning, with the event's name;
//! and the spans that a handler runs in.
#![cfg(feature = "tracing")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::io::Write;
use std::sync::{Arc, Mutex};

use socketio_server::{Ack, Namespace, Server, Socket};
use support::{Client, start};

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_bad_payload_is_a_warning_and_handlers_run_in_spans() {
    let written = Written::default();
    let writer = written.clone();
    tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .init();
    let server = Server::builder().allow_eio3(true).build();
    server
        .mount(Namespace::new("/").on("number", async |_: Socket, n: u8| {
            tokio::task::yield_now().await;
            tracing::info!("a handler's own words");
            Ack(n)
        }))
        .unwrap();
    let address = start(&server).await;
    let (mut client, id) = Client::join_as(address, "/", "").await;
    client.send("42[\"number\",\"seven\"]").await;
    client.send("420[\"number\",7]").await;
    client.expect("430[7]").await;
    let log = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    let inside = format!("socket{{id={id} namespace=/}}:event{{name=\"number\"}}");
    let own = log
        .lines()
        .find(|line| line.contains("a handler's own words"));
    assert!(own.is_some_and(|line| line.contains(&inside)), "{log}");
    assert!(log.contains("WARN"), "{log}");
    assert!(
        log.contains("event \"number\": the payload does not decode: argument 0"),
        "{log}"
    );

    // an old client's id is the secret of its session
    let mut old = Client::connect_with(address, "EIO=3").await;
    let sid = old.text().await.split('"').nth(3).unwrap().to_owned();
    old.expect("40").await;
    old.send("420[\"number\",7]").await;
    old.expect("430[7]").await;
    let log = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    let inside = format!("socket{{id={}… namespace=/}}", sid.get(..6).unwrap());
    assert!(log.contains(&inside) && !log.contains(&sid), "{log}");
}
