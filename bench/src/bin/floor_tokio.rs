//! The floor on tokio: a task for each connection. Whoever has something for others writes it to them at once, at the end
//! of what was read; a connection's own task writes only what did not fit.

use std::collections::HashMap;
use std::error::Error;
use std::io::{self, ErrorKind, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bench::floor::{Session, Wish};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

const PIECE: usize = 16 * 1024;
/// What a connection keeps for its next answers. Less would be given back and taken again with each burst of attachments,
/// which costs more than the burst.
const KEPT: usize = 256 * 1024;

struct Seat {
    id: usize,
    stream: TcpStream,
    out: Mutex<Vec<u8>>,
    /// Something did not fit.
    stuck: Notify,
}

#[derive(Default)]
struct Hall {
    seats: Mutex<Vec<Option<Arc<Seat>>>>,
    free: Mutex<Vec<usize>>,
    rooms: Mutex<HashMap<Vec<u8>, Vec<Arc<Seat>>>>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let served = runtime.block_on(runtime.spawn(serve()))?;
    Ok(served?)
}

async fn serve() -> io::Result<()> {
    let port = std::env::var("PORT")
        .ok()
        .and_then(|port| port.parse().ok());
    let listener = TcpListener::bind(("127.0.0.1", port.unwrap_or(3000))).await?;
    writeln!(io::stdout(), "READY {}", listener.local_addr()?)?;
    let hall = Arc::<Hall>::default();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let hall = Arc::clone(&hall);
        tokio::spawn(async move {
            let seat = hall.seat(stream);
            // a client that breaks off is no concern of ours
            attend(&seat, &hall).await.ok();
            hall.leave(&seat);
        });
    }
}

async fn attend(seat: &Arc<Seat>, hall: &Hall) -> io::Result<()> {
    let mut session = Session::default();
    loop {
        tokio::select! {
            ready = seat.stream.readable() => ready?,
            () = seat.stuck.notified() => {
                seat.stream.writable().await?;
                seat.write()?;
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
    let count = match seat.stream.try_read(&mut buffer) {
        Ok(0) => return Ok(false),
        Ok(count) => count,
        Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
        Err(error) => return Err(error),
    };
    let mut listed: Vec<Arc<Seat>> = Vec::new();
    let mut own = Vec::new();
    let input = buffer.get(..count).unwrap_or_default();
    let taken = session.take(input, &mut own, |wish| match wish {
        Wish::Join(room) => {
            let mut rooms = lock(&hall.rooms);
            rooms
                .entry(room.to_vec())
                .or_default()
                .push(Arc::clone(seat));
        }
        Wish::Cast(frame) => {
            for seat in lock(&hall.seats).iter().flatten() {
                seat.hand(frame, &mut listed);
            }
        }
        Wish::Room(room, frame) => {
            for seat in lock(&hall.rooms).get(room).into_iter().flatten() {
                seat.hand(frame, &mut listed);
            }
        }
        _ => {}
    });
    if !own.is_empty() {
        lock(&seat.out).append(&mut own);
        seat.write()?;
    }
    for seat in listed {
        // its own task hears of its end
        seat.write().ok();
    }
    Ok(taken.is_ok())
}

impl Seat {
    /// Adds a frame; lists the seat when it had none.
    fn hand(self: &Arc<Self>, frame: &[u8], listed: &mut Vec<Arc<Self>>) {
        let mut out = lock(&self.out);
        if out.is_empty() {
            listed.push(Arc::clone(self));
        }
        out.extend_from_slice(frame);
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

impl Hall {
    fn seat(&self, stream: TcpStream) -> Arc<Seat> {
        let mut seats = lock(&self.seats);
        let id = lock(&self.free).pop().unwrap_or_else(|| {
            seats.push(None);
            seats.len() - 1
        });
        let seat = Arc::new(Seat {
            id,
            stream,
            out: Mutex::default(),
            stuck: Notify::new(),
        });
        if let Some(place) = seats.get_mut(id) {
            *place = Some(Arc::clone(&seat));
        }
        seat
    }

    fn leave(&self, seat: &Arc<Seat>) {
        if let Some(place) = lock(&self.seats).get_mut(seat.id) {
            *place = None;
        }
        for members in lock(&self.rooms).values_mut() {
            members.retain(|member| member.id != seat.id);
        }
        lock(&self.free).push(seat.id);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
