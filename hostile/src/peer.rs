//! A TCP connection that writes whatever it is told to, and HTTP over it.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, SockRef, Socket, Type};

use crate::effort::Effort;
use crate::outcome::{check, short};
use crate::{Failure, Outcome};

/// Nothing that is waited for may take longer, unless a script says so.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// Pause of a poll.
pub(crate) const PAUSE: Duration = Duration::from_millis(1);

pub(crate) struct Peer {
    stream: TcpStream,
    input: Vec<u8>,
    /// How much of `input` was taken.
    taken: usize,
    pub(crate) patience: Duration,
    /// Where its bytes are counted; by default, nobody looks.
    effort: Effort,
}

impl Peer {
    pub(crate) fn connect(address: SocketAddr) -> Outcome<Self> {
        Self::new(TcpStream::connect_timeout(&address, PATIENCE)?)
    }

    /// A peer whose system takes next to nothing while it does not read.
    pub(crate) fn narrow(address: SocketAddr) -> Outcome<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_recv_buffer_size(1)?;
        socket.connect_timeout(&address.into(), PATIENCE)?;
        Self::new(socket.into())
    }

    /// A peer that has this address itself.
    pub(crate) fn connect_from(own: [u8; 4], address: SocketAddr) -> Outcome<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((own, 0)).into())?;
        socket.connect_timeout(&address.into(), PATIENCE)?;
        Self::new(socket.into())
    }

    fn new(stream: TcpStream) -> Outcome<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream,
            input: Vec::new(),
            taken: 0,
            patience: PATIENCE,
            effort: Effort::default(),
        })
    }

    /// From now on, what it writes counts for an attack.
    pub(crate) fn counted(mut self, effort: &Effort) -> Self {
        self.effort = effort.clone();
        self
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> Outcome {
        let bytes = bytes.as_ref();
        self.stream
            .write_all(bytes)
            .map_err(|error| Failure::new(format!("cannot send: {error}")))?;
        self.effort.add(bytes.len());
        Ok(())
    }

    /// Sends until the server has ended the connection; what it says is kept. Tells how much went out.
    pub(crate) fn pour(&mut self, chunk: &[u8], times: usize) -> Outcome<usize> {
        self.stream.set_nonblocking(true)?;
        let poured = self.pour_on(chunk, times);
        self.stream.set_nonblocking(false)?;
        poured
    }

    fn pour_on(&mut self, chunk: &[u8], times: usize) -> Outcome<usize> {
        let mut sent = 0;
        for _ in 0..times {
            let mut rest = chunk;
            let mut idle = Instant::now();
            while !rest.is_empty() {
                match self.stream.write(rest) {
                    Ok(count) => {
                        rest = rest.get(count..).unwrap_or_default();
                        sent += count;
                        self.effort.add(count);
                        idle = Instant::now();
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        check!(
                            idle.elapsed() < self.patience,
                            "the server takes nothing after {sent} bytes"
                        );
                        thread::sleep(PAUSE);
                    }
                    Err(_) => {
                        self.gather().ok();
                        return Ok(sent);
                    }
                }
                if self.gather().is_ok_and(|ended| ended) {
                    return Ok(sent);
                }
            }
        }
        Ok(sent)
    }

    /// Reads what is there; whether the server has ended the connection.
    fn gather(&mut self) -> io::Result<bool> {
        loop {
            match self.more() {
                Ok(0) => return Ok(true),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }

    fn more(&mut self) -> io::Result<usize> {
        let mut piece = [0; 64 * 1024];
        let count = self.stream.read(&mut piece)?;
        self.input
            .extend_from_slice(piece.get(..count).unwrap_or_default());
        Ok(count)
    }

    /// What was read and not taken.
    pub(crate) fn input(&self) -> &[u8] {
        self.input.get(self.taken..).unwrap_or_default()
    }

    pub(crate) fn take(&mut self, count: usize) -> Vec<u8> {
        let taken = self.input().get(..count).unwrap_or_default().to_vec();
        self.taken += taken.len();
        if self.taken > 1 << 20 || self.taken == self.input.len() {
            self.input.drain(..self.taken);
            self.taken = 0;
        }
        taken
    }

    /// Waits until this much of the input is there.
    pub(crate) fn needs(&mut self, count: usize) -> Outcome {
        while self.input().len() < count {
            self.stream.set_read_timeout(Some(self.patience))?;
            let read = self.more().map_err(|error| match error.kind() {
                ErrorKind::WouldBlock => {
                    Failure::new(format!("nothing came for {:?}", self.patience))
                }
                _ => error.into(),
            });
            check!(
                read? > 0,
                "the connection ended; it said {:?}",
                short(&String::from_utf8_lossy(self.input()))
            );
        }
        Ok(())
    }

    pub(crate) fn answer(&mut self) -> Outcome<Answer> {
        let end = loop {
            if let Some(end) = self
                .input()
                .windows(4)
                .position(|bytes| bytes == b"\r\n\r\n")
            {
                break end + 4;
            }
            self.needs(self.input().len() + 1)?;
        };
        let head = self.take(end);
        let mut answer = Answer {
            status: 0,
            head: String::from_utf8_lossy(&head).into_owned(),
            body: String::new(),
        };
        let status = answer
            .head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        answer.status = status
            .ok_or_else(|| Failure::new(format!("no status in {:?}", short(&answer.head))))?;
        let length = answer
            .header("content-length")
            .unwrap_or("0")
            .parse()
            .unwrap_or_default();
        self.needs(length)?;
        answer.body = String::from_utf8_lossy(&self.take(length)).into_owned();
        Ok(answer)
    }

    /// Waits until the server has ended the connection, and gives what was not taken.
    pub(crate) fn ended(&mut self) -> Outcome<Vec<u8>> {
        let deadline = Instant::now() + self.patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            check!(
                !left.is_zero(),
                "the connection is still open after {:?}",
                self.patience
            );
            self.stream.set_read_timeout(Some(left))?;
            match self.more() {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                Err(error) => return Err(error.into()),
            }
        }
        let rest = self.input().len();
        Ok(self.take(rest))
    }

    /// Whether the server has ended the connection by now.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.stream.set_nonblocking(true).ok();
        let ended = self.gather();
        self.stream.set_nonblocking(false).ok();
        ended.unwrap_or(true)
    }

    /// Ends the connection as if the process had died.
    pub(crate) fn reset(self) -> Outcome {
        Ok(SockRef::from(&self.stream).set_linger(Some(Duration::ZERO))?)
    }
}

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    pub(crate) fn is(&self, status: u16, body: &str) -> Outcome {
        check!(
            self.status == status && self.body == body,
            "expected {status} {body:?}, got {} {:?}",
            self.status,
            short(&self.body)
        );
        Ok(())
    }

    pub(crate) fn has(&self, status: u16) -> Outcome {
        check!(
            self.status == status,
            "expected {status}, got {} {:?}",
            self.status,
            short(&self.body)
        );
        Ok(())
    }

    /// The session id of an open packet.
    pub(crate) fn sid(&self) -> Outcome<&str> {
        sid(&self.body)
    }
}

pub(crate) fn sid(open: &str) -> Outcome<&str> {
    let sid = open
        .split_once(r#""sid":""#)
        .and_then(|(_, rest)| rest.split_once('"'));
    sid.map(|(sid, _)| sid)
        .ok_or_else(|| Failure::new(format!("no sid in {:?}", short(open))))
}

/// A whole request.
pub(crate) fn request(method: &str, target: &str, headers: &str, body: &str) -> String {
    let length = match method {
        "GET" if body.is_empty() => String::new(),
        _ => format!("Content-Length: {}\r\n", body.len()),
    };
    format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{length}{headers}\r\n{body}")
}
