//! The operators in integers, one a file. The bit-exact reference of all of them are TensorFlow Lite's reference kernels
//! (`tensorflow/lite/kernels/internal/reference/integer_ops`, double rounding); in a disagreement, they win.
//!
//! Activations are `i8`, NHWC with a batch of one; weights are `i8`, symmetric, with a scale for each output channel. Names
//! are those of TensorFlow Lite and CMSIS-NN: `input_offset` is *minus* the input's zero point, `output_offset` is the
//! output's zero point.
//!
//! No kernel checks shapes against each other: [`Model::parse`](shared::model::Model::parse) did that once. A slice that is
//! too short is an error nevertheless, never a panic.

mod add;
mod average_pool2d;
mod conv2d;
mod depthwise_conv2d;
mod dot;
mod fully_connected;
mod global_average_pool;
mod max_pool2d;
mod softmax;
mod taps;

pub use self::{
    add::{AddArguments, add},
    average_pool2d::average_pool2d,
    conv2d::{ConvArguments, conv2d},
    depthwise_conv2d::depthwise_conv2d,
    dot::{dot, dot_tile},
    fully_connected::{FullyConnectedArguments, fully_connected},
    global_average_pool::{MeanArguments, global_average_pool},
    max_pool2d::{PoolArguments, max_pool2d},
    softmax::softmax,
};

/// A slice is shorter than the shapes that came with it say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceTooShort;

/// Adds the output's zero point and clamps: the end of every kernel.
fn store(requantized: i32, output_offset: i32, activation_min: i8, activation_max: i8) -> i8 {
    let value = requantized.saturating_add(output_offset);
    // Not `clamp`, which panics for a reversed range.
    value.max(activation_min.into()).min(activation_max.into()) as i8
}
