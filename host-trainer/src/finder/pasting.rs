//! Faces put into frames at known places, to measure a finder on. What it learns from is made otherwise, in `scene.rs`.

use std::path::Path;

use anyhow::ensure;
use firmware::finder::warp::Point;
use pictures::places::{in_pixels, span};
use shared::preprocessing::{FACE_PIXELS, FACE_SIZE};

use super::{
    labels::{FER2013_PUBLIC_EYES, read_eyes},
    material::{keep_aside, read_pictures},
    recipe::{FinderRecipe, SHIPPED},
    scene::Picture,
};
use crate::data::{Split, locate};

/// A face of FER2013's `PublicTest` whose eyes are known.
#[derive(Clone, Debug)]
pub struct UnseenFace {
    /// Its row in `PublicTest`, from 0.
    pub row: usize,
    /// 48x48 grey levels.
    pub pixels: [u8; FACE_PIXELS],
    /// Left and right in its picture.
    pub eyes: [Point; 2],
    /// Its emotion, as a number.
    pub label: u8,
}

/// What the finder that ships did not learn from: faces, and the photographs without faces that its recipe keeps aside.
///
/// # Errors
/// Says what is missing or wrong.
pub fn read_unseen(fer2013: &Path, photographs: &Path) -> anyhow::Result<(Vec<UnseenFace>, Vec<Picture>)> {
    let dataset = locate(Some(fer2013))?.read(&mut |_, _| {})?;
    let split = dataset.require(Split::PublicTest)?;
    let (pixels, _) = split.pixels.as_chunks::<FACE_PIXELS>();
    let known = read_eyes(FER2013_PUBLIC_EYES, Path::new("fer2013-public-eyes.csv"), pixels.len())?;
    let face =
        |(row, eyes): (usize, [Point; 2])| UnseenFace { row, pixels: pixels[row], eyes, label: split.labels[row] };
    let (pictures, _) = read_pictures(photographs)?;
    let (pictures, _) = keep_aside(pictures, FinderRecipe::parse("finder.toml", SHIPPED)?.aside);
    ensure!(!pictures.is_empty(), "{} has too few photographs", photographs.display());
    Ok((known.into_iter().map(face).collect(), pictures))
}

/// How a face is put into a frame.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Column and row of its picture's middle.
    pub middle: [f32; 2],
    /// Pixels from brow to chin: 2.4 eye distances.
    pub side: f32,
    /// Radians that it is turned by, clockwise.
    pub roll: f32,
    /// Pixels of the face's own picture over which its edge gives way to the frame; 0 for a sharp square.
    pub blur: f32,
}

/// The middle of a face's picture.
const MIDDLE: f32 = (FACE_SIZE as f32 - 1.0) / 2.0;

impl Place {
    /// Pixels of the frame that one of the face covers.
    fn scale(&self, eyes: [Point; 2]) -> f32 {
        self.side / 2.4 / span(&in_pixels(eyes))
    }

    /// How far a face's picture reaches from its middle, right, left, up and down alike, in pixels of the frame.
    pub fn reach(&self, eyes: [Point; 2]) -> f32 {
        let (sin, cos) = self.roll.sin_cos();
        (MIDDLE + 0.5) * self.scale(eyes) * (cos.abs() + sin.abs())
    }

    /// Puts a face into a frame, and tells where its eyes are then.
    pub fn paste(&self, frame: &mut Picture, face: &[u8; FACE_PIXELS], eyes: [Point; 2]) -> [Point; 2] {
        let (sin, cos) = self.roll.sin_cos();
        let ([x, y], scale) = (self.middle, self.scale(eyes));
        for (index, pixel) in frame.pixels.iter_mut().enumerate() {
            let (dx, dy) = ((index % frame.width) as f32 - x, (index / frame.width) as f32 - y);
            let (column, row) = ((cos * dx + sin * dy) / scale + MIDDLE, (cos * dy - sin * dx) / scale + MIDDLE);
            let inside = (MIDDLE + 0.5) - (column - MIDDLE).abs().max((row - MIDDLE).abs());
            if inside > 0.0 {
                let share = if self.blur > 0.0 { (inside / self.blur).min(1.0) } else { 1.0 };
                *pixel = (between(face, column, row) * share + f32::from(*pixel) * (1.0 - share)).round() as u8;
            }
        }
        in_pixels(eyes).map(|[column, row]| {
            let (dx, dy) = ((column - MIDDLE) * scale, (row - MIDDLE) * scale);
            let fixed = |place: f32| (place * 256.0).round() as i32;
            Point { x: fixed(x + cos * dx - sin * dy), y: fixed(y + sin * dx + cos * dy) }
        })
    }
}

/// A grey level between those of four pixels; beyond the border its edge goes on.
fn between(face: &[u8; FACE_PIXELS], column: f32, row: f32) -> f32 {
    let last = FACE_SIZE as f32 - 1.0;
    let (column, row) = (column.clamp(0.0, last), row.clamp(0.0, last));
    let (c, r) = ((column as usize).min(FACE_SIZE - 2), (row as usize).min(FACE_SIZE - 2));
    let (right, down) = (column - c as f32, row - r as f32);
    let at = |c: usize, r: usize| f32::from(face[r * FACE_SIZE + c]);
    let line = |r: usize| at(c, r) * (1.0 - right) + at(c + 1, r) * right;
    line(r) * (1.0 - down) + line(r + 1) * down
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_face_that_is_pasted_as_it_is_keeps_its_pixels_and_its_eyes() {
        let face: [u8; FACE_PIXELS] = std::array::from_fn(|index| (index * 7 % 251) as u8);
        let eyes = [Point { x: 15 * 256, y: 18 * 256 }, Point { x: 31 * 256, y: 18 * 256 }];
        let mut frame = Picture { width: 80, height: 60, pixels: vec![255; 80 * 60] };
        let place = Place { middle: [43.5, 29.5], side: 16.0 * 2.4, roll: 0.0, blur: 0.0 };
        assert_eq!(place.reach(eyes), 24.0);
        let pasted = place.paste(&mut frame, &face, eyes);
        assert_eq!(pasted, eyes.map(|eye| Point { x: eye.x + 20 * 256, y: eye.y + 6 * 256 }));
        for (index, &pixel) in frame.pixels.iter().enumerate() {
            let (column, row) = (index % 80, index / 80);
            let inside = (20..68).contains(&column) && (6..54).contains(&row);
            let expected = if inside { face[(row - 6) * FACE_SIZE + column - 20] } else { 255 };
            assert_eq!(pixel, expected, "column {column}, row {row}");
        }
    }

    #[test]
    fn a_quarter_turn_clockwise_moves_the_eyes_to_the_right() {
        let eyes = [Point { x: 16 * 256, y: 20 * 256 }, Point { x: 32 * 256, y: 20 * 256 }];
        let mut frame = Picture { width: 60, height: 60, pixels: vec![0; 3600] };
        let place = Place { middle: [30.0, 30.0], side: 16.0 * 2.4, roll: std::f32::consts::FRAC_PI_2, blur: 4.0 };
        let [left, right] = in_pixels(place.paste(&mut frame, &[200; FACE_PIXELS], eyes));
        assert_eq!((left, right), ([33.5, 22.5], [33.5, 38.5]));
        assert_eq!((frame.pixels[30 * 60 + 30], frame.pixels[0]), (200, 0));
        assert!((1..200).contains(&frame.pixels[30 * 60 + 7]), "the edge gives way");
    }
}
