//! Operators with weights.

use shared::{
    folding::Folding,
    quantization::ChannelParameters,
    shape::{Shape, Window},
};

use super::{Ends, at, output_size, requantize, taps};

fn finish(ends: &Ends, channel: &ChannelParameters, sum: i64) -> i8 {
    ends.finish(requantize(sum + i64::from(channel.bias), channel.requantization()))
}

/// Convolution with weights `[filter][row][column][channel of the group]`; padding has the value of the zero point.
pub fn conv2d(
    ends: &Ends,
    window: Window,
    groups: u16,
    input: &[i8],
    shape: Shape,
    weights: &[i8],
    channels: &[ChannelParameters],
) -> Vec<i8> {
    let (height, width) = output_size(window, shape);
    let zero = i64::from(ends.input_zero_point);
    let depth = usize::from(shape.channels) / usize::from(groups);
    let filters_a_group = channels.len() / usize::from(groups);
    let mut output = Vec::new();
    for y in 0..height {
        for x in 0..width {
            for (filter, channel) in channels.iter().enumerate() {
                let first = filter / filters_a_group * depth;
                let mut sum = 0;
                for (row, column, input_y, input_x) in taps(window, shape, y, x) {
                    for c in 0..depth {
                        let tap = (filter * usize::from(window.kernel_height) + row) * usize::from(window.kernel_width);
                        let weight = i64::from(weights[(tap + column) * depth + c]);
                        sum += (at(input, shape, input_y, input_x, first + c).unwrap_or(zero) - zero) * weight;
                    }
                }
                output.push(finish(ends, channel, sum));
            }
        }
    }
    output
}

/// A convolution that stands for two: every pixel of the convolution with the set of weights for its place, sets in the
/// order of the rows, then of the columns, in which other taps of the second kernel meet padding.
pub fn folded_conv2d(
    ends: &Ends,
    (window, folding): (Window, Folding),
    input: &[i8],
    shape: Shape,
    weights: &[i8],
    channels: &[ChannelParameters],
) -> Vec<i8> {
    let (height, width) = output_size(window, shape);
    let sets = usize::from(folding.kernel_height) * usize::from(folding.kernel_width);
    let filters = channels.len() / sets;
    let whole: Vec<Vec<i8>> = weights
        .chunks_exact(weights.len() / sets)
        .zip(channels.chunks_exact(filters))
        .map(|(weights, channels)| conv2d(ends, window, 1, input, shape, weights, channels))
        .collect();
    let part = |position: usize, length: usize, kernel: u8| {
        let (kernel, before) = (usize::from(kernel), usize::from((kernel - 1) / 2));
        let missing_behind = (position + kernel - before).saturating_sub(length);
        if missing_behind > 0 { before + missing_behind } else { position.min(before) }
    };
    let mut output = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let row = part(y, height, folding.kernel_height);
            let set = row * usize::from(folding.kernel_width) + part(x, width, folding.kernel_width);
            output.extend(&whole[set][(y * width + x) * filters..][..filters]);
        }
    }
    output
}

/// Depthwise convolution with weights `[row][column][output channel]`; as many filters a channel as there are output channels
/// for it.
pub fn depthwise_conv2d(
    ends: &Ends,
    window: Window,
    input: &[i8],
    shape: Shape,
    weights: &[i8],
    channels: &[ChannelParameters],
) -> Vec<i8> {
    let (height, width) = output_size(window, shape);
    let zero = i64::from(ends.input_zero_point);
    let multiplier = channels.len() / usize::from(shape.channels);
    let mut output = Vec::new();
    for y in 0..height {
        for x in 0..width {
            for (c, channel) in channels.iter().enumerate() {
                let mut sum = 0;
                for (row, column, input_y, input_x) in taps(window, shape, y, x) {
                    let tap = row * usize::from(window.kernel_width) + column;
                    let weight = i64::from(weights[tap * channels.len() + c]);
                    sum += (at(input, shape, input_y, input_x, c / multiplier).unwrap_or(zero) - zero) * weight;
                }
                output.push(finish(ends, channel, sum));
            }
        }
    }
    output
}

/// Fully connected operator with weights `[unit][input]`.
pub fn fully_connected(ends: &Ends, input: &[i8], weights: &[i8], channels: &[ChannelParameters]) -> Vec<i8> {
    let zero = i64::from(ends.input_zero_point);
    let unit = |(unit, channel): (usize, &ChannelParameters)| {
        let sum =
            (0..input.len()).map(|i| (i64::from(input[i]) - zero) * i64::from(weights[unit * input.len() + i])).sum();
        finish(ends, channel, sum)
    };
    channels.iter().enumerate().map(unit).collect()
}
