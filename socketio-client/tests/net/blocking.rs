//! The client without a runtime.

use std::time::Duration;

use socketio_client::blocking::{Client, Error};

use super::support::Running;

#[test]
fn threads_emit_ask_and_receive() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let running = runtime.block_on(Running::contract());
    let mut client = Client::connect(&running.url()).unwrap();
    assert_eq!(client.recv().name(), "auth");
    client.emit("message", &"hello").unwrap();
    let event = client.recv_timeout(Duration::from_secs(10)).unwrap();
    assert_eq!(event.read::<String>().unwrap(), "hello");
    assert_eq!(client.emit_with_ack::<u8>("message-with-ack", &7), Ok(7));
    assert!(client.recv_timeout(Duration::from_millis(1)).is_none());
    client.emit("message", &"last words").unwrap();
    client.disconnect();
    runtime.block_on(running.is_empty());

    let refused = Client::connect(&format!("{}/guarded", running.url()));
    assert!(matches!(refused, Err(Error::Connect(_))));
    runtime.block_on(running.stop());
}
