//! `max_pool2d` and `average_pool2d`.

use burn::tensor::{Tensor, module::avg_pool2d, ops::AvgPoolOptions};
use shared::{
    model::OperationRecord,
    operator::{Pool2d, PoolKind, pool2d::Pool2dStep},
    shape::Padding,
};

use super::{
    Ends, Node, Quantized,
    table::{Kind, LayerTable},
    window,
};
use crate::{
    graph::{Graph, Value, int},
    layers::{Pool, max_pool2d, widened},
};

pub const KEYS: &[&str] = &window::KEYS;

pub const fn table_kind(pool: &Pool2d) -> Kind {
    match pool.kind {
        PoolKind::Max => Kind::MaxPool2d,
        PoolKind::Average => Kind::AveragePool2d,
    }
}

/// With Keras's defaults: the stride is the window, and only whole windows count.
pub fn read(table: &LayerTable) -> Result<Pool2d, String> {
    let window = window::read(table, |kernel| kernel, Padding::Valid)?;
    let kind = if table.kind == Kind::MaxPool2d { PoolKind::Max } else { PoolKind::Average };
    Ok(Pool2d { kind, window })
}

pub fn write(pool: &Pool2d, table: &mut LayerTable) {
    window::write(pool.window, table);
}

pub fn forward(pool: &Pool2d, input: Tensor<4>) -> Tensor<4> {
    let (kernel, stride) = (window::kernel(pool.window), window::stride(pool.window));
    let padding = window::padding(pool.window, &input);
    match pool.kind {
        PoolKind::Max => max_pool2d(input, Pool { kernel, stride, padding }),
        PoolKind::Average => {
            let mut options = AvgPoolOptions::new(kernel).with_stride(stride);
            options.padding = padding.map(|[before, after]| (before, after));
            options.count_include_pad = false;
            avg_pool2d(widened(input), options)
        }
    }
}

pub fn onnx(pool: &Pool2d, node: &Node<'_>, graph: &mut Graph, input: Value) -> Value {
    let input = node.as_map(graph, input);
    let mut attributes = window::attributes(pool.window, node.input);
    let operator = match pool.kind {
        PoolKind::Max => "MaxPool",
        PoolKind::Average => {
            attributes.push(int("count_include_pad", 0));
            "AveragePool"
        }
    };
    Value::map(graph.node(node.named("output"), operator, [input.name], attributes))
}

pub fn quantize(operator: Pool2d, ends: Ends) -> Quantized {
    Quantized::plain(OperationRecord::Pool2d(Pool2dStep { operator, input: ends.input }))
}
