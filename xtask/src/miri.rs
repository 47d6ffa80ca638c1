//! The crates without I/O under miri, which sees undefined behaviour.

use crate::sh::{Outcome, cargo_of, run as run_command, works};

const CRATES: [&str; 2] = ["engineio", "socketio-proto"];

pub(crate) fn run() -> Outcome {
    if !works(&mut cargo_of("nightly", ["miri", "--version"])) {
        println!(
            "NOT CHECKED: miri is not installed (rustup +nightly component add miri rust-src)"
        );
        return Ok(());
    }
    for name in CRATES {
        let mut test = cargo_of(
            "nightly",
            ["miri", "test", "--locked", "--lib", "--package"],
        );
        test.arg(name);
        // seeds are files, and a few cases take as long as all of them do elsewhere
        test.env("MIRIFLAGS", "-Zmiri-disable-isolation");
        run_command(test.env("PROPTEST_CASES", "4"))?;
    }
    Ok(())
}
