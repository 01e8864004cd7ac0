//! An evaluation over one split.

use std::fmt;

use serde::{Deserialize, Serialize};
use shared::label::Emotion;

use super::{Certain, Confusion, Prediction, Table, expected_calibration_error};
use crate::data::LabelSet;

/// What `evaluate` measures; `evaluate --json` prints exactly these keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvaluationReport {
    /// The split, as FER2013 names it.
    pub split: String,
    /// Faces in it.
    pub images: u64,
    /// Share of the faces answered right.
    pub accuracy: f64,
    /// Mean of the classes' F1.
    pub macro_f1: f64,
    /// Expected calibration error over 15 bins; 0 is perfect.
    pub expected_calibration_error: f64,
    /// The faces that have a near twin in `Training`, where that is known: some of those were learned by heart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub near: Option<Part>,
    /// The faces that have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apart: Option<Part>,
    /// The answers that are not `uncertain`, where a threshold is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certain: Option<Certain>,
    /// Rows are the labels, columns the answers, in the order of the labels.
    pub confusion: Confusion,
    /// Scores of each emotion, in the order of the labels.
    pub classes: Vec<ClassReport>,
}

/// A subset of the faces.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Number of faces.
    pub images: u64,
    /// Share of them answered right; 0 if there are none.
    pub accuracy: f64,
}

/// The scores of one emotion, with its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassReport {
    /// The emotion's name.
    pub label: String,
    /// Share of the answers with this emotion that are right.
    pub precision: f64,
    /// Share of the faces with this label that are found.
    pub recall: f64,
    /// Harmonic mean of precision and recall.
    pub f1: f64,
    /// Faces with this label.
    pub support: u64,
}

impl EvaluationReport {
    /// Compares answers with labels, both of the `set`; a face with another label or answer is not counted. Where one slice is longer, its rest is left out.
    pub fn new(split: &str, set: LabelSet, labels: &[Emotion], predictions: &[Prediction]) -> Self {
        let answers = predictions.iter().map(|prediction| prediction.label);
        let confusion = Confusion::new(set, labels.iter().copied().zip(answers));
        let class = |&emotion: &Emotion| {
            let scores = confusion.scores(emotion);
            ClassReport {
                label: emotion.to_string(),
                precision: scores.precision,
                recall: scores.recall,
                f1: scores.f1,
                support: scores.support,
            }
        };
        Self {
            split: split.into(),
            images: confusion.total(),
            accuracy: confusion.accuracy(),
            macro_f1: confusion.macro_f1(),
            expected_calibration_error: expected_calibration_error(labels, predictions),
            near: None,
            apart: None,
            certain: None,
            confusion,
            classes: set.emotions().iter().map(class).collect(),
        }
    }

    /// The same with the accuracies on faces that have a near twin in `Training` and on those that have none; an entry of
    /// `near` a face, `None` where nobody looked.
    #[must_use]
    pub fn by_twins(self, near: Option<&[bool]>, labels: &[Emotion], predictions: &[Prediction]) -> Self {
        let Some(near) = near else { return self };
        let part = |which: bool| {
            let faces = labels.iter().zip(predictions).zip(near).filter(|(_, near)| **near == which);
            let right: Vec<bool> = faces.map(|((label, prediction), _)| prediction.label == *label).collect();
            let count = right.iter().filter(|right| **right).count();
            Part { images: right.len() as u64, accuracy: count as f64 / right.len().max(1) as f64 }
        };
        Self { near: Some(part(true)), apart: Some(part(false)), ..self }
    }

    /// A row per emotion, and their mean and the accuracy below.
    pub fn class_table(&self) -> Table {
        let mut table = Table::new(["emotion", "precision", "recall", "F1", "faces"]);
        let number = |value: f64| format!("{value:.3}");
        for class in &self.classes {
            let (precision, recall, f1) = (number(class.precision), number(class.recall), number(class.f1));
            table.row([class.label.clone(), precision, recall, f1, class.support.to_string()]);
        }
        let mean = |score: fn(&ClassReport) -> f64| {
            number(self.classes.iter().map(score).sum::<f64>() / self.classes.len().max(1) as f64)
        };
        let (precision, recall) = (mean(|class| class.precision), mean(|class| class.recall));
        table.row(["mean".into(), precision, recall, number(self.macro_f1), self.images.to_string()]);
        table
    }
}

impl fmt::Display for EvaluationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} images", self.split, self.images)?;
        writeln!(f, "accuracy {:.4}  macro-F1 {:.4}", self.accuracy, self.macro_f1)?;
        if let (Some(near), Some(apart)) = (self.near, self.apart) {
            writeln!(f, "  {:.4} of the {} faces with a near twin in Training", near.accuracy, near.images)?;
            writeln!(f, "  {:.4} of the {} faces without", apart.accuracy, apart.images)?;
        }
        let error = self.expected_calibration_error;
        write!(f, "expected calibration error {error:.4}")?;
        if let Some(Certain { threshold, share, accuracy }) = self.certain {
            let (share, accuracy) = (100.0 * share, 100.0 * accuracy);
            write!(
                f,
                "; {share:.1} % of the answers are certain ({threshold:.2} or more), {accuracy:.1} % of them right"
            )?;
        }
        writeln!(f, "\n\n{}\n\n{}", self.class_table(), self.confusion.table())
    }
}
