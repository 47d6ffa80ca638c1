//! [`Driven`]: a program that does what a line on its stdin says, and then prints `done`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use testkit::Process;

use crate::Outcome;

/// How long a line may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// A running program. Dropping it ends the process.
#[derive(Debug)]
pub(super) struct Driven {
    pub(super) process: Process,
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
}

impl Driven {
    pub(super) fn start(words: &[PathBuf], server: SocketAddr) -> Outcome<Self> {
        let (program, words) = words.split_first().ok_or("no program")?;
        let mut command = Command::new(program);
        command
            .args(words)
            .arg(format!("http://{server}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let (stdin, stdout) = stdin.zip(stdout).ok_or("no pipes")?;
        let (heard, lines) = channel();
        thread::spawn(move || {
            let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
            // nobody listens any more: enough
            lines.try_for_each(|line| heard.send(line))
        });
        Ok(Self {
            process: Process::new(child.id()),
            child,
            stdin,
            lines,
        })
    }

    /// Tells it a line and waits until it is done.
    pub(super) fn tell(&mut self, line: &str) -> Outcome {
        writeln!(self.stdin, "{line}")?;
        match self.lines.recv_timeout(PATIENCE) {
            Ok(answer) if answer == "done" => Ok(()),
            Ok(answer) => Err(format!("{line}: {answer}").into()),
            Err(error) => Err(format!("{line}: {error}").into()),
        }
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
