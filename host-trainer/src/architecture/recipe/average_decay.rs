//! `average_decay`.

use super::setting::{Row, Setting};

pub struct AverageDecay(pub f32);

impl Setting for AverageDecay {
    fn check(&self) -> Result<(), String> {
        match (0.0..1.0).contains(&self.0) {
            true => Ok(()),
            false => Err(format!("`average_decay` is {}; it must be in 0..1", self.0)),
        }
    }

    fn words(&self) -> Vec<Row> {
        vec![("mean of the weights", format!("decay {}", self.0))]
    }
}
