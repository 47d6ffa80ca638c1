//! Socket.IO for the terminal.

use std::process::ExitCode;

fn main() -> ExitCode {
    siocat::main()
}
