//! What is learned, and how it begins.

use burn::{module::Module, nn::BatchNorm, tensor::Device};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use shared::operator::Operator;

pub use crate::operators::{Convolution, Dense};
use crate::{
    architecture::{Architecture, LayerKind},
    operators,
};

/// Weights of every layer that has any. Layers find theirs by their rank among the layers of their kind.
#[derive(Module, Debug)]
pub struct Parameters {
    /// Of convolutions, in the order of the layers.
    pub convolutions: Vec<Convolution>,
    /// Of dense layers, in the order of the layers.
    pub dense: Vec<Dense>,
    /// Of batch normalizations, in the order of the layers.
    pub batch_norms: Vec<BatchNorm>,
}

impl Parameters {
    /// Weights uniform in `+-sqrt(6 / (fan_in + fan_out))` (Glorot and Bengio 2010, equation 16; Keras's default), biases
    /// zero. Layer by layer from one stream of numbers, so that `seed` gives the same on every machine.
    pub fn new(architecture: &Architecture, seed: u64, device: &Device) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut parameters = Self { convolutions: Vec::new(), dense: Vec::new(), batch_norms: Vec::new() };
        for (index, layer) in architecture.layers.iter().enumerate() {
            let input = architecture.shape_before(index);
            let random = &mut random;
            match &layer.kind {
                LayerKind::Operator(operator) => match operator {
                    Operator::Conv2d(conv) => {
                        parameters.convolutions.push(operators::conv2d::init(conv, input, random, device));
                    }
                    Operator::DepthwiseConv2d(conv) => {
                        parameters.convolutions.push(operators::depthwise_conv2d::init(conv, input, random, device));
                    }
                    Operator::FullyConnected(dense) => {
                        parameters.dense.push(operators::dense::init(dense, input, random, device));
                    }
                    Operator::Pool2d(_)
                    | Operator::GlobalAveragePool
                    | Operator::Add
                    | Operator::Mul
                    | Operator::Logistic => {}
                },
                LayerKind::BatchNorm => parameters.batch_norms.push(operators::batch_norm::init(input, device)),
                LayerKind::Activation(_)
                | LayerKind::Flatten
                | LayerKind::Dropout { .. }
                | LayerKind::SpatialDropout { .. } => {}
            }
        }
        parameters
    }
}
