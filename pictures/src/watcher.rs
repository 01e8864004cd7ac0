//! Frame by frame to a face and its emotion.

use cameras::GreyFrame;
use firmware::{
    device::{Clock, Past, see},
    engine::Engine,
    finder::{
        align::align,
        frame::{Frame, MOST_COLUMNS, MOST_ROWS},
        search::{Face, memory_bytes},
    },
};
use shared::{
    finder::Finder,
    model::Model,
    preprocessing::FACE_PIXELS,
    wire::{FaceBox, Options, Output, Seen},
};

use crate::places::{in_larger, in_pixels};

/// What was seen in a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sighting {
    /// Frames looked at, this one included.
    pub number: u64,
    /// Seconds since the first frame.
    pub seconds: f64,
    /// Columns and rows of the frame.
    pub size: [usize; 2],
    /// The face that answers, and the time of it all; the box is in pixels of the frame.
    pub seen: Seen,
    /// The face's eyes in pixels of the frame, that on the left first.
    pub eyes: Option<[[f32; 2]; 2]>,
}

/// Weight of the past where nothing else is asked for.
pub const SMOOTHING: f32 = 0.6;

/// How answers are made.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// Weight of the past in the probabilities, `0..1`; 0 is no smoothing.
    pub smoothing: f32,
    /// Whether a face and its mirror image answer together.
    pub mirror: bool,
}

/// Bytes of the arena in which engine and finder take turns.
///
/// # Errors
/// If the model or the finder cannot run here.
pub fn arena_bytes(model: &Model<'_>, finder: &Finder<'_>) -> anyhow::Result<usize> {
    let engine = Engine::arena_bytes(model)? as usize;
    Ok(engine.max(memory_bytes(finder, MOST_COLUMNS, MOST_ROWS)?))
}

/// Looks at the frames of one source, one after the other.
#[derive(Debug)]
pub struct Watcher<'model, 'arena> {
    finder: Finder<'model>,
    engine: Engine<'model, 'arena>,
    past: Past,
    options: Options,
    number: u64,
    /// The last frame as it was searched, and the face that answered.
    searched: Option<(GreyFrame, Option<Face>)>,
}

impl<'model, 'arena> Watcher<'model, 'arena> {
    /// Borrows an arena of [`arena_bytes`].
    ///
    /// # Errors
    /// If the arena is too small.
    pub fn new(
        model: &Model<'model>,
        finder: &Finder<'model>,
        arena: &'arena mut [i8],
        manner: Manner,
    ) -> anyhow::Result<Self> {
        let Manner { smoothing, mirror } = manner;
        let options = Options { output: Output::Text, smoothing, threshold: model.threshold(), mirror };
        let engine = Engine::new(model, arena)?;
        Ok(Self { finder: *finder, engine, past: Past::default(), options, number: 0, searched: None })
    }

    /// What is to be seen in the next frame, which came so many seconds after the first. It is made smaller for the finder if it is
    /// larger than 320x240.
    ///
    /// # Errors
    /// If the core cannot run the networks.
    pub fn look(&mut self, frame: &GreyFrame, seconds: f64, clock: &mut impl Clock) -> anyhow::Result<Sighting> {
        let mut past = self.past;
        let sighting = self.see(frame, seconds, Some(&mut past), clock)?;
        self.past = past;
        Ok(sighting)
    }

    /// What is to be seen in a frame on its own: of several faces the largest answers. The frames before do not count, and it does not
    /// count for those to come.
    ///
    /// # Errors
    /// If the core cannot run the networks.
    pub fn glance(&mut self, frame: &GreyFrame, clock: &mut impl Clock) -> anyhow::Result<Sighting> {
        self.see(frame, 0.0, None, clock)
    }

    fn see(
        &mut self,
        frame: &GreyFrame,
        seconds: f64,
        past: Option<&mut Past>,
        clock: &mut impl Clock,
    ) -> anyhow::Result<Sighting> {
        self.number += 1;
        let small = frame.fit(MOST_COLUMNS, MOST_ROWS).into_owned();
        let size = [frame.width(), frame.height()];
        let picture = Frame::new(small.pixels(), small.width(), small.height(), small.width())?;
        let (mut seen, face) = see(&self.finder, picture, past, &mut self.engine, clock, &self.options)?;
        let scale = [size[0] as f32 / small.width() as f32, size[1] as f32 / small.height() as f32];
        let eyes = face.map(|face| in_pixels(face.eyes).map(|eye| in_larger(eye, scale)));
        if let Some(face) = &mut seen.face {
            face.bounds = larger(face.bounds, scale[0].max(scale[1]));
        }
        self.searched = Some((small, face));
        Ok(Sighting { number: self.number, seconds, size, seen, eyes })
    }

    /// Forgets the frames before: the next one is the first of another source.
    pub fn forget(&mut self) {
        self.past = Past::default();
        self.searched = None;
    }

    /// The last frame as it was searched, at most 320x240.
    pub fn searched(&self) -> Option<&GreyFrame> {
        Some(&self.searched.as_ref()?.0)
    }

    /// The face of the last frame as the model saw it, if there was one.
    pub fn aligned(&self) -> Option<[u8; FACE_PIXELS]> {
        let (frame, face) = self.searched.as_ref()?;
        let frame = Frame::new(frame.pixels(), frame.width(), frame.height(), frame.width()).ok()?;
        Some(align(frame, face.as_ref()?))
    }

    /// The engine, for faces by themselves.
    pub fn engine(&mut self) -> &mut Engine<'model, 'arena> {
        &mut self.engine
    }

    /// The finder, for pictures that are larger than frames.
    pub fn finder(&self) -> Finder<'model> {
        self.finder
    }
}

/// A box in a picture that is `scale` times as large. At scale 1 it stays as the core gives it.
fn larger(bounds: FaceBox, scale: f32) -> FaceBox {
    let [left, top, side] = [bounds.left, bounds.top, bounds.side].map(|place| (place as f32 * scale).round() as i32);
    FaceBox { left, top, side }
}
