//! [`Life`]: what one client saw, from its first connection to its last.

use std::collections::HashMap;

/// Which of a client's connections, counted from 1.
pub(crate) type Connection = u32;

/// Everything that a client sent and received.
#[derive(Debug, Default)]
pub(crate) struct Life {
    connection: Connection,
    connected: bool,
    /// The connections by the ids of their sockets.
    ids: HashMap<String, Connection>,
    /// The server's numbers, as they came.
    ticks: Vec<(Connection, usize)>,
    /// What became of each event that was sent.
    ups: Vec<Up>,
    /// What connects, disconnects and contents broke.
    broken: Vec<String>,
    pub(crate) disconnects: u32,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Up {
    Waits,
    /// The server got it on this connection, as its `count`th.
    Received {
        on: Connection,
        count: usize,
    },
    /// Nobody knows: the connection broke, or the time was up.
    Unknown,
}

impl Life {
    pub(crate) fn connected(&mut self, id: &str) {
        if self.connected {
            self.broken.push("connected twice".to_owned());
        }
        self.connected = true;
        let number = self.number(id);
        if number <= self.connection {
            self.broken.push("the id of a socket came twice".to_owned());
        }
        self.connection = number;
    }

    /// The number of the connection of that socket; an answer may be here before its connect is
    /// looked at.
    fn number(&mut self, id: &str) -> Connection {
        if let Some(&number) = self.ids.get(id) {
            return number;
        }
        let next = u32::try_from(self.ids.len())
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        self.ids.insert(id.to_owned(), next);
        next
    }

    pub(crate) fn disconnected(&mut self) {
        if !self.connected {
            self.broken.push("disconnected twice".to_owned());
        }
        self.connected = false;
        self.disconnects += 1;
    }

    /// The server's next number came.
    pub(crate) fn tick(&mut self, n: usize, whole: bool) {
        self.ticks.push((self.connection, n));
        if !whole {
            self.broken.push(format!("the content of tick {n}"));
        }
    }

    /// An event is sent; its number.
    pub(crate) fn up(&mut self) -> usize {
        self.ups.push(Up::Waits);
        self.ups.len()
    }

    /// The answer to an event: how many the server had, on which socket, and whether its content
    /// came back.
    pub(crate) fn answered(&mut self, n: usize, answer: Option<(usize, String, bool)>) {
        let outcome = match answer {
            None => Up::Unknown,
            Some((count, id, whole)) => {
                if !whole {
                    self.broken.push(format!("the content of up {n}"));
                }
                let on = self.number(&id);
                Up::Received { on, count }
            }
        };
        match self.ups.get_mut(n - 1) {
            Some(up @ Up::Waits) => *up = outcome,
            _ => self.broken.push(format!("up {n} was answered twice")),
        }
    }

    /// Events that were sent, and ticks that came.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.ups.len(), self.ticks.len())
    }

    /// Ticks of the connection that is there.
    pub(crate) fn ticks_here(&self) -> usize {
        let here = |(on, _): &&(Connection, usize)| *on == self.connection;
        self.ticks.iter().rev().take_while(here).count()
    }

    /// Events of the connection that is there that the server certainly got.
    pub(crate) fn ups_here(&self) -> usize {
        let here = |up: &&Up| matches!(up, Up::Received { on, .. } if *on == self.connection);
        self.ups.iter().filter(here).count()
    }

    /// What must not be: a hole or a repetition within a connection, an event that is not
    /// accounted for, a connect without its disconnect.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = self.broken.clone();
        let mut last = (0, 0);
        for &(on, n) in &self.ticks {
            let expected = if on == last.0 { last.1 + 1 } else { 1 };
            if n != expected {
                faults.push(format!("connection {on}: tick {n} instead of {expected}"));
            }
            last = (on, n);
        }
        let mut last: (Connection, usize) = (0, 0);
        let mut unknown = false;
        for (index, up) in self.ups.iter().enumerate() {
            let n = index + 1;
            match *up {
                Up::Waits => faults.push(format!("up {n} was never answered")),
                Up::Unknown => unknown = true,
                Up::Received { on, count } => {
                    // those that nobody knows of may be the end of a connection, not its middle
                    let hole = unknown && on == last.0;
                    let expected = if on == last.0 { last.1 + 1 } else { 1 };
                    if hole || count != expected || on < last.0 {
                        faults.push(format!(
                            "connection {on}: up {n} was the server's {count}, not {expected}"
                        ));
                    }
                    last = (on, count);
                    unknown = false;
                }
            }
        }
        if self.connected {
            faults.push("no disconnect".to_owned());
        }
        faults
    }
}
