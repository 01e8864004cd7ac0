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
        stripe::{Convolution, Layout},
    },
    avx2,
    requantize::{LANES, Requantizer},
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

/// Words of scratch that a convolution takes.
pub const fn conv2d_words(window: &Window, input: Shape, output: Shape) -> usize {
    let layout = layout(window, input, output);
    weight_words(&layout, output.channels as usize) + layout.values() / 2
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
    let (widened, stripe) = scratch.split_at_mut_checked(weight_words)?;
    let stripe = stripe.get_mut(..layout.values() / 2)?;
    let convolution = Convolution::new(arguments, region, layout, input, weights, channels);
    // SAFETY: the processor has AVX2.
    Some(convolution.and_then(|convolution| unsafe { convolution.run(output, widened.as_chunks_mut().0, stripe) }))
}

impl Convolution<'_> {
    #[target_feature(enable = "avx2")]
    fn run(&self, output: &mut [i8], widened: &mut [Pairs], stripe: &mut [i32]) -> Result<(), ShapeMismatch> {
        let pairs = self.layout.window / 2;
        self.widen_weights(widened)?;
        stripe.fill(0);
        for (y, row) in self.rows(output)? {
            self.fill(y, stripe)?;
            // Sixteen filters at a time while there are so many, and eight at the end.
            for (group, widened) in widened.chunks((2 * pairs).max(1)).enumerate() {
                let first = group * 2 * LANES;
                match widened.split_at_checked(pairs) {
                    Some((a, b)) if b.len() == pairs => self.convolve_row([a, b], first, stripe, row)?,
                    _ => self.convolve_row([widened], first, stripe, row)?,
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
        first: usize,
        stripe: &[i32],
        row: &mut [i8],
    ) -> Result<(), ShapeMismatch> {
        let ConvArguments { window, output_shape, output_offset, activation_min, activation_max, .. } = *self.arguments;
        let outputs = usize::from(output_shape.channels);
        let channels = |vector: usize| self.channels.get(first + vector * LANES..).unwrap_or(&[]);
        let mut requantizers = [Requantizer::new(&[], 0, 0, 0); VECTORS];
        for (vector, requantizer) in requantizers.iter_mut().enumerate() {
            *requantizer = Requantizer::new(channels(vector), output_offset, activation_min, activation_max);
        }
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
        widened.fill([0; LANES]);
        for (filter, weights) in self.weights.chunks_exact((rows * columns * depth).max(1)).enumerate() {
            let widened = widened.get_mut(filter / LANES * pairs..).ok_or(ShapeMismatch)?;
            let mut taps = weights.chunks_exact(depth.max(1));
            for ky in 0..rows {
                for kx in 0..columns {
                    let values = taps.next().ok_or(ShapeMismatch)?;
                    let start = kx * self.layout.column + ky * depth;
                    for (at, &value) in (start..).zip(values) {
                        let pairs = widened.get_mut(at / 2).ok_or(ShapeMismatch)?;
                        // The half of the word is still zero.
                        pairs[filter % LANES] |= (i32::from(value) & 0xffff) << (at % 2 * 16);
                    }
                }
            }
        }
        Ok(())
    }

    /// Widens the input that the windows of output row `y` see.
    #[target_feature(enable = "avx2")]
    fn fill(&self, y: usize, stripe: &mut [i32]) -> Result<(), ShapeMismatch> {
        let ConvArguments { window, input_shape, input_offset, .. } = *self.arguments;
        let depth = usize::from(input_shape.channels);
        let values: &mut [i16] = bytemuck::cast_slice_mut(stripe);
        for ky in 0..usize::from(window.kernel_height) {
            let to = values.get_mut(self.columns.blank * self.layout.column + ky * depth..).ok_or(ShapeMismatch)?;
            let columns = to.chunks_mut(self.layout.column.max(1)).take(self.columns.count);
            let Some(pixels) = self.input_row(y, ky)? else {
                columns.for_each(|column| column.iter_mut().take(depth).for_each(|value| *value = 0));
                continue;
            };
            if depth == 1 {
                for (to, &pixel) in to.iter_mut().step_by(self.layout.column).zip(pixels) {
                    *to = i16::from(pixel).wrapping_add(input_offset as i16);
                }
                continue;
            }
            let pixels = pixels.chunks_exact(depth.max(1));
            columns.zip(pixels).for_each(|(to, from)| widen_pixel(from, input_offset as i16, to));
        }
        Ok(())
    }
}

/// Widens the channels of a pixel and adds the offset.
#[target_feature(enable = "avx2")]
#[inline]
fn widen_pixel(from: &[i8], offset: i16, to: &mut [i16]) {
    let offsets = _mm256_set1_epi16(offset);
    let (from, from_rest) = from.as_chunks::<16>();
    let (to, to_rest) = to.split_at_mut(from.len() * 16);
    for (to, from) in to.as_chunks_mut::<16>().0.iter_mut().zip(from) {
        *to = cast(_mm256_add_epi16(widen(from), offsets));
    }
    for (to, &from) in to_rest.iter_mut().zip(from_rest) {
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
