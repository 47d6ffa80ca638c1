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
    /// The process of that number.
    #[must_use]
    pub fn new(id: u32) -> Self {
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
        self.bytes("status", "VmRSS:")
    }

    /// The most resident memory since [`Process::forget_peak`].
    ///
    /// # Errors
    /// It is gone.
    pub fn peak(&self) -> io::Result<u64> {
        self.bytes("status", "VmHWM:")
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
        let (user, system) = self.times()?;
        Ok(Duration::from_nanos(nanos).max(user + system))
    }

    /// CPU time in user code, in steps of 10 ms.
    ///
    /// # Errors
    /// It is gone.
    pub fn user_cpu(&self) -> io::Result<Duration> {
        Ok(self.times()?.0)
    }

    /// Memory in bytes, what it shares with others counted in part.
    ///
    /// # Errors
    /// It is gone.
    pub fn proportional(&self) -> io::Result<u64> {
        self.bytes("smaps_rollup", "Pss:")
    }

    /// In user code and in the system, in steps of 10 ms.
    fn times(&self) -> io::Result<(Duration, Duration)> {
        let stat = fs::read_to_string(self.folder.join("stat"))?;
        // behind the name, which may contain blanks: utime and stime
        let mut fields = stat
            .rsplit_once(") ")
            .map_or("", |(_, rest)| rest)
            .split(' ')
            .skip(11)
            .map(|field| Duration::from_millis(field.parse::<u64>().unwrap_or_default() * 10));
        let mut next = || fields.next().unwrap_or_default();
        Ok((next(), next()))
    }

    fn bytes(&self, file: &str, name: &str) -> io::Result<u64> {
        let text = fs::read_to_string(self.folder.join(file))?;
        text.lines()
            .find_map(|line| {
                line.strip_prefix(name)?
                    .trim()
                    .strip_suffix(" kB")?
                    .parse::<u64>()
                    .ok()
            })
            .map(|kilobytes| kilobytes * 1024)
            .ok_or_else(|| io::Error::other(format!("no {name} in the {file} of the process")))
    }
}
