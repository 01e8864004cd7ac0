//! Max pooling.

use shared::shape::{Shape, Window};

use super::{ShapeMismatch, span, taps::Axis, tensor, tensor_mut};

/// Geometry and clamp of a pooling operator; input and output have the same scale and zero point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolArguments {
    /// Kernel, stride and padding.
    pub window: Window,
    /// `[H, W, C]`.
    pub input_shape: Shape,
    /// `[OUT_H, OUT_W, C]`, as window and input determine it.
    pub output_shape: Shape,
    /// Lower end of the clamp.
    pub activation_min: i8,
    /// Upper end of the clamp.
    pub activation_max: i8,
}

/// The largest value under each window, for each channel, from `input` (`[H, W, C]`) into `output` (`[OUT_H, OUT_W, C]`).
/// Padding takes no part.
///
/// # Errors
/// [`ShapeMismatch`].
pub fn max_pool2d(arguments: &PoolArguments, input: &[i8], output: &mut [i8]) -> Result<(), ShapeMismatch> {
    #[cfg(any(cortex_m_dsp, aarch64_neon))]
    if let Some(result) = super::processor::max_pool2d(arguments, input, output) {
        return result;
    }
    portable(arguments, input, output)
}

/// [`max_pool2d`] in plain Rust.
///
/// # Errors
/// [`ShapeMismatch`].
pub fn portable(arguments: &PoolArguments, input: &[i8], output: &mut [i8]) -> Result<(), ShapeMismatch> {
    let PoolArguments { window, input_shape, output_shape, .. } = *arguments;
    let [rows, columns] = Axis::both(&window, input_shape, output_shape)?;
    let (input, output) = (tensor(input, input_shape)?, tensor_mut(output, output_shape)?);
    let (width, depth) = (usize::from(input_shape.width), usize::from(input_shape.channels));
    if output_shape.channels != input_shape.channels || window.is_dilated() {
        return Err(ShapeMismatch);
    }
    if is_halving(arguments) && depth > 0 {
        let (row, row_out) = (width * depth, usize::from(output_shape.width) * depth);
        for (rows, output) in input.chunks_exact(2 * row).zip(output.chunks_exact_mut(row_out)) {
            let (upper, lower) = rows.split_at(row);
            let pixels = upper.chunks_exact(2 * depth).zip(lower.chunks_exact(2 * depth));
            for ((upper, lower), output) in pixels.zip(output.chunks_exact_mut(depth)) {
                let ((a, b), (c, d)) = (upper.split_at(depth), lower.split_at(depth));
                for ((((out, &a), &b), &c), &d) in output.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                    let largest = a.max(b).max(c).max(d);
                    *out = largest.max(arguments.activation_min).min(arguments.activation_max);
                }
            }
        }
        return Ok(());
    }
    let mut pixels = output.chunks_exact_mut(depth.max(1));
    for y in 0..usize::from(output_shape.height) {
        let rows = rows.taps(y);
        for x in 0..usize::from(output_shape.width) {
            let columns = columns.taps(x);
            let pixel = pixels.next().ok_or(ShapeMismatch)?;
            pixel.fill(arguments.activation_min);
            for row in rows.input() {
                for column in columns.input() {
                    let values = span(input, (row * width + column) * depth, depth)?;
                    for (out, &value) in pixel.iter_mut().zip(values) {
                        *out = value.max(*out);
                    }
                }
            }
            for out in pixel {
                *out = (*out).min(arguments.activation_max);
            }
        }
    }
    Ok(())
}

/// Whether the windows are of 2x2, side by side, and none reaches beyond the input.
pub(super) fn is_halving(arguments: &PoolArguments) -> bool {
    let PoolArguments { window, input_shape, output_shape, .. } = *arguments;
    let Window { kernel_height, kernel_width, stride_height, stride_width, .. } = window;
    [kernel_height, kernel_width, stride_height, stride_width] == [2; 4]
        && !window.is_dilated()
        && output_shape.height <= input_shape.height / 2
        && output_shape.width <= input_shape.width / 2
}
