//! The header of a model file, before it is checked.

use serde::{Deserialize, Serialize};

use crate::{preprocessing::Preprocessing, tensor::Tensor};

/// Maximum length of a network's name in bytes, so that it fits a greeting ([`crate::wire::Hello`]).
pub const MOST_NAME_BYTES: usize = 64;

/// Whether `name` is allowed for a network: 1 to [`MOST_NAME_BYTES`] bytes, and no control characters, as devices print it.
pub fn is_name(name: &str) -> bool {
    (1..=MOST_NAME_BYTES).contains(&name.len()) && !name.chars().any(char::is_control)
}

/// The fixed part of the header: what every network has, and what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header<'a> {
    /// Name of the network, as its architecture file gives it; see [`is_name`].
    pub name: &'a str,
    /// The tensor that is written before the first step.
    pub input: Tensor,
    /// The steps whose outputs are the network's, in the order in which it answers; each must hold its output until the end.
    pub outputs: &'a [u8],
    /// Bytes of arena that the tensors need.
    pub arena_bytes: u32,
    /// Multiply-accumulates of an inference.
    pub macs: u64,
    /// Hash of the training configuration.
    pub training_hash: u64,
    /// Bytes of the weight section.
    pub weight_bytes: u32,
    /// Step records that follow.
    pub step_count: u16,
    /// What the network is for.
    #[serde(borrow)]
    pub task: Task<'a>,
}

/// What a network is for. New tasks are added at the end.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Task<'a> {
    /// A task that the file does not describe.
    Any,
    /// Emotions of faces.
    #[serde(borrow)]
    Faces(FaceHeader<'a>),
}

/// What the header of a classifier of faces holds beside its network. The only output of its network is the logits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaceHeader<'a> {
    /// Indices of the logits' [emotions](crate::label::Emotion), in their order; at most eight, none twice.
    pub labels: &'a [u8],
    /// The preprocessing of the pixels.
    pub preprocessing: Preprocessing,
    /// Divides the logits before softmax; fitted on validation data.
    pub temperature: f32,
    /// A readout with a confidence below this is `uncertain`; `0..=1`.
    pub threshold: f32,
    /// The accuracy that was measured, and on what.
    pub measurement: Measurement<'a>,
}

/// An accuracy and what it was measured on; the model is int8 and ran through the core.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement<'a> {
    /// Data set and split, as `FER2013 PublicTest`.
    pub data: &'a str,
    /// Number of images.
    pub images: u32,
    /// Share of the images whose most probable label was right, `0..=1`.
    pub accuracy: f32,
}
