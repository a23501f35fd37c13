//! Times as people write them.

use std::time::Duration;

/// How long something took: `0.7 ms`, `2.3 s`, `1 min 5 s`, `2 h 3 min`.
pub(crate) fn elapsed(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if duration < Duration::from_millis(1000) {
        let millis = duration.as_secs_f64() * 1000.0;
        return if millis < 9.95 {
            format!("{millis:.1} ms")
        } else {
            format!("{millis:.0} ms")
        };
    }
    match seconds {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => two(seconds / 60, "min", seconds % 60, "s"),
        3600..86400 => two(seconds / 3600, "h", seconds % 3600 / 60, "min"),
        _ => two(seconds / 86400, "d", seconds % 86400 / 3600, "h"),
    }
}

fn two(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    if small == 0 {
        format!("{large} {large_unit}")
    } else {
        format!("{large} {large_unit} {small} {small_unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_write_them() {
        for (millis, text) in [
            (0.0, "0.0 ms"),
            (0.6657, "0.7 ms"),
            (4.13, "4.1 ms"),
            (9.96, "10 ms"),
            (350.0, "350 ms"),
            (2_345.0, "2.3 s"),
            (15_000.0, "15 s"),
            (60_000.0, "1 min"),
            (65_000.0, "1 min 5 s"),
            (7_380_000.0, "2 h 3 min"),
            (90_000_000.0, "1 d 1 h"),
        ] {
            assert_eq!(elapsed(Duration::from_secs_f64(millis / 1000.0)), text);
        }
        assert!(elapsed(Duration::MAX).ends_with("h"), "nothing overflows");
    }
}
