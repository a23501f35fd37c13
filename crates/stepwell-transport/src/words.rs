//! Durations and moments, formatted for people.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

/// A duration for people: `4.1 ms`, `2.3 s`, `1 min 5 s`, `2 h 10 min`, `3 days`.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs, reason = "it is one value with a format")]
pub struct Time(pub Duration);

/// A moment in the past for people: `12 s ago`. A moment in the future, after the clock was set back, is `just now`.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs, reason = "it is one value with a format")]
pub struct Ago(pub SystemTime);

const MINUTE: u64 = 60;

const HOUR: u64 = 60 * MINUTE;

const DAY: u64 = 24 * HOUR;

impl fmt::Display for Time {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(time) = self;
        if time.is_zero() {
            return formatter.write_str("0 s");
        }
        // Rounded to one decimal, a longer time would be `1000.0 ms`.
        if *time < Duration::from_micros(999_950) {
            let tenths = (time.as_micros() + 50) / 100;
            // Shorter times are shown as 0.1 ms.
            return decimal(formatter, tenths.max(1), "ms");
        }
        if *time < Duration::from_millis(9_950) {
            return decimal(formatter, (time.as_millis() + 50) / 100, "s");
        }
        let seconds = time
            .as_secs()
            .saturating_add(u64::from(time.subsec_millis() >= 500));
        let (whole, unit, rest, unit_of_rest) = match seconds {
            ..MINUTE => return write!(formatter, "{seconds} s"),
            MINUTE..HOUR => (seconds / MINUTE, "min", seconds % MINUTE, "s"),
            HOUR..DAY => (seconds / HOUR, "h", seconds % HOUR / MINUTE, "min"),
            _ if seconds < 2 * DAY => (1, "day", seconds % DAY / HOUR, "h"),
            _ => (seconds / DAY, "days", seconds % DAY / HOUR, "h"),
        };
        write!(formatter, "{whole} {unit}")?;
        match rest {
            0 => Ok(()),
            rest => write!(formatter, " {rest} {unit_of_rest}"),
        }
    }
}

/// Writes tenths of a unit, without the decimal if it is zero.
fn decimal(formatter: &mut fmt::Formatter<'_>, tenths: u128, unit: &str) -> fmt::Result {
    match (tenths / 10, tenths % 10) {
        (whole, 0) => write!(formatter, "{whole} {unit}"),
        (whole, tenth) => write!(formatter, "{whole}.{tenth} {unit}"),
    }
}

impl fmt::Display for Ago {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(ago) = self.0.elapsed() else {
            return formatter.write_str("just now");
        };
        match ago.as_secs() {
            0 => formatter.write_str("just now"),
            // Only the largest unit is shown: `5 min ago`.
            seconds => {
                let unit = [DAY, HOUR, MINUTE]
                    .into_iter()
                    .find(|unit| seconds >= *unit);
                let rounded = unit.map_or(seconds, |unit| seconds - seconds % unit);
                write!(formatter, "{} ago", Time(Duration::from_secs(rounded)))
            }
        }
    }
}

/// `once`, `3 times`.
pub fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_as_a_person_writes_it() {
        for (time, text) in [
            (Duration::ZERO, "0 s"),
            (Duration::from_nanos(1), "0.1 ms"),
            (Duration::from_nanos(665_700), "0.7 ms"),
            (Duration::from_micros(4_130), "4.1 ms"),
            (Duration::from_millis(10), "10 ms"),
            (Duration::from_micros(999_949), "999.9 ms"),
            (Duration::from_micros(999_950), "1 s"),
            (Duration::from_millis(2_300), "2.3 s"),
            (Duration::from_millis(9_949), "9.9 s"),
            (Duration::from_millis(9_950), "10 s"),
            (Duration::from_millis(50_049), "50 s"),
            (Duration::from_millis(59_499), "59 s"),
            (Duration::from_millis(59_500), "1 min"),
            (Duration::from_secs(65), "1 min 5 s"),
            (Duration::from_secs(3_599), "59 min 59 s"),
            (Duration::from_secs(3_600), "1 h"),
            (Duration::from_secs(7_859), "2 h 10 min"),
            (Duration::from_secs(86_400), "1 day"),
            (Duration::from_secs(3 * 86_400 + 7_200), "3 days 2 h"),
        ] {
            assert_eq!(Time(time).to_string(), text, "{time:?}");
        }
        assert!(Time(Duration::MAX).to_string().contains("days"));
    }

    #[test]
    fn a_moment_is_told_by_how_long_ago_it_was_whatever_the_clock_does() {
        let now = SystemTime::now();
        for (seconds, text) in [
            (12, "12 s ago"),
            (65, "1 min ago"),
            (5 * 60 + 30, "5 min ago"),
            (3 * 3_600 + 59, "3 h ago"),
            (50 * 86_400, "50 days ago"),
        ] {
            // A fraction of a second more, so that it does not matter when in a second the test runs.
            let since = now - Duration::from_millis(seconds * 1_000 + 200);
            assert_eq!(Ago(since).to_string(), text);
        }
        let ahead = now + Duration::from_secs(3_600);
        assert_eq!(Ago(ahead).to_string(), "just now");
        assert_eq!(Ago(now).to_string(), "just now");
        assert!(
            Ago(SystemTime::UNIX_EPOCH)
                .to_string()
                .ends_with("days ago")
        );
    }
}
