//! From the trained layers to the operators of the core: batch normalization is folded into the weights before it,
//! activations become clamps of the operator before them, flatten and dropout vanish, and weights are put into the core's
//! layouts (OHWI, HWC, NHWC order of a dense layer's inputs).

use shared::{
    folding::Folding,
    operator::{Activation, Operator},
    shape::Shape,
};

use crate::{
    architecture::{Architecture, LayerKind},
    network::{FloatNetwork, LayerWeights},
};

/// A tensor between operators.
#[derive(Clone, Debug, PartialEq)]
pub struct FloatTensor {
    /// Height, width, channels.
    pub shape: Shape,
    /// The layer whose output it is (after folding and clamping); `None` for the network's input.
    pub layer: Option<usize>,
}

/// An operator of the core with real weights.
#[derive(Clone, Debug, PartialEq)]
pub struct FloatOperator {
    /// What is computed.
    pub operator: Operator,
    /// The pair of convolutions that it stands for, if it does.
    pub folding: Option<Folding>,
    /// The pool that follows without a tensor between them.
    pub pool: Option<Operator>,
    /// The clamp that follows.
    pub activation: Activation,
    /// Tensors read, as indices into [`Lowered::tensors`].
    pub inputs: Vec<usize>,
    /// Tensor written.
    pub output: usize,
    /// Weights in the core's layout, with as many sets as the folding says; empty for operators without.
    pub weights: Vec<f32>,
    /// One entry an output channel, and as many sets; empty for operators without weights.
    pub biases: Vec<f32>,
}

impl FloatOperator {
    /// Whether it is the operator alone: nothing folded into it, no pool and no clamp behind it.
    pub(super) fn is_linear(&self) -> bool {
        self.folding.is_none() && self.pool.is_none() && self.activation == Activation::None
    }
}

/// A network as the core will run it, in real numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Lowered {
    /// The first is the network's input.
    pub tensors: Vec<FloatTensor>,
    /// In the order of execution; the last writes the logits.
    pub operators: Vec<FloatOperator>,
}

impl Lowered {
    /// Multiply-accumulates of its operators, without the savings of folding.
    pub fn macs(&self) -> u64 {
        self.operators.iter().map(|operator| operator.operator.macs(self.tensors[operator.inputs[0]].shape)).sum()
    }
}

/// Why a network cannot run on the core.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LowerError {
    /// Nothing to fold into.
    #[error("layer {layer} ({name}): nothing to fold it into; it must follow {after}, whose output nothing else reads")]
    NothingToFoldInto {
        /// Which layer, from 0.
        layer: usize,
        /// Its name.
        name: String,
        /// What it must follow.
        after: &'static str,
    },
    /// The core does not compute it.
    #[error(
        "layer {layer} ({name}): the core has no such operator, so the network cannot be quantized; use relu or relu6"
    )]
    NoOperator {
        /// Which layer, from 0.
        layer: usize,
        /// Its name.
        name: String,
    },
    /// The weights do not belong to the architecture.
    #[error("layer {layer} ({name}): its weights do not fit the architecture; export the network again")]
    Weights {
        /// Which layer, from 0.
        layer: usize,
        /// Its name.
        name: String,
    },
}

/// Lowers a trained network.
///
/// # Errors
/// [`LowerError`] if a batch normalization or an activation follows nothing that it could be folded into, or weights do
/// not fit.
pub fn lower(network: &FloatNetwork) -> Result<Lowered, LowerError> {
    let architecture = &network.architecture;
    let mut lowered = Lowered {
        tensors: vec![FloatTensor { shape: architecture.input_shape(), layer: None }],
        operators: Vec::new(),
    };
    // The tensor that holds each layer's output; layers that vanish share that of their input.
    let mut tensor_of: Vec<usize> = Vec::with_capacity(architecture.layers.len());
    for (index, layer) in architecture.layers.iter().enumerate() {
        let inputs: Vec<usize> = layer.inputs.iter().map(|source| source.map_or(0, |layer| tensor_of[layer])).collect();
        let first = inputs.first().copied().unwrap_or(0);
        let weights = network.weights.get(index).unwrap_or(&LayerWeights::None);
        let tensor = match layer.kind {
            LayerKind::Operator(Operator::Mul | Operator::Logistic) => {
                return Err(LowerError::NoOperator { layer: index, name: layer.name.clone() });
            }
            LayerKind::Operator(operator) => {
                let (weights, biases) = core_layout(operator, lowered.tensors[first].shape, weights)
                    .ok_or_else(|| LowerError::Weights { layer: index, name: layer.name.clone() })?;
                let shape = architecture.output_shape(index);
                lowered.tensors.push(FloatTensor { shape, layer: Some(index) });
                let output = lowered.tensors.len() - 1;
                let activation = Activation::None;
                let (folding, pool) = (None, None);
                lowered.operators.push(FloatOperator {
                    operator,
                    folding,
                    pool,
                    activation,
                    inputs,
                    output,
                    weights,
                    biases,
                });
                output
            }
            LayerKind::BatchNorm => {
                let after = "a convolution or a dense layer";
                let operator = foldable(architecture, index, &mut lowered, after)?;
                let error = || LowerError::Weights { layer: index, name: layer.name.clone() };
                if operator.biases.is_empty() || operator.activation != Activation::None {
                    return Err(LowerError::NothingToFoldInto { layer: index, name: layer.name.clone(), after });
                }
                fold_batch_norm(operator, weights).ok_or_else(error)?;
                lowered.tensors[first].layer = Some(index);
                first
            }
            LayerKind::Activation(activation) => {
                let after = "an operator without an activation";
                let operator = foldable(architecture, index, &mut lowered, after)?;
                if operator.activation != Activation::None {
                    return Err(LowerError::NothingToFoldInto { layer: index, name: layer.name.clone(), after });
                }
                operator.activation = activation;
                lowered.tensors[first].layer = Some(index);
                first
            }
            LayerKind::Flatten | LayerKind::Dropout { .. } | LayerKind::SpatialDropout { .. } => first,
        };
        tensor_of.push(tensor);
    }
    Ok(lowered)
}

