//! The numbers that convolutions multiply and give.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::geometry::Geometry;

/// What the factors of a convolution are rounded to, and its outputs. All sums are 32-bit floats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Precision {
    /// 32-bit floats: nothing is rounded.
    #[default]
    #[serde(rename = "f32")]
    F32,
    /// bfloat16, whose 8 bits of precision are enough to train by (Kalamkar et al. 2019, "A Study of BFLOAT16 for Deep Learning
    /// Training"). Weights, and the gradients of weights, stay what they are. Convolutions with a stride, with groups or of few
    /// outputs keep 32-bit floats, as do those on a GPU.
    #[serde(rename = "bf16")]
    Bf16,
}

/// Outputs below which tiles are emptier than vectors.
const FEWEST_OUTPUTS: usize = 8;

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Precision::F32 => "f32",
            Precision::Bf16 => "bf16",
        })
    }
}

impl Precision {
    /// Whether factors and outputs of this convolution are rounded.
    pub(super) fn rounds(self, geometry: &Geometry) -> bool {
        let Geometry { groups, channels, outputs, kernel, stride, padding, .. } = *geometry;
        self == Precision::Bf16
            && (0..2).all(|axis| padding[axis][0] < kernel[axis])
            && groups == 1
            && stride == [1, 1]
            && channels > 0
            && outputs >= FEWEST_OUTPUTS
    }
}
