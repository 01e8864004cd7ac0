//! Weights as the core holds them, in a network that learns with the core's rounding.

use burn::tensor::Tensor;

/// Steps from zero to a channel's largest weight.
const STEPS: f32 = 127.0;

/// Weights rounded to 255 steps, symmetric around zero, with a scale for each channel, and the biases rounded to steps of that
/// scale times the input's: what [`quantize_weights`](crate::scales::quantize_weights) makes of them, in
/// real numbers. The gradient passes as if nothing were rounded. `channels` is the weights' dimension of output channels.
pub(super) fn fake_quantize_weights<const D: usize>(
    weight: Tensor<D>,
    bias: Tensor<1>,
    channels: usize,
    input_scale: f32,
) -> (Tensor<D>, Tensor<1>) {
    let values = weight.clone().detach();
    let mut largest = values.clone().abs();
    for dimension in (0..D).filter(|&dimension| dimension != channels) {
        largest = largest.max_dim(dimension);
    }
    // A channel of zeros has any scale.
    let scale = largest.clamp_min(f32::MIN_POSITIVE) / STEPS;
    let rounded = (values.clone() / scale.clone()).round() * scale.clone();
    let bias_values = bias.clone().detach();
    let bias_scale = scale.reshape(bias_values.dims()) * input_scale;
    let bias_rounded = (bias_values.clone() / bias_scale.clone()).round() * bias_scale;
    (weight + (rounded - values), bias + (bias_rounded - bias_values))
}
