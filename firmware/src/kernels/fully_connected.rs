//! Fully connected operator.

use shared::quantization::ChannelParameters;

use super::{ShapeMismatch, pointwise::pointwise, span, store};

/// Offsets and clamp of a fully connected operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FullyConnectedArguments {
    /// Minus the input's zero point, `-127..=128`.
    pub input_offset: i32,
    /// The output's zero point, `-128..=127`.
    pub output_offset: i32,
    /// Lower end of the clamp.
    pub activation_min: i8,
    /// Upper end of the clamp.
    pub activation_max: i8,
}

impl FullyConnectedArguments {
    pub(super) fn store(&self, requantized: i32) -> i8 {
        store(requantized, self.output_offset, self.activation_min, self.activation_max)
    }
}

/// Bytes of working memory that [`fully_connected`] takes on this processor, for so many inputs.
pub const fn fully_connected_scratch(inputs: usize) -> usize {
    #[cfg(processor_kernels)]
    return super::bytes(super::processor::fully_connected_words(inputs));
    #[cfg(not(processor_kernels))]
    {
        let _ = inputs;
        0
    }
}

/// Every output from every input: `weights` is `[UNITS, INPUTS]` (`-128..=127`), `input` has `INPUTS` values, `channels`
/// and `output` have `UNITS`. What `scratch` ([`fully_connected_scratch`] bytes) holds does not matter; with less of it,
/// the portable version runs.
///
/// # Errors
/// [`ShapeMismatch`].
pub fn fully_connected(
    arguments: &FullyConnectedArguments,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
    scratch: &mut [i8],
) -> Result<(), ShapeMismatch> {
    #[cfg(processor_kernels)]
    {
        let (_, words, _) = bytemuck::pod_align_to_mut(scratch);
        if let Some(result) = super::processor::fully_connected(arguments, input, weights, channels, output, words) {
            return result;
        }
    }
    let _ = scratch;
    portable(arguments, input, weights, channels, output)
}

/// [`fully_connected`] in plain Rust.
///
/// # Errors
/// [`ShapeMismatch`].
pub fn portable(
    arguments: &FullyConnectedArguments,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
) -> Result<(), ShapeMismatch> {
    let channels = span(channels, 0, output.len())?;
    pointwise(arguments, input.len(), input, weights, channels, output)
}
