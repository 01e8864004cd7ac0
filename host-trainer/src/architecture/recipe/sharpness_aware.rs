//! `sharpness_aware`.

use super::setting::{Row, Setting, check_positive};

pub struct SharpnessAware(pub f32);

impl Setting for SharpnessAware {
    fn check(&self) -> Result<(), String> {
        check_positive("`sharpness_aware`", self.0)
    }

    fn words(&self) -> Vec<Row> {
        vec![("sharpness-aware", format!("within a radius of {}", self.0))]
    }
}
