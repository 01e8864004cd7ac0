//! Convolution, also 1x1.

use core::arch::x86_64::*;

use bytemuck::cast;
use shared::{
    quantization::ChannelParameters,
    shape::{Shape, Window},
};

use super::{
    super::{
        ConvArguments, Region, ShapeMismatch, span,
        stripe::{Columns, Convolution, Layout},
    },
    avx2,
    requantize::{LANES, Requantizer, Words, words},
    widen,
};

/// Pixels of a tile. With two vectors of filters there are twelve sums, two weights and an activation: all but one of the
/// registers.
const PIXELS: usize = 6;

/// Two values of eight filters each, as they are stored in the scratch: `[filter][value]` in 16 bits.
type Pairs = [i32; LANES];

const fn layout(window: &Window, input: Shape, output: Shape) -> Layout {
    Layout::new(window, input, output, 2, 2)
}

/// Words of the widened weights: for every eight filters their windows, value by value.
const fn weight_words(layout: &Layout, filters: usize) -> usize {
    filters.div_ceil(LANES) * LANES * layout.window / 2
}

/// Words of what requantizes the filters' sums.
const fn requantizer_words(filters: usize) -> usize {
    filters.div_ceil(LANES) * size_of::<Words>() / 4
}

/// Words of scratch that a convolution takes.
pub const fn conv2d_words(window: &Window, input: Shape, output: Shape) -> usize {
    let layout = layout(window, input, output);
    let filters = output.channels as usize;
    requantizer_words(filters) + weight_words(&layout, filters) + layout.values() / 2
}

/// [`conv2d_region`](crate::kernels::conv2d_region), or `None` if the processor has no AVX2 or the scratch is too small.
pub fn conv2d(
    arguments: &ConvArguments,
    region: Region,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
    scratch: &mut [i32],
) -> Option<Result<(), ShapeMismatch>> {
    if !avx2::get() {
        return None;
    }
    let ConvArguments { window, input_shape, output_shape, .. } = *arguments;
    let layout = layout(&window, input_shape, Shape { width: region.width, ..output_shape });
    let weight_words = weight_words(&layout, output_shape.channels.into());
    let (requantizers, scratch) = scratch.split_at_mut_checked(requantizer_words(output_shape.channels.into()))?;
    let (widened, stripe) = scratch.split_at_mut_checked(weight_words)?;
    let stripe = stripe.get_mut(..layout.values() / 2)?;
    let convolution = Convolution::new(arguments, region, layout, input, weights, channels);
    let prepared =
        Prepared { requantizers: bytemuck::cast_slice_mut(requantizers), weights: widened.as_chunks_mut().0 };
    // SAFETY: the processor has AVX2.
    Some(convolution.and_then(|convolution| unsafe { convolution.run(output, prepared, stripe) }))
}

/// What is made of weights and channel parameters first, for eight filters at a time.
struct Prepared<'a> {
    requantizers: &'a mut [Words],
    weights: &'a mut [Pairs],
}

