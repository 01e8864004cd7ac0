//! Pictures: what a host sends in parts, and what a device saw.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::Classified;

/// Columns and rows of a picture: of a camera's frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameSize {
    /// Pixels of a row.
    pub columns: u16,
    /// Rows.
    pub rows: u16,
}

impl FrameSize {
    /// Pixels of the picture.
    pub const fn pixels(self) -> usize {
        self.columns as usize * self.rows as usize
    }

    /// Whether there is a pixel, and neither side is longer than that of `largest`.
    pub fn fits(self, largest: Self) -> bool {
        (1..=largest.columns).contains(&self.columns) && (1..=largest.rows).contains(&self.rows)
    }
}

impl fmt::Display for FrameSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.columns, self.rows)
    }
}

/// What finds the faces of a device's pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinderIdentity {
    /// CRC-32 of the finder file.
    pub crc: u32,
    /// The largest picture that the device takes.
    pub largest: FrameSize,
}

/// What a device saw in a picture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// The face that answers for the picture: of several the one that is followed, else the largest. `None` if there is no face.
    pub face: Option<SeenFace>,
    /// Time of the search and of the inference.
    pub microseconds: u32,
}

/// A face in a picture, and its emotion.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeenFace {
    /// Its box, from brow to chin.
    pub bounds: FaceBox,
    /// Its eyes in 1/256 pixels, x and y, that on the left of the picture first; (0, 0) is the middle of the first pixel.
    pub eyes: [[i32; 2]; 2],
    /// How sure the device is that this is a face.
    pub score: f32,
    /// Its emotion. The time in it is that of the inference alone.
    pub emotion: Classified,
}

/// A square in a picture, in whole pixels. It may reach beyond the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaceBox {
    /// First column.
    pub left: i32,
    /// First row.
    pub top: i32,
    /// Columns and rows.
    pub side: i32,
}

/// What a host may look at, to aim a camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum View {
    /// The last picture that the device looked at.
    Picture,
    /// The face in it as the model saw it, 48x48, its eyes level.
    Face,
}

/// A part of a [`View`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewPart<'a> {
    /// Counts the pictures that the device looked at. If it changes from part to part, so did the picture.
    pub number: u32,
    /// Columns and rows of the view.
    pub size: FrameSize,
    /// Pixels before this part, row by row.
    pub offset: u32,
    /// Grey levels: [`PART_BYTES`](super::PART_BYTES), or what is left.
    pub pixels: &'a [u8],
}
