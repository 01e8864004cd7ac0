//! From sums to bytes.

use core::arch::x86_64::*;

use bytemuck::cast;
use shared::quantization::ChannelParameters;

/// Channels that are requantized at a time.
pub const LANES: usize = 8;

/// Bias, multiplier, shifts to the left and to the right, and the bits that are shifted out to the right, of up to eight
/// channels.
pub type Words = [[i32; LANES]; 5];

/// The words of up to eight `channels`; what stands for the others does not matter.
pub fn words(channels: &[ChannelParameters]) -> Words {
    let mut words = [[0i32; LANES]; 5];
    let [bias, multiplier, left, right, mask] = &mut words;
    for (lane, channel) in channels.iter().take(LANES).enumerate() {
        bias[lane] = channel.bias;
        multiplier[lane] = channel.multiplier;
        left[lane] = channel.shift.max(0);
        right[lane] = channel.shift.min(0).saturating_neg().min(31);
        mask[lane] = ((1u32 << right[lane]) - 1) as i32;
    }
    words
}

/// What up to eight channels add, multiply, shift and clamp.
#[derive(Clone, Copy)]
pub struct Requantizer {
    bias: __m256i,
    multiplier: __m256i,
    left: __m256i,
    right: __m256i,
    /// The bits that are shifted out to the right.
    mask: __m256i,
    /// The clamp, before the output's zero point is added.
    low: __m256i,
    high: __m256i,
    offset: __m256i,
}

impl Requantizer {
    /// For the channels of `words`.
    #[target_feature(enable = "avx2")]
    #[inline]
    pub fn new(words: &Words, output_offset: i32, activation_min: i8, activation_max: i8) -> Self {
        let [bias, multiplier, left, right, mask] = words.map(cast);
        let low = _mm256_set1_epi32(i32::from(activation_min).wrapping_sub(output_offset));
        let high = _mm256_set1_epi32(i32::from(activation_max).wrapping_sub(output_offset));
        Self { bias, multiplier, left, right, mask, low, high, offset: _mm256_set1_epi32(output_offset) }
    }

    /// Eight sums to eight outputs, bit for bit as [`ChannelParameters::requantize`] and the clamp do it.
    #[target_feature(enable = "avx2")]
    pub fn apply(&self, sums: __m256i) -> [i8; LANES] {
        let x = _mm256_sllv_epi32(_mm256_add_epi32(sums, self.bias), self.left);
        // (x * multiplier + 2^30) >> 31 of the even and of the odd lanes. It rounds halves up, as the reference does by a
        // nudge and a division that truncates; and as no multiplier is negative, nothing saturates.
        let nudge = _mm256_set1_epi64x(1 << 30);
        let even = _mm256_add_epi64(_mm256_mul_epi32(x, self.multiplier), nudge);
        let odd = _mm256_mul_epi32(_mm256_srli_epi64::<32>(x), _mm256_srli_epi64::<32>(self.multiplier));
        let odd = _mm256_add_epi64(odd, nudge);
        let x = _mm256_blend_epi32::<0b1010_1010>(_mm256_srli_epi64::<31>(even), _mm256_slli_epi64::<1>(odd));
        // A shift to the right that rounds halves away from zero.
        let remainder = _mm256_and_si256(x, self.mask);
        let negative = _mm256_srli_epi32::<31>(x);
        let threshold = _mm256_add_epi32(_mm256_srli_epi32::<1>(self.mask), negative);
        let up = _mm256_cmpgt_epi32(remainder, threshold);
        let x = _mm256_sub_epi32(_mm256_srav_epi32(x, self.right), up);
        // The upper end last, as `store` does.
        let x = _mm256_min_epi32(_mm256_max_epi32(x, self.low), self.high);
        let x = _mm256_add_epi32(x, self.offset);
        let x = _mm256_packs_epi32(x, x);
        let [a, _, _, _, b, _, _, _] = cast::<_, [[i8; 4]; 8]>(_mm256_packs_epi16(x, x));
        cast([a, b])
    }
}
