//! The server that is stopped, terminated and killed; see `faults::target`.

use std::process::ExitCode;

fn main() -> ExitCode {
    match faults::serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(2)
        }
    }
}
