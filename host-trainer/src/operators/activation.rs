//! `relu` and `relu6`.

use burn::tensor::Tensor;
use shared::{operator::Activation, quantization::Quantization};

use super::Node;
use crate::{
    graph::{Graph, Value},
    layers::{relu, widened},
    scales::quantize,
};

pub fn forward(activation: Activation, input: Tensor<4>) -> Tensor<4> {
    match activation {
        Activation::None => input,
        Activation::Relu => relu(input),
        Activation::Relu6 => widened(input).clamp(0.0, 6.0),
    }
}

pub fn onnx(activation: Activation, node: &Node<'_>, graph: &mut Graph, input: Value) -> Value {
    let output = node.named("output");
    let name = match activation {
        Activation::None => return input,
        Activation::Relu => graph.node(output, "Relu", [input.name], []),
        Activation::Relu6 => {
            let min = graph.floats(node.named("min"), &[], &[0.0]);
            let max = graph.floats(node.named("max"), &[], &[6.0]);
            graph.node(output, "Clip", [input.name, min, max], [])
        }
    };
    Value { name, ..input }
}

/// Least and greatest integer of the operator before it.
pub fn clamp(activation: Activation, output: Quantization) -> (i8, i8) {
    match activation {
        Activation::None => (i8::MIN, i8::MAX),
        Activation::Relu => (output.zero_point, i8::MAX),
        Activation::Relu6 => (output.zero_point, quantize(6.0, output)),
    }
}
