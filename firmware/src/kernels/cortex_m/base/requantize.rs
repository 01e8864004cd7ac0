//! The multiplication of a sum, from halves.
//!
//! Both roundings come out of the carry: a shift to the right leaves in it the last bit that it drops, which is the half that
//! an addition with carry then rounds up.

use core::arch::asm;

use shared::quantization::ChannelParameters;

/// [`ChannelParameters::requantize`] in 32-bit arithmetic, where the sum allows it.
pub fn requantize(channel: &ChannelParameters, sum: i32) -> i32 {
    let x = sum.wrapping_add(channel.bias);
    if !(-31..=0).contains(&channel.shift) || channel.multiplier < 0 || x.wrapping_add(1 << 29) as u32 >= 1 << 30 {
        return channel.requantize(sum);
    }
    let result;
    // SAFETY: arithmetic of registers.
    unsafe {
        asm!(
            // x m = (xh 2^16 + xl) (mh 2^16 + ml), xl signed: the middle of it, and half of 2^31, in units of 2^16.
            "sxth {low}, {x}",
            "subs {x}, {x}, {low}",
            "asrs {x}, {x}, #16",
            "uxth {multiplier_low}, {multiplier}",
            "lsrs {multiplier}, {multiplier}, #16",
            "movs {rest}, {low}",
            "muls {rest}, {multiplier_low}, {rest}",
            "muls {low}, {multiplier}, {low}",
            "muls {multiplier_low}, {x}, {multiplier_low}",
            "muls {multiplier}, {x}, {multiplier}",
            "asrs {rest}, {rest}, #16",
            "adds {low}, {low}, {rest}",
            "adds {low}, {low}, {multiplier_low}",
            "movs {rest}, #1",
            "lsls {rest}, {rest}, #14",
            "adds {low}, {low}, {rest}",
            // Twice the upper word, and the bit below it.
            "asrs {rest}, {low}, #16",
            "adds {multiplier}, {multiplier}, {rest}",
            "lsls {low}, {low}, #17",
            "adcs {multiplier}, {multiplier}",
            // To the nearest, halves away from zero. Without a shift, the carry is that of the addition and takes it back.
            "asrs {x}, {multiplier}, #31",
            "adds {multiplier}, {multiplier}, {x}",
            "asrs {multiplier}, {shift}",
            "movs {x}, #0",
            "adcs {multiplier}, {x}",
            x = inout(reg) x => _,
            multiplier = inout(reg) channel.multiplier => result,
            shift = in(reg) channel.shift.wrapping_neg(),
            low = out(reg) _, multiplier_low = out(reg) _, rest = out(reg) _,
            options(pure, nomem, nostack),
        );
    }
    result
}
