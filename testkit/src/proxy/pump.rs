//! [`Pump`]: one way through a connection.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::sync::atomic::Ordering;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Duration, sleep};

use super::script::{Direction, Harm, Place, Script};
use super::{Fate, State, Traffic};

const HEAD_END: &[u8] = b"\r\n\r\n";

/// How a whole connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Reset,
    Finish,
    Silence,
}

pub(super) struct Pump<'a> {
    direction: Direction,
    steps: VecDeque<(Place, Harm)>,
    state: &'a State,
    traffic: &'a Traffic,
    fate: watch::Receiver<(u64, Fate)>,
    passed: u64,
    /// Bytes of the first head, once it is whole, and until then how much of its end was seen.
    head: Result<u64, usize>,
    corrupt: u8,
    delay: Duration,
    trickles: bool,
}

impl<'a> Pump<'a> {
    pub(super) fn new(
        direction: Direction,
        script: &Script,
        state: &'a State,
        traffic: &'a Traffic,
    ) -> Self {
        let own = |(way, ..): &&(Direction, Place, Harm)| *way == direction;
        let steps = script.0.iter().filter(own);
        Self {
            direction,
            steps: steps
                .map(|(_, place, harm)| (*place, harm.clone()))
                .collect(),
            state,
            traffic,
            fate: state.cut.subscribe(),
            passed: 0,
            head: Err(0),
            corrupt: 0,
            delay: Duration::ZERO,
            trickles: false,
        }
    }

    /// Until one side has no more to say, or something is done to the whole connection.
    pub(super) async fn run(
        &mut self,
        first: Vec<u8>,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
    ) -> io::Result<Option<End>> {
        if let Some(end) = self.harm(false, to).await? {
            return Ok(Some(end));
        }
        if let Some(end) = self.pass(&first, to).await? {
            return Ok(Some(end));
        }
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let count = from.read(&mut buffer).await?;
            // whoever is stalled waits here for the cut that ends it
            let lives = |(_, fate): &(u64, Fate)| *fate == Fate::Live;
            if self.fate.wait_for(lives).await.is_err() || count == 0 {
                to.shutdown().await?;
                return Ok(None);
            }
            if !self.delay.is_zero() {
                sleep(self.delay).await;
            }
            let come = buffer.get(..count).unwrap_or_default();
            if let Some(end) = self.pass(come, to).await? {
                return Ok(Some(end));
            }
        }
    }

    async fn pass(
        &mut self,
        mut come: &[u8],
        to: &mut (impl AsyncWrite + Unpin),
    ) -> io::Result<Option<End>> {
        while !come.is_empty() {
            if let Some(end) = self.harm(true, to).await? {
                return Ok(Some(end));
            }
            let (now, later) = come
                .split_at_checked(self.next_piece(come))
                .unwrap_or((come, &[]));
            self.note(now);
            self.write(now, to).await?;
            come = later;
            if let Some(end) = self.harm(false, to).await? {
                return Ok(Some(end));
            }
        }
        Ok(None)
    }

    /// How much may be written before something is due: up to the next place, and not beyond the
    /// end of the head, from which places are counted.
    fn next_piece(&self, come: &[u8]) -> usize {
        let mut piece = come.len();
        if let Some((place, _)) = self.steps.front() {
            if let Some(due) = self.due(*place) {
                let rest = due.saturating_sub(self.passed);
                piece = piece.min(usize::try_from(rest).unwrap_or(piece));
            } else if let Err(seen) = self.head {
                piece = piece.min(head_ends(seen, come).unwrap_or(piece));
            }
        }
        if self.trickles || self.corrupt != 0 {
            piece = piece.min(1);
        }
        piece.max(1)
    }

    fn due(&self, place: Place) -> Option<u64> {
        match (place.behind_head, self.head) {
            (false, _) => Some(place.byte),
            (true, Ok(head)) => Some(head + place.byte),
            (true, Err(_)) => None,
        }
    }

    fn note(&mut self, now: &[u8]) {
        if let Err(seen) = self.head {
            self.head = match head_ends(seen, now) {
                Some(end) => Ok(self.passed + end as u64),
                None => Err(now.iter().fold(seen, |seen, byte| step(seen, *byte))),
            };
        }
        self.passed += now.len() as u64;
        let counter = match self.direction {
            Direction::Up => &self.traffic.up,
            Direction::Down => &self.traffic.down,
        };
        counter.store(self.passed, Ordering::SeqCst);
    }

    async fn write(&mut self, now: &[u8], to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        let turned = std::mem::take(&mut self.corrupt);
        match now {
            [byte] => to.write_all(&[byte ^ turned]).await,
            _ => to.write_all(now).await,
        }?;
        if self.trickles {
            // others see the byte before the next one comes
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Does what is due here.
    async fn harm(
        &mut self,
        arrives: bool,
        to: &mut (impl AsyncWrite + Unpin),
    ) -> io::Result<Option<End>> {
        while let Some((place, _)) = self.steps.front() {
            let due = self.due(*place).is_some_and(|due| due <= self.passed);
            if !due || (place.on_arrival && !arrives) {
                break;
            }
            let Some((_, harm)) = self.steps.pop_front() else {
                break;
            };
            self.state.harmed();
            match harm {
                Harm::Reset => return Ok(Some(End::Reset)),
                Harm::Finish => return Ok(Some(End::Finish)),
                Harm::Silence => return Ok(Some(End::Silence)),
                Harm::Stall => pending().await,
                Harm::Inject(bytes) => to.write_all(&bytes).await?,
                Harm::Corrupt(bits) => self.corrupt ^= bits,
                Harm::Delay(delay) => self.delay = delay,
                Harm::Trickle => self.trickles = true,
            }
        }
        Ok(None)
    }
}

/// How many bytes of the end of a head stand at the end of what was seen, one byte later.
fn step(seen: usize, byte: u8) -> usize {
    match (HEAD_END.get(seen), byte) {
        (Some(next), byte) if *next == byte => seen + 1,
        (_, b'\r') => 1,
        _ => 0,
    }
}

/// The place behind the end of a head.
fn head_ends(mut seen: usize, bytes: &[u8]) -> Option<usize> {
    for (at, byte) in bytes.iter().enumerate() {
        seen = step(seen, *byte);
        if seen == HEAD_END.len() {
            return Some(at + 1);
        }
    }
    None
}
