//! A block of filters over a row of output pixels: the inner loops, requantization, clamp and store.
//!
//! Accumulators are multiplied by `smmulr`, which gives `round(a b / 2^32)`: of twice the sum that is the reference's first
//! rounding. The second, to the nearest with halves away from zero, is an addition of a half less the sign, and a shift.

use core::arch::naked_asm;

use bytemuck::{Pod, Zeroable};
use shared::quantization::ChannelParameters;

pub(super) use super::super::super::scratch::dsp::BLOCK;
use super::super::super::{
    ConvArguments, ShapeMismatch,
    scratch::dsp::{BLOCK_WORDS, CHUNK},
};

/// The parameters of a channel, prepared for requantization.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
struct Requantize {
    multiplier: i32,
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
    filters: u32,
}

const _: () = assert!(size_of::<Block>() == 4 * BLOCK_WORDS);

impl Block {
    /// The block of (up to four) `channels`.
    pub fn new(channels: &[ChannelParameters], output_offset: i32) -> Self {
        let mut block = Self { filters: channels.len().min(BLOCK) as u32, ..Self::default() };
        for ((bias, requantize), channel) in block.bias.iter_mut().zip(&mut block.requantize).zip(channels) {
            let shift = channel.shift.unsigned_abs().max(1);
            *bias = channel.bias;
            let addend = (1 << (shift - 1)) + (output_offset << shift);
            *requantize = Requantize { multiplier: channel.multiplier, addend, shift };
        }
        block
    }

    /// Whether a sum over `window` products, doubled, and every step after it fit 32 bits, and the last is a shift, for all
    /// of `channels`.
    pub fn can_be(channels: &[ChannelParameters], window: usize, output_offset: i32) -> bool {
        // A value plus the offset has eight bits and a sign, a weight seven. Larger windows leave no room for a bias.
        let largest_bias = (1 << 30) - (window.min(1 << 16) * (255 * 128)) as i32;
        let fits = |channel: &ChannelParameters| {
            let bias = channel.bias.wrapping_add(largest_bias) as u32;
            let shift = channel.shift.wrapping_add(22) as u32;
            // Less than, not at most: a sum of 2^30, doubled, would be negative.
            bias < 2 * largest_bias as u32 && (shift < 22 || channel.multiplier == 0 && shift == 22)
        };
        largest_bias > 0 && output_offset.unsigned_abs() <= 128 && channels.iter().all(fits)
    }
}

/// The operands of a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    /// Words of the stripe, from the first window's first on.
    pub stripe: &'a [u32],
    /// Words of a window, whole chunks of a convolution.
    pub window: usize,
    /// Words between the beginnings of neighbouring windows.
    pub step: usize,
    /// The block's widened weights, `[window][BLOCK]` of a convolution.
    pub weights: &'a [u32],
    /// The block.
    pub block: &'a Block,
}

/// Arguments of the assembly, in the order of its stack frame.
#[repr(C)]
struct Frame {
    window: *const u32,
    end: *const u32,
    output: *mut i8,
    pixels: u32,
    /// Bytes between windows and between output pixels.
    window_step: u32,
    output_step: u32,
    weights: *const u32,
    bias: *const [i32; BLOCK],
    requantize: *const [Requantize; BLOCK],
    /// Parts of the unrolled loop that are skipped the first time; the assembly makes it the address to begin at.
    entry: u32,
    /// Four times the ends of the clamp.
    activation_min: u32,
    activation_max: u32,
    filters: u32,
    /// Of a depthwise convolution: bytes between fours of the stripe.
    four_step: u32,
}

const _: () = assert!(size_of::<Frame>() == 56, "the assembly counts on 32-bit pointers");

