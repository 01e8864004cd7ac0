//! A smaller picture of a frame, in which a face has the size of the trees' window.

use super::frame::Frame;

/// Pixels of the frame that a pixel of a level covers in each direction, in 1/65536.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale(pub u32);

impl Scale {
    /// That of the finest level: 1.5.
    pub const FINEST: Self = Self(3 << 15);

    /// The next coarser one, 1.2 times as large.
    pub const fn coarser(self) -> Self {
        Self(self.0 / 5 * 6)
    }

    /// Whole pixels of a level that lie within `pixels` of the frame.
    pub const fn cells(self, pixels: usize) -> usize {
        if self.0 == 0 { 0 } else { (((pixels as u64) << 16) / self.0 as u64) as usize }
    }
}

/// Writes the level of `scale` into `level`, row by row, and gives its width and height. Each pixel is the mean of four of the
/// frame's, from the middles of the quarters of what it covers. Rows for which `level` has no room are left out.
pub fn shrink(frame: Frame<'_>, scale: Scale, level: &mut [u8]) -> (usize, usize) {
    let width = scale.cells(frame.width());
    if width == 0 {
        return (0, 0);
    }
    let height = scale.cells(frame.height()).min(level.len() / width);
    let quarter = scale.0 / 4;
    for (y, out) in level.chunks_exact_mut(width).take(height).enumerate() {
        let top = y as u32 * scale.0 + quarter;
        let upper = frame.row((top >> 16) as usize);
        let lower = frame.row(((top + 2 * quarter) >> 16) as usize);
        // As long as each other, so that one look at an index is enough for both.
        let lower = &lower[..upper.len().min(lower.len())];
        let upper = &upper[..lower.len()];
        let mut left = quarter;
        for out in out {
            let column = |place: u32| (place >> 16) as usize;
            let both = |x: usize| match (upper.get(x), lower.get(x)) {
                (Some(&upper), Some(&lower)) => u32::from(upper) + u32::from(lower),
                _ => 0,
            };
            *out = ((both(column(left)) + both(column(left + 2 * quarter)) + 2) / 4) as u8;
            left += scale.0;
        }
    }
    (width, height)
}
