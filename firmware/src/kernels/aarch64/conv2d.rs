//! Convolution, also 1x1.

use core::arch::aarch64::*;

use shared::{
    quantization::ChannelParameters,
    shape::{Shape, Window},
};

use super::{
    super::{
        ConvArguments, Region, ShapeMismatch, span,
        stripe::{Columns, Convolution, Layout},
    },
    load,
    requantize::{LANES, Words, requantize, words},
};

/// Pixels of a tile: eight sums, four activations, a weight.
const PIXELS: usize = 4;

/// Values of a window that are multiplied at a time.
const CHUNK: usize = 8;

/// A value of eight filters.
type Eight = [i16; LANES];

/// Windows in whole chunks, the last of which may reach into the next column, to meet weights of zero.
const fn layout(window: &Window, input: Shape, output: Shape) -> Layout {
    Layout::new(window, input, output, 1, CHUNK)
}

/// Words of the widened weights: for every eight filters their windows, value by value.
const fn weight_words(layout: &Layout, filters: usize) -> usize {
    filters.div_ceil(LANES) * LANES * layout.window / 2
}

/// Words of what requantizes the filters' sums.
const fn requantizer_words(filters: usize) -> usize {
    filters.div_ceil(LANES) * size_of::<Words>() / 4
}

const fn stripe_words(layout: &Layout) -> usize {
    layout.values().div_ceil(2)
}

/// Words of scratch that a convolution takes.
pub const fn conv2d_words(window: &Window, input: Shape, output: Shape) -> usize {
    let layout = layout(window, input, output);
    let filters = output.channels as usize;
    requantizer_words(filters) + weight_words(&layout, filters) + stripe_words(&layout)
}

/// [`conv2d_region`](crate::kernels::conv2d_region), or `None` if the scratch is too small.
pub fn conv2d(
    arguments: &ConvArguments,
    region: Region,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
    scratch: &mut [i32],
) -> Option<Result<(), ShapeMismatch>> {
    let ConvArguments { window, input_shape, output_shape, .. } = *arguments;
    let layout = layout(&window, input_shape, Shape { width: region.width, ..output_shape });
    let filters = output_shape.channels.into();
    let (requantizers, scratch) = scratch.split_at_mut_checked(requantizer_words(filters))?;
    let (widened, stripe) = scratch.split_at_mut_checked(weight_words(&layout, filters))?;
    let stripe = stripe.get_mut(..stripe_words(&layout))?;
    let convolution = Convolution::new(arguments, region, layout, input, weights, channels);
    let prepared = Prepared {
        requantizers: bytemuck::cast_slice_mut(requantizers),
        weights: bytemuck::cast_slice_mut::<_, i16>(widened).as_chunks_mut().0,
    };
    Some(convolution.and_then(|convolution| convolution.run(output, prepared, bytemuck::cast_slice_mut(stripe))))
}

/// What is made of weights and channel parameters first, for eight filters at a time.
struct Prepared<'a> {
    requantizers: &'a mut [Words],
    weights: &'a mut [Eight],
}

