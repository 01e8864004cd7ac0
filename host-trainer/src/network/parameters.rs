//! What is learned, and how it begins.

use burn::{
    module::{Module, Param},
    nn::{BatchNorm, BatchNormConfig},
    tensor::{Device, Tensor, TensorData},
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use shared::operator::Operator;

use crate::architecture::{Architecture, LayerKind};

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

/// A convolution, plain or depthwise.
#[derive(Module, Debug)]
pub struct Convolution {
    /// OIHW; depthwise `[channels, 1, height, width]`.
    pub weight: Param<Tensor<4>>,
    /// One value an output channel.
    pub bias: Param<Tensor<1>>,
}

/// A fully connected layer.
#[derive(Module, Debug)]
pub struct Dense {
    /// `[inputs, units]`, inputs in CHW order.
    pub weight: Param<Tensor<2>>,
    /// One value a unit.
    pub bias: Param<Tensor<1>>,
}

impl Parameters {
    /// Weights uniform in `+-sqrt(6 / (fan_in + fan_out))` (Glorot and Bengio 2010, equation 16; Keras's default), biases
    /// zero. Layer by layer from one stream of numbers, so that `seed` gives the same on every machine.
    pub fn new(architecture: &Architecture, seed: u64, device: &Device) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut parameters = Self { convolutions: Vec::new(), dense: Vec::new(), batch_norms: Vec::new() };
        for (index, layer) in architecture.layers.iter().enumerate() {
            let input = architecture.shape_before(index);
            let channels = usize::from(input.channels);
            match layer.kind {
                LayerKind::Operator(Operator::Conv2d { window, filters }) => {
                    let shape = [filters.into(), channels, window.kernel_height.into(), window.kernel_width.into()];
                    parameters.convolutions.push(Convolution::new(shape, &mut random, device));
                }
                LayerKind::Operator(Operator::DepthwiseConv2d { window }) => {
                    let shape = [channels, 1, window.kernel_height.into(), window.kernel_width.into()];
                    parameters.convolutions.push(Convolution::new(shape, &mut random, device));
                }
                LayerKind::Operator(Operator::FullyConnected { units }) => {
                    let inputs = usize::from(input.height) * usize::from(input.width) * channels;
                    parameters.dense.push(Dense::new([inputs, units.into()], &mut random, device));
                }
                LayerKind::BatchNorm => parameters.batch_norms.push(BatchNormConfig::new(channels).init(device)),
                _ => {}
            }
        }
        parameters
    }
}

impl Convolution {
    fn new(shape: [usize; 4], random: &mut ChaCha8Rng, device: &Device) -> Self {
        let [outputs, inputs, height, width] = shape;
        let values = glorot_uniform(inputs * height * width, outputs * height * width, shape.iter().product(), random);
        Self {
            weight: Param::from_data(TensorData::new(values, shape), device),
            bias: Param::from_data(TensorData::new(vec![0f32; outputs], [outputs]), device),
        }
    }
}

impl Dense {
    fn new(shape: [usize; 2], random: &mut ChaCha8Rng, device: &Device) -> Self {
        let [inputs, units] = shape;
        let values = glorot_uniform(inputs, units, inputs * units, random);
        Self {
            weight: Param::from_data(TensorData::new(values, shape), device),
            bias: Param::from_data(TensorData::new(vec![0f32; units], [units]), device),
        }
    }
}

fn glorot_uniform(fan_in: usize, fan_out: usize, count: usize, random: &mut ChaCha8Rng) -> Vec<f32> {
    let limit = (6.0 / (fan_in + fan_out) as f32).sqrt();
    (0..count).map(|_| random.random_range(-limit..limit)).collect()
}
