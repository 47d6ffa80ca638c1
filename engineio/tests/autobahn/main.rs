//! The cases of the Autobahn test suite for WebSockets, 1 to 7, 9 and 10, in raw frames: played against our server, and
//! by a server of bytes against our client.
//!
//! The suite speaks to bare echo peers, ours speak Engine.IO. So a case is what the suite's page of the same number says,
//! with this mapping:
//!
//! - The session is open: the open packet came before the first frame of a case.
//! - A text message that is to come back begins with `4`, and the echo with it. The `4` counts as one of its bytes, so
//!   that the lengths at which frames change their form are those of the suite; the message of length 0 is `4` alone.
//!   Where the suite's first fragments are empty, ours are, and the `4` stands in the first one that is not.
//! - Binary messages, control frames, and whatever must fail are sent as the suite sends them.
//! - Where the suite waits for a time, so that a peer could answer, the answer itself is awaited; where nothing is to
//!   come, nothing must come for 50 ms.
//!
//! Beyond the suite, each frame that comes must be whole, of the shortest form, without reserved bits, and masked exactly
//! if a client sent it.
//!
//! A verdict is `OK`, `NON-STRICT` (the suite allows it as well), `INFORMATIONAL` (the suite does not judge) or `FAILED`.
//! `expected/` holds the verdicts of all cases, with the code of the close frame (`-` for one without, `dropped` for no
//! frame) and the reason that our side was told; any difference fails the test, and so does a `FAILED` that was recorded.
//! After a change that is meant: `AUTOBAHN_RECORD=1 cargo test -p engineio --all-features --test autobahn`.
//!
//! The messages of section 9 have a sixteenth of their size, so that a debug build takes seconds; `AUTOBAHN_FULL=1` gives
//! them the suite's.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a failure of the test; real sockets need real time"
)]

mod cases;
mod client;
mod frames;
#[path = "../net/support.rs"]
#[allow(
    dead_code,
    clippy::string_slice,
    reason = "other tests use the rest of it"
)]
mod net;
mod play;
mod record;
mod server;
#[path = "../net_client/support.rs"]
#[allow(dead_code, reason = "other tests use the rest of it")]
mod support;

/// Room for the largest message of section 9, and its frame.
const MAX_MESSAGE: usize = 17 * 1024 * 1024;
