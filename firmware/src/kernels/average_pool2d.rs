//! Average pooling.

use super::{
    SliceTooShort,
    max_pool2d::PoolArguments,
    taps::{columns, rows},
};

/// The mean under each window, for each channel, rounded with halves away from zero, from `input` (`[H, W, C]`) into
/// `output` (`[OUT_H, OUT_W, C]`). Padding takes no part: the divisor is the number of taps inside the input.
///
/// # Errors
/// [`SliceTooShort`].
pub fn average_pool2d(arguments: &PoolArguments, input: &[i8], output: &mut [i8]) -> Result<(), SliceTooShort> {
    let (shape, window) = (arguments.output_shape, arguments.window);
    let depth = usize::from(shape.channels);
    let width = usize::from(arguments.input_shape.width);
    let mut pixels = output.chunks_exact_mut(depth.max(1));
    for y in 0..usize::from(shape.height) {
        let rows = rows(&window, arguments.input_shape, y);
        for x in 0..usize::from(shape.width) {
            let columns = columns(&window, arguments.input_shape, x);
            let count = (rows.kernel.len() * columns.kernel.len()).max(1) as i32;
            let pixel = pixels.next().ok_or(SliceTooShort)?;
            for (channel, out) in pixel.iter_mut().enumerate() {
                let mut sum = 0;
                for row in rows.input() {
                    for column in columns.input() {
                        let index = (row * width + column) * depth + channel;
                        sum += i32::from(*input.get(index).ok_or(SliceTooShort)?);
                    }
                }
                let rounded = if sum > 0 { (sum + count / 2) / count } else { (sum - count / 2) / count };
                *out = rounded.max(arguments.activation_min.into()).min(arguments.activation_max.into()) as i8;
            }
        }
    }
    Ok(())
}
