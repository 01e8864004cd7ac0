//! Fully connected operator.

use serde::{Deserialize, Serialize};

use super::check::{StepError, WeightOffsets, WeightSection, check_channels};
use crate::{quantization::ChannelParameters, shape::Shape, tensor::Tensor};

/// TensorFlow's name.
pub const NAME: &str = "FullyConnected";

/// Every output depends on every input; the input is read as one vector in NHWC order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FullyConnected {
    /// Outputs.
    pub units: u16,
}

impl FullyConnected {
    /// The shape of the output; `None` without units.
    pub fn output_shape(&self) -> Option<Shape> {
        (self.units > 0).then_some(Shape::vector(self.units))
    }

    /// Number of weights, `[UNITS, INPUTS]`.
    pub fn weight_count(&self, input: Shape) -> u64 {
        u64::from(input.height) * u64::from(input.width) * u64::from(input.channels) * u64::from(self.units)
    }
}

/// A fully connected operator as stored in a model file.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FullyConnectedRecord {
    /// What is computed.
    pub operator: FullyConnected,
    /// The tensor read.
    pub input: Tensor,
    /// Weights, units x inputs, and one channel parameter per unit.
    pub weights: WeightOffsets,
}

/// A fully connected operator that was checked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FullyConnectedStep<'a> {
    /// What is computed.
    pub operator: FullyConnected,
    /// The tensor read.
    pub input: Tensor,
    /// `[UNITS, INPUTS]`.
    pub weights: &'a [i8],
    /// One per unit.
    pub channels: &'a [ChannelParameters],
}

impl FullyConnectedRecord {
    /// The step with its weights.
    pub(crate) fn resolve<'a>(&self, section: WeightSection<'a>) -> Result<FullyConnectedStep<'a>, StepError> {
        let Self { operator, input, weights } = *self;
        Ok(FullyConnectedStep {
            operator,
            input,
            weights: section.values(weights.weights, operator.weight_count(input.shape))?,
            channels: section.channels(weights.channels, operator.units.into())?,
        })
    }
}

impl FullyConnectedStep<'_> {
    /// Checks the ranges of factors and sums.
    pub(crate) fn check(&self) -> Result<(), StepError> {
        check_channels(self.weights, self.channels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::Operator;

    #[test]
    fn a_dense_layer_reads_a_feature_map_as_a_vector() {
        let operator = Operator::FullyConnected(FullyConnected { units: 144 });
        let input = Shape::new(12, 12, 8);
        assert_eq!(operator.output_shape(input), Ok(Shape::vector(144)));
        assert_eq!(operator.macs(input), 165_888);
    }
}
