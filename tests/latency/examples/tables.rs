//! Prints the tables; with a number, for requests that take so many milliseconds (2 when none is given).

use std::time::Duration;

#[allow(clippy::unwrap_used, reason = "a test crate")]
fn main() {
    let service = std::env::args()
        .nth(1)
        .map_or(2, |millis| millis.parse().unwrap());
    print!("{}", latency::tables(Duration::from_millis(service)));
}
