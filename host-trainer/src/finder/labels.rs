//! Where the eyes of the training data's faces are: a table that comes with the program, made once by oracles.

use std::{io::Read, path::Path};

use firmware::finder::warp::Point;
use flate2::read::GzDecoder;
use serde::Deserialize;

/// The eyes of the faces of FER2013's `Training`: see `host-trainer/finder/README.md`.
pub const FER2013_EYES: &[u8] = include_bytes!("../../finder/fer2013-eyes.csv.gz");

/// The same of its `PublicTest`, to measure on.
pub const FER2013_PUBLIC_EYES: &[u8] = include_bytes!("../../finder/fer2013-public-eyes.csv.gz");

/// The eyes of a face, in pixels from the middle of the first one.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Row {
    /// Which face of its split, from 0.
    face: usize,
    left_x: f32,
    left_y: f32,
    right_x: f32,
    right_y: f32,
}

/// Eyes, left and right in the picture, by the face's index in its split; `faces` of them are there.
///
/// # Errors
/// Says which line is wrong.
pub fn read_eyes(table: &[u8], file: &Path, faces: usize) -> anyhow::Result<Vec<(usize, [Point; 2])>> {
    let mut text = Vec::new();
    match table.starts_with(&[0x1f, 0x8b]) {
        true => GzDecoder::new(table).read_to_end(&mut text).map(drop)?,
        false => text.extend(table),
    }
    let mut rows = Vec::new();
    for (index, row) in csv::Reader::from_reader(&text[..]).deserialize::<Row>().enumerate() {
        let line = index + 2;
        let row = row.map_err(|error| anyhow::anyhow!("{}, line {line}: {error}", file.display()))?;
        let known =
            [row.left_x, row.left_y, row.right_x, row.right_y].iter().all(|value| (-48.0..96.0).contains(value));
        if row.face >= faces || !known || row.right_x - row.left_x < 4.0 {
            anyhow::bail!(
                "{}, line {line}: no eyes of one of {faces} faces; the left eye of the picture comes first",
                file.display()
            );
        }
        let point = |x: f32, y: f32| Point { x: (x * 256.0).round() as i32, y: (y * 256.0).round() as i32 };
        rows.push((row.face, [point(row.left_x, row.left_y), point(row.right_x, row.right_y)]));
    }
    Ok(rows)
}
