//! Sum of two tensors of the same shape (a residual connection).

use serde::{Deserialize, Serialize};

use super::check::StepError;
use crate::{quantization::AddParameters, shape::Shape, tensor::Tensor};

/// TensorFlow's name.
pub const NAME: &str = "Add";

/// Both inputs have the same shape.
pub fn takes_second(first: Shape, second: Shape) -> bool {
    first == second
}

/// An addition in a model. The output may take the place of the first input.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AddStep {
    /// The first tensor read.
    pub left: Tensor,
    /// The second tensor read.
    pub right: Tensor,
    /// Factors that bring both inputs to one scale, and the sum to the output's scale.
    pub factors: AddParameters,
}

impl AddStep {
    /// With factors below one nothing in an addition can overflow: 2 * 255 * 2^20 < 2^30.
    pub(crate) fn check(&self) -> Result<(), StepError> {
        let AddParameters { left, right, output } = self.factors;
        let sound = [left, right, output].iter().all(|factor| factor.is_valid() && factor.shift <= 0);
        if sound { Ok(()) } else { Err(StepError::Quantization) }
    }
}
