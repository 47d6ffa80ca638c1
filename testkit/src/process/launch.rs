//! [`Launch`]: how a server of a test is started.

use std::path::{Path, PathBuf};
use std::process::Command;

/// How a server is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// Words in front of it, such as those of a checker.
    pub wrap: Vec<String>,
    /// Its environment.
    pub settings: Vec<(&'static str, String)>,
    /// File descriptors that it may have.
    pub descriptors: Option<u32>,
}

impl Launch {
    /// A program, with nothing in its environment.
    pub fn new(program: impl AsRef<Path>) -> Self {
        Self {
            program: program.as_ref().into(),
            wrap: Vec::new(),
            settings: Vec::new(),
            descriptors: None,
        }
    }

    /// Adds to its environment.
    #[must_use]
    pub fn set(mut self, name: &'static str, value: impl ToString) -> Self {
        self.settings.push((name, value.to_string()));
        self
    }

    pub(super) fn command(&self) -> Command {
        let mut words = self.wrap.clone();
        if let Some(count) = self.descriptors {
            words.extend([
                "sh".into(),
                "-c".into(),
                format!("ulimit -n {count} && exec \"$0\""),
            ]);
        }
        words.push(self.program.display().to_string());
        let mut words = words.into_iter();
        let mut command = Command::new(words.next().unwrap_or_default());
        command
            .args(words)
            .env("HOST", "127.0.0.1")
            .env("PORT", "0");
        command.envs(self.settings.iter().map(|(name, value)| (*name, value)));
        command
    }
}
