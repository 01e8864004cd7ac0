//! The operators a network is made of, their geometry and their cost.
//!
//! An architecture file becomes a list of these; the burn module is built from the list, the quantizer walks it, the model
//! file stores it and the core runs it.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::shape::{Shape, Window};

/// What one step of a network computes, without weights and quantization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Operator {
    /// Convolution over all input channels; a `1 x 1` window is a pointwise convolution.
    Conv2d {
        /// Kernel, stride and padding.
        window: Window,
        /// Output channels.
        filters: u16,
    },
    /// One filter for each channel (depth multiplier 1).
    DepthwiseConv2d {
        /// Kernel, stride and padding.
        window: Window,
    },
    /// Maximum over a window, for each channel. Padding is left out of the maximum.
    MaxPool2d {
        /// Kernel, stride and padding.
        window: Window,
    },
    /// Mean over a window, for each channel. Padding is left out of the mean.
    AveragePool2d {
        /// Kernel, stride and padding.
        window: Window,
    },
    /// Mean over all pixels, for each channel.
    GlobalAveragePool,
    /// Sum of two tensors of the same shape (a residual connection).
    Add,
    /// Product of two tensors, value by value. The second has the first one's shape, or is a vector with a value for each
    /// channel, which multiplies the channel everywhere.
    Mul,
    /// `1 / (1 + exp(-x))`, value by value.
    Logistic,
    /// Every output from every input; the input is read as one vector in NHWC order.
    FullyConnected {
        /// Outputs.
        units: u16,
    },
}

impl Operator {
    /// The name in TensorFlow's spelling.
    pub const fn name(&self) -> &'static str {
        match self {
            Operator::Conv2d { .. } => "Conv2D",
            Operator::DepthwiseConv2d { .. } => "DepthwiseConv2D",
            Operator::MaxPool2d { .. } => "MaxPool2D",
            Operator::AveragePool2d { .. } => "AveragePool2D",
            Operator::GlobalAveragePool => "GlobalAveragePool",
            Operator::Add => "Add",
            Operator::Mul => "Mul",
            Operator::Logistic => "Logistic",
            Operator::FullyConnected { .. } => "FullyConnected",
        }
    }

    /// Tensors read: 2 for [`Operator::Add`] and [`Operator::Mul`], else 1.
    pub const fn input_count(&self) -> usize {
        if matches!(self, Operator::Add | Operator::Mul) { 2 } else { 1 }
    }

    /// Whether an operator of two inputs takes a `second` one of this shape beside the `first`.
    pub fn takes_second(&self, first: Shape, second: Shape) -> bool {
        match self {
            Operator::Add => second == first,
            Operator::Mul => second == first || second == Shape::vector(first.channels),
            _ => false,
        }
    }

    /// The window that slides, for convolutions and pools.
    pub const fn window(&self) -> Option<Window> {
        match *self {
            Operator::Conv2d { window, .. }
            | Operator::DepthwiseConv2d { window }
            | Operator::MaxPool2d { window }
            | Operator::AveragePool2d { window } => Some(window),
            _ => None,
        }
    }

    /// The shape of the output over an input of shape `input`.
    ///
    /// # Errors
    /// [`ShapeError`] if no window fits or a count is zero.
    pub fn output_shape(&self, input: Shape) -> Result<Shape, ShapeError> {
        let error = ShapeError { operator: self.name(), input };
        let empty = input.height == 0 || input.width == 0 || input.channels == 0;
        let slide = |window: Window, channels: u16| {
            let (height, width) = window.output_size(input.height, input.width)?;
            Some(Shape::new(height, width, channels)).filter(|_| channels > 0)
        };
        let output = match *self {
            _ if empty => None,
            Operator::Conv2d { window, filters } => slide(window, filters),
            Operator::DepthwiseConv2d { window }
            | Operator::MaxPool2d { window }
            | Operator::AveragePool2d { window } => slide(window, input.channels),
            Operator::GlobalAveragePool => Some(Shape::vector(input.channels)),
            Operator::Add | Operator::Mul | Operator::Logistic => Some(input),
            Operator::FullyConnected { units } => Some(Shape::vector(units)).filter(|_| units > 0),
        };
        output.ok_or(error)
    }

    /// Number of weights over an input of shape `input`, biases apart.
    pub fn weight_count(&self, input: Shape) -> u64 {
        match *self {
            Operator::Conv2d { window, filters } => {
                u64::from(window.taps()) * u64::from(input.channels) * u64::from(filters)
            }
            Operator::DepthwiseConv2d { window } => u64::from(window.taps()) * u64::from(input.channels),
            Operator::FullyConnected { units } => {
                u64::from(input.height) * u64::from(input.width) * u64::from(input.channels) * u64::from(units)
            }
            _ => 0,
        }
    }

    /// Channels that carry a bias and a requantization of their own; 0 for operators without weights.
    pub const fn weighted_channels(&self, input: Shape) -> u16 {
        match *self {
            Operator::Conv2d { filters, .. } => filters,
            Operator::DepthwiseConv2d { .. } => input.channels,
            Operator::FullyConnected { units } => units,
            _ => 0,
        }
    }

    /// Multiply-accumulates over an input of shape `input`, taps that fall on padding included, as is customary; 0 for
    /// operators without weights and for shapes that do not fit.
    pub fn macs(&self, input: Shape) -> u64 {
        match (*self, self.output_shape(input)) {
            (Operator::Conv2d { .. } | Operator::DepthwiseConv2d { .. }, Ok(output)) => {
                u64::from(output.height) * u64::from(output.width) * self.weight_count(input)
            }
            (Operator::FullyConnected { .. }, Ok(_)) => self.weight_count(input),
            _ => 0,
        }
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

/// An operator meets an input that it has no output for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShapeError {
    /// [`Operator::name`].
    pub operator: &'static str,
    /// The input it met.
    pub input: Shape,
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shape { height, width, channels } = self.input;
        write!(f, "{} has no output for an input of {height}x{width}x{channels}", self.operator)
    }
}

impl core::error::Error for ShapeError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Padding;

    #[test]
    fn the_second_convolution_of_the_paper_costs_11_million_macs() {
        let operator = Operator::Conv2d { window: Window::square(5, 1, Padding::Same), filters: 14 };
        let input = Shape::new(48, 48, 14);
        assert_eq!(operator.output_shape(input), Ok(input));
        assert_eq!(operator.weight_count(input), 4_900);
        assert_eq!(operator.macs(input), 11_289_600);
    }

    #[test]
    fn a_dense_layer_reads_a_feature_map_as_a_vector() {
        let operator = Operator::FullyConnected { units: 144 };
        let input = Shape::new(12, 12, 8);
        assert_eq!(operator.output_shape(input), Ok(Shape::vector(144)));
        assert_eq!(operator.macs(input), 165_888);
    }

    #[test]
    fn a_window_larger_than_a_valid_input_has_no_output() {
        let operator = Operator::MaxPool2d { window: Window::square(5, 1, Padding::Valid) };
        assert!(operator.output_shape(Shape::new(4, 9, 3)).is_err());
    }
}
