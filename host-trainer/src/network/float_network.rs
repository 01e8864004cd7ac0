//! A trained network as plain data, for what is written without burn.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use shared::operator::Operator;

use super::Network;
use crate::architecture::{Architecture, LayerKind};
pub use crate::operators::LayerWeights;

/// A network without burn's types.
#[derive(Clone, Debug, PartialEq)]
pub struct FloatNetwork {
    /// The layers.
    pub architecture: Arc<Architecture>,
    /// One entry per layer.
    pub weights: Vec<LayerWeights>,
}

impl Network {
    /// A copy without burn's types.
    pub fn to_float_network(&self) -> FloatNetwork {
        let parameters = &self.parameters;
        let (mut convolutions, mut dense, mut batch_norms) =
            (parameters.convolutions.iter(), parameters.dense.iter(), parameters.batch_norms.iter());
        let weights = self.architecture.layers.iter().map(|layer| {
            let weights = match layer.kind {
                LayerKind::Operator(Operator::Conv2d(_) | Operator::DepthwiseConv2d(_)) => {
                    convolutions.next().map(|layer| LayerWeights::Convolution {
                        weight: values(layer.weight.val()),
                        bias: values(layer.bias.val()),
                    })
                }
                LayerKind::Operator(Operator::FullyConnected(_)) => dense.next().map(|layer| LayerWeights::Dense {
                    weight: values(layer.weight.val().transpose()),
                    bias: values(layer.bias.val()),
                }),
                LayerKind::BatchNorm => batch_norms.next().map(|layer| LayerWeights::BatchNorm {
                    gamma: values(layer.gamma.val()),
                    beta: values(layer.beta.val()),
                    mean: values(layer.running_mean.value_sync()),
                    variance: values(layer.running_var.value_sync()),
                    epsilon: layer.epsilon as f32,
                }),
                _ => None,
            };
            weights.unwrap_or(LayerWeights::None)
        });
        FloatNetwork { architecture: self.architecture.clone(), weights: weights.collect() }
    }
}

impl FloatNetwork {
    /// The same with burn's types, on a device.
    pub fn to_network(&self, device: &Device) -> Network {
        let fresh = Network::new(self.architecture.clone(), 0, device);
        // The order of `Parameters::with_flat`: convolutions, dense layers, batch normalizations.
        let (mut convolutions, mut dense, mut batch_norms) = (Vec::new(), Vec::new(), Vec::new());
        for weights in &self.weights {
            match weights {
                LayerWeights::None => {}
                LayerWeights::Convolution { weight, bias } => {
                    convolutions.extend(weight.iter().chain(bias));
                }
                LayerWeights::Dense { weight, bias } => {
                    let inputs = weight.len() / bias.len().max(1);
                    dense.extend((0..inputs).flat_map(|input| weight[input..].iter().step_by(inputs)));
                    dense.extend(bias);
                }
                LayerWeights::BatchNorm { gamma, beta, mean, variance, .. } => {
                    batch_norms.extend([gamma, beta, mean, variance].into_iter().flatten());
                }
            }
        }
        let flat: Vec<f32> = [convolutions, dense, batch_norms].concat();
        Network { parameters: fresh.parameters.with_flat(&flat), architecture: fresh.architecture }
    }
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}
