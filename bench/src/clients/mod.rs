//! Our client beside others: each is a process that does what lines on its stdin say, against one and the same server.

mod driven;

use std::path::PathBuf;

use serde_json::json;
use testkit::Running;

use crate::circumstances::{circumstances, machine, others};
use crate::contestants::{Contestant, OURS, bins, peers};
use crate::cpus::{Cpus, run_on};
use crate::flags::Flags;
use crate::page::publish;
use crate::results::{cell, head, keep, list, median, row, shown};
use crate::{Outcome, progress};
use driven::Driven;

/// Answers at depth 1 and depth 16, and connections, in a full run.
const ACKS: [usize; 2] = [30_000, 120_000];
const DEPTHS: [usize; 2] = [1, 16];
const CONNECTIONS: usize = 1000;

/// A client, and how it is started.
#[derive(Clone, Debug)]
struct Client {
    name: &'static str,
    words: Vec<PathBuf>,
}

/// What was measured of one; what failed is missing.
#[derive(Clone, Copy, Debug, Default)]
struct Costs {
    /// Microseconds of CPU for an answer, at each depth.
    acks: [Option<f64>; 2],
    /// Bytes for an idle connection.
    idle: Option<f64>,
    /// Microseconds of CPU to connect.
    connect: Option<f64>,
}

pub(crate) fn run(flags: &Flags) -> Outcome<bool> {
    let cpus = Cpus::choose()?;
    run_on(&[cpus.generator])?;
    let rounds = flags.rounds.unwrap_or(if flags.quick { 1 } else { 3 });
    let share = if flags.quick { 4 } else { 1 };
    let server = Contestant::own(OURS, "bench_server")?;
    let clients = there(flags)?;
    let mut all: Vec<Vec<Costs>> = vec![Vec::new(); clients.len()];
    let mut failures = Vec::new();
    for _ in 0..rounds {
        for (client, all) in clients.iter().zip(&mut all) {
            let running = server.start(cpus)?;
            let mut costs = Costs::default();
            let mut noted =
                |what: &str, error| failures.push(format!("{}, {what}: {error}", client.name));
            for (place, cost) in costs.acks.iter_mut().enumerate() {
                match acks(client, &running, place, share) {
                    Ok(each) => *cost = Some(each),
                    Err(error) => noted("acks", error),
                }
            }
            match idle(client, &running) {
                Ok((connect, bytes)) => (costs.connect, costs.idle) = (Some(connect), Some(bytes)),
                Err(error) => noted("connections", error),
            }
            progress(format!(
                "{:<18} depth 1: {} us, depth 16: {} us, {} bytes idle, {} us to connect",
                client.name,
                cell(costs.acks[0]),
                cell(costs.acks[1]),
                cell(costs.idle),
                cell(costs.connect)
            ));
            all.push(costs);
        }
    }
    let text = format!(
        "{}{}\n\n{}{}",
        circumstances(&format!("{rounds} rounds, medians")),
        others(clients.iter().map(|client| client.name)),
        table(&clients, &all),
        list(&failures)
    );
    publish("client", &text, flags)?;
    let raw: Vec<_> = clients
        .iter()
        .zip(&all)
        .map(|(client, all)| raw(client, all))
        .collect();
    let file = keep("clients", &json!({ "machine": machine(), "clients": raw }))?;
    println!("Raw results: {}", file.display());
    // what others cannot do is a result as well
    Ok(failures.iter().all(|failure| !failure.starts_with(OURS)))
}

fn there(flags: &Flags) -> Outcome<Vec<Client>> {
    let peers = peers()?;
    let all = [
        (OURS, vec![bins()?.join("client_echo")]),
        (
            "rust_socketio",
            vec![peers.join("target/release/rust_socketio_client")],
        ),
        (
            "socket.io-client",
            vec!["node".into(), peers.join("node/client.mjs")],
        ),
    ];
    let mut clients = Vec::new();
    for (name, words) in all {
        if !flags.wants(name) {
            continue;
        }
        if words.last().is_some_and(|program| program.exists()) {
            clients.push(Client { name, words });
        } else {
            progress(format!("left out: {name} is not installed"));
        }
    }
    Ok(clients)
}

/// Answers at one of the depths, by a process of its own.
fn acks(client: &Client, server: &Running, place: usize, share: usize) -> Outcome<f64> {
    let (depth, count) = DEPTHS
        .into_iter()
        .zip(ACKS)
        .nth(place)
        .ok_or("no such depth")?;
    let count = count / share;
    let mut driven = Driven::start(&client.words, server.address)?;
    driven.tell("open 1")?;
    // compilers and allocators settle first
    driven.tell(&format!("echo {depth} {}", count / 4))?;
    let before = driven.process.cpu()?;
    driven.tell(&format!("echo {depth} {count}"))?;
    Ok(per(driven.process.cpu()? - before, count))
}

/// Microseconds to connect, and bytes of an idle connection.
fn idle(client: &Client, server: &Running) -> Outcome<(f64, f64)> {
    let mut driven = Driven::start(&client.words, server.address)?;
    driven.tell("open 10")?;
    driven.tell("rest 500")?;
    let (memory, cpu) = (driven.process.proportional()?, driven.process.cpu()?);
    driven.tell(&format!("open {CONNECTIONS}"))?;
    let connect = per(driven.process.cpu()? - cpu, CONNECTIONS);
    driven.tell("rest 1000")?;
    let more = driven.process.proportional()?.saturating_sub(memory);
    Ok((connect, more as f64 / CONNECTIONS as f64))
}

fn per(time: std::time::Duration, count: usize) -> f64 {
    time.as_secs_f64() * 1e6 / count as f64
}

/// What one figure of the rounds is, in the middle.
fn middle(all: &[Costs], read: impl Fn(&Costs) -> Option<f64>) -> Option<f64> {
    median(all.iter().filter_map(read))
}

fn table(clients: &[Client], all: &[Vec<Costs>]) -> String {
    let mut table = head(&[
        "client",
        "us of CPU for an ack, depth 1",
        "depth 16",
        "bytes an idle connection",
        "us of CPU to connect",
    ]);
    let ours = all.first();
    for (client, all) in clients.iter().zip(all) {
        let with_ratio = |read: fn(&Costs) -> Option<f64>| {
            let own = middle(all, read);
            let base = ours.and_then(|ours| middle(ours, read));
            match own.zip(base) {
                Some((own, base)) => format!("{} ({})", shown(own), shown(own / base)),
                None => cell(own),
            }
        };
        table += &row([
            client.name.to_owned(),
            with_ratio(|costs| costs.acks[0]),
            with_ratio(|costs| costs.acks[1]),
            with_ratio(|costs| costs.idle),
            with_ratio(|costs| costs.connect),
        ]);
    }
    table
}

fn raw(client: &Client, all: &[Costs]) -> serde_json::Value {
    let rounds: Vec<_> = all
        .iter()
        .map(|costs| {
            json!({
                "ack_1_us": costs.acks[0], "ack_16_us": costs.acks[1], "idle_bytes": costs.idle,
                "connect_us": costs.connect,
            })
        })
        .collect();
    json!({ "client": client.name, "rounds": rounds })
}
