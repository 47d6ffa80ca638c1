#![doc = include_str!("../README.md")]
//!
//! # As a library
//!
//! There is one function, [`main`], so that the program can be part of another one.
#![forbid(unsafe_code)]

mod binary;
mod input;
mod line;
mod namespace;
mod options;
mod output;
mod questions;
mod session;
mod show;
mod signals;
mod watch;

use std::process::ExitCode;

use options::{Options, Refusal};

/// What went right or wrong, as a number for the shell: 0, or 1 when no connection came about, or
/// 2 when the command line cannot be used.
///
/// Reads the command line, the standard input until its end, and blocks until then.
#[must_use]
pub fn main() -> ExitCode {
    let options = match Options::parse(std::env::args_os()) {
        Ok(options) => options,
        Err(Refusal::Asked(text)) => return text.print(),
        Err(Refusal::Bad(words)) => {
            report(&words);
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(session::run(options)),
        Err(error) => {
            report(&format!("no runtime: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// A line on stderr.
fn report(words: &str) {
    eprintln!("siocat: {words}");
}
