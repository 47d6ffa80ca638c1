//! The benchmark of `bench/`: its programs built, those of others installed below the target folder.

use std::fs;
use std::path::Path;

use crate::setup::{npm_at, venv_at};
use crate::sh::{Failure, Outcome, cargo, command, root, run as run_command, target};

const PROGRAMS: [&str; 7] = [
    "bench",
    "bench_server",
    "client_echo",
    "floor_raw",
    "floor_tokio",
    "floor_ws",
    "growth_server",
];

/// What a part of the benchmark measures beside ours.
type Peer = (&'static str, fn(&Path) -> Outcome);

const SOCKETIOXIDE: Peer = ("socketioxide", |peers| rust("socketioxide-server", peers));
const RUST_SOCKETIO: Peer = ("rust_socketio", |peers| rust("rust-socketio-client", peers));
const NODE: Peer = ("node", node);
const PYTHON: Peer = ("python", python);

pub(crate) fn run(args: &[&str]) -> Outcome {
    let what = args.first().copied().filter(|word| !word.starts_with('-'));
    let is_quick = args.contains(&"--quick");
    let peers: &[Peer] = match (what, is_quick) {
        (None | Some("peers"), true) => &[SOCKETIOXIDE],
        (None | Some("peers"), false) => &[SOCKETIOXIDE, NODE, PYTHON],
        (Some("client"), _) => &[RUST_SOCKETIO, NODE],
        _ => &[],
    };
    let mut build = cargo([
        "build",
        "--release",
        "--locked",
        "-p",
        "bench",
        "-p",
        "examples",
    ]);
    for program in PROGRAMS {
        build.args(["--bin", program]);
    }
    run_command(&mut build)?;
    let folder = target().join("bench-peers");
    for (name, install) in peers {
        // the others can be measured without it
        if let Err(failure) = install(&folder) {
            println!("{name} cannot be installed: {failure}");
        }
    }
    let program = target().join("release/bench");
    run_command(&mut command(&program.to_string_lossy(), args))
        .map_err(|failure| Failure::new(format!("bench: {failure}")))
}

/// Builds a package of `bench/peers`.
fn rust(package: &str, peers: &Path) -> Outcome {
    let build = [
        "build",
        "--release",
        "--locked",
        "--manifest-path",
        "bench/peers/Cargo.toml",
    ];
    let mut build = cargo(build);
    run_command(
        build
            .arg("--target-dir")
            .arg(peers.join("target"))
            .args(["-p", package]),
    )
}

fn node(peers: &Path) -> Outcome {
    let names = [
        ".npmrc",
        "package.json",
        "package-lock.json",
        "server.mjs",
        "client.mjs",
    ];
    copy("node", &names, peers)?;
    npm_at(&peers.join("node"))
}

fn python(peers: &Path) -> Outcome {
    copy("python", &["requirements.txt", "server.py"], peers)?;
    let folder = peers.join("python");
    venv_at(&folder.join("requirements.txt"), &folder.join("venv"))
}

/// Modules find what they import beside them, so that they have to be where it is installed.
fn copy(name: &str, files: &[&str], peers: &Path) -> Outcome {
    let (from, to) = (root().join("bench/peers").join(name), peers.join(name));
    let copied = fs::create_dir_all(&to).and_then(|()| {
        files
            .iter()
            .try_for_each(|file| fs::copy(from.join(file), to.join(file)).map(drop))
    });
    copied.map_err(|error| Failure::new(format!("{}: {error}", to.display())))
}
