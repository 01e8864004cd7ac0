//! The multiplication of a sum, from halves.

use shared::quantization::ChannelParameters;

/// [`ChannelParameters::requantize`] in 32-bit arithmetic, where the sum allows it.
pub fn requantize(channel: &ChannelParameters, sum: i32) -> i32 {
    let x = sum.wrapping_add(channel.bias);
    if !(-22..0).contains(&channel.shift) || channel.multiplier < 0 || x.unsigned_abs() >= 1 << 30 {
        return channel.requantize(sum);
    }
    // x m = (xh 2^16 + xl) (mh 2^16 + ml); what is wanted is floor((x m + 2^30) / 2^31).
    let (high, low) = (x >> 16, x as u32 & 0xffff);
    let (multiplier_high, multiplier_low) = (channel.multiplier as u32 >> 16, channel.multiplier as u32 & 0xffff);
    let middle = (low * multiplier_high).wrapping_add((low * multiplier_low) >> 16);
    let rest = high * multiplier_low as i32 + (middle & 0xffff) as i32;
    let whole = high * multiplier_high as i32 + (rest >> 16) + (middle >> 16) as i32;
    let rounded = 2 * whole + ((((rest & 0xffff) >> 14) + 1) >> 1);
    // To the nearest, halves away from zero.
    let shift = channel.shift.unsigned_abs();
    (rounded + (rounded >> 31) + (1 << (shift - 1))) >> shift
}
