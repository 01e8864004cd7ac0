//! Fully connected operator.

use shared::quantization::ChannelParameters;

use super::{
    ShapeMismatch,
    pointwise::{FullyConnectedArguments, pointwise},
    span,
};

/// Bytes of working memory that [`fully_connected`] takes on this processor, for this number of inputs.
pub const fn fully_connected_scratch(inputs: usize) -> usize {
    #[cfg(processor_kernels)]
    return super::scratch::bytes(super::processor::fully_connected_words(inputs));
    #[cfg(not(processor_kernels))]
    {
        let _ = inputs;
        0
    }
}

/// Computes every output from every input. `weights` is `[UNITS, INPUTS]` (`-128..=127`), `input` has `INPUTS` values, `channels`
/// and `output` have `UNITS`. The contents of `scratch` ([`fully_connected_scratch`] bytes) do not matter; with fewer
/// bytes, the portable version runs.
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
