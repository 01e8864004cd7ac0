//! Whether a confidence of 0.8 is right four times in five, and the temperature that makes it so.
//!
//! Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks", 2017: equation 3 is the expected calibration
//! error, section 4.2 temperature scaling.

use serde::{Deserialize, Serialize};
use shared::label::Emotion;

use super::prediction::{Logits, Prediction, log_sum_exp};

/// Bins of equal width that confidences are sorted into.
pub const CALIBRATION_BINS: usize = 15;

/// Temperatures that [`fit_temperature`] searches between.
const TEMPERATURES: (f64, f64) = (0.05, 20.0);

/// A fitted temperature and what it changes, over the faces that it was fitted on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Logits are divided by it before the softmax; above 1 the network was too sure.
    pub temperature: f32,
    /// [`expected_calibration_error`] at temperature 1.
    pub error_before: f64,
    /// [`expected_calibration_error`] at the fitted temperature.
    pub error_after: f64,
    /// [`negative_log_likelihood`] at temperature 1.
    pub loss_before: f64,
    /// [`negative_log_likelihood`] at the fitted temperature.
    pub loss_after: f64,
}

impl Calibration {
    /// Fits the temperature to logits of validation faces, and measures before and after.
    pub fn fit(logits: &[Logits], labels: &[Emotion]) -> Self {
        let temperature = fit_temperature(logits, labels);
        let error = |temperature| {
            let predictions: Vec<Prediction> =
                logits.iter().map(|logits| Prediction::from_logits(logits, temperature)).collect();
            expected_calibration_error(labels, &predictions)
        };
        Self {
            temperature,
            error_before: error(1.0),
            error_after: error(temperature),
            loss_before: negative_log_likelihood(labels, logits, 1.0),
            loss_after: negative_log_likelihood(labels, logits, temperature),
        }
    }
}

/// Mean over the bins, weighted by their faces, of `|accuracy - mean confidence|`; 0 of no faces. Where one slice is
/// longer, its rest is left out.
pub fn expected_calibration_error(labels: &[Emotion], predictions: &[Prediction]) -> f64 {
    let mut gaps = [0.0; CALIBRATION_BINS];
    for (label, prediction) in labels.iter().zip(predictions) {
        let confidence = f64::from(prediction.confidence());
        let bin = ((confidence * CALIBRATION_BINS as f64).ceil() as usize).clamp(1, CALIBRATION_BINS) - 1;
        let right = if prediction.label == *label { 1.0 } else { 0.0 };
        gaps[bin] += right - confidence;
    }
    let faces = labels.len().min(predictions.len()).max(1);
    gaps.into_iter().map(f64::abs).sum::<f64>() / faces as f64
}

/// The answers that a readout stands by, and how good they are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Certain {
    /// Answers with at least this confidence; all others are `uncertain`.
    pub threshold: f32,
    /// Their share of all answers.
    pub share: f64,
    /// Share of them that are right; 0 if there are none.
    pub accuracy: f64,
}

impl Certain {
    /// Counts the answers with at least `threshold`. Where one slice is longer, its rest is left out.
    pub fn at(threshold: f32, labels: &[Emotion], predictions: &[Prediction]) -> Self {
        let answers = labels.iter().zip(predictions);
        let faces = answers.len();
        let certain: Vec<_> = answers.filter(|(_, prediction)| prediction.confidence() >= threshold).collect();
        let right = certain.iter().filter(|(label, prediction)| prediction.label == **label).count();
        let quotient = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
        Self { threshold, share: quotient(certain.len(), faces), accuracy: quotient(right, certain.len()) }
    }

    /// The lowest threshold above which at least the share `accuracy` of the answers is right, and so as many answers as can
    /// be; threshold 1 if no answers are that good.
    pub fn reaching(accuracy: f64, labels: &[Emotion], predictions: &[Prediction]) -> Self {
        let mut answers: Vec<(f32, bool)> = labels
            .iter()
            .zip(predictions)
            .map(|(label, prediction)| (prediction.confidence(), prediction.label == *label))
            .collect();
        answers.sort_by(|a, b| b.0.total_cmp(&a.0));
        let (mut right, mut threshold) = (0usize, 1.0);
        for (index, &(confidence, is_right)) in answers.iter().enumerate() {
            right += usize::from(is_right);
            // Answers of one confidence are certain together or not at all.
            let last_of_equals = answers.get(index + 1).is_none_or(|next| next.0 < confidence);
            if last_of_equals && right as f64 >= accuracy * (index + 1) as f64 {
                threshold = confidence;
            }
        }
        Self::at(threshold, labels, predictions)
    }
}

/// Mean of `-ln softmax(logits / temperature)[label]`, in nats; 0 of no faces. Where one slice is longer, its rest is left
/// out.
pub fn negative_log_likelihood(labels: &[Emotion], logits: &[Logits], temperature: f32) -> f64 {
    mean_loss(labels, logits, f64::from(temperature))
}

/// The temperature with the least [`negative_log_likelihood`], for logits of validation faces; 1 of no faces.
///
/// The likelihood has one maximum over `1 / temperature` (it is convex there), so a golden section search over the
/// logarithm finds it; between 0.05 and 20, to five digits.
pub fn fit_temperature(logits: &[Logits], labels: &[Emotion]) -> f32 {
    if logits.is_empty() || labels.is_empty() {
        return 1.0;
    }
    let loss = |log_temperature: f64| mean_loss(labels, logits, log_temperature.exp());
    let ratio = (5f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (TEMPERATURES.0.ln(), TEMPERATURES.1.ln());
    let (mut left, mut right) = (high - ratio * (high - low), low + ratio * (high - low));
    let (mut loss_left, mut loss_right) = (loss(left), loss(right));
    while high - low > 1e-5 {
        if loss_left < loss_right {
            (high, right, loss_right) = (right, left, loss_left);
            left = high - ratio * (high - low);
            loss_left = loss(left);
        } else {
            (low, left, loss_left) = (left, right, loss_right);
            right = low + ratio * (high - low);
            loss_right = loss(right);
        }
    }
    ((low + high) / 2.0).exp() as f32
}

fn mean_loss(labels: &[Emotion], logits: &[Logits], temperature: f64) -> f64 {
    let losses = labels.iter().zip(logits).map(|(label, logits)| {
        let scaled = logits.map(|logit| f64::from(logit) / temperature);
        log_sum_exp(&scaled) - scaled[label.index()]
    });
    losses.sum::<f64>() / labels.len().min(logits.len()).max(1) as f64
}
