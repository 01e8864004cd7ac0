//! Live: frame by frame to a face and its emotion, through the core that devices run.
//!
//! ```text
//! mod.rs      a frame -> what is to be seen in it
//! history.rs  the last minute, and how many frames a second
//! picture.rs  a frame with its face marked, as coloured pixels
//! draw.rs     all of it on the screen
//! screen.rs   the terminal: taken, drawn, given back
//! mqtt.rs     changes, published to a broker
//! ```

mod draw;
mod history;
mod mqtt;
mod picture;
mod screen;

use std::time::Instant;

use cameras::GreyFrame;
use firmware::{
    device::{Clock, Past, see},
    engine::Engine,
    finder::{
        frame::{Frame, MOST_COLUMNS, MOST_ROWS},
        search::memory_bytes,
    },
};
use shared::{
    finder::Finder,
    model::Model,
    wire::{FaceBox, Options, Output, Seen},
};

pub use self::{
    history::History,
    mqtt::{Address, AddressError, Publisher},
    screen::{Screen, Wish},
};
use crate::finder::photograph::in_larger;

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
        Ok(Self { finder: *finder, engine: Engine::new(model, arena)?, past: Past::default(), options, number: 0 })
    }

    /// What is to be seen in the next frame, which came so many seconds after the first. It is made smaller for the finder if it is
    /// larger than 320x240.
    ///
    /// # Errors
    /// If the core cannot run the networks.
    pub fn look(&mut self, frame: &GreyFrame, seconds: f64) -> anyhow::Result<Sighting> {
        self.number += 1;
        let small = frame.fit(MOST_COLUMNS, MOST_ROWS);
        let picture = Frame::new(small.pixels(), small.width(), small.height(), small.width())?;
        let mut clock = Since(Instant::now());
        let past = Some(&mut self.past);
        let (mut seen, _) = see(&self.finder, picture, past, &mut self.engine, &mut clock, &self.options)?;
        let scale = [frame.width() as f32 / small.width() as f32, frame.height() as f32 / small.height() as f32];
        let eyes = seen.face.map(|face| face.eyes.map(|eye| in_larger(eye.map(|place| place as f32 / 256.0), scale)));
        if let Some(face) = &mut seen.face {
            face.bounds = larger(face.bounds, scale[0].max(scale[1]));
        }
        Ok(Sighting { number: self.number, seconds, size: [frame.width(), frame.height()], seen, eyes })
    }
}

/// A box in a picture that is `scale` times as large. At scale 1 it stays as the core gives it.
fn larger(bounds: FaceBox, scale: f32) -> FaceBox {
    let [left, top, side] = [bounds.left, bounds.top, bounds.side].map(|place| (place as f32 * scale).round() as i32);
    FaceBox { left, top, side }
}

/// Time since it was made.
struct Since(Instant);

impl Clock for Since {
    fn microseconds(&mut self) -> u64 {
        self.0.elapsed().as_micros() as u64
    }
}

#[cfg(test)]
mod tests;
