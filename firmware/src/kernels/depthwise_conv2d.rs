//! Depthwise convolution.

use shared::{
    quantization::ChannelParameters,
    shape::{Shape, Window},
};

use super::{ShapeMismatch, conv2d::ConvArguments, filters, requantize, span, taps::Axis, tensor, tensor_mut};

/// Channels whose sums are kept at a time.
const TILE: usize = if cfg!(cortex_m_base) { 64 } else { 8 };

/// Bytes of working memory that [`depthwise_conv2d`] takes on this processor, for an input and an output of these shapes.
pub const fn depthwise_conv2d_scratch(window: &Window, input: Shape, output: Shape) -> usize {
    #[cfg(any(cortex_m_dsp, aarch64_neon))]
    return super::scratch::bytes(super::processor::depthwise_conv2d_words(window, input, output));
    #[cfg(not(any(cortex_m_dsp, aarch64_neon)))]
    {
        let _ = (window, input, output);
        0
    }
}

/// Depthwise convolution of `input` (`[H, W, C_IN]`) with `weights` (`[KERNEL_H, KERNEL_W, C_OUT]`, `-128..=127`) into
/// `output` (`[OUT_H, OUT_W, C_OUT]`), where `C_OUT` is `C_IN` times the depth multiplier: the filters of one channel
/// follow each other. `channels` has `C_OUT` entries. The contents of `scratch`
/// ([`depthwise_conv2d_scratch`] bytes) do not matter; with fewer bytes, the portable version runs.
///
/// # Errors
/// [`ShapeMismatch`].
pub fn depthwise_conv2d(
    arguments: &ConvArguments,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
    scratch: &mut [i8],
) -> Result<(), ShapeMismatch> {
    #[cfg(any(cortex_m_dsp, aarch64_neon))]
    if is_plain(arguments) {
        let (_, words, _) = bytemuck::pod_align_to_mut(scratch);
        if let Some(result) = super::processor::depthwise_conv2d(arguments, input, weights, channels, output, words) {
            return result;
        }
    }
    #[cfg(any(target_arch = "x86_64", wasm_simd128))]
    if is_plain(arguments)
        && let Some(result) = super::vectors::depthwise_conv2d(arguments, input, weights, channels, output)
    {
        return result;
    }
    let _ = scratch;
    portable(arguments, input, weights, channels, output)
}

/// Whether each channel has one filter, with a window that is not dilated.
fn is_plain(arguments: &ConvArguments) -> bool {
    arguments.output_shape.channels == arguments.input_shape.channels && !arguments.window.is_dilated()
}

/// [`depthwise_conv2d`] in plain Rust.
///
/// # Errors
/// [`ShapeMismatch`].
pub fn portable(
    arguments: &ConvArguments,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
) -> Result<(), ShapeMismatch> {
    if !is_plain(arguments) {
        return with_multiplier(arguments, input, weights, channels, output);
    }
    let ConvArguments { window, input_shape, output_shape, input_offset, .. } = *arguments;
    let [rows, columns] = Axis::both(&window, input_shape, output_shape)?;
    let (input, output) = (tensor(input, input_shape)?, tensor_mut(output, output_shape)?);
    let depth = usize::from(input_shape.channels);
    let (width, kernel_width) = (usize::from(input_shape.width), usize::from(window.kernel_width));
    let weights = filters(weights, depth, window.taps() as usize)?;
    let channels = span(channels, 0, depth)?;
    let mut pixels = output.chunks_exact_mut(depth.max(1));
    for y in 0..usize::from(output_shape.height) {
        let rows = rows.taps(y);
        for x in 0..usize::from(output_shape.width) {
            let columns = columns.taps(x);
            let pixel = pixels.next().ok_or(ShapeMismatch)?;
            for (tile, (out, channels)) in pixel.chunks_mut(TILE).zip(channels.chunks(TILE)).enumerate() {
                let first = tile * TILE;
                let mut sums = [0i32; TILE];
                #[cfg(cortex_m_base)]
                {
                    let taps = super::cortex_m::Taps {
                        rows: rows.kernel.len(),
                        columns: columns.kernel.len(),
                        x_row: width * depth,
                        w_row: kernel_width * depth,
                        depth,
                    };
                    let x = input.get((rows.first * width + columns.first) * depth + first..).unwrap_or(&[]);
                    let tap = rows.kernel.start * kernel_width + columns.kernel.start;
                    let w = weights.get(tap * depth + first..).unwrap_or(&[]);
                    let sums = sums.get_mut(..out.len()).ok_or(ShapeMismatch)?;
                    if super::cortex_m::depthwise_sums(&taps, x, w, input_offset, sums) {
                        for ((out, channel), sum) in out.iter_mut().zip(channels).zip(sums) {
                            *out = arguments.store(requantize(channel, *sum));
                        }
                        continue;
                    }
                }
                for (kernel_row, row) in rows.pairs() {
                    for (kernel_column, column) in columns.pairs() {
                        let values = span(input, (row * width + column) * depth + first, out.len())?;
                        let tap = kernel_row * kernel_width + kernel_column;
                        accumulate(&mut sums, values, span(weights, tap * depth + first, out.len())?, input_offset);
                    }
                }
                for ((out, channel), sum) in out.iter_mut().zip(channels).zip(sums) {
                    *out = arguments.store(requantize(channel, sum));
                }
            }
        }
    }
    Ok(())
}

