//! `reweighting`.

use serde::{Deserialize, Serialize};
use shared::label::Emotion;

use super::setting::{Row, Setting};
use crate::data::LabelSet;

/// Importance weights against wrong labels (Wang, Liu and Tao 2017; Liu and Tao 2016, section 4), carried over to the softmax.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reweighting {
    /// Epochs of ordinary training before; the network is then taken for the posterior of the labels as they are.
    pub after: usize,
    /// Where the noise rates come from.
    #[serde(default)]
    pub noise: Noise,
}

/// The probabilities `T[i][j]` that an image of emotion `i` was given the label `j`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Noise {
    /// Estimated at the images that the network is surest of (Patrini et al. 2017, equations 12 and 13).
    #[default]
    Anchors,
    /// Counted: what labels the images have that annotators of FER+ called `i`.
    Votes,
    /// Given.
    Rates([[f32; Emotion::FER2013.len()]; Emotion::FER2013.len()]),
}

impl Setting for Reweighting {
    fn check(&self) -> Result<(), String> {
        let Noise::Rates(rates) = self.noise else { return Ok(()) };
        let sound = |row: &[f32]| {
            row.iter().all(|rate| (0.0..=1.0).contains(rate)) && (row.iter().sum::<f32>() - 1.0).abs() < 1e-3
        };
        match rates.iter().all(|row| sound(row)) {
            true => Ok(()),
            false => Err("each row of the noise `rates` must be seven probabilities that add up to 1".into()),
        }
    }

    fn check_labels(&self, labels: LabelSet) -> Result<(), String> {
        match labels.is_fer2013() {
            true => Ok(()),
            false => {
                Err("`reweighting` is for wrong labels of FER2013 and its 7 emotions; leave it out with FER+".into())
            }
        }
    }

    fn words(&self) -> Vec<Row> {
        let noise = match self.noise {
            Noise::Anchors => "estimated at the surest images",
            Noise::Votes => "counted from FER+ votes",
            Noise::Rates(_) => "given",
        };
        vec![("importance weights", format!("after {} epochs, noise rates {noise}", self.after))]
    }
}
