//! Training of the finder's networks: is it a face, and where are its eyes?

use anyhow::Context;
use burn::{
    module::{Module, ModuleMapper, Param},
    optim::GradientsParams,
    tensor::{Device, Tensor, TensorData, activation::log_sigmoid},
};
use firmware::{finder::search::EYE_UNITS, normalization::standardize};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use shared::{
    finder::OUTPUTS,
    model::{AlignedBytes, Task},
};

use crate::{
    architecture::Architecture,
    network::{Mode, Network},
    quantization::{Form, quantize_network},
    scales::Range,
    training::{Average, decay, optimizer},
};

/// A square that a network learns from.
#[derive(Clone, Debug)]
pub struct Example {
    /// Grey levels, row by row.
    pub pixels: Vec<u8>,
    /// Where the eyes are from where they are in the middle, in sides of the square: left x, y, right x, y; `None` if it is no face.
    pub eyes: Option<[f32; 4]>,
}

/// Floor of the standard deviation of a square, in 1/256 grey levels.
pub const SIGMA_FLOOR: u16 = 1024;

/// What a network's eyes cost beside its logit.
const EYES_COST: f32 = 0.5;

/// How long a network learns.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Steps of the optimizer, each on a batch of examples.
    pub steps: usize,
    /// Where the random numbers begin.
    pub seed: u64,
}

/// Trains a network from where it stands, by the optimizer, schedule and batch size of its recipe, on examples that `draw` makes of
/// random numbers. `observe(step, loss)` is told the mean loss of the last steps. Gives the mean of the parameters over the
/// last steps.
pub fn train(
    start: Network,
    plan: Plan,
    draw: impl Fn(&mut ChaCha8Rng) -> Example + Sync,
    mut observe: impl FnMut(usize, f32),
) -> Network {
    let architecture = start.architecture.clone();
    let recipe = &architecture.recipe;
    let device = Device::flex().autodiff();
    let values = start.parameters.to_flat();
    let fresh = Network::new(architecture.clone(), plan.seed, &device);
    let parameters = fresh.parameters.with_flat(&values).map(&mut Learn);
    let mut network = Network { parameters, ..fresh };
    let mut optimizer = optimizer(recipe.optimizer);
    let mut average = Average::new(0.998, values);
    let mut mean_loss = None;
    for step in 0..plan.steps {
        let examples = batch(&draw, plan.seed, step, recipe.batch_size);
        let loss = loss(&network, &examples, &device);
        let value = loss.clone().into_scalar::<f32>();
        mean_loss = Some(mean_loss.map_or(value, |mean: f32| mean + 0.02 * (value - mean)));
        let gradients = GradientsParams::from_grads(loss.backward(), &network.parameters);
        let rate = recipe.optimizer.learning_rate() * recipe.schedule.factor(step as f64, plan.steps as f64);
        let parameters = optimizer.step(rate, network.parameters.clone(), gradients);
        network.parameters = decay(parameters, rate * f64::from(recipe.regularization.weight_decay));
        average.add(&network.parameters.to_flat());
        observe(step, mean_loss.unwrap_or(value));
    }
    let plain = Network::new(architecture, plan.seed, &Device::flex());
    Network { parameters: plain.parameters.with_flat(average.values()), ..plain }
}

/// Parameters that gradients are asked for.
struct Learn;

impl ModuleMapper for Learn {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        Param::from_mapped_value(id, tensor.require_grad(), mapper)
    }
}

/// The examples of a step; each is a function of the seed, the step and its place.
fn batch(draw: &(impl Fn(&mut ChaCha8Rng) -> Example + Sync), seed: u64, step: usize, size: usize) -> Vec<Example> {
    let example = |index: usize| {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream((step * size + index) as u64);
        draw(&mut random)
    };
    (0..size).into_par_iter().map(example).collect()
}

