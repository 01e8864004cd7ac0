//! Two values in a word, so that one multiplication makes two products and their sum.
//!
//! ```text
//!   x = x0 + x1 2^16        of two activations, the second one more than it is
//!   w = w1 + w0 2^16        of their weights, the other way round
//!
//!   x w = x0 w1 + (x0 w0 + x1 w1) 2^16   modulo 2^32
//! ```
//!
//! The upper half is the sum of the two products, less one where `x0 w1` is negative, and then bit 15 is one: what an
//! arithmetic shift by 16 leaves and what it moves into the carry give the sum, to be accumulated in one addition with carry.
//! It has at most 16 bits, since `x0` and `x1` lie in -128..=127 and in -127..=128: without the one more, four times -128 would
//! be 2^15. The ones are taken back in the bias.
//!
//! Values are in words by groups of four where a pixel has a multiple of four channels, else by twos:
//!
//! ```text
//!   by fours   0 2   1 3   4 6   5 7   …
//!   by twos    0 1   2 3   4 5   6 7   …
//! ```
//!
//! Four bytes of the input become two such words by masks alone.

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
const fn join(lower: i32, upper: i32) -> u32 {
    lower.wrapping_add(upper << 16) as u32
}

/// The two terms of [`join`].
const fn split(word: u32) -> (i32, i32) {
    let lower = word as i16 as i32;
    (lower, (word as i32).wrapping_sub(lower) >> 16)
}

/// The word of two activations.
pub(super) const fn pair(lower: i8, upper: i8) -> u32 {
    join(lower as i32, upper as i32 + 1)
}

/// The two activations of a word.
pub(super) const fn unpair(word: u32) -> (i8, i8) {
    let (lower, upper) = split(word);
    (lower as i8, (upper - 1) as i8)
}

/// The word of the weights of the lower and of the upper activation.
pub(super) const fn weight_pair(of_lower: i8, of_upper: i8) -> u32 {
    join(of_upper as i32, of_lower as i32)
}

/// The weights of a word, that of the lower activation first.
pub(super) const fn weights(word: u32) -> (i32, i32) {
    let (upper, lower) = split(word);
    (lower, upper)
}

/// The pairs of four bytes, by fours.
pub(super) const fn pairs_of_four(bytes: u32) -> [u32; 2] {
    const SIGNS: u32 = 0x8080_8080;
    const EVERY_OTHER: u32 = 0x00ff_00ff;
    const OFFSETS: u32 = 0x007f_0080;
    let unsigned = bytes ^ SIGNS;
    [(unsigned & EVERY_OTHER).wrapping_sub(OFFSETS), (unsigned >> 8 & EVERY_OTHER).wrapping_sub(OFFSETS)]
}
