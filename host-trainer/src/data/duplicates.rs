//! Faces of one split that are nearly faces of another: what is learned from them says nothing about faces never seen.
//!
//! Two faces are nearly the same if their grey levels, or those of a mirror image, correlate by 0.9 or more: the same photo,
//! stored, cropped or lit a little otherwise. (Between FER2013's `Training` and `PublicTest`, 85 of 100 pairs at 0.90 to 0.95
//! have the same label, and 50 of 100 at 0.85 to 0.90: there strangers begin.) Few pairs come near, so a coarse look at means
//! of 6x6 pixels comes first.

use rayon::prelude::*;
use shared::preprocessing::{FACE_PIXELS, FACE_SIZE};

/// Correlation from which on two faces are nearly the same.
pub const NEARLY_THE_SAME: f32 = 0.9;

/// Correlation of coarse faces below which two faces cannot be nearly the same. Averaging takes away what differs most.
const COARSELY_ALIKE: f32 = 0.85;

/// Pixels of a coarse face in each direction, and of a face for each of them.
const COARSE: usize = 8;
const BLOCK: usize = FACE_SIZE / COARSE;

/// Numbers of mean zero and length one, so that the sum of the products of two is their correlation.
struct Standard<const N: usize>([f32; N]);

impl<const N: usize> Standard<N> {
    /// All zero where all values are one.
    fn new(values: impl Fn(usize) -> f32) -> Self {
        let mut values: [f32; N] = std::array::from_fn(values);
        let mean = values.iter().sum::<f32>() / N as f32;
        values.iter_mut().for_each(|value| *value -= mean);
        let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
        let factor = if length > 0.0 { 1.0 / length } else { 0.0 };
        values.iter_mut().for_each(|value| *value *= factor);
        Self(values)
    }

    fn correlation(&self, other: &Self) -> f32 {
        // Lanes that a compiler may sum side by side.
        let mut lanes = [0.0f32; 8];
        for (a, b) in self.0.chunks_exact(8).zip(other.0.chunks_exact(8)) {
            for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
                *lane += a * b;
            }
        }
        lanes.iter().sum()
    }
}

fn fine(face: &[u8; FACE_PIXELS], mirror: bool) -> Standard<FACE_PIXELS> {
    Standard::new(|pixel| {
        let (row, column) = (pixel / FACE_SIZE, pixel % FACE_SIZE);
        let column = if mirror { FACE_SIZE - 1 - column } else { column };
        f32::from(face[row * FACE_SIZE + column])
    })
}

fn coarse(face: &[u8; FACE_PIXELS], mirror: bool) -> Standard<{ COARSE * COARSE }> {
    Standard::new(|block| {
        let (top, left) = (block / COARSE * BLOCK, block % COARSE * BLOCK);
        let left = if mirror { FACE_SIZE - BLOCK - left } else { left };
        let rows = face.chunks_exact(FACE_SIZE).skip(top).take(BLOCK);
        rows.flat_map(|row| &row[left..left + BLOCK]).map(|&grey| f32::from(grey)).sum()
    })
}

/// For each of `faces` (2,304 grey levels each) whether it is nearly one of `others`, or the mirror image of one.
pub fn near_duplicates(faces: &[u8], others: &[u8]) -> Vec<bool> {
    let (faces, others) = (faces.as_chunks().0, others.as_chunks().0);
    let looks: Vec<_> = others
        .par_iter()
        .flat_map_iter(|other| [false, true].map(|mirror| (other, mirror, coarse(other, mirror))))
        .collect();
    let nearly = |face: &[u8; FACE_PIXELS]| {
        let look = coarse(face, false);
        let mut close = looks.iter().filter(|(_, _, other)| look.correlation(other) >= COARSELY_ALIKE).peekable();
        if close.peek().is_none() {
            return false;
        }
        let face = fine(face, false);
        close.any(|&(other, mirror, _)| face.correlation(&fine(other, mirror)) >= NEARLY_THE_SAME)
    };
    faces.par_iter().map(nearly).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        augmentation::{Change, Light, Transform},
        synthetic,
    };

    fn drawn(seed: u64, count: u64) -> Vec<[u8; FACE_PIXELS]> {
        (0..count).map(|index| synthetic::face(seed, index).pixels).collect()
    }

    #[test]
    fn a_face_is_found_again_mirrored_and_in_other_light_and_strangers_are_not() {
        let others = drawn(1, 12);
        let place = |change: Transform| Change { transform: change, light: Light::UNCHANGED };
        let mirrored = place(Transform { flip: true, ..Transform::UNCHANGED }).apply(&others[3]);
        let light = Light { contrast: 0.7, brightness: 9.0, ..Light::UNCHANGED };
        let dimmed = Change { transform: Transform::UNCHANGED, light }.apply(&others[5]);
        let turned = place(Transform { rotation: 40.0, ..Transform::UNCHANGED }).apply(&others[7]);
        let mut faces = vec![others[0], mirrored, dimmed, turned, [128; FACE_PIXELS]];
        faces.extend(drawn(2, 20));
        let found = near_duplicates(faces.as_flattened(), others.as_flattened());
        assert_eq!(found[..5], [true, true, true, false, false]);
        assert_eq!(found.len(), faces.len());
        let strangers = found[5..].iter().filter(|&&found| found).count();
        assert_eq!(strangers, 0, "of other seeds");
    }

    #[test]
    #[ignore = "needs FER2013: set FER2013=…/fer2013.csv.gz"]
    fn fer2013_has_759_training_faces_that_are_nearly_validation_faces_and_491_the_other_way_round() {
        use crate::data::{Split, locate};
        let path = std::env::var_os("FER2013").expect("FER2013 names the file");
        let dataset = locate(Some(path.as_ref())).and_then(|source| source.read(&mut |_, _| {})).expect("sound");
        let [training, validation] = [Split::Training, Split::PublicTest].map(|split| dataset.faces(split));
        for (faces, others, expected) in [(training, validation, 759), (validation, training, 491)] {
            let found = near_duplicates(&faces.pixels, &others.pixels);
            assert_eq!(found.iter().filter(|&&found| found).count(), expected);
        }
    }
}
