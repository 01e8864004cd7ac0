//! Convolution, also 1x1.
//!
//! A word of the stripe and of the widened weights holds two values. Where quadruples of channels stay together, these are
//! values 0 and 2, then 1 and 3 of a quadruple, as `sxtb16` takes them out of a word of bytes; elsewhere 0 and 1, then 2
//! and 3.

use shared::{quantization::ChannelParameters, shape::Shape};

use super::{
    super::super::{
        ConvArguments, Region, ShapeMismatch,
        scratch::dsp::{FILTERS, layout, stripe_words, weight_words},
        span,
        stripe::{Columns, Convolution},
    },
    row::{BLOCK, Block, Row},
    widen::{move_up, widen, widen_row},
};

/// [`conv2d_region`](crate::kernels::conv2d_region), or `None` if a parameter is too large for the fast arithmetic, or the
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
    let (widened, stripe) = scratch.split_at_mut_checked(weight_words(&layout))?;
    let stripe = stripe.get_mut(..stripe_words(&layout))?;
    if !Block::can_be(channels, layout.window, output_offset) {
        return None;
    }
    let convolution = Convolution::new(arguments, region, layout, input, weights, channels);
    Some(convolution.and_then(|convolution| convolution.run(output, widened, stripe)))
}

impl Convolution<'_> {
    fn run(&self, output: &mut [i8], widened: &mut [u32], stripe: &mut [u32]) -> Result<(), ShapeMismatch> {
        let ConvArguments { window, output_offset, .. } = *self.arguments;
        let words = self.layout.window / 2;
        stripe.fill(0);
        for (group, channels) in self.channels.chunks(FILTERS).enumerate() {
            let first = group * FILTERS;
            let mut blocks = [Block::default(); FILTERS / BLOCK];
            for (index, (block, channels)) in blocks.iter_mut().zip(channels.chunks(BLOCK)).enumerate() {
                *block = Block::new(channels, output_offset);
                let widened = widened.get_mut(index * words * BLOCK..).ok_or(ShapeMismatch)?;
                self.widen_weights(first + index * BLOCK, channels.len(), widened)?;
            }
            let mut next = None;
            for (y, output) in self.rows(output)? {
                if next == Some(y) && window.stride_height == 1 && self.arguments.input_shape.channels == 1 {
                    self.move_on(y, stripe)?;
                } else {
                    self.fill(y, stripe)?;
                }
                next = Some(y + 1);
                for (index, block) in blocks.iter().take(channels.len().div_ceil(BLOCK)).enumerate() {
                    let weights = widened.get(index * words * BLOCK..).ok_or(ShapeMismatch)?;
                    let step = usize::from(window.stride_width) * self.layout.column / 2;
                    let output = output.get_mut(first + index * BLOCK..).ok_or(ShapeMismatch)?;
                    let row = Row { stripe, window: words, step, weights, block };
                    row.convolve(self.arguments, self.region.width, output)?;
                }
            }
        }
        Ok(())
    }

    /// Whether quadruples of channels stay together.
    fn quadruples(&self) -> bool {
        self.arguments.input_shape.channels.is_multiple_of(4)
    }

    /// Widens the weights of `count` filters to `[window][BLOCK]` words.
    fn widen_weights(&self, filter: usize, count: usize, widened: &mut [u32]) -> Result<(), ShapeMismatch> {
        let ConvArguments { window, input_shape, .. } = *self.arguments;
        let depth = usize::from(input_shape.channels);
        let (rows, columns) = (usize::from(window.kernel_height), usize::from(window.kernel_width));
        let widened = widened.get_mut(..self.layout.window / 2 * BLOCK).ok_or(ShapeMismatch)?;
        let length = rows * columns * depth;
        if count < BLOCK || length != self.layout.window {
            widened.fill(0);
        }
        for lane in 0..count {
            let weights = span(self.weights, (filter + lane) * length, length)?;
            if depth == 1 {
                let halves: &mut [i16] = bytemuck::cast_slice_mut(widened);
                for (ky, weights) in weights.chunks_exact(columns.max(1)).enumerate() {
                    let halves = halves.get_mut((ky / 2 * BLOCK + lane) * 2 + ky % 2..).ok_or(ShapeMismatch)?;
                    // Columns are of an even number of values.
                    let halves = halves.iter_mut().step_by(self.layout.column.max(1) * BLOCK);
                    halves.zip(weights).for_each(|(half, &weight)| *half = weight.into());
                }
                continue;
            }
            let mut taps = weights.chunks_exact(depth.max(1));
            for ky in 0..rows {
                for kx in 0..columns {
                    let values = taps.next().ok_or(ShapeMismatch)?;
                    let start = kx * self.layout.column + ky * depth;
                    if self.quadruples() {
                        let to = widened.get_mut(start / 2 * BLOCK..).ok_or(ShapeMismatch)?;
                        let (to, _) = to.as_chunks_mut::<{ 2 * BLOCK }>();
                        for (to, values) in to.iter_mut().zip(values.as_chunks::<4>().0) {
                            (to[lane], to[lane + BLOCK]) = widen(*values, 0);
                        }
                    } else {
                        let halves: &mut [i16] = bytemuck::cast_slice_mut(widened);
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
        (0..usize::from(self.arguments.window.kernel_height)).try_for_each(|ky| self.fill_row(y, ky, stripe))
    }

    /// Turns the stripe of the output row before into that of row `y`, for an input of one channel: all rows of the input move
    /// up by one, and the last is filled.
    fn move_on(&self, y: usize, stripe: &mut [u32]) -> Result<(), ShapeMismatch> {
        let Columns { blank, count, .. } = self.columns;
        move_up(stripe);
        // The end of each column now holds the beginning of the next column.
        let last = usize::from(self.arguments.window.kernel_height).saturating_sub(1);
        let halves: &mut [i16] = bytemuck::cast_slice_mut(stripe);
        let ends = halves.get_mut(last..).ok_or(ShapeMismatch)?.iter_mut().step_by(self.layout.column.max(1));
        for (index, end) in ends.enumerate() {
            if index < blank || index >= blank + count {
                *end = 0;
            }
        }
        self.fill_row(y, last, stripe)
    }

    /// Widens row `ky` of the input that the windows of output row `y` see.
    fn fill_row(&self, y: usize, ky: usize, stripe: &mut [u32]) -> Result<(), ShapeMismatch> {
        let ConvArguments { input_shape, input_offset, .. } = *self.arguments;
        let depth = usize::from(input_shape.channels);
        let Columns { blank, count, .. } = self.columns;
        if count == 0 {
            return Ok(());
        }
        let halves: &mut [i16] = bytemuck::cast_slice_mut(stripe);
        let halves = halves.get_mut(blank * self.layout.column + ky * depth..).ok_or(ShapeMismatch)?;
        let Some(values) = self.input_row(y, ky)? else {
            for column in halves.chunks_mut(self.layout.column.max(1)).take(count) {
                column.get_mut(..depth).ok_or(ShapeMismatch)?.fill(0);
            }
            return Ok(());
        };
        let to = halves.get_mut(..(count - 1) * self.layout.column + depth);
        widen_row(values, depth, to.ok_or(ShapeMismatch)?, self.layout.column, input_offset)
    }
}
