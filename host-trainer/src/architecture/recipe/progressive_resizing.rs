//! `progressive_resizing`.

use serde::{Deserialize, Serialize};
use shared::preprocessing::FACE_SIZE;

use super::setting::{Row, Setting, check_share};

/// Faces that start small and grow, since small ones cost less (Howard 2018; Tan and Le 2021, "EfficientNetV2", section 4).
/// Needs a network that takes any size: a global pool before its dense layers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgressiveResizing {
    /// Rows and columns at the beginning; they grow by 8.
    pub start: usize,
    /// Share of the epochs that have smaller faces than the device; the sizes divide it equally.
    pub share: f64,
}

impl ProgressiveResizing {
    /// Rows and columns that faces grow by.
    const STEP: usize = 8;

    /// The sizes that are smaller than the device's, in their order.
    pub fn small_sizes(&self) -> impl ExactSizeIterator<Item = usize> {
        (self.start..FACE_SIZE).step_by(Self::STEP)
    }

    /// Rows and columns of the faces after `done` of `epochs` epochs.
    pub fn size(&self, done: usize, epochs: usize) -> usize {
        let (done, small) = (done as f64, self.share * epochs as f64);
        if done >= small {
            return FACE_SIZE;
        }
        self.small_sizes().nth((done / small * self.small_sizes().len() as f64) as usize).unwrap_or(FACE_SIZE)
    }
}

impl Setting for ProgressiveResizing {
    fn check(&self) -> Result<(), String> {
        if !(8..=FACE_SIZE).contains(&self.start) {
            return Err(format!("`start` of the resizing is {}; it must be 8 to {FACE_SIZE} pixels", self.start));
        }
        check_share("the `share` of the `progressive_resizing`", self.share)
    }

    fn words(&self) -> Vec<Row> {
        let ProgressiveResizing { start, share } = self;
        vec![("progressive resizing", format!("from {start} pixels a side, over {share} of the epochs"))]
    }
}
