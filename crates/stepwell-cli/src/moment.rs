//! A server's timestamps, which are microseconds of Unix time, formatted for people and for programs.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The year 10000, which RFC 3339 cannot write.
const TOO_LATE: u64 = 253_402_300_800_000_000;

/// How long ago it was, such as `5 min`. It is `0 s` if the server's clock is ahead.
pub(crate) fn age(micros: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default();
    rounded(now.saturating_sub(Duration::from_micros(micros)))
}

/// A duration in a single unit.
fn rounded(time: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    match time.as_secs() {
        seconds @ ..MINUTE => format!("{seconds} s"),
        seconds @ ..HOUR => format!("{} min", seconds / MINUTE),
        // Hours up to two days: a day and a half is 36 h.
        seconds if seconds < 2 * DAY => format!("{} h", seconds / HOUR),
        seconds => format!("{} d", seconds / DAY),
    }
}

/// In RFC 3339, in UTC; `None` if it cannot be represented.
pub(crate) fn rfc_3339(micros: u64) -> Option<String> {
    time(micros).map(|time| humantime::format_rfc3339_micros(time).to_string())
}

/// For people, in UTC, to the second.
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
            assert_eq!(rounded(Duration::from_secs(seconds)), text);
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
