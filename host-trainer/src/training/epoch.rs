//! One pass over the training images.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use burn::{
    nn::loss::CrossEntropyLossConfig,
    optim::{GradientsParams, ModuleOptimizer},
    tensor::{Device, Int, Tensor, TensorData},
};
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use shared::preprocessing::FACE_PIXELS;

use super::{Configuration, EpochMetrics, LabelledFaces, TrainingError};
use crate::network::{Mode, Network, input_tensor};

/// What a training tells while it runs.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// A step is done.
    Step {
        /// From 1.
        epoch: usize,
        /// Epochs in all.
        epochs: usize,
        /// Images of this epoch that are done.
        images: usize,
        /// Images of an epoch.
        total: usize,
        /// Mean over the epoch so far.
        loss: f64,
        /// Share of right answers over the epoch so far.
        accuracy: f64,
        /// In this epoch so far.
        images_per_second: f64,
    },
    /// An epoch is done, validated and kept.
    Epoch {
        /// Its row of `metrics.csv`.
        metrics: &'a EpochMetrics,
        /// Epochs in all.
        epochs: usize,
    },
}

pub(super) struct EpochResult {
    pub network: Network,
    pub optimizer: ModuleOptimizer,
    /// `None` if it was interrupted.
    pub completed: Option<Completed>,
}

pub(super) struct Completed {
    pub loss: f64,
    pub accuracy: f64,
    pub images_per_second: f64,
}

/// The random numbers of epoch `epoch` for `purpose`: a function of the seed and the epoch alone.
fn random(seed: u64, epoch: usize, purpose: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(epoch as u64 * 2 + purpose + 1);
    random
}

/// Runs the epoch after `done` completed ones.
pub(super) fn run_epoch(
    mut network: Network,
    mut optimizer: ModuleOptimizer,
    configuration: &Configuration,
    faces: LabelledFaces<'_>,
    done: usize,
    stop: &AtomicBool,
    observe: &mut dyn FnMut(Progress<'_>),
) -> Result<EpochResult, TrainingError> {
    let device = Device::flex().autodiff();
    let criterion = CrossEntropyLossConfig::new().init(&device);
    let learning_rate = network.architecture.recipe.optimizer.learning_rate();
    let scale = network.architecture.preprocessing.scale();
    let mut order: Vec<usize> = (0..faces.labels.len()).collect();
    order.shuffle(&mut random(configuration.seed, done, 0));
    let mut dropout = random(configuration.seed, done, 1);
    let start = Instant::now();
    let (mut loss_sum, mut right, mut images) = (0.0, 0usize, 0usize);
    for (step, batch) in order.chunks(configuration.batch_size.max(1)).enumerate() {
        if stop.load(Ordering::Relaxed) {
            return Ok(EpochResult { network, optimizer, completed: None });
        }
        let pixels = batch.iter().map(|&i| &faces.images[i * FACE_PIXELS..(i + 1) * FACE_PIXELS]);
        let labels: Vec<i32> = batch.iter().map(|&i| i32::from(faces.labels[i])).collect();
        let targets = Tensor::<1, Int>::from_data(TensorData::new(labels.clone(), [labels.len()]), &device);
        let logits = network.forward(input_tensor(pixels, scale, &device), &mut Mode::Training(&mut dropout));
        let loss = criterion.forward(logits.clone(), targets);
        let value = f64::from(loss.clone().into_scalar::<f32>());
        if !value.is_finite() {
            return Err(TrainingError::NonFinite { epoch: done + 1, step: step + 1, loss: value, last_good: done });
        }
        let gradients = GradientsParams::from_grads(loss.backward(), &network.parameters);
        network.parameters = optimizer.step(learning_rate, network.parameters, gradients);

        images += batch.len();
        loss_sum += value * batch.len() as f64;
        right += count_right(logits, &labels);
        observe(Progress::Step {
            epoch: done + 1,
            epochs: configuration.epochs,
            images,
            total: order.len(),
            loss: loss_sum / images as f64,
            accuracy: right as f64 / images as f64,
            images_per_second: images as f64 / start.elapsed().as_secs_f64(),
        });
    }
    let completed = Completed {
        loss: loss_sum / images as f64,
        accuracy: right as f64 / images as f64,
        images_per_second: images as f64 / start.elapsed().as_secs_f64(),
    };
    Ok(EpochResult { network, optimizer, completed: Some(completed) })
}

fn count_right(logits: Tensor<2>, labels: &[i32]) -> usize {
    let classes = logits.dims()[1];
    let values: Vec<f32> = logits.into_data().iter::<f32>().collect();
    values.chunks_exact(classes.max(1)).zip(labels).filter(|(row, label)| argmax(row) as i32 == **label).count()
}

/// The index of the largest value, the first of several.
pub(super) fn argmax(row: &[f32]) -> usize {
    let mut best = 0;
    for (index, value) in row.iter().enumerate() {
        if *value > row[best] {
            best = index;
        }
    }
    best
}
