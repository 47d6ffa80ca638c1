//! When, where and beside what a run was made.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::contestants::{SOCKETIOXIDE, peers};

/// What is said of a run in front of its tables: the day, the command, the machine, and `how` it measured.
pub(crate) fn circumstances(how: &str) -> String {
    let mut command = "cargo xtask bench".to_owned();
    for word in std::env::args().skip(1) {
        command += " ";
        command += &word;
    }
    format!("{}, `{command}`, {}; {how}.", today(), machine())
}

/// The machine in a line, as far as it tells.
pub(crate) fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = info.lines().find(|line| line.starts_with("model name"));
    let model = field
        .and_then(|line| line.split_once(": "))
        .map_or("unknown CPU", |(_, model)| model);
    let count = info
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let kernel = said("uname", &["-sr"]).unwrap_or_default();
    format!("{count} x {model}, {kernel}")
}

fn today() -> String {
    // names of months are of the locale otherwise
    let date = said("env", &["LC_ALL=C", "date", "+%-d %b %Y"]);
    date.unwrap_or_else(|| "one day".to_owned())
}

/// A sentence about those of others that are among these.
pub(crate) fn others<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let versions: Vec<String> = names.into_iter().filter_map(version).collect();
    if versions.is_empty() {
        return String::new();
    }
    format!(" Others: {}.", versions.join(", "))
}

/// Of whoever stands behind a name of the tables, as it is pinned below `bench/peers`.
fn version(name: &str) -> Option<String> {
    match name {
        SOCKETIOXIDE | "rust_socketio" => Some(format!("{name} {}", locked(name)?)),
        "node" => Some(format!(
            "{} with socket.io {}",
            node(),
            of_npm("socket.io")?
        )),
        "socket.io-client" => Some(format!("{name} {} on {}", of_npm(name)?, node())),
        "python" => Some(format!(
            "{} with python-socketio {}",
            python(),
            pinned("python-socketio")?
        )),
        _ => None,
    }
}

fn node() -> String {
    let version = said("node", &["--version"]).unwrap_or_default();
    format!("Node {}", version.trim_start_matches('v'))
}

fn python() -> String {
    let program = peers().map(|peers| peers.join("python/venv/bin/python"));
    let version = program.ok().and_then(|python| said(python, &["--version"]));
    version.unwrap_or_else(|| "Python".to_owned())
}

/// A crate's version in the lock file.
fn locked(name: &str) -> Option<String> {
    let lock = read("Cargo.lock")?;
    let (_, behind) = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?;
    Some(behind.split_once('"')?.0.to_owned())
}

fn of_npm(name: &str) -> Option<String> {
    let package: Value = serde_json::from_str(&read("node/package.json")?).ok()?;
    let version = package.get("dependencies")?.get(name)?;
    Some(version.as_str()?.to_owned())
}

fn pinned(name: &str) -> Option<String> {
    let requirements = read("python/requirements.txt")?;
    let mut versions = requirements
        .lines()
        .filter_map(|line| line.split_once("=="));
    versions
        .find(|(package, _)| *package == name)
        .map(|(_, version)| version.to_owned())
}

/// A file of `bench/peers`.
fn read(path: &str) -> Option<String> {
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
    std::fs::read_to_string(peers.join(path)).ok()
}

/// What a program says, in a line.
fn said(program: impl AsRef<std::ffi::OsStr>, words: &[&str]) -> Option<String> {
    let output = Command::new(program).args(words).output().ok()?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pinned_versions_are_found() {
        for found in [
            locked(SOCKETIOXIDE),
            locked("rust_socketio"),
            of_npm("socket.io"),
            of_npm("socket.io-client"),
            pinned("python-socketio"),
        ] {
            let found = found.expect("a version");
            assert!(found.split('.').count() == 3, "{found}");
        }
        assert_eq!(others(["ours", "floor-raw"]), "");
        assert!(others(["ours", SOCKETIOXIDE]).starts_with(" Others: socketioxide 0."));
    }
}
