//! Fully connected operator.

use shared::quantization::ChannelParameters;

use super::{
    SliceTooShort,
    dot::{dot, dot_tile},
    store,
    taps::span,
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

/// Every output from every input: `weights` is `[UNITS, INPUTS]` (`-127..=127`), `input` has `INPUTS` values, `channels`
/// and `output` have `UNITS`.
///
/// # Errors
/// [`SliceTooShort`].
pub fn fully_connected(
    arguments: &FullyConnectedArguments,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
) -> Result<(), SliceTooShort> {
    let offset = arguments.input_offset;
    let channels = span(channels, 0, output.len())?;
    let mut rows = weights.chunks_exact(input.len().max(1));
    let mut next = || rows.next().ok_or(SliceTooShort);
    let finish = |channel: &ChannelParameters, sum| {
        store(channel.requantize(sum), arguments.output_offset, arguments.activation_min, arguments.activation_max)
    };
    let (tiles, rest) = output.as_chunks_mut::<4>();
    let (channel_tiles, channel_rest) = channels.as_chunks::<4>();
    for (tile, channels) in tiles.iter_mut().zip(channel_tiles) {
        let sums = dot_tile(input, [next()?, next()?, next()?, next()?], offset);
        for ((out, channel), sum) in tile.iter_mut().zip(channels).zip(sums) {
            *out = finish(channel, sum);
        }
    }
    for (out, channel) in rest.iter_mut().zip(channel_rest) {
        *out = finish(channel, dot(input, next()?, offset));
    }
    Ok(())
}
