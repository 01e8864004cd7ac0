//! An operator in integers.

use shared::{
    model::{OperationRecord, Tensor},
    operator::Operator,
    quantization::ChannelParameters,
};

use super::channel_of;
use crate::scales::{QuantizedWeights, WeightRangeError, quantize_weights};

/// An operator as a step of a model file holds it.
#[derive(Clone, Debug)]
pub struct Quantized {
    /// Its record, without offsets of weights.
    pub operation: OperationRecord,
    /// Its weights or its table; empty for operators without.
    pub weights: Vec<i8>,
    /// One entry per output channel; empty for operators without weights.
    pub channels: Vec<ChannelParameters>,
}

/// The tensors at the two ends of an operator.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    /// The (first) tensor read.
    pub input: Tensor,
    /// The tensor written.
    pub output: Tensor,
}

/// Why an operator cannot be quantized.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum QuantizeError {
    /// Its weights do not fit.
    #[error(transparent)]
    Weights(#[from] WeightRangeError),
    /// The scales of its tensors are too far apart.
    #[error(
        "the scales of its input and output are too far apart for 8-bit arithmetic; train longer, or with a smaller learning rate"
    )]
    Scales,
}

impl Quantized {
    /// An operator without weights.
    pub(super) fn plain(operation: OperationRecord) -> Self {
        Self { operation, weights: Vec::new(), channels: Vec::new() }
    }

    /// An operator with weights.
    pub(super) fn weighted(
        operator: Operator,
        operation: OperationRecord,
        ends: Ends,
        weights: &[f32],
        biases: &[f32],
    ) -> Result<Self, QuantizeError> {
        let channel_of = channel_of(&operator, weights.len(), biases.len());
        let (input, output) = (ends.input.quantization, ends.output.quantization);
        let QuantizedWeights { weights, channels } = quantize_weights(weights, biases, channel_of, input, output)?;
        Ok(Self { operation, weights, channels })
    }
}
