//! Depthwise convolution, eight channels at a time.

use shared::quantization::ChannelParameters;

use super::{
    super::{ConvArguments, ShapeMismatch, filters, span, taps::Axis, tensor, tensor_mut},
    LANES,
    vector::{self, Vector, words},
    writer::Writer,
};

/// [`depthwise_conv2d`](crate::kernels::depthwise_conv2d), or `None` if the processor has no such vectors or there are less than
/// eight channels.
pub fn depthwise_conv2d(
    arguments: &ConvArguments,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
) -> Option<Result<(), ShapeMismatch>> {
    if !vector::exists() || usize::from(arguments.input_shape.channels) < LANES {
        return None;
    }
    #[allow(unused_unsafe, reason = "needed on x86-64")]
    // SAFETY: the processor has these vectors.
    Some(unsafe { run(arguments, input, weights, channels, output) })
}

#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
fn run(
    arguments: &ConvArguments,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
) -> Result<(), ShapeMismatch> {
    let ConvArguments { window, input_shape, output_shape, input_offset, .. } = *arguments;
    let [rows, columns] = Axis::both(&window, input_shape, output_shape)?;
    let (input, output) = (tensor(input, input_shape)?, tensor_mut(output, output_shape)?);
    let depth = usize::from(input_shape.channels);
    let (width, kernel_width) = (usize::from(input_shape.width), usize::from(window.kernel_width));
    let weights = filters(weights, depth, window.taps() as usize)?;
    let channels = span(channels, 0, depth)?;
    if output_shape.channels != input_shape.channels {
        return Err(ShapeMismatch);
    }
    let offset = vector::of_word(input_offset);
    for first in (0..depth).step_by(LANES) {
        // The last eight channels begin early enough to be whole.
        let first = first.min(depth - LANES);
        let words = words(span(channels, first, LANES)?);
        let writer = Writer::new(arguments, [&words], LANES);
        let mut pixels = output.chunks_exact_mut(depth);
        for y in 0..usize::from(output_shape.height) {
            let rows = rows.taps(y);
            for x in 0..usize::from(output_shape.width) {
                let columns = columns.taps(x);
                let mut sums = vector::zero();
                for (kernel_row, row) in rows.pairs() {
                    let values = input.get((row * width + columns.first) * depth + first..).unwrap_or(&[]);
                    let tap = kernel_row * kernel_width + columns.kernel.start;
                    let weights = weights.get(tap * depth + first..).unwrap_or(&[]);
                    for at in (0..columns.kernel.len() * depth).step_by(depth) {
                        let values = vector::add_words(widen(span(values, at, LANES)?)?, offset);
                        let weights = widen(span(weights, at, LANES)?)?;
                        sums = vector::add_words(sums, vector::mul_words(values, weights));
                    }
                }
                let pixel = pixels.next().and_then(|pixel| pixel.get_mut(first..)).ok_or(ShapeMismatch)?;
                writer.write([sums], pixel);
            }
        }
    }
    Ok(())
}

/// Eight bytes as eight words.
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
#[inline]
fn widen(bytes: &[i8]) -> Result<Vector, ShapeMismatch> {
    Ok(vector::widen_to_words(bytes.first_chunk().ok_or(ShapeMismatch)?))
}
