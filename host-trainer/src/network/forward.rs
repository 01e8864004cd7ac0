//! The layers on tensors. Everything is NCHW; a vector is a feature map of one pixel.

use burn::tensor::{Tensor, TensorData, activation, module::avg_pool2d, ops::AvgPoolOptions};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use shared::{
    operator::{Activation, Operator},
    shape::Window,
};

use super::{fake_quantization::fake_quantize_weights, parameters::Parameters};
use crate::{
    architecture::{Architecture, LayerKind},
    convolution::conv2d,
    layers::{Pool, batch_norm, fake_quantize, global_average_pool, max_pool2d, relu},
    quantization::parameters::activation_quantization,
};

/// Whether the network learns or answers.
#[derive(Debug)]
pub enum Mode<'a> {
    /// Dropout draws from these random numbers: not from the backend's own, whose state cannot be kept with a checkpoint.
    Training(&'a mut ChaCha8Rng),
    /// Dropout does nothing.
    Inference,
}

pub(super) fn forward(
    architecture: &Architecture,
    parameters: &Parameters,
    faces: Tensor<4>,
    mode: &mut Mode<'_>,
    mut see: impl FnMut(usize, &Tensor<4>),
) -> Tensor<4> {
    let (mut convolutions, mut dense, mut batch_norms) =
        (parameters.convolutions.iter(), parameters.dense.iter(), parameters.batch_norms.iter());
    let training = matches!(mode, Mode::Training(_));
    let fuses = |layer: usize| training && rectified(architecture, layer);
    let last_reader =
        |source: usize| architecture.layers.iter().rposition(|layer| layer.inputs.contains(&Some(source)));
    let mut outputs: Vec<Option<Tensor<4>>> = Vec::with_capacity(architecture.layers.len());
    for (index, layer) in architecture.layers.iter().enumerate() {
        let inputs: Vec<Tensor<4>> = layer
            .inputs
            .iter()
            .map(|source| match source {
                Some(source) => outputs[*source].clone().expect("kept for its last reader"),
                None => faces.clone(),
            })
            .collect();
        // The last reader holds a tensor alone, so that it may work in place.
        for &source in layer.inputs.iter().flatten() {
            if last_reader(source) == Some(index) {
                outputs[source] = None;
            }
        }
        let mut inputs = inputs.into_iter();
        let mut input = || inputs.next().expect("as many inputs as the operator takes");
        // The parameters were built by walking the same layers, so there is one of its kind for each.
        let output = match layer.kind {
            LayerKind::Operator(
                operator @ (Operator::Conv2d { window, .. } | Operator::DepthwiseConv2d { window }),
            ) => {
                let convolution = convolutions.next().expect("one a convolution");
                let (mut weight, mut bias) = (convolution.weight.val(), convolution.bias.val());
                if let Some(quantization) = architecture.input_quantization(index) {
                    (weight, bias) = fake_quantize_weights(weight, bias, 0, quantization.scale);
                }
                let depthwise = matches!(operator, Operator::DepthwiseConv2d { .. });
                let groups = if depthwise { weight.dims()[0] } else { 1 };
                convolve(input(), weight, bias, window, groups)
            }
            LayerKind::Operator(Operator::FullyConnected { .. }) => {
                let dense = dense.next().expect("one a dense layer");
                let (mut weight, mut bias) = (dense.weight.val(), dense.bias.val());
                if let Some(quantization) = architecture.input_quantization(index) {
                    (weight, bias) = fake_quantize_weights(weight, bias, 1, quantization.scale);
                }
                let product = input().flatten::<2>(1, 3).matmul(weight) + bias.unsqueeze();
                let [images, units] = product.dims();
                product.reshape([images, units, 1, 1])
            }
            LayerKind::Operator(Operator::MaxPool2d { window }) => {
                let input = input();
                let (kernel, stride, padding) = (kernel(window), stride(window), padding(window, &input));
                max_pool2d(input, Pool { kernel, stride, padding })
            }
            LayerKind::Operator(Operator::AveragePool2d { window }) => {
                let input = input();
                let mut options = AvgPoolOptions::new(kernel(window)).with_stride(stride(window));
                options.padding = padding(window, &input).map(|[before, after]| (before, after));
                options.count_include_pad = false;
                avg_pool2d(input, options)
            }
            LayerKind::Operator(Operator::GlobalAveragePool) => global_average_pool(input()),
            LayerKind::Operator(Operator::Add) => input() + input(),
            LayerKind::Operator(Operator::Mul) => input() * input(),
            LayerKind::Operator(Operator::Logistic) => activation::sigmoid(input()),
            LayerKind::BatchNorm => {
                batch_norm(batch_norms.next().expect("one a batch normalization"), input(), fuses(index))
            }
            LayerKind::Activation(Activation::None) => input(),
            LayerKind::Activation(Activation::Relu) => {
                let done = layer.inputs.iter().flatten().any(|&source| fuses(source));
                if done { input() } else { relu(input()) }
            }
            LayerKind::Activation(Activation::Relu6) => input().clamp(0.0, 6.0),
            LayerKind::Flatten => {
                let input = input();
                let [images, channels, height, width] = input.dims();
                input.reshape([images, channels * height * width, 1, 1])
            }
            LayerKind::Dropout { rate } => match mode {
                Mode::Training(random) => {
                    let input = input();
                    let decisions = input.dims();
                    drop_out(input, decisions, rate, random)
                }
                Mode::Inference => input(),
            },
            LayerKind::SpatialDropout { rate } => match mode {
                Mode::Training(random) => {
                    let input = input();
                    let [images, channels, _, _] = input.dims();
                    drop_out(input, [images, channels, 1, 1], rate, random)
                }
                Mode::Inference => input(),
            },
        };
        let output = match layer.range {
            Some(range) => fake_quantize(output, activation_quantization(range)),
            None => output,
        };
        see(index, &output);
        outputs.push(Some(output));
    }
    outputs.pop().flatten().unwrap_or(faces)
}

