//! `global_average_pool`.

use shared::{model::OperationRecord, operator::global_average_pool::MeanStep, quantization::Requantization};

use super::{Ends, Node, QuantizeError, Quantized};
use crate::graph::{Graph, Value};
pub use crate::layers::global_average_pool as forward;

pub fn onnx(node: &Node<'_>, graph: &mut Graph, input: Value) -> Value {
    let input = node.as_map(graph, input);
    Value::map(graph.node(node.named("output"), "GlobalAveragePool", [input.name], []))
}

pub fn quantize(ends: Ends) -> Result<Quantized, QuantizeError> {
    let Ends { input, output } = ends;
    let pixels = u32::from(input.shape.height) * u32::from(input.shape.width);
    let factor = Requantization::of_mean(input.quantization.scale, output.quantization.scale, pixels);
    let factor = factor.ok_or(QuantizeError::Scales)?;
    Ok(Quantized::plain(OperationRecord::GlobalAveragePool(MeanStep { input, factor })))
}
