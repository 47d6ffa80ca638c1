//! Attacks on memory, all at once, on a server whose control group allows little of it.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use socketio_client::Args;
use testkit::Launch;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::slow::Honest;
use crate::peer::{Peer, Way};
use crate::report::Report;
use crate::settings::Settings;
use crate::target::Target;
use crate::{Outcome, raw};

pub(crate) const HELP: &str = "a server in a memory control group, and all that takes memory at once (root, cgroup 1 or 2)\n\
               [limit_mb=256 each=30 seconds=40]";

/// What an attacker sends before it waits.
type Attack = fn() -> Vec<u8>;

const ATTACKS: [Attack; 3] = [unfinished_message, unfinished_event, events_for_no_one];

/// A message of 900 kB in fragments, of which the last never comes.
fn unfinished_message() -> Vec<u8> {
    raw::frame(0x02, &[0; 900_000])
}

/// An event with ten attachments of 900 kB, of which the last never comes.
fn unfinished_event() -> Vec<u8> {
    let slot = |num| format!("{{\"_placeholder\":true,\"num\":{num}}}");
    let slots: Vec<String> = (0..10).map(slot).collect();
    let header = format!("4510-[\"x\",{}]", slots.join(","));
    let mut bytes = raw::text(header.as_bytes());
    for _ in 0..9 {
        bytes.extend(raw::frame(0x82, &[0; 900_000]));
    }
    bytes
}

/// Small events for a handler that is slow to take them.
fn events_for_no_one() -> Vec<u8> {
    raw::text(b"42[\"burst\",0]").repeat(100_000)
}

pub(crate) async fn run(mut settings: Settings, report: &mut Report) -> Outcome {
    let limit = settings.take("limit_mb", 256_u64)?;
    let each = settings.take("each", 30_usize)?;
    let seconds = settings.take("seconds", 40_u64)?;
    settings.done()?;

    let group = Group::new(limit << 20)?;
    let words = format!("echo $$ > {} && exec \"$0\"", group.procs().display());
    let mut target = Target::start(|launch| Launch {
        wrap: vec!["sh".to_owned(), "-c".to_owned(), words],
        ..launch
    })?;
    let url = format!("http://{}", target.address);
    let before = target.open().await?;
    let asking = Honest::start(&url);
    let until = Instant::now() + Duration::from_secs(seconds);
    let sent = Arc::<AtomicU64>::default();
    let mut tasks = Vec::new();
    for attack in ATTACKS {
        for _ in 0..each {
            let sent = Arc::clone(&sent);
            tasks.push(tokio::spawn(attacker(target.address, attack, until, sent)));
        }
    }
    // those that do not read, beside everything else
    for _ in 0..each {
        tasks.push(tokio::spawn(deaf(target.address, until)));
    }
    let speaker = Peer::connect(&url, Way::WebSocket).await?;
    speaker
        .socket
        .emit("cast", &Args((seconds * 10, 100, 100_000)))?;
    for task in tasks {
        // an attacker that fails has been refused
        drop(task.await?);
    }
    let alive = target.ended().is_none();
    report.exactly("server alive", alive, true);
    report.exactly("honest clients served", asking.end(), true);
    report.tell("bytes of attacks", sent.load(Ordering::SeqCst));
    report.at_most(
        "most memory of the group, KiB",
        group.peak()? / 1024,
        limit << 10,
    );
    report.at_most("most resident, KiB", target.peak()?, limit << 10);
    speaker.end().await;
    if alive {
        let after = target.settled(before, Duration::from_secs(60)).await?;
        report.exactly("open afterwards", after, before);
    }
    Ok(())
}

async fn attacker(
    address: SocketAddr,
    attack: Attack,
    until: Instant,
    sent: Arc<AtomicU64>,
) -> Outcome {
    let bytes = attack();
    while Instant::now() < until {
        let mut stream = TcpStream::connect(address).await?;
        raw::join(&mut stream).await?;
        let writing = tokio::time::timeout_at(until, stream.write_all(&bytes)).await;
        sent.fetch_add(bytes.len() as u64, Ordering::SeqCst);
        if matches!(writing, Ok(Ok(()))) {
            raw::gone(&mut stream, until, true).await;
        }
    }
    Ok(())
}

async fn deaf(address: SocketAddr, until: Instant) -> Outcome {
    while Instant::now() < until {
        let mut stream = raw::stalled(address).await?;
        raw::gone(&mut stream, until, false).await;
    }
    Ok(())
}

/// A control group for memory. Dropping it removes it.
struct Group {
    folder: PathBuf,
    one: bool,
}

impl Group {
    fn new(limit: u64) -> Outcome<Self> {
        let first = PathBuf::from("/sys/fs/cgroup/memory");
        let one = first.exists();
        let root = if one { first } else { "/sys/fs/cgroup".into() };
        let folder = root.join(format!("socketio-load-{}", std::process::id()));
        fs::create_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let group = Self { folder, one };
        let file = if one {
            "memory.limit_in_bytes"
        } else {
            "memory.max"
        };
        fs::write(group.folder.join(file), limit.to_string())?;
        Ok(group)
    }

    fn procs(&self) -> PathBuf {
        self.folder.join("cgroup.procs")
    }

    fn peak(&self) -> Outcome<u64> {
        let file = if self.one {
            "memory.max_usage_in_bytes"
        } else {
            "memory.peak"
        };
        Ok(fs::read_to_string(self.folder.join(file))?.trim().parse()?)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // it is empty when its process has ended, which `Target` has seen to or the system will
        fs::remove_dir(&self.folder).ok();
    }
}
