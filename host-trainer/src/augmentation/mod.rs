//! Random changes of the training images, new in every epoch, so that a network does not learn them by heart.
//!
//! ```text
//! mod.rs            the settings, and one augmented copy of a face
//! geometry.rs       flip, shift, rotation, scale: one resampling
//! light.rs          gamma, contrast, brightness, a gradient of light
//! contact_sheet.rs  what it looks like
//! ```

mod contact_sheet;
mod geometry;
mod light;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use shared::preprocessing::{FACE_PIXELS, FACE_SIZE};

pub use self::contact_sheet::{Block, contact_sheet};
pub(crate) use self::{geometry::Transform, light::Light};

/// The table `[recipe.augmentation]` of an architecture file; what is not named is off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augmentation {
    /// Mirrors every second face, left for right.
    pub flip: bool,
    /// Shifts by up to this many pixels, down and across.
    pub shift: f32,
    /// Turns by up to this many degrees.
    pub rotation: f32,
    /// Enlarges or shrinks by a factor between `1 / (1 + scale)` and `1 + scale`.
    pub scale: f32,
    /// Adds or subtracts up to this many grey levels.
    pub brightness: f32,
    /// Multiplies distances from the face's mean by a factor between `1 / (1 + contrast)` and `1 + contrast`.
    pub contrast: f32,
    /// Raises grey levels (as shares of white) to a power between `1 / (1 + gamma)` and `1 + gamma`.
    pub gamma: f32,
    /// Adds light that grows evenly across the face in a random direction, up to this many grey levels at each edge.
    pub gradient: f32,
    /// Share of the faces that lose a rectangle of 2 to 20 % of their area (Zhong et al. 2020, "Random Erasing Data
    /// Augmentation"). It is filled with noise around the face's mean, which local normalization keeps small.
    pub erasing: f32,
}

/// The random numbers of one face. All are always drawn, so that a setting changes only its own effect.
struct Draw {
    flip: bool,
    /// Uniform in -1..1: shift down and across, rotation, scale, brightness, contrast, gamma, strength of the gradient.
    symmetric: [f32; 8],
    /// Uniform in 0..1: direction of the gradient; erasing: whether, area, shape, place down and across.
    unit: [f32; 6],
    /// Seed of the noise in an erased rectangle.
    noise: u64,
}

impl Draw {
    fn new(random: &mut ChaCha8Rng) -> Self {
        Self {
            flip: random.random(),
            symmetric: std::array::from_fn(|_| random.random::<f32>() * 2.0 - 1.0),
            unit: std::array::from_fn(|_| random.random()),
            noise: random.random(),
        }
    }
}

impl Augmentation {
    /// Whether nothing is done.
    pub fn is_off(&self) -> bool {
        *self == Self::default()
    }

    /// Checks the settings; an error names the setting and the range it must lie in.
    ///
    /// # Errors
    /// That text.
    pub fn check(&self) -> Result<(), String> {
        let ranges = [
            ("shift", self.shift, 24.0),
            ("rotation", self.rotation, 180.0),
            ("scale", self.scale, 4.0),
            ("brightness", self.brightness, 255.0),
            ("contrast", self.contrast, 9.0),
            ("gamma", self.gamma, 9.0),
            ("gradient", self.gradient, 255.0),
            ("erasing", self.erasing, 1.0),
        ];
        match ranges.into_iter().find(|(_, value, most)| !(0.0..=*most).contains(value)) {
            Some((name, value, most)) => {
                Err(format!("`{name}` of the augmentation is {value}; it must be 0 to {most}"))
            }
            None => Ok(()),
        }
    }

    /// An augmented copy of a face: first where its pixels lie, then their light, then the erased rectangle.
    pub fn apply(&self, face: &[u8; FACE_PIXELS], random: &mut ChaCha8Rng) -> [u8; FACE_PIXELS] {
        let draw = Draw::new(random);
        let [down, across, turn, size, brightness, contrast, gamma, gradient] = draw.symmetric;
        let transform = Transform {
            flip: self.flip && draw.flip,
            shift: [down * self.shift, across * self.shift],
            rotation: turn * self.rotation,
            scale: factor(self.scale, size),
        };
        let light = Light {
            gamma: factor(self.gamma, gamma),
            contrast: factor(self.contrast, contrast),
            brightness: brightness * self.brightness,
            gradient: gradient * self.gradient,
            direction: draw.unit[0] * std::f32::consts::TAU,
        };
        let mut changed = Change { transform, light }.apply(face);
        if draw.unit[1] < self.erasing {
            erase(&mut changed, &draw);
        }
        changed
    }
}

/// One change of a face: where its pixels lie, then their light.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Change {
    pub transform: Transform,
    pub light: Light,
}

impl Change {
    /// The face as it is.
    pub const NONE: Self = Self { transform: Transform::UNCHANGED, light: Light::UNCHANGED };

    /// Whether nothing changes.
    pub fn is_none(&self) -> bool {
        self.transform.is_unchanged() && self.light.is_unchanged()
    }

    /// The changed face.
    pub fn apply(&self, face: &[u8; FACE_PIXELS]) -> [u8; FACE_PIXELS] {
        let mut changed = geometry::transform(face, &self.transform);
        if !self.light.is_unchanged() {
            self.light.apply(&mut changed);
        }
        changed
    }
}

/// `1 + range` to the power of `exponent`, which lies in -1..1.
fn factor(range: f32, exponent: f32) -> f32 {
    (1.0 + range).powf(exponent)
}

/// Shares of the face's area that an erased rectangle has.
const AREA: [f32; 2] = [0.02, 0.2];

/// Largest ratio of its sides.
const SIDES: f32 = 3.3;

/// Grey levels that the noise in it reaches above and below the mean.
const NOISE: i32 = 16;

fn erase(face: &mut [u8; FACE_PIXELS], draw: &Draw) {
    let [_, _, area, shape, top, left] = draw.unit;
    let area = (AREA[0] + (AREA[1] - AREA[0]) * area) * FACE_PIXELS as f32;
    let ratio = SIDES.powf(2.0 * shape - 1.0);
    let side = |length: f32| (length.round() as usize).clamp(1, FACE_SIZE);
    let (height, width) = (side((area * ratio).sqrt()), side((area / ratio).sqrt()));
    let start =
        |share: f32, length: usize| ((share * (FACE_SIZE - length + 1) as f32) as usize).min(FACE_SIZE - length);
    let (top, left) = (start(top, height), start(left, width));
    let mean = face.iter().map(|&grey| u32::from(grey)).sum::<u32>() as i32 / FACE_PIXELS as i32;
    let mut state = draw.noise | 1;
    for row in face.as_chunks_mut::<FACE_SIZE>().0.iter_mut().skip(top).take(height) {
        for grey in &mut row[left..left + width] {
            // Marsaglia's xorshift: a noise of no other use than to be uneven.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *grey = (mean + (state >> 40) as i32 % (2 * NOISE + 1) - NOISE).clamp(0, 255) as u8;
        }
    }
}

#[cfg(test)]
mod tests;
