//! The model file (`*.fer`): a trained, quantized network that a device runs in place.
//!
//! # Format, version 3
//!
//! All integers are little-endian. `postcard` means version 1 of its wire format (varints, no field names).
//!
//! | bytes | content |
//! |---|---|
//! | 0..4 | magic, `FERM` |
//! | 4..6 | format version, `u16` |
//! | 6..8 | zero |
//! | 8..12 | length of the whole file in bytes, `u32` |
//! | 12..16 | length `H` of the header in bytes, `u32` |
//! | 16..16+H | header: a postcard [`Header`], then [`Header::step_count`] postcard [`StepRecord`]s, nothing after them |
//! | to the next multiple of 16 | zeros |
//! | [`Header::weight_bytes`] bytes | weight section: weights and channel parameters at the offsets that the records name |
//! | last 4 | CRC-32 (ISO-HDLC, as in zip and Ethernet) of everything before, `u32` |
//!
//! In the weight section, weights are `i8`: convolution OHWI, depthwise HWC, fully connected units x inputs with the inputs in
//! NHWC order, 256 values of a logistic function. Channel parameters are triples of `i32` (bias, multiplier, shift), aligned to 4.
//! A convolution that stands for two ([`Folding`](crate::folding::Folding)) has all its sets of weights one after the other, and
//! its sets of channel parameters likewise. The section begins at a multiple of 16 in the file, so a file that lies at a multiple
//! of 4 in memory is read in place ([`Aligned`]).
//!
//! Offsets of tensors are relative to the arena. The first step reads the tensor [`Header::input`]; every later step reads that
//! or tensors that earlier steps wrote. The network's answer is what the steps of [`Header::outputs`] wrote.
//!
//! A network is for a [`Task`]. A classifier of faces has 48x48 preprocessed pixels as its input, and one output: the logits, one
//! for each of [`FaceHeader::labels`], in that order.
//!
//! # Versions
//!
//! - 3, current: operators as an enum of records, each with its own fields; groups, dilation, depth multiplier, Mul and Logistic;
//!   any input and outputs; tasks.
//! - 2, can be read: classifiers of faces, whose last step writes the logits (`version_2.rs`).
//! - 1, cannot be read.
//!
//! # Three layers
//!
//! [`RawModel`] knows the envelope: magic, version, lengths, CRC. [`Network`] is checked: every shape, offset, overlap,
//! multiplier and accumulator range was validated in [`Network::parse`], so whoever holds one can run it without a check.
//! [`Model`] is a network that classifies faces.

#[cfg(feature = "alloc")]
mod encode;
mod error;
mod faces;
mod network;
mod raw;
mod record;
mod steps;
mod validate;
mod version_2;

#[cfg(feature = "alloc")]
pub use self::encode::{AlignedBytes, EncodeError, StepSource, encode};
pub use self::{
    error::ModelError,
    faces::Model,
    network::Network,
    raw::{FORMAT_VERSION, MAGIC, OLDEST_VERSION, RawModel, WEIGHT_ALIGNMENT},
    record::{FaceHeader, Header, MOST_NAME_BYTES, Measurement, Task, is_name},
    steps::Steps,
};
pub use crate::{
    operator::{
        check::{StepError, WeightOffsets},
        conv2d::FusedPool,
    },
    step::{Operation, OperationRecord, Step, StepRecord},
    tensor::Tensor,
};

/// Aligns bytes to 16, so that a model file can be read in place:
///
/// ```
/// use shared::model::Aligned;
/// // On a board: `&Aligned(*include_bytes!("levorse.fer"))`.
/// static MODEL: &Aligned<[u8]> = &Aligned(*b"the bytes of a model file");
/// assert_eq!(MODEL.0.as_ptr() as usize % 16, 0);
/// ```
#[repr(C, align(16))]
pub struct Aligned<T: ?Sized>(pub T);
