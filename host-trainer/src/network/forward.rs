//! The layers on tensors. Everything is NCHW; a vector is a feature map of one pixel.

use burn::tensor::Tensor;
use rand_chacha::ChaCha8Rng;
use shared::operator::{Activation, Operator};

use super::parameters::Parameters;
use crate::{
    architecture::{Architecture, LayerKind},
    convolution::Precision,
    layers::{fake_quantize, widened},
    operators,
    scales::activation_quantization,
};

/// Whether the network learns or answers.
#[derive(Debug)]
pub enum Mode<'a> {
    /// Dropout draws from these random numbers: not from the backend's own, whose state cannot be kept with a checkpoint.
    Training(&'a mut ChaCha8Rng),
    /// Dropout does nothing.
    Inference,
    /// The same in the precision of a pupil that asks.
    Teaching(Precision),
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
    let precision = match mode {
        Mode::Training(_) => architecture.recipe.precision,
        Mode::Teaching(precision) => *precision,
        Mode::Inference => Precision::F32,
    };
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
        let quantization = architecture.input_quantization(index);
        let output = match &layer.kind {
            LayerKind::Operator(operator) => match operator {
                Operator::Conv2d(conv) => {
                    let weights = convolutions.next().expect("one a convolution");
                    operators::conv2d::forward(conv, weights, quantization, precision, input())
                }
                Operator::DepthwiseConv2d(conv) => {
                    let weights = convolutions.next().expect("one a convolution");
                    operators::depthwise_conv2d::forward(conv, weights, quantization, widened(input()))
                }
                Operator::FullyConnected(_) => {
                    operators::dense::forward(dense.next().expect("one a dense layer"), quantization, widened(input()))
                }
                Operator::Pool2d(pool) => operators::pool2d::forward(pool, input()),
                Operator::GlobalAveragePool => operators::global_average_pool::forward(input()),
                Operator::Add => operators::add::forward(widened(input()), widened(input())),
                Operator::Mul => operators::mul::forward(widened(input()), widened(input())),
                Operator::Logistic => operators::sigmoid::forward(widened(input())),
            },
            LayerKind::BatchNorm => {
                let layer = batch_norms.next().expect("one a batch normalization");
                operators::batch_norm::forward(layer, input(), fuses(index))
            }
            LayerKind::Activation(activation) => {
                let done = layer.inputs.iter().flatten().any(|&source| fuses(source));
                if done { input() } else { operators::activation::forward(*activation, input()) }
            }
            LayerKind::Flatten => operators::flatten::forward(input()),
            LayerKind::Dropout { rate } => match mode {
                Mode::Training(random) => operators::dropout::forward(widened(input()), *rate, random),
                Mode::Inference | Mode::Teaching(_) => input(),
            },
            LayerKind::SpatialDropout { rate } => match mode {
                Mode::Training(random) => operators::dropout::forward_spatial(widened(input()), *rate, random),
                Mode::Inference | Mode::Teaching(_) => input(),
            },
        };
        let output = match layer.range {
            Some(range) => fake_quantize(output, activation_quantization(range)),
            None => output,
        };
        see(index, &output);
        outputs.push(Some(output));
    }
    widened(outputs.pop().flatten().unwrap_or(faces))
}

/// Whether a layer is a batch normalization that a ReLU alone reads; in training the two are one operation.
fn rectified(architecture: &Architecture, layer: usize) -> bool {
    let mut readers = architecture.layers.iter().filter(|reader| reader.inputs.contains(&Some(layer)));
    let relu = LayerKind::Activation(Activation::Relu);
    architecture.layers[layer].kind == LayerKind::BatchNorm
        && readers.next().is_some_and(|reader| reader.kind == relu)
        && readers.next().is_none()
}
