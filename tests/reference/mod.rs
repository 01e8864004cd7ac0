//! The operators once more: slow, naive, from TensorFlow Lite's 8-bit quantization specification and nothing else.
//!
//! Nothing here is shared with the core but plain data (shapes, windows, factors): geometry, padding and rounding are written
//! anew, in exact arithmetic (`i64` and `i128`), in the order of the defining sums. The core must give the same bits.

mod convolution;
mod elementwise;
mod network;
mod pooling;
mod requantize;

pub use self::{
    convolution::{conv2d, depthwise_conv2d, folded_conv2d, fully_connected},
    elementwise::{add, global_average_pool, logistic, mul},
    network::{run, run_network},
    pooling::{average_pool2d, max_pool2d},
    requantize::{mean_multiplier, quantize_multiplier, requantize},
};

use shared::shape::{Padding, Shape, Window};

/// What an operator does to the integers at its two ends.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    /// Zero point of the input.
    pub input_zero_point: i8,
    /// Zero point of the output.
    pub output_zero_point: i8,
    /// Least and greatest output.
    pub activation: (i8, i8),
}

impl Ends {
    /// The output for a requantized sum.
    fn finish(&self, requantized: i64) -> i8 {
        let (low, high) = self.activation;
        let value = requantized + i64::from(self.output_zero_point);
        if value < i64::from(low) {
            low
        } else if value > i64::from(high) {
            high
        } else {
            value as i8
        }
    }
}

/// The value at `(y, x, channel)` of an NHWC tensor, `None` outside it.
fn at(tensor: &[i8], shape: Shape, y: i64, x: i64, channel: usize) -> Option<i64> {
    let (height, width) = (i64::from(shape.height), i64::from(shape.width));
    if y < 0 || y >= height || x < 0 || x >= width {
        return None;
    }
    let index = (y * width + x) as usize * usize::from(shape.channels) + channel;
    Some(i64::from(tensor[index]))
}

/// Output length along an axis and the input position of the first window's first tap, as TensorFlow defines the two
/// paddings. A dilated kernel is as long as one with zeros between its taps.
fn axis(length: u16, kernel: u8, dilation: u8, stride: u8, padding: Padding) -> (usize, i64) {
    let (length, kernel, stride) = (i64::from(length), i64::from(kernel), i64::from(stride));
    let kernel = kernel + (kernel - 1) * (i64::from(dilation) - 1);
    match padding {
        Padding::Valid => {
            // Windows that start at 0, stride, 2 stride, … and end inside.
            let count = (0..length).step_by(stride as usize).filter(|start| start + kernel <= length).count();
            (count, 0)
        }
        Padding::Same => {
            let count = (length as f64 / stride as f64).ceil() as i64;
            let missing = ((count - 1) * stride + kernel - length).max(0);
            (count as usize, -(missing / 2))
        }
    }
}

/// Height and width of the output of a window.
pub fn output_size(window: Window, input: Shape) -> (usize, usize) {
    let [vertical, horizontal] = axes(window, input);
    (vertical.0, horizontal.0)
}

fn axes(window: Window, input: Shape) -> [(usize, i64); 2] {
    [
        axis(input.height, window.kernel_height, window.dilation_height, window.stride_height, window.padding),
        axis(input.width, window.kernel_width, window.dilation_width, window.stride_width, window.padding),
    ]
}

/// Every tap of the window of output `(y, x)`: row and column in the kernel, row and column in the input.
pub(crate) fn taps(window: Window, input: Shape, y: usize, x: usize) -> impl Iterator<Item = (usize, usize, i64, i64)> {
    let [vertical, horizontal] = axes(window, input);
    let top = vertical.1 + (y * usize::from(window.stride_height)) as i64;
    let left = horizontal.1 + (x * usize::from(window.stride_width)) as i64;
    let (down, across) = (i64::from(window.dilation_height), i64::from(window.dilation_width));
    (0..usize::from(window.kernel_height)).flat_map(move |row| {
        (0..usize::from(window.kernel_width))
            .map(move |column| (row, column, top + down * row as i64, left + across * column as i64))
    })
}
