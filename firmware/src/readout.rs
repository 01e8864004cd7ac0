//! From logits to the emotion, its confidence and its margin.

use shared::{label::Emotion, model::Model};

use crate::kernels::softmax;

/// The classification of a face.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Readout {
    /// The most probable emotion, the first of equals in the order of the model's labels.
    pub label: Emotion,
    /// Its probability, calibrated by the model's temperature.
    pub confidence: f32,
    /// Its probability minus that of the second.
    pub margin: f32,
    /// Whether the confidence is below the model's threshold.
    pub uncertain: bool,
    /// The probabilities in the order of [`Emotion::ALL`]; 0 for emotions that the model does not know. Their sum is 1.
    pub probabilities: [f32; Emotion::COUNT],
}

impl Readout {
    /// The readout of a model's logits, one for each of its labels.
    pub fn from_logits(model: &Model<'_>, logits: &[i8]) -> Self {
        let mut sums = [0; Emotion::COUNT];
        add(&mut sums, logits);
        Self::from_sums(model, &sums, 1)
    }

    /// The readout of the mean of the logits of `inferences`, from their sums, one for each of the model's labels.
    pub fn from_sums(model: &Model<'_>, sums: &[i16; Emotion::COUNT], inferences: u8) -> Self {
        let mut by_logit = [0.0; Emotion::COUNT];
        let sums = sums.get(..model.labels().len()).unwrap_or(sums);
        let scale = model.output().quantization.scale / f32::from(inferences.max(1));
        softmax(sums, scale, model.temperature(), &mut by_logit);
        let mut probabilities = [0.0; Emotion::COUNT];
        for (emotion, probability) in model.labels().zip(by_logit) {
            if let Some(slot) = probabilities.get_mut(emotion.index()) {
                *slot = probability;
            }
        }
        Self::from_probabilities(probabilities, model.threshold())
    }

    /// The readout of probabilities in the order of [`Emotion::ALL`].
    pub fn from_probabilities(probabilities: [f32; Emotion::COUNT], threshold: f32) -> Self {
        let (mut label, mut confidence, mut second) = (Emotion::Angry, f32::NEG_INFINITY, 0.0);
        for (emotion, probability) in Emotion::ALL.into_iter().zip(probabilities) {
            if probability > confidence {
                second = confidence.max(0.0);
                (label, confidence) = (emotion, probability);
            } else if probability > second {
                second = probability;
            }
        }
        let uncertain = confidence < threshold;
        Self { label, confidence, margin: confidence - second, uncertain, probabilities }
    }
}

/// Adds the logits of an inference to the sums over several, one a label.
pub(crate) fn add(sums: &mut [i16; Emotion::COUNT], logits: &[i8]) {
    for (sum, &logit) in sums.iter_mut().zip(logits) {
        *sum += i16::from(logit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_margin_is_the_distance_to_the_second() {
        let readout = Readout::from_probabilities([0.1, 0.0, 0.2, 0.5, 0.1, 0.05, 0.05, 0.0], 0.4);
        assert_eq!(readout.label, Emotion::Happy);
        assert!((readout.margin - 0.3).abs() < 1e-6);
        assert!(!readout.uncertain);
        assert!(Readout::from_probabilities(readout.probabilities, 0.6).uncertain);
    }

    #[test]
    fn of_equals_the_first_wins_with_a_margin_of_zero() {
        let readout = Readout::from_probabilities([0.0, 0.5, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0], 0.4);
        assert_eq!(readout.label, Emotion::Disgust);
        assert_eq!(readout.margin, 0.0);
    }
}
