//! `conv2d`.

use burn::tensor::{Device, Tensor, module, ops::ConvOptions};
use rand_chacha::ChaCha8Rng;
use shared::{
    folding::Folding,
    model::{FusedPool, OperationRecord, WeightOffsets},
    operator::{Conv2d, Operator, conv2d::Conv2dRecord},
    quantization::Quantization,
    shape::{Padding, Shape, Window},
};

use super::{
    Convolution, Ends, LayerWeights, Node, OnnxError, QuantizeError, Quantized,
    fake_quantize::fake_quantize_weights,
    table::{Extent, LayerTable},
    weights::swap_inner,
    window,
};
use crate::{
    convolution::{Precision, conv2d},
    graph::{Graph, Value, int},
    layers::widened,
};

pub const KEYS: &[&str] = &["filters", "kernel", "stride", "padding", "dilation", "groups"];

pub fn read(table: &LayerTable) -> Result<Conv2d, String> {
    Ok(Conv2d {
        window: window::read(table, |_| Extent::Square(1), Padding::Same)?,
        filters: table.filters.ok_or("`filters` is missing")?,
        groups: table.groups.unwrap_or(1),
    })
}

pub fn write(conv: &Conv2d, table: &mut LayerTable) {
    window::write(conv.window, table);
    table.filters = Some(conv.filters);
    table.groups = Some(conv.groups).filter(|&groups| groups != 1);
}

pub fn init(conv: &Conv2d, input: Shape, random: &mut ChaCha8Rng, device: &Device) -> Convolution {
    let [height, width] = window::kernel(conv.window);
    Convolution::new([conv.filters.into(), conv.depth(input).into(), height, width], random, device)
}

/// `quantization` is the input's, in a network that learns with the core's rounding.
pub fn forward(
    conv: &Conv2d,
    weights: &Convolution,
    quantization: Option<Quantization>,
    precision: Precision,
    input: Tensor<4>,
) -> Tensor<4> {
    convolve(conv.window, conv.groups.into(), weights, quantization, precision, input)
}

/// A convolution of any number of groups.
pub(super) fn convolve(
    window: Window,
    groups: usize,
    weights: &Convolution,
    quantization: Option<Quantization>,
    precision: Precision,
    input: Tensor<4>,
) -> Tensor<4> {
    let (mut weight, mut bias) = (weights.weight.val(), weights.bias.val());
    if let Some(quantization) = quantization {
        (weight, bias) = fake_quantize_weights(weight, bias, 0, quantization.scale);
    }
    // What is rounded as in the core must not be rounded otherwise.
    let precision = if quantization.is_some() { Precision::F32 } else { precision };
    let padding = window::padding(window, &input);
    if window.is_dilated() {
        // Rare, so burn's own is quick enough.
        let [[top, bottom], [left, right]] = padding;
        let stride = window::stride(window);
        let dilation = window::dilation(window);
        let options = ConvOptions::new_with_padding(stride, [(top, bottom), (left, right)], dilation, groups);
        return module::conv2d(widened(input), weight, Some(bias), options);
    }
    conv2d(input, weight, Some(bias), window::stride(window), padding, groups, precision)
}

pub fn onnx(
    conv: &Conv2d,
    node: &Node<'_>,
    graph: &mut Graph,
    input: Value,
    weights: &LayerWeights,
) -> Result<Value, OnnxError> {
    onnx_convolution(conv.window, conv.groups, node, graph, input, weights)
}

pub(super) fn onnx_convolution(
    window: Window,
    groups: u16,
    node: &Node<'_>,
    graph: &mut Graph,
    input: Value,
    weights: &LayerWeights,
) -> Result<Value, OnnxError> {
    let LayerWeights::Convolution { weight, bias } = weights else { return Err(node.wrong_kind()) };
    let filters = i64::from(node.output.channels);
    let depth = i64::from(node.input.channels / groups.max(1));
    let dims = [filters, depth, window.kernel_height.into(), window.kernel_width.into()];
    let weight = node.tensor(graph, "weight", &dims, weight)?;
    let bias = node.tensor(graph, "bias", &[filters], bias)?;
    let input = node.as_map(graph, input);
    let attributes = window::attributes(window, node.input).into_iter().chain([int("group", groups.into())]);
    Ok(Value::map(graph.node(node.named("output"), "Conv", [input.name, weight, bias], attributes)))
}

/// OIHW to OHWI.
pub fn to_core(conv: &Conv2d, input: Shape, weight: &[f32]) -> Vec<f32> {
    swap_inner(weight, conv.depth(input).into(), conv.window.taps() as usize)
}

/// OHWI to OIHW.
pub fn from_core(conv: &Conv2d, input: Shape, weight: &[f32]) -> Vec<f32> {
    swap_inner(weight, conv.window.taps() as usize, conv.depth(input).into())
}

pub fn quantize(
    conv: Conv2d,
    (folding, pool): (Option<Folding>, Option<FusedPool>),
    ends: Ends,
    weights: &[f32],
    biases: &[f32],
) -> Result<Quantized, QuantizeError> {
    let offsets = WeightOffsets::default();
    let record = Conv2dRecord { operator: conv, input: ends.input, folding, pool, weights: offsets };
    Quantized::weighted(Operator::Conv2d(conv), OperationRecord::Conv2d(record), ends, weights, biases)
}
