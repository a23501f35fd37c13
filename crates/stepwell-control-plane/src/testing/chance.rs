use std::time::Duration;

/// A seeded random number generator based on splitmix64. The same seed gives the same numbers on every machine and in every version.
///
/// ```
/// use stepwell_control_plane::testing::Chance;
///
/// let (mut one, mut other) = (Chance::new(17), Chance::new(17));
/// assert_eq!(one.draw(), other.draw());
/// assert!(one.below(6) < 6);
/// ```
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// Creates a generator.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bf0_3635)
    }

    /// Draws any number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    /// Draws a number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.draw() % end.max(1)
    }

    /// Returns `true` with a probability of `percent` in a hundred.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Draws a whole number of milliseconds from a range that includes both ends.
    pub fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to - from + 1))
    }

    /// Creates another generator for a concurrent activity, so that the order in which the two draw does not matter.
    pub fn fork(&mut self) -> Self {
        Self(self.draw())
    }
}
