//! The operators a network is made of, one a file: geometry, cost, what a model file says of them, and what makes that
//! sound.
//!
//! An architecture file becomes a list of [`Operator`]s; the burn module is built from the list and the quantizer walks it.
//! A model file stores each with its tensors and weights ([`StepRecord`](crate::model::StepRecord)). A record that was checked is
//! a [`Step`](crate::model::Step), which the core runs.
//!
//! To add an operator: a file here, a variant of [`Operator`] and of the two enums of [`crate::step`]. The compiler names the
//! rest.

pub mod add;
pub mod check;
pub mod conv2d;
pub mod depthwise_conv2d;
pub mod fully_connected;
pub mod global_average_pool;
pub mod logistic;
pub mod mul;
pub mod pool2d;

use core::fmt;

use serde::{Deserialize, Serialize};

pub use self::{
    conv2d::Conv2d,
    depthwise_conv2d::DepthwiseConv2d,
    fully_connected::FullyConnected,
    pool2d::{Pool2d, PoolKind},
};
use crate::shape::{Shape, Window};

/// What one step of a network computes, without weights and quantization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// Convolution; a `1 x 1` window is a pointwise one.
    Conv2d(Conv2d),
    /// Depthwise convolution: each filter sees one channel.
    DepthwiseConv2d(DepthwiseConv2d),
    /// Maximum or mean over a window, for each channel.
    Pool2d(Pool2d),
    /// Mean over all pixels, for each channel.
    GlobalAveragePool,
    /// Sum of two tensors of the same shape (a residual connection).
    Add,
    /// Product of two tensors, value by value. The second has the first one's shape, or is a vector with a value for each
    /// channel, which multiplies the channel everywhere.
    Mul,
    /// `1 / (1 + exp(-x))`, value by value.
    Logistic,
    /// Every output depends on every input; the input is read as one vector in NHWC order.
    FullyConnected(FullyConnected),
}

impl Operator {
    /// The name in TensorFlow's spelling.
    pub const fn name(&self) -> &'static str {
        match self {
            Operator::Conv2d(_) => conv2d::NAME,
            Operator::DepthwiseConv2d(_) => depthwise_conv2d::NAME,
            Operator::Pool2d(pool) => pool.name(),
            Operator::GlobalAveragePool => global_average_pool::NAME,
            Operator::Add => add::NAME,
            Operator::Mul => mul::NAME,
            Operator::Logistic => logistic::NAME,
            Operator::FullyConnected(_) => fully_connected::NAME,
        }
    }

    /// Whether the operator accepts a `second` input of this shape beside the `first`; `None` for operators with one input.
    pub fn takes_second(&self, first: Shape, second: Shape) -> Option<bool> {
        match self {
            Operator::Add => Some(add::takes_second(first, second)),
            Operator::Mul => Some(mul::takes_second(first, second)),
            Operator::Conv2d(_)
            | Operator::DepthwiseConv2d(_)
            | Operator::Pool2d(_)
            | Operator::GlobalAveragePool
            | Operator::Logistic
            | Operator::FullyConnected(_) => None,
        }
    }

    /// Number of tensors read.
    pub const fn input_count(&self) -> usize {
        match self {
            Operator::Add | Operator::Mul => 2,
            Operator::Conv2d(_)
            | Operator::DepthwiseConv2d(_)
            | Operator::Pool2d(_)
            | Operator::GlobalAveragePool
            | Operator::Logistic
            | Operator::FullyConnected(_) => 1,
        }
    }

    /// The sliding window of a convolution or a pool.
    pub const fn window(&self) -> Option<Window> {
        match self {
            Operator::Conv2d(conv) => Some(conv.window),
            Operator::DepthwiseConv2d(conv) => Some(conv.window),
            Operator::Pool2d(pool) => Some(pool.window),
            Operator::GlobalAveragePool
            | Operator::Add
            | Operator::Mul
            | Operator::Logistic
            | Operator::FullyConnected(_) => None,
        }
    }

    /// The shape of the output over a (first) input of shape `input`.
    ///
    /// # Errors
    /// [`ShapeError`] if no window fits, a count is zero, or groups do not divide the channels.
    pub fn output_shape(&self, input: Shape) -> Result<Shape, ShapeError> {
        let empty = input.height == 0 || input.width == 0 || input.channels == 0;
        let output = match self {
            _ if empty => None,
            Operator::Conv2d(conv) => conv.output_shape(input),
            Operator::DepthwiseConv2d(conv) => conv.output_shape(input),
            Operator::Pool2d(pool) => pool.output_shape(input),
            Operator::GlobalAveragePool => Some(Shape::vector(input.channels)),
            Operator::Add | Operator::Mul | Operator::Logistic => Some(input),
            Operator::FullyConnected(dense) => dense.output_shape(),
        };
        output.ok_or(ShapeError { operator: self.name(), input })
    }

    /// Number of weights over an input of shape `input`, biases apart.
    pub fn weight_count(&self, input: Shape) -> u64 {
        match self {
            Operator::Conv2d(conv) => conv.weight_count(input),
            Operator::DepthwiseConv2d(conv) => conv.weight_count(input),
            Operator::FullyConnected(dense) => dense.weight_count(input),
            Operator::Pool2d(_) | Operator::GlobalAveragePool | Operator::Add | Operator::Mul | Operator::Logistic => 0,
        }
    }

    /// Channels with a bias and a requantization of their own; 0 for operators without weights.
    pub const fn weighted_channels(&self, input: Shape) -> u16 {
        match self {
            Operator::Conv2d(conv) => conv.filters,
            Operator::DepthwiseConv2d(conv) => conv.filters(input),
            Operator::FullyConnected(dense) => dense.units,
            Operator::Pool2d(_) | Operator::GlobalAveragePool | Operator::Add | Operator::Mul | Operator::Logistic => 0,
        }
    }

    /// Multiply-accumulates over an input of shape `input`, taps that fall on padding included, as is customary; 0 for
    /// operators without weights and for shapes that do not fit.
    pub fn macs(&self, input: Shape) -> u64 {
        let Ok(output) = self.output_shape(input) else { return 0 };
        // Every weight is used once a pixel.
        u64::from(output.height) * u64::from(output.width) * self.weight_count(input)
    }
}

/// A clamp that follows an operator and costs nothing in the core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// No clamp beyond the range of the type.
    #[default]
    None,
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
}

/// An operator has no output for the shape of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShapeError {
    /// [`Operator::name`].
    pub operator: &'static str,
    /// The shape of the input.
    pub input: Shape,
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has no output for an input of {}", self.operator, self.input)
    }
}

impl core::error::Error for ShapeError {}
