//! Average pooling.

use super::{ShapeMismatch, max_pool2d::PoolArguments, span, taps::Axis, tensor, tensor_mut};

/// Channels whose sums are kept at a time.
const TILE: usize = 8;

/// The mean under each window, for each channel, rounded with halves away from zero, from `input` (`[H, W, C]`) into
/// `output` (`[OUT_H, OUT_W, C]`). Padding takes no part: the divisor is the number of taps inside the input.
///
/// # Errors
/// [`ShapeMismatch`].
pub fn average_pool2d(arguments: &PoolArguments, input: &[i8], output: &mut [i8]) -> Result<(), ShapeMismatch> {
    let PoolArguments { window, input_shape, output_shape, .. } = *arguments;
    let [rows, columns] = Axis::both(&window, input_shape, output_shape)?;
    let (input, output) = (tensor(input, input_shape)?, tensor_mut(output, output_shape)?);
    let (width, depth) = (usize::from(input_shape.width), usize::from(input_shape.channels));
    if output_shape.channels != input_shape.channels || window.is_dilated() {
        return Err(ShapeMismatch);
    }
    let mut pixels = output.chunks_exact_mut(depth.max(1));
    for y in 0..usize::from(output_shape.height) {
        let rows = rows.taps(y);
        for x in 0..usize::from(output_shape.width) {
            let columns = columns.taps(x);
            let count = (rows.kernel.len() * columns.kernel.len()).max(1) as i32;
            let pixel = pixels.next().ok_or(ShapeMismatch)?;
            for (tile, out) in pixel.chunks_mut(TILE).enumerate() {
                let mut sums = [0i32; TILE];
                for row in rows.input() {
                    for column in columns.input() {
                        let values = span(input, (row * width + column) * depth + tile * TILE, out.len())?;
                        for (sum, &value) in sums.iter_mut().zip(values) {
                            *sum += i32::from(value);
                        }
                    }
                }
                for (out, sum) in out.iter_mut().zip(sums) {
                    let rounded = if sum > 0 { (sum + count / 2) / count } else { (sum - count / 2) / count };
                    *out = rounded.max(arguments.activation_min.into()).min(arguments.activation_max.into()) as i8;
                }
            }
        }
    }
    Ok(())
}
