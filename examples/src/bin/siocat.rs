//! The crate `siocat` by the name that the other programs have.

use std::process::ExitCode;

fn main() -> ExitCode {
    siocat::main()
}
