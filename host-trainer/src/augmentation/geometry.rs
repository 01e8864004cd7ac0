//! Where the pixels lie.

use shared::preprocessing::{FACE_PIXELS, FACE_SIZE};

/// Row and column of the centre, about which a face is turned and scaled.
const CENTRE: f32 = (FACE_SIZE as f32 - 1.0) / 2.0;

/// A similarity, with or without a mirror.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Transform {
    /// Left for right, before all else.
    pub flip: bool,
    /// Pixels down and across.
    pub shift: [f32; 2],
    /// Degrees, clockwise.
    pub rotation: f32,
    /// Factor of all lengths.
    pub scale: f32,
}

impl Transform {
    /// The face where it is.
    pub const UNCHANGED: Self = Self { flip: false, shift: [0.0; 2], rotation: 0.0, scale: 1.0 };

    /// Whether every pixel stays.
    pub fn is_unchanged(&self) -> bool {
        *self == Self::UNCHANGED
    }
}

/// The face after `transform`, by one bilinear resampling; beyond the borders their pixels go on.
pub(super) fn transform(face: &[u8; FACE_PIXELS], transform: &Transform) -> [u8; FACE_PIXELS] {
    if (Transform { flip: false, ..*transform }).is_unchanged() {
        let mut copy = *face;
        if transform.flip {
            copy.as_chunks_mut::<FACE_SIZE>().0.iter_mut().for_each(|row| row.reverse());
        }
        return copy;
    }
    // Where a pixel of the copy comes from: back by the shift, then turned and scaled the other way.
    let (sine, cosine) = transform.rotation.to_radians().sin_cos();
    let (sine, cosine) = (sine / transform.scale, cosine / transform.scale);
    let mirror = if transform.flip { -1.0 } else { 1.0 };
    std::array::from_fn(|index| {
        let y = (index / FACE_SIZE) as f32 - CENTRE - transform.shift[0];
        let x = (index % FACE_SIZE) as f32 - CENTRE - transform.shift[1];
        sample(face, CENTRE + cosine * y - sine * x, CENTRE + mirror * (cosine * x + sine * y))
    })
}

/// The grey level at a place between pixels.
fn sample(face: &[u8; FACE_PIXELS], y: f32, x: f32) -> u8 {
    let last = (FACE_SIZE - 1) as f32;
    let (y, x) = (y.clamp(0.0, last), x.clamp(0.0, last));
    let (top, left) = ((y as usize).min(FACE_SIZE - 2), (x as usize).min(FACE_SIZE - 2));
    let (down, across) = (y - top as f32, x - left as f32);
    let grey = |row: usize, column: usize| f32::from(face[(top + row) * FACE_SIZE + left + column]);
    let upper = grey(0, 0) + (grey(0, 1) - grey(0, 0)) * across;
    let lower = grey(1, 0) + (grey(1, 1) - grey(1, 0)) * across;
    (upper + (lower - upper) * down + 0.5) as u8
}
