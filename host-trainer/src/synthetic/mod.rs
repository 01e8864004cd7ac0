//! Synthetic faces: drawn from facial action units (Ekman and Friesen, Facial Action Coding System), so that anyone can
//! train and try everything without a data set. They are cartoons; a network trained on them knows nothing of people.
//!
//! ```text
//! action_units.rs   emotion -> action units with intensities
//! variation.rs      identity, pose, lighting, camera
//! geometry.rs       action units + identity -> where brows, lids, nose and mouth lie
//! features.rs       the parts of a face at one point
//! render.rs         points -> 48x48 grey levels
//! ```
//!
//! A face is a function of the seed and its number, made of additions, multiplications, divisions and square roots alone:
//! the same bits on every machine.

mod action_units;
mod features;
mod geometry;
mod render;
mod variation;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use shared::{
    label::Emotion,
    preprocessing::{FACE_PIXELS, FACE_SIZE},
};

use self::{action_units::ActionUnits, geometry::Geometry, variation::Variation};

/// Changes whenever the drawing does, so that faces that were kept are drawn anew.
pub const VERSION: u32 = 1;

/// A face that was drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct SyntheticFace {
    /// 48x48 grey levels, row by row.
    pub pixels: [u8; FACE_PIXELS],
    /// The emotion it was drawn with.
    pub emotion: Emotion,
    /// Where its eyes are, left and right in the picture, in pixels from the middle of the first one.
    pub eyes: [[f32; 2]; 2],
}

/// Face number `index` of the stream `seed`; the seven emotions of FER2013 take turns.
pub fn face(seed: u64, index: u64) -> SyntheticFace {
    let emotion = Emotion::FER2013[(index % Emotion::FER2013.len() as u64) as usize];
    face_of(emotion, seed, index)
}

/// Face number `index` of the stream `seed`, with this emotion. Contempt is drawn as neutral: it shows in one side of the mouth, and the
/// faces have two that are alike.
pub fn face_of(emotion: Emotion, seed: u64, index: u64) -> SyntheticFace {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(index);
    let units = ActionUnits::draw(emotion, &mut random);
    let variation = Variation::draw(&mut random);
    let geometry = Geometry::new(&units, &variation.identity);
    let pixels = render::render(&geometry, &variation, &mut random);
    let eyes = render::eyes(&geometry, &variation.pose);
    SyntheticFace { pixels, emotion, eyes }
}

/// A sheet with a row per emotion and `columns` faces each, every pixel magnified to `scale` x `scale`: width, height and
/// grey levels.
pub fn contact_sheet(seed: u64, columns: usize, scale: usize) -> (u32, u32, Vec<u8>) {
    let (width, height) = (columns * FACE_SIZE * scale, Emotion::FER2013.len() * FACE_SIZE * scale);
    let mut sheet = vec![0; width * height];
    for (row, emotion) in Emotion::FER2013.into_iter().enumerate() {
        for column in 0..columns {
            let face = face_of(emotion, seed, column as u64);
            for (pixel, &value) in face.pixels.iter().enumerate() {
                let (y, x) = (row * FACE_SIZE + pixel / FACE_SIZE, column * FACE_SIZE + pixel % FACE_SIZE);
                for line in 0..scale {
                    let start = (y * scale + line) * width + x * scale;
                    sheet[start..start + scale].fill(value);
                }
            }
        }
    }
    (width as u32, height as u32, sheet)
}

/// Uniform in `low..high`.
fn between(random: &mut ChaCha8Rng, low: f32, high: f32) -> f32 {
    low + (high - low) * random.random::<f32>()
}

#[cfg(test)]
mod tests;
