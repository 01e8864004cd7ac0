//! Convolution on processors without the DSP extension (Cortex-M0, M0+, M23): a multiplication gives 32 bits, one at a
//! time.
//!
//! The stripe holds bytes, each 128 more than its value, for an unsigned byte is loaded from a fixed distance while a signed
//! one is not. Weights are widened to words, which a multiple-register load fetches for four filters at once; sums stay in
//! the high registers, which can be added to and nothing else. Ten instructions are four products.

use core::arch::naked_asm;

use bytemuck::{Pod, Zeroable};
use shared::{
    quantization::ChannelParameters,
    shape::{Shape, Window},
};

use super::super::super::{
    ConvArguments, Region, ShapeMismatch, filters, span,
    stripe::{Columns, Layout},
    taps::Axis,
    tensor, tensor_mut,
};

/// Filters whose sums are in registers at a time.
const BLOCK: usize = 4;

/// Blocks whose weights are widened at a time at most.
const MOST_BLOCKS: usize = 4;

/// Taps in the body of the inner loop.
const UNROLLED: usize = 8;

/// Windows without a gap.
const fn layout(window: &Window, input: Shape, output: Shape) -> Layout {
    Layout::new(window, input, output, 1, 1)
}

/// Blocks whose weights are widened at a time: the stripes are filled anew for each lot, and short filters take little.
const fn blocks(layout: &Layout) -> usize {
    let blocks = 128 / (layout.window + 1);
    if blocks < 1 {
        1
    } else if blocks > MOST_BLOCKS {
        MOST_BLOCKS
    } else {
        blocks
    }
}

const fn stripe_words(layout: &Layout) -> usize {
    layout.values().div_ceil(4)
}

/// Words of scratch that a convolution takes.
pub const fn conv2d_words(window: &Window, input: Shape, output: Shape) -> usize {
    let layout = layout(window, input, output);
    blocks(&layout) * BLOCK * layout.window + stripe_words(&layout)
}

/// [`conv2d_region`](crate::kernels::conv2d_region), or `None` if a parameter needs more digits than the fast arithmetic has, or the
/// scratch is too small.
pub fn conv2d(
    arguments: &ConvArguments,
    region: Region,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
    scratch: &mut [u32],
) -> Option<Result<(), ShapeMismatch>> {
    let ConvArguments { window, input_shape, output_shape, output_offset, .. } = *arguments;
    let layout = layout(&window, input_shape, Shape { width: region.width, ..output_shape });
    let (widened, stripe) = scratch.split_at_mut_checked(blocks(&layout) * BLOCK * layout.window)?;
    let stripe = stripe.get_mut(..stripe_words(&layout))?;
    if !Block::can_be(channels, layout.window, output_offset) {
        return None;
    }
    let convolution = Convolution::new(arguments, region, layout, input, weights, channels);
    Some(convolution.and_then(|convolution| convolution.run(tensor_mut(output, output_shape)?, widened, stripe)))
}

/// What a row needs of a channel to make a value of a sum.
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

/// What a row needs of a block of filters.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
struct Block {
    bias: [i32; BLOCK],
    requantize: [Requantize; BLOCK],
}

impl Block {
    fn new(channels: &[ChannelParameters], output_offset: i32) -> Self {
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

    /// Takes `offset` times the sum of each filter's weights into its bias.
    fn correct(&mut self, widened: &[u32], offset: i32) {
        for tap in widened.as_chunks::<BLOCK>().0 {
            for (bias, weight) in self.bias.iter_mut().zip(tap) {
                *bias = bias.wrapping_add(offset.wrapping_mul(*weight as i32));
            }
        }
    }

    /// Whether a sum over `window` products, and every step after it, fits, and the last is a shift.
    fn can_be(channels: &[ChannelParameters], window: usize, output_offset: i32) -> bool {
        // Twice, since the stripe's values and the correction of the offset are added apart.
        let largest_bias = (1 << 30) - (window.min(1 << 14) * (2 * 255 * 128)) as i32;
        let fits = |channel: &ChannelParameters| {
            let bias = channel.bias.wrapping_add(largest_bias) as u32;
            let shift = channel.shift.wrapping_add(22) as u32;
            bias <= 2 * largest_bias as u32 && (shift < 22 || channel.multiplier == 0 && shift == 22)
        };
        largest_bias > 0 && output_offset.unsigned_abs() <= 128 && channels.iter().all(fits)
    }
}

struct Convolution<'a> {
    arguments: &'a ConvArguments,
    region: Region,
    layout: Layout,
    columns: Columns,
    /// Padding above the first row.
    top: usize,
    input: &'a [i8],
    weights: &'a [i8],
    channels: &'a [ChannelParameters],
}

