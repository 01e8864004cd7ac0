//! Convolution on processors without the DSP extension (Cortex-M0, M0+, M23): a multiplication gives 32 bits, one at a
//! time.
//!
//! The stripe and the widened weights hold [two values a word](super::pairs). A multiple-register load fetches the weights
//! of two filters at once. Sixteen instructions are eight products.

use shared::{quantization::ChannelParameters, shape::Shape};

use super::{
    super::super::{
        ConvArguments, Region, ShapeMismatch,
        scratch::base::{MOST_BLOCKS, blocks, layout, stripe_words, widened_words},
        span,
        stripe::{Columns, Convolution},
    },
    pairs::{Half, Pairing, pair, pairs_of_four, unpair, weight_pair},
    row::{BLOCK, Block, Row},
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
    let (widened, stripe) = scratch.split_at_mut_checked(widened_words(&layout))?;
    let stripe = stripe.get_mut(..stripe_words(&layout))?;
    if !Block::can_be(channels, layout.window, output_offset) {
        return None;
    }
    let convolution = Convolution::new(arguments, region, layout, input, weights, channels);
    Some(convolution.and_then(|convolution| convolution.run(output, widened.as_chunks_mut().0, stripe)))
}

impl Convolution<'_> {
    fn run(&self, output: &mut [i8], widened: &mut [[u32; BLOCK]], stripe: &mut [u32]) -> Result<(), ShapeMismatch> {
        let ConvArguments { window, input_shape, input_offset, output_offset, .. } = *self.arguments;
        let step = usize::from(window.stride_width) * self.layout.column / 2;
        let words = self.layout.window / 2;
        let blank = input_offset.wrapping_neg() as i8;
        stripe.fill(pair(blank, blank));
        let lot = blocks(&self.layout) * BLOCK;
        for (first, channels) in (0..).step_by(lot).zip(self.channels.chunks(lot)) {
            let mut blocks = [Block::default(); MOST_BLOCKS];
            let channels = channels.chunks(BLOCK);
            let lots = channels.clone().zip(&mut blocks).zip(widened.chunks_exact_mut(words.max(1)));
            for (filter, ((channels, block), widened)) in (first..).step_by(BLOCK).zip(lots) {
                *block = Block::new(channels, output_offset);
                self.widen_weights(filter, channels.len(), widened)?;
                block.correct(widened, input_offset);
            }
            let mut next = None;
            for (y, output) in self.rows(output)? {
                if next == Some(y) && window.stride_height == 1 && input_shape.channels == 1 {
                    self.move_on(y, stripe, blank)?;
                } else {
                    (0..usize::from(window.kernel_height)).try_for_each(|ky| self.fill_row(y, ky, stripe, blank))?;
                }
                next = Some(y + 1);
                let lots = channels.clone().zip(&blocks).zip(widened.chunks_exact(words.max(1)));
                for (filter, ((channels, block), weights)) in (first..).step_by(BLOCK).zip(lots) {
                    let output = output.get_mut(filter..).ok_or(ShapeMismatch)?;
                    let row = Row { stripe, window: words, step, weights, block, filters: channels.len() };
                    row.convolve(self.arguments, self.region.width, output)?;
                }
            }
        }
        Ok(())
    }

    /// Widens the weights of `count` filters.
    fn widen_weights(&self, filter: usize, count: usize, widened: &mut [[u32; BLOCK]]) -> Result<(), ShapeMismatch> {
        let ConvArguments { window, input_shape, .. } = *self.arguments;
        let depth = usize::from(input_shape.channels);
        let pairing = Pairing::of(depth);
        let length = window.taps() as usize * depth;
        widened.fill([0; BLOCK]);
        for lane in 0..count {
            let mut taps = span(self.weights, (filter + lane) * length, length)?.chunks_exact(depth.max(1));
            for ky in 0..usize::from(window.kernel_height) {
                for kx in 0..usize::from(window.kernel_width) {
                    let first = kx * self.layout.column + ky * depth;
                    let weights = taps.next().ok_or(ShapeMismatch)?;
                    if pairing == Pairing::Fours {
                        let to = widened.get_mut(first / 2..).ok_or(ShapeMismatch)?.as_chunks_mut().0;
                        for ([even, odd], [a, b, c, d]) in to.iter_mut().zip(weights.as_chunks().0) {
                            even[lane] = weight_pair(*a, *c);
                            odd[lane] = weight_pair(*b, *d);
                        }
                        continue;
                    }
                    for (index, &weight) in (first..).zip(weights) {
                        let (word, half) = pairing.place(index);
                        let to = &mut widened.get_mut(word).ok_or(ShapeMismatch)?[lane];
                        *to = to.wrapping_add(match half {
                            Half::Lower => weight_pair(weight, 0),
                            Half::Upper => weight_pair(0, weight),
                        });
                    }
                }
            }
        }
        Ok(())
    }

    /// Turns the stripe of the output row before into that of row `y`, for an input of one channel: all rows of the input move
    /// up by one, and the last is filled.
    fn move_on(&self, y: usize, stripe: &mut [u32], blank: i8) -> Result<(), ShapeMismatch> {
        let Columns { blank: before, count, .. } = self.columns;
        move_up(stripe);
        let last = usize::from(self.arguments.window.kernel_height).saturating_sub(1);
        // The end of each column now holds the beginning of the next column.
        for column in (0..before).chain(before + count..self.layout.columns) {
            put(stripe, Pairing::Twos, column * self.layout.column + last, blank)?;
        }
        self.fill_row(y, last, stripe, blank)
    }

    /// Copies row `ky` of the input that the windows of output row `y` see. The rows of a window come in their order, or the
    /// last alone.
    fn fill_row(&self, y: usize, ky: usize, stripe: &mut [u32], blank: i8) -> Result<(), ShapeMismatch> {
        let depth = usize::from(self.arguments.input_shape.channels);
        let column = self.layout.column;
        let Columns { blank: before, count, .. } = self.columns;
        let first = before * column + ky * depth;
        let Some(values) = self.input_row(y, ky)? else {
            let starts = (first..).step_by(column.max(1)).take(count);
            return starts
                .flat_map(|start| start..start + depth)
                .try_for_each(|at| put(stripe, Pairing::of(depth), at, blank));
        };
        if Pairing::of(depth) == Pairing::Fours {
            let to = stripe.get_mut(first / 2..).ok_or(ShapeMismatch)?;
            return copy_fours(values, depth, to, column / 2);
        }
        if depth.is_multiple_of(2) {
            let to = stripe.get_mut(first / 2..).ok_or(ShapeMismatch)?.chunks_mut((column / 2).max(1));
            for (to, pixel) in to.zip(values.chunks_exact(depth.max(1))) {
                for (to, [lower, upper]) in to.iter_mut().zip(pixel.as_chunks().0) {
                    *to = pair(*lower, *upper);
                }
            }
            return Ok(());
        }
        for (start, pixel) in (first..).step_by(column.max(1)).zip(values.chunks_exact(depth.max(1))) {
            (start..).zip(pixel).try_for_each(|(at, &value)| put(stripe, Pairing::Twos, at, value))?;
        }
        Ok(())
    }
}

