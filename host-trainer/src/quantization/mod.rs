//! From a trained network to a model file: eight bits, by TensorFlow Lite's specification.
//!
//! ```text
//! lower.rs       layers -> the core's operators, in real numbers (batch normalization, clamps, layouts)
//! merge.rs       branches that are added -> one convolution
//! fold.rs        pairs of convolutions -> one; pools -> fused with the convolution before them
//! parameters.rs  ranges and weights -> scales, zero points, multipliers
//! plan.rs        tensors -> places in the arena, and bands of fused pools
//! mod.rs         all of it -> the records of a model file
//! ```

pub mod fold;
pub mod lower;
pub mod merge;
pub mod parameters;
pub mod plan;

use shared::{
    model::{
        AlignedBytes, Arithmetic, EncodeError, FusedPool, Header, Measurement, StepRecord, StepSource, Tensor, encode,
    },
    operator::{Activation, Operator},
    preprocessing::Preprocessing,
    quantization::{AddParameters, Quantization, Requantization},
};

use self::{
    fold::{fold_convolutions, fuse_pools},
    lower::{FloatOperator, LowerError, Lowered, lower},
    merge::merge_branches,
    parameters::{Range, WeightRangeError, activation_quantization, quantize, quantize_weights},
    plan::StepPlace,
};
use crate::{architecture::Layer, network::FloatNetwork};

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

/// Which of the savings that leave a network the function that it is are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Branches are merged, pairs of convolutions folded, pools fused with the convolution before them.
    #[default]
    Folded,
    /// An operator for every layer that computes, for comparison.
    AsTrained,
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
    /// The tensors that are alive together exceed what a model file can name.
    #[error("the network's tensors take more than 4 GiB; use fewer filters")]
    Arena,
    /// The scales of an operator's tensors are too far apart.
    #[error(
        "operator {operator}: the scales of its input and output are too far apart for 8-bit arithmetic; train longer, or with a smaller learning rate"
    )]
    Scales {
        /// Which operator, from 0.
        operator: usize,
    },
}

/// Quantizes a trained network; `ranges[layer]` is the range of that layer's output over calibration images, which counts where
/// the layer has no range of its own.
///
/// # Errors
/// [`QuantizationError`] if a layer cannot run on the core or a number leaves the range of the arithmetic.
pub fn quantize_network(
    network: &FloatNetwork,
    ranges: &[Range],
    form: Form,
) -> Result<QuantizedNetwork, QuantizationError> {
    let architecture = &network.architecture;
    if ranges.len() != architecture.layers.len() {
        return Err(QuantizationError::Ranges { have: ranges.len(), need: architecture.layers.len() });
    }
    let lowered = match form {
        Form::Folded => merge_branches(lower(network)?),
        Form::AsTrained => lower(network)?,
    };
    // A network that learned with the core's rounding is computed as it learned.
    let whole = form == Form::Folded && !architecture.is_quantization_aware();
    // What the network is, without the branches that it had for training alone; folding changes how it is computed.
    let macs = lowered.macs();
    let lowered = if whole { fold_convolutions(lowered) } else { lowered };
    let lowered = if form == Form::Folded { fuse_pools(lowered) } else { lowered };
    let range = |(layer, calibrated): (&Layer, &Range)| layer.range.unwrap_or(*calibrated);
    let ranges: Vec<Range> = architecture.layers.iter().zip(ranges).map(range).collect();
    let quantizations = tensor_quantizations(&lowered, &ranges, architecture.preprocessing);
    let places = plan::places(&lowered).ok_or(QuantizationError::Arena)?;
    let tensors: Vec<Tensor> = lowered
        .tensors
        .iter()
        .zip(&quantizations)
        .zip(&places.offsets)
        .map(|((tensor, &quantization), &offset)| Tensor { shape: tensor.shape, quantization, offset })
        .collect();
    let steps = lowered
        .operators
        .iter()
        .zip(&places.steps)
        .enumerate()
        .map(|(index, (operator, &place))| step(index, operator, &tensors, place))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(QuantizedNetwork {
        name: architecture.name.clone(),
        preprocessing: architecture.preprocessing,
        input: tensors[0],
        arena_bytes: places.arena_bytes,
        macs,
        steps,
    })
}

impl QuantizedNetwork {
    /// The model file.
    ///
    /// # Errors
    /// [`EncodeError`] if it would not be a sound model.
    pub fn encode(&self, particulars: &Particulars<'_>) -> Result<AlignedBytes, EncodeError> {
        // As many as the last tensor has logits.
        let logits = self.steps.last().map_or(0, |step| step.record.output.shape.channels.min(u8::MAX.into()) as u8);
        let labels: Vec<u8> = (0..logits).collect();
        let header = Header {
            name: &self.name,
            labels: &labels,
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

fn step(
    index: usize,
    operator: &FloatOperator,
    tensors: &[Tensor],
    place: StepPlace,
) -> Result<StepSource, QuantizationError> {
    let input = tensors[operator.inputs[0]];
    let second_input = operator.inputs.get(1).map(|&tensor| tensors[tensor]);
    let output = tensors[operator.output];
    let scales = || QuantizationError::Scales { operator: index };
    let arithmetic = match (operator.operator, second_input) {
        (Operator::GlobalAveragePool, _) => {
            let pixels = u32::from(input.shape.height) * u32::from(input.shape.width);
            let [from, to] = [input, output].map(|tensor| tensor.quantization.scale);
            Arithmetic::Mean(Requantization::of_mean(from, to, pixels).ok_or_else(scales)?)
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
        folding: operator.folding,
        pool: operator.pool.map(|operator| FusedPool { operator, band_rows: place.band_rows }),
        input,
        second_input,
        output,
        scratch_offset: place.scratch_offset,
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