/// Arguments of [`row`], in the order of its stack frame.
#[repr(C)]
struct Frame {
    window: *const u8,
    end: *const u8,
    output: *mut i8,
    pixels: u32,
    window_step: u32,
    output_step: u32,
    weights: *const u32,
    block: *const Block,
    /// Taps of the unrolled loop that are skipped the first time; the assembly makes it the address to begin at.
    entry: u32,
    skipped: u32,
    activation_min: i32,
    activation_max: i32,
    filters: u32,
}

impl<'a> Convolution<'a> {
    fn new(
        arguments: &'a ConvArguments,
        region: Region,
        layout: Layout,
        input: &'a [i8],
        weights: &'a [i8],
        channels: &'a [ChannelParameters],
    ) -> Result<Self, ShapeMismatch> {
        let ConvArguments { window, input_shape, output_shape, .. } = *arguments;
        Axis::both(&window, input_shape, output_shape)?;
        let (top, left) = window.padding_before(input_shape.height, input_shape.width);
        let channels = span(channels, 0, output_shape.channels.into())?;
        let weights = filters(weights, channels.len(), layout.window)?;
        let input = tensor(input, input_shape)?;
        region.rows(output_shape)?;
        let first = region.columns(output_shape)?.start * usize::from(window.stride_width);
        let columns = layout.seen(first, left.into(), input_shape.width.into());
        Ok(Self { arguments, region, layout, columns, top: top.into(), input, weights, channels })
    }

    fn run(&self, output: &mut [i8], widened: &mut [u32], stripe: &mut [u32]) -> Result<(), ShapeMismatch> {
        let ConvArguments { output_shape, input_offset, output_offset, .. } = *self.arguments;
        let outputs = usize::from(output_shape.channels);
        let row_length = usize::from(output_shape.width) * outputs;
        let blank = (128 - input_offset) as u8;
        stripe.fill(u32::from(blank) * 0x0101_0101);
        let (lot, words) = (blocks(&self.layout) * BLOCK, BLOCK * self.layout.window);
        for (first, channels) in (0..).step_by(lot).zip(self.channels.chunks(lot)) {
            let mut blocks = [Block::default(); MOST_BLOCKS];
            let channels = channels.chunks(BLOCK);
            let lots = channels.clone().zip(&mut blocks).zip(widened.chunks_exact_mut(words));
            for (filter, ((channels, block), widened)) in (first..).step_by(BLOCK).zip(lots) {
                *block = Block::new(channels, output_offset);
                self.widen_weights(filter, channels.len(), widened)?;
                if input_offset != 128 {
                    block.correct(widened, input_offset - 128);
                }
            }
            let rows = output.chunks_exact_mut(row_length).enumerate();
            for (y, output) in rows.skip(self.region.top.into()).take(self.region.height.into()) {
                let output = output.get_mut(usize::from(self.region.left) * outputs..).ok_or(ShapeMismatch)?;
                self.fill(y, bytemuck::cast_slice_mut(stripe), blank)?;
                let lots = channels.clone().zip(&blocks).zip(widened.chunks_exact(words));
                for (filter, ((channels, block), weights)) in (first..).step_by(BLOCK).zip(lots) {
                    let output = output.get_mut(filter..).ok_or(ShapeMismatch)?;
                    self.row(bytemuck::cast_slice(stripe), weights, block, channels.len(), output)?;
                }
            }
        }
        Ok(())
    }

