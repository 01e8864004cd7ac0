//! What `--json` prints of a face.

use firmware::readout::Readout;
use serde::Serialize;
use shared::label::Emotion;

/// A face's emotion.
#[derive(Serialize)]
pub struct Answer<'a> {
    pub label: &'static str,
    pub confidence: f32,
    pub margin: f32,
    pub uncertain: bool,
    pub probabilities: &'a [f32],
}

/// A face in a picture and its emotion.
#[derive(Serialize)]
pub struct FaceAnswer<'a> {
    /// Left, top, right, bottom in the picture's pixels.
    #[serde(rename = "box")]
    pub bounds: [f32; 4],
    pub eyes: [[f32; 2]; 2],
    pub score: f32,
    #[serde(flatten)]
    pub answer: Answer<'a>,
}

/// The answer of a model that knows these emotions.
pub fn answer<'a>(readout: &'a Readout, emotions: &[Emotion]) -> Answer<'a> {
    let Readout { label, confidence, margin, uncertain, ref probabilities } = *readout;
    Answer { label: label.name(), confidence, margin, uncertain, probabilities: &probabilities[..emotions.len()] }
}
