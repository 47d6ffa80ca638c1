//! The server under load, in a process of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::Outcome;
use crate::process::Process;

/// How long a server may take until it prints `READY`.
const START: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);

/// A running server. Dropping it ends the process.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) process: Process,
    child: Child,
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

impl Target {
    /// `settings` are added to the environment; words before the program run it, such as `sh`.
    pub(crate) async fn start(settings: &[(&str, String)], wrap: &[&str]) -> Outcome<Self> {
        let program = std::env::current_exe()?.with_file_name("load_server");
        Self::start_program(program, settings, wrap).await
    }

    async fn start_program(
        program: PathBuf,
        settings: &[(&str, String)],
        wrap: &[&str],
    ) -> Outcome<Self> {
        let program = program.to_string_lossy().into_owned();
        let mut words = wrap.iter().copied().chain([program.as_str()]);
        let mut command = Command::new(words.next().unwrap_or_default());
        command
            .args(words)
            .env("HOST", "127.0.0.1")
            .env("PORT", "0")
            .envs(settings.iter().map(|(name, value)| (*name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command
            .spawn()
            .map_err(|error| format!("cannot start {program}: {error}"))?;
        let out = child.stdout.take().ok_or("no stdout")?;
        let mut lines = BufReader::new(out).lines();
        let line = timeout(START, lines.next_line()).await??;
        let address = line
            .as_deref()
            .and_then(|line| line.strip_prefix("READY ")?.parse().ok());
        Ok(Self {
            address: address.ok_or_else(|| format!("{program} is not ready: {line:?}"))?,
            process: Process::new(child.id().ok_or("the server has ended")?),
            child,
        })
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

    /// Whether the process still runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}
