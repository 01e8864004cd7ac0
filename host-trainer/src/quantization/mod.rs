//! From a trained network to a model file: eight bits, by TensorFlow Lite's specification.
//!
//! ```text
//! lower.rs       layers -> the core's operators, in real numbers (folding, clamps, layouts)
//! parameters.rs  ranges and weights -> scales, zero points, multipliers
//! plan.rs        tensors -> places in the arena
//! mod.rs         all of it -> the records of a model file
//! ```

pub mod lower;
pub mod parameters;
pub mod plan;

use shared::{
    model::{AlignedBytes, Arithmetic, EncodeError, Header, Measurement, StepRecord, StepSource, Tensor, encode},
    operator::{Activation, Operator},
    preprocessing::Preprocessing,
    quantization::{AddParameters, Quantization, Requantization},
};

use self::{
    lower::{FloatOperator, LowerError, Lowered, lower},
    parameters::{Range, WeightRangeError, activation_quantization, quantize, quantize_weights},
    plan::{Lifetime, plan},
};
use crate::network::FloatNetwork;

/// A network in integers, ready to be written.
#[derive(Clone, Debug)]
pub struct QuantizedNetwork {
    name: String,
    preprocessing: Preprocessing,
    input: Tensor,
    arena_bytes: u32,
    macs: u64,
    steps: Vec<StepSource>,
}

/// What a model file says beside the network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Particulars<'a> {
    /// Divides the logits before softmax.
    pub temperature: f32,
    /// A readout whose confidence is below is `uncertain`.
    pub threshold: f32,
    /// How good the network was measured to be.
    pub measurement: Measurement<'a>,
    /// Hash of the training configuration.
    pub training_hash: u64,
}

/// Why a network cannot be quantized.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum QuantizationError {
    /// A layer has no counterpart in the core.
    #[error(transparent)]
    Lower(#[from] LowerError),
    /// There is not one range a layer.
    #[error("calibration gave {have} ranges for {need} layers; calibrate again with at least one image")]
    Ranges {
        /// Ranges.
        have: usize,
        /// Layers.
        need: usize,
    },
    /// An operator's weights do not fit.
    #[error("operator {operator}: {error}")]
    Weights {
        /// Which operator, from 0.
        operator: usize,
        /// Which channel.
        error: WeightRangeError,
    },
    /// The scales of an operator's tensors are too far apart.
    #[error(
        "operator {operator}: the scales of its input and output are too far apart for 8-bit arithmetic; train longer, or with a smaller learning rate"
    )]
    Scales {
        /// Which operator, from 0.
        operator: usize,
    },
}

/// Quantizes a trained network; `ranges[layer]` is the range of that layer's output over calibration images.
///
/// # Errors
/// [`QuantizationError`] if a layer cannot run on the core or a number leaves the range of the arithmetic.
pub fn quantize_network(network: &FloatNetwork, ranges: &[Range]) -> Result<QuantizedNetwork, QuantizationError> {
    let architecture = &network.architecture;
    if ranges.len() != architecture.layers.len() {
        return Err(QuantizationError::Ranges { have: ranges.len(), need: architecture.layers.len() });
    }
    let lowered = lower(network)?;
    let quantizations = tensor_quantizations(&lowered, ranges, architecture.preprocessing);
    let plan = plan(&lifetimes(&lowered));
    let tensors: Vec<Tensor> = lowered
        .tensors
        .iter()
        .zip(&quantizations)
        .zip(&plan.offsets)
        .map(|((tensor, &quantization), &offset)| Tensor { shape: tensor.shape, quantization, offset })
        .collect();
    let steps = lowered
        .operators
        .iter()
        .enumerate()
        .map(|(index, operator)| step(index, operator, &tensors))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(QuantizedNetwork {
        name: architecture.name.clone(),
        preprocessing: architecture.preprocessing,
        input: tensors[0],
        arena_bytes: plan.arena_bytes,
        macs: (0..architecture.layers.len()).map(|layer| architecture.macs(layer)).sum(),
        steps,
    })
}

