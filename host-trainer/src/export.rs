//! What a finished training leaves: the float network (burn record and ONNX), the quantized model and the report.

use std::path::Path;

use firmware::readout::Readout;
use shared::{
    label::Emotion,
    model::{AlignedBytes, Measurement, Model},
    preprocessing::Preprocessing,
};

pub use crate::training::{MODEL_FILE, RECORD_FILE};
use crate::{
    architecture::Architecture,
    data::kept,
    evaluation::{Calibration, Certain, EvaluationReport, Prediction},
    inference,
    network::{Network, activation_ranges, logits},
    onnx,
    quantization::{Form, Particulars, quantize_network},
    report::{self, DataSource, LayerRow, ModelSize, RunSummary, recipe_rows},
    scales::Range,
    training::{
        Configuration, EpochMetrics, LabelledFaces, Outcome, RunFolder, ValidationFaces, best_epoch, save_record,
        write_atomically,
    },
};

/// Training faces that calibration looks at; more change the ranges by less than a step.
const CALIBRATION_FACES: usize = 1024;

/// Share of the answers that are right among those that a readout does not call `uncertain`, over validation faces.
const CERTAIN: f64 = 0.8;

/// The faces that networks are measured on.
#[derive(Clone, Copy, Debug)]
pub struct MeasuredOn<'a> {
    /// Faces that are reported on.
    pub reported: ValidationFaces<'a>,
    /// The name of their split.
    pub split: &'a str,
    /// Faces that epoch, temperature and threshold are chosen by, if not by those that are reported on.
    pub held_out: Option<ValidationFaces<'a>>,
}

impl<'a> MeasuredOn<'a> {
    /// The same faces are reported on and choose.
    pub fn one(reported: impl Into<ValidationFaces<'a>>, split: &'a str) -> Self {
        Self { reported: reported.into(), split, held_out: None }
    }

    /// The faces from which those that choose are taken.
    pub fn chosen_by(&self) -> ValidationFaces<'a> {
        self.held_out.unwrap_or(self.reported)
    }

    /// Whether the faces that are reported on choose as well.
    pub fn reported_choose(&self) -> bool {
        self.held_out.is_none_or(|aside| std::ptr::eq(aside.faces.images, self.reported.faces.images))
    }
}

/// The quantized network and how good both networks are on the faces that are reported on.
#[derive(Clone, Debug)]
pub struct Exported {
    /// The model file.
    pub model: AlignedBytes,
    /// The float network.
    pub float: EvaluationReport,
    /// The quantized network, through the core.
    pub int8: EvaluationReport,
    /// The temperature of the quantized network, and what it changes.
    pub calibration: Calibration,
}

