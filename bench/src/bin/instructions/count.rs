//! Counting: the server under callgrind.

use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use bench::by_hand::Client;

use crate::Outcome;
use crate::paths::Path;

/// Rounds that fill caches and make room, in both runs.
const WARM: usize = 20;
const ROUNDS: usize = 200;

/// Instructions for a unit of the path.
pub(crate) fn of(path: &Path) -> Outcome<u64> {
    let few = total(path, WARM)?;
    let many = total(path, WARM + ROUNDS)?;
    let units = (ROUNDS * path.units) as u64;
    Ok(many.saturating_sub(few) / units)
}

/// Instructions of a server that lives for so many rounds.
fn total(path: &Path, rounds: usize) -> Outcome<u64> {
    let file = std::env::temp_dir().join(format!("instructions-{}", std::process::id()));
    let mut server = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind"])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(std::env::current_exe()?)
        .arg("serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let driven = drive(&mut server, path, rounds);
    // it ends with its input
    drop(server.stdin.take());
    if driven.is_err() {
        server.kill()?;
    }
    let status = server.wait()?;
    let counted = fs::read_to_string(&file);
    fs::remove_file(&file).ok();
    driven?;
    if !status.success() {
        return Err(io::Error::other(format!("the server ended with {status}")));
    }
    parse(&counted?).ok_or_else(|| io::Error::other("callgrind has counted nothing"))
}

fn drive(server: &mut Child, path: &Path, rounds: usize) -> Outcome {
    let stdout = server.stdout.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
    let mut said = String::new();
    BufReader::new(stdout).read_line(&mut said)?;
    let address = said.trim().parse().map_err(io::Error::other)?;
    let clients = (0..path.clients).map(|_| Client::connect(address));
    let mut clients = clients.collect::<Outcome<Vec<_>>>()?;
    (0..rounds).try_for_each(|_| (path.round)(&mut clients))
}

fn parse(counted: &str) -> Option<u64> {
    let totals = counted
        .lines()
        .filter_map(|line| line.strip_prefix("totals: "));
    totals.filter_map(|total| total.trim().parse().ok()).max()
}
