//! Mean over all pixels.

use shared::quantization::Requantization;

use super::{ShapeMismatch, store};

/// Offsets, factor and clamp of a mean over all pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeanArguments {
    /// Minus the input's zero point, `-127..=128`.
    pub input_offset: i32,
    /// The output's zero point, `-128..=127`.
    pub output_offset: i32,
    /// [`Requantization::of_mean`]: the division by the number of pixels is part of the factor.
    pub factor: Requantization,
    /// Lower end of the clamp.
    pub activation_min: i8,
    /// Upper end of the clamp.
    pub activation_max: i8,
}

/// The mean over the pixels of `input` (`[H, W, C]`) for each of the `C` channels of `output` (TensorFlow Lite's `MEAN`
/// over height and width).
///
/// # Errors
/// [`ShapeMismatch`] if the input is not a whole number of pixels.
pub fn global_average_pool(arguments: &MeanArguments, input: &[i8], output: &mut [i8]) -> Result<(), ShapeMismatch> {
    let depth = output.len().max(1);
    if !input.len().is_multiple_of(depth) {
        return Err(ShapeMismatch);
    }
    for (channel, out) in output.iter_mut().enumerate() {
        let values = input.iter().skip(channel).step_by(depth);
        let sum = values.fold(0i32, |sum, &value| sum.wrapping_add(arguments.input_offset.wrapping_add(value.into())));
        let mean = arguments.factor.apply(sum);
        *out = store(mean, arguments.output_offset, arguments.activation_min, arguments.activation_max);
    }
    Ok(())
}
