//! Convolution, with groups and dilation; a pool may be fused with it.

use serde::{Deserialize, Serialize};

use super::{
    Operator, Pool2d,
    check::{StepError, WeightOffsets, WeightSection, check_channels},
};
use crate::{
    folding::Folding,
    quantization::ChannelParameters,
    shape::{Shape, Window},
    tensor::Tensor,
};

/// TensorFlow's name.
pub const NAME: &str = "Conv2D";

/// Convolution: each filter over the channels of its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Conv2d {
    /// Kernel, stride, dilation and padding.
    pub window: Window,
    /// Output channels, a multiple of `groups`.
    pub filters: u16,
    /// Groups of channels that are convolved separately: 1, or a divisor of the input's channels. The first filters see the
    /// first channels.
    pub groups: u16,
}

impl Conv2d {
    /// A convolution over all channels.
    pub const fn new(window: Window, filters: u16) -> Self {
        Self { window, filters, groups: 1 }
    }

    /// Whether it has one group and no dilation.
    pub const fn is_plain(&self) -> bool {
        self.groups == 1 && !self.window.is_dilated()
    }

    /// Input channels that a filter sees.
    pub fn depth(&self, input: Shape) -> u16 {
        input.channels.checked_div(self.groups).unwrap_or(0)
    }

    /// The shape of the output; `None` if the window does not fit or the groups do not divide the channels.
    pub fn output_shape(&self, input: Shape) -> Option<Shape> {
        let (height, width) = self.window.output_size(input.height, input.width)?;
        let divided =
            self.groups > 0 && input.channels.is_multiple_of(self.groups) && self.filters.is_multiple_of(self.groups);
        (divided && self.filters > 0).then_some(Shape::new(height, width, self.filters))
    }

    /// Number of weights, `[FILTERS, KERNEL_H, KERNEL_W, CHANNELS / GROUPS]`.
    pub fn weight_count(&self, input: Shape) -> u64 {
        u64::from(self.window.taps()) * u64::from(self.depth(input)) * u64::from(self.filters)
    }
}

/// A pool that is fused with the convolution before it, as stored. The height of its windows is their vertical stride, so a
/// band of the pool's rows needs exactly one band of the convolution's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FusedPool {
    /// The pool.
    pub pool: Pool2d,
    /// Rows of the pool's output in a band; the last band may have fewer.
    pub band_rows: u16,
}

impl FusedPool {
    /// Rows of the convolution's output that one row of the pool's needs.
    pub const fn rows(&self) -> u16 {
        self.pool.window.stride_height as u16
    }

    /// Bytes of a band of a convolution's output of shape `convolved`; `None` if they do not fit a `u32`.
    pub const fn band_bytes(&self, convolved: Shape) -> Option<u32> {
        match self.rows().checked_mul(self.band_rows) {
            Some(height) => Shape::new(height, convolved.width, convolved.channels).elements(),
            None => None,
        }
    }

    /// Whether each band of the pool needs exactly one band of the convolution.
    fn fits(&self, convolved: Shape) -> bool {
        let window = self.pool.window;
        let rows = u32::from(convolved.height) / u32::from(window.stride_height.max(1));
        window.kernel_height == window.stride_height
            && window
                .output_size(convolved.height, convolved.width)
                .is_some_and(|(height, _)| u32::from(height) <= rows && (1..=height).contains(&self.band_rows))
    }
}

/// A convolution as stored in a model file.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conv2dRecord {
    /// What is computed.
    pub operator: Conv2d,
    /// The tensor read.
    pub input: Tensor,
    /// The two convolutions that were folded into it, if any; they determine the number of sets of weights.
    pub folding: Option<Folding>,
    /// The pool that is fused with it, if any; the step's output is then the pool's.
    pub pool: Option<FusedPool>,
    /// Weights OHWI and one channel parameter per filter, set after set.
    pub weights: WeightOffsets,
}