/// Whether a layer is a batch normalization that a ReLU alone reads; in training the two are one operation.
fn rectified(architecture: &Architecture, layer: usize) -> bool {
    let mut readers = architecture.layers.iter().filter(|reader| reader.inputs.contains(&Some(layer)));
    let relu = LayerKind::Activation(Activation::Relu);
    architecture.layers[layer].kind == LayerKind::BatchNorm
        && readers.next().is_some_and(|reader| reader.kind == relu)
        && readers.next().is_none()
}

fn convolve(input: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>, window: Window, groups: usize) -> Tensor<4> {
    let padding = padding(window, &input);
    conv2d(input, weight, Some(bias), stride(window), padding, groups)
}

/// Sets values to zero with probability `rate` and scales the others by `1 / (1 - rate)` (Srivastava et al. 2014): one
/// decision for each element of `decisions`, which is the input's shape, or has ones where a decision holds for all.
fn drop_out(input: Tensor<4>, decisions: [usize; 4], rate: f32, random: &mut ChaCha8Rng) -> Tensor<4> {
    let keep = 1.0 / (1.0 - rate);
    let mask: Vec<f32> =
        (0..decisions.iter().product()).map(|_| if random.random::<f32>() < rate { 0.0 } else { keep }).collect();
    let mask = Tensor::from_data(TensorData::new(mask, decisions), &input.device());
    input * mask
}

fn kernel(window: Window) -> [usize; 2] {
    [window.kernel_height.into(), window.kernel_width.into()]
}

fn stride(window: Window) -> [usize; 2] {
    [window.stride_height.into(), window.stride_width.into()]
}

/// `[[top, bottom], [left, right]]`, of the tensor's own size: training may use smaller faces than the device.
fn padding(window: Window, input: &Tensor<4>) -> [[usize; 2]; 2] {
    let [_, _, height, width] = input.dims().map(|size| size as u16);
    let (vertical, horizontal) = window.padding_total(height, width);
    let (top, left) = window.padding_before(height, width);
    [[top, vertical - top].map(usize::from), [left, horizontal - left].map(usize::from)]
}
