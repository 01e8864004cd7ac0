//! A face as the classifiers know it: its eyes level, its size always the same.

use shared::preprocessing::{FACE_PIXELS, FACE_SIZE};

use super::{
    frame::Frame,
    search::Face,
    warp::{Point, Square, warp},
};

/// Side of an aligned face in eye distances, times 256: 2.8.
const SIDE: i32 = 717;

/// How far its middle lies below that of the eyes, likewise: they are at 38.5 % of its height, so (50 % - 38.5 %) of 2.8.
const BELOW_EYES: i32 = 82;

/// Side of a face's box in eye distances, likewise: 2.4.
pub const BOX_SIDE: i32 = 614;

/// How far its middle lies below that of the eyes, likewise: 0.55, so that it reaches from brow to chin.
pub const BOX_BELOW_EYES: i32 = 141;

/// An upright box in a frame, in whole pixels; it may reach beyond the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// First column.
    pub left: i32,
    /// First row.
    pub top: i32,
    /// Columns and rows.
    pub side: i32,
}

impl Face {
    /// The square of a frame that [`align`] shows.
    pub fn square(&self) -> Square {
        Square::around_eyes(self.eyes, SIDE, BELOW_EYES)
    }

    /// From brow to chin, 2.4 eye distances wide.
    pub fn bounds(&self) -> Bounds {
        let Square { middle, side } = Square::around_eyes(self.eyes, BOX_SIDE, BOX_BELOW_EYES);
        let (x, y) = (u64::from(side.x.unsigned_abs()), u64::from(side.y.unsigned_abs()));
        let side = (x * x + y * y).isqrt() as i32;
        let pixel = |place: i32| place.saturating_sub(side / 2).saturating_add(128) >> 8;
        Bounds { left: pixel(middle.x), top: pixel(middle.y), side: side.saturating_add(128) >> 8 }
    }

    /// The distance of the eyes in 1/256 pixels.
    pub fn eye_distance(&self) -> i32 {
        let [Point { x: left, y: upper }, Point { x: right, y: lower }] = self.eyes.map(Point::held);
        let (x, y) = (u64::from(right.abs_diff(left)), u64::from(lower.abs_diff(upper)));
        (x * x + y * y).isqrt() as i32
    }
}

/// The face of a frame, 48x48 grey levels, its eyes level and at 38.5 % of its height, 2.8 eye distances wide.
pub fn align(frame: Frame<'_>, face: &Face) -> [u8; FACE_PIXELS] {
    let mut aligned = [0; FACE_PIXELS];
    warp(frame, face.square(), FACE_SIZE, &mut aligned);
    aligned
}
