//! Training: epochs over faces, checkpoints, and a run folder that can be resumed to the same weights.
//!
//! The loop is written by hand over burn's modules, autodiff and optimizers. burn-train (0.22) checkpoints the network, the
//! optimizer and the schedule, but neither the position of its loader's random numbers nor those of dropout, so a resumed
//! run would end in other weights than an uninterrupted one; it does not look for losses that are no numbers; and it
//! brings some fifty more crates to a build that is long already. Here the order of the images, their augmentation and the
//! dropout of epoch `n` are functions of the seed and of `n` alone.
//!
//! ```text
//! configuration.rs  the configuration of a run; config.toml
//! state.rs          what is learned, step by step
//! checkpoint.rs     the same in one file
//! run_folder.rs     where it all lies, and metrics.csv
//! epoch.rs          one pass over the images
//! steps.rs          its steps
//! progress.rs       its progress
//! batch.rs          what a step is fed with
//! batches.rs        the same, made ahead of the steps
//! mixup.rs          faces that are blends of two
//! resizing.rs       faces that start small and grow
//! targets.rs        the target of each image, and its weight in the loss
//! reweighting.rs    importance weights against wrong labels
//! distillation.rs   what teachers think of the images
//! loss.rs           what is minimized
//! validation.rs     the faces to validate on, and which of them choose
//! optimizer.rs      how it is minimized
//! error.rs          what can go wrong
//! sharpness.rs      steps by the gradient of the worst place nearby
//! ```

mod batch;
mod batches;
mod checkpoint;
mod configuration;
mod distillation;
mod epoch;
mod error;
mod loss;
mod mixup;
mod optimizer;
mod progress;
mod resizing;
mod reweighting;
mod run_folder;
mod sharpness;
mod state;
mod steps;
#[cfg(test)]
pub(crate) mod stripes;
mod targets;
mod validation;

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Instant,
};

use burn::{
    module::Module,
    store::ModuleRecord,
    tensor::{Bytes, Device},
};
use serde::{Deserialize, Serialize};
use shared::{label::Emotion, preprocessing::FACE_PIXELS};

pub use self::{
    configuration::{Configuration, contents_text},
    distillation::{
        SoftTargets, copy_taught, keep_teachers, read_soft_targets, soft_targets, teacher_folder, write_soft_targets,
    },
    error::TrainingError,
    progress::Progress,
    run_folder::{CHECKPOINTS, MODEL_FILE, RECORD_FILE, RunFolder, START_FILE, write_atomically},
    validation::{ValidationFaces, best_epoch},
};
use self::{distillation::write_view, epoch::run_epoch, state::State, validation::validate};
pub(crate) use self::{
    optimizer::{decay, optimizer},
    state::Average,
};
use crate::{
    architecture::Architecture,
    data::kept,
    evaluation::Prediction,
    files,
    network::{Network, logits},
};

/// Normalized faces with their labels.
#[derive(Clone, Copy, Debug)]
pub struct LabelledFaces<'a> {
    /// `[48, 48, channels]` values per face, as the network's preprocessing makes them.
    pub images: &'a [i8],
    /// Indices of the network's emotions, one a face.
    pub labels: &'a [u8],
}

/// The faces to train on.
#[derive(Clone, Copy, Debug)]
pub struct TrainingFaces<'a> {
    /// The faces, preprocessed.
    pub faces: LabelledFaces<'a>,
    /// The same faces as grey levels: augmentation changes these.
    pub pixels: Option<&'a [u8]>,
    /// The shares of the FER+ votes for each emotion, for the faces that have any.
    pub votes: Option<&'a [Option<[f32; Emotion::COUNT]>]>,
    /// What teachers think of the faces, at the recipe's temperature: see [`soft_targets`].
    pub soft_targets: Option<&'a [[f32; Emotion::COUNT]]>,
    /// Teachers that are asked about every face as it is trained on, for recipes whose `distillation` has `same_views`.
    pub teachers: &'a [Network],
    /// Faces that nothing is learned from, such as those that are nearly validation faces.
    pub left_out: Option<&'a [bool]>,
}