/// The operator that wrote the input of layer `index`, if that layer alone reads it.
fn foldable<'a>(
    architecture: &Architecture,
    index: usize,
    lowered: &'a mut Lowered,
    after: &'static str,
) -> Result<&'a mut FloatOperator, LowerError> {
    let layer = &architecture.layers[index];
    let source = layer.inputs.first().copied().flatten();
    let readers = architecture.layers.iter().filter(|other| other.inputs.contains(&source)).count();
    let error = LowerError::NothingToFoldInto { layer: index, name: layer.name.clone(), after };
    let is_last = |operator: &FloatOperator| lowered_layer(&lowered.tensors, operator) == source;
    match lowered.operators.iter().rposition(is_last) {
        Some(position) if source.is_some() && readers == 1 => Ok(&mut lowered.operators[position]),
        _ => Err(error),
    }
}

fn lowered_layer(tensors: &[FloatTensor], operator: &FloatOperator) -> Option<usize> {
    tensors[operator.output].layer
}

/// `y = gamma (x - mean) / sqrt(variance + epsilon) + beta` becomes part of the weights and biases that made `x`
/// (Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
/// section 3.2).
fn fold_batch_norm(operator: &mut FloatOperator, weights: &LayerWeights) -> Option<()> {
    let LayerWeights::BatchNorm { gamma, beta, mean, variance, epsilon } = weights else { return None };
    let channels = operator.biases.len();
    if [gamma, beta, mean, variance].iter().any(|values| values.len() != channels) {
        return None;
    }
    let factors: Vec<f32> =
        gamma.iter().zip(variance).map(|(gamma, variance)| gamma / (variance + epsilon).sqrt()).collect();
    let per_channel = operator.weights.len() / channels.max(1);
    let depthwise = matches!(operator.operator, Operator::DepthwiseConv2d { .. });
    for (index, weight) in operator.weights.iter_mut().enumerate() {
        *weight *= factors[if depthwise { index % channels } else { index / per_channel }];
    }
    for (channel, bias) in operator.biases.iter_mut().enumerate() {
        *bias = (*bias - mean[channel]) * factors[channel] + beta[channel];
    }
    Some(())
}

/// Weights in the core's layout and biases; `None` if their number does not fit.
fn core_layout(operator: Operator, input: Shape, weights: &LayerWeights) -> Option<(Vec<f32>, Vec<f32>)> {
    let count = operator.weight_count(input) as usize;
    let channels = usize::from(operator.weighted_channels(input));
    let (weight, bias) = match weights {
        LayerWeights::Convolution { weight, bias } | LayerWeights::Dense { weight, bias } => (weight, bias),
        LayerWeights::None if count == 0 => return Some((Vec::new(), Vec::new())),
        _ => return None,
    };
    if weight.len() != count || bias.len() != channels {
        return None;
    }
    let in_channels = usize::from(input.channels);
    let reordered = match operator {
        Operator::Conv2d { window, .. } => {
            let taps = window.taps() as usize;
            swap_inner(weight, in_channels, taps)
        }
        // [C, 1, kh, kw] -> [kh, kw, C]
        Operator::DepthwiseConv2d { .. } => swap_inner(weight, in_channels, count / in_channels),
        Operator::FullyConnected { .. } => {
            let pixels = usize::from(input.height) * usize::from(input.width);
            swap_inner(weight, in_channels, pixels)
        }
        _ => return None,
    };
    Some((reordered, bias.clone()))
}

/// `[n, rows, columns]` -> `[n, columns, rows]`.
pub(crate) fn swap_inner(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    values
        .chunks_exact(rows * columns)
        .flat_map(|block| (0..rows * columns).map(move |i| block[(i % rows) * columns + i / rows]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_move_behind_the_taps() {
        // One filter, two input channels, three taps: CHW order to HWC order.
        assert_eq!(swap_inner(&[1.0, 2.0, 3.0, 10.0, 20.0, 30.0], 2, 3), [1.0, 10.0, 2.0, 20.0, 3.0, 30.0]);
    }
}
