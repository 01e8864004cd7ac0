//! Frames for the finder, drawn, and what it found in one as a number.

use firmware::finder::search::Face;
use shared::{checksum::crc32, preprocessing::FACE_SIZE};

use crate::{model::DEMO_FACES, random::Random};

/// Columns of a frame.
pub const WIDTH: usize = 160;

/// Rows of a frame.
pub const HEIGHT: usize = 120;

/// Pixels of a frame.
pub const PIXELS: usize = WIDTH * HEIGHT;

/// Frames that programs and tests draw.
pub const DRAWN: usize = 12;

/// Faces in the frames, over and over: half of the frames have none.
const FACES: [usize; 4] = [0, 1, 0, 2];

/// Draws a frame: rectangles and discs, drawn faces before them, and noise.
pub fn draw(index: usize, frame: &mut [u8; PIXELS]) {
    // Neighbouring seeds would begin alike.
    let mut random = Random::new((index as u32 + 1).wrapping_mul(2_654_435_769));
    frame.fill(random.next() as u8);
    for _ in 0..random.up_to(60) {
        let [x, y] = [WIDTH, HEIGHT].map(|size| random.up_to(size as u32) as i32);
        let (size, grey, round) = (random.up_to(40) as i32 + 2, random.next() as u8, random.one_in(2));
        for (row, line) in frame.chunks_exact_mut(WIDTH).enumerate() {
            let down = row as i32 - y;
            for (column, pixel) in line.iter_mut().enumerate() {
                let right = column as i32 - x;
                let distance = right * right + down * down;
                if if round { distance < size * size } else { right.abs().max(down.abs()) < size } {
                    *pixel = grey;
                }
            }
        }
    }
    for number in 0..FACES[index % FACES.len()] {
        let face = &DEMO_FACES[(index + number) % DEMO_FACES.len()];
        let [left, top] = [WIDTH / 2, HEIGHT].map(|size| random.next() as usize % (size - FACE_SIZE));
        for (row, line) in face.chunks_exact(FACE_SIZE).enumerate() {
            let start = (top + row) * WIDTH + left + number * WIDTH / 2;
            frame[start..start + FACE_SIZE].copy_from_slice(line);
        }
    }
    frame.iter_mut().for_each(|pixel| *pixel = pixel.saturating_add((random.next() >> 24) as u8 % 9));
}

/// A number that differs where a bit of a face differs.
pub fn digest(faces: &[Face]) -> u32 {
    faces.iter().fold(0, |digest, face| {
        let [left, right] = face.eyes;
        let words = [digest, left.x as u32, left.y as u32, right.x as u32, right.y as u32, face.score.to_bits()];
        crc32(words.map(u32::to_le_bytes).as_flattened())
    })
}
