//! Numbers that look random and are the same in every run.

/// Xorshift with the shifts 13, 17 and 5 (Marsaglia 2003, "Xorshift RNGs", section 3).
#[derive(Clone, Debug)]
pub struct Random(u32);

impl Random {
    /// The sequence that follows `seed`, which must not be 0.
    pub const fn new(seed: u32) -> Self {
        Self(seed)
    }

    /// The next number.
    #[allow(clippy::should_implement_trait, reason = "the sequence has no end, so an `Option` would be noise")]
    pub const fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }
}
