//! What the header of a model file says, before anyone has checked it.

use serde::{Deserialize, Serialize};

use crate::{
    operator::Operator,
    preprocessing::Preprocessing,
    quantization::{AddParameters, Quantization, Requantization},
    shape::Shape,
};

/// The fixed part of the header.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header<'a> {
    /// Name of the network, as its architecture file gives it.
    pub name: &'a str,
    /// FER2013 labels of the logits, in their order; at most seven, none twice.
    pub labels: &'a [u8],
    /// What is done to the pixels first.
    pub preprocessing: Preprocessing,
    /// The tensor that the preprocessed face is written to.
    pub input: Tensor,
    /// Divides the logits before softmax; fitted on validation data.
    pub temperature: f32,
    /// A readout whose confidence is below is `uncertain`; `0..=1`.
    pub threshold: f32,
    /// Bytes of arena that the tensors need.
    pub arena_bytes: u32,
    /// Multiply-accumulates of an inference.
    pub macs: u64,
    /// How good the network was measured to be.
    pub measurement: Measurement<'a>,
    /// Hash of the training configuration.
    pub training_hash: u64,
    /// Bytes of the weight section.
    pub weight_bytes: u32,
    /// Step records that follow.
    pub step_count: u16,
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

/// An i8 feature map in the arena, NHWC.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tensor {
    /// Height, width, channels.
    pub shape: Shape,
    /// What its integers mean.
    pub quantization: Quantization,
    /// First byte in the arena.
    pub offset: u32,
}

impl Tensor {
    /// The bytes it takes in the arena, as a range; `None` if they do not fit a `u32`.
    pub fn range(&self) -> Option<core::ops::Range<u32>> {
        let end = self.offset.checked_add(self.shape.elements()?)?;
        Some(self.offset..end)
    }
}

/// One operator with its tensors, as stored.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// What is computed.
    pub operator: Operator,
    /// The (first) tensor read.
    pub input: Tensor,
    /// The second tensor read, by operators that take two.
    pub second_input: Option<Tensor>,
    /// The tensor written.
    pub output: Tensor,
    /// Lower end of the clamp on the output.
    pub activation_min: i8,
    /// Upper end of the clamp on the output.
    pub activation_max: i8,
    /// First byte of the weights in the weight section; 0 for operators without.
    pub weights_offset: u32,
    /// First byte of the channel parameters in the weight section, a multiple of 4; 0 for operators without.
    pub channels_offset: u32,
    /// Factors of operators that requantize and have no channel parameters.
    pub arithmetic: Arithmetic,
}

/// Factors of operators that requantize and have no weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Arithmetic {
    /// Nothing, or channel parameters in the weight section.
    None,
    /// Of [`Operator::GlobalAveragePool`]: `input_scale / (output_scale * pixels)`.
    Mean(Requantization),
    /// Of [`Operator::Add`].
    Add(AddParameters),
}