impl QuantizedNetwork {
    /// The model file.
    ///
    /// # Errors
    /// [`EncodeError`] if it would not be a sound model.
    pub fn encode(&self, particulars: &Particulars<'_>) -> Result<AlignedBytes, EncodeError> {
        let header = Header {
            name: &self.name,
            labels: &[0, 1, 2, 3, 4, 5, 6],
            preprocessing: self.preprocessing,
            input: self.input,
            temperature: particulars.temperature,
            threshold: particulars.threshold,
            arena_bytes: self.arena_bytes,
            macs: self.macs,
            measurement: particulars.measurement,
            training_hash: particulars.training_hash,
            weight_bytes: 0,
            step_count: 0,
        };
        encode(&header, &self.steps)
    }
}

/// Scale and zero point of every tensor. A pool leaves its input's as they are, so that it needs no arithmetic.
fn tensor_quantizations(lowered: &Lowered, ranges: &[Range], preprocessing: Preprocessing) -> Vec<Quantization> {
    let input = Quantization { scale: preprocessing.scale(), zero_point: preprocessing.zero_point() };
    let mut quantizations = vec![input; lowered.tensors.len()];
    for operator in &lowered.operators {
        quantizations[operator.output] = match operator.operator {
            Operator::MaxPool2d { .. } | Operator::AveragePool2d { .. } => quantizations[operator.inputs[0]],
            _ => lowered.tensors[operator.output].layer.map_or(input, |layer| activation_quantization(ranges[layer])),
        };
    }
    quantizations
}

/// A tensor lives from the step that writes it to the last step that reads it; the input is written before the first step,
/// the logits outlive the last. Steps count from 1 here.
fn lifetimes(lowered: &Lowered) -> Vec<Lifetime> {
    let end = lowered.operators.len() + 1;
    (0..lowered.tensors.len())
        .map(|tensor| {
            let written = lowered.operators.iter().position(|op| op.output == tensor).map_or(0, |step| step + 1);
            let read =
                lowered.operators.iter().rposition(|op| op.inputs.contains(&tensor)).map_or(end, |step| step + 1);
            // Shapes of an architecture fit: a feature map has at most 48 x 48 x 65,535 values.
            let bytes = lowered.tensors[tensor].shape.elements().unwrap_or(u32::MAX);
            Lifetime { bytes, steps: written..=read }
        })
        .collect()
}

fn step(index: usize, operator: &FloatOperator, tensors: &[Tensor]) -> Result<StepSource, QuantizationError> {
    let input = tensors[operator.inputs[0]];
    let second_input = operator.inputs.get(1).map(|&tensor| tensors[tensor]);
    let output = tensors[operator.output];
    let scales = || QuantizationError::Scales { operator: index };
    let arithmetic = match (operator.operator, second_input) {
        (Operator::GlobalAveragePool, _) => {
            let pixels = f64::from(input.shape.height) * f64::from(input.shape.width);
            let factor = f64::from(input.quantization.scale) / (f64::from(output.quantization.scale) * pixels);
            Arithmetic::Mean(Requantization::from_real(factor).ok_or_else(scales)?)
        }
        (Operator::Add, Some(second)) => {
            let [left, right, sum] = [input, second, output].map(|tensor| tensor.quantization.scale);
            Arithmetic::Add(AddParameters::from_scales(left, right, sum).ok_or_else(scales)?)
        }
        _ => Arithmetic::None,
    };
    let channels = operator.biases.len().max(1);
    let per_channel = (operator.weights.len() / channels).max(1);
    let depthwise = matches!(operator.operator, Operator::DepthwiseConv2d { .. });
    let channel_of = |weight: usize| if depthwise { weight % channels } else { weight / per_channel };
    let quantized =
        quantize_weights(&operator.weights, &operator.biases, channel_of, input.quantization, output.quantization)
            .map_err(|error| QuantizationError::Weights { operator: index, error })?;
    let (activation_min, activation_max) = clamp(operator.activation, output.quantization);
    let record = StepRecord {
        operator: operator.operator,
        input,
        second_input,
        output,
        activation_min,
        activation_max,
        weights_offset: 0,
        channels_offset: 0,
        arithmetic,
    };
    Ok(StepSource { record, weights: quantized.weights, channels: quantized.channels })
}

fn clamp(activation: Activation, output: Quantization) -> (i8, i8) {
    match activation {
        Activation::None => (i8::MIN, i8::MAX),
        Activation::Relu => (output.zero_point, i8::MAX),
        Activation::Relu6 => (output.zero_point, quantize(6.0, output)),
    }
}
