//! `sigmoid`: the core's logistic function.

use burn::tensor::{Tensor, activation};
use shared::{model::OperationRecord, operator::logistic::LogisticRecord};

use super::{Ends, Node, Quantized};
use crate::{
    graph::{Graph, Value},
    scales::logistic_table,
};

pub fn forward(input: Tensor<4>) -> Tensor<4> {
    activation::sigmoid(input)
}

pub fn onnx(node: &Node<'_>, graph: &mut Graph, input: Value) -> Value {
    Value { name: graph.node(node.named("output"), "Sigmoid", [input.name], []), ..input }
}

pub fn quantize(ends: Ends) -> Quantized {
    let operation = OperationRecord::Logistic(LogisticRecord { input: ends.input, table_offset: 0 });
    Quantized { operation, weights: logistic_table(ends.input.quantization).to_vec(), channels: Vec::new() }
}
