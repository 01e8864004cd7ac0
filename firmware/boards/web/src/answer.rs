//! What is told of a face, as the page reads it (JSON).

use firmware::readout::Readout;
use serde::Serialize;
use shared::{label::Emotion, model::Model, wire::Classified};

/// The emotion of a face.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    /// The most probable emotion.
    pub label: &'static str,
    /// Its probability.
    pub confidence: f32,
    /// Its probability minus that of the second.
    pub margin: f32,
    /// Whether the probability is below the model's threshold.
    pub uncertain: bool,
    /// In the order of [`Emotion::ALL`], 0 for emotions that the model does not know.
    pub probabilities: [f32; Emotion::COUNT],
    /// Of the face by itself, one for each of the model's labels.
    pub logits: Vec<i8>,
}

impl Answer {
    /// What an inference gave.
    pub fn new(readout: &Readout, logits: &[i8]) -> Self {
        let Readout { label, confidence, margin, uncertain, probabilities } = *readout;
        Self { label: label.name(), confidence, margin, uncertain, probabilities, logits: logits.to_vec() }
    }

    /// What was classified by a model of so many labels.
    pub fn of(classified: &Classified, labels: usize) -> Self {
        let Classified { label, margin, uncertain, probabilities, ref logits, .. } = *classified;
        let confidence = probabilities.get(label.index()).copied().unwrap_or(0.0);
        let logits = logits.get(..labels).unwrap_or(logits).to_vec();
        Self { label: label.name(), confidence, margin, uncertain, probabilities, logits }
    }
}

/// A face in a picture, in the picture's pixels.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Found {
    /// Left, top, right, bottom.
    #[serde(rename = "box")]
    pub bounds: [f32; 4],
    /// That on the left of the picture first.
    pub eyes: [[f32; 2]; 2],
    /// How sure it is that this is a face.
    pub score: f32,
    /// Its emotion.
    #[serde(flatten)]
    pub answer: Answer,
}

/// A frame.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Look {
    /// Columns and rows as they were searched.
    pub size: [usize; 2],
    /// The face that answers.
    pub face: Option<Found>,
    /// As a device prints it.
    pub line: String,
    /// What it took.
    pub milliseconds: Stages,
}

/// Milliseconds of a frame's stages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Stages {
    /// Making the frame small enough for the finder.
    pub shrink: f64,
    /// The search.
    pub find: f64,
    /// Levelling the face and cutting it out.
    pub align: f64,
    /// Normalization and network.
    pub classify: f64,
    /// All of it.
    pub whole: f64,
}

/// What a model file says of itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelWords {
    name: String,
    crc: String,
    bytes: usize,
    labels: Vec<&'static str>,
    macs: u64,
    weight_bytes: u32,
    arena_bytes: u32,
    /// Data set and split that it was measured on, number of images, share that was right.
    measured: Measured,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Measured {
    data: String,
    images: u32,
    accuracy: f32,
}

impl ModelWords {
    /// Of a model whose file has so many bytes.
    pub fn new(model: &Model<'_>, bytes: usize) -> Self {
        let measurement = model.measurement();
        Self {
            name: model.name().into(),
            crc: format!("{:08x}", model.crc()),
            bytes,
            labels: model.labels().map(Emotion::name).collect(),
            macs: model.macs(),
            weight_bytes: model.weight_bytes(),
            arena_bytes: model.arena_bytes(),
            measured: Measured {
                data: measurement.data.into(),
                images: measurement.images,
                accuracy: measurement.accuracy,
            },
        }
    }
}
