//! How good a finder is on frames whose faces are known.

use std::path::Path;

use anyhow::Context;
use firmware::finder::search::{Face, Search, memory_bytes};
use pictures::places::{distance, face_box, in_pixels, span};
use rayon::prelude::*;
use serde::Deserialize;
use shared::finder::Finder;

use super::scene::Picture;

/// A face in a frame, a row of a table; a frame without a face has no numbers.
#[derive(Clone, Debug, Deserialize)]
pub struct TrueFace {
    /// The frame's file, in the folder of the table.
    pub file: String,
    /// What kind of face it is.
    pub kind: String,
    /// From brow to chin.
    pub x0: f32,
    /// From brow to chin.
    pub y0: f32,
    /// From brow to chin.
    pub x1: f32,
    /// From brow to chin.
    pub y1: f32,
    /// The eye on the left of the picture.
    pub lx: f32,
    /// The eye on the left of the picture.
    pub ly: f32,
    /// The eye on the right of the picture.
    pub rx: f32,
    /// The eye on the right of the picture.
    pub ry: f32,
}

/// A box: left, top, right, bottom.
pub type Bounds = [f32; 4];

/// What two boxes share of what they cover together.
pub fn overlap(a: Bounds, b: Bounds) -> f32 {
    let along = |axis: usize| (a[axis + 2].min(b[axis + 2]) - a[axis].max(b[axis])).max(0.0);
    let area = |[x0, y0, x1, y1]: Bounds| (x1 - x0) * (y1 - y0);
    let both = along(0) * along(1);
    both / (area(a) + area(b) - both)
}

/// The faces in a picture that fits a frame, and what was looked at.
///
/// # Errors
/// If the core fails.
pub fn faces_in(
    finder: &Finder<'_>,
    picture: &Picture,
    least: f32,
) -> anyhow::Result<(Vec<Face>, firmware::finder::search::Effort)> {
    let frame = picture.frame();
    let mut memory = vec![0; memory_bytes(finder, frame.width(), frame.height())?];
    let mut search = Search::new(finder, &mut memory);
    let faces = search.faces(frame, least)?;
    Ok((faces.iter().copied().collect(), search.effort))
}

/// The highest score of a face that overlaps the true one by more than 0.3, its eye error over the eye distance, and the scores
/// of all that do not.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Of the true face, if it was found.
    pub score: Option<f32>,
    /// Mean distance of the eyes from the true ones over the distance of those.
    pub eye_error: f32,
    /// Scores of other faces.
    pub others: Vec<f32>,
    /// What was looked at.
    pub effort: firmware::finder::search::Effort,
}

/// Turns a picture around its middle by radians, clockwise; beyond its border its edge goes on.
pub fn turned(picture: &Picture, roll: f32, about: [f32; 2]) -> Picture {
    let (sin, cos) = roll.sin_cos();
    let (width, height) = (picture.width, picture.height);
    let at = |x: f32, y: f32| {
        let (x, y) = (x.clamp(0.0, width as f32 - 1.001), y.clamp(0.0, height as f32 - 1.001));
        let (c, r) = (x as usize, y as usize);
        let (fx, fy) = (x - c as f32, y - r as f32);
        let p = |c: usize, r: usize| f32::from(picture.pixels[r.min(height - 1) * width + c.min(width - 1)]);
        (p(c, r) * (1.0 - fx) + p(c + 1, r) * fx) * (1.0 - fy) + (p(c, r + 1) * (1.0 - fx) + p(c + 1, r + 1) * fx) * fy
    };
    let mut pixels = Vec::with_capacity(width * height);
    for y in 0..height {
        for x in 0..width {
            let (x, y) = (x as f32 - about[0], y as f32 - about[1]);
            pixels.push(at(about[0] + cos * x + sin * y, about[1] + cos * y - sin * x).round() as u8);
        }
    }
    Picture { width, height, pixels }
}

/// Reads a table of frames.
///
/// # Errors
/// Says what is wrong and where.
pub fn read_truths(table: &Path) -> anyhow::Result<Vec<TrueFace>> {
    let mut reader = csv::Reader::from_path(table).with_context(|| format!("{}", table.display()))?;
    let rows: Result<Vec<TrueFace>, csv::Error> = reader.deserialize().collect();
    rows.with_context(|| format!("{}", table.display()))
}

/// What the finder answers for every frame; each is turned by `roll` radians first.
///
/// # Errors
/// If a frame cannot be read.
pub fn answers(finder: &Finder<'_>, folder: &Path, truths: &[TrueFace], roll: f32) -> anyhow::Result<Vec<Answer>> {
    truths.par_iter().map(|truth| answer(finder, folder, truth, roll)).collect()
}

fn answer(finder: &Finder<'_>, folder: &Path, truth: &TrueFace, roll: f32) -> anyhow::Result<Answer> {
    let file = folder.join(&truth.file);
    let grey = image::open(&file).with_context(|| format!("{}", file.display()))?.to_luma8();
    let (width, height) = (grey.width() as usize, grey.height() as usize);
    let mut picture = Picture { width, height, pixels: grey.into_raw() };
    let mut eyes = [[truth.lx, truth.ly], [truth.rx, truth.ry]];
    let mut box_ = [truth.x0, truth.y0, truth.x1, truth.y1];
    if roll != 0.0 {
        let center = [(box_[0] + box_[2]) / 2.0, (box_[1] + box_[3]) / 2.0];
        picture = turned(&picture, roll, center);
        let (sin, cos) = roll.sin_cos();
        eyes = eyes.map(|[x, y]| {
            let (x, y) = (x - center[0], y - center[1]);
            [center[0] + cos * x - sin * y, center[1] + sin * x + cos * y]
        });
        let half = (box_[2] - box_[0]) / 2.0;
        box_ = [center[0] - half, center[1] - half, center[0] + half, center[1] + half];
    }
    let (faces, effort) = faces_in(finder, &picture, f32::MIN)?;
    let mut answer = Answer { effort, ..Answer::default() };
    for face in faces {
        let own = in_pixels(face.eyes);
        if overlap(face_box(&own), box_) > 0.3 {
            if answer.score.is_none_or(|score| face.score > score) {
                let off = |i: usize| distance(own[i], eyes[i]);
                answer.score = Some(face.score);
                answer.eye_error = (off(0) + off(1)) / 2.0 / span(&eyes);
            }
        } else {
            answer.others.push(face.score);
        }
    }
    Ok(answer)
}
