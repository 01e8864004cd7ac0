//! From sums to bytes.

use core::arch::aarch64::*;

use shared::quantization::ChannelParameters;

/// Channels that are requantized at a time.
pub const LANES: usize = 8;

/// Bias, multiplier, shifts to the left and to the right (negative, as the instruction takes them) of up to eight channels.
pub type Words = [[i32; LANES]; 4];

/// The words of up to eight `channels`; the values of missing channels do not matter.
pub fn words(channels: &[ChannelParameters]) -> Words {
    let mut words = [[0i32; LANES]; 4];
    let [bias, multiplier, left, right] = &mut words;
    for (lane, channel) in channels.iter().take(LANES).enumerate() {
        bias[lane] = channel.bias;
        multiplier[lane] = channel.multiplier;
        left[lane] = channel.shift.max(0);
        right[lane] = channel.shift.clamp(-31, 0);
    }
    words
}

/// Eight sums to eight outputs, bit for bit as [`ChannelParameters::requantize`] and the clamp do it.
#[inline(always)]
pub fn requantize(
    sums: [int32x4_t; 2],
    words: &Words,
    output_offset: i32,
    [activation_min, activation_max]: [i8; 2],
) -> [i8; LANES] {
    let mut bytes = [0; LANES];
    // SAFETY: every AArch64 target that this is compiled for has NEON; the loads and the store are inside the arrays.
    unsafe {
        let half = |sum: int32x4_t, half: usize| {
            let word = |index: usize| vld1q_s32(words[index].as_ptr().add(4 * half));
            scale(vaddq_s32(sum, word(0)), word(1), [word(2), word(3)], output_offset)
        };
        let values = vqmovn_s16(vcombine_s16(half(sums[0], 0), half(sums[1], 1)));
        let values = vmin_s8(vmax_s8(values, vdup_n_s8(activation_min)), vdup_n_s8(activation_max));
        vst1_s8(bytes.as_mut_ptr(), values);
    }
    bytes
}

/// The same for four sums, with the parameters as they are in the model.
#[inline(always)]
pub fn requantize_four(
    sums: int32x4_t,
    channels: &[ChannelParameters; 4],
    output_offset: i32,
    [activation_min, activation_max]: [i8; 2],
) -> [i8; 4] {
    // SAFETY: every AArch64 target that this is compiled for has NEON; four channels are four times three words.
    unsafe {
        let int32x4x3_t(bias, multiplier, shift) = vld3q_s32(channels.as_ptr().cast());
        let zero = vdupq_n_s32(0);
        let shifts = [vmaxq_s32(shift, zero), vmaxq_s32(vminq_s32(shift, zero), vdupq_n_s32(-31))];
        let values = scale(vaddq_s32(sums, bias), multiplier, shifts, output_offset);
        let values = vqmovn_s16(vcombine_s16(values, values));
        let values = vmin_s8(vmax_s8(values, vdup_n_s8(activation_min)), vdup_n_s8(activation_max));
        vget_lane_s32::<0>(vreinterpret_s32_s8(values)).to_le_bytes().map(|byte| byte as i8)
    }
}

/// Four sums times their factors, and the output's zero point.
///
/// # Safety
/// None on processors with NEON.
#[inline(always)]
unsafe fn scale(x: int32x4_t, multiplier: int32x4_t, [left, right]: [int32x4_t; 2], output_offset: i32) -> int16x4_t {
    // SAFETY: as the caller says.
    unsafe {
        // Doubled, multiplied, the upper half rounded with halves up, as the reference does by a nudge and a division that
        // truncates.
        let x = vqrdmulhq_s32(vshlq_s32(x, left), multiplier);
        // `srshl` rounds halves up; one less beforehand for negative values makes it away from zero.
        let x = vqaddq_s32(x, vshrq_n_s32::<31>(vandq_s32(x, right)));
        vqmovn_s32(vqaddq_s32(vrshlq_s32(x, right), vdupq_n_s32(output_offset)))
    }
}
