//! A model, a finder, and what they see.

use anyhow::{Context, ensure};
use cameras::GreyFrame;
use firmware::{
    device::SeenLine,
    engine::Engine,
    finder::frame::{MOST_COLUMNS, MOST_ROWS},
    normalization,
};
use image::GrayImage;
use pictures::{
    normalized_as_grey,
    photograph::{FoundFace, faces_of},
    places::face_box,
    watcher::{Manner, SMOOTHING, Watcher, arena_bytes},
};
use self_cell::{MutBorrow, self_cell};
use serde::Serialize;
use shared::{
    finder::Finder,
    model::{AlignedBytes, Model},
    preprocessing::{FACE_PIXELS, FACE_SIZE},
    wire::FaceBox,
};

use crate::{
    answer::{Answer, Found, Look, ModelWords, Stages},
    time::{PageClock, milliseconds},
};

/// As `host-trainer watch` answers by itself.
const MANNER: Manner = Manner { smoothing: SMOOTHING, mirror: false };

/// Floor of the paper's normalization, in 1/256 grey levels, as `levorse` has it.
const SIGMA_FLOOR: u16 = 4 * 256;

/// Longest side of a photograph.
pub const LONGEST: usize = 4096;

/// Drawn faces that are part of the program.
static DRAWN: &[u8] = include_bytes!("../../../models/demo_faces.bin");

/// The drawn face of this index, 48x48 grey levels; there are seven.
pub fn drawn_face(index: usize) -> Option<&'static [u8; FACE_PIXELS]> {
    DRAWN.as_chunks::<FACE_PIXELS>().0.get(index)
}

/// A picture of `columns` x `rows` grey levels, made smaller so that it has at most so many of both, as every picture is for the finder: its
/// columns and its rows, 16 bits each, the lower byte first, and its grey levels.
///
/// # Errors
/// If it has no pixels, or not as many as it says, or more than 65,535 on a side.
pub fn fit(
    pixels: &[u8],
    [columns, rows]: [usize; 2],
    [most_columns, most_rows]: [usize; 2],
) -> anyhow::Result<Vec<u8>> {
    let picture = GreyFrame::new(columns, rows, pixels.to_vec());
    let picture = picture.with_context(|| format!("{} bytes are no picture of {columns}x{rows}", pixels.len()))?;
    let small = picture.fit(most_columns, most_rows);
    let (columns, rows) = (u16::try_from(small.width())?, u16::try_from(small.height())?);
    Ok([&columns.to_le_bytes(), &rows.to_le_bytes(), small.pixels()].concat())
}

/// The files that run, and the memory that they run in.
struct Files {
    model: AlignedBytes,
    finder: AlignedBytes,
    arena: MutBorrow<Vec<i8>>,
}

type Running<'a> = Watcher<'a, 'a>;

self_cell!(
    struct Runs {
        owner: Files,
        #[not_covariant]
        dependent: Running,
    }
);

/// What the page holds of the core.
#[derive(Default)]
pub struct Core {
    finder: Option<AlignedBytes>,
    runs: Option<Runs>,
    /// The face that was looked at last.
    crop: Option<[u8; FACE_PIXELS]>,
    /// Those of the last photograph.
    crops: Vec<[u8; FACE_PIXELS]>,
}

/// What a finder file is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FinderWords {
    crc: String,
    bytes: usize,
    largest: [usize; 2],
}

/// The faces of a photograph.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Faces {
    faces: Vec<Found>,
    milliseconds: f64,
}

/// The answer to a face by itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Classification {
    #[serde(flatten)]
    answer: Answer,
    milliseconds: f64,
}

impl Core {
    /// Takes a finder file; the model must be taken again afterwards.
    ///
    /// # Errors
    /// If it is none; the one before stays.
    pub fn take_finder(&mut self, file: &[u8]) -> anyhow::Result<FinderWords> {
        let bytes = AlignedBytes::new(file);
        let crc = Finder::parse(bytes.as_slice())?.crc;
        self.finder = Some(bytes);
        Ok(FinderWords { crc: format!("{crc:08x}"), bytes: file.len(), largest: [MOST_COLUMNS, MOST_ROWS] })
    }

    /// Takes a model file.
    ///
    /// # Errors
    /// If it is none, or there is no finder yet; the model before stays.
    pub fn take_model(&mut self, file: &[u8]) -> anyhow::Result<ModelWords> {
        let finder = self.finder.clone().context("the finder must be loaded before a model")?;
        let bytes = AlignedBytes::new(file);
        let (words, arena) = {
            let model = Model::parse(bytes.as_slice()).context("this is no model file, or a damaged one")?;
            (ModelWords::new(&model, file.len()), arena_bytes(&model, &Finder::parse(finder.as_slice())?)?)
        };
        let files = Files { model: bytes, finder, arena: MutBorrow::new(vec![0; arena]) };
        let runs = Runs::try_new(files, |files| {
            let (model, finder) = (Model::parse(files.model.as_slice())?, Finder::parse(files.finder.as_slice())?);
            Watcher::new(&model, &finder, files.arena.borrow_mut(), MANNER)
        })?;
        self.runs = Some(runs);
        self.crop = None;
        Ok(words)
    }

    /// Forgets the frames before.
    pub fn forget(&mut self) {
        self.crop = None;
        if let Some(runs) = &mut self.runs {
            runs.with_dependent_mut(|_, watcher| watcher.forget());
        }
    }

