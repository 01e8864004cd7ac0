//! `dropout` and `spatial_dropout`.

use burn::tensor::{Tensor, TensorData};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::table::LayerTable;

pub const KEYS: &[&str] = &["rate"];

pub fn read(table: &LayerTable) -> Result<f32, String> {
    match table.rate.ok_or("`rate` is missing")? {
        rate if (0.0..1.0).contains(&rate) => Ok(rate),
        rate => Err(format!("`rate` is {rate}; it must be in 0..1")),
    }
}

/// Decides for each value.
pub fn forward(input: Tensor<4>, rate: f32, random: &mut ChaCha8Rng) -> Tensor<4> {
    let decisions = input.dims();
    drop_out(input, decisions, rate, random)
}

/// Decides for each channel of each image.
pub fn forward_spatial(input: Tensor<4>, rate: f32, random: &mut ChaCha8Rng) -> Tensor<4> {
    let [images, channels, _, _] = input.dims();
    drop_out(input, [images, channels, 1, 1], rate, random)
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
