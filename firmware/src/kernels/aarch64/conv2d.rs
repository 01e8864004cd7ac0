//! Convolution, also 1x1.

use core::arch::aarch64::int32x4_t;

use bytemuck::Pod;
use shared::{
    quantization::ChannelParameters,
    shape::{Shape, Window},
};

use super::{
    super::{
        ConvArguments, Region, ShapeMismatch, span,
        stripe::{Convolution, Layout},
    },
    has_dotprod,
    requantize::{LANES, Words, requantize, words},
};

/// The type of the factors: 16-bit activations with their offset added, or activations as they are.
pub(super) trait Value: Pod {
    /// Values of a window that are multiplied at a time.
    const CHUNK: usize;

    /// What stands for an activation in the stripe.
    fn activation(value: i8, input_offset: i32) -> Self;

    /// Puts a filter's weights of successive values of the window, from number `first` on, to where they belong among those
    /// of eight filters.
    ///
    /// # Errors
    /// [`ShapeMismatch`] if they do not fit.
    fn place_weights(values: &[i8], first: usize, filter: usize, to: &mut [Self]) -> Result<(), ShapeMismatch>;

    /// What must be added to the sums of products with `weights`, those of a filter.
    fn correction(weights: &[i8], input_offset: i32) -> i32;

    /// The sums of `PIXELS` windows with eight filters; the slices are of a multiple of [`CHUNK`](Self::CHUNK) values, the
    /// weights of eight times as many.
    ///
    /// # Safety
    /// The processor has the instructions of this type: for `i8` the dot-product extension, for `i16` NEON alone.
    unsafe fn tile<const PIXELS: usize>(windows: [&[Self]; PIXELS], weights: &[Self]) -> [[int32x4_t; 2]; PIXELS];
}

/// Windows in whole chunks, the last of which may reach into the next column, to meet weights of zero.
const fn layout(window: &Window, input: Shape, output: Shape, chunk: usize) -> Layout {
    Layout::new(window, input, output, 1, chunk)
}

/// Words of the rearranged weights: for every eight filters their windows.
const fn weight_words(layout: &Layout, filters: usize, bytes: usize) -> usize {
    (filters.next_multiple_of(LANES) * layout.window * bytes).div_ceil(4)
}

/// Words of the parameters that requantize the filters' sums.
const fn requantizer_words(filters: usize) -> usize {
    filters.div_ceil(LANES) * size_of::<Words>() / 4
}

const fn stripe_words(layout: &Layout, bytes: usize) -> usize {
    (layout.values() * bytes).div_ceil(4)
}

/// Words of scratch that a convolution takes. Values of 16 bits take more than those of eight.
pub const fn conv2d_words(window: &Window, input: Shape, output: Shape) -> usize {
    let layout = layout(window, input, output, <i16 as Value>::CHUNK);
    let filters = output.channels as usize;
    requantizer_words(filters) + weight_words(&layout, filters, 2) + stripe_words(&layout, 2)
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
    let convolve = if has_dotprod() { convolve::<i8> } else { convolve::<i16> };
    // SAFETY: the processor has dot products where they are chosen, and NEON as every one that this is compiled for.
    unsafe { convolve(arguments, region, input, weights, channels, output, scratch) }
}

/// # Safety
/// See [`Value::tile`].
unsafe fn convolve<T: Value>(
    arguments: &ConvArguments,
    region: Region,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
    scratch: &mut [i32],
) -> Option<Result<(), ShapeMismatch>> {
    let ConvArguments { window, input_shape, output_shape, .. } = *arguments;
    let layout = layout(&window, input_shape, Shape { width: region.width, ..output_shape }, T::CHUNK);
    let filters = output_shape.channels.into();
    let (requantizers, scratch) = scratch.split_at_mut_checked(requantizer_words(filters))?;
    let (rearranged, stripe) = scratch.split_at_mut_checked(weight_words(&layout, filters, size_of::<T>()))?;
    let stripe = stripe.get_mut(..stripe_words(&layout, size_of::<T>()))?;
    let convolution = Convolution::new(arguments, region, layout, input, weights, channels);
    let prepared = Prepared {
        requantizers: bytemuck::cast_slice_mut(requantizers),
        weights: bytemuck::cast_slice_mut::<_, T>(rearranged),
    };
    let stripe = bytemuck::cast_slice_mut(stripe);
    // SAFETY: as the caller says.
    Some(convolution.and_then(|convolution| unsafe { convolution.run(output, prepared, stripe) }))
}

/// Weights and channel parameters, prepared for eight filters at a time.
struct Prepared<'a, T> {
    requantizers: &'a mut [Words],
    weights: &'a mut [T],
}

