//! Samples a rotated and scaled square of a frame, the input of a network.

use super::frame::{Frame, MOST_COLUMNS};

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

/// Pixels of a row of `out` at most.
const MOST_SIZE: usize = 256;

/// Samples the square into `out`, `size` rows and columns, by bilinear interpolation. If the square is larger than `out`,
/// each pixel is the mean of several samples. Beyond the frame, its edge pixels are repeated.
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
    let mut line = [0; MOST_COLUMNS + 1];
    for out in out.chunks_exact_mut(size).take(size) {
        sums.fill(0);
        for _ in 0..samples {
            match sy {
                0 => add_upright(frame, [x, y], sx, samples, &mut line, sums),
                _ => add_turned(frame, [x, y], [sx, sy], samples, sums),
            }
            // Behind the last row this is no place of a sample.
            (x, y) = (x.wrapping_sub(sy), y.wrapping_add(sx));
        }
        out.iter_mut().zip(&*sums).for_each(|(out, &sum)| *out = mean.of_sum(sum));
    }
}

/// Adds a row of samples to the sums of the pixels, `samples` to each, from a place in 1/65536 pixels on. A sample is 256 times a
/// grey level.
#[inline(never)]
fn add_turned(frame: Frame<'_>, [mut x, mut y]: [i32; 2], [sx, sy]: [i32; 2], samples: i32, sums: &mut [u32]) {
    let (right, bottom) = frame.last_place();
    for sum in sums {
        for _ in 0..samples {
            let (column, row) = (x.clamp(0, right) as u32, y.clamp(0, bottom) as u32);
            let [upper, lower] = frame.four((column >> 16) as usize, (row >> 16) as usize);
            let [upper, lower] = [upper, lower].map(|[a, b]| between(a, b, column));
            *sum += between_sums(upper, lower, row);
            (x, y) = (x.wrapping_add(sx), y.wrapping_add(sy));
        }
    }
}

/// As [`add_turned`], for a row that lies between two rows of the frame: what is between those is found for each column once, in
/// `line`.
#[inline(never)]
fn add_upright(
    frame: Frame<'_>,
    [mut x, y]: [i32; 2],
    sx: i32,
    samples: i32,
    line: &mut [u16; MOST_COLUMNS + 1],
    sums: &mut [u32],
) {
    let (right, bottom) = frame.last_place();
    let last = x + sx * (samples * sums.len() as i32 - 1);
    let [first, last] = [x.min(last), x.max(last)].map(|x| (x.clamp(0, right) >> 16) as usize);
    let y = y.clamp(0, bottom) as u32;
    // Of all columns that a sample lies at, and the one to the right of them.
    let seen = |row: usize| frame.row(row).get(first..).unwrap_or_default().iter();
    let rows = seen((y >> 16) as usize).zip(seen((y >> 16) as usize + 1));
    for (value, (&upper, &lower)) in line[first..last + 2].iter_mut().zip(rows) {
        *value = between(upper, lower, y) as u16;
    }
    for sum in sums {
        for _ in 0..samples {
            let column = x.clamp(0, right) as u32;
            if let Some(&[a, b, ..]) = line.get((column >> 16) as usize..) {
                *sum += between_sums(a.into(), b.into(), column);
            }
            x = x.wrapping_add(sx);
        }
    }
}

/// 256 times the grey level between two pixels, by the part of a pixel of a place in 1/65536.
fn between(a: u8, b: u8, place: u32) -> i32 {
    let (a, b) = (i32::from(a), i32::from(b));
    (a << 8) + (b - a) * part(place)
}

/// What lies between two such, rounded down.
fn between_sums(a: i32, b: i32, place: u32) -> u32 {
    (a + (((b - a) * part(place)) >> 8)) as u32
}

/// The part of a pixel in 1/256.
fn part(place: u32) -> i32 {
    ((place >> 8) & 255) as i32
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
