//! Windows as a camera would see them: a face of the training data, turned, scaled, moved and lit otherwise, in front of a
//! photograph without faces.

use firmware::finder::{
    frame::{Frame, MOST_COLUMNS, MOST_ROWS},
    search,
    warp::{Point, Square, warp},
};
use pictures::places::below;
use rand::{Rng, RngExt};
use rand_distr::{Distribution, Normal};
use shared::preprocessing::{FACE_PIXELS, FACE_SIZE};

/// A face whose eyes are known: left and right in the picture, in 1/256 pixels.
#[derive(Clone, Copy, Debug)]
pub struct LabelledFace<'a> {
    /// 48x48 grey levels.
    pub pixels: &'a [u8; FACE_PIXELS],
    /// Left and right in the picture.
    pub eyes: [Point; 2],
}

/// A photograph without faces.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Grey levels, row by row.
    pub pixels: Vec<u8>,
}

/// How a face lies in a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pose {
    /// Radians that the line through the eyes is turned by, clockwise.
    pub roll: f32,
    /// The window's side in eye distances.
    pub side: f32,
    /// How far the window's middle lies right of and below the face's, in sides.
    pub shift: [f32; 2],
    /// Left for right.
    pub mirrored: bool,
}

/// The middle of a face lies below that of its eyes, in eye distances, as the core has it.
pub const BELOW_EYES: f32 = search::BELOW_EYES as f32 / 256.0;

impl Pose {
    /// The window in the picture of the face.
    fn square(&self, eyes: [Point; 2]) -> Square {
        let [left, right] = eyes.map(|eye| [eye.x as f32, eye.y as f32]);
        let (dx, dy) = (right[0] - left[0], right[1] - left[1]);
        let face = below(&[left, right], BELOW_EYES);
        // The window is turned against the face; in a mirror the other way round.
        let roll = if self.mirrored { self.roll } else { -self.roll };
        let (sin, cos) = roll.sin_cos();
        let side = [self.side * (cos * dx - sin * dy), self.side * (sin * dx + cos * dy)];
        let [mut right, down] = self.shift;
        if self.mirrored {
            right = -right;
        }
        let middle = [face[0] + right * side[0] - down * side[1], face[1] + right * side[1] + down * side[0]];
        let point = |[x, y]: [f32; 2]| Point { x: x.round() as i32, y: y.round() as i32 };
        Square { middle: point(middle), side: point(side) }
    }

    /// Where the eyes are in the window, in sides from its middle to the right and down: left eye, right eye.
    pub fn eyes(&self) -> [[f32; 2]; 2] {
        let (sin, cos) = self.roll.sin_cos();
        let place = |along: f32| {
            // In eye distances, before the turn: `along` the line of the eyes, and up from the middle of the face.
            let (x, y) = (along, -BELOW_EYES);
            [(cos * x - sin * y) / self.side - self.shift[0], (sin * x + cos * y) / self.side - self.shift[1]]
        };
        [place(-0.5), place(0.5)]
    }
}

impl Picture {
    /// The picture as a frame, or that part at its upper left which fits one.
    pub fn frame(&self) -> Frame<'_> {
        let (width, height) = (self.width.min(MOST_COLUMNS), self.height.min(MOST_ROWS));
        Frame::new(&self.pixels, width, height, self.width).expect("a picture has pixels")
    }

    /// A random square of it, `size` x `size` pixels, turned and flipped by chance.
    pub fn window(&self, size: usize, random: &mut impl Rng) -> Vec<u8> {
        let least = self.width.min(self.height) as f32;
        let side = random.random_range(0.25..1.0f32) * least.min(size as f32 * 4.0).max(size as f32 * 0.7);
        let (x, y) = (random.random::<f32>() * self.width as f32, random.random::<f32>() * self.height as f32);
        let (sin, cos) = random.random_range(-0.6..0.6f32).sin_cos();
        let (left, top) = (corner(x, self.width, MOST_COLUMNS), corner(y, self.height, MOST_ROWS));
        let (width, height) = ((self.width - left).min(MOST_COLUMNS), (self.height - top).min(MOST_ROWS));
        let part = Frame::new(&self.pixels[top * self.width + left..], width, height, self.width);
        let fixed = |value: f32| (value * 256.0) as i32;
        let square = Square {
            middle: Point { x: fixed(x - left as f32), y: fixed(y - top as f32) },
            side: Point { x: fixed(side * cos), y: fixed(side * sin) },
        };
        let mut out = vec![0; size * size];
        warp(part.expect("inside the picture"), square, size, &mut out);
        if random.random() {
            mirror(&mut out, size);
        }
        out
    }
}

/// Where a part of a length begins, at most `most` long, with `place` as near to its middle as can be.
fn corner(place: f32, length: usize, most: usize) -> usize {
    (place as usize).saturating_sub(most / 2).min(length.saturating_sub(most))
}

