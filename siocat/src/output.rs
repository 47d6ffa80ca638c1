//! [`Output`]: stdout, written by a thread of its own.

use std::io::{self, Write};
use std::thread;

use tokio::sync::{mpsc, oneshot};

/// What may wait to be taken by the thread before nothing more is asked for.
const FULL: usize = 64 * 1024;

#[derive(Debug)]
pub(crate) struct Output {
    /// Whole lines.
    pub(crate) lines: Vec<u8>,
    thread: mpsc::Sender<Vec<u8>>,
    ended: oneshot::Receiver<()>,
}

/// Nobody reads any more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Closed;

impl Output {
    /// # Errors
    /// There is no thread to be had.
    pub(crate) fn start() -> io::Result<Self> {
        Self::to(io::stdout())
    }

    fn to(to: impl Write + Send + 'static) -> io::Result<Self> {
        // one that is written, one that waits, one that grows: bursts leave together
        let (thread, chunks) = mpsc::channel(1);
        let (sender, ended) = oneshot::channel();
        let write = move || {
            write(chunks, to);
            sender.send(()).ok();
        };
        thread::Builder::new()
            .name("stdout".to_owned())
            .spawn(write)?;
        Ok(Self {
            lines: Vec::new(),
            thread,
            ended,
        })
    }

    /// Whether whoever reads is slower than what comes.
    pub(crate) fn is_full(&self) -> bool {
        self.lines.len() >= FULL
    }

    /// Gives the lines to the thread as soon as it takes them; waits when there are none. Cancel
    /// safe.
    pub(crate) async fn flush(&mut self) -> Result<(), Closed> {
        if self.lines.is_empty() {
            return std::future::pending().await;
        }
        let permit = self.thread.reserve().await.map_err(|_| Closed)?;
        permit.send(std::mem::take(&mut self.lines));
        Ok(())
    }

    /// Waits until everything is written, or nobody reads.
    pub(crate) async fn finish(mut self) {
        if self.lines.is_empty() || self.flush().await.is_ok() {
            drop(self.thread);
            self.ended.await.ok();
        }
    }
}

fn write(mut chunks: mpsc::Receiver<Vec<u8>>, mut to: impl Write) {
    while let Some(chunk) = chunks.blocking_recv() {
        if let Err(error) = to.write_all(&chunk).and_then(|()| to.flush()) {
            // whoever read has read enough
            if error.kind() != io::ErrorKind::BrokenPipe {
                crate::report(&format!("the output cannot be written: {error}"));
            }
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[tokio::test]
    async fn lines_arrive_and_a_closed_reader_is_noticed() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut output = Output::to(writer).unwrap();
        output.lines.extend_from_slice(b"one\n");
        assert_eq!(output.flush().await, Ok(()));
        output.lines.extend_from_slice(b"two\n");
        output.finish().await;
        let mut all = String::new();
        reader.read_to_string(&mut all).unwrap();
        assert_eq!(all, "one\ntwo\n");

        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let mut output = Output::to(writer).unwrap();
        loop {
            output.lines.extend_from_slice(b"x\n");
            if output.flush().await == Err(Closed) {
                break;
            }
        }
        output.finish().await;
    }
}
