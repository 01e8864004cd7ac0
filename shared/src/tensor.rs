//! Feature maps in an arena.

use core::ops::Range;

use serde::{Deserialize, Serialize};

use crate::{quantization::Quantization, shape::Shape};

/// An i8 feature map in the arena, NHWC.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tensor {
    /// Height, width, channels.
    pub shape: Shape,
    /// What its integers mean.
    pub quantization: Quantization,
    /// First byte in the arena.
    pub offset: u32,
}

impl Tensor {
    /// The bytes it takes in the arena, as a range; `None` if they do not fit a `u32`.
    pub fn range(&self) -> Option<Range<u32>> {
        let end = self.offset.checked_add(self.shape.elements()?)?;
        Some(self.offset..end)
    }

    /// Whether it lies inside an arena of `arena_bytes` bytes.
    pub fn is_inside(&self, arena_bytes: u32) -> bool {
        self.range().is_some_and(|range| range.end <= arena_bytes)
    }

    /// Whether the two have a byte in common; yes for tensors without a [`range`](Self::range).
    pub fn overlaps(&self, other: &Tensor) -> bool {
        match (self.range(), other.range()) {
            (Some(a), Some(b)) => a.start < b.end && b.start < a.end,
            _ => true,
        }
    }
}
