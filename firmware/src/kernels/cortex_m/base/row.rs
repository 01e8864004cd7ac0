//! A block of filters over a row of output pixels: the inner loop, requantization, clamp and store.

use core::arch::naked_asm;

use bytemuck::{Pod, Zeroable};
use shared::quantization::ChannelParameters;

pub(super) use super::super::super::scratch::base::BLOCK;
use super::{
    super::super::{ConvArguments, ShapeMismatch},
    pairs::weights,
};

/// Words in the body of the inner loop.
const UNROLLED: usize = 16;

/// The parameters of a channel, prepared for requantization.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
struct Requantize {
    /// Halves of the multiplier.
    multiplier_high: u32,
    multiplier_low: u32,
    /// Half of a unit of the result, and the output's zero point in its place.
    addend: i32,
    shift: u32,
}

/// The parameters of a block of filters.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Block {
    bias: [i32; BLOCK],
    requantize: [Requantize; BLOCK],
}

impl Block {
    /// The block of (up to four) `channels`.
    pub fn new(channels: &[ChannelParameters], output_offset: i32) -> Self {
        let mut block = Self::default();
        for ((bias, requantize), channel) in block.bias.iter_mut().zip(&mut block.requantize).zip(channels) {
            let shift = channel.shift.unsigned_abs().max(1);
            let multiplier = channel.multiplier as u32;
            *bias = channel.bias;
            *requantize = Requantize {
                multiplier_high: multiplier >> 16,
                multiplier_low: multiplier & 0xffff,
                addend: (1 << (shift - 1)) + (output_offset << shift),
                shift,
            };
        }
        block
    }

    /// Adds to the biases what the activations in the stripe lack: `offset`, and one less in the
    /// [upper halves](super::pairs).
    pub fn correct(&mut self, widened: &[[u32; BLOCK]], offset: i32) {
        let mut sums = [[0i32; 2]; BLOCK];
        for words in widened {
            for ([all, upper], word) in sums.iter_mut().zip(words) {
                let (of_lower, of_upper) = weights(*word);
                *all += of_lower + of_upper;
                *upper += of_upper;
            }
        }
        for (bias, [all, upper]) in self.bias.iter_mut().zip(sums) {
            *bias = bias.wrapping_add(offset.wrapping_mul(all)).wrapping_sub(upper);
        }
    }

    /// Whether a sum over `window` products, and every step after it, fits, and the last is a shift.
    pub fn can_be(channels: &[ChannelParameters], window: usize, output_offset: i32) -> bool {
        // Twice, since the stripe's values and the correction of the offset are added apart.
        let largest_bias = (1 << 30) - (window.min(1 << 15) * (2 * 129 * 128 + 128)) as i32;
        let fits = |channel: &ChannelParameters| {
            let bias = channel.bias.wrapping_add(largest_bias) as u32;
            let shift = channel.shift.wrapping_add(22) as u32;
            bias <= 2 * largest_bias as u32 && (shift < 22 || channel.multiplier == 0 && shift == 22)
        };
        largest_bias > 0 && output_offset.unsigned_abs() <= 128 && channels.iter().all(fits)
    }
}

/// Arguments of [`row`], in the order of its stack frame.
#[repr(C)]
struct Frame {
    /// Where the window would begin if its words were a whole multiple of [`UNROLLED`].
    window: *const u32,
    end: *const u32,
    output: *mut i8,
    pixels: u32,
    window_step: u32,
    output_step: u32,
    weights: *const u32,
    block: *const Block,
    /// Words of the unrolled loop that are skipped the first time; the assembly makes it the address to begin at.
    entry: u32,
    activation_min: i32,
    activation_max: i32,
    filters: u32,
}

/// The operands of a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    /// Words of the stripe, from the first window's first on.
    pub stripe: &'a [u32],
    /// Words of a window.
    pub window: usize,
    /// Words between the beginnings of neighbouring windows.
    pub step: usize,
    /// The block's widened weights, `[window][BLOCK]`.
    pub weights: &'a [[u32; BLOCK]],
    /// The block.
    pub block: &'a Block,
    /// Filters of the block.
    pub filters: usize,
}

impl Row<'_> {
    /// Sums, requantizes and stores the block's filters of `pixels` pixels of `output` (from the block's first filter on,
    /// as many values apart as there are output channels).
    ///
    /// # Errors
    /// [`ShapeMismatch`] if an operand is too short.
    pub fn convolve(&self, arguments: &ConvArguments, pixels: u16, output: &mut [i8]) -> Result<(), ShapeMismatch> {
        let Self { stripe, window, step, weights, block, filters } = *self;
        let ConvArguments { output_shape, activation_min, activation_max, .. } = *arguments;
        let (pixels, output_step) = (usize::from(pixels), usize::from(output_shape.channels));
        let last = pixels.checked_sub(1).ok_or(ShapeMismatch)?;
        if window == 0
            || stripe.len() < last * step + window
            || weights.len() < window
            || output.len() < last * output_step + filters
        {
            return Err(ShapeMismatch);
        }
        let skipped = (UNROLLED - window % UNROLLED) % UNROLLED;
        let frame = Frame {
            window: stripe.as_ptr().wrapping_sub(skipped),
            end: stripe.as_ptr().wrapping_add(window),
            output: output.as_mut_ptr(),
            pixels: pixels as u32,
            window_step: (step * size_of::<u32>()) as u32,
            output_step: output_step as u32,
            weights: weights.as_ptr().cast(),
            block,
            entry: skipped as u32,
            activation_min: activation_min.into(),
            activation_max: activation_max.into(),
            filters: filters as u32,
        };
        // SAFETY: the lengths were just checked.
        unsafe { row(&frame) };
        Ok(())
    }
}

