//! The program from the first connection to the end.

use std::collections::{BTreeMap, VecDeque};
use std::process::ExitCode;
use std::time::Duration;

use socketio_client::{AckError, Incoming, Manager, Value};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use crate::input::{self, Line};
use crate::namespace::Namespace;
use crate::options::Options;
use crate::output::{Closed, Output};
use crate::questions::Questions;
use crate::watch::{self, Item};
use crate::{report, signals};

mod items;
mod lines;

/// Lines of the input that are carried out before others have their turn.
const TURN: usize = 128;
/// What may wait to be sent before the input has to.
const HALF: usize = crate::options::MAX_BUFFERED / 2;
/// How long a goodbye may take once a signal asked for it.
const FAREWELL: Duration = Duration::from_secs(3);

/// Runs until the end of the input, a signal, or a connection that fails for good.
pub(crate) async fn run(options: Options) -> ExitCode {
    if options.insecure {
        report(
            "WARNING: --insecure accepts any certificate: whoever stands in between can read and change everything",
        );
    }
    let mut session = match Session::start(options) {
        Ok(session) => session,
        Err(words) => {
            report(&words);
            return ExitCode::FAILURE;
        }
    };
    let end = session.serve().await;
    session.finish(end).await
}

/// Why it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The first connection failed for good.
    Failed,
    Input,
    /// Nobody reads the output any more.
    Output,
    Signal,
}

struct Session {
    options: Options,
    namespaces: Vec<Namespace>,
    /// There will be no connection any more unless somebody asks for one.
    is_lost: bool,
    /// Emits that wait for their acks, by number.
    acks: BTreeMap<u64, Emitted>,
    emits: u64,
    questions: Questions<Incoming>,
    items: mpsc::UnboundedReceiver<Item>,
    to_items: mpsc::UnboundedSender<Item>,
    input: mpsc::Receiver<Vec<Line>>,
    is_input_over: bool,
    lines: VecDeque<Line>,
    output: Output,
    signals: mpsc::Receiver<()>,
}

/// An emit that waits for its ack.
struct Emitted {
    namespace: usize,
    line: u64,
    tag: Option<Value>,
    /// Whether somebody wants to see the ack, or only the retries do.
    is_shown: bool,
}

impl Session {
    fn start(mut options: Options) -> Result<Self, String> {
        let signals = signals::watch().map_err(|error| format!("no signals: {error}"))?;
        let input = input::start().map_err(|error| format!("no thread: {error}"))?;
        let output = Output::start().map_err(|error| format!("no thread: {error}"))?;
        let (to_items, items) = mpsc::unbounded_channel();
        watch::manager(&options.manager, &to_items);
        let names = std::mem::take(&mut options.namespaces);
        let mut session = Self {
            options,
            namespaces: Vec::new(),
            is_lost: false,
            acks: BTreeMap::new(),
            emits: 0,
            questions: Questions::new(),
            items,
            to_items,
            input,
            is_input_over: false,
            lines: VecDeque::new(),
            output,
            signals,
        };
        for name in names {
            session.connect(name)?;
        }
        Ok(session)
    }

    fn manager(&self) -> &Manager {
        &self.options.manager
    }

    async fn serve(&mut self) -> End {
        let mut leave_at = None;
        loop {
            let is_full = self.output.is_full();
            let mut turn = 0;
            while turn < TURN && !is_full && !self.must_wait() {
                let Some(line) = self.lines.pop_front() else {
                    break;
                };
                self.carry_out(line);
                turn += 1;
            }
            if leave_at.is_none() && self.is_done() {
                leave_at = Instant::now().checked_add(self.options.linger);
            }
            let has_lines = !self.lines.is_empty();
            let (must_wait, first) = (self.must_wait(), self.namespaces.first());
            let room = async {
                match first {
                    // any socket tells it of all
                    Some(first) if must_wait => first.socket.emit_ready().await,
                    _ => tokio::task::yield_now().await,
                }
            };
            tokio::select! {
                Some(item) = self.items.recv(), if !is_full => {
                    if let Some(end) = self.show_all(item) {
                        return end;
                    }
                }
                flushed = self.output.flush() => {
                    if flushed == Err(Closed) {
                        return End::Output;
                    }
                }
                lines = self.input.recv(), if !is_full && !has_lines && !self.is_input_over => {
                    match lines {
                        Some(lines) => self.lines.extend(lines),
                        None => self.is_input_over = true,
                    }
                }
                () = room, if !is_full && has_lines => {}
                Some(()) = self.signals.recv() => return End::Signal,
                () = leave(leave_at) => return End::Input,
            }
        }
    }

    /// Whether so much waits to be sent that the input has to wait. Where there is no connection to
    /// wait for, lines are refused instead.
    fn must_wait(&self) -> bool {
        let mut sockets = self.namespaces.iter().map(|namespace| &namespace.socket);
        self.manager().buffered() > HALF
            && !self.is_lost
            && sockets.any(|socket| socket.is_active())
    }

    /// Whether the input is over, and what it wanted is done as far as it can be.
    fn is_done(&self) -> bool {
        let is_over = self.is_input_over && self.lines.is_empty();
        let is_sent = self.manager().buffered() == 0;
        let is_done = |namespace: &Namespace| {
            let socket = &namespace.socket;
            let can_send = socket.is_connected() || namespace.was_connected && is_sent;
            let is_gone = self.is_lost || !socket.is_active();
            is_gone || can_send && namespace.open_acks == 0
        };
        is_over && self.namespaces.iter().all(is_done)
    }

    /// Says goodbye.
    async fn finish(mut self, end: End) -> ExitCode {
        let manager = self.manager().clone();
        manager.close();
        let patience = match end {
            End::Signal | End::Output => FAREWELL,
            // what was sent has its own deadlines
            End::Failed | End::Input => Duration::MAX,
        };
        let is_hurried = self.until_closed(&manager, patience).await;
        while let Ok(item) = self.items.try_recv() {
            self.show(item);
        }
        for number in self.acks.keys().copied().collect::<Vec<_>>() {
            self.show_ack(number, Err(AckError::Disconnected));
        }
        let mut is_failure = end == End::Failed;
        if end == End::Input && manager.buffered() > 0 {
            report("not everything was sent: there is no connection");
            is_failure |= self.is_lost;
        }
        if !is_hurried && end != End::Output {
            let finish = self.output.finish();
            tokio::select! {
                _ = timeout(patience, finish) => {}
                Some(()) = self.signals.recv() => {}
            }
        }
        ExitCode::from(u8::from(is_failure))
    }

    /// Shows what still comes, until what was sent has left. Whether another signal came.
    async fn until_closed(&mut self, manager: &Manager, patience: Duration) -> bool {
        let mut closed = std::pin::pin!(timeout(patience, manager.closed()));
        loop {
            let is_full = self.output.is_full();
            tokio::select! {
                _ = &mut closed => return false,
                Some(item) = self.items.recv(), if !is_full => {
                    self.show(item);
                }
                // a second one is impatience
                Some(()) = self.signals.recv() => return true,
                flushed = self.output.flush() => {
                    if flushed == Err(Closed) {
                        self.output.lines.clear();
                    }
                }
            }
        }
    }
}

async fn leave(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
