//! Measurements of this process by the system.

use std::{fs, io, time::Duration};

/// The processor time of all threads of this process so far.
///
/// # Errors
///
/// Fails if the system has no `/proc` with the statistics of the scheduler.
pub fn cpu_time() -> io::Result<Duration> {
    let mut nanoseconds = 0;
    for task in fs::read_dir("/proc/self/task")? {
        let statistics = fs::read_to_string(task?.path().join("schedstat"))?;
        let first = statistics.split_whitespace().next();
        nanoseconds += first
            .and_then(|first| first.parse::<u64>().ok())
            .ok_or_else(|| io::Error::other("the scheduler's statistics are not numbers"))?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// The memory of this process in bytes, now and at its peak.
///
/// # Errors
///
/// Fails if the system has no `/proc`.
pub fn memory() -> io::Result<(u64, u64)> {
    let status = fs::read_to_string("/proc/self/status")?;
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    match (field("VmRSS:"), field("VmHWM:")) {
        (Some(now), Some(peak)) => Ok((now * 1024, peak * 1024)),
        _ => Err(io::Error::other("the status of the process has no memory")),
    }
}