impl Convolution<'_> {
    /// # Safety
    /// See [`Value::tile`].
    unsafe fn run<T: Value>(
        &self,
        output: &mut [i8],
        prepared: Prepared<'_, T>,
        stripe: &mut [T],
    ) -> Result<(), ShapeMismatch> {
        let Prepared { requantizers, weights: rearranged } = prepared;
        self.rearrange_weights(rearranged)?;
        self.requantizers::<T>(requantizers);
        stripe.fill(self.blank());
        let mut next = None;
        for (y, row) in self.rows(output)? {
            if next == Some(y) && self.arguments.window.stride_height == 1 {
                self.move_on(y, stripe)?;
            } else {
                let rows = 0..usize::from(self.arguments.window.kernel_height);
                rows.into_iter().try_for_each(|ky| self.fill_row(y, ky, stripe))?;
            }
            next = Some(y + 1);
            let groups = requantizers.iter().zip(rearranged.chunks((self.layout.window * LANES).max(1)));
            for (first, (words, weights)) in (0..).step_by(LANES).zip(groups) {
                // SAFETY: as the caller says.
                unsafe { Filters { weights, words, first }.convolve_row(self, stripe, row)? };
            }
        }
        Ok(())
    }

    fn requantizers<T: Value>(&self, requantizers: &mut [Words]) {
        let length = (self.weights.len() / self.channels.len().max(1)).max(1);
        let groups = self.channels.chunks(LANES).zip(self.weights.chunks(LANES * length));
        for (to, (channels, weights)) in requantizers.iter_mut().zip(groups) {
            *to = words(channels);
            let [bias, ..] = to;
            for (bias, weights) in bias.iter_mut().zip(weights.chunks_exact(length)) {
                *bias = bias.wrapping_add(T::correction(weights, self.arguments.input_offset));
            }
        }
    }
}

/// Eight filters, or what is left of them.
struct Filters<'a, T> {
    weights: &'a [T],
    words: &'a Words,
    /// The first one's number.
    first: usize,
}

impl<T: Value> Filters<'_, T> {
    /// One row of output pixels.
    ///
    /// # Safety
    /// See [`Value::tile`].
    unsafe fn convolve_row(
        &self,
        convolution: &Convolution<'_>,
        stripe: &[T],
        row: &mut [i8],
    ) -> Result<(), ShapeMismatch> {
        let width = usize::from(convolution.region.width);
        let mut x = 0;
        // A tile begins early enough to be whole; its first pixels may be there already.
        while x < width {
            match width - x {
                5.. if width >= 8 => {
                    // SAFETY: as the caller says, here and below.
                    unsafe { self.convolve_tile::<8>(convolution, stripe, x.min(width - 8), row)? };
                    x += 8;
                }
                2.. if width >= 4 => {
                    // SAFETY: see above.
                    unsafe { self.convolve_tile::<4>(convolution, stripe, x.min(width - 4), row)? };
                    x += 4;
                }
                _ => {
                    // SAFETY: see above.
                    unsafe { self.convolve_tile::<1>(convolution, stripe, x, row)? };
                    x += 1;
                }
            }
        }
        Ok(())
    }

    /// `PIXELS` pixels of a row from `x` on.
    ///
    /// # Safety
    /// See [`Value::tile`].
    #[inline(always)]
    unsafe fn convolve_tile<const PIXELS: usize>(
        &self,
        convolution: &Convolution<'_>,
        stripe: &[T],
        x: usize,
        row: &mut [i8],
    ) -> Result<(), ShapeMismatch> {
        let ConvArguments { window, output_shape, output_offset, activation_min, activation_max, .. } =
            *convolution.arguments;
        let layout = &convolution.layout;
        let (step, outputs) = (usize::from(window.stride_width) * layout.column, usize::from(output_shape.channels));
        let mut windows = [&stripe[..0]; PIXELS];
        for (pixel, window) in windows.iter_mut().enumerate() {
            *window = span(stripe, (x + pixel) * step, layout.window)?;
        }
        let pixels = row.get_mut(x * outputs..(x + PIXELS) * outputs).ok_or(ShapeMismatch)?;
        // SAFETY: as the caller says.
        let sums = unsafe { T::tile(windows, self.weights) };
        for (sums, pixel) in sums.into_iter().zip(pixels.chunks_exact_mut(outputs.max(1))) {
            let values = requantize(sums, self.words, output_offset, [activation_min, activation_max]);
            let pixel = pixel.get_mut(self.first..).ok_or(ShapeMismatch)?;
            match pixel.first_chunk_mut() {
                Some(pixel) => *pixel = values,
                None => pixel.iter_mut().zip(values).for_each(|(to, value)| *to = value),
            }
        }
        Ok(())
    }
}