/// Makes `value` the value `at` of the stripe; one for a lower half takes the upper half's value away.
fn put(stripe: &mut [u32], pairing: Pairing, at: usize, value: i8) -> Result<(), ShapeMismatch> {
    let (word, half) = pairing.place(at);
    let word = stripe.get_mut(word).ok_or(ShapeMismatch)?;
    *word = match half {
        Half::Lower => pair(value, 0),
        Half::Upper => pair(unpair(*word).0, value),
    };
    Ok(())
}

/// Moves every value to the place of the one before it, by twos; the last gets zero.
fn move_up(words: &mut [u32]) {
    let mut next = 0;
    for word in words.iter_mut().rev() {
        let ((lower, upper), behind) = (unpair(*word), next);
        next = lower;
        *word = pair(upper, behind);
    }
}

/// Copies a row of pixels of `depth` values, a multiple of four, every pixel `column` words behind the one before.
fn copy_fours(values: &[i8], depth: usize, to: &mut [u32], column: usize) -> Result<(), ShapeMismatch> {
    let pixels = to.chunks_mut(column.max(1));
    // Words where they lie at their multiples.
    if let Ok(values) = bytemuck::try_cast_slice::<_, u32>(values) {
        for (to, pixel) in pixels.zip(values.chunks_exact((depth / 4).max(1))) {
            for (to, word) in to.as_chunks_mut().0.iter_mut().zip(pixel) {
                *to = pairs_of_four(*word);
            }
        }
        return Ok(());
    }
    for (to, pixel) in pixels.zip(values.chunks_exact(depth.max(1))) {
        for (to, [a, b, c, d]) in to.as_chunks_mut().0.iter_mut().zip(pixel.as_chunks().0) {
            *to = [pair(*a, *c), pair(*b, *d)];
        }
    }
    Ok(())
}
