//! `batch_norm`.

use burn::{
    nn::{BatchNorm, BatchNormConfig},
    tensor::Device,
};
use shared::{operator::Operator, shape::Shape};

use super::{LayerWeights, Node, OnnxError, channel_of};
use crate::graph::{Graph, Value, float};
pub use crate::layers::batch_norm as forward;

pub fn init(input: Shape, device: &Device) -> BatchNorm {
    BatchNormConfig::new(input.channels.into()).init(device)
}

pub fn onnx(node: &Node<'_>, graph: &mut Graph, input: Value, weights: &LayerWeights) -> Result<Value, OnnxError> {
    let LayerWeights::BatchNorm { gamma, beta, mean, variance, epsilon } = weights else {
        return Err(node.wrong_kind());
    };
    let dims = [node.input.channels.into()];
    let gamma = node.tensor(graph, "gamma", &dims, gamma)?;
    let beta = node.tensor(graph, "beta", &dims, beta)?;
    let mean = node.tensor(graph, "mean", &dims, mean)?;
    let variance = node.tensor(graph, "variance", &dims, variance)?;
    let inputs = [input.name, gamma, beta, mean, variance];
    let name = graph.node(node.named("output"), "BatchNormalization", inputs, [float("epsilon", *epsilon)]);
    Ok(Value { name, ..input })
}

/// `y = gamma (x - mean) / sqrt(variance + epsilon) + beta` becomes part of the weights and biases that made `x`
/// (Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
/// section 3.2), in the core's layout; `None` if the channels are not the operator's.
pub fn fold(operator: &Operator, weights: &mut [f32], biases: &mut [f32], learned: &LayerWeights) -> Option<()> {
    let LayerWeights::BatchNorm { gamma, beta, mean, variance, epsilon } = learned else { return None };
    if [gamma, beta, mean, variance].iter().any(|values| values.len() != biases.len()) {
        return None;
    }
    let factors: Vec<f32> =
        gamma.iter().zip(variance).map(|(gamma, variance)| gamma / (variance + epsilon).sqrt()).collect();
    let channel_of = channel_of(operator, weights.len(), biases.len());
    for (index, weight) in weights.iter_mut().enumerate() {
        *weight *= factors[channel_of(index)];
    }
    for (channel, bias) in biases.iter_mut().enumerate() {
        *bias = (*bias - mean[channel]) * factors[channel] + beta[channel];
    }
    Some(())
}
