//! `bench/instructions.txt`: what the paths took when it was last accepted.

use std::fmt;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;

use crate::Outcome;

pub(crate) const FILE: &str = "bench/instructions.txt";

/// So many percent more are a fault, as many less are worth accepting.
const TOLERANCE: u64 = 5;

pub(crate) struct Baseline {
    compiler: String,
    counts: Vec<(String, u64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Same { accepted: u64 },
    Better { accepted: u64 },
    Worse { accepted: u64 },
    Unknown,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same { accepted } => write!(f, "as accepted ({accepted})"),
            Self::Better { accepted } => {
                write!(
                    f,
                    "less than {accepted}, `cargo xtask instructions --accept` keeps it so"
                )
            }
            Self::Worse { accepted } => {
                write!(f, "FAILED, {TOLERANCE} % more than {accepted} at most")
            }
            Self::Unknown => write!(f, "FAILED, {FILE} does not have it"),
        }
    }
}

impl Baseline {
    pub(crate) fn read() -> Outcome<Self> {
        Self::parse(&fs::read_to_string(path())?)
            .ok_or_else(|| io::Error::other(format!("{FILE} cannot be read")))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let compiler = lines.next()?.strip_prefix("compiler ")?.to_owned();
        let count = |line: &str| {
            let (name, count) = line.rsplit_once(' ')?;
            Some((name.trim().to_owned(), count.parse().ok()?))
        };
        let counts = lines.map(count).collect::<Option<_>>()?;
        Some(Self { compiler, counts })
    }

    pub(crate) fn is_of_this_compiler(&self) -> Outcome<bool> {
        Ok(compiler()? == self.compiler)
    }

    pub(crate) fn judge(&self, name: &str, counted: u64) -> Verdict {
        let known = self.counts.iter().find(|(known, _)| known == name);
        let Some(&(_, accepted)) = known else {
            return Verdict::Unknown;
        };
        if counted * 100 > accepted * (100 + TOLERANCE) {
            Verdict::Worse { accepted }
        } else if counted * 100 < accepted * (100 - TOLERANCE) {
            Verdict::Better { accepted }
        } else {
            Verdict::Same { accepted }
        }
    }
}

pub(crate) fn write(counts: &[(&str, u64)]) -> Outcome {
    let mut text = format!(
        "# Written by `cargo xtask instructions --accept`: instructions of each hot path.\ncompiler {}\n",
        compiler()?
    );
    for (name, count) in counts {
        writeln!(text, "{name} {count}").map_err(io::Error::other)?;
    }
    fs::write(path(), text)
}

fn path() -> PathBuf {
    let bench = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    bench.join("instructions.txt")
}

/// Another compiler makes other instructions.
fn compiler() -> Outcome<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let said = Command::new(rustc).arg("--version").output()?.stdout;
    Ok(String::from_utf8_lossy(&said).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_percent_more_are_too_many() {
        let text = "# by hand\ncompiler rustc 1.2.3\nevent in 1000\nack 200\n";
        let baseline = Baseline::parse(text).expect("a baseline");
        assert_eq!(baseline.compiler, "rustc 1.2.3");
        let accepted = 1000;
        assert_eq!(baseline.judge("event in", 1050), Verdict::Same { accepted });
        assert_eq!(
            baseline.judge("event in", 1051),
            Verdict::Worse { accepted }
        );
        assert_eq!(baseline.judge("event in", 950), Verdict::Same { accepted });
        assert_eq!(
            baseline.judge("event in", 949),
            Verdict::Better { accepted }
        );
        assert_eq!(baseline.judge("ack", 211), Verdict::Worse { accepted: 200 });
        assert_eq!(baseline.judge("event out", 1), Verdict::Unknown);
        assert!(Baseline::parse("compiler x\nack many\n").is_none());
    }
}
