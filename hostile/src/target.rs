//! A server in a process of its own.

use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::outcome::check;
use crate::peer::{PAUSE, Peer, request};
use crate::process::Process;
use crate::{Failure, Outcome};

/// How long a server may take until it prints `READY`, and to end.
const START: Duration = Duration::from_secs(60);
/// What is kept of its stderr.
const LOG: usize = 1 << 20;

/// How a server is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// Words in front of it, such as those of a checker.
    pub wrap: Vec<String>,
    /// Its environment.
    pub settings: Vec<(&'static str, String)>,
    /// File descriptors that it may have.
    pub descriptors: Option<u32>,
}

impl Launch {
    /// A program, with nothing in its environment.
    pub fn new(program: impl AsRef<Path>) -> Self {
        Self {
            program: program.as_ref().into(),
            wrap: Vec::new(),
            settings: Vec::new(),
            descriptors: None,
        }
    }

    fn command(&self) -> Command {
        let mut words = self.wrap.clone();
        if let Some(count) = self.descriptors {
            words.extend([
                "sh".into(),
                "-c".into(),
                format!("ulimit -n {count} && exec \"$0\""),
            ]);
        }
        words.push(self.program.display().to_string());
        let mut words = words.into_iter();
        let mut command = Command::new(words.next().unwrap_or_default());
        command
            .args(words)
            .env("HOST", "127.0.0.1")
            .env("PORT", "0");
        command.envs(self.settings.iter().map(|(name, value)| (*name, value)));
        command
    }
}

/// A running server. Dropping it ends the process.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) process: Process,
    child: Child,
    stdin: Option<ChildStdin>,
    log: Arc<Mutex<Vec<u8>>>,
}

/// What a server says that it has open, and what its application counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gauges {
    pub(crate) connections: u64,
    pub(crate) sessions: u64,
    pub(crate) sockets: u64,
    pub(crate) tasks: u64,
    pub(crate) queued_bytes: u64,
    /// Acks that handlers wait for.
    pub(crate) awaited: u64,
    /// Sockets whose `on_connect` ran and whose `on_disconnect` did not.
    pub(crate) present: u64,
    /// Events that reached a handler without being meant for one.
    pub(crate) handled: u64,
    /// Calls of `on_connect`.
    pub(crate) connects: u64,
}

impl Target {
    pub(crate) fn start(launch: &Launch) -> Outcome<Self> {
        let mut command = launch.command();
        let piped = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let program = launch.program.display();
        let mut child = piped
            .spawn()
            .map_err(|error| Failure::new(format!("cannot start {program}: {error}")))?;
        let log = Arc::<Mutex<Vec<u8>>>::default();
        if let Some(stderr) = child.stderr.take() {
            keep(stderr, &log);
        }
        let ready = child.stdout.take().and_then(first_line);
        let stdin = child.stdin.take();
        let process = Process::new(child.id());
        let mut target = Self {
            address: ([127, 0, 0, 1], 0).into(),
            process,
            child,
            stdin,
            log,
        };
        let address = ready
            .as_deref()
            .and_then(|line| line.strip_prefix("READY ")?.trim().parse().ok());
        target.address = address.ok_or_else(|| {
            Failure::new(format!(
                "{program} is not ready: it printed {ready:?}, {}",
                target.log()
            ))
        })?;
        Ok(target)
    }

    /// Its stderr so far.
    pub(crate) fn log(&self) -> String {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&log).into_owned()
    }

    pub(crate) fn gauges(&self) -> Outcome<Gauges> {
        let mut peer = Peer::connect(self.address)?;
        peer.send(request("GET", "/gauges", "Connection: close\r\n", ""))?;
        let value: Value = serde_json::from_str(&peer.answer()?.body)?;
        let read = |name: &str| value.get(name).and_then(Value::as_u64).unwrap_or_default();
        Ok(Gauges {
            connections: read("connections"),
            sessions: read("sessions"),
            sockets: read("sockets"),
            tasks: read("tasks"),
            queued_bytes: read("queued_bytes"),
            awaited: read("awaited"),
            present: read("connects").saturating_sub(read("disconnects")),
            handled: read("handled"),
            connects: read("connects"),
        })
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// As [`Target::ended`], for a server that seems to be about to.
    pub(crate) fn ends_soon(&mut self) -> Option<ExitStatus> {
        let deadline = Instant::now() + Duration::from_secs(1);
        while self.ended().is_none() && Instant::now() < deadline {
            thread::sleep(PAUSE);
        }
        self.ended()
    }

    /// Asks it to end, and fails unless it does so with status 0.
    pub(crate) fn stop(&mut self) -> Outcome {
        drop(self.stdin.take());
        let deadline = Instant::now() + START;
        while Instant::now() < deadline {
            if let Some(status) = self.ended() {
                check!(
                    status.success(),
                    "the server ended with {status}: {}",
                    self.log()
                );
                return Ok(());
            }
            thread::sleep(PAUSE);
        }
        Err(Failure::new(format!(
            "the server has not ended after {START:?}"
        )))
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The first line of a stream; the rest is read and forgotten.
fn first_line(stream: impl Read + Send + 'static) -> Option<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            // only the first is waited for
            sender.send(line).ok();
        }
    });
    receiver.recv_timeout(START).ok()
}

fn keep(mut stream: impl Read + Send + 'static, log: &Arc<Mutex<Vec<u8>>>) {
    let log = Arc::clone(log);
    thread::spawn(move || {
        let mut piece = [0; 8192];
        while let Ok(count @ 1..) = stream.read(&mut piece) {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            if log.len() < LOG {
                log.extend_from_slice(piece.get(..count).unwrap_or_default());
            }
        }
    });
}
