//! `label_smoothing`.

use super::setting::{Row, Setting};

pub struct LabelSmoothing(pub f32);

impl Setting for LabelSmoothing {
    fn check(&self) -> Result<(), String> {
        match (0.0..1.0).contains(&self.0) {
            true => Ok(()),
            false => Err(format!("`label_smoothing` is {}; it must be in 0..1", self.0)),
        }
    }

    fn words(&self) -> Vec<Row> {
        if self.0 > 0.0 { vec![("label smoothing", self.0.to_string())] } else { Vec::new() }
    }
}
