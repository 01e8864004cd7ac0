//! From sums to bytes.

use core::arch::wasm32::*;

use bytemuck::cast;
use shared::quantization::ChannelParameters;

use super::{
    super::{super::ConvArguments, LANES},
    Vector, add_words,
};

/// Bias, multiplier, shift, what stands for a shift to the right (`2^(31 - bits)`), and the bits that it shifts out, of up to eight channels.
pub type Words = [[i32; LANES]; 5];

/// The words of up to eight `channels`; the values of missing channels do not matter.
pub fn words(channels: &[ChannelParameters]) -> Words {
    // What is missing is not the reason for the slow way.
    let mut words = [[0; LANES], [0; LANES], [-1; LANES], [0; LANES], [0; LANES]];
    let [bias, multiplier, shift, factor, mask] = &mut words;
    for (lane, channel) in channels.iter().take(LANES).enumerate() {
        bias[lane] = channel.bias;
        multiplier[lane] = channel.multiplier;
        shift[lane] = channel.shift;
        let right = channel.shift.min(0).saturating_neg().min(31);
        factor[lane] = (1u32 << (31 - right)) as i32;
        mask[lane] = ((1u32 << right) - 1) as i32;
    }
    words
}

/// The requantization parameters of up to eight channels.
#[derive(Clone, Copy)]
pub struct Requantizer {
    bias: Vector,
    multiplier: Vector,
    factor: Vector,
    mask: Vector,
    shift: [i32; LANES],
    /// Whether all shifts go to the right.
    fast: bool,
}

impl Requantizer {
    /// For the channels of `words`.
    #[inline]
    pub fn new(words: &Words) -> Self {
        let [bias, multiplier, shift, factor, mask] = *words;
        let fast = shift.iter().all(|&shift| shift < 0);
        Self { bias: cast(bias), multiplier: cast(multiplier), factor: cast(factor), mask: cast(mask), shift, fast }
    }

    /// Eight sums, bit for bit as [`ChannelParameters::requantize`] does it.
    #[inline]
    pub fn apply(&self, sums: Vector) -> Vector {
        let x = add_words(sums, self.bias);
        if !self.fast {
            return self.apply_slowly(x);
        }
        [self.half(x[0], 0), self.half(x[1], 1)]
    }

    /// Four of them, with the bias added.
    #[inline]
    fn half(&self, x: v128, half: usize) -> v128 {
        // It rounds halves up, as the reference does by a nudge and a division that truncates; and as no multiplier is negative,
        // nothing saturates.
        let x = product::<true>(x, self.multiplier[half]);
        // A shift to the right that rounds halves away from zero. There is none that shifts lanes by different bits, so it is a
        // multiplication.
        let mask = self.mask[half];
        let threshold = i32x4_sub(u32x4_shr(mask, 1), i32x4_shr(x, 31));
        let up = i32x4_gt(v128_and(x, mask), threshold);
        i32x4_sub(product::<false>(x, self.factor[half]), up)
    }

    /// Lane by lane, with the bias added.
    #[inline(never)]
    fn apply_slowly(&self, x: Vector) -> Vector {
        let (mut x, multipliers): ([i32; LANES], [i32; LANES]) = (cast(x), cast(self.multiplier));
        for ((x, multiplier), shift) in x.iter_mut().zip(multipliers).zip(self.shift) {
            *x = ChannelParameters { bias: 0, multiplier, shift }.requantize(*x);
        }
        cast(x)
    }
}

/// `(a * b) >> 31`, or `(a * b + 2^30) >> 31`.
#[inline]
fn product<const ROUNDS: bool>(a: v128, b: v128) -> v128 {
    let (mut low, mut high) = (i64x2_extmul_low_i32x4(a, b), i64x2_extmul_high_i32x4(a, b));
    if ROUNDS {
        let nudge = i64x2_splat(1 << 30);
        (low, high) = (i64x2_add(low, nudge), i64x2_add(high, nudge));
    }
    i32x4_shuffle::<0, 2, 4, 6>(u64x2_shr(low, 31), u64x2_shr(high, 31))
}

/// The output's zero point and the clamp.
#[derive(Clone, Copy)]
pub struct Ends {
    offset: v128,
    low: v128,
    high: v128,
}

impl Ends {
    /// Of a convolution.
    #[inline]
    pub fn new(arguments: &ConvArguments) -> Self {
        Self {
            offset: i16x8_splat(arguments.output_offset as i16),
            low: i8x16_splat(arguments.activation_min),
            high: i8x16_splat(arguments.activation_max),
        }
    }

    /// Two times eight requantized sums to outputs. What saturates on the way to 16 and to 8 bits lies beyond the clamp.
    #[inline]
    pub fn outputs(&self, a: Vector, b: Vector) -> [[i8; LANES]; 2] {
        let halves = |[low, high]: Vector| i16x8_add_sat(i16x8_narrow_i32x4(low, high), self.offset);
        let x = i8x16_narrow_i16x8(halves(a), halves(b));
        // The upper end last, as `store` does.
        cast(i8x16_min(i8x16_max(x, self.low), self.high))
    }
}
