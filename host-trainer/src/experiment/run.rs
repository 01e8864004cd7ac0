//! One experiment with one seed.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::{Experiment, presets::goes_on_from};
use crate::{
    architecture::Architecture,
    data::Source,
    evaluation::{EvaluationReport, Prediction},
    export::{self, MeasuredOn},
    network::logits,
    training::{
        CHECKPOINTS, Configuration, EpochMetrics, Outcome, Progress, RunFolder, TrainingError, TrainingFaces, train,
        write_atomically,
    },
};

/// Name of the file with a run's [`Measured`].
const RESULT: &str = "result.json";

/// What came out of a run; `result.json` in its folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Name of the experiment.
    pub experiment: String,
    /// Of the weights, the order of the images and dropout.
    pub seed: u64,
    /// One entry per epoch.
    pub epochs: Vec<EpochMetrics>,
    /// The epoch whose weights were kept, from 1; 0 if none was finished.
    pub kept_epoch: usize,
    /// Share of validation faces right, float, weights kept.
    pub accuracy: f64,
    /// Mean F1 over the emotions, float, weights kept.
    pub macro_f1: f64,
    /// Share of validation faces right through the core; `None` if the core cannot run it.
    pub int8_accuracy: Option<f64>,
    /// Bytes of the model file.
    pub int8_bytes: Option<u64>,
    /// Why there is no model file, if there is none.
    pub not_quantized: Option<String>,
    /// Learned parameters.
    pub parameters: u64,
    /// Multiply-accumulates an image.
    pub macs: u64,
    /// Where the loss became infinite or not a number.
    pub failure: Option<Failure>,
}

/// Where a loss became infinite or not a number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// From 1.
    pub epoch: usize,
    /// From 1.
    pub step: usize,
    /// `NaN` or `inf`.
    pub loss: String,
}

/// What is to be trained, and where.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The experiment.
    pub experiment: &'a Experiment,
    /// One of its trainings: see [`configuration`].
    pub configuration: &'a Configuration,
    /// The folder of all runs.
    pub folder: &'a Path,
}

/// The training of an experiment with a seed, for at most `epochs` epochs, whatever the experiment says. The contents of
/// faces and votes are for the caller to add.
///
/// # Errors
/// If the experiment's network does not parse.
pub fn configuration(
    experiment: &Experiment,
    seed: u64,
    epochs: Option<usize>,
    source: &Source,
    votes: Option<&Path>,
) -> anyhow::Result<Configuration> {
    let architecture = Architecture::parse(&experiment.name, &experiment.source)?;
    let data = source.path().map(|path| path.display().to_string());
    let file = format!("{}.toml", experiment.name);
    let mut configuration = Configuration::new(&architecture, &file, seed, data, source.description());
    configuration.votes = votes.map(|path| path.display().to_string());
    configuration.epochs = epochs.map_or(configuration.epochs, |most| configuration.epochs.min(most));
    Ok(configuration)
}

