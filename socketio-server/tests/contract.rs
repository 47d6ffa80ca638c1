//! What does not compile, and that the compiler says it in words that help.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::process::Command;

/// The messages are those of one compiler: with another they may be as good, and different.
const COMPILER: &str = "rustc 1.95.";

#[test]
fn mistakes_are_told_in_plain_words() {
    let version = Command::new("rustc").arg("--version").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    if !version.starts_with(COMPILER) {
        eprintln!("skipped: the messages are those of {COMPILER}, this is {version}");
        return;
    }
    trybuild::TestCases::new().compile_fail("tests/contract/*.rs");
}