impl Convolution<'_> {
    fn run(&self, output: &mut [i8], prepared: Prepared<'_>, stripe: &mut [i16]) -> Result<(), ShapeMismatch> {
        let Prepared { requantizers, weights: widened } = prepared;
        self.widen_weights(widened)?;
        for (to, channels) in requantizers.iter_mut().zip(self.channels.chunks(LANES)) {
            *to = words(channels);
        }
        stripe.fill(0);
        let mut next = None;
        for (y, row) in self.rows(output)? {
            if next == Some(y) && self.arguments.window.stride_height == 1 {
                self.move_on(y, stripe)?;
            } else {
                let rows = 0..usize::from(self.arguments.window.kernel_height);
                rows.into_iter().try_for_each(|ky| self.fill_row(y, ky, stripe))?;
            }
            next = Some(y + 1);
            let groups = requantizers.iter().zip(widened.chunks(self.layout.window.max(1)));
            for (first, (words, weights)) in (0..).step_by(LANES).zip(groups) {
                self.convolve_row(weights, words, first, stripe, row)?;
            }
        }
        Ok(())
    }

    /// One row of output pixels for eight filters from `first` on.
    fn convolve_row(
        &self,
        weights: &[Eight],
        words: &Words,
        first: usize,
        stripe: &[i16],
        row: &mut [i8],
    ) -> Result<(), ShapeMismatch> {
        let ConvArguments { window, output_shape, output_offset, activation_min, activation_max, .. } = *self.arguments;
        let outputs = usize::from(output_shape.channels);
        let (step, length) = (usize::from(window.stride_width) * self.layout.column, self.layout.window);
        let mut store = |x: usize, sums: [int32x4_t; 2]| -> Result<(), ShapeMismatch> {
            let values = requantize(sums, words, output_offset, [activation_min, activation_max]);
            let pixel = row.get_mut(x * outputs + first..(x + 1) * outputs).ok_or(ShapeMismatch)?;
            match pixel.first_chunk_mut() {
                Some(pixel) => *pixel = values,
                None => pixel.iter_mut().zip(values).for_each(|(to, value)| *to = value),
            }
            Ok(())
        };
        let width = usize::from(self.region.width);
        let window_at = |x: usize| span(stripe, x * step, length);
        if width < PIXELS {
            for x in 0..width {
                let [sums] = tile([window_at(x)?], weights);
                store(x, sums)?;
            }
            return Ok(());
        }
        for x in (0..width).step_by(PIXELS) {
            // The last tile begins early enough to be whole.
            let x = x.min(width - PIXELS);
            let windows = [window_at(x)?, window_at(x + 1)?, window_at(x + 2)?, window_at(x + 3)?];
            for (pixel, sums) in tile(windows, weights).into_iter().enumerate() {
                store(x + pixel, sums)?;
            }
        }
        Ok(())
    }

    /// Widens the weights to `[filters / 8][window][8]`, in the order of the stripe.
    fn widen_weights(&self, widened: &mut [Eight]) -> Result<(), ShapeMismatch> {
        let ConvArguments { window, input_shape, .. } = *self.arguments;
        let depth = usize::from(input_shape.channels);
        let columns = usize::from(window.kernel_width);
        let filter_length = window.taps() as usize * depth;
        // The ends of windows and missing filters stay zero.
        widened.fill([0; LANES]);
        for (filter, weights) in self.weights.chunks_exact(filter_length.max(1)).enumerate() {
            let start = filter / LANES * self.layout.window;
            let widened = span_mut(widened, start, self.layout.window)?;
            let lane = filter % LANES;
            for (ky, weights) in weights.chunks_exact((columns * depth).max(1)).enumerate() {
                for (kx, values) in weights.chunks_exact(depth.max(1)).enumerate() {
                    let to = widened.get_mut(kx * self.layout.column + ky * depth..).ok_or(ShapeMismatch)?;
                    to.iter_mut().zip(values).for_each(|(to, &value)| to[lane] = value.into());
                }
            }
        }
        Ok(())
    }

    /// Makes the windows' input of output row `y` of that of the row before: all rows of the input move up by one, and the
    /// last is new.
    fn move_on(&self, y: usize, stripe: &mut [i16]) -> Result<(), ShapeMismatch> {
        let ConvArguments { window, input_shape, .. } = *self.arguments;
        let depth = usize::from(input_shape.channels);
        if depth > stripe.len() {
            return Err(ShapeMismatch);
        }
        stripe.copy_within(depth.., 0);
        // What has come to the end of each column from the next one's beginning.
        let last = usize::from(window.kernel_height).saturating_sub(1);
        let Columns { blank, count, .. } = self.columns;
        let columns = stripe.chunks_exact_mut(self.layout.column.max(1)).enumerate();
        for (_, column) in columns.filter(|(index, _)| !(blank..blank + count).contains(index)) {
            column.get_mut(last * depth..).ok_or(ShapeMismatch)?.fill(0);
        }
        self.fill_row(y, last, stripe)
    }

    /// Widens row `ky` of the input that the windows of output row `y` see.
    fn fill_row(&self, y: usize, ky: usize, stripe: &mut [i16]) -> Result<(), ShapeMismatch> {
        let ConvArguments { input_shape, input_offset, .. } = *self.arguments;
        let (depth, offset) = (usize::from(input_shape.channels), input_offset as i16);
        let to = stripe.get_mut(self.columns.blank * self.layout.column + ky * depth..).ok_or(ShapeMismatch)?;
        let columns = to.chunks_mut(self.layout.column.max(1)).take(self.columns.count);
        let Some(pixels) = self.input_row(y, ky)? else {
            columns.for_each(|column| column.iter_mut().take(depth).for_each(|value| *value = 0));
            return Ok(());
        };
        if depth == 1 {
            let to = to.iter_mut().step_by(self.layout.column.max(1));
            to.zip(pixels).for_each(|(to, &pixel)| *to = i16::from(pixel).wrapping_add(offset));
            return Ok(());
        }
        for (to, from) in columns.zip(pixels.chunks_exact(depth.max(1))) {
            to.iter_mut().zip(from).for_each(|(to, &from)| *to = i16::from(from).wrapping_add(offset));
        }
        Ok(())
    }
}

fn span_mut<T>(values: &mut [T], start: usize, length: usize) -> Result<&mut [T], ShapeMismatch> {
    values.get_mut(start..).and_then(|rest| rest.get_mut(..length)).ok_or(ShapeMismatch)
}

/// The sums of `PIXELS` windows with eight filters; all slices are of one length, a multiple of [`CHUNK`].
#[inline(always)]
fn tile<const PIXELS: usize>(windows: [&[i16]; PIXELS], weights: &[Eight]) -> [[int32x4_t; 2]; PIXELS] {
    // SAFETY: every AArch64 target that this is compiled for has NEON.
    unsafe {
        let mut sums = [[vdupq_n_s32(0); 2]; PIXELS];
        let windows = windows.map(|window| window.as_chunks::<CHUNK>().0);
        let weights = weights.as_chunks::<CHUNK>().0;
        let chunks = windows.iter().map(|window| window.len()).min().unwrap_or(0).min(weights.len());
        let (windows, weights) = (windows.map(|window| &window[..chunks]), &weights[..chunks]);
        for (at, weights) in weights.iter().enumerate() {
            let activations = windows.map(|window| load(&window[at]));
            macro_rules! multiply {
                ($($lane:literal)*) => {
                    $(
                        let weight = load(&weights[$lane]);
                        for (sums, activations) in sums.iter_mut().zip(&activations) {
                            sums[0] = vmlal_laneq_s16::<$lane>(sums[0], vget_low_s16(weight), *activations);
                            sums[1] = vmlal_high_laneq_s16::<$lane>(sums[1], weight, *activations);
                        }
                    )*
                };
            }
            multiply!(0 1 2 3 4 5 6 7);
        }
        sums
    }
}
