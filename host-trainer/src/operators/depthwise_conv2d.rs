//! `depthwise_conv2d`.

use burn::tensor::{Device, Tensor};
use rand_chacha::ChaCha8Rng;
use shared::{
    model::{OperationRecord, WeightOffsets},
    operator::{DepthwiseConv2d, Operator, depthwise_conv2d::DepthwiseConv2dRecord},
    quantization::Quantization,
    shape::{Padding, Shape},
};

use super::{
    Convolution, Ends, LayerWeights, Node, OnnxError, QuantizeError, Quantized,
    conv2d::{convolve, onnx_convolution},
    table::{Extent, LayerTable},
    weights::swap_inner,
    window,
};
use crate::{
    convolution::Precision,
    graph::{Graph, Value},
};

pub const KEYS: &[&str] = &["kernel", "stride", "padding", "dilation", "depth_multiplier"];

pub fn read(table: &LayerTable) -> Result<DepthwiseConv2d, String> {
    Ok(DepthwiseConv2d {
        window: window::read(table, |_| Extent::Square(1), Padding::Same)?,
        multiplier: table.depth_multiplier.unwrap_or(1),
    })
}

pub fn write(conv: &DepthwiseConv2d, table: &mut LayerTable) {
    window::write(conv.window, table);
    table.depth_multiplier = Some(conv.multiplier).filter(|&multiplier| multiplier != 1);
}

pub fn init(conv: &DepthwiseConv2d, input: Shape, random: &mut ChaCha8Rng, device: &Device) -> Convolution {
    let [height, width] = window::kernel(conv.window);
    Convolution::new([conv.filters(input).into(), 1, height, width], random, device)
}

/// `quantization` is the input's, in a network that learns with the core's rounding.
pub fn forward(
    conv: &DepthwiseConv2d,
    weights: &Convolution,
    quantization: Option<Quantization>,
    input: Tensor<4>,
) -> Tensor<4> {
    let [_, channels, _, _] = input.dims();
    // Each output has one channel's taps for factors: nothing that is gained by rounding them.
    convolve(conv.window, channels, weights, quantization, Precision::F32, input)
}

pub fn onnx(
    conv: &DepthwiseConv2d,
    node: &Node<'_>,
    graph: &mut Graph,
    input: Value,
    weights: &LayerWeights,
) -> Result<Value, OnnxError> {
    onnx_convolution(conv.window, node.input.channels, node, graph, input, weights)
}

/// `[C, 1, H, W]` to HWC.
pub fn to_core(conv: &DepthwiseConv2d, input: Shape, weight: &[f32]) -> Vec<f32> {
    swap_inner(weight, conv.filters(input).into(), conv.window.taps() as usize)
}

/// HWC to `[C, 1, H, W]`.
pub fn from_core(conv: &DepthwiseConv2d, input: Shape, weight: &[f32]) -> Vec<f32> {
    swap_inner(weight, conv.window.taps() as usize, conv.filters(input).into())
}

pub fn quantize(
    conv: DepthwiseConv2d,
    ends: Ends,
    weights: &[f32],
    biases: &[f32],
) -> Result<Quantized, QuantizeError> {
    let record = DepthwiseConv2dRecord { operator: conv, input: ends.input, weights: WeightOffsets::default() };
    let operation = OperationRecord::DepthwiseConv2d(record);
    Quantized::weighted(Operator::DepthwiseConv2d(conv), operation, ends, weights, biases)
}
