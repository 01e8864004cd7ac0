//! From a trained network to a model file: eight bits, by TensorFlow Lite's specification.
//!
//! ```text
//! lower.rs       layers -> the core's operators, in real numbers (batch normalization, clamps, layouts)
//! merge.rs       branches that are added -> one convolution
//! fold.rs        pairs of convolutions -> one; pools -> fused with the convolution before them
//! plan.rs        tensors -> places in the arena, and bands of fused pools
//! mod.rs         all of it -> the records of a model file
//!
//! ../scales.rs   ranges and weights -> scales, zero points, multipliers
//! ../operators/  each operator -> its record
//! ```

pub mod fold;
pub mod lower;
pub mod merge;
pub mod plan;

use shared::{
    model::{
        AlignedBytes, EncodeError, FaceHeader, FusedPool, Header, Measurement, StepRecord, StepSource, Task, Tensor,
        encode,
    },
    operator::Operator,
    preprocessing::Preprocessing,
    quantization::Quantization,
};

use self::{
    fold::{fold_convolutions, fuse_pools},
    lower::{FloatOperator, LowerError, Lowered, lower},
    merge::merge_branches,
    plan::StepPlace,
};
use crate::{
    architecture::Layer,
    network::FloatNetwork,
    operators::{self, Ends, QuantizeError, Quantized, output_quantization},
    scales::Range,
};

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

/// Whether the savings that do not change the function of a network are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Branches are merged, pairs of convolutions folded, pools fused with the convolution before them.
    #[default]
    Folded,
    /// An operator for every layer that computes, for comparison.
    AsTrained,
}

/// Contents of a model file beside the network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Particulars<'a> {
    /// Divides the logits before softmax.
    pub temperature: f32,
    /// A readout with a confidence below this is `uncertain`.
    pub threshold: f32,
    /// The accuracy that was measured, and on what.
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
    /// The number of ranges is not the number of layers.
    #[error("calibration gave {have} ranges for {need} layers; calibrate again with at least one image")]
    Ranges {
        /// Number of ranges.
        have: usize,
        /// Number of layers.
        need: usize,
    },
    /// An operator cannot be quantized.
    #[error("operator {operator}: {error}")]
    Operator {
        /// Which operator, from 0.
        operator: usize,
        /// Why.
        error: QuantizeError,
    },
    /// The tensors that are alive together exceed what a model file can name.
    #[error("the network's tensors take more than 4 GiB; use fewer filters")]
    Arena,
}

/// Quantizes a trained network. `ranges[layer]` is the range of that layer's output over calibration images; it is used if the
/// layer has no range of its own.
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
        let task = Task::Faces(FaceHeader {
            labels: &labels,
            preprocessing: self.preprocessing,
            temperature: particulars.temperature,
            threshold: particulars.threshold,
            measurement: particulars.measurement,
        });
        self.encode_for(task, particulars.training_hash)
    }

    /// The file of a network that is for `task`.
    ///
    /// # Errors
    /// [`EncodeError`] if it would not be a sound network.
    pub fn encode_for(&self, task: Task<'_>, training_hash: u64) -> Result<AlignedBytes, EncodeError> {
        let header = Header {
            name: &self.name,
            input: self.input,
            outputs: &[(self.steps.len().saturating_sub(1)).min(u8::MAX.into()) as u8],
            arena_bytes: self.arena_bytes,
            macs: self.macs,
            training_hash,
            weight_bytes: 0,
            step_count: 0,
            task,
        };
        encode(&header, &self.steps)
    }
}

/// Scale and zero point of every tensor.
fn tensor_quantizations(lowered: &Lowered, ranges: &[Range], preprocessing: Preprocessing) -> Vec<Quantization> {
    let image = Quantization { scale: preprocessing.scale(), zero_point: preprocessing.zero_point() };
    let mut quantizations = vec![image; lowered.tensors.len()];
    for operator in &lowered.operators {
        let input = quantizations[operator.inputs[0]];
        let range = lowered.tensors[operator.output].layer.map(|layer| ranges[layer]);
        quantizations[operator.output] =
            range.map_or(image, |range| output_quantization(&operator.operator, input, range));
    }
    quantizations
}

fn step(
    index: usize,
    operator: &FloatOperator,
    tensors: &[Tensor],
    place: StepPlace,
) -> Result<StepSource, QuantizationError> {
    let ends = Ends { input: tensors[operator.inputs[0]], output: tensors[operator.output] };
    // An operator of two inputs has both.
    let second = operator.inputs.get(1).map_or(ends.input, |&tensor| tensors[tensor]);
    let (weights, biases) = (&operator.weights, &operator.biases);
    let quantized = match operator.operator {
        Operator::Conv2d(conv) => {
            let pool = operator.pool.map(|pool| FusedPool { pool, band_rows: place.band_rows });
            operators::conv2d::quantize(conv, (operator.folding, pool), ends, weights, biases)
        }
        Operator::DepthwiseConv2d(conv) => operators::depthwise_conv2d::quantize(conv, ends, weights, biases),
        Operator::FullyConnected(dense) => operators::dense::quantize(dense, ends, weights, biases),
        Operator::Pool2d(pool) => Ok(operators::pool2d::quantize(pool, ends)),
        Operator::GlobalAveragePool => operators::global_average_pool::quantize(ends),
        Operator::Add => operators::add::quantize(ends, second),
        Operator::Mul => operators::mul::quantize(ends, second),
        Operator::Logistic => Ok(operators::sigmoid::quantize(ends)),
    };
    let Quantized { operation, weights, channels } =
        quantized.map_err(|error| QuantizationError::Operator { operator: index, error })?;
    let output = ends.output;
    let (activation_min, activation_max) = operators::activation::clamp(operator.activation, output.quantization);
    let scratch_offset = place.scratch_offset;
    let record = StepRecord { operation, output, scratch_offset, activation_min, activation_max };
    Ok(StepSource { record, weights, channels })
}
