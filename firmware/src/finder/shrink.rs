//! A frame at a smaller size, a level, in which a face has the size of the trees' window.

use super::frame::{Frame, MOST_COLUMNS};

/// Pixels of the frame that a pixel of a level covers in each direction, in 1/65536.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale(pub u32);

impl Scale {
    /// The scale of the finest level: 1.5.
    pub const FINEST: Self = Self(3 << 15);

    /// The scale of the next coarser level, 1.2 times as large.
    pub const fn coarser(self) -> Self {
        Self(self.0 / 5 * 6)
    }

    /// Whole pixels of a level that lie within `pixels` of the frame.
    pub const fn cells(self, pixels: usize) -> usize {
        if self.0 == 0 { 0 } else { (((pixels as u64) << 16) / self.0 as u64) as usize }
    }
}

/// Writes the level of `scale` into `level`, row by row, and returns its width and height. Each pixel is the mean of four
/// pixels of the frame, in the middles of the quarters of the area that it covers. Rows for which `level` has no room are
/// left out, and columns beyond [`MOST_COLUMNS`].
pub fn shrink(frame: Frame<'_>, scale: Scale, level: &mut [u8]) -> (usize, usize) {
    let width = scale.cells(frame.width()).min(MOST_COLUMNS);
    if width == 0 {
        return (0, 0);
    }
    let height = scale.cells(frame.height()).min(level.len() / width);
    let ends = |cell: usize| {
        let quarter = scale.0 / 4;
        let start = cell as u32 * scale.0 + quarter;
        [start, start + 2 * quarter].map(|place| (place >> 16) as u16)
    };
    let mut columns = [[0; 2]; MOST_COLUMNS];
    let columns = &mut columns[..width];
    columns.iter_mut().enumerate().for_each(|(x, column)| *column = ends(x));
    for (y, out) in level.chunks_exact_mut(width).take(height).enumerate() {
        let [upper, lower] = ends(y).map(|y| frame.row(y.into()));
        mean_of_four(upper, lower, columns, out);
    }
    (width, height)
}

/// A row of a level, whose pixels lie between two columns each.
#[inline(never)]
fn mean_of_four(upper: &[u8], lower: &[u8], columns: &[[u16; 2]], out: &mut [u8]) {
    // As long as each other, so that one look at an index is enough for both.
    let upper = &upper[..upper.len().min(lower.len())];
    let lower = &lower[..upper.len()];
    for (out, &[a, b]) in out.iter_mut().zip(columns) {
        let both = |x: u16| match (upper.get(usize::from(x)), lower.get(usize::from(x))) {
            (Some(&upper), Some(&lower)) => u32::from(upper) + u32::from(lower),
            _ => 0,
        };
        *out = ((both(a) + both(b) + 2) / 4) as u8;
    }
}
