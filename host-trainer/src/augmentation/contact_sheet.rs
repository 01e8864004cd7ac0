//! What augmentation looks like.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use shared::preprocessing::{FACE_PIXELS, FACE_SIZE};

use super::Augmentation;

/// Pixels between faces.
const MARGIN: usize = 2;

/// Some rows of a sheet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Block<'a> {
    /// What is done.
    pub augmentation: Augmentation,
    /// A row each.
    pub faces: &'a [[u8; FACE_PIXELS]],
}

/// A sheet: in each row a face as it is, then `columns` augmented copies; each pixel is magnified to `scale` x `scale`. Width,
/// height and grey levels.
pub fn contact_sheet(blocks: &[Block<'_>], columns: usize, scale: usize, seed: u64) -> (u32, u32, Vec<u8>) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let rows: usize = blocks.iter().map(|block| block.faces.len()).sum();
    let cell = (FACE_SIZE + MARGIN) * scale;
    let (width, height) = ((columns + 1) * cell, rows * cell);
    let mut sheet = vec![255; width * height];
    let mut paste = |row: usize, column: usize, face: &[u8; FACE_PIXELS]| {
        for y in 0..FACE_SIZE * scale {
            for x in 0..FACE_SIZE * scale {
                sheet[(row * cell + y) * width + column * cell + x] = face[y / scale * FACE_SIZE + x / scale];
            }
        }
    };
    let pairs = blocks.iter().flat_map(|block| block.faces.iter().map(move |face| (block.augmentation, face)));
    for (row, (augmentation, face)) in pairs.enumerate() {
        paste(row, 0, face);
        for column in 1..=columns {
            paste(row, column, &augmentation.apply(face, &mut random));
        }
    }
    (width as u32, height as u32, sheet)
}