impl Convolution<'_> {
    #[target_feature(enable = "avx2")]
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
            if next == Some(y) && self.arguments.window.stride_height == 1 {
                self.move_on(y, stripe)?;
            } else {
                self.fill(y, stripe)?;
            }
            next = Some(y + 1);
            // Sixteen filters at a time while there are so many, and eight at the end.
            let groups = requantizers.chunks(2).zip(widened.chunks((2 * pairs).max(1)));
            for (first, (requantizers, widened)) in (0..).step_by(2 * LANES).zip(groups) {
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
    #[target_feature(enable = "avx2")]
    fn convolve_row<const VECTORS: usize>(
        &self,
        weights: [&[Pairs]; VECTORS],
        requantizers: [&Words; VECTORS],
        first: usize,
        stripe: &[i32],
        row: &mut [i8],
    ) -> Result<(), ShapeMismatch> {
        let ConvArguments { window, output_shape, output_offset, activation_min, activation_max, .. } = *self.arguments;
        let outputs = usize::from(output_shape.channels);
        let requantizers =
            requantizers.map(|words| Requantizer::new(words, output_offset, activation_min, activation_max));
        let (step, pairs) = (usize::from(window.stride_width) * self.layout.column / 2, self.layout.window / 2);
        let mut store = |x: usize, sums: [__m256i; VECTORS]| -> Result<(), ShapeMismatch> {
            for (vector, (sums, requantizer)) in sums.into_iter().zip(&requantizers).enumerate() {
                let values = requantizer.apply(sums);
                let pixel = row.get_mut(x * outputs..(x + 1) * outputs).ok_or(ShapeMismatch)?;
                let pixel = pixel.get_mut(first + vector * LANES..).ok_or(ShapeMismatch)?;
                match pixel.first_chunk_mut() {
                    Some(pixel) => *pixel = values,
                    None => pixel.iter_mut().zip(values).for_each(|(to, value)| *to = value),
                }
            }
            Ok(())
        };
        let width = usize::from(self.region.width);
        if width < PIXELS {
            for x in 0..width {
                let [sums] = tile([span(stripe, x * step, pairs)?], weights);
                store(x, sums)?;
            }
            return Ok(());
        }
        for x in (0..width).step_by(PIXELS) {
            // The last tile begins early enough to be whole.
            let x = x.min(width - PIXELS);
            let mut windows: [&[i32]; PIXELS] = [&[]; PIXELS];
            for (pixel, window) in windows.iter_mut().enumerate() {
                *window = span(stripe, (x + pixel) * step, pairs)?;
            }
            for (pixel, sums) in tile(windows, weights).into_iter().enumerate() {
                store(x + pixel, sums)?;
            }
        }
        Ok(())
    }

    /// Widens the weights to `[filters / 8][window / 2][8][2]`, in the order of the stripe.
    fn widen_weights(&self, widened: &mut [Pairs]) -> Result<(), ShapeMismatch> {
        let ConvArguments { window, input_shape, .. } = *self.arguments;
        let depth = usize::from(input_shape.channels);
        let (rows, columns) = (usize::from(window.kernel_height), usize::from(window.kernel_width));
        let pairs = self.layout.window / 2;
        // Padding between columns and missing filters stay zero.
        widened.fill([0; LANES]);
        for (filter, weights) in self.weights.chunks_exact((rows * columns * depth).max(1)).enumerate() {
            let widened = widened
                .get_mut(filter / LANES * pairs..)
                .and_then(|rest| rest.get_mut(..pairs))
                .ok_or(ShapeMismatch)?;
            let lane = filter % LANES;
            if depth.is_multiple_of(2) {
                let mut taps = weights.chunks_exact(depth.max(1));
                for ky in 0..rows {
                    for (kx, values) in taps.by_ref().take(columns).enumerate() {
                        let start = (kx * self.layout.column + ky * depth) / 2;
                        let to = widened.get_mut(start..).ok_or(ShapeMismatch)?;
                        for (to, [a, b]) in to.iter_mut().zip(values.as_chunks::<2>().0) {
                            to[lane] = i32::from(*a) & 0xffff | i32::from(*b) << 16;
                        }
                    }
                }
                continue;
            }
            let halves: &mut [i16] = bytemuck::cast_slice_mut(widened);
            // Value `at` of a window lies at twice this, for even `at`; columns are of an even number of values.
            let place = |at: usize| (at / 2 * LANES + lane) * 2 + at % 2;
            for (ky, weights) in weights.chunks_exact((columns * depth).max(1)).enumerate() {
                if depth == 1 {
                    let halves = halves.get_mut(place(ky)..).ok_or(ShapeMismatch)?;
                    let halves = halves.iter_mut().step_by(self.layout.column.max(1) * LANES);
                    halves.zip(weights).for_each(|(half, &value)| *half = value.into());
                    continue;
                }
                for (kx, values) in weights.chunks_exact(depth.max(1)).enumerate() {
                    let start = kx * self.layout.column + ky * depth;
                    for (at, &value) in (start..).zip(values) {
                        *halves.get_mut(place(at)).ok_or(ShapeMismatch)? = value.into();
                    }
                }
            }
        }
        Ok(())
    }

    /// Widens the input that the windows of output row `y` see.
    #[target_feature(enable = "avx2")]
    fn fill(&self, y: usize, stripe: &mut [i32]) -> Result<(), ShapeMismatch> {
        let stripe = bytemuck::cast_slice_mut(stripe);
        (0..usize::from(self.arguments.window.kernel_height)).try_for_each(|ky| self.fill_row(y, ky, stripe))
    }

    /// Makes the windows' input of output row `y` of that of the row before: all rows of the input move up by one, and the
    /// last is new.
    #[target_feature(enable = "avx2")]
    fn move_on(&self, y: usize, stripe: &mut [i32]) -> Result<(), ShapeMismatch> {
        let ConvArguments { window, input_shape, .. } = *self.arguments;
        let (depth, stripe) = (usize::from(input_shape.channels), bytemuck::cast_slice_mut(stripe));
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
    #[target_feature(enable = "avx2")]
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
        columns.zip(pixels.chunks_exact(depth.max(1))).for_each(|(to, from)| widen_pixel(from, offset, to));
        Ok(())
    }
}

/// Widens the channels of a pixel and adds the offset.
#[target_feature(enable = "avx2")]
#[inline]
fn widen_pixel(from: &[i8], offset: i16, to: &mut [i16]) {
    let (from, rest) = from.as_chunks::<16>();
    let (to, to_rest) = to.split_at_mut(from.len() * 16);
    for (to, from) in to.as_chunks_mut::<16>().0.iter_mut().zip(from) {
        *to = cast(_mm256_add_epi16(widen(from), _mm256_set1_epi16(offset)));
    }
    let (from, rest) = rest.as_chunks::<8>();
    let (to, to_rest) = to_rest.split_at_mut(from.len() * 8);
    for (to, from) in to.as_chunks_mut::<8>().0.iter_mut().zip(from) {
        *to = cast(_mm_add_epi16(_mm_cvtepi8_epi16(_mm_cvtsi64_si128(cast(*from))), _mm_set1_epi16(offset)));
    }
    for (to, &from) in to_rest.iter_mut().zip(rest) {
        *to = i16::from(from).wrapping_add(offset);
    }
}

/// The sums of `PIXELS` windows with `VECTORS` times eight filters; all slices are of one length.
#[target_feature(enable = "avx2")]
#[inline]
fn tile<const PIXELS: usize, const VECTORS: usize>(
    windows: [&[i32]; PIXELS],
    weights: [&[Pairs]; VECTORS],
) -> [[__m256i; VECTORS]; PIXELS] {
    let length = windows.iter().map(|window| window.len()).chain(weights.iter().map(|w| w.len())).min().unwrap_or(0);
    let (windows, weights) = (windows.map(|window| &window[..length]), weights.map(|weights| &weights[..length]));
    let mut sums = [[_mm256_setzero_si256(); VECTORS]; PIXELS];
    for at in 0..length {
        let weights = weights.map(|weights| cast::<_, __m256i>(weights[at]));
        for (sums, window) in sums.iter_mut().zip(&windows) {
            let pair = _mm256_set1_epi32(window[at]);
            for (sum, weights) in sums.iter_mut().zip(weights) {
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(pair, weights));
            }
        }
    }
    sums
}
