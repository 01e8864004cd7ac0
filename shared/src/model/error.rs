//! Why bytes are no model.

use core::fmt;

use super::record::MOST_NAME_BYTES;
use crate::operator::ShapeError;

/// What is wrong with a model file. Steps are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ModelError {
    /// The file ends early: it has `have` bytes of `need`.
    Truncated {
        /// Bytes that the file says it has, or that the smallest file has.
        need: u32,
        /// Bytes there are.
        have: usize,
    },
    /// There are bytes after the end that the file states.
    TrailingBytes {
        /// Bytes that the file says it has.
        need: u32,
        /// Bytes there are.
        have: usize,
    },
    /// The first four bytes are not `FERM`: not a model file.
    Magic([u8; 4]),
    /// The file was written by a newer or older program.
    UnsupportedVersion {
        /// Version of the file.
        found: u16,
        /// The version this program reads.
        supported: u16,
    },
    /// The bytes are not those that were written.
    Crc {
        /// Checksum in the file.
        stored: u32,
        /// Checksum of the bytes.
        computed: u32,
    },
    /// A length, reserved or padding field of the envelope contradicts the others.
    Envelope,
    /// The header does not decode.
    Header,
    /// Step record number `step` does not decode, or bytes follow the last one.
    Record {
        /// Which record.
        step: u16,
    },
    /// The file does not lie at a multiple of 4 in memory; see [`Aligned`](super::Aligned).
    Misaligned,
    /// The name is empty, longer than [`MOST_NAME_BYTES`](super::MOST_NAME_BYTES), or has control characters.
    Name,
    /// No labels, more than eight, one twice, or one that is no emotion.
    Labels,
    /// Temperature or threshold is out of range or not a number.
    Calibration,
    /// The first tensor is not what the preprocessing writes.
    Input,
    /// A network without steps computes nothing.
    NoSteps,
    /// The operator of a step has no output for its input's shape.
    Shape {
        /// Which step.
        step: u16,
        /// Operator and input.
        error: ShapeError,
    },
    /// The output's shape of a step is not what its operator computes.
    OutputShape {
        /// Which step.
        step: u16,
    },
    /// A step reads a tensor that no step wrote, or that was overwritten since.
    DeadInput {
        /// Which step.
        step: u16,
    },
    /// A step has a second input too many or too few, or its two inputs differ in shape.
    Inputs {
        /// Which step.
        step: u16,
    },
    /// A step's output overlaps its own input.
    Overlap {
        /// Which step.
        step: u16,
    },
    /// A tensor reaches beyond the arena that the header states.
    OutsideArena {
        /// Which step wrote it.
        step: u16,
    },
    /// A folded pair of convolutions or a fused pool does not fit the operator of its step.
    Fusion {
        /// Which step.
        step: u16,
    },
    /// The working memory of a step begins before the end of one of its tensors.
    Scratch {
        /// Which step.
        step: u16,
    },
    /// More tensors are alive at once than the checker can follow.
    TooManyTensors {
        /// Which step.
        step: u16,
    },
    /// Weights or channel parameters lie outside the weight section, or are not aligned.
    Weights {
        /// Which step.
        step: u16,
    },
    /// A scale, multiplier, shift or clamp is out of range, or does not fit the operator.
    Quantization {
        /// Which step.
        step: u16,
    },
    /// A sum of a step could overflow 32 bits.
    Accumulator {
        /// Which step.
        step: u16,
    },
    /// The last step does not write one logit a label.
    Logits,
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            ModelError::Truncated { need, have } => {
                write!(f, "the model file is cut short: {have} of {need} bytes; copy it again")
            }
            ModelError::TrailingBytes { need, have } => {
                write!(f, "{have} bytes where the model file has {need}; copy it again")
            }
            ModelError::Magic(magic) => write!(f, "not a model file: it begins with {magic:02x?}, not with FERM"),
            ModelError::UnsupportedVersion { found, supported } => write!(
                f,
                "model format version {found}, this program reads {supported}; {}",
                if found > supported { "update the program" } else { "export the model again" }
            ),
            ModelError::Crc { stored, computed } => write!(
                f,
                "damaged model file: checksum {stored:08x} in the file, {computed:08x} of its bytes; copy it again"
            ),
            ModelError::Envelope => write!(f, "malformed model file: its lengths contradict each other"),
            ModelError::Header => write!(f, "malformed model file: the header does not decode"),
            ModelError::Record { step } => write!(f, "malformed model file: the record of step {step} does not decode"),
            ModelError::Misaligned => write!(f, "the model file must lie at a multiple of 4 in memory"),
            ModelError::Name => {
                write!(f, "the model's name must have 1 to {MOST_NAME_BYTES} bytes and no control characters")
            }
            ModelError::Labels => write!(f, "the model's labels are not between one and eight different emotions"),
            ModelError::Calibration => write!(f, "the model's temperature or threshold is out of range"),
            ModelError::Input => write!(f, "the model's input is not what its preprocessing writes"),
            ModelError::NoSteps => write!(f, "the model has no operators"),
            ModelError::Shape { step, error } => write!(f, "step {step}: {error}"),
            ModelError::OutputShape { step } => write!(f, "step {step}: the output has another shape than computed"),
            ModelError::DeadInput { step } => write!(f, "step {step} reads a tensor that does not hold a result"),
            ModelError::Inputs { step } => write!(f, "step {step}: the number or the shapes of its inputs do not fit"),
            ModelError::Overlap { step } => write!(f, "step {step}: the output overlaps an input"),
            ModelError::OutsideArena { step } => write!(f, "step {step}: a tensor reaches beyond the arena"),
            ModelError::Fusion { step } => {
                write!(f, "step {step}: what is folded into its operator does not fit the operator")
            }
            ModelError::Scratch { step } => write!(f, "step {step}: its working memory overlaps its tensors"),
            ModelError::TooManyTensors { step } => write!(f, "step {step}: too many tensors are alive at once"),
            ModelError::Weights { step } => write!(f, "step {step}: weights outside the weight section"),
            ModelError::Quantization { step } => write!(f, "step {step}: quantization parameters out of range"),
            ModelError::Accumulator { step } => write!(f, "step {step}: a sum could overflow 32 bits"),
            ModelError::Logits => write!(f, "the model's last operator does not write one logit a label"),
        }
    }
}

impl core::error::Error for ModelError {}
