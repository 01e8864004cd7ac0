//! Convolution, also 1x1.
//!
//! ```text
//! mod.rs      rows of tiles, a few pixels x eight or sixteen filters at a time
//! weights.rs  weights as the multiplication reads them
//! stripe.rs   the part of the input that a row of windows sees, widened
//! ```

mod stripe;
mod weights;

use shared::{
    quantization::ChannelParameters,
    shape::{Shape, Window},
};

use super::{
    super::{
        ConvArguments, Region, ShapeMismatch, span,
        stripe::{Convolution, Layout},
    },
    LANES,
    tile::{Pairs, tile},
    vector::{self, FILTERS, PIXELS, Words, words},
    winograd,
    writer::Writer,
};

/// Words of a line of the cache, at which the scratch begins: vectors that lie in two lines are slow to load.
const LINE_WORDS: usize = 16;

const fn layout(window: &Window, input: Shape, output: Shape) -> Layout {
    Layout::new(window, input, output, 2, 2)
}

/// Words of the widened weights: for every eight filters their windows, value by value.
const fn weight_words(layout: &Layout, filters: usize) -> usize {
    filters.div_ceil(LANES) * LANES * layout.window / 2
}

/// Words of the parameters that requantize the filters' sums.
const fn requantizer_words(filters: usize) -> usize {
    filters.div_ceil(LANES) * size_of::<Words>() / 4
}

/// Words of scratch that a convolution takes.
pub const fn conv2d_words(window: &Window, input: Shape, output: Shape) -> usize {
    if winograd::fits(window, input, output) {
        return LINE_WORDS + winograd::words_of(input, output);
    }
    let layout = layout(window, input, output);
    let filters = output.channels as usize;
    LINE_WORDS + requantizer_words(filters) + weight_words(&layout, filters) + layout.values() / 2
}

/// [`conv2d_region`](crate::kernels::conv2d_region), or `None` if the processor has no such vectors or the scratch is too small.
pub fn conv2d(
    arguments: &ConvArguments,
    region: Region,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
    scratch: &mut [i32],
) -> Option<Result<(), ShapeMismatch>> {
    if !vector::exists() {
        return None;
    }
    let scratch = scratch.get_mut(scratch.as_ptr().align_offset(LINE_WORDS * 4).min(LINE_WORDS)..)?;
    let ConvArguments { window, input_shape, output_shape, .. } = *arguments;
    let layout = layout(&window, input_shape, Shape { width: region.width, ..output_shape });
    if winograd::fits(&window, input_shape, Shape { height: region.height, width: region.width, ..output_shape }) {
        let scratch = scratch.get_mut(..winograd::words_of(input_shape, output_shape))?;
        let convolution = Convolution::new(arguments, region, layout, input, weights, channels);
        #[allow(unused_unsafe, reason = "needed on x86-64")]
        // SAFETY: the processor has these vectors.
        return Some(convolution.and_then(|convolution| unsafe { convolution.run_winograd(output, scratch) }));
    }
    let weight_words = weight_words(&layout, output_shape.channels.into());
    let (requantizers, scratch) = scratch.split_at_mut_checked(requantizer_words(output_shape.channels.into()))?;
    let (widened, stripe) = scratch.split_at_mut_checked(weight_words)?;
    let stripe = stripe.get_mut(..layout.values() / 2)?;
    let convolution = Convolution::new(arguments, region, layout, input, weights, channels);
    let prepared =
        Prepared { requantizers: bytemuck::cast_slice_mut(requantizers), weights: widened.as_chunks_mut().0 };
    #[allow(unused_unsafe, reason = "needed on x86-64")]
    // SAFETY: the processor has these vectors.
    Some(convolution.and_then(|convolution| unsafe { convolution.run(output, prepared, stripe) }))
}

/// Weights and channel parameters, prepared for eight filters at a time.
struct Prepared<'a> {
    requantizers: &'a mut [Words],
    weights: &'a mut [Pairs],
}

impl Convolution<'_> {
    #[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
    fn run(&self, output: &mut [i8], prepared: Prepared<'_>, stripe: &mut [i32]) -> Result<(), ShapeMismatch> {
        let Prepared { requantizers, weights: widened } = prepared;
        let pairs = self.layout.window / 2;
        self.widen_weights(widened)?;
        for (to, channels) in requantizers.iter_mut().zip(self.channels.chunks(LANES)) {
            *to = words(channels);
        }
        stripe.fill(0);
        let mut next = None;
        for (y, row) in self.rows(output)? {
            if next == Some(y) && self.moves() {
                self.move_on(y, stripe)?;
            } else {
                self.fill(y, stripe)?;
            }
            next = Some(y + 1);
            // As many filters as a tile has at a time while there are so many; of sixteen, eight at the end.
            let groups = requantizers.chunks(FILTERS).zip(widened.chunks((FILTERS * pairs).max(1)));
            for (first, (requantizers, widened)) in (0..).step_by(FILTERS * LANES).zip(groups) {
                match (requantizers, widened.split_at_checked(pairs)) {
                    ([c, d], Some((a, b))) => self.convolve_row([a, b], [c, d], first, stripe, row)?,
                    ([c], _) => self.convolve_row([widened], [c], first, stripe, row)?,
                    _ => return Err(ShapeMismatch),
                }
            }
        }
        Ok(())
    }

    /// One row of output pixels for `VECTORS` times eight filters from `first` on.
    #[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
    fn convolve_row<const VECTORS: usize>(
        &self,
        weights: [&[Pairs]; VECTORS],
        requantizers: [&Words; VECTORS],
        first: usize,
        stripe: &[i32],
        row: &mut [i8],
    ) -> Result<(), ShapeMismatch> {
        let ConvArguments { window, output_shape, .. } = *self.arguments;
        let outputs = usize::from(output_shape.channels);
        let (step, pairs) = (usize::from(window.stride_width) * self.layout.column / 2, self.layout.window / 2);
        let writer = Writer::new(self.arguments, requantizers, outputs.saturating_sub(first));
        let mut runs = [&[][..]; VECTORS];
        for (run, weights) in runs.iter_mut().zip(weights) {
            *run = weights.get(..pairs).ok_or(ShapeMismatch)?;
        }
        let width = usize::from(self.region.width);
        // The margins of folded convolutions are two or so pixels wide.
        let count = [PIXELS, 4, 2].into_iter().find(|&count| count <= width).unwrap_or(1);
        for x in (0..width).step_by(count) {
            // The last tile begins early enough to be whole.
            let x = x.min(width - count);
            let windows = span(stripe, x * step, (count - 1) * step + pairs)?;
            let mut sums = [[vector::zero(); VECTORS]; PIXELS];
            match count {
                _ if count == PIXELS => sums = tile(windows, step, runs),
                4 => [sums[0], sums[1], sums[2], sums[3]] = tile(windows, step, runs),
                2 => [sums[0], sums[1]] = tile(windows, step, runs),
                _ => [sums[0]] = tile(windows, step, runs),
            }
            for (x, sums) in (x..).zip(sums).take(count) {
                writer.write(sums, row.get_mut(x * outputs + first..).ok_or(ShapeMismatch)?);
            }
        }
        Ok(())
    }
}
