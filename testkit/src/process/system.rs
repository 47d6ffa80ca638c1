//! What the system knows about a process.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// A process, looked at from outside.
#[derive(Clone, Debug)]
pub struct Process {
    folder: PathBuf,
}

impl Process {
    pub(super) fn new(id: u32) -> Self {
        Self {
            folder: format!("/proc/{id}").into(),
        }
    }

    /// Its open file descriptors.
    ///
    /// # Errors
    /// It is gone.
    pub fn descriptors(&self) -> io::Result<usize> {
        Ok(fs::read_dir(self.folder.join("fd"))?.count())
    }

    /// Resident memory in bytes.
    ///
    /// # Errors
    /// It is gone.
    pub fn memory(&self) -> io::Result<u64> {
        self.status("VmRSS:")
    }

    /// The most resident memory since [`Process::forget_peak`].
    ///
    /// # Errors
    /// It is gone.
    pub fn peak(&self) -> io::Result<u64> {
        self.status("VmHWM:")
    }

    /// Starts [`Process::peak`] anew.
    ///
    /// # Errors
    /// It is gone.
    pub fn forget_peak(&self) -> io::Result<()> {
        fs::write(self.folder.join("clear_refs"), "5")
    }

    /// CPU time of all its threads: exact for those that are still there, in steps of 10 ms otherwise.
    ///
    /// # Errors
    /// It is gone.
    pub fn cpu(&self) -> io::Result<Duration> {
        let mut nanos = 0;
        for thread in fs::read_dir(self.folder.join("task"))?.flatten() {
            // a thread may end while we look
            let text = fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
            nanos += text
                .split(' ')
                .next()
                .and_then(|first| first.parse::<u64>().ok())
                .unwrap_or_default();
        }
        let stat = fs::read_to_string(self.folder.join("stat"))?;
        // behind the name, which may contain blanks: utime and stime
        let fields = stat
            .rsplit_once(") ")
            .map_or("", |(_, rest)| rest)
            .split(' ')
            .skip(11)
            .take(2);
        let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
        Ok(Duration::from_nanos(nanos).max(Duration::from_millis(ticks * 10)))
    }

    fn status(&self, name: &str) -> io::Result<u64> {
        let text = fs::read_to_string(self.folder.join("status"))?;
        text.lines()
            .find_map(|line| {
                line.strip_prefix(name)?
                    .trim()
                    .strip_suffix(" kB")?
                    .parse::<u64>()
                    .ok()
            })
            .map(|kilobytes| kilobytes * 1024)
            .ok_or_else(|| io::Error::other(format!("no {name} in the status of the process")))
    }
}
