//! `refinement`.

use serde::{Deserialize, Serialize};

use super::setting::{Row, Setting};

/// Quantization-aware training (Jacob et al. 2018, section 3): the finished network, batch normalization folded, goes on
/// learning with weights and activations rounded as the core rounds them; Nesterov's momentum, half a cosine to zero.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refinement {
    /// Passes over the training images.
    pub epochs: usize,
    /// At the start.
    pub learning_rate: f64,
}

impl Setting for Refinement {
    fn check(&self) -> Result<(), String> {
        match self.epochs > 0 && self.learning_rate.is_finite() && self.learning_rate > 0.0 {
            true => Ok(()),
            false => Err("the `refinement` must have at least 1 of `epochs` and a `learning_rate` above 0".into()),
        }
    }

    fn words(&self) -> Vec<Row> {
        let Refinement { epochs, learning_rate } = self;
        vec![("refinement", format!("{epochs} epochs with the core's rounding, learning rate {learning_rate}"))]
    }
}
