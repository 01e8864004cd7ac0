//! Samples a rotated and scaled square of a frame, the input of a network.

use super::frame::Frame;

/// A point of a frame, in 1/256 pixels; (0, 0) is the middle of the first pixel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Point {
    /// To the right.
    pub x: i32,
    /// Downwards.
    pub y: i32,
}

impl Point {
    /// The point, clamped to 16,384 pixels from the first pixel of the frame. That is far beyond any frame, and so near
    /// that sums of a few products do not overflow.
    #[must_use]
    pub fn held(self) -> Self {
        const FAR: i32 = 16_384 * 256;
        Self { x: self.x.clamp(-FAR, FAR), y: self.y.clamp(-FAR, FAR) }
    }
}

/// A square of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Square {
    /// Its middle.
    pub middle: Point,
    /// The vector from its left edge to its right edge. Turned by 90 degrees clockwise, it leads from the upper to the
    /// lower edge.
    pub side: Point,
}

/// Samples of a pixel in each direction at most.
const MOST_SAMPLES: i32 = 8;

impl Square {
    /// An upright square.
    pub fn upright(middle: Point, side: i32) -> Self {
        Self { middle, side: Point { x: side, y: 0 } }
    }

    /// The square of a face. Its side is `side / 256` eye distances. The point between the eyes lies `above / 256` eye
    /// distances above its middle.
    pub fn around_eyes(eyes: [Point; 2], side: i32, above: i32) -> Self {
        let [left, right] = eyes.map(Point::held);
        let (x, y) = (right.x - left.x, right.y - left.y);
        let scaled = |value: i32, by: i32| ((i64::from(value) * i64::from(by) + 128) >> 8) as i32;
        let middle = Point {
            x: (left.x + right.x + 1) / 2 - scaled(y, above),
            y: (left.y + right.y + 1) / 2 + scaled(x, above),
        };
        Self { middle, side: Point { x: scaled(x, side), y: scaled(y, side) } }
    }

    /// Where a point of the square lies in the frame. The point is given in 1/65536 of the side, from the middle to the
    /// right and down.
    pub fn place(&self, right: i32, down: i32) -> Point {
        let Point { x, y } = self.side;
        let part = |a: i32, b: i32| ((i64::from(a) + i64::from(b) + 32768) >> 16) as i32;
        let times = |a: i32, b: i32| (i64::from(a) * i64::from(b)).clamp(-(1 << 30), 1 << 30) as i32;
        Point {
            x: self.middle.x.saturating_add(part(times(x, right), -times(y, down))),
            y: self.middle.y.saturating_add(part(times(y, right), times(x, down))),
        }
    }
}

/// Samples the square into `out`, `size` rows and columns, by bilinear interpolation. If the square is larger than `out`,
/// each pixel is the mean of several samples. Beyond the frame, its edge pixels are repeated.
pub fn warp(frame: Frame<'_>, square: Square, size: usize, out: &mut [u8]) {
    let size = size.clamp(1, 256);
    let count = size as i32;
    // Steps of the frame for a pixel of the square, in 1/65536 pixels.
    let step = |side: i32| side.clamp(-(1 << 20), 1 << 20) * 256 / count;
    let (dx, dy) = (step(square.side.x), step(square.side.y));
    let longest = dx.abs().max(dy.abs());
    // A sample for each pixel of the frame, but for what a quarter more is.
    let samples = ((longest + (3 << 14)) >> 16).clamp(1, MOST_SAMPLES);
    let (sx, sy) = (dx / samples, dy / samples);
    let half = |d: i32| i64::from(d) * i64::from(count * samples - 1) / 2;
    let x0 = (i64::from(square.middle.x) << 8) - half(sx) + half(sy);
    let y0 = (i64::from(square.middle.y) << 8) - half(sy) - half(sx);
    let shift = samples * samples;
    for (row, out) in out.chunks_exact_mut(size).take(size).enumerate() {
        for (column, out) in out.iter_mut().enumerate() {
            let mut sum = 0u32;
            for j in 0..samples {
                for i in 0..samples {
                    let (u, v) = (i64::from(column as i32 * samples + i), i64::from(row as i32 * samples + j));
                    let x = x0 + u * i64::from(sx) - v * i64::from(sy);
                    let y = y0 + u * i64::from(sy) + v * i64::from(sx);
                    sum += sample(frame, x, y);
                }
            }
            *out = ((sum + 128 * shift as u32) / (256 * shift as u32)) as u8;
        }
    }
}

/// 256 times the grey level at a place in 1/65536 pixels.
fn sample(frame: Frame<'_>, x: i64, y: i64) -> u32 {
    let x = x.clamp(0, ((frame.width() - 1) as i64) << 16) as u32;
    let y = y.clamp(0, ((frame.height() - 1) as i64) << 16) as u32;
    let (column, row) = ((x >> 16) as usize, (y >> 16) as usize);
    let (right, down) = ((x >> 8) & 255, (y >> 8) & 255);
    let (upper, lower) = (frame.row(row), frame.row(row + 1));
    let last = frame.width() - 1;
    let at = |line: &[u8], x: usize| u32::from(line.get(x.min(last)).copied().unwrap_or(0));
    let mix = |line: &[u8]| at(line, column) * (256 - right) + at(line, column + 1) * right;
    (mix(upper) * (256 - down) + mix(lower) * down) >> 8
}
