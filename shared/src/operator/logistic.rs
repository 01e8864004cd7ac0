//! The logistic function, value by value, by a table.
//!
//! An i8 has 256 values, so the function of a tensor with a given scale is a table of 256 bytes. TensorFlow Lite's reference
//! kernel has the same table, and fills it when a model is loaded. Here it is filled when the model file is written, because a
//! device may lack an exponential function.

use serde::{Deserialize, Serialize};

use super::check::{StepError, WeightSection};
use crate::{quantization::Quantization, tensor::Tensor};

/// TensorFlow's name.
pub const NAME: &str = "Logistic";

/// Number of values in the table.
pub const TABLE: usize = 256;

/// Scale and zero point of the output: `0..1` in 256 steps. TensorFlow Lite's specification fixes them.
pub const OUTPUT: Quantization = Quantization { scale: 1.0 / 256.0, zero_point: -128 };

/// A logistic function as stored in a model file.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogisticRecord {
    /// The tensor read.
    pub input: Tensor,
    /// First byte of the table in the weight section.
    pub table_offset: u32,
}

/// A logistic function that was checked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogisticStep<'a> {
    /// The tensor read.
    pub input: Tensor,
    /// The output for every input, from -128 to 127.
    pub table: &'a [i8; TABLE],
}

impl LogisticRecord {
    /// The step with its table.
    pub(crate) fn resolve<'a>(&self, section: WeightSection<'a>) -> Result<LogisticStep<'a>, StepError> {
        let table = section.values(self.table_offset, TABLE as u64)?;
        Ok(LogisticStep { input: self.input, table: table.first_chunk().ok_or(StepError::Weights)? })
    }
}

impl LogisticStep<'_> {
    /// Checks that the output is quantized as the specification says, and not clamped further.
    pub(crate) fn check(&self, output: &Tensor, clamp: (i8, i8)) -> Result<(), StepError> {
        let sound = output.quantization == OUTPUT && clamp == (i8::MIN, i8::MAX);
        if sound { Ok(()) } else { Err(StepError::Quantization) }
    }
}
