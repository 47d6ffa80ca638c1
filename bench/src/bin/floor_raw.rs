//! The lowest floor: one thread, one poll, no runtime. What it needs is what the system asks for the same bytes.
//!
//! A turn takes what all readable connections have to say; then each connection that got something is written once.

use std::collections::HashMap;
use std::error::Error;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;

use bench::floor::{Session, Wish};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

const LISTENER: Token = Token(usize::MAX);
const PIECE: usize = 64 * 1024;
/// Pieces that one connection may bring at a time; more than any client sends.
const PIECES: usize = 1024;
/// What a connection keeps for its next answers. Less would be given back and taken again with each burst of attachments,
/// which costs more than the burst.
const KEPT: usize = 256 * 1024;

struct Seat {
    stream: TcpStream,
    session: Session,
    out: Vec<u8>,
    is_listed: bool,
    is_over: bool,
}

#[derive(Default)]
struct Hall {
    seats: Vec<Option<Seat>>,
    free: Vec<usize>,
    rooms: HashMap<Vec<u8>, Vec<usize>>,
    /// Who is written at the end of the turn.
    listed: Vec<usize>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::var("PORT").map_or(Ok(3000), |port| port.parse())?;
    let address: SocketAddr = ([127, 0, 0, 1], port).into();
    let mut listener = TcpListener::bind(address)?;
    let mut poll = Poll::new()?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    writeln!(io::stdout(), "READY {}", listener.local_addr()?)?;
    let mut hall = Hall::default();
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; PIECE];
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                hall.accept(&listener, &poll)?;
            } else {
                hall.list(event.token().0);
                if event.is_readable() {
                    hall.read(event.token().0, &mut buffer, event.is_read_closed());
                }
            }
        }
        hall.write();
    }
}

impl Hall {
    fn accept(&mut self, listener: &TcpListener, poll: &Poll) -> io::Result<()> {
        loop {
            let mut stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            stream.set_nodelay(true)?;
            let id = self.free.pop().unwrap_or_else(|| {
                self.seats.push(None);
                self.seats.len() - 1
            });
            let both = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut stream, Token(id), both)?;
            if let Some(seat) = self.seats.get_mut(id) {
                *seat = Some(Seat {
                    stream,
                    session: Session::default(),
                    out: Vec::new(),
                    is_listed: false,
                    is_over: false,
                });
            }
        }
    }

    fn list(&mut self, id: usize) {
        if let Some(Some(seat)) = self.seats.get_mut(id)
            && !seat.is_listed
        {
            seat.is_listed = true;
            self.listed.push(id);
        }
    }

    fn read(&mut self, id: usize, buffer: &mut [u8], is_end_near: bool) {
        let Some(Some(seat)) = self.seats.get_mut(id) else {
            return;
        };
        // taken out of the hall, so that the others can be reached
        let (mut session, mut out) = (
            std::mem::take(&mut seat.session),
            std::mem::take(&mut seat.out),
        );
        let mut is_over = false;
        // a short read was the last one: what comes later tells again
        for _ in 0..PIECES {
            let Some(Some(seat)) = self.seats.get_mut(id) else {
                return;
            };
            let count = match seat.stream.read(buffer) {
                Ok(count @ 1..) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Ok(0) | Err(_) => {
                    is_over = true;
                    break;
                }
            };
            let input = buffer.get(..count).unwrap_or_default();
            let taken = session.take(input, &mut out, |wish| self.grant(id, wish));
            if taken.is_err() {
                is_over = true;
                break;
            }
            if count < buffer.len() && !is_end_near {
                break;
            }
        }
        if let Some(Some(seat)) = self.seats.get_mut(id) {
            // what it was sent itself meanwhile comes behind its answers
            out.append(&mut seat.out);
            (seat.session, seat.out, seat.is_over) = (session, out, is_over);
        }
    }

    fn grant(&mut self, id: usize, wish: Wish<'_>) {
        match wish {
            Wish::Join(room) => self.rooms.entry(room.to_vec()).or_default().push(id),
            Wish::Cast(frame) => {
                for (id, seat) in self.seats.iter_mut().enumerate() {
                    hand(seat, id, frame, &mut self.listed);
                }
            }
            Wish::Room(room, frame) => {
                for id in self.rooms.get(room).into_iter().flatten() {
                    if let Some(seat) = self.seats.get_mut(*id) {
                        hand(seat, *id, frame, &mut self.listed);
                    }
                }
            }
            _ => {}
        }
    }

    /// The end of a turn.
    fn write(&mut self) {
        for id in self.listed.drain(..) {
            let Some(place) = self.seats.get_mut(id) else {
                continue;
            };
            let Some(seat) = place else { continue };
            seat.is_listed = false;
            if !seat.out.is_empty() {
                match seat.stream.write(&seat.out) {
                    Ok(count) if count == seat.out.len() => {
                        seat.out.clear();
                        seat.out.shrink_to(KEPT);
                    }
                    Ok(count) => drop(seat.out.drain(..count)),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(_) => seat.is_over = true,
                }
            }
            if seat.is_over {
                for members in self.rooms.values_mut() {
                    members.retain(|member| *member != id);
                }
                *place = None;
                self.free.push(id);
            }
        }
    }
}

fn hand(seat: &mut Option<Seat>, id: usize, frame: &[u8], listed: &mut Vec<usize>) {
    if let Some(seat) = seat {
        seat.out.extend_from_slice(frame);
        if !seat.is_listed {
            seat.is_listed = true;
            listed.push(id);
        }
    }
}
