//! Depthwise convolution.

use serde::{Deserialize, Serialize};

use super::check::{StepError, WeightOffsets, WeightSection, check_channels};
use crate::{
    quantization::ChannelParameters,
    shape::{Shape, Window},
    tensor::Tensor,
};

/// TensorFlow's name.
pub const NAME: &str = "DepthwiseConv2D";

/// Depthwise convolution: each filter sees one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DepthwiseConv2d {
    /// Kernel, stride, dilation and padding.
    pub window: Window,
    /// Filters per channel (TensorFlow's depth multiplier); output channel `c * multiplier + m` is filter `m` of channel `c`.
    pub multiplier: u16,
}

impl DepthwiseConv2d {
    /// One filter per channel.
    pub const fn new(window: Window) -> Self {
        Self { window, multiplier: 1 }
    }

    /// Output channels; 0 if they do not fit a `u16`.
    pub const fn filters(&self, input: Shape) -> u16 {
        match input.channels.checked_mul(self.multiplier) {
            Some(filters) => filters,
            None => 0,
        }
    }

    /// The shape of the output; `None` if the window does not fit or a count is zero.
    pub fn output_shape(&self, input: Shape) -> Option<Shape> {
        let (height, width) = self.window.output_size(input.height, input.width)?;
        Some(Shape::new(height, width, self.filters(input))).filter(|shape| shape.channels > 0)
    }

    /// Number of weights, `[KERNEL_H, KERNEL_W, CHANNELS * MULTIPLIER]`.
    pub fn weight_count(&self, input: Shape) -> u64 {
        u64::from(self.window.taps()) * u64::from(self.filters(input))
    }
}

/// A depthwise convolution as stored in a model file.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DepthwiseConv2dRecord {
    /// What is computed.
    pub operator: DepthwiseConv2d,
    /// The tensor read.
    pub input: Tensor,
    /// Weights HWC and one channel parameter per output channel.
    pub weights: WeightOffsets,
}

/// A depthwise convolution that was checked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DepthwiseConv2dStep<'a> {
    /// What is computed.
    pub operator: DepthwiseConv2d,
    /// The tensor read.
    pub input: Tensor,
    /// `[KERNEL_H, KERNEL_W, CHANNELS * MULTIPLIER]`.
    pub weights: &'a [i8],
    /// One per output channel.
    pub channels: &'a [ChannelParameters],
}

impl DepthwiseConv2dRecord {
    /// The step with its weights.
    pub(crate) fn resolve<'a>(&self, section: WeightSection<'a>) -> Result<DepthwiseConv2dStep<'a>, StepError> {
        let Self { operator, input, weights } = *self;
        Ok(DepthwiseConv2dStep {
            operator,
            input,
            weights: section.values(weights.weights, operator.weight_count(input.shape))?,
            channels: section.channels(weights.channels, operator.filters(input.shape).into())?,
        })
    }
}

impl DepthwiseConv2dStep<'_> {
    /// Checks the ranges of factors and sums.
    pub(crate) fn check(&self) -> Result<(), StepError> {
        check_channels(self.weights, self.channels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Padding;

    #[test]
    fn a_multiplier_gives_each_channel_several_filters() {
        let conv = DepthwiseConv2d { multiplier: 3, ..DepthwiseConv2d::new(Window::square(3, 2, Padding::Same)) };
        let input = Shape::new(8, 8, 5);
        assert_eq!(conv.output_shape(input), Some(Shape::new(4, 4, 15)));
        assert_eq!(conv.weight_count(input), 9 * 15);
        assert_eq!(DepthwiseConv2d { multiplier: 0, ..conv }.output_shape(input), None);
        assert_eq!(
            DepthwiseConv2d { multiplier: 20_000, ..conv }.output_shape(input),
            None,
            "more than 65,535 channels"
        );
    }
}
