//! Depthwise convolution, eight channels at a time.

use core::arch::aarch64::*;

use shared::{
    quantization::ChannelParameters,
    shape::{Shape, Window},
};

use super::{
    super::{
        ConvArguments, ShapeMismatch, filters, span,
        taps::{Axis, Taps},
        tensor, tensor_mut,
    },
    load_eight,
    requantize::{LANES, Words, requantize, words},
    widen,
};

/// Words of scratch that a depthwise convolution takes.
pub const fn depthwise_conv2d_words(_: &Window, input: Shape, _: Shape) -> usize {
    (input.channels as usize).div_ceil(LANES) * size_of::<Words>() / 4
}

/// [`depthwise_conv2d`](crate::kernels::depthwise_conv2d), or `None` if the channels are fewer than eight or the scratch is
/// too small.
pub fn depthwise_conv2d(
    arguments: &ConvArguments,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
    scratch: &mut [i32],
) -> Option<Result<(), ShapeMismatch>> {
    let ConvArguments { window, input_shape, output_shape, .. } = *arguments;
    let requantizers = scratch.get_mut(..depthwise_conv2d_words(&window, input_shape, output_shape))?;
    if usize::from(input_shape.channels) < LANES {
        return None;
    }
    Some(run(arguments, input, weights, channels, output, bytemuck::cast_slice_mut(requantizers)))
}

fn run(
    arguments: &ConvArguments,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
    requantizers: &mut [Words],
) -> Result<(), ShapeMismatch> {
    let ConvArguments { window, input_shape, output_shape, output_offset, activation_min, activation_max, .. } =
        *arguments;
    let [rows, columns] = Axis::both(&window, input_shape, output_shape)?;
    let (input, output) = (tensor(input, input_shape)?, tensor_mut(output, output_shape)?);
    let depth = usize::from(input_shape.channels);
    let weights = filters(weights, depth, window.taps() as usize)?;
    let channels = span(channels, 0, depth)?;
    if output_shape.channels != input_shape.channels || depth < LANES {
        return Err(ShapeMismatch);
    }
    // The last eight channels begin early enough to be whole.
    let starts = || (0..depth).step_by(LANES).map(|start| start.min(depth - LANES));
    for (to, start) in requantizers.iter_mut().zip(starts()) {
        *to = words(span(channels, start, LANES)?);
    }
    let mut pixels = output.chunks_exact_mut(depth);
    for y in 0..usize::from(output_shape.height) {
        let rows = rows.taps(y);
        for x in 0..usize::from(output_shape.width) {
            let pixel = pixels.next().ok_or(ShapeMismatch)?;
            let taps = [&rows, &columns.taps(x)];
            for (words, start) in requantizers.iter().zip(starts()) {
                let sums = sums(arguments, taps, start, input, weights)?;
                let values = requantize(sums, words, output_offset, [activation_min, activation_max]);
                *pixel.get_mut(start..).and_then(|rest| rest.first_chunk_mut()).ok_or(ShapeMismatch)? = values;
            }
        }
    }
    Ok(())
}

/// The sums of eight channels of a pixel from `start` on.
#[inline(always)]
fn sums(
    arguments: &ConvArguments,
    [rows, columns]: [&Taps; 2],
    start: usize,
    input: &[i8],
    weights: &[i8],
) -> Result<[int32x4_t; 2], ShapeMismatch> {
    let ConvArguments { window, input_shape, input_offset, .. } = *arguments;
    let depth = usize::from(input_shape.channels);
    let (width, kernel_width) = (usize::from(input_shape.width), usize::from(window.kernel_width));
    let taps = columns.kernel.len();
    // SAFETY: every AArch64 target that this is compiled for has NEON.
    let (mut low, mut high, offset) = unsafe { (vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s16(input_offset as i16)) };
    for (kernel_row, row) in rows.pairs() {
        let x = input.get((row * width + columns.first) * depth + start..).ok_or(ShapeMismatch)?;
        let w = weights.get((kernel_row * kernel_width + columns.kernel.start) * depth + start..);
        let taps = x.chunks(depth).zip(w.ok_or(ShapeMismatch)?.chunks(depth)).take(taps);
        for (x, w) in taps {
            let (x, w) = (x.first_chunk().ok_or(ShapeMismatch)?, w.first_chunk().ok_or(ShapeMismatch)?);
            let w = widen(w);
            // SAFETY: as above.
            unsafe {
                let x = vaddw_s8(offset, load_eight(x));
                low = vmlal_s16(low, vget_low_s16(x), vget_low_s16(w));
                high = vmlal_high_s16(high, x, w);
            }
        }
    }
    Ok([low, high])
}
