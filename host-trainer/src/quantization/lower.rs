//! From the trained layers to the operators of the core: batch normalization is folded into the weights before it,
//! activations become clamps of the operator before them, flatten and dropout vanish, and weights are put into the core's
//! layouts (OHWI, HWC, NHWC order of a dense layer's inputs).

use shared::{
    folding::Folding,
    operator::{Activation, Operator, Pool2d},
    shape::Shape,
};

use crate::{
    architecture::{Architecture, LayerKind},
    network::{FloatNetwork, LayerWeights},
    operators::{batch_norm, to_core},
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
    /// The two convolutions that were folded into it, if any.
    pub folding: Option<Folding>,
    /// The pool that is fused with it, if any.
    pub pool: Option<Pool2d>,
    /// The clamp that follows.
    pub activation: Activation,
    /// Tensors read, as indices into [`Lowered::tensors`].
    pub inputs: Vec<usize>,
    /// Tensor written.
    pub output: usize,
    /// Weights in the core's layout, with as many sets as the folding says; empty for operators without.
    pub weights: Vec<f32>,
    /// One entry per output channel, and as many sets; empty for operators without weights.
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
            LayerKind::Operator(operator) => {
                let (weights, biases) = to_core(&operator, lowered.tensors[first].shape, weights)
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
                batch_norm::fold(&operator.operator, &mut operator.weights, &mut operator.biases, weights)
                    .ok_or_else(error)?;
                lowered.tensors[first].layer = Some(index);
                first
            }
            LayerKind::Activation(activation) => {
                let after = "an operator without an activation";
                let operator = foldable(architecture, index, &mut lowered, after)?;
                if operator.activation != Activation::None {
                    return Err(LowerError::NothingToFoldInto { layer: index, name: layer.name.clone(), after });
                }
                // Values between 0 and 1 need no clamp.
                if operator.operator != Operator::Logistic {
                    operator.activation = activation;
                }
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
