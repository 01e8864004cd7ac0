//! Runs a checked model in an arena that the caller owns.
//!
//! ```text
//! mod.rs          the engine: faces in, logits out
//! step.rs         one step: its tensors, its kernel
//! convolution.rs  convolutions in bands, with a fused pool, and folded ones part by part
//! ```

mod convolution;
mod step;

use core::fmt;

use shared::{
    label::Emotion,
    model::{Model, Step, Tensor},
    preprocessing::FACE_PIXELS,
};

use self::step::{run_step, scratch_bytes};
use crate::{
    kernels::ShapeMismatch,
    normalization::{mirror, preprocess},
    readout::{Readout, add},
};

/// A model and the memory that it runs in. Nothing is allocated; an inference takes the arena and a few hundred bytes of
/// stack.
#[derive(Debug)]
pub struct Engine<'model, 'arena> {
    model: Model<'model>,
    arena: &'arena mut [i8],
}

/// Calls the kernels of an inference; one that looks at a clock before and after learns what they take.
pub trait Caller {
    /// What `kernel` returns.
    fn call<R>(&mut self, kernel: impl FnOnce() -> R) -> R;
}

/// Nothing but the call.
struct Directly;

impl Caller for Directly {
    fn call<R>(&mut self, kernel: impl FnOnce() -> R) -> R {
        kernel()
    }
}

/// Why a model cannot run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineError {
    /// The arena is smaller than the model needs.
    ArenaTooSmall {
        /// Bytes that the model needs.
        need: u32,
        /// Bytes there are.
        have: usize,
    },
    /// The model's tensors and the kernels' working memory together are more than 32 bits count.
    ArenaTooLarge,
    /// The input is not one normalized face.
    Input {
        /// Values that the model's input has.
        need: u32,
        /// Values there are.
        have: usize,
    },
    /// A step does not fit its tensors. No model that [`Model::parse`] accepts gives this.
    Step {
        /// Which step, from 0.
        step: usize,
    },
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EngineError::ArenaTooSmall { need, have } => {
                write!(f, "the arena has {have} bytes and the model needs {need}; enlarge it or take a smaller model")
            }
            EngineError::ArenaTooLarge => {
                write!(f, "the model's tensors and working memory exceed 4 GiB on this processor; take a smaller model")
            }
            EngineError::Input { need, have } => write!(f, "the model's input has {need} values, not {have}"),
            EngineError::Step { step } => write!(f, "step {step} does not fit its tensors"),
        }
    }
}

impl core::error::Error for EngineError {}

impl<'model, 'arena> Engine<'model, 'arena> {
    /// Takes the arena for `model`; what it holds does not matter, and a larger one is as good.
    ///
    /// # Errors
    /// [`EngineError::ArenaTooSmall`], [`EngineError::ArenaTooLarge`].
    pub fn new(model: &Model<'model>, arena: &'arena mut [i8]) -> Result<Self, EngineError> {
        let (need, have) = (Self::arena_bytes(model)?, arena.len());
        if have < need as usize {
            return Err(EngineError::ArenaTooSmall { need, have });
        }
        Ok(Self { model: *model, arena })
    }

    /// Bytes that `model` needs on this processor: its tensors, and the working memory of the kernels behind those that hold
    /// something at the time.
    ///
    /// # Errors
    /// [`EngineError::ArenaTooLarge`].
    pub fn arena_bytes(model: &Model<'_>) -> Result<u32, EngineError> {
        let end = |step: Step<'_>| {
            let scratch = u32::try_from(scratch_bytes(&step)).ok()?;
            step.scratch_offset.checked_add(step.band_bytes)?.checked_add(scratch)
        };
        model
            .steps()
            .try_fold(model.arena_bytes(), |most, step| Some(most.max(end(step)?)))
            .ok_or(EngineError::ArenaTooLarge)
    }

    /// The model that runs.
    pub fn model(&self) -> Model<'model> {
        self.model
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
        mirror(preprocessing, self.input()?);
        self.run_directly()?;
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
        self.run_directly()?;
        Ok(self.logits())
    }

    /// As [`run`](Self::run), with a face that is normalized already (all values of the input tensor, `[48, 48, channels]`).
    ///
    /// # Errors
    /// [`EngineError::Input`] for another number of values.
    pub fn run_normalized(&mut self, face: &[i8]) -> Result<&[i8], EngineError> {
        let input = self.input()?;
        let have = face.len();
        if input.len() != have {
            return Err(EngineError::Input { need: input.len() as u32, have });
        }
        input.copy_from_slice(face);
        self.run_directly()?;
        Ok(self.logits())
    }

    /// As [`run`](Self::run); after the preprocessing (`None`) and after every step, `report` gets the time that it took by
    /// `clock`, in the clock's units. What `report` takes itself is in none of them.
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
        self.run_steps(&mut Directly, |index, step| {
            report(Some((index, step)), clock().wrapping_sub(start));
            start = clock();
        })?;
        Ok(self.logits())
    }

    /// As [`run`](Self::run), with every kernel, the preprocessing among them, called by `caller`: what is left is the engine's
    /// own.
    ///
    /// # Errors
    /// None for a checked model.
    pub fn run_through(&mut self, face: &[u8; FACE_PIXELS], caller: &mut impl Caller) -> Result<&[i8], EngineError> {
        self.preprocess(face, caller)?;
        self.run_steps(caller, |_, _| {})?;
        Ok(self.logits())
    }

    /// The logits of the last inference, one a label.
    pub fn logits(&self) -> &[i8] {
        let range = range(&self.model.output());
        self.arena.get(range).unwrap_or(&[])
    }

    fn input(&mut self) -> Result<&mut [i8], EngineError> {
        let range = range(&self.model.input());
        let need = range.len() as u32;
        self.arena.get_mut(range).ok_or(EngineError::Input { need, have: 0 })
    }

    fn preprocess(&mut self, face: &[u8; FACE_PIXELS], caller: &mut impl Caller) -> Result<(), EngineError> {
        let preprocessing = self.model.preprocessing();
        let input = self.input()?;
        caller.call(|| preprocess(preprocessing, face, input));
        Ok(())
    }

    /// One function for all that do not look on, as flash is short.
    fn run_directly(&mut self) -> Result<(), EngineError> {
        self.run_steps(&mut Directly, |_, _| {})
    }

    fn run_steps(
        &mut self,
        caller: &mut impl Caller,
        mut done: impl FnMut(usize, &Step<'model>),
    ) -> Result<(), EngineError> {
        for (index, step) in self.model.steps().enumerate() {
            run_step(&step, self.arena, caller).map_err(|ShapeMismatch| EngineError::Step { step: index })?;
            done(index, &step);
        }
        Ok(())
    }
}

fn range(tensor: &Tensor) -> core::ops::Range<usize> {
    let range = tensor.range().unwrap_or(0..0);
    range.start as usize..range.end as usize
}
