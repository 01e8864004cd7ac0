//! Depthwise convolution.

use shared::quantization::ChannelParameters;

use super::{
    SliceTooShort,
    conv2d::ConvArguments,
    taps::{columns, rows, span},
};

/// Channels whose sums are kept at a time.
const TILE: usize = 8;

/// Depthwise convolution (depth multiplier 1) of `input` (`[H, W, C]`) with `weights` (`[KERNEL_H, KERNEL_W, C]`,
/// `-127..=127`) into `output` (`[OUT_H, OUT_W, C]`); `channels` has `C` entries.
///
/// # Errors
/// [`SliceTooShort`].
pub fn depthwise_conv2d(
    arguments: &ConvArguments,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
) -> Result<(), SliceTooShort> {
    let (shape, window) = (arguments.output_shape, arguments.window);
    let depth = usize::from(shape.channels);
    let width = usize::from(arguments.input_shape.width);
    let kernel_width = usize::from(window.kernel_width);
    let channels = span(channels, 0, depth)?;
    let mut pixels = output.chunks_exact_mut(depth.max(1));
    for y in 0..usize::from(shape.height) {
        let rows = rows(&window, arguments.input_shape, y);
        for x in 0..usize::from(shape.width) {
            let columns = columns(&window, arguments.input_shape, x);
            let pixel = pixels.next().ok_or(SliceTooShort)?;
            for (tile, (out, channels)) in pixel.chunks_mut(TILE).zip(channels.chunks(TILE)).enumerate() {
                let mut sums = [0i32; TILE];
                for (kernel_row, row) in rows.kernel.clone().zip(rows.input()) {
                    for (kernel_column, column) in columns.kernel.clone().zip(columns.input()) {
                        let values = span(input, (row * width + column) * depth + tile * TILE, out.len())?;
                        let tap = (kernel_row * kernel_width + kernel_column) * depth + tile * TILE;
                        for ((sum, &x), &w) in sums.iter_mut().zip(values).zip(span(weights, tap, out.len())?) {
                            *sum += (i32::from(x) + arguments.input_offset) * i32::from(w);
                        }
                    }
                }
                for ((out, channel), sum) in out.iter_mut().zip(channels).zip(sums) {
                    *out = arguments.store(channel.requantize(sum));
                }
            }
        }
    }
    Ok(())
}