/// A convolution that was checked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conv2dStep<'a> {
    /// What is computed.
    pub operator: Conv2d,
    /// The tensor read.
    pub input: Tensor,
    /// The shape of its output before the pool.
    pub convolved: Shape,
    /// The two convolutions that were folded into it, if any.
    pub folding: Option<Folding>,
    /// The pool that is fused with it, if any.
    pub pool: Option<Band>,
    /// `[FILTERS, KERNEL_H, KERNEL_W, CHANNELS / GROUPS]`, in [`Folding::sets`] sets.
    pub weights: &'a [i8],
    /// One per filter, in as many sets.
    pub channels: &'a [ChannelParameters],
}

/// A fused pool and the memory that a band takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Band {
    /// The pool.
    pub fused: FusedPool,
    /// Bytes of a band of the convolution's output.
    pub bytes: u32,
}

impl Conv2dRecord {
    /// The shape of the output, after the pool.
    pub(crate) fn output_shape(&self) -> Result<Shape, StepError> {
        let convolved = self.convolved()?;
        match self.pool {
            None => Ok(convolved),
            Some(fused) => Operator::Pool2d(fused.pool).output_shape(convolved).map_err(StepError::Shape),
        }
    }

    fn convolved(&self) -> Result<Shape, StepError> {
        Operator::Conv2d(self.operator).output_shape(self.input.shape).map_err(StepError::Shape)
    }

    /// Checks that folding and fused pool fit the convolution.
    pub(crate) fn check(&self) -> Result<(), StepError> {
        let convolved = self.convolved()?;
        let folds = self.folding.is_none_or(|folding| folding.fits(self.operator, self.input.shape));
        let fuses = self.pool.is_none_or(|fused| fused.fits(convolved));
        if folds && fuses { Ok(()) } else { Err(StepError::Fusion) }
    }

    /// The step with its weights.
    pub(crate) fn resolve<'a>(&self, section: WeightSection<'a>) -> Result<Conv2dStep<'a>, StepError> {
        let Self { operator, input, folding, pool, weights } = *self;
        let convolved = self.convolved()?;
        let sets = u64::from(folding.map_or(1, |folding| folding.sets()));
        let count = operator.weight_count(input.shape).checked_mul(sets).ok_or(StepError::Weights)?;
        let band = |fused: FusedPool| Some(Band { fused, bytes: fused.band_bytes(convolved)? });
        Ok(Conv2dStep {
            operator,
            input,
            convolved,
            folding,
            pool: pool.map(|fused| band(fused).ok_or(StepError::Weights)).transpose()?,
            weights: section.values(weights.weights, count)?,
            channels: section.channels(weights.channels, u64::from(operator.filters) * sets)?,
        })
    }
}

impl Conv2dStep<'_> {
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
    fn the_second_convolution_of_the_paper_costs_11_million_macs() {
        let operator = Operator::Conv2d(Conv2d::new(Window::square(5, 1, Padding::Same), 14));
        let input = Shape::new(48, 48, 14);
        assert_eq!(operator.output_shape(input), Ok(input));
        assert_eq!(operator.weight_count(input), 4_900);
        assert_eq!(operator.macs(input), 11_289_600);
    }

    #[test]
    fn groups_divide_the_weights_and_must_divide_the_channels() {
        let conv = Conv2d { groups: 4, ..Conv2d::new(Window::square(3, 1, Padding::Same), 8) };
        let input = Shape::new(6, 6, 16);
        assert_eq!(conv.output_shape(input), Some(Shape::new(6, 6, 8)));
        assert_eq!(conv.weight_count(input), 9 * 4 * 8);
        assert_eq!(conv.output_shape(Shape::new(6, 6, 18)), None);
        assert_eq!(Conv2d { filters: 6, ..conv }.output_shape(input), None);
        assert_eq!(Conv2d { groups: 0, ..conv }.output_shape(input), None);
    }
}
