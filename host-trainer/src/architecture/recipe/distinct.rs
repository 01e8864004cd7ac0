//! `distinct`.

use super::setting::{Row, Setting};

pub struct Distinct(pub bool);

impl Setting for Distinct {
    fn words(&self) -> Vec<Row> {
        if self.0 { vec![("left out", "training faces that are nearly validation faces".into())] } else { Vec::new() }
    }
}