impl Row<'_> {
    /// Sums, requantizes and stores the block's filters of `pixels` pixels of `output` (from the block's first filter on,
    /// as many values apart as there are output channels) for a convolution.
    ///
    /// # Errors
    /// [`ShapeMismatch`] if an operand is too short.
    pub fn convolve(&self, arguments: &ConvArguments, pixels: u16, output: &mut [i8]) -> Result<(), ShapeMismatch> {
        let chunks = self.window / WORDS;
        // The loop reads a chunk before it looks for the end.
        if chunks == 0 || chunks * WORDS != self.window || self.weights.len() < self.window * BLOCK {
            return Err(ShapeMismatch);
        }
        let frame = self.frame(arguments, pixels, self.window, chunks.wrapping_neg() % UNROLLED, 0, output)?;
        // SAFETY: the lengths were checked here and in `frame`.
        unsafe { convolve_row(&frame) };
        Ok(())
    }

    /// As [`convolve`](Self::convolve) for a depthwise convolution, whose windows are fours of words that lie `four_step`
    /// words apart, one word a channel; there are as many fours of weights.
    ///
    /// # Errors
    /// [`ShapeMismatch`] if an operand is too short.
    pub fn convolve_depthwise(
        &self,
        arguments: &ConvArguments,
        four_step: usize,
        output: &mut [i8],
    ) -> Result<(), ShapeMismatch> {
        let fours = self.weights.len() / BLOCK;
        if fours == 0 || four_step < BLOCK || fours * four_step != self.window {
            return Err(ShapeMismatch);
        }
        let skipped = (fours as isize).wrapping_neg().rem_euclid(UNROLLED_FOURS as isize);
        let read = self.window - four_step + BLOCK;
        let frame = self.frame(arguments, arguments.output_shape.width, read, skipped as usize, four_step, output)?;
        // SAFETY: the lengths were checked here and in `frame`.
        unsafe { convolve_depthwise_row(&frame) };
        Ok(())
    }

    /// `read` words are read from the beginning of a window on.
    fn frame(
        &self,
        arguments: &ConvArguments,
        pixels: u16,
        read: usize,
        entry: usize,
        four_step: usize,
        output: &mut [i8],
    ) -> Result<Frame, ShapeMismatch> {
        let ConvArguments { output_shape, activation_min, activation_max, .. } = *arguments;
        let (pixels, output_step) = (usize::from(pixels), usize::from(output_shape.channels));
        let Block { bias, requantize, filters } = self.block;
        let last = pixels.checked_sub(1).ok_or(ShapeMismatch)?;
        if self.stripe.len() < last * self.step + read || output.len() < last * output_step + *filters as usize {
            return Err(ShapeMismatch);
        }
        let fourfold = |value: i8| u32::from(value as u8) * 0x0101_0101;
        Ok(Frame {
            window: self.stripe.as_ptr(),
            // Compared with, not read from.
            end: self.stripe.as_ptr().wrapping_add(self.window),
            output: output.as_mut_ptr(),
            pixels: pixels as u32,
            window_step: (self.step * 4) as u32,
            output_step: output_step as u32,
            weights: self.weights.as_ptr(),
            bias,
            requantize,
            entry: entry as u32,
            activation_min: fourfold(activation_min),
            activation_max: fourfold(activation_max),
            filters: *filters,
            four_step: (four_step * 4) as u32,
        })
    }
}

/// Words of the stripe that the inner loop takes at a time.
const WORDS: usize = CHUNK / 2;

/// Chunks in the body of the inner loop of a convolution.
const UNROLLED: usize = 4;

/// Fours in the body of the inner loop of a depthwise convolution.
const UNROLLED_FOURS: usize = 6;

/// Copies the frame that r0 points to onto the stack, below the saved registers, and makes the entry an address: that many
/// parts of `$bytes` bytes of code behind label 2.
macro_rules! enter {
    ($bytes:literal) => {
        concat!(
            "push {{r4-r11, lr}}
            sub sp, sp, #56
            mov lr, sp
            ldmia r0!, {{r1-r6}}
            stmia lr!, {{r1-r6}}
            ldmia r0, {{r1-r8}}
            movs r0, #",
            $bytes,
            "
            muls r4, r0, r4
            adr r0, 2f
            adds r4, r4, r0
            adds r4, r4, #{thumb}
            stmia lr, {{r1-r8}}"
        )
    };
}

