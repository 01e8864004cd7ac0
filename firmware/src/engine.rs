//! Runs a checked model in an arena that the caller owns.

use core::fmt;

use shared::{
    model::{Arithmetic, Model, Step, Tensor},
    operator::Operator,
    preprocessing::FACE_PIXELS,
};

use crate::{
    kernels::{
        self, AddArguments, ConvArguments, FullyConnectedArguments, MeanArguments, PoolArguments, ShapeMismatch,
    },
    normalization::preprocess,
    readout::Readout,
};

/// A model and the memory that it runs in. Nothing is allocated; an inference takes the arena and a few hundred bytes of
/// stack.
#[derive(Debug)]
pub struct Engine<'model, 'arena> {
    model: Model<'model>,
    arena: &'arena mut [i8],
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
    /// [`EngineError::ArenaTooSmall`].
    pub fn new(model: &Model<'model>, arena: &'arena mut [i8]) -> Result<Self, EngineError> {
        let (need, have) = (Self::arena_bytes(model), arena.len());
        if have < need as usize {
            return Err(EngineError::ArenaTooSmall { need, have });
        }
        Ok(Self { model: *model, arena })
    }

    /// Bytes that `model` needs on this processor: its tensors, and behind them the working memory of the kernels.
    pub fn arena_bytes(model: &Model<'_>) -> u32 {
        model.arena_bytes() + model.steps().map(|step| scratch_bytes(&step) as u32).max().unwrap_or(0)
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

    /// Preprocesses a face of 48x48 grey levels into the input tensor, runs every step and gives the logits, one a label.
    ///
    /// # Errors
    /// None for a checked model.
    pub fn run(&mut self, face: &[u8; FACE_PIXELS]) -> Result<&[i8], EngineError> {
        self.preprocess(face)?;
        self.run_steps(|_, _| {})?;
        Ok(self.logits())
    }

    /// As [`run`](Self::run), with a face that is normalized already (`48 x 48` values of the input tensor).
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
        self.run_steps(|_, _| {})?;
        Ok(self.logits())
    }

    /// As [`run`](Self::run); after the preprocessing (`None`) and after every step, `report` gets the time that it took by
    /// `clock`, in the clock's units.
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
        let mut lap = |clock: &mut dyn FnMut() -> u32| {
            let now = clock();
            now.wrapping_sub(core::mem::replace(&mut start, now))
        };
        self.preprocess(face)?;
        report(None, lap(&mut clock));
        self.run_steps(|index, step| report(Some((index, step)), lap(&mut clock)))?;
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

    fn preprocess(&mut self, face: &[u8; FACE_PIXELS]) -> Result<(), EngineError> {
        let preprocessing = self.model.preprocessing();
        let input = self.input()?;
        let have = input.len();
        let input = input.as_mut_array().ok_or(EngineError::Input { need: FACE_PIXELS as u32, have })?;
        preprocess(preprocessing, face, input);
        Ok(())
    }

    fn run_steps(&mut self, mut done: impl FnMut(usize, &Step<'model>)) -> Result<(), EngineError> {
        for (index, step) in self.model.steps().enumerate() {
            run_step(&step, self.arena, self.model.arena_bytes())
                .map_err(|ShapeMismatch| EngineError::Step { step: index })?;
            done(index, &step);
        }
        Ok(())
    }
}

fn range(tensor: &Tensor) -> core::ops::Range<usize> {
    let range = tensor.range().unwrap_or(0..0);
    range.start as usize..range.end as usize
}

/// Working memory of a step.
fn scratch_bytes(step: &Step<'_>) -> usize {
    match step.operator {
        Operator::Conv2d { window, .. } => kernels::conv2d_scratch(&window, step.input.shape, step.output.shape),
        Operator::DepthwiseConv2d { window } => {
            kernels::depthwise_conv2d_scratch(&window, step.input.shape, step.output.shape)
        }
        Operator::FullyConnected { .. } => {
            kernels::fully_connected_scratch(step.input.shape.elements().unwrap_or(0) as usize)
        }
        _ => 0,
    }
}

/// The first `tensors` bytes of the arena hold the model's tensors, the rest is working memory.
fn run_step(step: &Step<'_>, arena: &mut [i8], tensors: u32) -> Result<(), ShapeMismatch> {
    let (arena, scratch) = arena.split_at_mut_checked(tensors as usize).ok_or(ShapeMismatch)?;
    let zero_point = |tensor: &Tensor| i32::from(tensor.quantization.zero_point);
    let (input_offset, output_offset) = (-zero_point(&step.input), zero_point(&step.output));
    let (input_shape, output_shape) = (step.input.shape, step.output.shape);
    let (activation_min, activation_max) = (step.activation_min, step.activation_max);
    let convolution = |window| ConvArguments {
        window,
        input_shape,
        output_shape,
        input_offset,
        output_offset,
        activation_min,
        activation_max,
    };
    let pool = |window| PoolArguments { window, input_shape, output_shape, activation_min, activation_max };
    if let (Operator::Add, Some(second), Arithmetic::Add(factors)) = (step.operator, step.second_input, step.arithmetic)
    {
        let right_offset = -zero_point(&second);
        let arguments = AddArguments {
            left_offset: input_offset,
            right_offset,
            output_offset,
            factors,
            activation_min,
            activation_max,
        };
        // The two inputs may be one tensor, which cannot be borrowed apart from itself.
        if step.input == second {
            let (input, output) = borrow(arena, &step.input, &step.output)?;
            return kernels::add(&arguments, input, input, output);
        }
        let ranges = [range(&step.input), range(&second), range(&step.output)];
        let [left, right, output] = arena.get_disjoint_mut(ranges).map_err(|_| ShapeMismatch)?;
        return kernels::add(&arguments, left, right, output);
    }
    let (input, output) = borrow(arena, &step.input, &step.output)?;
    let (weights, channels) = (step.weights, step.channels);
    match (step.operator, step.arithmetic) {
        (Operator::Conv2d { window, .. }, _) => {
            kernels::conv2d(&convolution(window), input, weights, channels, output, scratch)
        }
        (Operator::DepthwiseConv2d { window }, _) => {
            kernels::depthwise_conv2d(&convolution(window), input, weights, channels, output, scratch)
        }
        (Operator::MaxPool2d { window }, _) => kernels::max_pool2d(&pool(window), input, output),
        (Operator::AveragePool2d { window }, _) => kernels::average_pool2d(&pool(window), input, output),
        (Operator::FullyConnected { .. }, _) => {
            let arguments = FullyConnectedArguments { input_offset, output_offset, activation_min, activation_max };
            kernels::fully_connected(&arguments, input, weights, channels, output, scratch)
        }
        (Operator::GlobalAveragePool, Arithmetic::Mean(factor)) => {
            let arguments = MeanArguments { input_offset, output_offset, factor, activation_min, activation_max };
            kernels::global_average_pool(&arguments, input, output)
        }
        (Operator::GlobalAveragePool | Operator::Add, _) => Err(ShapeMismatch),
    }
}

/// A step's input and output at once; a checked model's never overlap.
fn borrow<'a>(arena: &'a mut [i8], input: &Tensor, output: &Tensor) -> Result<(&'a [i8], &'a mut [i8]), ShapeMismatch> {
    let [input, output] = arena.get_disjoint_mut([range(input), range(output)]).map_err(|_| ShapeMismatch)?;
    Ok((input, output))
}
