//! `dense`.

use burn::tensor::{Device, Tensor};
use rand_chacha::ChaCha8Rng;
use shared::{
    model::{OperationRecord, WeightOffsets},
    operator::{FullyConnected, Operator, fully_connected::FullyConnectedRecord},
    quantization::Quantization,
    shape::Shape,
};

use super::{
    Dense, Ends, LayerWeights, Node, OnnxError, QuantizeError, Quantized, fake_quantize::fake_quantize_weights,
    node::as_vector, table::LayerTable, weights::swap_inner,
};
use crate::graph::{Graph, Value, int};

pub const KEYS: &[&str] = &["units"];

pub fn read(table: &LayerTable) -> Result<FullyConnected, String> {
    Ok(FullyConnected { units: table.units.ok_or("`units` is missing")? })
}

pub fn write(dense: &FullyConnected, table: &mut LayerTable) {
    table.units = Some(dense.units);
}

pub fn init(dense: &FullyConnected, input: Shape, random: &mut ChaCha8Rng, device: &Device) -> Dense {
    Dense::new([elements(input), dense.units.into()], random, device)
}

/// `quantization` is the input's, in a network that learns with the core's rounding.
pub fn forward(weights: &Dense, quantization: Option<Quantization>, input: Tensor<4>) -> Tensor<4> {
    let (mut weight, mut bias) = (weights.weight.val(), weights.bias.val());
    if let Some(quantization) = quantization {
        (weight, bias) = fake_quantize_weights(weight, bias, 1, quantization.scale);
    }
    let product = input.flatten::<2>(1, 3).matmul(weight) + bias.unsqueeze();
    let [images, units] = product.dims();
    product.reshape([images, units, 1, 1])
}

pub fn onnx(
    dense: &FullyConnected,
    node: &Node<'_>,
    graph: &mut Graph,
    input: Value,
    weights: &LayerWeights,
) -> Result<Value, OnnxError> {
    let LayerWeights::Dense { weight, bias } = weights else { return Err(node.wrong_kind()) };
    let units = i64::from(dense.units);
    let input = as_vector(graph, input, node.named("flatten"));
    let weight = node.tensor(graph, "weight", &[units, elements(node.input) as i64], weight)?;
    let bias = node.tensor(graph, "bias", &[units], bias)?;
    let name = graph.node(node.named("output"), "Gemm", [input.name, weight, bias], [int("transB", 1)]);
    Ok(Value { name, vector: true })
}

/// Inputs in CHW order to inputs in HWC order.
pub fn to_core(input: Shape, weight: &[f32]) -> Vec<f32> {
    swap_inner(weight, input.channels.into(), pixels(input))
}

/// Inputs in HWC order to inputs in CHW order.
pub fn from_core(input: Shape, weight: &[f32]) -> Vec<f32> {
    swap_inner(weight, pixels(input), input.channels.into())
}

pub fn quantize(
    dense: FullyConnected,
    ends: Ends,
    weights: &[f32],
    biases: &[f32],
) -> Result<Quantized, QuantizeError> {
    let record = FullyConnectedRecord { operator: dense, input: ends.input, weights: WeightOffsets::default() };
    let operation = OperationRecord::FullyConnected(record);
    Quantized::weighted(Operator::FullyConnected(dense), operation, ends, weights, biases)
}

fn pixels(shape: Shape) -> usize {
    usize::from(shape.height) * usize::from(shape.width)
}

fn elements(shape: Shape) -> usize {
    pixels(shape) * usize::from(shape.channels)
}
