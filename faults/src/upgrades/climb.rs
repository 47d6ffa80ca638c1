//! [`climb`]: an upgrade by hand, up to the step where something happens.

use std::net::SocketAddr;

use testkit::Random;

use super::case::{Case, Fault, Step};
use super::peer::{Peer, Way};
use super::socket::{RawSocket, frame, request};
use crate::{Failure, Outcome};

/// What came of it.
#[derive(Debug)]
pub(super) enum Climbed {
    /// The upgrade went on to its end.
    Up(RawSocket),
    /// It failed, and the WebSocket is kept as long as somebody holds it.
    Failed(Option<RawSocket>),
    /// The session is over, with the WebSocket that it was on.
    Over(Option<RawSocket>),
}

/// Goes up to the case's step, where its fault happens.
pub(super) async fn climb(peer: &Peer, case: &Case) -> Outcome<Climbed> {
    let mut random = Random::new(case.seed ^ 0x5eed);
    let mut socket = RawSocket::connect(peer.address).await?;
    let mut second = None;
    let request = request(&peer.sid);
    let (half, rest) = request.as_bytes().split_at(request.len() / 2);
    let five = frame("5");
    let (half_five, rest_five) = five.split_at(3);
    let mut came = None;
    for step in super::case::STEPS {
        let done = match step {
            Step::HalfRequest => socket.write(half).await,
            Step::Request => socket.write(rest).await,
            Step::Agreed => match socket.answered().await {
                Ok(true) => Ok(()),
                Ok(false) => Err(Failure::new("no WebSocket")),
                Err(failure) => Err(failure),
            },
            Step::Probe => socket.send("2probe").await,
            Step::Pong => socket.readable().await,
            Step::Ponged => match socket.text().await {
                Ok(Some(text)) if text == "3probe" => Ok(()),
                other => Err(Failure::new(format!("{other:?} instead of 3probe"))),
            },
            Step::Paused => {
                peer.turn(Way::Paused).await;
                Ok(())
            }
            Step::HalfFive => socket.write(half_five).await,
            Step::Five => socket.write(rest_five).await,
        };
        if let Err(failure) = done {
            // where the second came first, the first is the intruder
            return match came {
                Some(Step::HalfRequest | Step::Request) => {
                    drop((socket, second));
                    peer.turn(Way::Polling).await;
                    Ok(Climbed::Failed(None))
                }
                _ => Err(Failure::new(format!("at {step:?}: {failure}"))),
            };
        }
        if step == case.step {
            came = Some(step);
            match case.fault {
                Fault::Second => second = Some(intrude(peer.address, &peer.sid).await?),
                fault => {
                    let kept = harm(socket, fault, &mut random).await?;
                    if step == Step::Five {
                        peer.turn(Way::Left).await;
                        return Ok(Climbed::Over(kept));
                    }
                    peer.turn(Way::Polling).await;
                    return Ok(Climbed::Failed(kept));
                }
            }
        } else if random.below(3) == 0 {
            peer.pause().await;
        }
    }
    peer.turn(Way::Left).await;
    // the first has gone all the way: the second has not
    if let Some(mut second) = second {
        second.ended().await;
    }
    Ok(Climbed::Up(socket))
}

/// Another WebSocket for the same session; it probes if it is let in.
pub(super) async fn intrude(address: SocketAddr, sid: &str) -> Outcome<RawSocket> {
    let mut socket = RawSocket::connect(address).await?;
    socket.write(request(sid).as_bytes()).await?;
    if socket.answered().await? && socket.send("2probe").await.is_ok() {
        // an answer or the end
        socket.readable().await.ok();
    }
    Ok(socket)
}

async fn harm(
    mut socket: RawSocket,
    fault: Fault,
    random: &mut Random,
) -> Outcome<Option<RawSocket>> {
    match fault {
        Fault::Reset => {
            socket.stream.set_zero_linger()?;
            Ok(None)
        }
        Fault::Finish => {
            use tokio::io::AsyncWriteExt as _;
            socket.stream.shutdown().await.ok();
            Ok(Some(socket))
        }
        Fault::Silence | Fault::Second => Ok(Some(socket)),
        Fault::Garbage => {
            socket.write(garbage(random)).await.ok();
            Ok(Some(socket))
        }
    }
}

/// Bytes that are no part of an upgrade.
pub(super) fn garbage(random: &mut Random) -> &'static [u8] {
    let all: &[&[u8]] = &[
        b"\x00\xff\x00\xff no protocol\r\n\r\n",
        // reserved bits, a frame without a mask, an unknown packet, a length beyond all limits
        &[0xf1, 0x80, 0, 0, 0, 0],
        &[0x81, 0x01, b'5'],
        &[0x81, 0x83, 0, 0, 0, 0, b'x', b'y', b'z'],
        &[0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    ];
    random.pick::<&[u8]>(all)
}
