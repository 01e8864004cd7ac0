//! Convolution on processors without the DSP extension (Cortex-M0, M0+, M23): a multiplication gives 32 bits, one at a
//! time.
//!
//! The stripe holds bytes, each 128 more than its value, for an unsigned byte is loaded from a fixed distance while a signed
//! one is not. Weights are widened to words, which a multiple-register load fetches for four filters at once; sums stay in
//! the high registers, which can be added to and nothing else. Ten instructions are four products.

use shared::{
    quantization::ChannelParameters,
    shape::{Shape, Window},
};

use super::{
    super::super::{
        ConvArguments, Region, ShapeMismatch, span,
        stripe::{Columns, Convolution, Layout},
    },
    row::{BLOCK, Block, Row},
};

/// Blocks whose weights are widened at a time at most.
const MOST_BLOCKS: usize = 4;

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

/// [`conv2d_region`](crate::kernels::conv2d_region), or `None` if a parameter needs more digits than the fast arithmetic
/// has, or the scratch is too small.
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
    Some(convolution.and_then(|convolution| convolution.run(output, widened, stripe)))
}

impl Convolution<'_> {
    fn run(&self, output: &mut [i8], widened: &mut [u32], stripe: &mut [u32]) -> Result<(), ShapeMismatch> {
        let ConvArguments { window, input_offset, output_offset, .. } = *self.arguments;
        let step = usize::from(window.stride_width) * self.layout.column;
        let blank = (128 - input_offset) as u8;
        stripe.fill(u32::from(blank) * 0x0101_0101);
        let (lot, words) = (blocks(&self.layout) * BLOCK, (BLOCK * self.layout.window).max(1));
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
            let mut next = None;
            for (y, output) in self.rows(output)? {
                let bytes = bytemuck::cast_slice_mut(stripe);
                if next == Some(y) && window.stride_height == 1 && self.arguments.input_shape.channels == 1 {
                    self.move_on(y, bytes, blank)?;
                } else {
                    (0..usize::from(window.kernel_height)).try_for_each(|ky| self.fill_row(y, ky, bytes, blank))?;
                }
                next = Some(y + 1);
                let lots = channels.clone().zip(&blocks).zip(widened.chunks_exact(words));
                for (filter, ((channels, block), weights)) in (first..).step_by(BLOCK).zip(lots) {
                    let output = output.get_mut(filter..).ok_or(ShapeMismatch)?;
                    let (stripe, window) = (bytemuck::cast_slice(stripe), self.layout.window);
                    let row = Row { stripe, window, step, weights, block, filters: channels.len() };
                    row.convolve(self.arguments, self.region.width, output)?;
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
            let weights = span(self.weights, (filter + lane) * length, length)?;
            if depth == 1 {
                for (ky, weights) in weights.chunks_exact(usize::from(window.kernel_width).max(1)).enumerate() {
                    let to = widened.get_mut(ky..).ok_or(ShapeMismatch)?.iter_mut().step_by(self.layout.column.max(1));
                    to.zip(weights).for_each(|(to, weight)| to[lane] = i32::from(*weight) as u32);
                }
                continue;
            }
            let mut taps = weights.chunks_exact(depth.max(1));
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

    /// Makes the windows' input of output row `y` of that of the row before, for an input of one channel: all rows of the
    /// input move up by one, and the last is new.
    fn move_on(&self, y: usize, stripe: &mut [u8], blank: u8) -> Result<(), ShapeMismatch> {
        let Columns { blank: before, count, .. } = self.columns;
        move_up(bytemuck::try_cast_slice_mut(stripe).map_err(|_| ShapeMismatch)?);
        // What has come to the end of each column from the next one's beginning.
        let last = usize::from(self.arguments.window.kernel_height).saturating_sub(1);
        let ends = stripe.get_mut(last..).ok_or(ShapeMismatch)?.iter_mut().step_by(self.layout.column.max(1));
        for (index, end) in ends.enumerate() {
            if index < before || index >= before + count {
                *end = blank;
            }
        }
        self.fill_row(y, last, stripe, blank)
    }

    /// Copies row `ky` of the input that the windows of output row `y` see, each value 128 more.
    fn fill_row(&self, y: usize, ky: usize, stripe: &mut [u8], blank: u8) -> Result<(), ShapeMismatch> {
        let depth = usize::from(self.arguments.input_shape.channels);
        let Columns { blank: before, count, .. } = self.columns;
        let to = stripe.get_mut(before * self.layout.column + ky * depth..).ok_or(ShapeMismatch)?;
        let Some(values) = self.input_row(y, ky)? else {
            for column in to.chunks_mut(self.layout.column.max(1)).take(count) {
                column.get_mut(..depth).ok_or(ShapeMismatch)?.fill(blank);
            }
            return Ok(());
        };
        copy_row(values, depth, to, self.layout.column)
    }
}

/// Moves every byte to the place of the one before it; the last word gets zeros at its end.
fn move_up(words: &mut [u32]) {
    let mut next = 0;
    for word in words.iter_mut().rev() {
        let behind = next;
        next = *word;
        *word = *word >> 8 | behind << 24;
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
