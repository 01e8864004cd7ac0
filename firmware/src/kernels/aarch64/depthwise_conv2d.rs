//! Depthwise convolution, eight or sixteen channels at a time.

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
    load_8, load_16,
    requantize::{LANES, Words, requantize, words},
};

/// Words of scratch that a depthwise convolution takes.
pub const fn depthwise_conv2d_words(_: &Window, input: Shape, _: Shape) -> usize {
    (input.channels as usize).div_ceil(2 * LANES) * 2 * size_of::<Words>() / 4
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
    let run = match usize::from(input_shape.channels) {
        depth if depth >= 2 * LANES => run::<2>,
        depth if depth >= LANES => run::<1>,
        _ => return None,
    };
    Some(run(arguments, input, weights, channels, output, bytemuck::cast_slice_mut(requantizers)))
}

/// With `VECTORS` times eight channels at a time, of which there are at least as many.
fn run<const VECTORS: usize>(
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
    let last = depth.checked_sub(VECTORS * LANES).ok_or(ShapeMismatch)?;
    if output_shape.channels != input_shape.channels {
        return Err(ShapeMismatch);
    }
    // The last tile begins early enough to be whole.
    let starts = || (0..depth).step_by(VECTORS * LANES).map(|start| start.min(last));
    let requantizers = requantizers.as_chunks_mut::<VECTORS>().0;
    for (to, start) in requantizers.iter_mut().zip(starts()) {
        for (to, channels) in to.iter_mut().zip(span(channels, start, VECTORS * LANES)?.chunks(LANES)) {
            *to = words(channels);
        }
    }
    let mut pixels = output.chunks_exact_mut(depth);
    for y in 0..usize::from(output_shape.height) {
        let rows = rows.taps(y);
        for x in 0..usize::from(output_shape.width) {
            let taps = [&rows, &columns.taps(x)];
            let pixel = pixels.next().ok_or(ShapeMismatch)?;
            for (words, start) in requantizers.iter().zip(starts()) {
                let sums = sums::<VECTORS>(arguments, taps, start, input, weights)?;
                let to = pixel.get_mut(start..).ok_or(ShapeMismatch)?.chunks_exact_mut(LANES);
                for (to, (sums, words)) in to.zip(sums.into_iter().zip(words)) {
                    to.copy_from_slice(&requantize(sums, words, output_offset, [activation_min, activation_max]));
                }
            }
        }
    }
    Ok(())
}

/// The sums of `VECTORS` times eight channels of a pixel from `start` on.
#[inline(always)]
fn sums<const VECTORS: usize>(
    arguments: &ConvArguments,
    [rows, columns]: [&Taps; 2],
    start: usize,
    input: &[i8],
    weights: &[i8],
) -> Result<[[int32x4_t; 2]; VECTORS], ShapeMismatch> {
    let ConvArguments { window, input_shape, input_offset, .. } = *arguments;
    let depth = usize::from(input_shape.channels);
    let (width, kernel_width) = (usize::from(input_shape.width), usize::from(window.kernel_width));
    let taps = columns.kernel.len();
    // SAFETY: every AArch64 target that this is compiled for has NEON.
    let (mut sums, offset) = unsafe { ([[vdupq_n_s32(0); 2]; VECTORS], vdupq_n_s16(input_offset as i16)) };
    for (kernel_row, row) in rows.pairs() {
        let length = taps.saturating_sub(1) * depth + VECTORS * LANES;
        let x = span(input, (row * width + columns.first) * depth + start, length)?;
        let w = span(weights, (kernel_row * kernel_width + columns.kernel.start) * depth + start, length)?;
        let (mut x, mut w) = (x.as_ptr(), w.as_ptr());
        for _ in 0..taps {
            // SAFETY: both have a tile every `depth` values, and the tap is one of `taps`; NEON as above.
            unsafe {
                let (values, weights) = (widen::<VECTORS>(x), widen::<VECTORS>(w));
                for (sums, (values, weights)) in sums.iter_mut().zip(values.into_iter().zip(weights)) {
                    let values = vaddq_s16(values, offset);
                    sums[0] = vmlal_s16(sums[0], vget_low_s16(values), vget_low_s16(weights));
                    sums[1] = vmlal_high_s16(sums[1], values, weights);
                }
            }
            (x, w) = (x.wrapping_add(depth), w.wrapping_add(depth));
        }
    }
    Ok(sums)
}

/// `VECTORS` (one or two) times eight bytes in 16 bits each.
///
/// # Safety
/// They are readable.
#[inline(always)]
unsafe fn widen<const VECTORS: usize>(bytes: *const i8) -> [int16x8_t; VECTORS] {
    // SAFETY: every AArch64 target that this is compiled for has NEON.
    let mut widened = [unsafe { vdupq_n_s16(0) }; VECTORS];
    // SAFETY: as above, and the caller says how many bytes there are.
    unsafe {
        match &mut widened[..] {
            [low, high] => {
                let bytes = load_16(&*bytes.cast());
                (*low, *high) = (vmovl_s8(vget_low_s8(bytes)), vmovl_high_s8(bytes));
            }
            [low] => *low = vmovl_s8(load_8(&*bytes.cast())),
            _ => {}
        }
    }
    widened
}
