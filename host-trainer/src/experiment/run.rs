//! One experiment with one seed.

use std::{fs, path::Path, sync::atomic::AtomicBool};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::Experiment;
use crate::{
    architecture::Architecture,
    data::{Source, Split},
    evaluation::{EvaluationReport, Prediction},
    export,
    network::logits,
    training::{
        Configuration, EpochMetrics, Outcome, Progress, RunFolder, TrainingError, TrainingFaces, ValidationFaces,
        train, write_atomically,
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
    /// One entry an epoch.
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

/// Where a run takes place.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// What to train.
    pub experiment: &'a Experiment,
    /// Of the weights, the order of the images and dropout.
    pub seed: u64,
    /// At most this many epochs, whatever the experiment says.
    pub epochs: Option<usize>,
    /// The folder of all runs.
    pub folder: &'a Path,
    /// Where the faces come from.
    pub source: &'a Source,
    /// The file of the FER+ votes.
    pub votes: Option<&'a Path>,
}

/// Trains, or goes on training, and measures; a run that is done is only read. `None` if `stop` became true.
///
/// # Errors
/// When something cannot be trained, read or written. A loss that is no number is a result.
pub fn run(
    run: &Run<'_>,
    training: TrainingFaces<'_>,
    validation: ValidationFaces<'_>,
    stop: &AtomicBool,
    observe: &mut dyn FnMut(Progress<'_>),
) -> anyhow::Result<Option<Measured>> {
    let path = run.folder.join(format!("{}-{}", run.experiment.name, run.seed));
    if let Some(measured) = read(&path, run) {
        return Ok(Some(measured));
    }
    let (folder, configuration) = open(run, &path)?;
    let measured = match train(&configuration, training, validation, &folder, stop, observe) {
        Ok(outcome) if !outcome.finished => return Ok(None),
        Ok(outcome) => measure(run, &configuration, &folder, &outcome, training, validation, None)?,
        Err(TrainingError::NonFinite { epoch, step, loss, last_good }) => {
            let failure = Failure { epoch, step, loss: loss.to_string() };
            // What was learned until then is there: the same run with as many epochs as it finished.
            let until = Configuration { epochs: last_good, ..configuration };
            let outcome = train(&until, training, validation, &folder, stop, &mut |_| {})?;
            measure(run, &until, &folder, &outcome, training, validation, Some(failure))?
        }
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    write_atomically(&path.join(RESULT), serde_json::to_string_pretty(&measured)?.as_bytes())?;
    Ok(Some(measured))
}

/// The result of a run that is done, if it has as many epochs as are wanted now.
fn read(path: &Path, run: &Run<'_>) -> Option<Measured> {
    let measured: Measured = serde_json::from_slice(&fs::read(path.join(RESULT)).ok()?).ok()?;
    let (_, configuration) = RunFolder::open(path).ok()?;
    (configuration == wanted(run).ok()?).then_some(measured)
}

fn wanted(run: &Run<'_>) -> anyhow::Result<Configuration> {
    let architecture = Architecture::parse(&run.experiment.name, &run.experiment.source)?;
    let data = run.source.path().map(|path| path.display().to_string());
    let file = format!("{}.toml", run.experiment.name);
    let mut configuration = Configuration::new(&architecture, &file, run.seed, data, run.source.description());
    configuration.votes = run.votes.map(|path| path.display().to_string());
    configuration.epochs = run.epochs.map_or(configuration.epochs, |most| configuration.epochs.min(most));
    Ok(configuration)
}

/// The run's folder: the one there is, or a new one, with the checkpoints of the run that it continues.
fn open(run: &Run<'_>, path: &Path) -> anyhow::Result<(RunFolder, Configuration)> {
    let configuration = wanted(run)?;
    if path.join("config.toml").exists() {
        let (folder, before) = RunFolder::open(path)?;
        if before == configuration {
            return Ok((folder, configuration));
        }
        anyhow::bail!("{}: holds a run of another configuration; remove it, or choose another --out", path.display());
    }
    let folder = RunFolder::create(path, &configuration)?;
    if let Some(shorter) = &run.experiment.continues {
        let from = run.folder.join(format!("{shorter}-{}", run.seed)).join("checkpoints");
        for entry in fs::read_dir(&from).into_iter().flatten() {
            let entry = entry?;
            fs::copy(entry.path(), folder.file("checkpoints").join(entry.file_name()))?;
        }
    }
    Ok((folder, configuration))
}

fn measure(
    run: &Run<'_>,
    configuration: &Configuration,
    folder: &RunFolder,
    outcome: &Outcome,
    training: TrainingFaces<'_>,
    validation: ValidationFaces<'_>,
    failure: Option<Failure>,
) -> anyhow::Result<Measured> {
    let split = Split::PublicTest.name();
    let architecture = &outcome.best.architecture;
    let layers = 0..architecture.layers.len();
    let mut measured = Measured {
        experiment: run.experiment.name.clone(),
        seed: run.seed,
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
    match export::write_run(folder, configuration, outcome, training.faces, export::MeasuredOn::one(validation, split))
    {
        Ok(exported) => {
            measured.int8_accuracy = Some(exported.int8.accuracy);
            measured.int8_bytes = Some(exported.model.as_slice().len() as u64);
        }
        // Weights out of all proportion are a result here, not the end of all other experiments.
        Err(error) => measured.not_quantized = Some(error.to_string()),
    }
    Ok(measured)
}
