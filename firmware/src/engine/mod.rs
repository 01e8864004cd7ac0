//! Runs a checked model in an arena that the caller owns.
//!
//! ```text
//! mod.rs          a classifier of faces: faces in, logits out
//! runner.rs       any network
//! step.rs         one step: its tensors, its kernel
//! convolution.rs  convolutions in bands, with a fused pool, and folded ones part by part
//! ```

mod convolution;
mod runner;
mod step;

use shared::{
    label::Emotion,
    model::{Model, Step},
    preprocessing::FACE_PIXELS,
};

use self::runner::range;
pub use self::runner::{EngineError, Runner};
use crate::{
    normalization::{mirror, preprocess},
    readout::{Readout, add},
};

/// A classifier of faces and the memory that it runs in: a [`Runner`] with preprocessing before it and a readout behind it.
#[derive(Debug)]
pub struct Engine<'model, 'arena> {
    model: Model<'model>,
    runner: Runner<'model, 'arena>,
}

/// Calls the kernels of an inference. A caller that reads a clock before and after each call measures the kernels.
pub trait Caller {
    /// Calls `kernel` and returns its result.
    fn call<R>(&mut self, kernel: impl FnOnce() -> R) -> R;
}

/// Calls the kernel and does nothing else.
struct Directly;

impl Caller for Directly {
    fn call<R>(&mut self, kernel: impl FnOnce() -> R) -> R {
        kernel()
    }
}

impl<'model, 'arena> Engine<'model, 'arena> {
    /// Borrows the arena for `model`. Its contents do not matter; it may be larger than needed.
    ///
    /// # Errors
    /// [`EngineError::ArenaTooSmall`], [`EngineError::ArenaTooLarge`].
    pub fn new(model: &Model<'model>, arena: &'arena mut [i8]) -> Result<Self, EngineError> {
        Ok(Self { model: *model, runner: Runner::new(&model.network(), arena)? })
    }

    /// [`Runner::arena_bytes`] of its network.
    ///
    /// # Errors
    /// [`EngineError::ArenaTooLarge`].
    pub fn arena_bytes(model: &Model<'_>) -> Result<u32, EngineError> {
        Runner::arena_bytes(&model.network())
    }

    /// The model that runs.
    pub fn model(&self) -> Model<'model> {
        self.model
    }

    /// The memory that the model runs in, for other work between two inferences. [`logits`](Self::logits) are lost by it.
    pub fn arena(&mut self) -> &mut [i8] {
        self.runner.arena()
    }

    /// Classifies a face of 48x48 grey levels, row by row.
    ///
    /// # Errors
    /// None for a checked model.
    pub fn classify(&mut self, face: &[u8; FACE_PIXELS]) -> Result<Readout, EngineError> {
        let model = self.model;
        let logits = self.run(face)?;
        Ok(Readout::from_logits(&model, logits))
    }

    /// Classifies a face of 48x48 grey levels, row by row, by the mean of its logits and those of its mirror image: two
    /// inferences, in the same arena. Afterwards [`logits`](Self::logits) are those of the face as it came.
    ///
    /// # Errors
    /// None for a checked model.
    pub fn classify_mirrored(&mut self, face: &[u8; FACE_PIXELS]) -> Result<Readout, EngineError> {
        let sums = self.sum_with_mirrored(face)?;
        Ok(Readout::from_sums(&self.model, &sums, 2))
    }

    /// The sums of the logits of a face and those of its mirror image, one a label and 0 beyond them. Afterwards
    /// [`logits`](Self::logits) are those of the face as it came.
    ///
    /// # Errors
    /// None for a checked model.
    pub fn sum_with_mirrored(&mut self, face: &[u8; FACE_PIXELS]) -> Result<[i16; Emotion::COUNT], EngineError> {
        let preprocessing = self.model.preprocessing();
        let mut sums = [0; Emotion::COUNT];
        self.preprocess(face, &mut Directly)?;
        mirror(preprocessing, self.runner.input()?);
        self.runner.run()?;
        add(&mut sums, self.logits());
        add(&mut sums, self.run(face)?);
        Ok(sums)
    }

    /// Preprocesses a face of 48x48 grey levels into the input tensor, runs every step and gives the logits, one a label.
    ///
    /// # Errors
    /// None for a checked model.
    pub fn run(&mut self, face: &[u8; FACE_PIXELS]) -> Result<&[i8], EngineError> {
        self.preprocess(face, &mut Directly)?;
        self.runner.run()?;
        Ok(self.logits())
    }

    /// As [`run`](Self::run), with a face that is normalized already (all values of the input tensor, `[48, 48, channels]`).
    ///
    /// # Errors
    /// [`EngineError::Input`] for another number of values.
    pub fn run_normalized(&mut self, face: &[i8]) -> Result<&[i8], EngineError> {
        let input = self.runner.input()?;
        let have = face.len();
        if input.len() != have {
            return Err(EngineError::Input { need: input.len() as u32, have });
        }
        input.copy_from_slice(face);
        self.runner.run()?;
        Ok(self.logits())
    }

    /// As [`run`](Self::run); after the preprocessing (`None`) and after every step, `report` gets the time that it took by
    /// `clock`, in the clock's units. The time of `report` itself is not included.
    ///
    /// # Errors
    /// None for a checked model.
    pub fn run_profiled(
        &mut self,
        face: &[u8; FACE_PIXELS],
        mut clock: impl FnMut() -> u32,
        mut report: impl FnMut(Option<(usize, &Step<'model>)>, u32),
    ) -> Result<&[i8], EngineError> {
        let mut start = clock();
        self.preprocess(face, &mut Directly)?;
        report(None, clock().wrapping_sub(start));
        start = clock();
        self.runner.run_steps(&mut Directly, |index, step| {
            report(Some((index, step)), clock().wrapping_sub(start));
            start = clock();
        })?;
        Ok(self.logits())
    }

    /// As [`run`](Self::run), with every kernel, the preprocessing among them, called by `caller`: the rest is the engine's
    /// own work.
    ///
    /// # Errors
    /// None for a checked model.
    pub fn run_through(&mut self, face: &[u8; FACE_PIXELS], caller: &mut impl Caller) -> Result<&[i8], EngineError> {
        self.preprocess(face, caller)?;
        self.runner.run_steps(caller, |_, _| {})?;
        Ok(self.logits())
    }

    /// The logits of the last inference, one a label.
    pub fn logits(&self) -> &[i8] {
        self.runner.tensor(&self.model.output())
    }

    fn preprocess(&mut self, face: &[u8; FACE_PIXELS], caller: &mut impl Caller) -> Result<(), EngineError> {
        let preprocessing = self.model.preprocessing();
        let input = self.runner.input()?;
        caller.call(|| preprocess(preprocessing, face, input));
        Ok(())
    }
}
