//! [`Running`]: a server in a process of its own, which can be looked at, stopped and killed.

mod launch;
mod system;

use std::io::{self, BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, kill_process};

pub use launch::Launch;
pub use rustix::process::Signal;
pub use system::Process;

/// How long a server may take until it prints `READY`, and to end.
const START: Duration = Duration::from_secs(60);
/// What is kept of its stderr.
const LOG: usize = 1 << 20;
const PAUSE: Duration = Duration::from_millis(1);

/// A server that prints `READY` and its address, and ends when its stdin does. Dropping it kills
/// the process.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// The process from outside.
    pub process: Process,
    child: Child,
    stdin: Option<ChildStdin>,
    log: Arc<Mutex<Vec<u8>>>,
}

impl Running {
    /// Starts it, and waits until it is ready.
    ///
    /// # Errors
    /// It cannot be started, or is not ready in time; with its stderr.
    pub fn start(launch: &Launch) -> io::Result<Self> {
        Self::start_and_hear(launch, |_| {})
    }

    /// The same; `each` gets the lines that follow `READY`, on a thread of its own.
    ///
    /// # Errors
    /// As [`Running::start`].
    pub fn start_and_hear(
        launch: &Launch,
        each: impl FnMut(String) + Send + 'static,
    ) -> io::Result<Self> {
        let mut command = launch.command();
        let piped = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let program = launch.program.display();
        let mut child = piped
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("{program}: {error}")))?;
        let log = Arc::<Mutex<Vec<u8>>>::default();
        if let Some(stderr) = child.stderr.take() {
            keep(stderr, &log);
        }
        let ready = child.stdout.take().and_then(|out| first_line(out, each));
        let stdin = child.stdin.take();
        let process = Process::new(child.id());
        let mut running = Self {
            address: ([127, 0, 0, 1], 0).into(),
            process,
            child,
            stdin,
            log,
        };
        let address = ready
            .as_deref()
            .and_then(|line| line.strip_prefix("READY ")?.trim().parse().ok());
        running.address = address.ok_or_else(|| {
            let log = running.log();
            io::Error::other(format!(
                "{program} is not ready: it printed {ready:?}, {log}"
            ))
        })?;
        Ok(running)
    }

    /// Its stderr so far.
    #[must_use]
    pub fn log(&self) -> String {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// Those of the system.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        // what has ended and was waited for has no number any more
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let id = id.ok_or(io::ErrorKind::NotFound)?;
        Ok(kill_process(id, signal)?)
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// As [`Running::ended`], after waiting for that as long.
    pub fn ends_within(&mut self, time: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + time;
        while self.ended().is_none() && Instant::now() < deadline {
            thread::sleep(PAUSE);
        }
        self.ended()
    }

    /// Asks it to end, by ending its stdin, and fails unless it does so with status 0.
    ///
    /// # Errors
    /// It ended otherwise, or not in time.
    pub fn stop(&mut self) -> io::Result<()> {
        drop(self.stdin.take());
        match self.ends_within(START) {
            Some(status) if status.success() => Ok(()),
            Some(status) => {
                let log = self.log();
                Err(io::Error::other(format!(
                    "the server ended with {status}: {log}"
                )))
            }
            None => Err(io::Error::other(format!(
                "the server has not ended after {START:?}"
            ))),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The first line of a stream; the rest goes to `each`.
fn first_line(
    stream: impl Read + Send + 'static,
    mut each: impl FnMut(String) + Send + 'static,
) -> Option<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
        if let Some(first) = lines.next() {
            // only the first is waited for
            sender.send(first).ok();
        }
        lines.for_each(&mut each);
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
