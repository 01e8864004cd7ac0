//! Pooling over windows.

use shared::shape::{Shape, Window};

use super::{at, output_size, taps};

/// `reduce` over the values under each window that lie inside the input, clamped.
fn pool(window: Window, input: &[i8], shape: Shape, activation: (i8, i8), reduce: impl Fn(&[i64]) -> i64) -> Vec<i8> {
    let (height, width) = output_size(window, shape);
    let (low, high) = (i64::from(activation.0), i64::from(activation.1));
    let mut output = Vec::new();
    for y in 0..height {
        for x in 0..width {
            for c in 0..usize::from(shape.channels) {
                let values: Vec<i64> =
                    taps(window, shape, y, x).filter_map(|(_, _, y, x)| at(input, shape, y, x, c)).collect();
                output.push(reduce(&values).clamp(low, high) as i8);
            }
        }
    }
    output
}

/// The largest value.
pub fn max_pool2d(window: Window, input: &[i8], shape: Shape, activation: (i8, i8)) -> Vec<i8> {
    pool(window, input, shape, activation, |values| *values.iter().max().expect("a window meets its input"))
}

/// The mean, halves rounded away from zero.
pub fn average_pool2d(window: Window, input: &[i8], shape: Shape, activation: (i8, i8)) -> Vec<i8> {
    pool(window, input, shape, activation, |values| {
        let (sum, count) = (values.iter().sum::<i64>(), values.len() as i64);
        sum.signum() * ((2 * sum.abs() + count) / (2 * count))
    })
}
