//! What a finished training leaves: the float network (burn record and ONNX), the quantized model and the report.

use std::path::Path;

use shared::{
    label::Emotion,
    model::{AlignedBytes, Measurement, Model},
    preprocessing::Preprocessing,
};

use crate::{
    evaluation::{Calibration, Certain, EvaluationReport, Prediction},
    inference,
    network::{Network, activation_ranges, logits},
    onnx,
    quantization::{
        Form, Particulars,
        lower::{LowerError, lower},
        parameters::Range,
        quantize_network,
    },
    report::{self, DataSource, LayerRow, ModelSize, RunSummary, recipe_rows},
    training::{Configuration, LabelledFaces, Outcome, RunFolder, save_record, write_atomically},
};

/// Training faces that calibration looks at; more change the ranges by less than a step.
const CALIBRATION_FACES: usize = 1024;

/// Share of the answers that are right among those that a readout does not call `uncertain`, over validation faces.
const CERTAIN: f64 = 0.8;

/// The name of the float network in a run's folder.
pub const RECORD_FILE: &str = "network.burnpack";

/// The name of the quantized model in a run's folder.
pub const MODEL_FILE: &str = "model.fer";

/// The faces that networks are measured on.
#[derive(Clone, Copy, Debug)]
pub struct MeasuredOn<'a> {
    /// Faces that are reported on.
    pub reported: LabelledFaces<'a>,
    /// The name of their split.
    pub split: &'a str,
    /// Faces that epoch, temperature and threshold are chosen by, if not by those that are reported on.
    pub held_out: Option<LabelledFaces<'a>>,
}

impl<'a> MeasuredOn<'a> {
    /// All on the same faces.
    pub fn one(reported: LabelledFaces<'a>, split: &'a str) -> Self {
        Self { reported, split, held_out: None }
    }

    /// The faces that choose.
    pub fn chosen_by(&self) -> LabelledFaces<'a> {
        self.held_out.unwrap_or(self.reported)
    }

    /// Whether the faces that are reported on choose as well.
    pub fn reported_choose(&self) -> bool {
        self.held_out.is_none_or(|aside| std::ptr::eq(aside.images, self.reported.images))
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
    /// Its temperature.
    pub calibration: Calibration,
}

/// Quantizes a network, its logits shifted as the recipe says: ranges over training faces, temperature and accuracy over those of `measured_on`.
///
/// # Errors
/// When a layer cannot run on the core, or a number leaves the range of the arithmetic.
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
    let labels = emotions(reported);
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
    let int8_logits = |faces: LabelledFaces<'_>| -> anyhow::Result<_> {
        Ok(inference::dequantize(&model, &inference::run_normalized(&model, faces.images, |_| {})?))
    };
    let int8_rows = int8_logits(reported)?;
    let int8_held_out = held_out.map(int8_logits).transpose()?;
    let chosen_by = emotions(measured_on.chosen_by());
    let calibration = Calibration::fit(int8_held_out.as_ref().unwrap_or(&int8_rows), &chosen_by);
    let predictions = |rows: &[[f32; Emotion::COUNT]]| -> Vec<Prediction> {
        rows.iter().map(|row| Prediction::from_logits(row, calibration.temperature)).collect()
    };
    let threshold = |rows: &[_]| Certain::reaching(CERTAIN, &chosen_by, &predictions(rows)).threshold;
    let report = |rows: &[[f32; Emotion::COUNT]], threshold: f32| {
        let predictions = predictions(rows);
        let certain = Some(Certain::at(threshold, &labels, &predictions));
        EvaluationReport { certain, ..EvaluationReport::new(split, set, &labels, &predictions) }
    };
    particulars.temperature = calibration.temperature;
    particulars.threshold = threshold(int8_held_out.as_ref().unwrap_or(&int8_rows));
    let int8 = report(&int8_rows, particulars.threshold);
    let float_rows = logits(network, reported.images, |_| {});
    let float_held_out = held_out.map(|faces| logits(network, faces.images, |_| {}));
    let float = report(&float_rows, threshold(float_held_out.as_ref().unwrap_or(&float_rows)));
    particulars.measurement.accuracy = int8.accuracy as f32;
    Ok(Exported { model: quantized.encode(&particulars)?, float, int8, calibration })
}

fn emotions(faces: LabelledFaces<'_>) -> Vec<Emotion> {
    faces.labels.iter().filter_map(|&label| Emotion::from_index(label.into())).collect()
}

/// The range of each layer's output over preprocessed training faces.
pub fn ranges(network: &Network, images: &[i8]) -> Vec<Range> {
    let faces = calibration_faces(images, network.architecture.preprocessing);
    activation_ranges(network, &faces).into_iter().map(|(min, max)| Range { min, max }).collect()
}

/// Every n-th training face, so that all parts of the data have a say.
fn calibration_faces(images: &[i8], preprocessing: Preprocessing) -> Vec<i8> {
    let faces = images.chunks_exact(preprocessing.values());
    let every = faces.len().div_ceil(CALIBRATION_FACES).max(1);
    faces.step_by(every).flatten().copied().collect()
}

/// Writes `network.burnpack` (as trained), `network.onnx`, `model.fer` (both with the recipe's `logit_adjustment`), the figures and `report.md` into the run's folder; only the first
/// two, and `None` comes back, if the core has no operator for a layer.
///
/// # Errors
/// When something cannot be exported or written.
pub fn write_run(
    run: &RunFolder,
    configuration: &Configuration,
    outcome: &Outcome,
    training: LabelledFaces<'_>,
    measured_on: MeasuredOn<'_>,
) -> anyhow::Result<Option<Exported>> {
    let network = &outcome.best;
    save_record(network, &run.file(RECORD_FILE))?;
    let float_network = network.adjusted().to_float_network();
    write_atomically(&run.file("network.onnx"), &onnx::export(&float_network)?)?;
    if let Err(LowerError::NoOperator { .. }) = lower(&float_network) {
        return Ok(None);
    }
    let exported = quantize(network, training, measured_on, configuration, Form::Folded)?;
    write_atomically(&run.file(MODEL_FILE), exported.model.as_slice())?;
    report::write(run.path(), &summary(run.path(), configuration, outcome, &exported, training, measured_on)?)?;
    Ok(Some(exported))
}

fn summary(
    folder: &Path,
    configuration: &Configuration,
    outcome: &Outcome,
    exported: &Exported,
    training: LabelledFaces<'_>,
    measured_on: MeasuredOn<'_>,
) -> anyhow::Result<RunSummary> {
    let architecture = &outcome.best.architecture;
    let model = Model::parse(exported.model.as_slice())?;
    Ok(RunSummary {
        name: architecture.name.clone(),
        data: DataSource {
            description: configuration.faces(),
            synthetic: configuration.data.is_none(),
            training_images: training.labels.len() - measured_on.held_out.map_or(0, |faces| faces.labels.len()),
            validation_images: measured_on.chosen_by().labels.len(),
            held_out: measured_on.held_out.is_some(),
            reported_choose: measured_on.reported_choose(),
        },
        preprocessing: preprocessing(architecture.preprocessing),
        layers: LayerRow::of(architecture),
        recipe: recipe_rows(architecture, configuration),
        epochs: outcome.metrics.clone(),
        kept_epoch: outcome.best_epoch,
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
