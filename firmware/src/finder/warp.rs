//! A turned and scaled square of a frame: what a network is shown.

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
    /// The same, or the nearest within 16,384 pixels of the frame's beginning: far beyond any frame, and so near that sums of a few
    /// products fit.
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
    /// From its left edge to its right edge; the vector to the right by 90 degrees of it leads from its upper to its lower edge.
    pub side: Point,
}

/// Samples of a pixel in each direction at most.
const MOST_SAMPLES: i32 = 8;

impl Square {
    /// An upright square.
    pub fn upright(middle: Point, side: i32) -> Self {
        Self { middle, side: Point { x: side, y: 0 } }
    }

    /// The square of a face: `side` times the distance of the eyes in 1/256, with the middle of the eyes `above` of that distance, in
    /// 1/256, above the middle of the square.
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

    /// Where a point of the square lies in the frame; it is given in 1/65536 of the side from the middle, to the right and down.
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

/// Pixels of a row of `out` at most.
const MOST_SIZE: usize = 256;

/// Fills `out`, `size` rows and columns, with what lies in the square, by bilinear interpolation; where the square is larger
/// than `out`, each pixel is the mean of several samples. Beyond the frame its edge goes on.
pub fn warp(frame: Frame<'_>, square: Square, size: usize, out: &mut [u8]) {
    let size = size.clamp(1, MOST_SIZE);
    let count = size as i32;
    // Steps of the frame for a pixel of the square, in 1/65536 pixels.
    let step = |side: i32| side.clamp(-(1 << 20), 1 << 20) * 256 / count;
    let (dx, dy) = (step(square.side.x), step(square.side.y));
    let longest = dx.abs().max(dy.abs());
    // A sample for each pixel of the frame, but for what a quarter more is.
    let samples = ((longest + (3 << 14)) >> 16).clamp(1, MOST_SAMPLES);
    let (sx, sy) = (dx / samples, dy / samples);
    let half = |d: i32| (i64::from(d) * i64::from(count * samples - 1) / 2) as i32;
    // Of a square that is further away than `held` allows, all is beyond the same edge.
    let middle = square.middle.held();
    // At most 2^30 + 2^28 from the frame's beginning, so 32 bits are enough for all places.
    let mut x = (middle.x << 8) - half(sx) + half(sy);
    let mut y = (middle.y << 8) - half(sy) - half(sx);
    let mean = Mean::of((samples * samples) as u32);
    let mut sums = [0; MOST_SIZE];
    let sums = &mut sums[..size];
    for out in out.chunks_exact_mut(size).take(size) {
        sums.fill(0);
        for _ in 0..samples {
            match sy {
                0 => add_upright(frame, [x, y], sx, samples, sums),
                _ => add_turned(frame, [x, y], [sx, sy], samples, sums),
            }
            // Behind the last row this is no place of a sample.
            (x, y) = (x.wrapping_sub(sy), y.wrapping_add(sx));
        }
        out.iter_mut().zip(&*sums).for_each(|(out, &sum)| *out = mean.of_sum(sum));
    }
}

/// Adds a row of samples to the sums of the pixels, `samples` to each, from a place in 1/65536 pixels on.
#[inline(never)]
fn add_turned(frame: Frame<'_>, [mut x, mut y]: [i32; 2], [sx, sy]: [i32; 2], samples: i32, sums: &mut [u32]) {
    let (right, bottom) = frame.last_place();
    for sum in sums {
        for _ in 0..samples {
            *sum += frame.between(x.clamp(0, right) as u32, y.clamp(0, bottom) as u32);
            (x, y) = (x.wrapping_add(sx), y.wrapping_add(sy));
        }
    }
}

/// As [`add_turned`], for a row that is one of the frame as well: all of its samples lie between the same two rows, in a part of
/// the time.
#[inline(never)]
fn add_upright(frame: Frame<'_>, [mut x, y]: [i32; 2], sx: i32, samples: i32, sums: &mut [u32]) {
    let (right, bottom) = frame.last_place();
    let y = y.clamp(0, bottom) as u32;
    let (upper, lower) = (frame.row((y >> 16) as usize), frame.row((y >> 16) as usize + 1));
    // As long as each other, so that one look at an index is enough for both.
    let upper = &upper[..upper.len().min(lower.len())];
    let lower = &lower[..upper.len()];
    for sum in sums {
        for _ in 0..samples {
            let place = x.clamp(0, right) as u32;
            let column = |x: usize| match (upper.get(x), lower.get(x)) {
                (Some(&upper), Some(&lower)) => mix(upper.into(), lower.into(), y),
                // Beyond the last one, where it has no weight.
                _ => 0,
            };
            let left = (place >> 16) as usize;
            *sum += mix(column(left), column(left + 1), place) >> 8;
            x = x.wrapping_add(sx);
        }
    }
}

/// Between two values, 256 times as much, by the part of a pixel of a place in 1/65536.
pub(super) fn mix(a: u32, b: u32, place: u32) -> u32 {
    let part = (place >> 8) & 255;
    a * (256 - part) + b * part
}

/// Divides sums of so many samples without a division, which a Cortex-M0+ has none for.
#[derive(Clone, Copy)]
struct Mean {
    count: u32,
    factor: u32,
}

impl Mean {
    /// Up to 64 samples.
    const fn of(count: u32) -> Self {
        Self { count, factor: (1u32 << 20).div_ceil(count) }
    }

    /// The mean of samples in 1/256 grey levels, rounded.
    const fn of_sum(self, sum: u32) -> u8 {
        // Below 2^14, and `factor` is too large by less than 2^6 / 2^20 of one: the quotient is exact.
        ((((sum + 128 * self.count) >> 8) * self.factor) >> 20) as u8
    }
}
