//! Two values in a word, so that one multiplication makes two products and their sum.
//!
//! ```text
//!   x = x0 + x1 2^16        of two activations
//!   w = w1 + w0 2^16        of their weights, the other way round
//!
//!   x w = x0 w1 + (x0 w0 + x1 w1) 2^16   modulo 2^32
//! ```
//!
//! The upper half is the sum of the two products, less one where `x0 w1` is negative, and then bit 15 is one: what an
//! arithmetic shift by 16 leaves and what it moves into the carry give the sum, to be accumulated in one addition with carry.
//! It fits 16 bits as long as not both weights are -128, the only two whose sum of products can be 2^15.
//!
//! Values are in words by groups of four where a pixel has a multiple of four channels, else by twos:
//!
//! ```text
//!   by fours   0 2   1 3   4 6   5 7   …
//!   by twos    0 1   2 3   4 5   6 7   …
//! ```
//!
//! Four bytes of the input become two such words by masks alone.

/// The word of two weights that are both -128.
pub(super) const BOTH_LEAST: u32 = 0xff7f_ff80;

/// Which values share a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pairing {
    Fours,
    Twos,
}

/// A half of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Half {
    Lower,
    Upper,
}

impl Pairing {
    /// For pixels of so many channels.
    pub const fn of(depth: usize) -> Self {
        if depth.is_multiple_of(4) { Self::Fours } else { Self::Twos }
    }

    /// The word and the half of it that the value `index` of a window is in.
    pub const fn place(self, index: usize) -> (usize, Half) {
        let (word, second) = match self {
            Self::Fours => (index / 4 * 2 + index % 2, index & 2 != 0),
            Self::Twos => (index / 2, index & 1 != 0),
        };
        (word, if second { Half::Upper } else { Half::Lower })
    }
}

/// `lower + upper 2^16`.
pub(super) const fn pair(lower: i8, upper: i8) -> u32 {
    (lower as u32).wrapping_add((upper as u32) << 16)
}

/// The two values, and whatever else is in the upper half.
pub(super) const fn unpair(word: u32) -> (i32, i32) {
    let lower = word as i16 as i32;
    (lower, (word as i32).wrapping_sub(lower) >> 16)
}

/// The pairs of four bytes, by fours.
pub(super) const fn pairs_of_four(bytes: u32) -> [u32; 2] {
    const SIGNS: u32 = 0x8080_8080;
    const EVERY_OTHER: u32 = 0x00ff_00ff;
    const OFFSETS: u32 = 0x0080_0080;
    let unsigned = bytes ^ SIGNS;
    [(unsigned & EVERY_OTHER).wrapping_sub(OFFSETS), (unsigned >> 8 & EVERY_OTHER).wrapping_sub(OFFSETS)]
}
