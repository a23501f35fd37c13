//! Moments of a server, in microseconds of Unix time, as people and as programs write them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The year 10000, which RFC 3339 cannot write.
const TOO_LATE: u64 = 253_402_300_800_000_000;

/// How long ago it was, such as `5 min`. A server whose clock is ahead has done everything just now.
pub(crate) fn age(micros: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default();
    length(now.saturating_sub(Duration::from_micros(micros)))
}

/// A time in the one unit that says enough of it.
fn length(time: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    match time.as_secs() {
        seconds @ ..MINUTE => format!("{seconds} s"),
        seconds @ ..HOUR => format!("{} min", seconds / MINUTE),
        // A day and a half is 36 h.
        seconds if seconds < 2 * DAY => format!("{} h", seconds / HOUR),
        seconds => format!("{} d", seconds / DAY),
    }
}

/// As RFC 3339 has it, in UTC; `None` for what it cannot write.
pub(crate) fn rfc_3339(micros: u64) -> Option<String> {
    time(micros).map(|time| humantime::format_rfc3339_micros(time).to_string())
}

/// For people: to the second, in UTC.
pub(crate) fn date(micros: u64) -> Option<String> {
    let text = time(micros).map(|time| humantime::format_rfc3339_seconds(time).to_string())?;
    Some(text.replace('T', " ").replace('Z', " UTC"))
}

fn time(micros: u64) -> Option<SystemTime> {
    (micros < TOO_LATE).then(|| UNIX_EPOCH + Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_one_unit() {
        for (seconds, text) in [
            (0, "0 s"),
            (3, "3 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3_599, "59 min"),
            (3_600, "1 h"),
            (47 * 3_600, "47 h"),
            (48 * 3_600, "2 d"),
            (400 * 86_400, "400 d"),
        ] {
            assert_eq!(length(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn no_clock_of_a_server_breaks_it() {
        assert_eq!(age(u64::MAX), "0 s");
        assert_eq!(rfc_3339(u64::MAX), None);
        assert_eq!(date(TOO_LATE), None);
        assert_eq!(
            rfc_3339(TOO_LATE - 1).as_deref(),
            Some("9999-12-31T23:59:59.999999Z")
        );
    }

    #[test]
    fn moments_are_written_in_utc() {
        assert_eq!(rfc_3339(0).as_deref(), Some("1970-01-01T00:00:00.000000Z"));
        assert_eq!(
            rfc_3339(1_795_574_860_163_266).as_deref(),
            Some("2026-11-25T02:47:40.163266Z")
        );
        assert_eq!(
            date(1_795_574_860_163_266).as_deref(),
            Some("2026-11-25 02:47:40 UTC")
        );
    }
}
