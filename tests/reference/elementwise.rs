//! Operators without windows and weights.

use shared::quantization::{AddParameters, Requantization};

use super::{Ends, requantize};

/// The sum of two tensors; `zero_points` are those of the inputs.
pub fn add(ends: &Ends, zero_points: (i8, i8), factors: &AddParameters, left: &[i8], right: &[i8]) -> Vec<i8> {
    let lift = |value: i8, zero_point: i8| (i64::from(value) - i64::from(zero_point)) * (1 << 20);
    let sum = |(&left, &right): (&i8, &i8)| {
        let left = requantize(lift(left, zero_points.0), factors.left);
        let right = requantize(lift(right, zero_points.1), factors.right);
        ends.finish(requantize(left + right, factors.output))
    };
    left.iter().zip(right).map(sum).collect()
}

/// The mean over all pixels for each of `channels` channels; `factor` divides by the number of pixels.
pub fn global_average_pool(ends: &Ends, factor: Requantization, input: &[i8], channels: usize) -> Vec<i8> {
    let zero = i64::from(ends.input_zero_point);
    let mean = |channel: usize| {
        let sum = input.chunks(channels).map(|pixel| i64::from(pixel[channel]) - zero).sum();
        ends.finish(requantize(sum, factor))
    };
    (0..channels).map(mean).collect()
}

/// The product of two tensors; `zero_points` are those of the inputs. A second one that is shorter has a value for each channel.
pub fn mul(ends: &Ends, zero_points: (i8, i8), factor: Requantization, left: &[i8], right: &[i8]) -> Vec<i8> {
    let product = |(index, &left): (usize, &i8)| {
        let left = i64::from(left) - i64::from(zero_points.0);
        let right = i64::from(right[index % right.len()]) - i64::from(zero_points.1);
        ends.finish(requantize(left * right, factor))
    };
    left.iter().enumerate().map(product).collect()
}

/// Looks every value up; the table begins with that of -128.
pub fn logistic(table: &[i8; 256], input: &[i8]) -> Vec<i8> {
    input.iter().map(|&value| table[(i32::from(value) + 128) as usize]).collect()
}