    /// Widens the weights of `count` filters to `[window][BLOCK]` words.
    fn widen_weights(&self, filter: usize, count: usize, widened: &mut [u32]) -> Result<(), ShapeMismatch> {
        let ConvArguments { window, input_shape, .. } = *self.arguments;
        let depth = usize::from(input_shape.channels);
        let length = self.layout.window;
        let (widened, _) = widened.as_chunks_mut::<BLOCK>();
        if count < BLOCK {
            widened.fill([0; BLOCK]);
        }
        for lane in 0..count {
            let mut taps = span(self.weights, (filter + lane) * length, length)?.chunks_exact(depth.max(1));
            for ky in 0..usize::from(window.kernel_height) {
                for kx in 0..usize::from(window.kernel_width) {
                    let to = widened.get_mut(kx * self.layout.column + ky * depth..).ok_or(ShapeMismatch)?;
                    for (to, value) in to.iter_mut().zip(taps.next().ok_or(ShapeMismatch)?) {
                        to[lane] = i32::from(*value) as u32;
                    }
                }
            }
        }
        Ok(())
    }

    /// Copies the input that the windows of output row `y` see, each value 128 more.
    fn fill(&self, y: usize, stripe: &mut [u8], blank: u8) -> Result<(), ShapeMismatch> {
        let ConvArguments { window, input_shape, .. } = *self.arguments;
        let (depth, width) = (usize::from(input_shape.channels), usize::from(input_shape.width));
        let Columns { blank: before, first, count } = self.columns;
        for ky in 0..usize::from(window.kernel_height) {
            let row = (y * usize::from(window.stride_height) + ky).wrapping_sub(self.top);
            let to = stripe.get_mut(before * self.layout.column + ky * depth..).ok_or(ShapeMismatch)?;
            if row >= input_shape.height.into() {
                for column in to.chunks_mut(self.layout.column).take(count) {
                    column.get_mut(..depth).ok_or(ShapeMismatch)?.fill(blank);
                }
                continue;
            }
            let values = span(self.input, (row * width + first) * depth, count * depth)?;
            copy_row(values, depth, to, self.layout.column)?;
        }
        Ok(())
    }

    fn row(
        &self,
        stripe: &[u8],
        weights: &[u32],
        block: &Block,
        filters: usize,
        output: &mut [i8],
    ) -> Result<(), ShapeMismatch> {
        let ConvArguments { window, output_shape, activation_min, activation_max, .. } = *self.arguments;
        let (pixels, output_step) = (usize::from(self.region.width), usize::from(output_shape.channels));
        let step = usize::from(window.stride_width) * self.layout.column;
        let length = self.layout.window;
        let last = pixels.checked_sub(1).ok_or(ShapeMismatch)?;
        if length == 0
            || stripe.len() < last * step + length
            || weights.len() < length * BLOCK
            || output.len() < last * output_step + filters
        {
            return Err(ShapeMismatch);
        }
        let skipped = (UNROLLED - length % UNROLLED) % UNROLLED;
        let frame = Frame {
            window: stripe.as_ptr(),
            end: stripe.as_ptr().wrapping_add(length),
            output: output.as_mut_ptr(),
            pixels: pixels as u32,
            window_step: step as u32,
            output_step: output_step as u32,
            weights: weights.as_ptr(),
            block,
            entry: skipped as u32,
            skipped: skipped as u32,
            activation_min: activation_min.into(),
            activation_max: activation_max.into(),
            filters: filters as u32,
        };
        // SAFETY: the lengths were just checked.
        unsafe { row(&frame) };
        Ok(())
    }
}

/// Copies a row of pixels of `depth` values, every pixel `column` bytes behind the one before, each value 128 more.
fn copy_row(values: &[i8], depth: usize, to: &mut [u8], column: usize) -> Result<(), ShapeMismatch> {
    let pixels = values.chunks_exact(depth.max(1));
    if depth.is_multiple_of(4) && column.is_multiple_of(4) {
        // Words where both lie at their multiples.
        if let (Ok(values), Ok(to)) = (bytemuck::try_cast_slice::<_, u32>(values), cast_prefix(to)) {
            for (pixel, to) in values.chunks_exact(depth / 4).zip(to.chunks_mut(column / 4)) {
                for (to, word) in to.iter_mut().zip(pixel) {
                    *to = word ^ 0x8080_8080;
                }
            }
            return Ok(());
        }
    }
    if depth == 1 {
        for (to, value) in to.iter_mut().step_by(column).zip(values) {
            *to = *value as u8 ^ 0x80;
        }
        return Ok(());
    }
    for (pixel, to) in pixels.zip(to.chunks_mut(column)) {
        for (to, value) in to.iter_mut().zip(pixel) {
            *to = *value as u8 ^ 0x80;
        }
    }
    Ok(())
}

