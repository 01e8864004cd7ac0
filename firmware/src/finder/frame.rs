//! A camera's picture, in the memory of whoever took it.

use core::fmt;

use super::warp::mix;

/// Columns that a frame has at most.
pub const MOST_COLUMNS: usize = 320;

/// Rows that a frame has at most.
pub const MOST_ROWS: usize = 240;

/// A grey frame: rows of `width` pixels, `stride` bytes from one to the next.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    pixels: &'a [u8],
    width: usize,
    height: usize,
    stride: usize,
}

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// No pixels, or more than [`MOST_COLUMNS`] x [`MOST_ROWS`].
    Size {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// Rows overlap.
    Stride {
        /// Bytes from row to row.
        stride: usize,
        /// Columns.
        width: usize,
    },
    /// The last row ends outside.
    TooShort {
        /// Bytes that the rows need.
        need: usize,
        /// Bytes there are.
        have: usize,
    },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::Size { width, height } => {
                write!(f, "a frame of {width}x{height}; it has 1x1 to {MOST_COLUMNS}x{MOST_ROWS} pixels")
            }
            FrameError::Stride { stride, width } => {
                write!(f, "rows of {width} pixels that begin every {stride} bytes overlap")
            }
            FrameError::TooShort { need, have } => write!(f, "the frame has {have} bytes and its rows need {need}"),
        }
    }
}

impl core::error::Error for FrameError {}

impl<'a> Frame<'a> {
    /// `height` rows of `width` grey levels, which begin every `stride` bytes of `pixels`. The last row may end where its pixels
    /// end.
    ///
    /// # Errors
    /// [`FrameError`] if there are no such rows.
    pub fn new(pixels: &'a [u8], width: usize, height: usize, stride: usize) -> Result<Self, FrameError> {
        if !(1..=MOST_COLUMNS).contains(&width) || !(1..=MOST_ROWS).contains(&height) {
            return Err(FrameError::Size { width, height });
        }
        if stride < width {
            return Err(FrameError::Stride { stride, width });
        }
        let have = pixels.len();
        let need = stride.checked_mul(height - 1).and_then(|bytes| bytes.checked_add(width)).unwrap_or(usize::MAX);
        if have < need {
            return Err(FrameError::TooShort { need, have });
        }
        // A single row needs none, and one that is no length of a slice could overflow later.
        let stride = if height == 1 { width } else { stride };
        Ok(Self { pixels, width, height, stride })
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The pixels of a row; of the last one for any beyond.
    pub fn row(&self, y: usize) -> &'a [u8] {
        let start = y.min(self.height - 1) * self.stride;
        self.pixels.get(start..start + self.width).unwrap_or(&[])
    }

    /// The middle of the last pixel of the last row, in 1/65536 pixels.
    pub(super) fn last_place(&self) -> (i32, i32) {
        // At most 320 columns and 240 rows.
        (((self.width - 1) << 16) as i32, ((self.height - 1) << 16) as i32)
    }

    /// 256 times the grey level at a place up to the last one, in 1/65536 pixels.
    #[inline]
    pub(super) fn between(&self, x: u32, y: u32) -> u32 {
        let start = (y >> 16) as usize * self.stride + (x >> 16) as usize;
        // What lies beyond the last column or row, a pixel of the next row or none, has no weight.
        let row = |start: usize| match self.pixels.get(start..) {
            Some(&[a, b, ..]) => mix(a.into(), b.into(), x),
            Some(&[a]) => mix(a.into(), 0, x),
            _ => 0,
        };
        mix(row(start), row(start + self.stride), y) >> 8
    }
}
