//! The operators in integers, one a file. Their bit-exact reference is the reference kernels of TensorFlow Lite
//! 2.14 (`tensorflow/lite/kernels/internal/reference/integer_ops`, double rounding); in a disagreement, they win. LiteRT 2.3 gives
//! the same but for fully connected operators, whose sums it multiplies in double precision and rounds once.
//!
//! Activations are `i8`, NHWC with a batch of one; weights are `i8`, symmetric, with a scale for each output channel. Names
//! are those of TensorFlow Lite and CMSIS-NN: `input_offset` is *minus* the input's zero point, `output_offset` is the
//! output's zero point.
//!
//! [`Model::parse`](shared::model::Model::parse) checked everything that a kernel relies on, so a kernel checks its shapes and
//! lengths once, before the first sum. If they do not fit, it returns [`ShapeMismatch`] and never panics; a slice may be longer
//! than needed.

#[cfg(aarch64_neon)]
#[allow(unsafe_code)]
mod aarch64;
mod add;
mod average_pool2d;
mod conv2d;
#[cfg(any(cortex_m_dsp, cortex_m_base))]
#[allow(unsafe_code)]
mod cortex_m;
mod depthwise_conv2d;
mod dot;
mod fully_connected;
mod global_average_pool;
mod grouped_conv2d;
mod logistic;
mod max_pool2d;
mod mul;
mod pointwise;
mod scratch;
mod softmax;
#[cfg(processor_kernels)]
mod stripe;
mod taps;
mod trees;
#[cfg(any(target_arch = "x86_64", wasm_simd128))]
#[allow(unsafe_code)]
mod vectors;

/// The kernels in plain Rust, for every processor; all others give the same bits.
pub mod portable {
    pub use super::{
        conv2d::{portable as conv2d, portable_region as conv2d_region},
        depthwise_conv2d::portable as depthwise_conv2d,
        fully_connected::portable as fully_connected,
        max_pool2d::portable as max_pool2d,
        trees::portable as tree_sum,
    };
}

use core::slice::GetDisjointMutError;

use shared::{image::Processor, quantization::ChannelParameters, shape::Shape};

pub use self::{
    add::{AddArguments, add, add_assign},
    average_pool2d::average_pool2d,
    conv2d::{ConvArguments, Region, conv2d, conv2d_region, conv2d_scratch},
    depthwise_conv2d::{depthwise_conv2d, depthwise_conv2d_scratch},
    dot::{dot, dot_tile},
    fully_connected::{fully_connected, fully_connected_scratch},
    global_average_pool::{MeanArguments, global_average_pool},
    logistic::logistic,
    max_pool2d::{PoolArguments, max_pool2d},
    mul::{MulArguments, mul, mul_assign},
    pointwise::FullyConnectedArguments,
    scratch::{conv2d_scratch_on, depthwise_conv2d_scratch_on, fully_connected_scratch_on},
    softmax::softmax,
    trees::{PART_ROWS, Passing, tree_sum},
};

// The kernels for the processor that this is compiled for. Where one returns `None`, the portable version runs.
#[cfg(aarch64_neon)]
use self::aarch64 as processor;
#[cfg(any(cortex_m_dsp, cortex_m_base))]
use self::cortex_m as processor;
#[cfg(any(target_arch = "x86_64", wasm_simd128))]
use self::vectors as processor;

/// The processor that this is compiled for, if it is one whose working memory every machine can compute.
pub const PROCESSOR: Option<Processor> = if cfg!(cortex_m_base) {
    Some(Processor::CortexM0Plus)
} else if cfg!(cortex_m_dsp) {
    Some(Processor::CortexM33)
} else {
    None
};

/// Shapes and slices do not fit each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShapeMismatch;

impl From<GetDisjointMutError> for ShapeMismatch {
    fn from(_: GetDisjointMutError) -> Self {
        Self
    }
}

/// Adds the output's zero point and clamps: the end of every kernel.
fn store(requantized: i32, output_offset: i32, activation_min: i8, activation_max: i8) -> i8 {
    let value = requantized.saturating_add(output_offset);
    // Not `clamp`, which panics for a reversed range.
    value.max(activation_min.into()).min(activation_max.into()) as i8
}

/// [`ChannelParameters::requantize`], without 64-bit arithmetic where the processor has none.
fn requantize(channel: &ChannelParameters, sum: i32) -> i32 {
    #[cfg(cortex_m_base)]
    return cortex_m::requantize(channel, sum);
    #[cfg(not(cortex_m_base))]
    channel.requantize(sum)
}

/// `length` values from `start`.
fn span<T>(values: &[T], start: usize, length: usize) -> Result<&[T], ShapeMismatch> {
    values.get(start..).and_then(|rest| rest.get(..length)).ok_or(ShapeMismatch)
}

/// The elements of a tensor.
fn tensor(values: &[i8], shape: Shape) -> Result<&[i8], ShapeMismatch> {
    shape.elements().and_then(|length| values.get(..length as usize)).ok_or(ShapeMismatch)
}

/// The elements of a tensor, to be written.
fn tensor_mut(values: &mut [i8], shape: Shape) -> Result<&mut [i8], ShapeMismatch> {
    shape.elements().and_then(|length| values.get_mut(..length as usize)).ok_or(ShapeMismatch)
}

/// The weights of `outputs` filters of `length` weights each.
fn filters(weights: &[i8], outputs: usize, length: usize) -> Result<&[i8], ShapeMismatch> {
    outputs.checked_mul(length).and_then(|length| weights.get(..length)).ok_or(ShapeMismatch)
}