impl<'a> From<LabelledFaces<'a>> for TrainingFaces<'a> {
    fn from(faces: LabelledFaces<'a>) -> Self {
        Self { faces, pixels: None, votes: None, soft_targets: None, teachers: &[], left_out: None }
    }
}

/// A row of `metrics.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochMetrics {
    /// Number of the epoch, from 1.
    pub epoch: usize,
    /// Mean over the epoch, under dropout, as Keras reports it; against the labels alone, without the teachers' part, so that it
    /// compares with the loss in validation.
    pub train_loss: f64,
    /// Share of right answers over the epoch, under dropout.
    pub train_accuracy: f64,
    /// Mean over the validation images that choose, after the epoch.
    pub validation_loss: f64,
    /// Share of right answers among the same: the best one's weights are kept.
    pub validation_accuracy: f64,
    /// Seconds of the epoch, validation included.
    pub seconds: f64,
    /// Images a second in training.
    pub images_per_second: f64,
    /// Mean over all validation images, where those that have a near twin among the training images choose nothing.
    #[serde(default)]
    pub validation_loss_all: Option<f64>,
    /// Share of right answers among the same.
    #[serde(default)]
    pub validation_accuracy_all: Option<f64>,
}

/// How a training ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Whether all epochs ran (or early stopping ended them); else it was interrupted and can be resumed.
    pub finished: bool,
    /// One entry per epoch.
    pub metrics: Vec<EpochMetrics>,
    /// The network after the epoch with the best validation accuracy.
    pub best: Network,
    /// That epoch, from 1; 0 before the first.
    pub best_epoch: usize,
    /// The network after the last epoch.
    pub last: Network,
}

