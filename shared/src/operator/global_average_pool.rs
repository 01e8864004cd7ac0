//! Mean over all pixels.

use serde::{Deserialize, Serialize};

use super::check::{LARGEST_INPUT, StepError, check_sum};
use crate::{quantization::Requantization, tensor::Tensor};

/// Keras's name; TensorFlow Lite's operator is `MEAN` over height and width.
pub const NAME: &str = "GlobalAveragePool";

/// A mean over all pixels in a model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeanStep {
    /// The tensor read.
    pub input: Tensor,
    /// What [`Requantization::of_mean`] gives. Older files hold the normalized factor `input_scale / (output_scale * pixels)`;
    /// their answers stay as they were, some of them off by one from TensorFlow Lite's.
    pub factor: Requantization,
}

impl MeanStep {
    /// Checks the ranges of the factor and of the sums.
    pub(crate) fn check(&self) -> Result<(), StepError> {
        if !self.factor.is_valid_in_a_mean() {
            return Err(StepError::Quantization);
        }
        let pixels = i64::from(self.input.shape.height) * i64::from(self.input.shape.width);
        check_sum(pixels * LARGEST_INPUT, self.factor)
    }
}
