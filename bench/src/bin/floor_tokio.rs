//! The floor on tokio: a task for each connection. Whoever has something for others writes it to them at once, at the end
//! of what was read; a connection's own task writes only what did not fit.

use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bench::floor::{self, Session, Wish};
use tokio::net::TcpStream;
use tokio::sync::Notify;

const PIECE: usize = 16 * 1024;
/// What a connection keeps for its next answers. Less would be given back and taken again with each burst of attachments,
/// which costs more than the burst.
const KEPT: usize = 256 * 1024;

type Hall = floor::Hall<Way>;
type Seat = floor::Seat<Way>;

struct Way {
    stream: TcpStream,
    out: Mutex<Vec<u8>>,
    /// Something did not fit.
    stuck: Notify,
}

fn main() -> io::Result<()> {
    let hall = Arc::<Hall>::default();
    floor::serve(move |stream| {
        let hall = Arc::clone(&hall);
        async move {
            let seat = hall.enter(Way::over(stream));
            // a client that breaks off is no concern of ours
            attend(&seat, &hall).await.ok();
            hall.leave(&seat);
        }
    })
}

async fn attend(seat: &Arc<Seat>, hall: &Hall) -> io::Result<()> {
    let mut session = Session::default();
    let way = &seat.way;
    loop {
        tokio::select! {
            ready = way.stream.readable() => ready?,
            () = way.stuck.notified() => {
                way.stream.writable().await?;
                way.write()?;
                continue;
            }
        }
        if !turn(seat, hall, &mut session)? {
            return Ok(());
        }
    }
}

/// Reads once and writes to all who got something; whether the connection goes on.
fn turn(seat: &Arc<Seat>, hall: &Hall, session: &mut Session) -> io::Result<bool> {
    let mut buffer = [0; PIECE];
    let count = match seat.way.stream.try_read(&mut buffer) {
        Ok(0) => return Ok(false),
        Ok(count) => count,
        Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
        Err(error) => return Err(error),
    };
    let mut listed: Vec<Arc<Seat>> = Vec::new();
    let mut hand = |seat: &Arc<Seat>, frame: &[u8]| {
        if seat.way.hand(frame) {
            listed.push(Arc::clone(seat));
        }
    };
    let mut own = Vec::new();
    let input = buffer.get(..count).unwrap_or_default();
    let taken = session.take(input, &mut own, |wish| match wish {
        Wish::Join(room) => hall.join(seat, room),
        Wish::Cast(frame) => hall.everybody(|seat| hand(seat, frame)),
        Wish::Room(room, frame) => hall.members(room, |seat| hand(seat, frame)),
        _ => {}
    });
    if !own.is_empty() {
        lock(&seat.way.out).append(&mut own);
        seat.way.write()?;
    }
    for seat in listed {
        // its own task hears of its end
        seat.way.write().ok();
    }
    Ok(taken.is_ok())
}

impl Way {
    fn over(stream: TcpStream) -> Self {
        Self {
            stream,
            out: Mutex::default(),
            stuck: Notify::new(),
        }
    }

    /// Adds a frame; whether it is the first that waits.
    fn hand(&self, frame: &[u8]) -> bool {
        let mut out = lock(&self.out);
        let is_first = out.is_empty();
        out.extend_from_slice(frame);
        is_first
    }

    fn write(&self) -> io::Result<()> {
        let mut out = lock(&self.out);
        while !out.is_empty() {
            match self.stream.try_write(&out) {
                Ok(count) => drop(out.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.stuck.notify_one();
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        out.shrink_to(KEPT);
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
