//! What the header of a model file says, before anyone has checked it.

use serde::{Deserialize, Serialize};

use crate::{
    folding::Folding,
    operator::{Operator, ShapeError},
    preprocessing::Preprocessing,
    quantization::{AddParameters, Quantization, Requantization},
    shape::Shape,
};

/// Bytes that a network's name has at most: what a greeting has room for ([`crate::wire::Hello`]).
pub const MOST_NAME_BYTES: usize = 64;

/// Whether a network may be called so: 1 to [`MOST_NAME_BYTES`] bytes, and no control characters, as devices print it.
pub fn is_name(name: &str) -> bool {
    (1..=MOST_NAME_BYTES).contains(&name.len()) && !name.chars().any(char::is_control)
}

/// The fixed part of the header.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header<'a> {
    /// Name of the network, as its architecture file gives it; see [`is_name`].
    pub name: &'a str,
    /// Indices of the logits' [emotions](crate::label::Emotion), in their order; at most eight, none twice.
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
    /// The pair of convolutions that the operator stands for, if it does.
    pub folding: Option<Folding>,
    /// A pool that takes the operator's output as it is made, band by band; `output` is then the pool's.
    pub pool: Option<FusedPool>,
    /// The (first) tensor read.
    pub input: Tensor,
    /// The second tensor read, by operators that take two.
    pub second_input: Option<Tensor>,
    /// The tensor written.
    pub output: Tensor,
    /// First byte of the arena behind every tensor that holds something while the step runs: the band of a fused pool lies
    /// there, and working memory behind it.
    pub scratch_offset: u32,
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

/// A pool that follows a convolution without a tensor between them. Its windows are as high as they are far apart, so that
/// a band of the convolution's rows is all that a band of the pool's needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FusedPool {
    /// [`Operator::MaxPool2d`] or [`Operator::AveragePool2d`].
    pub operator: Operator,
    /// Rows of the pool's output a band; the last band may have fewer.
    pub band_rows: u16,
}

impl FusedPool {
    /// Rows of the convolution that a row of the pool takes.
    pub const fn rows(&self) -> u16 {
        match self.operator.window() {
            Some(window) => window.stride_height as u16,
            None => 0,
        }
    }

    /// Bytes of a band of a convolution's output of shape `convolved`; `None` if they do not fit a `u32`.
    pub const fn band_bytes(&self, convolved: Shape) -> Option<u32> {
        match self.rows().checked_mul(self.band_rows) {
            Some(height) => Shape::new(height, convolved.width, convolved.channels).elements(),
            None => None,
        }
    }
}

impl StepRecord {
    /// The shape of the operator's output before a fused pool, and after it.
    ///
    /// # Errors
    /// [`ShapeError`] if one of them has no output.
    pub fn output_shapes(&self) -> Result<(Shape, Shape), ShapeError> {
        let shape = self.operator.output_shape(self.input.shape)?;
        Ok((shape, self.pool.map_or(Ok(shape), |pool| pool.operator.output_shape(shape))?))
    }
}

/// Factors of operators that requantize and have no weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Arithmetic {
    /// Nothing, or channel parameters in the weight section.
    None,
    /// Of [`Operator::GlobalAveragePool`]: what [`Requantization::of_mean`] gives. Older files hold the normalized factor
    /// `input_scale / (output_scale * pixels)`; their answers stay as they were, here and there one from TensorFlow Lite's.
    Mean(Requantization),
    /// Of [`Operator::Add`].
    Add(AddParameters),
}