/// Several filters per channel, or a dilated window: computed channel by channel.
fn with_multiplier(
    arguments: &ConvArguments,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
) -> Result<(), ShapeMismatch> {
    let ConvArguments { window, input_shape, output_shape, input_offset, .. } = *arguments;
    let [rows, columns] = Axis::both(&window, input_shape, output_shape)?;
    let (input, output) = (tensor(input, input_shape)?, tensor_mut(output, output_shape)?);
    let (depth, filters_out) = (usize::from(input_shape.channels), usize::from(output_shape.channels));
    if depth == 0 || filters_out == 0 || !filters_out.is_multiple_of(depth) {
        return Err(ShapeMismatch);
    }
    let multiplier = filters_out / depth;
    let (width, kernel_width) = (usize::from(input_shape.width), usize::from(window.kernel_width));
    let weights = filters(weights, filters_out, window.taps() as usize)?;
    let channels = span(channels, 0, filters_out)?;
    let mut pixels = output.chunks_exact_mut(filters_out);
    for y in 0..usize::from(output_shape.height) {
        let rows = rows.taps(y);
        for x in 0..usize::from(output_shape.width) {
            let columns = columns.taps(x);
            let pixel = pixels.next().ok_or(ShapeMismatch)?;
            for (index, (out, channel)) in pixel.iter_mut().zip(channels).enumerate() {
                let mut sum = 0i32;
                for (kernel_row, row) in rows.pairs() {
                    for (kernel_column, column) in columns.pairs() {
                        let value = input.get((row * width + column) * depth + index / multiplier);
                        let tap = kernel_row * kernel_width + kernel_column;
                        let weight = weights.get(tap * filters_out + index);
                        let (&value, &weight) = value.zip(weight).ok_or(ShapeMismatch)?;
                        let product = i32::from(value).wrapping_add(input_offset).wrapping_mul(weight.into());
                        sum = sum.wrapping_add(product);
                    }
                }
                *out = arguments.store(requantize(channel, sum));
            }
        }
    }
    Ok(())
}

/// Adds a tap's products to the sums of up to [`TILE`] channels.
fn accumulate(sums: &mut [i32; TILE], x: &[i8], w: &[i8], input_offset: i32) {
    let product = |x: i8, w: i8| i32::from(x).wrapping_add(input_offset).wrapping_mul(w.into());
    // A whole tile has a length that the compiler knows.
    if let (Some(x), Some(w)) = (x.first_chunk::<TILE>(), w.first_chunk::<TILE>()) {
        for ((sum, &x), &w) in sums.iter_mut().zip(x).zip(w) {
            *sum = sum.wrapping_add(product(x, w));
        }
    } else {
        for ((sum, &x), &w) in sums.iter_mut().zip(x).zip(w) {
            *sum = sum.wrapping_add(product(x, w));
        }
    }
}
