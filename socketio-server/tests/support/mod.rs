//! A client of the protocol on top of the raw one: it answers pings and knows how to join.
#![allow(
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "shared by tests that use parts of it"
)]

#[path = "../common/mod.rs"]
mod common;

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use socketio_server::{Gauges, Server};

pub(crate) use common::Said;
use common::{Raw, Served};

/// Nothing here may take longer.
pub const PATIENCE: Duration = Duration::from_secs(10);

pub async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("this takes too long")
}

/// Serves until the test ends.
pub async fn start(server: &Server) -> SocketAddr {
    Served::start(server.clone()).await.address
}

/// Waits until a fact can be observed.
pub async fn until(what: &str, mut fact: impl FnMut() -> bool) {
    let watch = async {
        while !fact() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(
        tokio::time::timeout(PATIENCE, watch).await.is_ok(),
        "never seen: {what}"
    );
}

/// Waits until nothing is left of any client.
pub async fn until_idle(server: &Server) {
    until("an idle server", || {
        let Gauges {
            sessions,
            sockets,
            tasks,
            queued_bytes,
            ..
        } = server.gauges();
        sessions + sockets + tasks + queued_bytes == 0
    })
    .await;
}

/// A WebSocket client.
pub(crate) struct Client(Raw);

impl Client {
    /// Opens a WebSocket and takes the open packet.
    pub async fn open(address: SocketAddr) -> Self {
        let mut raw = Raw::connect(address).await;
        assert!(raw.text().await.starts_with("0{"));
        Self(raw)
    }

    /// Opens a WebSocket and connects to a namespace.
    pub async fn join(address: SocketAddr, namespace: &str) -> Self {
        Self::join_as(address, namespace, "").await.0
    }

    /// As `join`, with an auth payload; also tells the socket id.
    pub async fn join_as(address: SocketAddr, namespace: &str, auth: &str) -> (Self, String) {
        let mut client = Self::open(address).await;
        let prefix = if namespace == "/" {
            String::new()
        } else {
            format!("{namespace},")
        };
        client.send(&format!("40{prefix}{auth}")).await;
        let answer = client.text().await;
        let sid = answer.strip_prefix(&format!("40{prefix}{{\"sid\":\""));
        let sid = sid.and_then(|rest| rest.strip_suffix("\"}"));
        let sid = sid
            .unwrap_or_else(|| panic!("{answer} is no answer to a connect"))
            .to_owned();
        (client, sid)
    }

    pub async fn send(&mut self, text: &str) {
        self.0.send(text).await;
    }

    /// The next thing said; pings of the server are answered and passed over.
    pub async fn next(&mut self) -> Said {
        loop {
            match self.0.said().await {
                Said::Text(text) if text == "2" => self.send("3").await,
                said => return said,
            }
        }
    }

    pub async fn text(&mut self) -> String {
        match self.next().await {
            Said::Text(text) => text,
            other => panic!("{other:?} is no text"),
        }
    }

    pub async fn expect(&mut self, text: &str) {
        assert_eq!(self.next().await, Said::Text(text.to_owned()));
    }
}
