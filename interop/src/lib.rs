//! Runs the scripts of `interop/node` and `interop/python` from tests: with a deadline, with their output in the
//! failure, and with an end for every process that was started.
//!
//! ```no_run
//! use std::time::Duration;
//! use interop::{Script, Server};
//!
//! let server = Server::start(Script::node("reference_server.mjs"), 0)?;
//! Script::node("scenario.mjs").arg(server.url()).arg("4.8").arg("polling").run(Duration::from_secs(60))?;
//! # Ok::<(), interop::Failure>(())
//! ```

use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long a script gets between the polite signal and the other one.
const GRACE: Duration = Duration::from_secs(5);
/// How long a server may take until it prints `READY`.
const START: Duration = Duration::from_secs(30);

/// The folder of the whole repository.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Why a script did not do what it should, with what it printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Failure(String);

impl Failure {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// A test that returns a `Failure` prints it with `Debug`: plain lines read better than an escaped string.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

/// A program that is not started yet.
#[derive(Debug)]
pub struct Script {
    name: String,
    command: Command,
    /// What has to be there; without it the answer is to run the setup.
    needs: Vec<PathBuf>,
}

impl Script {
    /// A script of `interop/node`.
    pub fn node(file: &str) -> Self {
        let folder = root().join("interop");
        let mut command = Command::new("node");
        command.arg(folder.join("node").join(file));
        Self {
            name: file.to_owned(),
            command,
            needs: vec![folder.join("node_modules/socket.io-client")],
        }
    }

    /// A script of `interop/python`, run by the Python of `interop/.venv`.
    pub fn python(file: &str) -> Self {
        Self::python_of(".venv", file)
    }

    /// A script of `interop/python`, run by the Python of `interop/.venv-4`, which has
    /// python-socketio 4.
    pub fn python_4(file: &str) -> Self {
        Self::python_of(".venv-4", file)
    }

    fn python_of(venv: &str, file: &str) -> Self {
        let folder = root().join("interop");
        let python = folder.join(venv).join("bin/python");
        let mut command = Command::new(&python);
        command.arg(folder.join("python").join(file));
        Self {
            name: file.to_owned(),
            command,
            needs: vec![python],
        }
    }

    /// Any other program.
    pub fn program(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        Self {
            name: path.display().to_string(),
            command: Command::new(path),
            needs: Vec::new(),
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<str>) -> Self {
        self.command.arg(arg.as_ref());
        self.name = format!("{} {}", self.name, arg.as_ref());
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.command.env(name, value.as_ref());
        self
    }

    /// Requires a file or folder that `cargo xtask setup` makes.
    #[must_use]
    pub fn needs(mut self, path: impl Into<PathBuf>) -> Self {
        self.needs.push(path.into());
        self
    }

    /// Starts it; the process ends with the returned value.
    ///
    /// # Errors
    /// What it needs is not installed, or it cannot be started.
    pub fn start(mut self) -> Result<Running, Failure> {
        if let Some(missing) = self.needs.iter().find(|path| !path.exists()) {
            let missing = missing.display();
            return Err(Failure::new(format!(
                "{}: {missing} is missing: run `cargo xtask setup`",
                self.name
            )));
        }
        self.command
            .env("ENDS_WITH_STDIN", "1")
            .env("PYTHONUNBUFFERED", "1");
        self.command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut self.command, 0);
        let mut child = self.command.spawn().map_err(|error| {
            let program = self.command.get_program().display();
            Failure::new(format!(
                "{}: cannot start {program}: {error} (run `cargo xtask setup`)",
                self.name
            ))
        })?;
        let log = Arc::new(Mutex::new(String::new()));
        let (sender, lines) = mpsc::channel();
        if let Some(out) = child.stdout.take() {
            follow(out, &log, Some(sender));
        }
        if let Some(err) = child.stderr.take() {
            follow(err, &log, None);
        }
        let stdin = child.stdin.take();
        Ok(Running {
            name: self.name,
            child,
            stdin,
            lines,
            log,
            ended: false,
        })
    }

    /// Runs it to its end and gives what it printed.
    ///
    /// # Errors
    /// It does not start, does not end within `limit`, or ends with a status other than 0.
    pub fn run(self, limit: Duration) -> Result<String, Failure> {
        self.start()?.finish(limit)
    }
}

/// Copies a stream of the child line by line into the log, and to the reader of its lines.
fn follow(
    stream: impl Read + Send + 'static,
    log: &Arc<Mutex<String>>,
    sender: Option<mpsc::Sender<String>>,
) {
    let log = Arc::clone(log);
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let mut text = log.lock().unwrap_or_else(PoisonError::into_inner);
            text.push_str(&line);
            text.push('\n');
            drop(text);
            if let Some(sender) = &sender {
                // nobody may be reading any more
                let _ = sender.send(line);
            }
        }
    });
}

/// A started program. Dropping it ends the process.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    log: Arc<Mutex<String>>,
    ended: bool,
}

