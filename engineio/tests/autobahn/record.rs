//! The verdicts, and those that were recorded.

use std::fmt::Write as _;
use std::path::Path;

use engineio::CloseReason;

use crate::play::Ended;

/// So many, and the rest is not worth the time.
const FAILURES: usize = 6;

/// One line for each case.
#[derive(Default)]
pub(crate) struct Record {
    lines: String,
    cases: usize,
    failed: usize,
}

impl Record {
    pub(crate) fn add(&mut self, id: &str, verdict: &str, ended: Ended, reason: CloseReason) {
        let ended = match ended {
            Ended::Closed(Some(code)) => code.to_string(),
            Ended::Closed(None) => "-".to_owned(),
            Ended::Dropped => "dropped".to_owned(),
            Ended::Open => "open".to_owned(),
        };
        writeln!(self.lines, "{id:<8} {verdict:<13} {ended:<7} {reason}").unwrap();
        self.cases += 1;
        self.failed += usize::from(verdict == "FAILED");
        // each may take as long as something is waited for
        assert!(self.failed < FAILURES, "many failures:\n{}", self.lines);
    }

    /// Nothing failed, and everything is as it was recorded.
    pub(crate) fn compare(&self, name: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/autobahn/expected");
        let path = path.join(name);
        if std::env::var_os("AUTOBAHN_RECORD").is_some() {
            std::fs::write(&path, &self.lines).unwrap();
        }
        let expected = std::fs::read_to_string(&path).unwrap();
        let differing = self.lines.lines().filter(|line| {
            let known = expected.lines().any(|expected| expected == *line);
            !known || line.contains("FAILED")
        });
        let differing: Vec<&str> = differing.collect();
        assert!(
            differing.is_empty(),
            "not as recorded in {name}, or failed:\n{}",
            differing.join("\n")
        );
        assert_eq!(expected.lines().count(), self.cases, "cases in {name}");
    }
}