/// # Safety
/// Every window of the row and the weights of one are readable; the filters of the block are writable in every output
/// pixel; the first window ends at `end`, and begins `entry` words behind `window`, which it lacks to whole multiples of
/// [`UNROLLED`].
#[unsafe(naked)]
unsafe extern "C" fn row(frame: &Frame) {
    // r0-r3 sums, r12 window, lr its end
    naked_asm!(
        "push {{r4-r7, lr}}",
        "mov r4, r8",
        "mov r5, r9",
        "mov r6, r10",
        "mov r7, r11",
        "push {{r4-r7}}",
        "sub sp, #48",
        "mov r7, sp",
        "ldmia r0!, {{r1-r6}}",
        "stmia r7!, {{r1-r6}}",
        "ldmia r0!, {{r1-r6}}",
        "stmia r7!, {{r1-r6}}",
        // A word takes 32 bytes of code; the entry becomes an address.
        "ldr r1, [sp, #32]",
        "lsls r2, r1, #5",
        "adr r3, 2f",
        "adds r2, r2, r3",
        "adds r2, #1",
        "str r2, [sp, #32]",
        "1:",
        "ldr r7, [sp, #28]",
        "ldmia r7!, {{r0-r3}}",
        "ldr r5, [sp, #0]",
        "mov r12, r5",
        "ldr r5, [sp, #4]",
        "mov lr, r5",
        "ldr r7, [sp, #24]",
        "ldr r6, [sp, #32]",
        "bx r6",
        ".balign 4",
        "2:",
        ".irp word, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
        "mov r6, r12",
        "ldr r6, [r6, #4*\\word]",
        "ldmia r7!, {{r4, r5}}",
        "muls r4, r6, r4",
        "asrs r4, r4, #16",
        "adcs r0, r0, r4",
        "muls r5, r6, r5",
        "asrs r5, r5, #16",
        "adcs r1, r1, r5",
        "ldmia r7!, {{r4, r5}}",
        "muls r4, r6, r4",
        "asrs r4, r4, #16",
        "adcs r2, r2, r4",
        "muls r5, r6, r5",
        "asrs r5, r5, #16",
        "adcs r3, r3, r5",
        ".endr",
        "movs r6, #64",
        "add r12, r6",
        "cmp r12, lr",
        "beq 3f",
        "b 2b",
        "3:",
        "mov r8, r0",
        "mov r9, r1",
        "mov r10, r2",
        "mov r11, r3",
        // The product of sum and multiplier from those of their halves, the upper half rounded: 32 bits of it.
        "ldr r7, [sp, #28]",
        "adds r7, #16",
        "ldr r0, [sp, #36]",
        "mov lr, r0",
        "ldr r0, [sp, #40]",
        "mov r12, r0",
        ".irp sum, 8, 9, 10, 11",
        "mov r0, r\\sum",
        "ldmia r7!, {{r1-r4}}",
        "asrs r5, r0, #16",
        "uxth r0, r0",
        "mov r6, r5",
        "muls r6, r1, r6",
        "muls r5, r2, r5",
        "muls r1, r0, r1",
        "muls r2, r0, r2",
        "lsrs r2, r2, #16",
        "adds r1, r1, r2",
        "uxth r0, r1",
        "adds r5, r5, r0",
        "lsrs r1, r1, #16",
        "adds r6, r6, r1",
        "asrs r0, r5, #16",
        "adds r6, r6, r0",
        "uxth r5, r5",
        "lsrs r5, r5, #14",
        "adds r5, #1",
        "lsrs r5, r5, #1",
        "lsls r6, r6, #1",
        "adds r6, r6, r5",
        "asrs r0, r6, #31",
        "adds r6, r6, r0",
        "adds r6, r6, r3",
        "asrs r6, r4",
        "cmp r6, lr",
        "bge 5f",
        "mov r6, lr",
        "5:",
        "cmp r6, r12",
        "ble 5f",
        "mov r6, r12",
        "5:",
        "ldr r0, [sp, #8]",
        "strb r6, [r0, #\\sum-8]",
        ".if \\sum < 11",
        "ldr r0, [sp, #44]",
        "cmp r0, #\\sum-7",
        "bgt 6f",
        "b 7f",
        "6:",
        ".endif",
        ".endr",
        "7:",
        "ldr r0, [sp, #0]",
        "ldr r1, [sp, #4]",
        "ldr r2, [sp, #8]",
        "ldr r3, [sp, #12]",
        "ldr r4, [sp, #16]",
        "ldr r5, [sp, #20]",
        "adds r0, r0, r4",
        "adds r1, r1, r4",
        "adds r2, r2, r5",
        "str r0, [sp, #0]",
        "str r1, [sp, #4]",
        "str r2, [sp, #8]",
        "subs r3, #1",
        "str r3, [sp, #12]",
        "beq 8f",
        "b 1b",
        "8:",
        "add sp, #48",
        "pop {{r4-r7}}",
        "mov r8, r4",
        "mov r9, r5",
        "mov r10, r6",
        "mov r11, r7",
        "pop {{r4-r7, pc}}",
    )
}
