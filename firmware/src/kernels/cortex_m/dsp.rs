//! Convolution with the DSP extension: `smlad` multiplies two pairs of halfwords and adds both products to a sum.
//!
//! A word of the stripe and of the widened weights holds two values. Where quadruples of channels stay together, these are
//! values 0 and 2, then 1 and 3 of a quadruple, as `sxtb16` takes them out of a word of bytes; elsewhere 0 and 1, then 2
//! and 3.

use core::arch::{asm, naked_asm};

use shared::{quantization::ChannelParameters, shape::{Shape, Window}};

use super::{super::{ConvArguments, ShapeMismatch, filters, span, taps::Axis, tensor, tensor_mut}, CHUNK, Layout};

/// Filters whose sums are in registers at a time.
const BLOCK: usize = 4;

/// Filters whose weights are widened at a time.
const FILTERS: usize = 2 * BLOCK;

/// Words of scratch that a convolution takes.
pub const fn scratch_words(window: &Window, input: Shape, output: Shape) -> usize {
    let layout = Layout::new(window, input, output);
    FILTERS * layout.window / 2 + layout.values() / 2
}

/// [`conv2d`](super::super::conv2d), or `None` if a parameter needs more digits than the fast arithmetic has.
pub fn conv2d(
    arguments: &ConvArguments,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
    scratch: &mut [u32],
) -> Option<Result<(), ShapeMismatch>> {
    let ConvArguments { window, input_shape, output_shape, .. } = *arguments;
    let layout = Layout::new(&window, input_shape, output_shape);
    let (expanded, stripe) = scratch.split_at_mut_checked(FILTERS * layout.window / 2)?;
    let stripe = stripe.get_mut(..layout.values() / 2)?;
    if !channels.iter().all(|channel| is_fast(channel, layout.window, arguments.output_offset)) {
        return None;
    }
    Some(Convolution::new(arguments, layout, input, weights, channels).and_then(|convolution| {
        convolution.run(tensor_mut(output, output_shape)?, expanded, stripe)
    }))
}

/// Whether `Requantization` of any sum over `window` values stays inside 31 bits after a doubling, and ends with a shift.
fn is_fast(channel: &ChannelParameters, window: usize, output_offset: i32) -> bool {
    // A value plus the offset has at most 8 bits and a sign, a weight 7.
    let largest = window as u64 * (255 * 128) + u64::from(channel.bias.unsigned_abs());
    let shift_fits = (-22..0).contains(&channel.shift) || channel.multiplier == 0;
    largest < 1 << 30 && shift_fits && output_offset.unsigned_abs() <= 128
}

struct Convolution<'a> {
    arguments: &'a ConvArguments,
    layout: Layout,
    /// Padding before the first row and column.
    before: [usize; 2],
    input: &'a [i8],
    weights: &'a [i8],
    channels: &'a [ChannelParameters],
}

/// What [`row`] needs of a channel to make a value of a sum.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
struct Requantize {
    multiplier: i32,
    /// Half of a unit of the result, and the output's zero point in its place.
    addend: i32,
    shift: u32,
}

/// What [`row`] needs of a block of filters.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
struct Block {
    bias: [i32; BLOCK],
    requantize: [Requantize; BLOCK],
}

/// Arguments of [`row`].
#[repr(C)]
struct Row {
    /// The first window, and its end.
    window: *const u32,
    end: *const u32,
    output: *mut i8,
    /// Output pixels; not zero.
    pixels: u32,
    /// Bytes between windows and between output pixels.
    window_step: u32,
    output_step: u32,
    weights: *const u32,
    bias: *const [i32; BLOCK],
    requantize: *const [Requantize; BLOCK],
    /// Where in the loop over the chunks to begin.
    entry: u32,
    /// Four times the ends of the clamp.
    activation_min: u32,
    activation_max: u32,
    /// Filters of the block.
    filters: u32,
}

