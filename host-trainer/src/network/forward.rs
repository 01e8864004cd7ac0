//! The layers on tensors. Everything is NCHW; a vector is a feature map of one pixel.

use burn::tensor::{
    Tensor, TensorData, activation,
    module::{avg_pool2d, max_pool2d},
    ops::{AvgPoolOptions, MaxPoolOptions},
};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use shared::{
    operator::{Activation, Operator},
    shape::{Shape, Window},
};

use super::parameters::Parameters;
use crate::{
    architecture::{Architecture, LayerKind},
    convolution::conv2d,
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
    let mut outputs: Vec<Tensor<4>> = Vec::with_capacity(architecture.layers.len());
    for (index, layer) in architecture.layers.iter().enumerate() {
        let input = |position: usize| match layer.inputs[position] {
            Some(source) => outputs[source].clone(),
            None => faces.clone(),
        };
        let shape = architecture.shape_before(index);
        // The parameters were built by walking the same layers, so there is one of its kind for each.
        let output = match layer.kind {
            LayerKind::Operator(Operator::Conv2d { window, .. }) => {
                let convolution = convolutions.next().expect("one a convolution");
                convolve(input(0), convolution.weight.val(), convolution.bias.val(), window, shape, 1)
            }
            LayerKind::Operator(Operator::DepthwiseConv2d { window }) => {
                let convolution = convolutions.next().expect("one a convolution");
                let groups = usize::from(shape.channels);
                convolve(input(0), convolution.weight.val(), convolution.bias.val(), window, shape, groups)
            }
            LayerKind::Operator(Operator::FullyConnected { .. }) => {
                let dense = dense.next().expect("one a dense layer");
                let product = input(0).flatten::<2>(1, 3).matmul(dense.weight.val()) + dense.bias.val().unsqueeze();
                let [images, units] = product.dims();
                product.reshape([images, units, 1, 1])
            }
            LayerKind::Operator(Operator::MaxPool2d { window }) => {
                let mut options = MaxPoolOptions::new(kernel(window)).with_stride(stride(window));
                options.padding = padding(window, shape).map(|[before, after]| (before, after));
                max_pool2d(input(0), options)
            }
            LayerKind::Operator(Operator::AveragePool2d { window }) => {
                let mut options = AvgPoolOptions::new(kernel(window)).with_stride(stride(window));
                options.padding = padding(window, shape).map(|[before, after]| (before, after));
                options.count_include_pad = false;
                avg_pool2d(input(0), options)
            }
            LayerKind::Operator(Operator::GlobalAveragePool) => input(0).mean_dim(2).mean_dim(3),
            LayerKind::Operator(Operator::Add) => input(0) + input(1),
            LayerKind::BatchNorm => batch_norms.next().expect("one a batch normalization").forward(input(0)),
            LayerKind::Activation(Activation::None) => input(0),
            LayerKind::Activation(Activation::Relu) => activation::relu(input(0)),
            LayerKind::Activation(Activation::Relu6) => input(0).clamp(0.0, 6.0),
            LayerKind::Sigmoid => activation::sigmoid(input(0)),
            LayerKind::Flatten => {
                let [images, channels, height, width] = input(0).dims();
                input(0).reshape([images, channels * height * width, 1, 1])
            }
            LayerKind::Dropout { rate } => match mode {
                Mode::Training(random) => drop_out(input(0), input(0).dims(), rate, random),
                Mode::Inference => input(0),
            },
            LayerKind::SpatialDropout { rate } => match mode {
                Mode::Training(random) => {
                    let [images, channels, _, _] = input(0).dims();
                    drop_out(input(0), [images, channels, 1, 1], rate, random)
                }
                Mode::Inference => input(0),
            },
        };
        see(index, &output);
        outputs.push(output);
    }
    outputs.pop().unwrap_or(faces)
}

fn convolve(
    input: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    window: Window,
    shape: Shape,
    groups: usize,
) -> Tensor<4> {
    conv2d(input, weight, Some(bias), stride(window), padding(window, shape), groups)
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

/// `[[top, bottom], [left, right]]`.
fn padding(window: Window, input: Shape) -> [[usize; 2]; 2] {
    let (vertical, horizontal) = window.padding_total(input.height, input.width);
    let (top, left) = window.padding_before(input.height, input.width);
    [[top, vertical - top].map(usize::from), [left, horizontal - left].map(usize::from)]
}
