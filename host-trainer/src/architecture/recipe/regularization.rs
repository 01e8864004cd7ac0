//! `regularization`.

use serde::{Deserialize, Serialize};

use super::setting::{Row, Setting, check_not_negative};

/// Penalties on large weights. Biases and the parameters of batch normalization have none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Regularization {
    /// Adds `l1 sum |w|` to the loss.
    pub l1: f32,
    /// Adds `l2 sum w^2` to the loss, as Keras does.
    pub l2: f32,
    /// Every step also shrinks the weights by `learning_rate weight_decay` of themselves (Loshchilov and Hutter 2019).
    pub weight_decay: f32,
}

impl Setting for Regularization {
    fn check(&self) -> Result<(), String> {
        check_not_negative("`l1`", self.l1)?;
        check_not_negative("`l2`", self.l2)?;
        check_not_negative("`weight_decay`", self.weight_decay)
    }

    fn words(&self) -> Vec<Row> {
        let rows = [("L1", self.l1), ("L2", self.l2), ("weight decay", self.weight_decay)];
        rows.into_iter().filter(|(_, value)| *value > 0.0).map(|(what, value)| (what, value.to_string())).collect()
    }
}