impl<'a> Convolution<'a> {
    fn new(
        arguments: &'a ConvArguments,
        layout: Layout,
        input: &'a [i8],
        weights: &'a [i8],
        channels: &'a [ChannelParameters],
    ) -> Result<Self, ShapeMismatch> {
        let ConvArguments { window, input_shape, output_shape, .. } = *arguments;
        Axis::both(&window, input_shape, output_shape)?;
        let (top, left) = window.padding_before(input_shape.height, input_shape.width);
        let channels = span(channels, 0, output_shape.channels.into())?;
        let weights = filters(weights, channels.len(), window.taps() as usize * usize::from(input_shape.channels))?;
        let input = tensor(input, input_shape)?;
        Ok(Self { arguments, layout, before: [top.into(), left.into()], input, weights, channels })
    }

    fn run(&self, output: &mut [i8], expanded: &mut [u32], stripe: &mut [u32]) -> Result<(), ShapeMismatch> {
        let Shape { height, width, channels } = self.arguments.output_shape;
        let (row_step, outputs) = (usize::from(width) * usize::from(channels), usize::from(channels));
        stripe.fill(0);
        for first in (0..outputs).step_by(FILTERS) {
            let count = FILTERS.min(outputs - first);
            let mut blocks = [Block::default(); FILTERS / BLOCK];
            for (filter, block) in (first..).step_by(BLOCK).zip(&mut blocks).take(count.div_ceil(BLOCK)) {
                let start = (filter - first) * self.layout.window / 2;
                let expanded = expanded.get_mut(start..).ok_or(ShapeMismatch)?;
                self.expand(filter, BLOCK.min(outputs - filter), expanded, block)?;
            }
            for y in 0..usize::from(height) {
                self.fill(y, stripe)?;
                let output = output.get_mut(y * row_step..).and_then(|rest| rest.get_mut(..row_step)).ok_or(ShapeMismatch)?;
                for (index, block) in blocks.iter().take(count.div_ceil(BLOCK)).enumerate() {
                    let filter = first + index * BLOCK;
                    let weights = expanded.get(index * BLOCK * self.layout.window / 2..).ok_or(ShapeMismatch)?;
                    self.row(stripe, weights, block, output, filter);
                }
            }
        }
        Ok(())
    }

    /// Whether quadruples of channels stay together.
    fn quadruples(&self) -> bool {
        self.arguments.input_shape.channels.is_multiple_of(4)
    }

