//! What layers learn, in burn and as plain data.

use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor, TensorData},
};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// What a convolution, plain or depthwise, learns.
#[derive(Module, Debug)]
pub struct Convolution {
    /// OIHW, of the channels of a group; depthwise `[channels * multiplier, 1, height, width]`.
    pub weight: Param<Tensor<4>>,
    /// One value per output channel.
    pub bias: Param<Tensor<1>>,
}

/// What a fully connected layer learns.
#[derive(Module, Debug)]
pub struct Dense {
    /// `[inputs, units]`, inputs in CHW order.
    pub weight: Param<Tensor<2>>,
    /// One value per unit.
    pub bias: Param<Tensor<1>>,
}

/// What a layer learned, without burn's types.
#[derive(Clone, Debug, PartialEq)]
pub enum LayerWeights {
    /// Nothing.
    None,
    /// A convolution, plain or depthwise.
    Convolution {
        /// OIHW, of the channels of a group; depthwise `[channels * multiplier, 1, height, width]`.
        weight: Vec<f32>,
        /// One value per output channel.
        bias: Vec<f32>,
    },
    /// A batch normalization: `gamma (x - mean) / sqrt(variance + epsilon) + beta`.
    BatchNorm {
        /// Learned scale, one value per channel.
        gamma: Vec<f32>,
        /// Learned shift, one value per channel.
        beta: Vec<f32>,
        /// Running mean, one value per channel.
        mean: Vec<f32>,
        /// Running variance, one value per channel.
        variance: Vec<f32>,
        /// Keeps the quotient finite.
        epsilon: f32,
    },
    /// A dense layer.
    Dense {
        /// `[units][inputs]`, inputs in CHW order.
        weight: Vec<f32>,
        /// One value per unit.
        bias: Vec<f32>,
    },
}

impl Convolution {
    /// Weights of this shape (OIHW), drawn as [`glorot_uniform`] says; biases zero.
    pub fn new(shape: [usize; 4], random: &mut ChaCha8Rng, device: &Device) -> Self {
        let [outputs, inputs, height, width] = shape;
        let values = glorot_uniform(inputs * height * width, outputs * height * width, shape.iter().product(), random);
        Self {
            weight: Param::from_data(TensorData::new(values, shape), device),
            bias: Param::from_data(TensorData::new(vec![0f32; outputs], [outputs]), device),
        }
    }
}

impl Dense {
    /// Weights of this shape (`[inputs, units]`), drawn as [`glorot_uniform`] says; biases zero.
    pub fn new(shape: [usize; 2], random: &mut ChaCha8Rng, device: &Device) -> Self {
        let [inputs, units] = shape;
        let values = glorot_uniform(inputs, units, inputs * units, random);
        Self {
            weight: Param::from_data(TensorData::new(values, shape), device),
            bias: Param::from_data(TensorData::new(vec![0f32; units], [units]), device),
        }
    }
}

/// Uniform in `+-sqrt(6 / (fan_in + fan_out))` (Glorot and Bengio 2010, equation 16; Keras's default).
fn glorot_uniform(fan_in: usize, fan_out: usize, count: usize, random: &mut ChaCha8Rng) -> Vec<f32> {
    let limit = (6.0 / (fan_in + fan_out) as f32).sqrt();
    (0..count).map(|_| random.random_range(-limit..limit)).collect()
}

/// `[n, rows, columns]` -> `[n, columns, rows]`.
pub fn swap_inner(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    values
        .chunks_exact((rows * columns).max(1))
        .flat_map(|block| (0..rows * columns).map(move |i| block[(i % rows) * columns + i / rows]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_move_behind_the_taps() {
        // One filter, two input channels, three taps: CHW order to HWC order.
        assert_eq!(swap_inner(&[1.0, 2.0, 3.0, 10.0, 20.0, 30.0], 2, 3), [1.0, 10.0, 2.0, 20.0, 3.0, 30.0]);
    }
}
