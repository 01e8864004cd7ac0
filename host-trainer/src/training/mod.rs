//! Training: epochs over normalized faces, checkpoints, and a run folder that can be resumed to the same weights.
//!
//! The loop is written by hand over burn's modules, autodiff and optimizers. burn-train (0.22) checkpoints the network, the
//! optimizer and the schedule, but neither the position of its loader's random numbers nor those of dropout, so a resumed
//! run would end in other weights than an uninterrupted one; it does not look for losses that are no numbers; and it
//! brings some fifty more crates to a build that is long already. Here the order of the images and the dropout of epoch `n`
//! are functions of the seed and of `n` alone.
//!
//! ```text
//! configuration.rs  what was asked for; config.toml
//! checkpoint.rs     everything needed to go on, in one file
//! run_folder.rs     where it all lies, and metrics.csv
//! epoch.rs          one pass over the images
//! ```

mod checkpoint;
mod configuration;
mod epoch;
mod error;
mod run_folder;

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Instant,
};

use burn::{
    module::Module,
    optim::{ModuleOptimizer, RmsPropConfig, SgdConfig},
    tensor::Device,
};
use serde::{Deserialize, Serialize};

use self::{checkpoint::Checkpoint, epoch::run_epoch};
pub use self::{
    configuration::Configuration,
    epoch::Progress,
    error::TrainingError,
    run_folder::{RunFolder, write_atomically},
};
use crate::{
    architecture::{Architecture, Optimizer},
    network::{Network, logits},
};

/// Normalized faces with their labels.
#[derive(Clone, Copy, Debug)]
pub struct LabelledFaces<'a> {
    /// 2,304 values a face.
    pub images: &'a [i8],
    /// `0..7`, one a face.
    pub labels: &'a [u8],
}

/// A row of `metrics.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochMetrics {
    /// From 1.
    pub epoch: usize,
    /// Mean over the epoch, under dropout, as Keras reports it.
    pub train_loss: f64,
    /// Share of right answers over the epoch, under dropout.
    pub train_accuracy: f64,
    /// Mean over the validation images after the epoch.
    pub validation_loss: f64,
    /// Share of right answers after the epoch.
    pub validation_accuracy: f64,
    /// Seconds of the epoch, validation included.
    pub seconds: f64,
    /// Images a second in training.
    pub images_per_second: f64,
}

/// How a training ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Whether all epochs ran (or early stopping ended them); else it was interrupted and can be resumed.
    pub finished: bool,
    /// One entry an epoch.
    pub metrics: Vec<EpochMetrics>,
    /// The network after the epoch with the best validation accuracy.
    pub best: Network,
    /// That epoch, from 1; 0 before the first.
    pub best_epoch: usize,
    /// The network after the last epoch.
    pub last: Network,
}

