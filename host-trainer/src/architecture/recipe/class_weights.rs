//! `class_weights`.

use serde::{Deserialize, Serialize};

use super::setting::{Row, Setting};
use crate::data::LabelSet;

/// How much an image of each emotion counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ClassWeights {
    /// `"balanced"`: images / (emotions x images of the emotion), so that every emotion counts the same in all.
    Named(Balanced),
    /// One number per emotion, in the order of the labels.
    Given(Vec<f32>),
}

/// The word `balanced`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Balanced {
    /// Inversely to their number.
    Balanced,
}

impl Setting for ClassWeights {
    fn check_labels(&self, labels: LabelSet) -> Result<(), String> {
        let ClassWeights::Given(weights) = self else { return Ok(()) };
        let count = labels.count();
        match weights.len() == count && weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0) {
            true => Ok(()),
            false => Err(format!("`class_weights` must be {count} numbers from 0 on, one an emotion")),
        }
    }

    fn words(&self) -> Vec<Row> {
        let weights = match self {
            ClassWeights::Named(Balanced::Balanced) => "balanced".into(),
            ClassWeights::Given(weights) => format!("{weights:?}"),
        };
        vec![("class weights", weights)]
    }
}
