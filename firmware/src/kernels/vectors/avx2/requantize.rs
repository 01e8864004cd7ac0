//! From sums to bytes.

use core::arch::x86_64::*;

use bytemuck::cast;
use shared::quantization::ChannelParameters;

use super::super::{super::ConvArguments, LANES};

/// Bias, multiplier, shifts to the left and to the right, and the bits that are shifted out to the right, of up to eight
/// channels.
pub type Words = [[i32; LANES]; 5];

/// The words of up to eight `channels`; the values of missing channels do not matter.
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

/// The requantization parameters of up to eight channels.
#[derive(Clone, Copy)]
pub struct Requantizer {
    bias: __m256i,
    multiplier: __m256i,
    /// The multipliers of the odd lanes, in the even ones.
    odd_multiplier: __m256i,
    left: __m256i,
    right: __m256i,
    /// The bits that are shifted out to the right.
    mask: __m256i,
    /// Half of `mask`, rounded down.
    half: __m256i,
}

impl Requantizer {
    /// For the channels of `words`.
    #[target_feature(enable = "avx2")]
    #[inline]
    pub fn new(words: &Words) -> Self {
        let [bias, multiplier, left, right, mask] = words;
        let (multiplier, mask) = (cast(*multiplier), cast(*mask));
        Self {
            bias: cast(*bias),
            multiplier,
            odd_multiplier: _mm256_shuffle_epi32::<0xf5>(multiplier),
            left: cast(*left),
            right: cast(*right),
            mask,
            half: _mm256_srli_epi32::<1>(mask),
        }
    }

    /// Eight sums, bit for bit as [`ChannelParameters::requantize`] does it.
    #[target_feature(enable = "avx2")]
    #[inline]
    pub fn apply(&self, sums: __m256i) -> __m256i {
        let x = _mm256_sllv_epi32(_mm256_add_epi32(sums, self.bias), self.left);
        // (x * multiplier + 2^30) >> 31 of the even and of the odd lanes. It rounds halves up, as the reference does by a
        // nudge and a division that truncates; and as no multiplier is negative, nothing saturates.
        let nudge = _mm256_set1_epi64x(1 << 30);
        let even = _mm256_add_epi64(_mm256_mul_epi32(x, self.multiplier), nudge);
        // Not a shift of the words: the compiler would multiply 64 bits by 64 where it knows the upper halves.
        let odd = _mm256_mul_epi32(_mm256_shuffle_epi32::<0xf5>(x), self.odd_multiplier);
        let odd = _mm256_add_epi64(odd, nudge);
        let x = _mm256_blend_epi32::<0b1010_1010>(_mm256_srli_epi64::<31>(even), _mm256_slli_epi64::<1>(odd));
        // A shift to the right that rounds halves away from zero.
        let remainder = _mm256_and_si256(x, self.mask);
        let threshold = _mm256_sub_epi32(self.half, _mm256_srai_epi32::<31>(x));
        let up = _mm256_cmpgt_epi32(remainder, threshold);
        _mm256_sub_epi32(_mm256_srav_epi32(x, self.right), up)
    }
}

/// The output's zero point and the clamp.
#[derive(Clone, Copy)]
pub struct Ends {
    offset: __m256i,
    low: __m128i,
    high: __m128i,
}

impl Ends {
    /// Of a convolution.
    #[target_feature(enable = "avx2")]
    #[inline]
    pub fn new(arguments: &ConvArguments) -> Self {
        Self {
            offset: _mm256_set1_epi16(arguments.output_offset as i16),
            low: _mm_set1_epi8(arguments.activation_min),
            high: _mm_set1_epi8(arguments.activation_max),
        }
    }

    /// Two times eight requantized sums to outputs. What saturates on the way to 16 and to 8 bits lies beyond the clamp.
    #[target_feature(enable = "avx2")]
    #[inline]
    pub fn outputs(&self, a: __m256i, b: __m256i) -> [[i8; LANES]; 2] {
        let x = _mm256_adds_epi16(_mm256_packs_epi32(a, b), self.offset);
        // Four of `a`, four of `b`, four of `a`, four of `b`.
        let x = _mm_packs_epi16(_mm256_castsi256_si128(x), _mm256_extracti128_si256::<1>(x));
        let x = _mm_shuffle_epi32::<0b11_01_10_00>(x);
        // The upper end last, as `store` does.
        cast(_mm_min_epi8(_mm_max_epi8(x, self.low), self.high))
    }
}