/// What a network sees of squares: `[n, 1, size, size]`, standardized.
fn input(architecture: &Architecture, squares: &[&[u8]], device: &Device) -> Tensor<4> {
    let size = usize::from(architecture.input_shape().width);
    let mut values = vec![0.0f32; squares.len() * size * size];
    values.par_chunks_mut(size * size).zip(squares).for_each(|(out, square)| {
        let mut integers = vec![0i8; size * size];
        standardize(square, SIGMA_FLOOR, &mut integers);
        out.iter_mut().zip(&integers).for_each(|(out, &q)| *out = f32::from(q) * architecture.preprocessing.scale());
    });
    Tensor::from_data(TensorData::new(values, [squares.len(), 1, size, size]), device)
}

/// Cross entropy of the logits, and a smooth absolute error (Girshick 2015, "Fast R-CNN", equation 3) of the eyes of faces.
fn loss(network: &Network, examples: &[Example], device: &Device) -> Tensor<1> {
    let squares: Vec<&[u8]> = examples.iter().map(|example| &example.pixels[..]).collect();
    let images = examples.len();
    // No layer draws random numbers; the mode is what batch normalization and its ReLU are fused by.
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let outputs = network.forward(input(&network.architecture, &squares, device), &mut Mode::Training(&mut random));
    let column = |values: Vec<f32>| Tensor::<2>::from_data(TensorData::new(values, [images, 1]), device);
    let sides = column(examples.iter().map(|example| if example.eyes.is_some() { 1.0 } else { -1.0 }).collect());
    let faces = column(examples.iter().map(|example| f32::from(u8::from(example.eyes.is_some()))).collect());
    let eyes: Vec<f32> =
        examples.iter().flat_map(|e| e.eyes.unwrap_or_default().map(|part| part * EYE_UNITS)).collect();
    let eyes = Tensor::<2>::from_data(TensorData::new(eyes, [images, 4]), device);
    let of_logits = log_sigmoid(outputs.clone().narrow(1, 0, 1) * sides).mean().neg();
    let distance = (outputs.narrow(1, 1, 4) - eyes).abs();
    // d^2 / 2 below 1, d - 1/2 above.
    let near = distance.clone().clamp_max(1.0);
    let smooth = near.clone() * (distance - near * 0.5);
    let of_eyes = (smooth * faces.clone()).sum() / faces.sum().clamp_min(1.0);
    of_logits + of_eyes * (EYES_COST / 4.0)
}

/// The logits and eyes that a network gives squares, in floating point.
pub fn outputs(network: &Network, squares: &[&[u8]]) -> Vec<[f32; OUTPUTS as usize]> {
    let device = Device::flex();
    let run = |squares: &[&[u8]]| {
        let values = network.forward(input(&network.architecture, squares, &device), &mut Mode::Inference).into_data();
        let values: Vec<f32> = values.iter::<f32>().collect();
        values.as_chunks().0.to_vec()
    };
    squares.chunks(256).flat_map(run).collect()
}

/// The network in integers, as a file.
///
/// # Errors
/// What the quantizer finds.
pub fn quantized(network: &Network, calibration: &[&[u8]]) -> anyhow::Result<AlignedBytes> {
    let device = Device::flex();
    let mut ranges = vec![(0.0f32, 0.0f32); network.architecture.layers.len()];
    let mut batches = 0.0;
    for squares in calibration.chunks(64) {
        batches += 1.0;
        let see = |layer: usize, output: &Tensor<4>| {
            ranges[layer].0 += output.clone().min().into_scalar::<f32>();
            ranges[layer].1 += output.clone().max().into_scalar::<f32>();
        };
        network.forward_collect(input(&network.architecture, squares, &device), &mut Mode::Inference, see);
    }
    let ranges: Vec<Range> = ranges.iter().map(|(min, max)| Range { min: min / batches, max: max / batches }).collect();
    let quantized = quantize_network(&network.to_float_network(), &ranges, Form::Folded).context("quantizing")?;
    Ok(quantized.encode_for(Task::Any, 0)?)
}
