//! For the tests of applications: a client in the same process, without a port, on a clock that
//! a test can turn. By feature `testing`.
//!
//! The client speaks the protocol over a WebSocket on a pipe in memory: what runs is the whole
//! server, from the HTTP request to the handlers. It answers pings, and does nothing else by
//! itself: it does not reconnect. Under `#[tokio::test(start_paused = true)]` (feature
//! `test-util` of tokio) hours pass in no time whenever everybody waits.
//!
//! ```
//! use std::time::Duration;
//! use socketio_server::testing::Client;
//! use socketio_server::{Ack, Namespace, Server, Socket};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::default();
//! server.mount(
//!     Namespace::new("/")
//!         .on("double", async |_: Socket, n: u32| Ack(2 * n))
//!         .on("later", async |socket: Socket, text: String| {
//!             tokio::time::sleep(Duration::from_secs(3600)).await;
//!             socket.emit("now", &text).ok();
//!         }),
//! )?;
//! let mut client = Client::connect(&server).await?;
//! assert_eq!(client.emit_with_ack::<u32>("double", &21).await?, 42);
//! client.emit("later", "hello")?;
//! assert_eq!(client.expect::<String>("now").await, "hello");
//! # Ok(())
//! # }
//! ```

mod client;
mod wire;

pub use self::client::{Client, ClientBuilder, Received};