    fn with<T>(&mut self, run: impl FnOnce(&mut Running<'_>) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let runs = self.runs.as_mut().context("no model is loaded")?;
        runs.with_dependent_mut(|_, watcher| run(watcher))
    }

    /// What is to be seen in a frame: rows of `columns` grey levels that begin every `stride` bytes. It is the next of a video, or a
    /// picture on its own, which nothing before it counts for and which counts for nothing after it.
    ///
    /// # Errors
    /// If the frame has no pixels or lacks some, or no model is loaded.
    pub fn look(&mut self, pixels: &[u8], [columns, rows, stride]: [usize; 3], video: bool) -> anyhow::Result<Look> {
        let start = milliseconds();
        let frame = GreyFrame::from_rows(pixels, columns, rows, stride, 1);
        let frame = frame.with_context(|| {
            format!("{} bytes are no frame of {columns}x{rows} pixels, {stride} bytes from row to row", pixels.len())
        })?;
        let (sighting, labels, size, crop, whole, align) = self.with(|watcher| {
            let sighting = match video {
                true => watcher.look(&frame, 0.0, &mut PageClock)?,
                false => watcher.glance(&frame, &mut PageClock)?,
            };
            let looked = milliseconds();
            let size = watcher.searched().map_or([0; 2], |searched| [searched.width(), searched.height()]);
            // It is cut out once more, to be shown: that tells the time of it, which is part of the search's.
            let crop = watcher.aligned();
            let align = milliseconds() - looked;
            Ok((sighting, watcher.engine().model().labels().len(), size, crop, looked - start, align))
        })?;
        self.crop = crop;
        let seen = sighting.seen;
        let face = seen.face.zip(sighting.eyes).map(|(face, eyes)| {
            let FaceBox { left, top, side } = face.bounds;
            let bounds = [left, top, left + side, top + side].map(|place| place as f32);
            Found { bounds, eyes, score: face.score, answer: Answer::of(&face.emotion, labels) }
        });
        let classify = seen.face.map_or(0.0, |face| f64::from(face.emotion.microseconds) / 1000.0);
        let searched = f64::from(seen.microseconds) / 1000.0;
        let align = if face.is_some() { align } else { 0.0 };
        let find = (searched - classify - align).max(0.0);
        let stages = Stages { shrink: (whole - searched).max(0.0), find, align, classify, whole };
        let line = SeenLine { seen: &seen, sequence: sighting.number as u32 }.to_string();
        Ok(Look { size, face, line, milliseconds: stages })
    }

    /// The grey levels of the last frame as they were searched.
    pub fn searched(&mut self) -> Option<Vec<u8>> {
        self.with(|watcher| Ok(watcher.searched().map(|frame| frame.pixels().to_vec()))).ok()?
    }

    /// The face that was looked at last, 48x48, its eyes level.
    pub fn crop(&self) -> Option<&[u8; FACE_PIXELS]> {
        self.crop.as_ref()
    }

    /// The paper's normalization of it, drawn in grey levels.
    pub fn normalized(&self) -> Option<[u8; FACE_PIXELS]> {
        let mut normalized = [0; FACE_PIXELS];
        normalization::normalize(self.crop.as_ref()?, SIGMA_FLOOR, &mut normalized);
        Some(normalized_as_grey(&normalized))
    }

    /// The emotion of a face by itself.
    ///
    /// # Errors
    /// If it has not 48x48 pixels, or no model is loaded.
    pub fn classify(&mut self, face: &[u8]) -> anyhow::Result<Classification> {
        let face: &[u8; FACE_PIXELS] = face
            .try_into()
            .with_context(|| format!("a face of {} pixels; it has {FACE_SIZE}x{FACE_SIZE}", face.len()))?;
        let start = milliseconds();
        let answer = self.with(|watcher| answer(watcher.engine(), face))?;
        self.crop = Some(*face);
        Ok(Classification { answer, milliseconds: milliseconds() - start })
    }

    /// All faces of a photograph, the largest first.
    ///
    /// # Errors
    /// If it has no pixels, lacks some, is larger than 4096x4096, or no model is loaded.
    pub fn faces(&mut self, pixels: &[u8], columns: usize, rows: usize) -> anyhow::Result<Faces> {
        ensure!(
            columns.max(rows) <= LONGEST,
            "a picture of {columns}x{rows} pixels; it may have {LONGEST}x{LONGEST} at most"
        );
        let fits = columns * rows == pixels.len() && !pixels.is_empty();
        let picture = GrayImage::from_raw(columns as u32, rows as u32, pixels.to_vec()).filter(|_| fits);
        let picture = picture.with_context(|| format!("{} bytes are no picture of {columns}x{rows}", pixels.len()))?;
        let start = milliseconds();
        let (found, crops) = self.with(|watcher| {
            let faces = faces_of(&watcher.finder(), &picture)?;
            let mut found = Vec::with_capacity(faces.len());
            for face in &faces {
                let FoundFace { eyes, score, aligned } = face;
                let answer = answer(watcher.engine(), aligned)?;
                found.push(Found { bounds: face_box(eyes), eyes: *eyes, score: *score, answer });
            }
            Ok((found, faces.iter().map(|face| face.aligned).collect()))
        })?;
        self.crops = crops;
        Ok(Faces { faces: found, milliseconds: milliseconds() - start })
    }

    /// A face of the last photograph, 48x48, its eyes level; it is then the one that was looked at last.
    pub fn crop_of(&mut self, index: usize) -> Option<&[u8; FACE_PIXELS]> {
        self.crop = Some(*self.crops.get(index)?);
        self.crop.as_ref()
    }
}

fn answer(engine: &mut Engine<'_, '_>, face: &[u8; FACE_PIXELS]) -> anyhow::Result<Answer> {
    let readout = engine.classify(face)?;
    Ok(Answer::new(&readout, engine.logits()))
}
