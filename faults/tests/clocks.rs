//! F17: the wall clock may jump, because no timer looks at it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

/// What reads the wall clock.
const WALL: [&str; 6] = [
    "SystemTime",
    "UNIX_EPOCH",
    "ClockId::Realtime",
    "OffsetDateTime",
    "Utc::now",
    "Local::now",
];

/// Where a date is told to the application, or compared with one of the outside world.
const ALLOWED: [&str; 4] = [
    // `Handshake::issued`, for the application to look at
    "engineio/src/net/server/handshake.rs",
    "socketio-server/src/handshake.rs",
    // dates until which cookies hold
    "engineio/src/net/client/cookies.rs",
    "engineio/src/net/client/shared.rs",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn no_timer_depends_on_the_wall_clock() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for name in [
        "engineio",
        "socketio-proto",
        "socketio-server",
        "socketio-client",
    ] {
        sources(&root.join(name).join("src"), &mut files);
    }
    assert!(files.len() > 100, "the sources are found");
    let mut readers = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let own = path.strip_prefix(root).unwrap().display().to_string();
        if WALL.iter().any(|word| text.contains(word)) && !ALLOWED.contains(&&*own) {
            readers.push(own);
        }
    }
    assert_eq!(readers, [""; 0], "these look at the wall clock");
}
