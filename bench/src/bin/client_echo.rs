//! What a client costs: acks of an echo at a given depth, against any server with the events of the yardstick.
//!
//! `client_echo URL [DEPTH] [COUNT] [CONNECTIONS]` prints CPU and wall time for one ack, and memory for a connection.
#![expect(clippy::print_stdout, reason = "what it is for")]

use std::error::Error;
use std::time::Instant;

use socketio_client::{Manager, Socket, Transport};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let url = args
        .next()
        .ok_or("usage: client_echo URL [DEPTH] [COUNT] [CONNECTIONS]")?;
    let mut number = |default: u32| args.next().map_or(Ok(default), |arg| arg.parse());
    let (depth, count, connections) = (number(1)?, number(50_000)?, number(1000)?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run(&url, depth, count, connections))
}

async fn connect(url: &str) -> Result<Socket, Box<dyn Error>> {
    let manager = Manager::builder(url)?
        .transports([Transport::WebSocket])
        .build()?;
    let socket = manager.socket("/")?;
    socket.connect().await?;
    Ok(socket)
}

async fn run(url: &str, depth: u32, count: u32, connections: u32) -> Result<(), Box<dyn Error>> {
    let socket = connect(url).await?;
    let payload = "x".repeat(100);
    let (cpu, wall) = (cpu_us()?, Instant::now());
    for _ in 0..count.div_ceil(depth) {
        let acks: Vec<_> = (0..depth)
            .map(|_| socket.emit_with_ack::<String>("echo", &payload))
            .collect();
        for ack in acks {
            ack.await?;
        }
    }
    let each = |micros: u128| micros as f64 / f64::from(count);
    let (cpu, wall) = (each(cpu_us()? - cpu), each(wall.elapsed().as_micros()));
    println!("depth {depth}: {cpu:.2} us CPU and {wall:.2} us for an ack");

    let before = resident_kb()?;
    let mut sockets = Vec::new();
    for _ in 0..connections {
        sockets.push(connect(url).await?);
    }
    let kb = resident_kb()?.saturating_sub(before);
    println!(
        "{connections} connections: {:.2} KB each",
        kb as f64 / f64::from(connections)
    );
    Ok(())
}

/// CPU time of this process; the clock's ticks are of 10 ms.
fn cpu_us() -> Result<u128, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat
        .rsplit_once(") ")
        .ok_or("no fields in /proc/self/stat")?;
    let ticks: Result<Vec<u128>, _> = fields.split(' ').skip(11).take(2).map(str::parse).collect();
    Ok(ticks?.into_iter().sum::<u128>() * 10_000)
}

fn resident_kb() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    Ok(line
        .ok_or("no VmRSS")?
        .trim()
        .trim_end_matches(" kB")
        .parse()?)
}
