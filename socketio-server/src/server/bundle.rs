//! The bundle of the official client.

use std::fs;
use std::io;
use std::path::Path;

use engineio::net::server::Options;

const SCRIPT: &str = "application/javascript; charset=utf-8";
const MODULE_MAP: &str = "application/json; charset=utf-8";

/// What Node serves, and nothing else of the folder.
const FILES: [&str; 4] = [
    "socket.io.js",
    "socket.io.min.js",
    "socket.io.esm.min.js",
    "socket.io.msgpack.min.js",
];

/// Adds the files that are there.
pub(super) fn add(mut options: Options, dist: &Path) -> io::Result<Options> {
    let read = |name: &str| fs::read(dist.join(name));
    let main = read("socket.io.js").map_err(|error| {
        let place = dist.display();
        let problem = format!("{place}: no bundle of socket.io-client (socket.io.js): {error}");
        io::Error::new(error.kind(), problem)
    })?;
    let version = version(dist, &main);
    for name in FILES {
        if let Ok(content) = read(name) {
            options = options.file(name, SCRIPT, &version, content);
        }
        let map = format!("{name}.map");
        if let Ok(content) = read(&map) {
            options = options.file(map, MODULE_MAP, &version, content);
        }
    }
    Ok(options)
}

/// The version in the package beside the folder; a checksum where there is none.
fn version(dist: &Path, main: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Package {
        version: String,
    }
    let package = dist.parent().map(|package| package.join("package.json"));
    let package = package.and_then(|file| fs::read(file).ok());
    let package = package.and_then(|json| serde_json::from_slice::<Package>(&json).ok());
    package.map_or_else(|| checksum(main), |package| package.version)
}

/// FNV-1a: enough to tell two versions of a file apart.
fn checksum(content: &[u8]) -> String {
    let hash = content
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
    format!("{hash:016x}")
}