/// Trains, or goes on training, and measures; a run that is done is only read. `None` if `stop` became true.
///
/// # Errors
/// If something cannot be trained, read or written. A loss that is no number is a result.
pub fn run(
    run: &Run<'_>,
    training: TrainingFaces<'_>,
    measured_on: MeasuredOn<'_>,
    stop: &AtomicBool,
    observe: &mut dyn FnMut(Progress<'_>),
) -> anyhow::Result<Option<Measured>> {
    let path = folder_of(run, &run.experiment.name);
    if let Some(measured) = read(&path, run) {
        return Ok(Some(measured));
    }
    let (folder, configuration) = open(run, &path)?;
    let validation = measured_on.chosen_by();
    let measured = match train(&configuration, training, validation, &folder, stop, observe) {
        Ok(outcome) if !outcome.finished => return Ok(None),
        Ok(outcome) => measure(run, &configuration, &folder, &outcome, training, measured_on, None)?,
        Err(TrainingError::NonFinite { epoch, step, loss, last_good }) => {
            let failure = Failure { epoch, step, loss: loss.to_string() };
            // What was learned until then is there: the same run with as many epochs as it finished.
            let until = Configuration { epochs: last_good, ..configuration };
            let outcome = train(&until, training, validation, &folder, stop, &mut |_| {})?;
            measure(run, &until, &folder, &outcome, training, measured_on, Some(failure))?
        }
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    write_atomically(&path.join(RESULT), serde_json::to_string_pretty(&measured)?.as_bytes())?;
    Ok(Some(measured))
}

/// The folder of an experiment's run with the same seed.
fn folder_of(run: &Run<'_>, experiment: &str) -> PathBuf {
    run.folder.join(format!("{experiment}-{}", run.configuration.seed))
}

/// The result of a run that is done, if it is the one that is wanted now.
fn read(path: &Path, run: &Run<'_>) -> Option<Measured> {
    let measured: Measured = serde_json::from_slice(&fs::read(path.join(RESULT)).ok()?).ok()?;
    let (_, before) = RunFolder::open(path).ok()?;
    before.difference(run.configuration).is_none().then_some(measured)
}

/// The run's folder: the one there is, or a new one, with the checkpoints of the run that it continues.
fn open(run: &Run<'_>, path: &Path) -> anyhow::Result<(RunFolder, Configuration)> {
    if RunFolder::is_run(path) {
        let (folder, before) = RunFolder::resume(path)?;
        if let Some(what) = before.difference(run.configuration) {
            anyhow::bail!(
                "{}: holds a run that differs by {what}; remove it, or choose another folder with --out",
                path.display()
            );
        }
        return Ok((folder, before));
    }
    let folder = RunFolder::claim_over(path)?;
    let shorter = run.experiment.continues.as_ref().map(|shorter| folder_of(run, shorter));
    if let Some(shorter) = shorter.filter(|shorter| can_continue(shorter, run.configuration)) {
        let from = shorter.join(CHECKPOINTS);
        for entry in fs::read_dir(&from).with_context(|| from.display().to_string())? {
            let entry = entry.with_context(|| from.display().to_string())?;
            let copied = fs::copy(entry.path(), folder.file(CHECKPOINTS).join(entry.file_name()));
            copied.with_context(|| entry.path().display().to_string())?;
        }
    }
    // The configuration last: a run with a configuration is complete.
    folder.begin(run.configuration)?;
    Ok((folder, run.configuration.clone()))
}

/// Whether the run in a folder is there and differs in its epochs alone from the one that is wanted, which has no fewer.
fn can_continue(folder: &Path, wanted: &Configuration) -> bool {
    let Ok((_, shorter)) = RunFolder::open(folder) else { return false };
    let (Ok(architecture), Ok(longer)) = (shorter.architecture(), wanted.architecture()) else { return false };
    let stretched =
        Configuration { architecture: wanted.architecture.clone(), epochs: wanted.epochs, ..shorter.clone() };
    goes_on_from(&longer, &architecture).is_ok()
        && shorter.epochs <= wanted.epochs
        && stretched.difference(wanted).is_none()
}

fn measure(
    run: &Run<'_>,
    configuration: &Configuration,
    folder: &RunFolder,
    outcome: &Outcome,
    training: TrainingFaces<'_>,
    measured_on: MeasuredOn<'_>,
    failure: Option<Failure>,
) -> anyhow::Result<Measured> {
    let MeasuredOn { reported: validation, split, .. } = measured_on;
    let architecture = &outcome.best.architecture;
    let layers = 0..architecture.layers.len();
    let mut measured = Measured {
        experiment: run.experiment.name.clone(),
        seed: configuration.seed,
        epochs: outcome.metrics.clone(),
        kept_epoch: outcome.best_epoch,
        accuracy: 0.0,
        macro_f1: 0.0,
        int8_accuracy: None,
        int8_bytes: None,
        not_quantized: None,
        parameters: layers.clone().map(|layer| architecture.parameter_count(layer)).sum(),
        macs: layers.map(|layer| architecture.macs(layer)).sum(),
        failure,
    };
    if outcome.metrics.is_empty() {
        return Ok(measured);
    }
    let labels: Vec<_> =
        validation.faces.labels.iter().filter_map(|&l| shared::label::Emotion::from_index(l.into())).collect();
    let rows = logits(&outcome.best.adjusted(), validation.faces.images, |_| {});
    let predictions: Vec<_> = rows.iter().map(|row| Prediction::from_logits(row, 1.0)).collect();
    let float = EvaluationReport::new(split, architecture.labels(), &labels, &predictions);
    (measured.accuracy, measured.macro_f1) = (float.accuracy, float.macro_f1);
    match export::write_run(folder, configuration, outcome, training.faces, measured_on) {
        Ok(exported) => {
            measured.int8_accuracy = Some(exported.int8.accuracy);
            measured.int8_bytes = Some(exported.model.as_slice().len() as u64);
        }
        // Weights that cannot be quantized are a result here; they do not end the other experiments.
        Err(error) => measured.not_quantized = Some(error.to_string()),
    }
    Ok(measured)
}
