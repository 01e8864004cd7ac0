//! From logits to an answer.

use firmware::readout::Readout;
use shared::label::Emotion;

/// One logit for each emotion, in the order of the labels; negative infinity for those that a network does not know.
pub type Logits = [f32; Emotion::COUNT];

/// An answer: the most likely emotion and the probability of each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// The answer.
    pub label: Emotion,
    /// Probabilities in the order of the labels, 0 for emotions that the network does not know; they sum to 1.
    pub probabilities: [f32; Emotion::COUNT],
}

impl Prediction {
    /// The softmax of `logits / temperature` and its greatest entry, the first of equals: of a float network. What a model answers
    /// is its [`Readout`].
    pub fn from_logits(logits: &Logits, temperature: f32) -> Self {
        let scaled = logits.map(|logit| f64::from(logit) / f64::from(temperature));
        let log_sum = log_sum_exp(&scaled);
        let probabilities = scaled.map(|value| (value - log_sum).exp() as f32);
        Self { label: greatest(logits), probabilities }
    }

    /// What the core answers.
    pub fn from_readout(readout: &Readout) -> Self {
        Self { label: readout.label, probabilities: readout.probabilities }
    }

    /// The probability of the answer.
    pub fn confidence(&self) -> f32 {
        self.probabilities[self.label.index()]
    }
}

/// `ln sum exp(values)`, without overflow.
pub(super) fn log_sum_exp(values: &[f64]) -> f64 {
    let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    greatest + values.iter().map(|value| (value - greatest).exp()).sum::<f64>().ln()
}

fn greatest(values: &Logits) -> Emotion {
    let first = Emotion::Angry;
    Emotion::ALL
        .into_iter()
        .fold(first, |best, next| if values[next.index()] > values[best.index()] { next } else { best })
}
