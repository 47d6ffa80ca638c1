//! [`Connection`]: what the sockets of one connection share, and the mailbox of its task.

use std::time::Instant;

use engineio::net::server::{Handle, Handshake as Request};
use socketio_proto::{AckId, NamespaceId, SocketId};

use crate::ack::Waiter;
use crate::sync::{Arc, AtomicBool, Mutex, Ordering};

/// A message to the task that owns the machines.
#[derive(Debug)]
pub(crate) enum Command {
    ExpectAck {
        namespace: NamespaceId,
        id: AckId,
        waiter: Waiter,
    },
    LimitAck {
        namespace: NamespaceId,
        id: AckId,
        until: Instant,
    },
    /// Put a socket out of its namespace.
    Disconnect {
        namespace: NamespaceId,
        socket: SocketId,
    },
    /// Put it out of all, and close the transport.
    Close,
}

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) handle: Handle,
    pub(crate) request: Arc<Request>,
    has_mail: AtomicBool,
    mail: Mutex<Mail>,
}

#[derive(Debug, Default)]
struct Mail {
    commands: Vec<Command>,
    closed: bool,
}

impl Connection {
    pub(crate) fn new(handle: Handle, request: Arc<Request>) -> Arc<Self> {
        let (has_mail, mail) = (AtomicBool::new(false), Mutex::default());
        Arc::new(Self {
            handle,
            request,
            has_mail,
            mail,
        })
    }

    /// Leaves a message. It is read before anything that the client sends afterwards. `false`
    /// when the connection has ended.
    pub(crate) fn command(&self, command: Command) -> bool {
        {
            let mut mail = self.mail.lock();
            if mail.closed {
                return false;
            }
            mail.commands.push(command);
            self.has_mail.store(true, Ordering::Release);
        }
        self.handle.wake();
        true
    }

    pub(crate) fn take_mail(&self) -> Vec<Command> {
        if !self.has_mail.load(Ordering::Acquire) {
            return Vec::new();
        }
        let mut mail = self.mail.lock();
        self.has_mail.store(false, Ordering::Release);
        std::mem::take(&mut mail.commands)
    }

    /// Nobody will read messages any more: waiters in them end here.
    pub(crate) fn end(&self) {
        let unread = {
            let mut mail = self.mail.lock();
            mail.closed = true;
            std::mem::take(&mut mail.commands)
        };
        // whoever waits is woken without the lock
        drop(unread);
    }
}
