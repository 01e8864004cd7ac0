//! Max pooling with windows of 2x2.

use core::arch::aarch64::*;

use super::{
    super::{PoolArguments, ShapeMismatch, max_pool2d::is_halving, taps::Axis, tensor, tensor_mut},
    load_8, load_16,
};

/// [`max_pool2d`](crate::kernels::max_pool2d), or `None` if it is not of 2x2 windows side by side inside the input, or the
/// channels are fewer than eight.
pub fn max_pool2d(arguments: &PoolArguments, input: &[i8], output: &mut [i8]) -> Option<Result<(), ShapeMismatch>> {
    let PoolArguments { input_shape, output_shape, .. } = *arguments;
    if !is_halving(arguments) || input_shape.channels < 8 || output_shape.channels != input_shape.channels {
        return None;
    }
    Some(run(arguments, input, output))
}

fn run(arguments: &PoolArguments, input: &[i8], output: &mut [i8]) -> Result<(), ShapeMismatch> {
    let PoolArguments { window, input_shape, output_shape, activation_min, activation_max } = *arguments;
    Axis::both(&window, input_shape, output_shape)?;
    let (input, output) = (tensor(input, input_shape)?, tensor_mut(output, output_shape)?);
    let (depth, columns) = (usize::from(input_shape.channels), usize::from(output_shape.width));
    let row = usize::from(input_shape.width) * depth;
    for (rows, output) in input.chunks_exact(2 * row).zip(output.chunks_exact_mut(columns * depth)) {
        let (upper, lower) = rows.split_at(row);
        let pixels = upper.chunks_exact(2 * depth).zip(lower.chunks_exact(2 * depth));
        for ((upper, lower), output) in pixels.zip(output.chunks_exact_mut(depth)) {
            let ((a, b), (c, d)) = (upper.split_at(depth), lower.split_at(depth));
            largest([a, b, c, d], output, [activation_min, activation_max]).ok_or(ShapeMismatch)?;
        }
    }
    Ok(())
}

/// The largest of four pixels, clamped; `None` if they are of fewer than eight channels or of different numbers.
fn largest([a, b, c, d]: [&[i8]; 4], output: &mut [i8], [least, most]: [i8; 2]) -> Option<()> {
    let depth = output.len();
    let mut first = 0;
    while first + 16 <= depth {
        let [a, b, c, d] = [a, b, c, d].map(|pixel| pixel.get(first..)?.first_chunk().map(load_16));
        let to = output.get_mut(first..)?.first_chunk_mut::<16>()?;
        // SAFETY: every AArch64 target that this is compiled for has NEON; the store is inside the array.
        unsafe {
            let largest = vmaxq_s8(vmaxq_s8(a?, b?), vmaxq_s8(c?, d?));
            vst1q_s8(to.as_mut_ptr(), vminq_s8(vmaxq_s8(largest, vdupq_n_s8(least)), vdupq_n_s8(most)));
        }
        first += 16;
    }
    while first < depth {
        // The last eight begin early enough to be whole.
        let start = first.min(depth.checked_sub(8)?);
        let [a, b, c, d] = [a, b, c, d].map(|pixel| pixel.get(start..)?.first_chunk().map(load_8));
        let to = output.get_mut(start..)?.first_chunk_mut::<8>()?;
        // SAFETY: as above.
        unsafe {
            let largest = vmax_s8(vmax_s8(a?, b?), vmax_s8(c?, d?));
            vst1_s8(to.as_mut_ptr(), vmin_s8(vmax_s8(largest, vdup_n_s8(least)), vdup_n_s8(most)));
        }
        first += 8;
    }
    Some(())
}
