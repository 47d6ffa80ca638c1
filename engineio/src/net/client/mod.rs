//! The client: a connection that its owner polls, over long-polling and WebSocket.
//!
//! ```text
//! Client ─ connect ─▶ Connection (an object, no task)
//!   options             ├─ client::Session   what the protocol says
//!   cookies             ├─ Requests          one GET, one POST, their HTTP connections
//!   TLS                 └─ Link              the WebSocket, if there is one
//! ```
//!
//! Engine.IO alone, printing every message:
//!
//! ```no_run
//! use engineio::Data;
//! use engineio::client::Event;
//! use engineio::net::client::{Client, Options};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new(Options::new("http://localhost:3000")?)?;
//! let mut connection = client.connect();
//! while let Some(event) = connection.next().await {
//!     match event {
//!         Event::Opened => connection.send(Data::from("hello").into())?,
//!         Event::Message(data) => println!("{data:?}"),
//!         Event::Closed(reason) => println!("{reason}: {:?}", connection.detail()),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod awake;
mod connection;
mod cookies;
mod dial;
mod drive;
mod error;
mod http;
mod link;
mod options;
mod payload;
mod proxy;
mod requests;
mod shared;
mod terms;
#[cfg(feature = "rustls")]
mod tls;
mod url;
mod websocket;
mod writer;

pub use connection::Connection;
pub use error::BuildError;
pub use options::{Options, TransportOptions};
pub use proxy::Proxy;
pub use shared::Client;
#[cfg(feature = "rustls")]
pub use tls::Tls;
pub use url::UrlError;
