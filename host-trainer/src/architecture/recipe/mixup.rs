//! `mixup`.

use super::setting::{Row, Setting, check_positive};

pub struct Mixup(pub f32);

impl Setting for Mixup {
    fn check(&self) -> Result<(), String> {
        check_positive("`mixup`", self.0)
    }

    fn words(&self) -> Vec<Row> {
        vec![("mixup", format!("shares from Beta({0}, {0})", self.0))]
    }
}
