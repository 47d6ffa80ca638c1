//! [`Wire`]: one TCP connection that never blocks.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::{Domain, Socket, Type};

/// Bytes of a read.
pub(crate) const PIECE: usize = 256 * 1024;
/// What a connection keeps of its buffer.
const KEPT: usize = 64 * 1024;
/// Addresses to come from: the ports of one are used up by some seconds of connecting.
const SOURCES: usize = 16;
/// Reads at a time; more than any server sends before it hears from us.
const PIECES: usize = 1024;

#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    pub(crate) input: Vec<u8>,
    output: Vec<u8>,
    pub(crate) is_ended: bool,
}

/// Where the connection of that number comes from.
pub(crate) fn source(number: usize) -> Ipv4Addr {
    let last = u8::try_from(number % SOURCES).unwrap_or_default();
    Ipv4Addr::new(127, 0, 0, 2 + last)
}

impl Wire {
    /// Begins to connect.
    pub(crate) fn connect(
        to: SocketAddr,
        from: Ipv4Addr,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        socket.bind(&SocketAddr::from((from, 0)).into())?;
        match socket.connect(&to.into()) {
            Err(error)
                if error.raw_os_error() != Some(rustix::io::Errno::INPROGRESS.raw_os_error()) =>
            {
                return Err(error);
            }
            _ => {}
        }
        let mut stream = TcpStream::from_std(socket.into());
        let both = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut stream, token, both)?;
        Ok(Self {
            stream,
            input: Vec::new(),
            output: Vec::new(),
            is_ended: false,
        })
    }

    /// What leaves with the next [`Wire::flush`].
    pub(crate) fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    pub(crate) fn is_flushed(&self) -> bool {
        self.output.is_empty()
    }

    /// Writes what the system takes; the rest follows when there is room again.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        while !self.output.is_empty() {
            match self.stream.write(&self.output) {
                Ok(count) if count == self.output.len() => self.output.clear(),
                Ok(count) => drop(self.output.drain(..count)),
                Err(error) if is_early(&error) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads all there is. The end, when it is `near`, is read as well, and noted.
    pub(crate) fn fill(&mut self, buffer: &mut [u8], near: bool) -> io::Result<()> {
        for _ in 0..PIECES {
            match self.stream.read(buffer) {
                Ok(0) => {
                    self.is_ended = true;
                    break;
                }
                Ok(count) => {
                    self.input
                        .extend_from_slice(buffer.get(..count).unwrap_or_default());
                    // a short read was the last one: what comes later tells again
                    if count < buffer.len() && !near {
                        break;
                    }
                }
                Err(error) if is_early(&error) => break,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                    self.is_ended = true;
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Forgets the input but for its last bytes.
    pub(crate) fn keep(&mut self, last: usize) {
        let used = self.input.len().saturating_sub(last);
        drop(self.input.drain(..used));
        if last == 0 {
            self.input.shrink_to(KEPT);
        }
    }
}

/// Whether it is to be tried again when the system tells: there is no room, nothing there, or no connection yet.
fn is_early(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::NotConnected
    )
}
