//! Product of two tensors, value by value.

use serde::{Deserialize, Serialize};

use super::check::{LARGEST_INPUT, StepError, check_sum};
use crate::{quantization::Requantization, shape::Shape, tensor::Tensor};

/// TensorFlow's name.
pub const NAME: &str = "Mul";

/// The second input has the first one's shape, or is a vector with a value for each of its channels.
pub fn takes_second(first: Shape, second: Shape) -> bool {
    second == first || second == Shape::vector(first.channels)
}

/// A multiplication in a model. The output may take the place of the first input.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MulStep {
    /// The first tensor read; it has the output's shape.
    pub left: Tensor,
    /// The second tensor read, of the same shape or a value for each channel.
    pub right: Tensor,
    /// `left_scale * right_scale / output_scale`.
    pub factor: Requantization,
}

impl MulStep {
    /// Checks the ranges of the factor and of the products.
    pub(crate) fn check(&self) -> Result<(), StepError> {
        if !self.factor.is_valid() {
            return Err(StepError::Quantization);
        }
        check_sum(LARGEST_INPUT * LARGEST_INPUT, self.factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_multiplies_every_pixel() {
        let map = Shape::new(6, 5, 3);
        assert!(takes_second(map, map) && takes_second(map, Shape::vector(3)));
        assert!(!takes_second(map, Shape::vector(5)) && !takes_second(Shape::vector(3), map));
    }
}