/// Turns a picture left for right.
pub fn mirror(pixels: &mut [u8], size: usize) {
    pixels.chunks_exact_mut(size).for_each(<[u8]>::reverse);
}

/// What the part of a window outside of the face's picture shows.
#[derive(Clone, Copy, Debug)]
struct Edge {
    /// Pixels of the face's picture from its edge over which it gives way.
    soft: f32,
    /// Pixels of the face's picture that the edge lies inside of it; negative is outside, where its outermost pixels go on.
    inside: f32,
    /// Whether the edge is an oval.
    oval: bool,
}

impl Edge {
    /// One in five goes on beyond the picture, one in three is a square as sharp as if it were cut out, the others are soft.
    fn random(random: &mut impl Rng) -> Self {
        let kind: f32 = random.random();
        if kind < 0.2 {
            return Edge { soft: random.random_range(0.3..7.0), inside: -30.0, oval: false };
        }
        if kind < 0.53 {
            return Edge { soft: random.random_range(0.05..0.6), inside: random.random_range(-0.3..0.7), oval: false };
        }
        let (soft, inside) = (random.random_range(0.3..7.0), random.random_range(-3.0..2.0));
        Edge { soft, inside, oval: random.random_bool(0.5) }
    }

    /// The face's share at a place of its picture.
    fn share(&self, x: f32, y: f32) -> f32 {
        // Far from the picture nothing of it goes on.
        if self.inside < -8.0 {
            let beyond = (x - 23.5).abs().max((y - 23.5).abs()) - 30.0;
            return (1.0 - beyond / self.soft.max(2.0)).clamp(0.0, 1.0);
        }
        let half = FACE_SIZE as f32 / 2.0;
        let (x, y) = ((x - half + 0.5).abs(), (y - half + 0.5).abs());
        let inside = if self.oval { half * 1.08 - x.hypot(y * 0.92) } else { half - x.max(y) };
        ((inside - self.inside) / self.soft).clamp(0.0, 1.0)
    }
}

/// The window of a face in a pose, before a background; `size` x `size` pixels.
pub fn window(face: LabelledFace<'_>, pose: Pose, background: &Picture, size: usize, random: &mut impl Rng) -> Vec<u8> {
    let mut out = background.window(size, random);
    paste(face, pose, size, &mut out, random);
    out
}

/// Puts a face in a pose before what `out`, `size` x `size` pixels, shows.
pub fn paste(face: LabelledFace<'_>, pose: Pose, size: usize, out: &mut [u8], random: &mut impl Rng) {
    let square = pose.square(face.eyes);
    let frame = Frame::new(face.pixels, FACE_SIZE, FACE_SIZE, FACE_SIZE).expect("a face is a frame");
    let mut front = vec![0; size * size];
    warp(frame, square, size, &mut front);
    let edge = Edge::random(random);
    let (gain, offset) = (random.random_range(0.6..1.25f32), random.random_range(-40.0..40.0f32));
    let lit = random.random_bool(0.5);
    let slope = [random.random_range(-0.9..0.9f32), random.random_range(-0.9..0.9f32)];
    // Light falls on the face, however large the window is.
    let slope = slope.map(|slope| if lit { slope * pose.side / 2.4 } else { 0.0 });
    for (index, &pixel) in front.iter().enumerate() {
        let (column, row) = (index % size, index / size);
        let part = |i: usize| (i as f32 + 0.5) / size as f32 - 0.5;
        let (right, down) = (part(column), part(row));
        let fixed = |value: f32| (value * 65536.0) as i32;
        let place = square.place(fixed(right), fixed(down));
        let share = edge.share(place.x as f32 / 256.0, place.y as f32 / 256.0);
        if share <= 0.0 {
            continue;
        }
        let light = (1.0 + slope[0] * right + slope[1] * down).clamp(0.2, 1.8);
        let grey = ((f32::from(pixel) - 128.0) * gain + 128.0 + offset) * light;
        let column = if pose.mirrored { size - 1 - column } else { column };
        let out = &mut out[row * size + column];
        *out = (grey * share + f32::from(*out) * (1.0 - share)).clamp(0.0, 255.0) as u8;
    }
}

/// The light and the noise of a camera: contrast, brightness, gamma, noise.
pub fn photograph(pixels: &mut [u8], random: &mut impl Rng) {
    let gamma = random.random_range(-0.5..0.5f32).exp();
    let (gain, offset) = (random.random_range(0.6..1.15f32), random.random_range(-30.0..30.0f32));
    let noise = if random.random_bool(0.5) { random.random_range(0.3..3.5f32) } else { 0.3 };
    let noise = Normal::new(0.0f32, noise).expect("a deviation");
    for pixel in pixels {
        let grey = (f32::from(*pixel) / 255.0).powf(gamma) * 255.0;
        let grey = (grey - 128.0) * gain + 128.0 + offset + noise.sample(random);
        *pixel = grey.round().clamp(0.0, 255.0) as u8;
    }
}
