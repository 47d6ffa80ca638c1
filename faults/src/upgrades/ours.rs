//! The same interruptions with our own client, through the proxy.

use std::time::Duration;

use testkit::{Direction, Harm, Mode, Place, Proxy, Random, Script};
use tokio::time::sleep;

use super::case::{Case, Fault, Step};
use super::climb::{garbage, intrude};
use super::{Ended, Pace, Stage, UPGRADE_TIMEOUT};
use crate::Outcome;
use crate::book::Who;
use crate::talk::{Client, How, Wish};

/// A masked `2probe`, and a masked `5`, on a WebSocket.
const PROBE: u64 = 12;
const FIVE: u64 = 7;
/// A `3probe`.
const PONG: u64 = 8;

/// Where the case's step is, as the proxy sees it.
fn place(step: Step) -> (Direction, Place) {
    let (up, down) = (Direction::Up, Direction::Down);
    match step {
        Step::HalfRequest => (up, Place::byte(60)),
        Step::Request => (down, Place::byte(0).on_arrival()),
        Step::Agreed => (down, Place::behind_head(0)),
        Step::Probe => (up, Place::behind_head(PROBE)),
        Step::Pong => (down, Place::behind_head(0).on_arrival()),
        Step::Ponged => (down, Place::behind_head(PONG)),
        Step::Paused => (up, Place::behind_head(PROBE).on_arrival()),
        Step::HalfFive => (up, Place::behind_head(PROBE + 3)),
        Step::Five => (up, Place::behind_head(PROBE + FIVE)),
    }
}

/// Whether the client cannot have given its word (`5`) when it happens, so that long-polling goes on. It gives it as soon
/// as it has `3probe` and no request is out.
pub(super) fn is_harmless(case: &Case) -> bool {
    match case.step {
        Step::HalfRequest | Step::Request | Step::Agreed | Step::Pong => true,
        // the server answers what it read before the garbage
        Step::Probe => case.fault != Fault::Garbage,
        Step::Ponged | Step::Paused | Step::HalfFive | Step::Five => case.fault == Fault::Second,
    }
}

pub(super) async fn interrupted(number: u32, case: &Case, stage: &Stage) -> Outcome<Ended> {
    let pace = Pace::of(case, is_harmless(case));
    let address = stage.address(pace)?;
    let proxy = Proxy::start(address).await?;
    let mut random = Random::new(case.seed ^ 0x5eed);
    let (direction, place) = place(case.step);
    let harm = match case.fault {
        Fault::Reset => Some(Harm::Reset),
        Fault::Finish => Some(Harm::Finish),
        Fault::Silence => Some(Harm::Silence),
        Fault::Garbage => Some(Harm::Inject(garbage(&mut random).to_vec())),
        Fault::Second => None,
    };
    let delay = Duration::from_micros(random.below(8000));
    let mut met = false;
    proxy.choose(move |opening| {
        if met || !opening.is_websocket() {
            return Mode::Forward;
        }
        met = true;
        match &harm {
            Some(harm) => Mode::Harm(Script::new().at(direction, place, harm.clone())),
            None => {
                let line = opening.request_line.clone();
                tokio::spawn(second(address, line, delay));
                Mode::Forward
            }
        }
    });
    let (ours, theirs) = case.messages();
    let who = Who {
        client: number,
        connection: 0,
    };
    let wish = Wish {
        who,
        messages: theirs,
        seed: case.seed,
        binary: true,
    };
    let how = How {
        // its `5` must not come when the server has just given up
        upgrade_timeout: (pace != Pace::Patient).then_some(UPGRADE_TIMEOUT * 2 / 3),
        ..How::sending(ours)
    };
    let client = Client::new(&stage.book, wish, how);
    let socket = client.socket(&proxy.url())?;
    let connecting = socket.connect();
    client.talk_as_fast(&socket).await;
    client.ended.notified().await;
    drop(connecting);
    let connections = client.connections();
    socket.disconnect();
    client.is_down().await;
    stage.present.gone(number).await;
    Ok(match connections {
        1 if case.fault == Fault::Second => Ended::Up,
        1 if proxy.harms().is_empty() => Ended::Missed,
        1 => Ended::Failed,
        _ => Ended::Over,
    })
}

async fn second(address: std::net::SocketAddr, request_line: String, delay: Duration) {
    sleep(delay).await;
    let sid = request_line
        .split(['?', '&', ' '])
        .find_map(|part| part.strip_prefix("sid="));
    if let Some(sid) = sid
        && let Ok(mut socket) = intrude(address, sid).await
    {
        socket.ended().await;
    }
}
