//! `logit_adjustment`.

use super::setting::{Row, Setting};
use crate::data::LabelSet;

pub struct LogitAdjustment<'a>(pub &'a [f32]);

impl Setting for LogitAdjustment<'_> {
    fn check_labels(&self, labels: LabelSet) -> Result<(), String> {
        let count = labels.count();
        match self.0.is_empty() || self.0.len() == count && self.0.iter().all(|logit| logit.is_finite()) {
            true => Ok(()),
            false => Err(format!("`logit_adjustment` must be {count} finite numbers, one an emotion")),
        }
    }

    fn words(&self) -> Vec<Row> {
        if self.0.is_empty() { Vec::new() } else { vec![("added to the logits", format!("{:?}", self.0))] }
    }
}