/// Quantizes a network, its logits shifted as the recipe says: ranges over training faces, temperature and accuracy over those of `measured_on`.
///
/// # Errors
/// If a layer cannot run on the core, or a number leaves the range of the arithmetic.
pub fn quantize(
    network: &Network,
    training: LabelledFaces<'_>,
    measured_on: MeasuredOn<'_>,
    configuration: &Configuration,
    form: Form,
) -> anyhow::Result<Exported> {
    let network = &network.adjusted();
    let MeasuredOn { reported, split, held_out } = measured_on;
    let held_out = held_out.filter(|_| !measured_on.reported_choose());
    let labels = emotions(reported.faces);
    let quantized = quantize_network(&network.to_float_network(), &ranges(network, training.images), form)?;
    let set = network.architecture.labels();
    let description = format!("{} {split}", configuration.faces());
    let mut particulars = Particulars {
        temperature: 1.0,
        threshold: 1.0,
        measurement: Measurement { data: &description, images: labels.len() as u32, accuracy: 0.0 },
        training_hash: configuration.hash(),
    };
    // Temperature, threshold and accuracy are measured on the model itself, then written into it.
    let bytes = quantized.encode(&particulars)?;
    let model = Model::parse(bytes.as_slice())?;
    let run = |faces: LabelledFaces<'_>| inference::run_normalized(&model, faces.images, |_| {});
    let chosen_by = measured_on.chosen_by();
    let choosing = chosen_by.apart().filter(|_| configuration.apart);
    let choosing_labels = chosen(choosing.as_deref(), emotions(chosen_by.faces));
    let int8_rows = run(reported.faces)?;
    let int8_held_out = held_out.map(|held_out| run(held_out.faces)).transpose()?;
    let int8_choosing = chosen(choosing.as_deref(), int8_held_out.unwrap_or_else(|| int8_rows.clone()));
    let calibration = Calibration::fit(&inference::dequantize(&model, &int8_choosing), &choosing_labels);
    particulars.temperature = calibration.temperature;
    let threshold = |predictions: &[_]| Certain::reaching(CERTAIN, &choosing_labels, predictions).threshold;
    let report = |predictions: &[_], threshold: f32| {
        let certain = Some(Certain::at(threshold, &labels, predictions));
        let report =
            EvaluationReport::new(split, set, &labels, predictions).by_twins(reported.near, &labels, predictions);
        EvaluationReport { certain, ..report }
    };
    // With that temperature, the confidences that devices give.
    let bytes = quantized.encode(&particulars)?;
    let model = Model::parse(bytes.as_slice())?;
    let answers = |rows: &[[i8; Emotion::COUNT]]| -> Vec<Prediction> {
        rows.iter().map(|row| Prediction::from_readout(&Readout::from_logits(&model, row))).collect()
    };
    particulars.threshold = threshold(&answers(&int8_choosing));
    let int8 = report(&answers(&int8_rows), particulars.threshold);
    let float_answers = |faces: LabelledFaces<'_>| -> Vec<Prediction> {
        let rows = logits(network, faces.images, |_| {});
        rows.iter().map(|row| Prediction::from_logits(row, calibration.temperature)).collect()
    };
    let float_reported = float_answers(reported.faces);
    let float_held_out = held_out.map(|held_out| float_answers(held_out.faces));
    let float_choosing = chosen(choosing.as_deref(), float_held_out.unwrap_or_else(|| float_reported.clone()));
    let float = report(&float_reported, threshold(&float_choosing));
    particulars.measurement.accuracy = int8.accuracy as f32;
    Ok(Exported { model: quantized.encode(&particulars)?, float, int8, calibration })
}

/// The values of the faces that choose; all values without `choosing`.
fn chosen<T: Copy>(choosing: Option<&[bool]>, values: Vec<T>) -> Vec<T> {
    match choosing {
        Some(choosing) => kept(choosing, &values),
        None => values,
    }
}

fn emotions(faces: LabelledFaces<'_>) -> Vec<Emotion> {
    faces.labels.iter().filter_map(|&label| Emotion::from_index(label.into())).collect()
}

/// The range of each layer's output over preprocessed training faces.
pub fn ranges(network: &Network, images: &[i8]) -> Vec<Range> {
    let faces = calibration_faces(images, network.architecture.preprocessing);
    activation_ranges(network, &faces).into_iter().map(|(min, max)| Range { min, max }).collect()
}

/// Every n-th training face, so that all parts of the data are represented.
fn calibration_faces(images: &[i8], preprocessing: Preprocessing) -> Vec<i8> {
    let faces = images.chunks_exact(preprocessing.values());
    let every = faces.len().div_ceil(CALIBRATION_FACES).max(1);
    faces.step_by(every).flatten().copied().collect()
}

/// Writes `network.burnpack` (as trained) into the run's folder, then all that [`write_results`] writes.
///
/// # Errors
/// If something cannot be exported or written.
pub fn write_run(
    run: &RunFolder,
    configuration: &Configuration,
    outcome: &Outcome,
    training: LabelledFaces<'_>,
    measured_on: MeasuredOn<'_>,
) -> anyhow::Result<Exported> {
    save_record(&outcome.best, &run.file(RECORD_FILE))?;
    write_results(run, configuration, &outcome.best, &outcome.metrics, training, measured_on, Form::Folded)
}

