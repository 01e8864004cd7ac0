//! `early_stopping`.

use super::setting::{Row, Setting};

pub struct EarlyStopping(pub usize);

impl Setting for EarlyStopping {
    fn words(&self) -> Vec<Row> {
        vec![("early stopping", format!("after {} epochs that are no better", self.0))]
    }
}
