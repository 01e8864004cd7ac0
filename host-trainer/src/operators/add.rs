//! `add`.

use burn::tensor::Tensor;
use shared::{
    model::{OperationRecord, Tensor as Place},
    operator::add::AddStep,
    quantization::AddParameters,
};

use super::{Ends, Node, QuantizeError, Quantized};
use crate::graph::{Graph, Value};

pub fn forward(first: Tensor<4>, second: Tensor<4>) -> Tensor<4> {
    first + second
}

pub fn onnx(node: &Node<'_>, graph: &mut Graph, first: Value, second: Value) -> Value {
    let vector = first.vector && second.vector;
    let as_one = |graph: &mut Graph, value| if vector { value } else { node.as_map(graph, value) };
    let inputs = [as_one(graph, first).name, as_one(graph, second).name];
    Value { name: graph.node(node.named("output"), "Add", inputs, []), vector }
}

pub fn quantize(ends: Ends, right: Place) -> Result<Quantized, QuantizeError> {
    let left = ends.input;
    let [a, b, sum] = [left, right, ends.output].map(|tensor| tensor.quantization.scale);
    let factors = AddParameters::from_scales(a, b, sum).ok_or(QuantizeError::Scales)?;
    Ok(Quantized::plain(OperationRecord::Add(AddStep { left, right, factors })))
}