/// Begins a pixel: sums in r4 to r7, weights at r12, activations at lr.
macro_rules! begin_pixel {
    () => {
        "1:
        ldr r12, [sp, #28]
        ldmia r12, {{r4-r7}}
        ldr lr, [sp, #0]
        ldr r12, [sp, #24]"
    };
}

/// Ends a pixel: requantizes the sums in r4 to r7, clamps and stores them, goes on to the next pixel or returns.
macro_rules! end_pixel {
    () => {
        concat!(
            "ldr r12, [sp, #32]
        .irp sum, r4, r5, r6, r7
        ldmia r12!, {{r0-r2}}
        lsls \\sum, \\sum, #1
        smmulr \\sum, \\sum, r0
        add \\sum, \\sum, \\sum, asr #31
        add \\sum, \\sum, r1
        asr \\sum, \\sum, r2
        ssat \\sum, #8, \\sum
        .endr
        ",
            pack!(),
            "
        ldrd r0, r1, [sp, #40]
        ssub8 r2, r4, r0
        sel r4, r4, r0
        ssub8 r2, r4, r1
        sel r4, r1, r4
        ldr r8, [sp, #48]
        ldm sp, {{r0-r3}}
        ",
            load_two!("r5", "r6", "16"),
            "
        cmp r8, #4
        bne 4f
        str r4, [r2]
        3:
        add r0, r0, r5
        add r1, r1, r5
        add r2, r2, r6
        subs r3, r3, #1
        stm sp, {{r0-r3}}
        bne 1b
        add sp, sp, #56
        pop {{r4-r11, pc}}
        4:
        strb r4, [r2]
        cmp r8, #1
        beq 3b
        lsrs r4, r4, #8
        strb r4, [r2, #1]
        cmp r8, #2
        beq 3b
        lsrs r4, r4, #8
        strb r4, [r2, #2]
        b 3b"
        )
    };
}

/// # Safety
/// Every window of the row and the weights of one are readable; the filters of the block are writable in every output
/// pixel; a window ends at `end` when the first `entry` of [`UNROLLED`] chunks are skipped.
#[unsafe(naked)]
unsafe extern "C" fn convolve_row(frame: &Frame) {
    naked_asm!(
        dsp_extension!(),
        enter!(84),
        begin_pixel!(),
        "ldr pc, [sp, #36]",
        ".balign 4",
        "2:",
        ".rept 4",
        "ldmia.w lr!, {{r0-r3}}",
        ".irp activations, r0, r1, r2, r3",
        "ldmia.w r12!, {{r8-r11}}",
        "smlad r4, \\activations, r8, r4",
        "smlad r5, \\activations, r9, r5",
        "smlad r6, \\activations, r10, r6",
        "smlad r7, \\activations, r11, r7",
        ".endr",
        ".endr",
        "ldr r8, [sp, #4]",
        "cmp lr, r8",
        "bne 2b",
        end_pixel!(),
        thumb = const super::THUMB,
    )
}

/// # Safety
/// As [`convolve_row`], with fours of words that lie `four_step` bytes apart in place of chunks.
#[unsafe(naked)]
unsafe extern "C" fn convolve_depthwise_row(frame: &Frame) {
    naked_asm!(
        dsp_extension!(),
        enter!(32),
        begin_pixel!(),
        "ldr r11, [sp, #4]",
        "ldr r10, [sp, #52]",
        "ldr pc, [sp, #36]",
        ".balign 4",
        "2:",
        ".rept 6",
        "ldmia.w lr, {{r0-r3}}",
        "ldmia.w r12!, {{r8-r9}}",
        "smlad r4, r0, r8, r4",
        "smlad r5, r1, r9, r5",
        "ldmia.w r12!, {{r8-r9}}",
        "smlad r6, r2, r8, r6",
        "smlad r7, r3, r9, r7",
        "add.w lr, lr, r10",
        ".endr",
        "cmp lr, r11",
        "bne 2b",
        end_pixel!(),
        thumb = const super::THUMB,
    )
}
