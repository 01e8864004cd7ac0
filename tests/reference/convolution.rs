//! Operators with weights.

use shared::{
    quantization::ChannelParameters,
    shape::{Shape, Window},
};

use super::{Ends, at, output_size, requantize, taps};

fn finish(ends: &Ends, channel: &ChannelParameters, sum: i64) -> i8 {
    ends.finish(requantize(sum + i64::from(channel.bias), channel.requantization()))
}

/// Convolution with weights `[filter][row][column][channel]`; padding has the value of the zero point.
pub fn conv2d(
    ends: &Ends,
    window: Window,
    input: &[i8],
    shape: Shape,
    weights: &[i8],
    channels: &[ChannelParameters],
) -> Vec<i8> {
    let (height, width) = output_size(window, shape);
    let zero = i64::from(ends.input_zero_point);
    let depth = usize::from(shape.channels);
    let mut output = Vec::new();
    for y in 0..height {
        for x in 0..width {
            for (filter, channel) in channels.iter().enumerate() {
                let mut sum = 0;
                for (row, column, input_y, input_x) in taps(window, shape, y, x) {
                    for c in 0..depth {
                        let tap = (filter * usize::from(window.kernel_height) + row) * usize::from(window.kernel_width);
                        let weight = i64::from(weights[(tap + column) * depth + c]);
                        sum += (at(input, shape, input_y, input_x, c).unwrap_or(zero) - zero) * weight;
                    }
                }
                output.push(finish(ends, channel, sum));
            }
        }
    }
    output
}

/// Depthwise convolution with weights `[row][column][channel]`.
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
    let mut output = Vec::new();
    for y in 0..height {
        for x in 0..width {
            for (c, channel) in channels.iter().enumerate() {
                let mut sum = 0;
                for (row, column, input_y, input_x) in taps(window, shape, y, x) {
                    let tap = row * usize::from(window.kernel_width) + column;
                    let weight = i64::from(weights[tap * channels.len() + c]);
                    sum += (at(input, shape, input_y, input_x, c).unwrap_or(zero) - zero) * weight;
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
