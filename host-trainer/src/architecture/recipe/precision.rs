//! `precision`.

use super::setting::{Row, Setting};
use crate::convolution::Precision;

impl Setting for Precision {
    fn words(&self) -> Vec<Row> {
        match self {
            Precision::F32 => Vec::new(),
            Precision::Bf16 => {
                vec![(
                    "precision",
                    "convolutions and what lies between them in bfloat16, weights in 32-bit floats".into(),
                )]
            }
        }
    }
}

/// Whether nothing is rounded.
pub fn is_f32(precision: &Precision) -> bool {
    *precision == Precision::F32
}
