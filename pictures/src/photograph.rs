//! Faces in a picture of any size, through the core: larger pictures are searched in tiles, and smaller copies of them too.

use firmware::finder::{
    align::align,
    frame::{Frame, MOST_COLUMNS, MOST_ROWS},
    search::{Search, memory_bytes},
};
use image::{GrayImage, imageops};
#[cfg(feature = "rayon")]
use rayon::prelude::*;
use shared::{finder::Finder, preprocessing::FACE_PIXELS};

use crate::places::{distance, face_box, in_larger, in_pixels, middle, span};

/// Pixels that tiles share with their neighbours: a larger face is found in a smaller copy of the picture.
const SHARED: u32 = 120;

/// A face in a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundFace {
    /// Its eyes in the picture's pixels, that on the left of the picture first.
    pub eyes: [[f32; 2]; 2],
    /// How sure it is that this is a face.
    pub score: f32,
    /// 48x48 grey levels, its eyes level.
    pub aligned: [u8; FACE_PIXELS],
}

impl FoundFace {
    /// Left, top, right and bottom of its box, from brow to chin, 2.4 eye distances wide.
    pub fn bounds(&self) -> [f32; 4] {
        face_box(&self.eyes)
    }

    fn is_near(&self, other: &Self) -> bool {
        distance(middle(&self.eyes), middle(&other.eyes)) < span(&self.eyes).max(span(&other.eyes))
    }
}

/// The faces of a picture, the largest first.
///
/// # Errors
/// If the core cannot run the finder.
pub fn faces_of(finder: &Finder<'_>, picture: &GrayImage) -> anyhow::Result<Vec<FoundFace>> {
    let (width, height) = picture.dimensions();
    if width == 0 || height == 0 {
        return Ok(Vec::new());
    }
    let coarsest = (f64::from(width) / MOST_COLUMNS as f64).max(f64::from(height) / MOST_ROWS as f64).max(1.0);
    let mut factors = vec![coarsest];
    let mut factor = 1.0;
    while factor < coarsest / 1.25 {
        factors.push(factor);
        factor *= 2.0;
    }
    let mut found: Vec<FoundFace> = Vec::new();
    for factor in factors {
        let smaller = |length: u32| ((f64::from(length) / factor).round() as u32).max(1);
        let (columns, rows) = match factor == coarsest {
            true => (smaller(width).min(MOST_COLUMNS as u32), smaller(height).min(MOST_ROWS as u32)),
            false => (smaller(width), smaller(height)),
        };
        let copy = match factor > 1.0 {
            true => imageops::resize(picture, columns, rows, imageops::FilterType::Triangle),
            false => picture.clone(),
        };
        let scale = [width as f32 / columns as f32, height as f32 / rows as f32];
        let tiles: Vec<(u32, u32)> = starts(rows, MOST_ROWS as u32)
            .into_iter()
            .flat_map(|top| starts(columns, MOST_COLUMNS as u32).into_iter().map(move |left| (left, top)))
            .collect();
        #[cfg(feature = "rayon")]
        let tiles = tiles.par_iter();
        #[cfg(not(feature = "rayon"))]
        let tiles = tiles.iter();
        let faces = tiles.map(|&(left, top)| tile(finder, &copy, left, top, scale));
        found.extend(faces.collect::<anyhow::Result<Vec<_>>>()?.into_iter().flatten());
    }
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut faces: Vec<FoundFace> = Vec::new();
    for face in found {
        if !faces.iter().any(|other| other.is_near(&face)) {
            faces.push(face);
        }
    }
    faces.sort_by(|a, b| span(&b.eyes).total_cmp(&span(&a.eyes)));
    Ok(faces)
}

/// Where tiles of `most` pixels begin along `length`, evenly, so that neighbours share at least [`SHARED`].
fn starts(length: u32, most: u32) -> Vec<u32> {
    let Some(rest) = length.checked_sub(most).filter(|&rest| rest > 0) else { return vec![0] };
    let steps = rest.div_ceil(most - SHARED);
    (0..=steps).map(|step| (u64::from(rest) * u64::from(step) / u64::from(steps)) as u32).collect()
}

fn tile(
    finder: &Finder<'_>,
    picture: &GrayImage,
    left: u32,
    top: u32,
    scale: [f32; 2],
) -> anyhow::Result<Vec<FoundFace>> {
    let (width, height) = picture.dimensions();
    let (columns, rows) = ((width - left).min(MOST_COLUMNS as u32), (height - top).min(MOST_ROWS as u32));
    let start = top as usize * width as usize + left as usize;
    let pixels = picture.as_raw().get(start..).unwrap_or(&[]);
    let frame = Frame::new(pixels, columns as usize, rows as usize, width as usize)?;
    let mut memory = vec![0; memory_bytes(finder, frame.width(), frame.height())?];
    let faces = Search::new(finder, &mut memory).faces(frame, finder.header.take)?;
    let found = faces.iter().map(|face| {
        let place = |[x, y]: [f32; 2]| in_larger([x + left as f32, y + top as f32], scale);
        FoundFace { eyes: in_pixels(face.eyes).map(place), score: face.score, aligned: align(frame, face) }
    });
    Ok(found.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_a_length_and_share_enough_with_their_neighbours() {
        for length in [1, 319, 320, 321, 500, 640, 1600, 4001] {
            let starts = starts(length, 320);
            assert_eq!(starts[0], 0);
            assert!(starts[starts.len() - 1] + 320 >= length, "{length}: {starts:?}");
            assert!(starts.windows(2).all(|pair| pair[1] > pair[0] && pair[1] - pair[0] <= 320 - SHARED), "{starts:?}");
        }
    }
}
