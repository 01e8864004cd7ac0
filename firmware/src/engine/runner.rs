//! Any network in an arena: the input is written, the steps run, the outputs are read.

use core::fmt;

use shared::{
    image::Processor,
    model::{Network, Step, Tensor},
};

use super::{
    Caller, Directly,
    step::{run_step, scratch_bytes},
};
use crate::kernels::ShapeMismatch;

/// A network and the memory that it runs in. Nothing is allocated; an inference takes the arena and a few hundred bytes of
/// stack.
///
/// ```no_run
/// use firmware::engine::Runner;
/// use shared::model::{Aligned, Network};
///
/// static FILE: &Aligned<[u8]> = &Aligned(*b"include_bytes!(...)");
/// let network = Network::parse(&FILE.0)?;
/// let mut arena = [0i8; 88 * 1024];
/// let mut runner = Runner::new(&network, &mut arena)?;
/// runner.input()?.fill(0);
/// runner.run()?;
/// for output in network.outputs() {
///     println!("{:?}", runner.tensor(&output));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Runner<'model, 'arena> {
    network: Network<'model>,
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
    /// Tensors and working memory together have more bytes than 32 bits can count.
    ArenaTooLarge,
    /// The input has another number of values.
    Input {
        /// Values that the model's input has.
        need: u32,
        /// Values there are.
        have: usize,
    },
    /// A step does not fit its tensors. No network that [`Network::parse`] accepts gives this.
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

impl<'model, 'arena> Runner<'model, 'arena> {
    /// Borrows the arena for `network`. Its contents do not matter; it may be larger than needed.
    ///
    /// # Errors
    /// [`EngineError::ArenaTooSmall`], [`EngineError::ArenaTooLarge`].
    pub fn new(network: &Network<'model>, arena: &'arena mut [i8]) -> Result<Self, EngineError> {
        let (need, have) = (Self::arena_bytes(network)?, arena.len());
        if have < need as usize {
            return Err(EngineError::ArenaTooSmall { need, have });
        }
        Ok(Self { network: *network, arena })
    }

    /// Bytes that `network` needs on this processor: its tensors, and each kernel's working memory after the tensors that are
    /// alive at the time.
    ///
    /// # Errors
    /// [`EngineError::ArenaTooLarge`].
    pub fn arena_bytes(network: &Network<'_>) -> Result<u32, EngineError> {
        Self::bytes(network, None)
    }

    /// Bytes that `network` needs on `processor`, whatever this one is.
    ///
    /// # Errors
    /// [`EngineError::ArenaTooLarge`].
    pub fn arena_bytes_on(network: &Network<'_>, processor: Processor) -> Result<u32, EngineError> {
        Self::bytes(network, Some(processor))
    }

    fn bytes(network: &Network<'_>, processor: Option<Processor>) -> Result<u32, EngineError> {
        let end = |step: Step<'_>| {
            let scratch = u32::try_from(scratch_bytes(&step, processor)).ok()?;
            step.scratch_offset.checked_add(step.band_bytes())?.checked_add(scratch)
        };
        network
            .steps()
            .try_fold(network.arena_bytes(), |most, step| Some(most.max(end(step)?)))
            .ok_or(EngineError::ArenaTooLarge)
    }

    /// The network that runs.
    pub fn network(&self) -> Network<'model> {
        self.network
    }

    /// The memory that the network runs in, for other work between two runs. It holds no input and no output afterwards.
    pub fn arena(&mut self) -> &mut [i8] {
        self.arena
    }

    /// The input's values, `[height, width, channels]`, to be written before [`run`](Self::run), which overwrites them.
    ///
    /// # Errors
    /// None for a checked network.
    pub fn input(&mut self) -> Result<&mut [i8], EngineError> {
        let range = range(&self.network.input());
        let need = range.len() as u32;
        self.arena.get_mut(range).ok_or(EngineError::Input { need, have: 0 })
    }

    /// What a tensor of the arena holds: after [`run`](Self::run), that of one of [`Network::outputs`].
    pub fn tensor(&self, tensor: &Tensor) -> &[i8] {
        self.arena.get(range(tensor)).unwrap_or(&[])
    }

    /// Runs every step. Not generic over callers, so that the flash holds it only once.
    ///
    /// # Errors
    /// None for a checked network.
    pub fn run(&mut self) -> Result<(), EngineError> {
        self.run_steps(&mut Directly, |_, _| {})
    }

    /// As [`run`](Self::run), with every kernel called by `caller`, and `done` called after every step.
    ///
    /// # Errors
    /// None for a checked network.
    pub fn run_steps(
        &mut self,
        caller: &mut impl Caller,
        mut done: impl FnMut(usize, &Step<'model>),
    ) -> Result<(), EngineError> {
        for (index, step) in self.network.steps().enumerate() {
            run_step(&step, self.arena, caller).map_err(|ShapeMismatch| EngineError::Step { step: index })?;
            done(index, &step);
        }
        Ok(())
    }
}

pub(super) fn range(tensor: &Tensor) -> core::ops::Range<usize> {
    let range = tensor.range().unwrap_or(0..0);
    range.start as usize..range.end as usize
}
