//! Prints the tables. The argument is the service time of a request in milliseconds, 2 by default.

use std::time::Duration;

#[allow(clippy::unwrap_used, reason = "a test crate")]
fn main() {
    let service = std::env::args()
        .nth(1)
        .map_or(2, |millis| millis.parse().unwrap());
    print!("{}", latency::tables(Duration::from_millis(service)));
}
