//! [`check`]: whether a promise held.

use std::fmt;
use std::time::Duration;

use super::record::{Record, Side, What};
use super::{life, messages, waits};

/// What is promised of a run; the module says it in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// No fault: every message exactly once and in order.
    P0,
    /// Upgrades, also those that fail: the same.
    P1,
    /// At most once: for each connection a prefix without a gap, and the receiver is told.
    P2,
    /// At least once, for what clients send.
    P3 {
        /// The time after which the client sends again.
        ack_timeout: Duration,
    },
    /// Recovery: exactly once across recovered connections, for what the server sends. What
    /// clients send is under [`Promise::P2`].
    P4,
    /// Every wait for an ack ends exactly once.
    P7,
    /// Every socket connects once, and disconnects once after that.
    P8,
    /// Both sides of a connection that was [broken](What::Broken) are told within this time.
    Told(Duration),
}

/// What a promise that held was about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Lines that were read.
    pub lines: usize,
    /// Messages that were sent.
    pub sent: usize,
    /// Messages that came in.
    pub received: usize,
    /// Messages that never came, where that is allowed.
    pub lost: usize,
    /// Messages that came again, where that is allowed.
    pub doubled: usize,
    /// Waits for acks.
    pub waits: usize,
    /// Sockets that a client or a server was told of.
    pub connected: usize,
    /// Those of them with their state recovered.
    pub recovered: usize,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            lines,
            sent,
            received,
            lost,
            doubled,
            waits,
            connected,
            recovered,
        } = self;
        write!(
            f,
            "{lines} lines: {sent} sent, {received} received, {lost} lost, {doubled} doubled, "
        )?;
        write!(
            f,
            "{waits} waits, {connected} connects, {recovered} of them recovered"
        )
    }
}

/// A line that should not be there, or that another one should have followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong with it.
    pub wrong: Wrong,
    /// The line.
    pub line: Record,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.wrong, self.line)
    }
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// The message was received by nobody, and nothing excuses it.
    NeverArrived,
    /// The message was not received, and later ones of its connection were.
    Hole,
    /// The message was not received, and the receiver was never told that the connection ended.
    NotTold,
    /// The message had been received already.
    Twice,
    /// The message was received after one that was sent later.
    Reordered,
    /// Nobody sent this, or not on this connection.
    NeverSent,
    /// The payload is another one.
    Altered,
    /// The sender's numbers do not grow.
    Miscounted,
    /// The ack, or the report of failure, never came.
    NeverEnded,
    /// The wait had ended already, or had not begun.
    EndedTwice,
    /// The wait with this id had begun already.
    WaitedTwice,
    /// The message was acknowledged, but no handler saw it.
    AnsweredUnseen,
    /// The socket is known already.
    ConnectedTwice,
    /// A socket ended that is not there.
    DisconnectedUnconnected,
    /// The socket's end was never told.
    NeverDisconnected,
    /// A client has a socket while its former one has not ended.
    Overlap,
    /// The connection's end was told too late, or never.
    ToldLate,
}

/// The first faults as text, a line each.
#[must_use]
pub fn explain(faults: &[Fault]) -> String {
    let mut text = format!("{} faults", faults.len());
    for fault in faults.iter().take(20) {
        text.push_str(&format!("\n  {fault}"));
    }
    text
}

/// Whether a promise held in a run.
///
/// # Errors
/// Everything that is wrong, in no particular order.
pub fn check(lines: &[Record], promise: Promise) -> Result<Summary, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut summary = counted(lines);
    match promise {
        Promise::P0 | Promise::P1 => messages::exactly_once(lines, &mut faults),
        Promise::P2 => summary.lost = messages::at_most_once(lines, &mut faults),
        Promise::P3 { ack_timeout } => {
            let (lost, doubled) = messages::at_least_once(lines, ack_timeout, &mut faults);
            (summary.lost, summary.doubled) = (lost, doubled);
        }
        Promise::P4 => summary.lost = messages::recovered(lines, &mut faults),
        Promise::P7 => waits::end_once(lines, &mut faults),
        Promise::P8 => life::paired(lines, &mut faults),
        Promise::Told(within) => life::told(lines, within, &mut faults),
    }
    if faults.is_empty() {
        Ok(summary)
    } else {
        Err(faults)
    }
}

fn counted(lines: &[Record]) -> Summary {
    let mut summary = Summary {
        lines: lines.len(),
        ..Summary::default()
    };
    for line in lines {
        match line.what {
            What::Sent { .. } => summary.sent += 1,
            What::Refused { .. } => summary.sent = summary.sent.saturating_sub(1),
            What::Received { .. } => summary.received += 1,
            What::AckWaited { .. } => summary.waits += 1,
            What::Connected { recovered } => {
                summary.connected += 1;
                summary.recovered += usize::from(recovered);
            }
            What::AckEnded { .. } | What::Disconnected { .. } | What::Broken => {}
        }
    }
    summary
}

/// Notes what is wrong with a line.
pub(super) fn note(faults: &mut Vec<Fault>, wrong: Wrong, line: &Record) {
    let line = line.clone();
    faults.push(Fault { wrong, line });
}

/// Which socket a line is about, as one side sees it.
pub(super) type SocketKey<'a> = (u32, &'a str, Side, u32);

pub(super) fn socket(line: &Record) -> SocketKey<'_> {
    (line.client, &line.namespace, line.side, line.connection)
}