    /// Widens the weights of a block of filters: `[window / 2][BLOCK]` words; and its parameters.
    fn expand(&self, filter: usize, count: usize, expanded: &mut [u32], block: &mut Block) -> Result<(), ShapeMismatch> {
        let ConvArguments { window, input_shape, output_offset, .. } = *self.arguments;
        let depth = usize::from(input_shape.channels);
        let (rows, columns) = (usize::from(window.kernel_height), usize::from(window.kernel_width));
        let expanded = expanded.get_mut(..self.layout.window / 2 * BLOCK).ok_or(ShapeMismatch)?;
        let length = rows * columns * depth;
        if count < BLOCK || length != self.layout.window {
            expanded.fill(0);
        }
        for lane in 0..count {
            let channel = self.channels.get(filter + lane).ok_or(ShapeMismatch)?;
            let shift = channel.shift.unsigned_abs().max(1);
            let addend = (1 << (shift - 1)) + (output_offset << shift);
            (block.bias[lane], block.requantize[lane]) =
                (channel.bias, Requantize { multiplier: channel.multiplier, addend, shift });
            let weights = span(self.weights, (filter + lane) * length, length)?;
            let mut taps = weights.chunks_exact(depth.max(1));
            for ky in 0..rows {
                for kx in 0..columns {
                    let values = taps.next().ok_or(ShapeMismatch)?;
                    let start = kx * self.layout.column + ky * depth;
                    if self.quadruples() {
                        let to = expanded.get_mut(start / 2 * BLOCK..).ok_or(ShapeMismatch)?;
                        let (to, _) = to.as_chunks_mut::<{ 2 * BLOCK }>();
                        for (to, values) in to.iter_mut().zip(values.as_chunks::<4>().0) {
                            (to[lane], to[lane + BLOCK]) = widen(*values, 0);
                        }
                    } else {
                        let halves: &mut [i16] = bytemuck::cast_slice_mut(expanded);
                        for (at, value) in (start..).zip(values) {
                            if let Some(half) = halves.get_mut((at / 2 * BLOCK + lane) * 2 + at % 2) {
                                *half = (*value).into();
                            }
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Widens the input that the windows of output row `y` see.
    fn fill(&self, y: usize, stripe: &mut [u32]) -> Result<(), ShapeMismatch> {
        let ConvArguments { window, input_shape, input_offset, .. } = *self.arguments;
        let (depth, width) = (usize::from(input_shape.channels), usize::from(input_shape.width));
        let offset = (input_offset as u32 & 0xffff) * 0x1_0001;
        let [top, left] = self.before;
        let seen = self.layout.columns.saturating_sub(left).min(width);
        for ky in 0..usize::from(window.kernel_height) {
            let row = (y * usize::from(window.stride_height) + ky).wrapping_sub(top);
            let values = self.input.get(row.wrapping_mul(width * depth)..).filter(|_| row < input_shape.height.into());
            let start = left * self.layout.column + ky * depth;
            let Some(values) = values else {
                let halves: &mut [i16] = bytemuck::cast_slice_mut(stripe);
                let halves = halves.get_mut(start..).ok_or(ShapeMismatch)?;
                for column in halves.chunks_mut(self.layout.column).take(seen) {
                    column.get_mut(..depth).ok_or(ShapeMismatch)?.fill(0);
                }
                continue;
            };
            let values = values.get(..seen * depth).ok_or(ShapeMismatch)?;
            let halves: &mut [i16] = bytemuck::cast_slice_mut(stripe);
            let to = halves.get_mut(start..).and_then(|rest| rest.get_mut(..(seen - 1) * self.layout.column + depth));
            fill_row(values, depth, to.ok_or(ShapeMismatch)?, self.layout.column, input_offset);
        }
        Ok(())
    }

    fn row(&self, stripe: &[u32], weights: &[u32], block: &Block, output: &mut [i8], filter: usize) {
        let ConvArguments { window, output_shape, activation_min, activation_max, .. } = *self.arguments;
        let chunks = self.layout.window / CHUNK;
        let skipped = chunks.wrapping_neg() % UNROLLED;
        let quadruple = |value: i8| u32::from(value as u8) * 0x0101_0101;
        let output = &mut output[filter..];
        let arguments = Row {
            window: stripe.as_ptr(),
            end: stripe[..self.layout.window / 2].as_ptr_range().end,
            output: output.as_mut_ptr(),
            pixels: output_shape.width.into(),
            window_step: (usize::from(window.stride_width) * self.layout.column * 2) as u32,
            output_step: output_shape.channels.into(),
            weights: weights.as_ptr(),
            bias: &block.bias,
            requantize: &block.requantize,
            entry: skipped as u32,
            activation_min: quadruple(activation_min),
            activation_max: quadruple(activation_max),
            filters: BLOCK.min(usize::from(output_shape.channels) - filter) as u32,
        };
        // SAFETY: the stripe holds every window of the row and the chunk behind the last; `weights` holds the words of a
        // window for each filter of a block; `output` is the row from this block's first filter on.
        unsafe { row(&arguments) }
    }
}

/// Values 0 and 2, and 1 and 3, of a quadruple, each with its half of `offset` added.
fn widen(values: [i8; 4], offset: u32) -> (u32, u32) {
    let word = u32::from_le_bytes(values.map(|value| value as u8));
    let (even, odd): (u32, u32);
    // SAFETY: two additions of registers.
    unsafe {
        asm!(
            "sxtab16 {even}, {offset}, {word}",
            "sxtab16 {odd}, {offset}, {word}, ror #8",
            even = out(reg) even, odd = lateout(reg) odd, offset = in(reg) offset, word = in(reg) word,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    (even, odd)
}

/// Widens a row of pixels of `depth` values, every pixel `column` values behind the one before.
fn fill_row(values: &[i8], depth: usize, to: &mut [i16], column: usize, offset: i32) {
    let pixels = values.len() / depth;
    debug_assert!(to.len() >= (pixels - 1) * column + depth);
    let (offsets, gap) = ((offset as u32 & 0xffff) * 0x1_0001, (column - depth) * 2);
    let (from, to) = (values.as_ptr(), to.as_mut_ptr());
    // SAFETY: each of the loops reads `values` from end to end and writes `depth` values for each pixel, `column` values
    // apart, which `to` holds; words in `to` are aligned where `depth` is even, the loads need no alignment.
    unsafe {
        if depth.is_multiple_of(8) {
            asm!(
                "2:",
                "mov {left}, {eights}",
                "3:",
                "ldr {first}, [{from}], #4",
                "ldr {second}, [{from}], #4",
                "sxtab16 r0, {offsets}, {first}",
                "sxtab16 r1, {offsets}, {first}, ror #8",
                "sxtab16 r2, {offsets}, {second}",
                "sxtab16 r3, {offsets}, {second}, ror #8",
                "subs {left}, {left}, #1",
                "stmia {to}!, {{r0-r3}}",
                "bne 3b",
                "add {to}, {to}, {gap}",
                "subs {pixels}, {pixels}, #1",
                "bne 2b",
                first = out(reg) _, second = out(reg) _, left = out(reg) _, eights = in(reg) depth / 8,
                from = inout(reg) from => _, to = inout(reg) to => _, pixels = inout(reg) pixels => _,
                gap = in(reg) gap, offsets = in(reg) offsets,
                out("r0") _, out("r1") _, out("r2") _, out("r3") _,
                options(nostack),
            );
        } else if depth.is_multiple_of(4) {
            asm!(
                "2:",
                "mov {left}, {quadruples}",
                "3:",
                "ldr {word}, [{from}], #4",
                "sxtab16 r0, {offsets}, {word}",
                "sxtab16 r1, {offsets}, {word}, ror #8",
                "subs {left}, {left}, #1",
                "stmia {to}!, {{r0-r1}}",
                "bne 3b",
                "add {to}, {to}, {gap}",
                "subs {pixels}, {pixels}, #1",
                "bne 2b",
                word = out(reg) _, left = out(reg) _, quadruples = in(reg) depth / 4,
                from = inout(reg) from => _, to = inout(reg) to => _, pixels = inout(reg) pixels => _,
                gap = in(reg) gap, offsets = in(reg) offsets, out("r0") _, out("r1") _,
                options(nostack),
            );
        } else if depth.is_multiple_of(2) {
            // Quadruples in their order, then a pair.
            asm!(
                "2:",
                "movs {left}, {quadruples}",
                "beq 4f",
                "3:",
                "ldr {word}, [{from}], #4",
                "sxtab16 r0, {offsets}, {word}",
                "sxtab16 r1, {offsets}, {word}, ror #8",
                "pkhbt r2, r0, r1, lsl #16",
                "pkhtb r3, r1, r0, asr #16",
                "subs {left}, {left}, #1",
                "stmia {to}!, {{r2-r3}}",
                "bne 3b",
                "4:",
                "ldrh {word}, [{from}], #2",
                "orr {word}, {word}, {word}, lsl #8",
                "sxtab16 {word}, {offsets}, {word}",
                "str {word}, [{to}], #4",
                "add {to}, {to}, {gap}",
                "subs {pixels}, {pixels}, #1",
                "bne 2b",
                word = out(reg) _, left = out(reg) _, quadruples = in(reg) depth / 4,
                from = inout(reg) from => _, to = inout(reg) to => _, pixels = inout(reg) pixels => _,
                gap = in(reg) gap, offsets = in(reg) offsets,
                out("r0") _, out("r1") _, out("r2") _, out("r3") _,
                options(nostack),
            );
        } else {
            asm!(
                "2:",
                "mov {left}, {depth}",
                "3:",
                "ldrsb {value}, [{from}], #1",
                "add {value}, {value}, {offset}",
                "strh {value}, [{to}], #2",
                "subs {left}, {left}, #1",
                "bne 3b",
                "add {to}, {to}, {gap}",
                "subs {pixels}, {pixels}, #1",
                "bne 2b",
                value = out(reg) _, left = out(reg) _, depth = in(reg) depth,
                from = inout(reg) from => _, to = inout(reg) to => _, pixels = inout(reg) pixels => _,
                gap = in(reg) gap, offset = in(reg) offset,
                options(nostack),
            );
        }
    }
}

/// Chunks in the body of the inner loop.
const UNROLLED: usize = 4;

/// A block of filters over a row of output pixels.
///
/// # Safety
/// Every window of the row, in whole chunks, and the weights of one are readable; the filters of the block are writable in
/// every output pixel; the entry is below [`UNROLLED`] and such that the chunks of a window end at `end`.
#[unsafe(naked)]
unsafe extern "C" fn row(arguments: &Row) {
    // r0-r3   activations, r4-r7 sums, r8-r11 weights, r12 and lr what comes next of weights and activations
    naked_asm!(
        "push {{r4-r11, lr}}",
        "sub sp, sp, #52",
        "mov lr, sp",
        "ldmia r0!, {{r1-r6}}",
        "stmia lr!, {{r1-r6}}",
        "ldmia r0, {{r1-r7}}",
        // A chunk takes 84 bytes of code; the entry becomes an address.
        "movs r0, #84",
        "muls r4, r0, r4",
        "adr r0, 2f",
        "adds r4, r4, r0",
        "adds r4, r4, #1",
        "stmia lr, {{r1-r7}}",
        "1:",
        "ldr r12, [sp, #28]",
        "ldmia r12, {{r4-r7}}",
        "ldr lr, [sp, #0]",
        "ldr r12, [sp, #24]",
        "ldr pc, [sp, #36]",
        ".balign 4",
        "2:",
        ".rept 4",
        "ldmia.w lr!, {{r0-r3}}",
        "ldmia.w r12!, {{r8-r11}}",
        "smlad r4, r0, r8, r4",
        "smlad r5, r0, r9, r5",
        "smlad r6, r0, r10, r6",
        "smlad r7, r0, r11, r7",
        "ldmia.w r12!, {{r8-r11}}",
        "smlad r4, r1, r8, r4",
        "smlad r5, r1, r9, r5",
        "smlad r6, r1, r10, r6",
        "smlad r7, r1, r11, r7",
        "ldmia.w r12!, {{r8-r11}}",
        "smlad r4, r2, r8, r4",
        "smlad r5, r2, r9, r5",
        "smlad r6, r2, r10, r6",
        "smlad r7, r2, r11, r7",
        "ldmia.w r12!, {{r8-r11}}",
        "smlad r4, r3, r8, r4",
        "smlad r5, r3, r9, r5",
        "smlad r6, r3, r10, r6",
        "smlad r7, r3, r11, r7",
        ".endr",
        "ldr r8, [sp, #4]",
        "cmp lr, r8",
        "bne 2b",
        // round(2 sum multiplier / 2^32), then halves away from zero: twice rounded as the reference does it.
        "ldr r12, [sp, #32]",
        ".irp sum, r4, r5, r6, r7",
        "ldmia r12!, {{r0-r2}}",
        "lsls \\sum, \\sum, #1",
        "smmulr \\sum, \\sum, r0",
        "add \\sum, \\sum, \\sum, asr #31",
        "add \\sum, \\sum, r1",
        "asr \\sum, \\sum, r2",
        "ssat \\sum, #8, \\sum",
        ".endr",
        "bfi r4, r5, #8, #8",
        "bfi r4, r6, #16, #8",
        "bfi r4, r7, #24, #8",
        "ldrd r0, r1, [sp, #40]",
        "ssub8 r2, r4, r0",
        "sel r4, r4, r0",
        "ssub8 r2, r4, r1",
        "sel r4, r1, r4",
        "ldr r8, [sp, #48]",
        "ldm sp, {{r0-r3}}",
        "ldrd r5, r6, [sp, #16]",
        "cmp r8, #4",
        "bne 4f",
        "str r4, [r2]",
        "3:",
        "add r0, r0, r5",
        "add r1, r1, r5",
        "add r2, r2, r6",
        "subs r3, r3, #1",
        "stm sp, {{r0-r3}}",
        "bne 1b",
        "add sp, sp, #52",
        "pop {{r4-r11, pc}}",
        "4:",
        "strb r4, [r2]",
        "cmp r8, #1",
        "beq 3b",
        "lsrs r4, r4, #8",
        "strb r4, [r2, #1]",
        "cmp r8, #2",
        "beq 3b",
        "lsrs r4, r4, #8",
        "strb r4, [r2, #2]",
        "b 3b",
    )
}