/// Trains from the run folder's last checkpoint, or from fresh weights if it has none, and leaves a checkpoint after every
/// epoch. When `stop` becomes true, it returns after the step under way.
///
/// # Errors
/// [`TrainingError`] for data that does not fit, a loss that is no number, and files that cannot be written or read.
pub fn train(
    configuration: &Configuration,
    training: LabelledFaces<'_>,
    validation: LabelledFaces<'_>,
    run: &RunFolder,
    stop: &AtomicBool,
    observe: &mut dyn FnMut(Progress<'_>),
) -> Result<Outcome, TrainingError> {
    check("training", training)?;
    check("validation", validation)?;
    let device = Device::flex().autodiff();
    let architecture = Arc::new(configuration.architecture()?);
    let mut network = Network::new(architecture.clone(), configuration.seed, &device);
    let mut optimizer = optimizer(&architecture);
    let mut best = network.clone();
    let mut metrics: Vec<EpochMetrics> = Vec::new();
    if let Some(checkpoint) = run.last_checkpoint()? {
        (network.parameters, optimizer) = checkpoint.restore(network.parameters, optimizer)?;
        metrics = checkpoint.metrics;
        best = network.clone();
        if let Some(checkpoint) = run.best_checkpoint()?
            && checkpoint.metrics.len() <= metrics.len()
        {
            best.parameters = checkpoint.restore_parameters(best.parameters)?;
        }
        run.write_metrics(&metrics)?;
    }
    let mut finished = true;
    while metrics.len() < configuration.epochs && !stopped_early(configuration, &architecture, &metrics) {
        let start = Instant::now();
        let result = run_epoch(network, optimizer, configuration, training, metrics.len(), stop, observe)?;
        (network, optimizer) = (result.network, result.optimizer);
        let Some(trained) = result.completed else {
            finished = false;
            break;
        };
        let (validation_loss, validation_accuracy) = validate(&network, validation);
        metrics.push(EpochMetrics {
            epoch: metrics.len() + 1,
            train_loss: trained.loss,
            train_accuracy: trained.accuracy,
            validation_loss,
            validation_accuracy,
            seconds: start.elapsed().as_secs_f64(),
            images_per_second: trained.images_per_second,
        });
        let checkpoint = Checkpoint::new(&network.parameters, &optimizer, &metrics)?;
        if best_epoch(&metrics) == metrics.len() {
            best = network.clone();
            run.write_best(&checkpoint)?;
        }
        run.write_last(&checkpoint)?;
        run.write_metrics(&metrics)?;
        if let Some(row) = metrics.last() {
            observe(Progress::Epoch { metrics: row, epochs: configuration.epochs });
        }
    }
    // An interruption leaves the weights of an unfinished epoch behind; what counts is the last checkpoint.
    if !finished && let Some(checkpoint) = run.last_checkpoint()? {
        network.parameters = checkpoint.restore_parameters(network.parameters)?;
    }
    Ok(Outcome { finished, best_epoch: best_epoch(&metrics), metrics, best: best.valid(), last: network.valid() })
}

fn check(what: &'static str, faces: LabelledFaces<'_>) -> Result<(), TrainingError> {
    let pixels = shared::preprocessing::FACE_PIXELS;
    if faces.labels.is_empty() {
        return Err(TrainingError::NoFaces { what });
    }
    let fits = faces.images.len() == faces.labels.len() * pixels;
    let labels_known = faces.labels.iter().all(|&label| usize::from(label) < shared::label::Emotion::COUNT);
    if fits && labels_known { Ok(()) } else { Err(TrainingError::FacesDoNotFit { what }) }
}

fn optimizer(architecture: &Architecture) -> ModuleOptimizer {
    match architecture.recipe.optimizer {
        Optimizer::RmsProp { rho, epsilon, .. } => {
            RmsPropConfig::new().with_alpha(rho).with_momentum(0.0).with_epsilon(epsilon).init()
        }
        Optimizer::Sgd { .. } => SgdConfig::new().init(),
    }
}

/// The first of the epochs with the best validation accuracy, from 1; 0 if there are none.
pub fn best_epoch(metrics: &[EpochMetrics]) -> usize {
    let mut best = 0;
    for (index, row) in metrics.iter().enumerate() {
        if best == 0 || row.validation_accuracy > metrics[best - 1].validation_accuracy {
            best = index + 1;
        }
    }
    best
}

fn stopped_early(configuration: &Configuration, architecture: &Architecture, metrics: &[EpochMetrics]) -> bool {
    let patience = architecture.recipe.early_stopping.unwrap_or(configuration.epochs);
    metrics.len() > best_epoch(metrics) + patience
}

/// Loss and accuracy over `faces`, without dropout.
fn validate(network: &Network, faces: LabelledFaces<'_>) -> (f64, f64) {
    let rows = logits(network, faces.images, |_| {});
    let mut loss = 0.0;
    let mut right = 0usize;
    for (row, &label) in rows.iter().zip(faces.labels) {
        let label = usize::from(label);
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = row.iter().map(|&logit| f64::from(logit - largest).exp()).sum();
        loss += sum.ln() - f64::from(row[label] - largest);
        right += usize::from(epoch::argmax(row) == label);
    }
    let images = rows.len().max(1) as f64;
    (loss / images, right as f64 / images)
}

/// Saves the network's parameters as a burn record.
///
/// # Errors
/// [`TrainingError::Write`] if the file cannot be written.
pub fn save_record(network: &Network, path: &std::path::Path) -> Result<(), TrainingError> {
    let record = network.parameters.clone().into_record().into_bytes();
    let bytes = record.map_err(|error| TrainingError::Write { file: path.into(), error: error.to_string() })?;
    write_atomically(path, &bytes)
}

#[cfg(test)]
mod tests;
