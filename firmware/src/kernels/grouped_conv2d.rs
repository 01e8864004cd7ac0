//! Convolution of groups of channels, or with a dilated window.

use shared::{quantization::ChannelParameters, shape::Shape};

use super::{
    ShapeMismatch,
    conv2d::{ConvArguments, Region},
    dot::dot,
    filters, requantize, span,
    taps::Axis,
    tensor, tensor_mut,
};

/// [`conv2d_region`](super::conv2d_region) for any number of groups and any dilation: the channels of a group lie together in
/// the input and in the weights, so the sum is one dot product a tap.
///
/// # Errors
/// [`ShapeMismatch`].
pub(super) fn grouped_conv2d(
    arguments: &ConvArguments,
    region: Region,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
) -> Result<(), ShapeMismatch> {
    let ConvArguments { window, input_shape, output_shape, groups, input_offset, .. } = *arguments;
    let [rows, columns] = Axis::both(&window, input_shape, output_shape)?;
    let (ys, xs) = (region.rows(output_shape)?, region.columns(output_shape)?);
    let input = tensor(input, input_shape)?;
    let output = tensor_mut(output, Shape { height: region.height, ..output_shape })?;
    let channels = span(channels, 0, output_shape.channels.into())?;
    let groups = usize::from(groups);
    let (channels_in, channels_out) = (usize::from(input_shape.channels), channels.len());
    let divided = groups > 0 && channels_in.is_multiple_of(groups) && channels_out.is_multiple_of(groups);
    if !divided || channels_in == 0 || channels_out == 0 {
        return Err(ShapeMismatch);
    }
    let (depth, group) = (channels_in / groups, channels_out / groups);
    let filter_length = window.taps() as usize * depth;
    let weights = filters(weights, channels_out, filter_length)?;
    let (width, kernel_width) = (usize::from(input_shape.width), usize::from(window.kernel_width));
    let lines = ys.zip(output.chunks_exact_mut(usize::from(output_shape.width) * channels_out));
    for (y, line) in lines {
        let rows = rows.taps(y);
        for (x, pixel) in line.chunks_exact_mut(channels_out).enumerate().skip(xs.start).take(xs.len()) {
            let columns = columns.taps(x);
            let filters = weights.chunks_exact(filter_length);
            for (index, ((out, channel), filter)) in pixel.iter_mut().zip(channels).zip(filters).enumerate() {
                let first = index / group * depth;
                let mut sum = 0i32;
                for (kernel_row, row) in rows.pairs() {
                    for (kernel_column, column) in columns.pairs() {
                        let values = span(input, (row * width + column) * channels_in + first, depth)?;
                        let tap = kernel_row * kernel_width + kernel_column;
                        sum = sum.wrapping_add(dot(values, span(filter, tap * depth, depth)?, input_offset));
                    }
                }
                *out = arguments.store(requantize(channel, sum));
            }
        }
    }
    Ok(())
}