/// The whole words at the beginning of `bytes`.
fn cast_prefix(bytes: &mut [u8]) -> Result<&mut [u32], bytemuck::PodCastError> {
    let whole = bytes.len() / 4 * 4;
    bytemuck::try_cast_slice_mut(&mut bytes[..whole])
}

/// # Safety
/// Every window of the row and the weights of one are readable; the filters of the block are writable in every output
/// pixel; a window ends at `end`; `entry` and `skipped` are as many taps as it lacks to whole multiples of [`UNROLLED`].
#[unsafe(naked)]
unsafe extern "C" fn row(frame: &Frame) {
    // r8-r11 sums
    naked_asm!(
        "push {{r4-r7, lr}}",
        "mov r4, r8",
        "mov r5, r9",
        "mov r6, r10",
        "mov r7, r11",
        "push {{r4-r7}}",
        "sub sp, #52",
        "mov r7, sp",
        "ldmia r0!, {{r1-r6}}",
        "stmia r7!, {{r1-r6}}",
        "ldmia r0!, {{r1-r6}}",
        "stmia r7!, {{r1-r6}}",
        "ldr r1, [r0]",
        "str r1, [r7]",
        // A tap takes 20 bytes of code; the entry becomes an address.
        "ldr r1, [sp, #32]",
        "movs r2, #20",
        "muls r2, r1, r2",
        "adr r3, 2f",
        "adds r2, r2, r3",
        "adds r2, #1",
        "str r2, [sp, #32]",
        "1:",
        "ldr r7, [sp, #28]",
        "ldmia r7!, {{r0-r3}}",
        "mov r8, r0",
        "mov r9, r1",
        "mov r10, r2",
        "mov r11, r3",
        "ldr r5, [sp, #0]",
        "ldr r0, [sp, #36]",
        "subs r5, r5, r0",
        "ldr r7, [sp, #4]",
        "ldr r6, [sp, #24]",
        "ldr r0, [sp, #32]",
        "bx r0",
        ".balign 4",
        "2:",
        ".irp tap, 0, 1, 2, 3, 4, 5, 6, 7",
        "ldrb r4, [r5, #\\tap]",
        "ldmia r6!, {{r0-r3}}",
        "muls r0, r4, r0",
        "muls r1, r4, r1",
        "muls r2, r4, r2",
        "muls r3, r4, r3",
        "add r8, r0",
        "add r9, r1",
        "add r10, r2",
        "add r11, r3",
        ".endr",
        "adds r5, #8",
        "cmp r5, r7",
        "bne 2b",
        // The product of sum and multiplier from those of their halves, the upper half rounded: 32 bits of it.
        "ldr r7, [sp, #28]",
        "adds r7, #16",
        "movs r6, #0",
        ".irp sum, r8, r9, r10, r11",
        "mov r12, r6",
        "mov r0, \\sum",
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
        "ldr r0, [sp, #40]",
        "cmp r6, r0",
        "bge 5f",
        "movs r6, r0",
        "5:",
        "ldr r0, [sp, #44]",
        "cmp r6, r0",
        "ble 5f",
        "movs r6, r0",
        "5:",
        "ldr r0, [sp, #8]",
        "mov r1, r12",
        "strb r6, [r0, r1]",
        "adds r6, r1, #1",
        "ldr r0, [sp, #48]",
        "cmp r6, r0",
        "blt 6f",
        "b 7f",
        "6:",
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
        "add sp, #52",
        "pop {{r4-r7}}",
        "mov r8, r4",
        "mov r9, r5",
        "mov r10, r6",
        "mov r11, r7",
        "pop {{r4-r7, pc}}",
    )
}
