//! What is to be seen in a picture: its face, levelled, and the emotion.

use core::fmt;

use shared::{
    finder::Finder,
    preprocessing::{FACE_PIXELS, FACE_SIZE},
    wire::{ErrorCode, FaceBox, FrameSize, Options, Seen, SeenFace, View},
};

use super::{
    Clock,
    faces::{classified, infer, since},
    past::Past,
};
use crate::{
    engine::{Engine, EngineError},
    finder::{
        align::{Bounds, align},
        frame::{Frame, MOST_COLUMNS, MOST_ROWS},
        search::{Face, Search, memory_bytes},
    },
    readout::Readout,
};

/// What a device needs to see, beside the engine's arena, in which the finder works as well.
#[derive(Debug)]
pub struct Sight<'model, 'arena, V> {
    /// Finds faces.
    pub finder: Finder<'model>,
    /// Holds a picture.
    pub picture: &'arena mut [u8],
    /// The largest picture that is taken.
    pub largest: FrameSize,
    /// The device's own camera, if it has one.
    pub camera: Option<V>,
}

/// Why a device cannot see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoSight {
    /// The arena is too small for the finder.
    Arena(EngineError),
    /// The memory is too small for a picture.
    Picture {
        /// Bytes of the largest picture.
        need: usize,
        /// Bytes there are.
        have: usize,
    },
    /// The core takes no picture as large as the largest, or that has no pixels.
    Size(FrameSize),
}

impl fmt::Display for NoSight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoSight::Arena(error) => write!(f, "the finder: {error}"),
            NoSight::Picture { need, have } => {
                write!(f, "the memory for pictures has {have} bytes and the largest picture {need}; enlarge it")
            }
            NoSight::Size(size) => {
                write!(f, "the largest picture has {size} pixels; it must have 1x1 to {MOST_COLUMNS}x{MOST_ROWS}")
            }
        }
    }
}

impl core::error::Error for NoSight {}

impl<'model, 'arena, V> Sight<'model, 'arena, V> {
    /// Checks that what there is suffices, with an arena of so many bytes.
    pub(super) fn check(self, arena: usize) -> Result<(Held<'model, 'arena>, Option<V>), NoSight> {
        let Self { finder, picture, largest, camera } = self;
        if !largest.fits(FrameSize { columns: MOST_COLUMNS as u16, rows: MOST_ROWS as u16 }) {
            return Err(NoSight::Size(largest));
        }
        let (need, have) = (largest.pixels(), picture.len());
        if have < need {
            return Err(NoSight::Picture { need, have });
        }
        let need = memory_bytes(&finder, largest.columns.into(), largest.rows.into()).map_err(NoSight::Arena)?;
        if arena < need {
            return Err(NoSight::Arena(EngineError::ArenaTooSmall { need: need as u32, have: arena }));
        }
        Ok((Held { finder, memory: picture, largest, size: None, face: None, number: 0 }, camera))
    }
}

/// The finder and the picture that it searches.
#[derive(Debug)]
pub(super) struct Held<'model, 'arena> {
    pub(super) finder: Finder<'model>,
    pub(super) memory: &'arena mut [u8],
    pub(super) largest: FrameSize,
    /// Columns and rows of the picture in the memory that was looked at; `None` while another one arrives.
    pub(super) size: Option<FrameSize>,
    /// The face that answered for it.
    pub(super) face: Option<Face>,
    /// Pictures looked at.
    pub(super) number: u32,
}

impl Held<'_, '_> {
    /// Another picture arrives in the memory.
    pub(super) fn forget(&mut self) {
        self.size = None;
        self.face = None;
    }

    /// The picture that was looked at.
    fn frame(&self) -> Option<Frame<'_>> {
        let FrameSize { columns, rows } = self.size?;
        Frame::new(self.memory, columns.into(), rows.into(), columns.into()).ok()
    }

    /// Columns, rows and pixels of a view; those of the face are written to `aligned`.
    pub(super) fn view<'a>(&'a self, view: View, aligned: &'a mut [u8; FACE_PIXELS]) -> Option<(FrameSize, &'a [u8])> {
        let size = self.size?;
        match view {
            View::Picture => Some((size, self.memory.get(..size.pixels())?)),
            View::Face => {
                *aligned = align(self.frame()?, &self.face?);
                Some((FrameSize { columns: FACE_SIZE as u16, rows: FACE_SIZE as u16 }, aligned))
            }
        }
    }

    /// Looks at the picture in the memory. With a past it is the next of a video, else a picture on its own.
    pub(super) fn look(
        &mut self,
        size: FrameSize,
        past: Option<&mut Past>,
        engine: &mut Engine<'_, '_>,
        clock: &mut impl Clock,
        options: &Options,
    ) -> Result<Seen, ErrorCode> {
        self.forget();
        self.number = self.number.wrapping_add(1);
        let FrameSize { columns, rows } = size;
        let frame = Frame::new(self.memory, columns.into(), rows.into(), columns.into()).ok();
        let frame = frame.filter(|_| size.fits(self.largest));
        let frame = frame.ok_or(ErrorCode::PictureSize { size, largest: self.largest })?;
        let (seen, face) = see(&self.finder, frame, past, engine, clock, options)?;
        (self.size, self.face) = (Some(size), face);
        Ok(seen)
    }
}

/// What is to be seen in a frame, and the face that answers. With a past the frame is the next of a video, else a picture on its own.
/// The finder works in the engine's arena.
///
/// # Errors
/// [`ErrorCode::Inference`] if the arena is too small.
pub fn see(
    finder: &Finder<'_>,
    frame: Frame<'_>,
    past: Option<&mut Past>,
    engine: &mut Engine<'_, '_>,
    clock: &mut impl Clock,
    options: &Options,
) -> Result<(Seen, Option<Face>), ErrorCode> {
    let start = clock.microseconds();
    let mut search = Search::new(finder, engine.arena());
    let (face, past) = match past {
        Some(past) => (past.follow(&mut search, frame), Some(past)),
        None => (largest_face(&mut search, frame), None),
    };
    let face = face.map_err(|_| ErrorCode::Inference)?;
    let seen = match face {
        None => None,
        Some(face) => {
            let (readout, microseconds) = infer(engine, clock, options.mirror, &align(frame, &face))?;
            let readout = match past {
                Some(past) => past.smooth(readout, options),
                None => Readout::from_probabilities(readout.probabilities, options.threshold),
            };
            let Bounds { left, top, side } = face.bounds();
            Some(SeenFace {
                bounds: FaceBox { left, top, side },
                eyes: face.eyes.map(|eye| [eye.x, eye.y]),
                score: face.score,
                emotion: classified(engine, readout, microseconds),
            })
        }
    };
    Ok((Seen { face: seen, microseconds: since(clock, start) }, face))
}

/// The face that answers for a picture on its own: the largest, of equals the best.
fn largest_face(search: &mut Search<'_, '_>, frame: Frame<'_>) -> Result<Option<Face>, EngineError> {
    let take = search.finder().header.take;
    let faces = search.faces(frame, take)?;
    Ok(faces.iter().rev().max_by_key(|face| face.eye_distance()).copied())
}
