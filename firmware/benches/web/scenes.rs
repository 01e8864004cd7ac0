//! Frames of 320x240 pixels: drawn faces of several sizes before a background of rectangles, discs and noise, and frames without faces.

use super::DEMO_FACES;

/// Columns of a frame.
pub const WIDTH: usize = 320;

/// Rows of a frame.
pub const HEIGHT: usize = 240;

/// Sides of the drawn faces in each frame.
const FACES: [&[usize]; 12] =
    [&[72], &[], &[96], &[120], &[150], &[], &[180], &[64, 110], &[], &[90, 140], &[], &[210]];

/// Frames that there are.
pub const FRAMES: usize = FACES.len();

/// Side of the faces as they were drawn.
const SIDE: usize = 48;

/// Xorshift with the shifts 13, 17 and 5.
struct Random(u32);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 as usize % limit
    }
}

/// The pixels of a frame, row by row.
pub fn draw(index: usize) -> Vec<u8> {
    let mut random = Random((index as u32 + 1).wrapping_mul(2_654_435_769));
    let mut frame = vec![random.below(256) as u8; WIDTH * HEIGHT];
    for _ in 0..40 {
        let (x, y, size) = (random.below(WIDTH) as i32, random.below(HEIGHT) as i32, random.below(70) as i32 + 3);
        let (grey, round) = (random.below(256) as u8, random.below(2) == 0);
        for (place, pixel) in frame.iter_mut().enumerate() {
            let (right, down) = ((place % WIDTH) as i32 - x, (place / WIDTH) as i32 - y);
            let inside =
                if round { right * right + down * down < size * size } else { right.abs().max(down.abs()) < size };
            if inside {
                // A slope of light over the shape.
                *pixel = grey.saturating_add((right + down + 2 * size) as u8 / 8);
            }
        }
    }
    let faces = FACES[index % FRAMES];
    let mut first = 0;
    for (number, &side) in faces.iter().enumerate() {
        // Beside one another where there are two.
        let room = if faces.len() == 1 { WIDTH } else { side + 20 };
        let (left, top) = (first + random.below(room - side), random.below(HEIGHT - side));
        paste(&DEMO_FACES[(index + number) % DEMO_FACES.len()], side, left, top, &mut frame);
        first += room;
    }
    for pixel in &mut frame {
        *pixel = pixel.saturating_add(random.below(13) as u8).saturating_sub(6);
    }
    frame
}

/// Draws a face, made larger by bilinear interpolation.
fn paste(face: &[u8; SIDE * SIDE], side: usize, left: usize, top: usize, frame: &mut [u8]) {
    let step = ((SIDE - 1) << 16) / (side - 1);
    let between = |a: u8, b: u8, part: usize| (usize::from(a) * (256 - part) + usize::from(b) * part) / 256;
    for row in 0..side {
        for column in 0..side {
            let (x, y) = (column * step, row * step);
            let at = |right: usize, down: usize| {
                face[((y >> 16) + down).min(SIDE - 1) * SIDE + ((x >> 16) + right).min(SIDE - 1)]
            };
            let part = (x >> 8) & 255;
            let (upper, lower) = (between(at(0, 0), at(1, 0), part), between(at(0, 1), at(1, 1), part));
            let grey = between(upper as u8, lower as u8, (y >> 8) & 255);
            frame[(top + row) * WIDTH + left + column] = grey as u8;
        }
    }
}
