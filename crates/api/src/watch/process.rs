//! The process: when it began, how much memory it has, how many descriptors are open.

use std::fs;

use metrics::{describe_gauge, gauge};

const STARTED: &str = "process_start_time_seconds";
const MEMORY: &str = "process_resident_memory_bytes";
const DESCRIPTORS: &str = "process_open_fds";
const BUILD: &str = "lianxin_build_info";

pub(super) fn describe() {
    describe_gauge!(STARTED, "When the process began, in seconds since 1970.");
    describe_gauge!(MEMORY, "Memory that the process has, in bytes.");
    describe_gauge!(DESCRIPTORS, "Descriptors that the process has open.");
    describe_gauge!(BUILD, "Which program this is; always 1.");
}

/// Notes that it began, and which program it is.
pub(super) fn note_start(at: f64) {
    gauge!(STARTED).set(at);
    gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

/// Looks how it is. A system that does not tell is told nothing of.
pub(super) fn look() {
    if let Some(bytes) = fs::read_to_string("/proc/self/status").ok().and_then(|status| resident(&status)) {
        gauge!(MEMORY).set(bytes);
    }
    if let Ok(descriptors) = fs::read_dir("/proc/self/fd") {
        // one of them is that of the directory that is read
        let open = u32::try_from(descriptors.count().saturating_sub(1)).unwrap_or(u32::MAX);
        gauge!(DESCRIPTORS).set(open);
    }
}

/// The bytes of the line `VmRSS:      1234 kB`.
fn resident(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u32 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(f64::from(kibibytes) * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_the_status() {
        assert_eq!(resident("VmPeak:\t  9000 kB\nVmRSS:\t    2 kB\nRssAnon:\t 1 kB\n"), Some(2048.0));
        assert_eq!(resident("VmRSS:\t two kB\n"), None);
        assert_eq!(resident(""), None);
    }
}