impl Running {
    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything it printed so far on stdout and stderr.
    pub fn log(&self) -> String {
        self.log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The next line of its stdout.
    ///
    /// # Errors
    /// None comes within `limit`, or its stdout has ended.
    pub fn line(&mut self, limit: Duration) -> Result<String, Failure> {
        self.lines.recv_timeout(limit).map_err(|error| match error {
            RecvTimeoutError::Timeout => {
                self.failure(&format!("printed nothing for {} s", limit.as_secs()))
            }
            RecvTimeoutError::Disconnected => {
                let status = self
                    .child
                    .wait()
                    .map_or_else(|error| error.to_string(), |status| status.to_string());
                self.ended = true;
                self.failure(&format!("ended ({status})"))
            }
        })
    }

    /// Writes a line to its stdin.
    ///
    /// # Errors
    /// It does not read any more.
    pub fn say(&mut self, line: &str) -> Result<(), Failure> {
        let written = self
            .stdin
            .as_mut()
            .map(|stdin| writeln!(stdin, "{line}").and_then(|()| stdin.flush()));
        match written {
            Some(Ok(())) => Ok(()),
            _ => Err(self.failure("does not read its stdin any more")),
        }
    }

    /// Waits for its end and gives what it printed.
    ///
    /// # Errors
    /// It does not end within `limit`, or ends with a status other than 0.
    pub fn finish(mut self, limit: Duration) -> Result<String, Failure> {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            match self.child.try_wait() {
                Ok(None) => thread::sleep(Duration::from_millis(10)),
                Ok(Some(status)) => {
                    self.ended = true;
                    // the rest of what it printed; stdout ends with the process
                    while self.lines.recv_timeout(Duration::from_secs(1)).is_ok() {}
                    return if status.success() {
                        Ok(self.log())
                    } else {
                        Err(self.failure(&status.to_string()))
                    };
                }
                Err(error) => return Err(self.failure(&error.to_string())),
            }
        }
        Err(self.failure(&format!("did not end within {} s", limit.as_secs())))
    }

    /// Ends it: politely first, then not.
    pub fn stop(&mut self) {
        if self.ended {
            return;
        }
        signal(&self.child, "TERM");
        let deadline = Instant::now() + GRACE;
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                self.ended = true;
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        signal(&self.child, "KILL");
        // it may have ended by itself in between
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.ended = true;
    }

    fn failure(&self, what: &str) -> Failure {
        let indented: String = self
            .log()
            .lines()
            .map(|line| format!("  | {line}\n"))
            .collect();
        Failure::new(format!("{}: {what}\n{indented}", self.name))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Signals the process and the group that it leads.
fn signal(child: &Child, name: &str) {
    let group = format!("-{}", child.id());
    // a process that is gone already needs no signal
    let _ = Command::new("kill")
        .args([&format!("-{name}"), "--", &group])
        .stderr(Stdio::null())
        .status();
}

/// A server in another process, which accepts connections. Dropping it ends it.
#[derive(Debug)]
pub struct Server {
    running: Running,
    address: String,
}

impl Server {
    /// Starts it on this port (0 picks a free one) and waits for its `READY` line.
    ///
    /// # Errors
    /// It does not start, or is not ready in time.
    pub fn start(script: Script, port: u16) -> Result<Self, Failure> {
        let mut running = script
            .env("PORT", port.to_string())
            .env("HOST", "127.0.0.1")
            .start()?;
        let line = running.line(START)?;
        match line.strip_prefix("READY ") {
            Some(address) => Ok(Self {
                address: address.to_owned(),
                running,
            }),
            None => Err(running.failure(&format!(
                "printed `{line}` instead of READY and its address"
            ))),
        }
    }

    /// Where it listens, as `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The port on which it listens.
    pub fn port(&self) -> u16 {
        self.address
            .rsplit(':')
            .next()
            .and_then(|port| port.parse().ok())
            .unwrap_or_default()
    }

    /// Where it listens, as `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Ends it.
    pub fn stop(mut self) {
        self.running.stop();
    }

    /// Asks it to end, which it must do in time and with status 0.
    ///
    /// # Errors
    /// It does not, or not well.
    pub fn end(self) -> Result<(), Failure> {
        signal(&self.running.child, "TERM");
        self.running.finish(GRACE).map(drop)
    }
}

/// Plays the parent of `reconnect.mjs`: stops and starts the server when the script asks for it, until it is done.
///
/// # Errors
/// A check of the script fails, or it takes too long.
pub fn play_restarts(
    mut script: Running,
    mut stop: impl FnMut(),
    mut start: impl FnMut() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let limit = Duration::from_secs(60);
    loop {
        match script.line(limit)?.as_str() {
            "NEED stop" => {
                stop();
                script.say("stopped")?;
            }
            "NEED start" => {
                start()?;
                script.say("started")?;
            }
            "PASS" => return script.finish(limit).map(drop),
            _ => {}
        }
    }
}
