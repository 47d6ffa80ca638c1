//! The server under load, in a process of its own.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::{Launch, Running};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::Outcome;

const PAUSE: Duration = Duration::from_millis(50);

/// A running server. Dropping it ends the process.
#[derive(Debug)]
pub(crate) struct Target(Running);

impl Deref for Target {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.0
    }
}

impl DerefMut for Target {
    fn deref_mut(&mut self) -> &mut Running {
        &mut self.0
    }
}

/// What must be back where it was when all clients have gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) sessions: u64,
    pub(crate) sockets: u64,
    pub(crate) tasks: u64,
    pub(crate) pending_acks: u64,
    pub(crate) queued_bytes: u64,
    /// Sockets whose `on_connect` ran and whose `on_disconnect` did not.
    pub(crate) present: u64,
    pub(crate) namespaces: u64,
}

impl fmt::Display for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Target {
    /// With `change` made to how it is started.
    pub(crate) fn start(change: impl FnOnce(Launch) -> Launch) -> Outcome<Self> {
        let program = std::env::current_exe()?.with_file_name("load_server");
        Ok(Self(Running::start(&change(Launch::new(program)))?))
    }

    /// Resident memory in KiB.
    pub(crate) fn resident(&self) -> Outcome<u64> {
        Ok(self.process.memory()? / 1024)
    }

    /// The most resident memory so far, in KiB.
    pub(crate) fn peak(&self) -> Outcome<u64> {
        Ok(self.process.peak()? / 1024)
    }

    /// The server's own figures.
    pub(crate) async fn gauges(&self) -> Outcome<Value> {
        let mut stream = TcpStream::connect(self.address).await?;
        let request = "GET /gauges HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (_, body) = answer.split_once("\r\n\r\n").ok_or("no body")?;
        Ok(serde_json::from_str(body)?)
    }

    pub(crate) async fn gauge(&self, name: &str) -> Outcome<u64> {
        let gauges = self.gauges().await?;
        let value = gauges.get(name).and_then(Value::as_u64);
        value.ok_or_else(|| format!("no gauge {name}").into())
    }

    pub(crate) async fn open(&self) -> Outcome<Open> {
        let gauges = self.gauges().await?;
        let read = |name: &str| gauges.get(name).and_then(Value::as_u64).unwrap_or_default();
        Ok(Open {
            sessions: read("sessions"),
            sockets: read("sockets"),
            tasks: read("tasks"),
            pending_acks: read("pending_acks"),
            queued_bytes: read("queued_bytes"),
            present: read("present"),
            namespaces: read("namespaces"),
        })
    }

    /// How many descriptors the server has, once it is no more than `before` or the time is up: it closes the connection
    /// that its gauges were read on when we have closed it.
    pub(crate) async fn descriptors(&self, before: usize, limit: Duration) -> Outcome<usize> {
        let deadline = Instant::now() + limit;
        loop {
            let descriptors = self.process.descriptors()?;
            if descriptors <= before || Instant::now() > deadline {
                return Ok(descriptors);
            }
            sleep(PAUSE).await;
        }
    }

    /// Waits until everything is back where it was, and tells how it is.
    pub(crate) async fn settled(&self, before: Open, limit: Duration) -> Outcome<Open> {
        let deadline = Instant::now() + limit;
        loop {
            let open = self.open().await?;
            if open == before || Instant::now() > deadline {
                return Ok(open);
            }
            sleep(PAUSE).await;
        }
    }
}
