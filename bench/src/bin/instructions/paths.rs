//! The paths that are counted.

use bench::by_hand::Client;

use crate::Outcome;

/// Events that one handler emits.
pub(crate) const BURST: usize = 64;
const CROWD: usize = 50;
const DEPTH: usize = 16;

/// What an event carries: 100 bytes.
pub(crate) const TEXT: &str = "It is the same text in each event, and long enough to be worth what \
    stands around it: a hundred bytes.";

pub(crate) struct Path {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) clients: usize,
    /// Units in a round.
    pub(crate) units: usize,
    pub(crate) round: fn(&mut [Client]) -> Outcome,
}

pub(crate) const ALL: &[Path] = &[
    Path {
        name: "event in",
        unit: "an event of sixteen, the last of which is answered",
        clients: 1,
        units: DEPTH,
        round: events_in,
    },
    Path {
        name: "ack",
        unit: "an event with its answer, one at a time",
        clients: 1,
        units: 1,
        round: ack,
    },
    Path {
        name: "acks",
        unit: "an event with its answer, sixteen at a time",
        clients: 1,
        units: DEPTH,
        round: acks,
    },
    Path {
        name: "attachment",
        unit: "an event with 1000 bytes and its answer",
        clients: 1,
        units: 1,
        round: attachment,
    },
    Path {
        name: "event out",
        unit: "an event of 64 that a handler emits",
        clients: 1,
        units: BURST,
        round: events_out,
    },
    Path {
        name: "broadcast",
        unit: "one of 50 receivers",
        clients: CROWD,
        units: CROWD,
        round: broadcast,
    },
];

fn events_in(clients: &mut [Client]) -> Outcome {
    for client in clients {
        let event = format!("42[\"event\",\"{TEXT}\"]");
        for _ in 1..DEPTH {
            client.queue(&event);
        }
        client.queue(&format!("427[\"echo\",\"{TEXT}\"]"));
        client.send()?;
        client.skip(1)?;
    }
    Ok(())
}

fn ack(clients: &mut [Client]) -> Outcome {
    ask(clients, 1)
}

fn acks(clients: &mut [Client]) -> Outcome {
    ask(clients, DEPTH)
}

fn ask(clients: &mut [Client], depth: usize) -> Outcome {
    for client in clients {
        for id in 10..10 + depth {
            client.queue(&format!("42{id}[\"echo\",\"{TEXT}\"]"));
        }
        client.send()?;
        client.skip(depth)?;
    }
    Ok(())
}

fn attachment(clients: &mut [Client]) -> Outcome {
    for client in clients {
        client.queue("451-7[\"echo\",{\"_placeholder\":true,\"num\":0}]");
        client.queue_bytes(&[7; 1000]);
        client.send()?;
        client.skip(2)?;
    }
    Ok(())
}

fn events_out(clients: &mut [Client]) -> Outcome {
    for client in clients {
        client.queue("42[\"burst\"]");
        client.send()?;
        client.skip(BURST)?;
    }
    Ok(())
}

fn broadcast(clients: &mut [Client]) -> Outcome {
    if let Some(speaker) = clients.first_mut() {
        speaker.queue("42[\"cast\"]");
        speaker.send()?;
    }
    clients.iter_mut().try_for_each(|client| client.skip(1))
}
