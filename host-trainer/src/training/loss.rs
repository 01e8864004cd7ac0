//! The numbers that are minimized.

use burn::tensor::{Tensor, activation::log_softmax};
use shared::label::Emotion;

use crate::{
    architecture::{Distillation, Loss, Regularization},
    network::Parameters,
};

/// The loss of a batch: `logits` and `targets` are `[n, emotions]`, `weights` `[n]`; the sum over the images divided by `n`.
pub(super) fn batch_loss(loss: Loss, logits: Tensor<2>, targets: Tensor<2>, weights: Tensor<1>) -> Tensor<1> {
    let images = weights.dims()[0].max(1) as f32;
    let rows: Tensor<2> = match loss {
        Loss::CategoricalCrossEntropy => (log_softmax(logits, 1) * targets).sum_dim(1).neg(),
        Loss::SquaredHinge => {
            let sides = targets * 2.0 - 1.0;
            let short = (sides * logits).neg().add_scalar(1.0).clamp_min(0.0);
            (short.clone() * short).sum_dim(1)
        }
    };
    (rows * weights.unsqueeze_dim(1)).sum() / images
}

/// `(1 - share) label_loss + share T^2 cross entropy(soft targets, softmax(logits / T))`: `logits` and `soft_targets`, which
/// have the temperature already, are `[n, emotions]`, `weights` `[n]`. The factor keeps the gradient's size at every temperature.
pub(super) fn distilled_loss(
    distillation: Distillation,
    label_loss: Tensor<1>,
    logits: Tensor<2>,
    soft_targets: Tensor<2>,
    weights: Tensor<1>,
) -> Tensor<1> {
    let Distillation { share, temperature, .. } = distillation;
    let soft = batch_loss(Loss::CategoricalCrossEntropy, logits / temperature, soft_targets, weights);
    label_loss * (1.0 - share) + soft * (share * temperature * temperature)
}

/// [`batch_loss`] of one image of weight 1, for validation. A logit of negative infinity, where the network has none, costs
/// nothing.
pub(super) fn image_loss(loss: Loss, logits: &[f32; Emotion::COUNT], label: usize) -> f64 {
    match loss {
        Loss::CategoricalCrossEntropy => {
            let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f64 = logits.iter().map(|&logit| f64::from(logit - largest).exp()).sum();
            sum.ln() - f64::from(logits[label] - largest)
        }
        Loss::SquaredHinge => {
            let short = |(class, &logit): (usize, &f32)| {
                let side = if class == label { 1.0 } else { -1.0 };
                (1.0 - side * f64::from(logit)).max(0.0).powi(2)
            };
            logits.iter().enumerate().map(short).sum()
        }
    }
}

/// `l1 sum |w| + l2 sum w^2` over the kernels and dense weights; `None` if both are free.
pub(super) fn penalty(regularization: Regularization, parameters: &Parameters) -> Option<Tensor<1>> {
    let Regularization { l1, l2, .. } = regularization;
    let convolutions = parameters.convolutions.iter().map(|layer| cost(layer.weight.val(), l1, l2));
    let dense = parameters.dense.iter().map(|layer| cost(layer.weight.val(), l1, l2));
    convolutions.chain(dense).flatten().reduce(|sum, cost| sum + cost)
}

fn cost<const D: usize>(weight: Tensor<D>, l1: f32, l2: f32) -> Option<Tensor<1>> {
    let absolute = (l1 > 0.0).then(|| weight.clone().abs().sum() * l1);
    let square = (l2 > 0.0).then(|| (weight.clone() * weight).sum() * l2);
    absolute.into_iter().chain(square).reduce(|sum, cost| sum + cost)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    const LOGITS: [f32; 7] = [0.5, -1.0, 0.25, 2.0, -0.5, 0.0, 1.0];
    const PADDED: [f32; Emotion::COUNT] = [0.5, -1.0, 0.25, 2.0, -0.5, 0.0, 1.0, f32::NEG_INFINITY];

    fn of_tensors(loss: Loss, label: usize) -> f64 {
        let device = Device::flex();
        let target: Vec<f32> = (0..7).map(|class| f32::from(u8::from(class == label))).collect();
        let row = |values: Vec<f32>| Tensor::<2>::from_data(TensorData::new(values, [1, 7]), &device);
        let weights = Tensor::<1>::from_data(TensorData::new(vec![2.0f32], [1]), &device);
        batch_loss(loss, row(LOGITS.to_vec()), row(target), weights).into_scalar::<f32>().into()
    }

    #[test]
    fn validation_and_training_measure_the_same_loss_and_weights_multiply_it() {
        for loss in [Loss::CategoricalCrossEntropy, Loss::SquaredHinge] {
            for label in 0..7 {
                let (tensors, image) = (of_tensors(loss, label), image_loss(loss, &PADDED, label));
                assert!((tensors - 2.0 * image).abs() < 1e-5, "{loss:?} {label}: {tensors} {image}");
            }
        }
    }

    #[test]
    fn teachers_that_say_what_the_network_says_cost_its_entropy_and_pull_nowhere() {
        let device = Device::flex().autodiff();
        let row = |values: Vec<f32>| Tensor::<2>::from_data(TensorData::new(values, [1, 7]), &device);
        let temperature = 2.0;
        let powers = LOGITS.map(|logit| (logit / temperature).exp());
        let softened = powers.map(|power| power / powers.iter().sum::<f32>());
        let logits = row(LOGITS.to_vec()).require_grad();
        let ones = Tensor::<1>::from_data(TensorData::new(vec![1.0f32], [1]), &device);
        let label_loss = Tensor::<1>::from_data(TensorData::new(vec![3.0f32], [1]), &device);
        let distillation = Distillation { share: 0.25, temperature, warm_start: false, same_views: false, views: None };
        let loss = distilled_loss(distillation, label_loss, logits.clone(), row(softened.to_vec()), ones);
        let entropy: f32 = softened.iter().map(|p| -p * p.ln()).sum();
        let value = loss.clone().into_scalar::<f32>();
        assert!((value - (0.75 * 3.0 + 0.25 * 4.0 * entropy)).abs() < 1e-5, "{value}");
        let gradient = logits.grad(&loss.backward()).expect("the loss depends on the logits").into_data();
        assert!(gradient.iter::<f32>().all(|slope| slope.abs() < 1e-6), "{gradient}");
    }

    #[test]
    fn a_hinge_costs_nothing_beyond_its_margin() {
        let logits = [-1.0, -1.5, -1.0, 1.0, -2.0, -3.0, -1.0, -1.0];
        assert_eq!(image_loss(Loss::SquaredHinge, &logits, 3), 0.0);
        assert_eq!(image_loss(Loss::SquaredHinge, &logits, 0), 4.0 + 4.0);
    }
}
