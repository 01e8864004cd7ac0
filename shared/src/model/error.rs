//! Errors of reading a model file.

use core::fmt;

use super::{raw::OLDEST_VERSION, record::MOST_NAME_BYTES};
use crate::operator::check::StepError;

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
        /// The newest version that this program reads.
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
    /// The file does not lie at a multiple of 4 in memory; see [`Aligned`](super::Aligned).
    Misaligned,
    /// The name is empty, longer than [`MOST_NAME_BYTES`](super::MOST_NAME_BYTES), or has control characters.
    Name,
    /// No labels, more than eight, one twice, or one that is no emotion.
    Labels,
    /// Temperature or threshold is out of range or not a number.
    Calibration,
    /// The scale of the first tensor is out of range, or the tensor is not what the preprocessing writes.
    Input,
    /// A network without steps computes nothing.
    NoSteps,
    /// Something is wrong with a step.
    Step {
        /// Which step.
        step: u16,
        /// What is wrong.
        error: StepError,
    },
    /// There are no outputs, or an output names no step, or a later step overwrites it.
    Outputs,
    /// The network does not classify faces.
    Task,
    /// The network's only output is not one logit per label.
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
            ModelError::Magic(magic) if magic == crate::finder::MAGIC => {
                write!(f, "not a model file: it is a finder's, which finds faces and classifies none")
            }
            ModelError::Magic(magic) => write!(f, "not a model file: it begins with {magic:02x?}, not with FERM"),
            ModelError::UnsupportedVersion { found, supported } => write!(
                f,
                "model format version {found}, this program reads {OLDEST_VERSION} to {supported}; {}",
                if found > supported { "update the program" } else { "export the model again" }
            ),
            ModelError::Crc { stored, computed } => write!(
                f,
                "damaged model file: checksum {stored:08x} in the file, {computed:08x} of its bytes; copy it again"
            ),
            ModelError::Envelope => write!(f, "malformed model file: its lengths contradict each other"),
            ModelError::Header => write!(f, "malformed model file: the header does not decode"),
            ModelError::Misaligned => write!(f, "the model file must lie at a multiple of 4 in memory"),
            ModelError::Name => {
                write!(f, "the model's name must have 1 to {MOST_NAME_BYTES} bytes and no control characters")
            }
            ModelError::Labels => write!(f, "the model's labels are not between one and eight different emotions"),
            ModelError::Calibration => write!(f, "the model's temperature or threshold is out of range"),
            ModelError::Input => write!(f, "the model's input is not what its preprocessing writes"),
            ModelError::NoSteps => write!(f, "the model has no operators"),
            ModelError::Step { step, error } => write!(f, "step {step}: {error}"),
            ModelError::Outputs => write!(f, "the model's outputs are not tensors that hold a result in the end"),
            ModelError::Task => write!(f, "the model is not for faces"),
            ModelError::Logits => write!(f, "the model does not give one logit a label"),
        }
    }
}

impl core::error::Error for ModelError {}
