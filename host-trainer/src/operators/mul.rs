//! `mul`.

use burn::tensor::Tensor;
use shared::{
    model::{OperationRecord, Tensor as Place},
    operator::mul::MulStep,
    quantization::Requantization,
};

use super::{Ends, Node, QuantizeError, Quantized};
use crate::graph::{Graph, Value};

pub fn forward(first: Tensor<4>, second: Tensor<4>) -> Tensor<4> {
    first * second
}

pub fn onnx(node: &Node<'_>, graph: &mut Graph, first: Value, second: Value) -> Value {
    if first.vector && second.vector {
        let name = graph.node(node.named("output"), "Mul", [first.name, second.name], []);
        return Value { name, vector: true };
    }
    let first = node.as_map(graph, first);
    let second = match second.vector {
        true => {
            let dims = graph.integers(node.named("factor_shape"), &[-1, node.input.channels.into(), 1, 1]);
            Value::map(graph.node(node.named("factor"), "Reshape", [second.name, dims], []))
        }
        false => second,
    };
    Value::map(graph.node(node.named("output"), "Mul", [first.name, second.name], []))
}

pub fn quantize(ends: Ends, right: Place) -> Result<Quantized, QuantizeError> {
    let left = ends.input;
    let [a, b, product] = [left, right, ends.output].map(|tensor| tensor.quantization.scale);
    let factor = Requantization::of_product(a, b, product).ok_or(QuantizeError::Scales)?;
    Ok(Quantized::plain(OperationRecord::Mul(MulStep { left, right, factor })))
}