/// Trains from the run folder's last checkpoint, or from fresh weights if it has none, and leaves a checkpoint after every
/// epoch. When `stop` becomes true, it returns after the current step.
///
/// # Errors
/// [`TrainingError`] for data that does not fit, a loss that is no number, and files that cannot be written or read.
pub fn train(
    configuration: &Configuration,
    training: TrainingFaces<'_>,
    validation: ValidationFaces<'_>,
    run: &RunFolder,
    stop: &AtomicBool,
    observe: &mut dyn FnMut(Progress<'_>),
) -> Result<Outcome, TrainingError> {
    let network = configuration.architecture()?;
    check("training", training.faces, &network)?;
    check("validation", validation.faces, &network)?;
    if validation.near.is_some_and(|near| near.len() != validation.faces.labels.len()) {
        return Err(TrainingError::FacesDoNotFit { what: "validation", emotions: network.labels().count() });
    }
    check_extras(&training, configuration)?;
    let architecture = Arc::new(configuration.architecture()?);
    let mut state = fresh_state(configuration, run)?;
    let mut best = state.answering();
    if let Some(checkpoint) = run.last_checkpoint()? {
        state = state.restore(checkpoint)?;
        let checkpoint = run.best_checkpoint()?;
        // A best epoch that lies after the last whole checkpoint is about to be trained again, to the same weights.
        best = state.answering();
        if checkpoint.metrics.len() <= state.metrics.len() {
            best = fresh_state(configuration, run)?.restore(checkpoint)?.answering();
        }
        run.write_metrics(&state.metrics)?;
    }
    let recipe = &architecture.recipe;
    let mut finished = true;
    while state.metrics.len() < configuration.epochs && !stopped_early(recipe.early_stopping, &state.metrics) {
        let start = Instant::now();
        if let Some(reweighting) = recipe.reweighting
            && state.metrics.len() == reweighting.after
        {
            state.importance = importance(&state.answering(), &training, &reweighting.noise);
        }
        let Some(trained) = run_epoch(&mut state, configuration, &training, run, stop, observe)? else {
            finished = false;
            break;
        };
        let answering = state.answering();
        let validated = validate(&answering, validation, configuration.apart);
        let epoch = state.metrics.len() + 1;
        // The last update of an epoch meets no further training loss that would show an overflow.
        let loss = validated.all.map_or(validated.loss, |all| all.0);
        if !loss.is_finite() {
            let (step, last_good) = (trained.steps, epoch - 1);
            return Err(TrainingError::NonFinite { epoch, step, loss, last_good });
        }
        state.metrics.push(EpochMetrics {
            epoch,
            train_loss: trained.loss,
            train_accuracy: trained.accuracy,
            validation_loss: validated.loss,
            validation_accuracy: validated.accuracy,
            seconds: start.elapsed().as_secs_f64(),
            images_per_second: trained.images_per_second,
            validation_loss_all: validated.all.map(|all| all.0),
            validation_accuracy_all: validated.all.map(|all| all.1),
        });
        let checkpoint = state.checkpoint()?;
        if best_epoch(&state.metrics) == epoch {
            best = answering;
            run.write_best(&checkpoint)?;
        }
        run.write_last(&checkpoint)?;
        run.write_metrics(&state.metrics)?;
        // After the checkpoint: what a run without an epoch has left would be taken for that of another.
        if let Some((view, answers)) = &trained.answers {
            write_view(run, *view, answers)?;
        }
        if let Some(row) = state.metrics.last() {
            observe(Progress::Epoch { metrics: row, epochs: configuration.epochs });
        }
    }
    // An interruption leaves the weights of an unfinished epoch behind; what counts is the last checkpoint.
    if !finished && let Some(checkpoint) = run.last_checkpoint()? {
        state = fresh_state(configuration, run)?.restore(checkpoint)?;
    }
    let last = state.answering();
    Ok(Outcome { finished, best_epoch: best_epoch(&state.metrics), metrics: state.metrics, best, last })
}

fn fresh_state(configuration: &Configuration, run: &RunFolder) -> Result<State, TrainingError> {
    let architecture = Arc::new(configuration.architecture()?);
    let optimizer = optimizer(architecture.recipe.optimizer);
    let fresh = Network::new(architecture, configuration.seed, &configuration.hardware.device().autodiff());
    let network = match &configuration.start {
        Some(file) => {
            check_start(configuration, run, file)?;
            with_record(fresh, &run.file(file))?
        }
        None => fresh,
    };
    Ok(State::new(network, optimizer))
}

/// The weights that a run begins with must be those that it was begun with.
fn check_start(configuration: &Configuration, run: &RunFolder, file: &str) -> Result<(), TrainingError> {
    let Some(known) = &configuration.start_contents else { return Ok(()) };
    let path = run.file(file);
    let found =
        files::contents(&path).map_err(|error| TrainingError::Read { file: path.clone(), error: error.to_string() })?;
    if *known == contents_text(found) {
        return Ok(());
    }
    let what = format!("{file} no longer holds the weights that the run was begun with; start a new run");
    Err(TrainingError::Differs { folder: run.path().into(), what })
}

/// Faces must have the values of the network's input, and labels that it knows.
fn check(what: &'static str, faces: LabelledFaces<'_>, network: &Architecture) -> Result<(), TrainingError> {
    if faces.labels.is_empty() {
        return Err(TrainingError::NoFaces { what });
    }
    let fits = faces.images.len() == faces.labels.len() * network.preprocessing.values();
    let emotions = network.labels().count();
    let labels_known = faces.labels.iter().all(|&label| usize::from(label) < emotions);
    if fits && labels_known { Ok(()) } else { Err(TrainingError::FacesDoNotFit { what, emotions }) }
}

/// Grey levels where the recipe augments, votes and soft targets where it needs them, must belong to the same faces.
fn check_extras(training: &TrainingFaces<'_>, configuration: &Configuration) -> Result<(), TrainingError> {
    let architecture = configuration.architecture()?;
    let recipe = &architecture.recipe;
    let images = training.faces.labels.len();
    let votes_fit = training.votes.is_none_or(|votes| votes.len() == images);
    let pixels_fit = match training.pixels {
        Some(pixels) => pixels.len() == images * FACE_PIXELS,
        None => recipe.augmentation.is_off(),
    };
    let taught = match recipe.distillation {
        Some(distillation) if distillation.same_views => !training.teachers.is_empty(),
        Some(_) => training.soft_targets.is_some(),
        None => true,
    };
    if !taught {
        return Err(TrainingError::NoTeachers);
    }
    let emotions = architecture.labels().count();
    let suits = |teacher: &Network| {
        let Architecture { preprocessing, .. } = &*teacher.architecture;
        *preprocessing == architecture.preprocessing && teacher.architecture.labels().count() <= emotions
    };
    if !training.teachers.iter().all(suits) {
        return Err(TrainingError::TeacherDoesNotSuit);
    }
    let targets_fit = training.soft_targets.is_none_or(|targets| targets.len() == images);
    let left_out_fits = training.left_out.is_none_or(|left_out| left_out.len() == images);
    if votes_fit && pixels_fit && targets_fit && left_out_fits {
        Ok(())
    } else {
        Err(TrainingError::FacesDoNotFit { what: "training", emotions })
    }
}

/// Importance weights of all images by what the network has learned so far from those that are not left out; 1 for the others.
fn importance(network: &Network, training: &TrainingFaces<'_>, noise: &crate::architecture::Noise) -> Vec<f32> {
    let LabelledFaces { images, labels } = training.faces;
    let learned: Vec<bool> = match training.left_out {
        Some(left_out) => left_out.iter().map(|left_out| !left_out).collect(),
        None => vec![true; labels.len()],
    };
    let rows = logits(network, &kept(&learned, images), |_| {});
    // Recipes with importance weights are for networks of seven emotions, which come first.
    let seven = |row| std::array::from_fn(|class| Prediction::from_logits(row, 1.0).probabilities[class]);
    let probabilities: Vec<_> = rows.iter().map(seven).collect();
    let votes = training.votes.map(|votes| kept(&learned, votes));
    let found = reweighting::importance(&probabilities, &kept(&learned, labels), votes.as_deref(), noise);
    let mut weights = vec![1.0; labels.len()];
    let places = weights.iter_mut().zip(&learned).filter(|(_, learned)| **learned);
    places.zip(found).for_each(|((weight, _), found)| *weight = found);
    weights
}

/// Whether so many epochs were no better than the best; never if the recipe does not ask for it.
fn stopped_early(patience: Option<usize>, metrics: &[EpochMetrics]) -> bool {
    patience.is_some_and(|patience| metrics.len() - best_epoch(metrics) >= patience.max(1))
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

/// Reads parameters that [`save_record`] has saved.
///
/// # Errors
/// [`TrainingError::Read`] if the file cannot be read or holds another network.
pub fn load_record(architecture: Arc<Architecture>, path: &std::path::Path) -> Result<Network, TrainingError> {
    if !path.exists() {
        let error = "it is not there; a run has it once it is finished, and `train --resume` finishes a run".into();
        return Err(TrainingError::Read { file: path.into(), error });
    }
    Ok(with_record(Network::new(architecture, 0, &Device::flex()), path)?.valid())
}

/// A network with the parameters of a record.
fn with_record(fresh: Network, path: &std::path::Path) -> Result<Network, TrainingError> {
    let unreadable = |error: String| TrainingError::Read { file: path.into(), error };
    let bytes = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    let record =
        ModuleRecord::from_bytes(Bytes::from_bytes_vec(bytes)).map_err(|error| unreadable(error.to_string()))?;
    let parameters = fresh.parameters.clone().try_load_record(record).map_err(|error| unreadable(error.to_string()))?;
    Ok(Network { parameters, ..fresh })
}

#[cfg(test)]
mod tests;
