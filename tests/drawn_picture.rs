//! Pictures with drawn faces in them, and what the program `predict` sees there.

use firmware::{
    engine::Engine,
    finder::{
        align::align,
        frame::Frame,
        search::{Search, memory_bytes},
        track::Tracker,
    },
};
use host_trainer::synthetic;
use image::GrayImage;
use pictures::photograph::{FoundFace, faces_of};
use shared::{finder::Finder, label::Emotion, model::Model, wire::FrameSize};

/// A drawn face in a picture: its number, its upper left corner, how many pixels one of its pixels becomes.
pub type Drawn = (u64, [i32; 2], i32);

/// Grey levels, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Columns and rows.
    pub size: FrameSize,
    /// Grey levels, row by row.
    pub pixels: Vec<u8>,
}

impl Picture {
    /// A picture all of the same grey.
    pub fn plain(columns: u16, rows: u16, grey: u8) -> Self {
        let size = FrameSize { columns, rows };
        Self { size, pixels: vec![grey; size.pixels()] }
    }

    /// A grey ramp with faces in front, of which parts may lie outside.
    pub fn drawn(columns: u16, rows: u16, faces: &[Drawn]) -> Self {
        let mut picture = Self::plain(columns, rows, 0);
        let faces: Vec<_> =
            faces.iter().map(|&(number, place, scale)| (synthetic::face(9, number), place, scale)).collect();
        for (index, pixel) in picture.pixels.iter_mut().enumerate() {
            let (x, y) = ((index % usize::from(columns)) as i32, (index / usize::from(columns)) as i32);
            *pixel = (90 + x * 60 / i32::from(columns)) as u8;
            for (face, [left, top], scale) in &faces {
                let (u, v) = ((x - left).div_euclid(*scale), (y - top).div_euclid(*scale));
                if (0..48).contains(&u) && (0..48).contains(&v) {
                    *pixel = face.pixels[(v * 48 + u) as usize];
                }
            }
        }
        picture
    }
}

/// The face of a picture that answers for it, as `predict` sees it, with its logits and probabilities.
#[derive(Clone, Debug, PartialEq)]
pub struct Predicted {
    /// The face.
    pub face: FoundFace,
    /// One a label of the model.
    pub logits: Vec<i8>,
    /// In the order of all emotions.
    pub probabilities: Vec<f32>,
}

/// What `predict` sees in a picture: the largest of its faces.
///
/// # Panics
/// If the core cannot run.
pub fn predict(model: &Model<'_>, finder: &Finder<'_>, picture: &Picture) -> Option<Predicted> {
    let FrameSize { columns, rows } = picture.size;
    let image = GrayImage::from_raw(columns.into(), rows.into(), picture.pixels.clone()).expect("as many pixels");
    let face = faces_of(finder, &image).expect("the finder runs").into_iter().next()?;
    let mut arena = vec![0; Engine::arena_bytes(model).expect("it fits") as usize];
    let mut engine = Engine::new(model, &mut arena).expect("large enough");
    let probabilities = engine.classify(&face.aligned).expect("a checked model runs").probabilities.to_vec();
    Some(Predicted { face, logits: engine.logits().to_vec(), probabilities })
}

/// The eyes of a face in a video, and its smoothed probabilities.
pub type Followed = ([[i32; 2]; 2], [f32; Emotion::COUNT]);

/// What the core makes of a video by itself: eyes and smoothed probabilities. What is smoothed belongs to the face that is followed.
///
/// # Panics
/// If the core cannot run.
pub fn follow(model: &Model<'_>, finder: &Finder<'_>, video: &[Picture], smoothing: f32) -> Vec<Option<Followed>> {
    let mut arena = vec![0; Engine::arena_bytes(model).expect("it fits") as usize];
    let mut engine = Engine::new(model, &mut arena).expect("fits");
    let mut memory = vec![0; memory_bytes(finder, 320, 240).expect("a size")];
    let mut search = Search::new(finder, &mut memory);
    let (mut tracker, mut last, mut past) = (Tracker::default(), None, None);
    let seen = video.iter().map(|picture| {
        let FrameSize { columns, rows } = picture.size;
        let frame = Frame::new(&picture.pixels, columns.into(), rows.into(), columns.into()).expect("a frame");
        let face = tracker.next(&mut search, frame).expect("enough memory");
        if !face.zip(last.replace(face).flatten()).is_some_and(|(face, last)| face.is_near(&last)) {
            past = None;
        }
        let face = face?;
        let mut now = engine.classify(&align(frame, &face)).expect("runs").probabilities;
        for (now, before) in now.iter_mut().zip(past.into_iter().flatten()) {
            *now = smoothing * before + (1.0 - smoothing) * *now;
        }
        past = Some(now);
        Some((face.eyes.map(|eye| [eye.x, eye.y]), now))
    });
    seen.collect()
}
