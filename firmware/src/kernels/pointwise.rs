//! Products of a matrix of weights with vectors of activations: 1x1 convolutions, and fully connected operators, which are
//! 1x1 convolutions of a single pixel.

use shared::quantization::ChannelParameters;

use super::{
    ShapeMismatch,
    dot::{dot, dot_tile},
    requantize, span, store,
};

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

/// Every output channel of every pixel: `input` is `[PIXELS, C_IN]` with `C_IN = depth`, `weights` is `[C_OUT, C_IN]`, `output` is
/// `[PIXELS, C_OUT]` and `channels` has `C_OUT` entries. Four output channels share the activations.
///
/// # Errors
/// [`ShapeMismatch`].
pub(super) fn pointwise(
    arguments: &FullyConnectedArguments,
    depth: usize,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
) -> Result<(), ShapeMismatch> {
    let FullyConnectedArguments { input_offset, .. } = *arguments;
    let (depth, width) = (depth.max(1), channels.len().max(1));
    let weights = super::filters(weights, channels.len(), depth)?;
    if input.len() / depth < output.len() / width {
        return Err(ShapeMismatch);
    }
    let (channel_tiles, channel_rest) = channels.as_chunks::<4>();
    let (tile_weights, rest_weights) =
        weights.split_at_checked(channel_tiles.len() * 4 * depth).ok_or(ShapeMismatch)?;
    for (x, pixel) in input.chunks_exact(depth).zip(output.chunks_exact_mut(width)) {
        let (tiles, rest) = pixel.as_chunks_mut::<4>();
        let filters = tile_weights.chunks_exact(4 * depth);
        for ((tile, channels), filters) in tiles.iter_mut().zip(channel_tiles).zip(filters) {
            let rows = [0, 1, 2, 3].map(|row| span(filters, row * depth, depth).unwrap_or(&[]));
            for ((out, channel), sum) in tile.iter_mut().zip(channels).zip(dot_tile(x, rows, input_offset)) {
                *out = arguments.store(requantize(channel, sum));
            }
        }
        for ((out, channel), filter) in rest.iter_mut().zip(channel_rest).zip(rest_weights.chunks_exact(depth)) {
            *out = arguments.store(requantize(channel, dot(x, filter, input_offset)));
        }
    }
    Ok(())
}
