//! What the checks of operators share.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::ShapeError;
use crate::quantization::{ChannelParameters, Requantization};

/// Largest magnitude of an activation minus its zero point.
pub const LARGEST_INPUT: i64 = 255;

/// Largest magnitude of a weight.
const LARGEST_WEIGHT: i64 = 128;

/// What is wrong with a step of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepError {
    /// The record does not decode, or bytes follow the last one.
    Record,
    /// The operator has no output for its input's shape.
    Shape(ShapeError),
    /// The output's shape is not what the operator computes.
    OutputShape,
    /// The step reads a tensor that no step wrote, or that was overwritten since.
    DeadInput,
    /// The number of inputs is wrong, or the shapes of two inputs do not fit each other.
    Inputs,
    /// The output overlaps an input.
    Overlap,
    /// The output reaches beyond the arena that the header states.
    OutsideArena,
    /// A folded pair of convolutions or a fused pool does not fit the operator.
    Fusion,
    /// The working memory begins before the end of one of the step's tensors, or ends beyond the arena.
    Scratch,
    /// More tensors are alive at once than the checker has memory for.
    TooManyTensors,
    /// Weights or channel parameters lie outside the weight section, or are not aligned.
    Weights,
    /// A scale, multiplier, shift or clamp is out of range, or does not fit the operator.
    Quantization,
    /// A sum could overflow 32 bits.
    Accumulator,
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            StepError::Record => "its record does not decode",
            StepError::Shape(error) => return error.fmt(f),
            StepError::OutputShape => "the output has another shape than computed",
            StepError::DeadInput => "it reads a tensor that does not hold a result",
            StepError::Inputs => "the number or the shapes of its inputs do not fit",
            StepError::Overlap => "the output overlaps an input",
            StepError::OutsideArena => "a tensor reaches beyond the arena",
            StepError::Fusion => "what is folded into its operator does not fit the operator",
            StepError::Scratch => "its working memory overlaps its tensors",
            StepError::TooManyTensors => "too many tensors are alive at once",
            StepError::Weights => "weights outside the weight section",
            StepError::Quantization => "quantization parameters out of range",
            StepError::Accumulator => "a sum could overflow 32 bits",
        };
        f.write_str(words)
    }
}

impl core::error::Error for StepError {}

/// Where the weights of a step begin in the weight section.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightOffsets {
    /// First byte of the weights.
    pub weights: u32,
    /// First byte of the channel parameters, a multiple of 4.
    pub channels: u32,
}

/// The weight section of a model file.
#[derive(Clone, Copy, Debug)]
pub struct WeightSection<'a>(pub &'a [u8]);

impl<'a> WeightSection<'a> {
    /// `count` values from `offset`.
    ///
    /// # Errors
    /// [`StepError::Weights`] if they reach beyond the section.
    pub fn values(&self, offset: u32, count: u64) -> Result<&'a [i8], StepError> {
        let bytes = usize::try_from(count).ok().and_then(|count| self.bytes(offset, count));
        bytes.map(bytemuck::cast_slice).ok_or(StepError::Weights)
    }

    /// `count` channel parameters from `offset`.
    ///
    /// # Errors
    /// [`StepError::Weights`] if they reach beyond the section or are not aligned.
    pub fn channels(&self, offset: u32, count: u64) -> Result<&'a [ChannelParameters], StepError> {
        let bytes = usize::try_from(count).ok().and_then(|count| count.checked_mul(size_of::<ChannelParameters>()));
        let bytes = bytes.and_then(|bytes| self.bytes(offset, bytes)).ok_or(StepError::Weights)?;
        // An empty slice has no address that would have to be aligned.
        if bytes.is_empty() { Ok(&[]) } else { bytemuck::try_cast_slice(bytes).map_err(|_| StepError::Weights) }
    }

    fn bytes(&self, offset: u32, length: usize) -> Option<&'a [u8]> {
        if length == 0 {
            return Some(&[]);
        }
        let start = offset as usize;
        self.0.get(start..start.checked_add(length)?)
    }
}

/// Checks an operator with weights: its factors are in range, and its sums fit 32 bits.
///
/// # Errors
/// [`StepError::Quantization`] and [`StepError::Accumulator`].
pub fn check_channels(weights: &[i8], channels: &[ChannelParameters]) -> Result<(), StepError> {
    let products = weights.len().checked_div(channels.len()).unwrap_or(0) as i64;
    let largest_sum = products.saturating_mul(LARGEST_INPUT * LARGEST_WEIGHT);
    for channel in channels {
        if !channel.requantization().is_valid() {
            return Err(StepError::Quantization);
        }
        let largest = largest_sum.saturating_add(i64::from(channel.bias).abs());
        check_sum(largest, channel.requantization())?;
    }
    Ok(())
}

/// Checks that sums of this magnitude, shifted left as `factor` says, fit an `i32`.
///
/// # Errors
/// [`StepError::Accumulator`].
pub fn check_sum(magnitude: i64, factor: Requantization) -> Result<(), StepError> {
    if magnitude <= i64::from(i32::MAX >> factor.shift.max(0)) { Ok(()) } else { Err(StepError::Accumulator) }
}