/// Writes `network.onnx`, `model.fer` (both with the recipe's `logit_adjustment`), the figures and `report.md` into the run's
/// folder. `metrics` are those of its epochs, whose best one left `network`.
///
/// # Errors
/// If something cannot be exported or written.
pub fn write_results(
    run: &RunFolder,
    configuration: &Configuration,
    network: &Network,
    metrics: &[EpochMetrics],
    training: LabelledFaces<'_>,
    measured_on: MeasuredOn<'_>,
    form: Form,
) -> anyhow::Result<Exported> {
    let float_network = network.adjusted().to_float_network();
    write_atomically(&run.file("network.onnx"), &onnx::export(&float_network)?)?;
    let exported = quantize(network, training, measured_on, configuration, form)?;
    write_atomically(&run.file(MODEL_FILE), exported.model.as_slice())?;
    let summary = summary(run.path(), configuration, &network.architecture, metrics, &exported, training, measured_on)?;
    report::write(run.path(), &summary)?;
    Ok(exported)
}

fn summary(
    folder: &Path,
    configuration: &Configuration,
    architecture: &Architecture,
    metrics: &[EpochMetrics],
    exported: &Exported,
    training: LabelledFaces<'_>,
    measured_on: MeasuredOn<'_>,
) -> anyhow::Result<RunSummary> {
    let model = Model::parse(exported.model.as_slice())?;
    Ok(RunSummary {
        name: architecture.name.clone(),
        data: DataSource {
            description: configuration.faces(),
            synthetic: configuration.data.is_none(),
            training_images: training.labels.len()
                - measured_on.held_out.map_or(0, |held_out| held_out.faces.labels.len()),
            validation_images: measured_on.chosen_by().faces.labels.len(),
            passed_over: passed_over(configuration, measured_on),
            held_out: measured_on.held_out.is_some(),
            reported_choose: measured_on.reported_choose(),
        },
        preprocessing: preprocessing(architecture.preprocessing),
        layers: LayerRow::of(architecture),
        recipe: recipe_rows(architecture, configuration),
        epochs: metrics.to_vec(),
        kept_epoch: best_epoch(metrics),
        float: exported.float.clone(),
        int8: exported.int8.clone(),
        calibration: exported.calibration,
        model: ModelSize {
            file_bytes: exported.model.as_slice().len() as u64,
            arena_bytes: model.arena_bytes().into(),
            macs: model.macs(),
        },
        command: configuration.command(folder),
    })
}

/// Validation faces that choose nothing, as they have a near twin among the training faces.
pub fn passed_over(configuration: &Configuration, measured_on: MeasuredOn<'_>) -> usize {
    let choosing = measured_on.chosen_by().apart().filter(|_| configuration.apart);
    choosing.map_or(0, |choosing| choosing.iter().filter(|&&chooses| !chooses).count())
}

/// The preprocessing in words.
pub fn preprocessing(preprocessing: Preprocessing) -> String {
    let floor = |sigma_floor: u16| format!("floor of the deviation {} grey levels", f64::from(sigma_floor) / 256.0);
    let local = |sigma_floor| format!("local intensity normalization over 7x7 pixels, {}", floor(sigma_floor));
    let global = |sigma_floor| format!("standardization by mean and deviation of the image, {}", floor(sigma_floor));
    match preprocessing {
        Preprocessing::Local { sigma_floor } => local(sigma_floor),
        Preprocessing::Global { sigma_floor } => global(sigma_floor),
        Preprocessing::LocalAndGlobal { local_floor, global_floor } => {
            format!("two channels: {}; {}", local(local_floor), global(global_floor))
        }
        Preprocessing::Grey { divisor } => format!("none: grey levels divided by {divisor}"),
    }
}

#[cfg(test)]
mod tests;
