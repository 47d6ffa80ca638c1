//! What is asked of the operating system. Linux answers; elsewhere the defaults of the callers
//! hold.

#[cfg(feature = "server")]
use std::fs;
#[cfg(feature = "server")]
use std::io;
#[cfg(feature = "server")]
use std::path::{Path, PathBuf};
#[cfg(feature = "client")]
use std::time::Duration;

#[cfg(feature = "server")]
use tokio::net::TcpStream;

/// As `try_write`, for what the end of the stream follows at once: both leave in one segment, and wake the peer once.
#[cfg(feature = "server")]
pub(crate) fn write_last(tcp: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    #[cfg(target_os = "linux")]
    {
        use rustix::net::{SendFlags, send};
        let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
        tcp.try_io(tokio::io::Interest::WRITABLE, || {
            Ok(send(tcp, bytes, flags)?)
        })
    }
    #[cfg(not(target_os = "linux"))]
    tcp.try_write(bytes)
}

/// Whether an accept failed because the process or the system has no file descriptor left.
#[cfg(feature = "server")]
pub(crate) fn is_without_descriptors(error: &io::Error) -> bool {
    #[cfg(target_os = "linux")]
    {
        use rustix::io::Errno;
        matches!(
            Errno::from_io_error(error),
            Some(Errno::MFILE | Errno::NFILE)
        )
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = error;
        false
    }
}

/// A file descriptor that is kept for when there is no other.
#[cfg(feature = "server")]
pub(crate) struct Reserve(Option<fs::File>);

#[cfg(feature = "server")]
impl Reserve {
    pub(crate) fn new() -> Self {
        Self(Self::file())
    }

    fn file() -> Option<fs::File> {
        let linux = cfg!(target_os = "linux");
        linux.then(|| fs::File::open("/dev/null").ok()).flatten()
    }

    pub(crate) fn release(&mut self) {
        self.0 = None;
    }

    /// Keeps one again, if there is one.
    pub(crate) fn refill(&mut self) {
        self.0 = Self::file();
    }
}

/// For how long the machine has slept since it was started: time that no timer counts.
#[cfg(feature = "client")]
pub(crate) fn slept() -> Duration {
    #[cfg(target_os = "linux")]
    {
        use rustix::time::{ClockId, clock_gettime};
        let since_start = |clock| {
            let time = clock_gettime(clock);
            let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
            let nanos = u32::try_from(time.tv_nsec).unwrap_or_default();
            Duration::new(seconds, nanos)
        };
        // in this order, so that the time in between does not count as sleep
        let all = since_start(ClockId::Boottime);
        all.saturating_sub(since_start(ClockId::Monotonic))
    }
    #[cfg(not(target_os = "linux"))]
    Duration::ZERO
}

/// Whether a connection has the options of its listener.
#[cfg(feature = "server")]
pub(crate) const CONNECTIONS_INHERIT: bool = cfg!(target_os = "linux");

/// What the kernel takes of what a peer's window has no room for. By itself it takes up to 4 MiB for each client that does
/// not read, outside of all our budgets: a thousand of them brought a machine of 24 GB to the bound of what TCP may use
/// there, where everybody's connections suffer. What may be under way to a peer that reads is not touched by it.
#[cfg(all(feature = "server", target_os = "linux"))]
pub(crate) const UNSENT_BYTES: u32 = 128 * 1024;

/// Tells a socket what holds for the connections of a server. None of it is needed.
#[cfg(feature = "server")]
pub(crate) fn prepare(socket: &socket2::SockRef<'_>) {
    socket.set_tcp_nodelay(true).ok();
    #[cfg(target_os = "linux")]
    socket.set_tcp_notsent_lowat(UNSENT_BYTES).ok();
}

#[cfg(feature = "server")]
/// Bytes that this process may have: the smallest limit of its control groups, or the machine's
/// memory.
pub(crate) fn memory_limit() -> Option<usize> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limits = groups.lines().flat_map(limit_files);
    let limits = limits.filter_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok());
    limits.chain(machine_memory()).min()
}

#[cfg(feature = "server")]
/// The files that may limit the members of a group, given as a line of `/proc/self/cgroup`:
/// those of the group and of all that it is in.
fn limit_files(line: &str) -> Vec<PathBuf> {
    let mut fields = line.splitn(3, ':');
    let (Some(_), Some(controllers), Some(group)) = (fields.next(), fields.next(), fields.next())
    else {
        return Vec::new();
    };
    let (root, file) = match controllers {
        "" => ("/sys/fs/cgroup", "memory.max"),
        "memory" => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
        _ => return Vec::new(),
    };
    let groups = Path::new(group).ancestors();
    groups
        .map(|group| {
            let below = group.strip_prefix("/").unwrap_or(group);
            Path::new(root).join(below).join(file)
        })
        .collect()
}

#[cfg(feature = "server")]
fn machine_memory() -> Option<usize> {
    let info = fs::read_to_string("/proc/meminfo").ok()?;
    total_memory(&info)
}

#[cfg(feature = "server")]
fn total_memory(info: &str) -> Option<usize> {
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(all(test, feature = "server"))]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_a_group_and_of_those_around_it() {
        let files = |line| -> Vec<String> {
            let files = limit_files(line);
            files
                .iter()
                .map(|file| file.display().to_string())
                .collect()
        };
        assert_eq!(
            files("0::/system.slice/ours"),
            [
                "/sys/fs/cgroup/system.slice/ours/memory.max",
                "/sys/fs/cgroup/system.slice/memory.max",
                "/sys/fs/cgroup/memory.max",
            ]
        );
        assert_eq!(
            files("7:memory:/ours"),
            [
                "/sys/fs/cgroup/memory/ours/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            ]
        );
        assert!(files("3:cpu,cpuacct:/ours").is_empty());
        assert!(files("nonsense").is_empty());
    }

    #[test]
    fn the_memory_of_the_machine() {
        let info = "MemFree:  1 kB\nMemTotal:       24663132 kB\n";
        assert_eq!(total_memory(info), Some(24_663_132 * 1024));
        assert_eq!(total_memory("MemTotal: many"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_has_a_limit() {
        let limit = memory_limit().expect("a limit");
        assert!(limit > 16 * 1024 * 1024, "{limit}");
    }
}
