//! Fully connected operator.

use bytemuck::cast;
use shared::quantization::ChannelParameters;

use super::{
    super::{FullyConnectedArguments, ShapeMismatch, filters, span},
    LANES,
    vector::{self, widen},
};

/// Values of a vector.
const CHUNK: usize = 16;

/// Outputs that share the widened activations.
const UNITS: usize = 4;

/// Words of scratch for this number of inputs.
pub const fn fully_connected_words(inputs: usize) -> usize {
    inputs.next_multiple_of(CHUNK) / 2
}

/// [`fully_connected`](crate::kernels::fully_connected), or `None` if the processor has no such vectors or the scratch is too small.
pub fn fully_connected(
    arguments: &FullyConnectedArguments,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
    scratch: &mut [i32],
) -> Option<Result<(), ShapeMismatch>> {
    if !vector::exists() {
        return None;
    }
    let widened = scratch.get_mut(..fully_connected_words(input.len()))?;
    #[allow(unused_unsafe, reason = "needed on x86-64")]
    // SAFETY: the processor has these vectors.
    Some(unsafe { run(arguments, input, weights, channels, output, bytemuck::cast_slice_mut(widened)) })
}

#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
fn run(
    arguments: &FullyConnectedArguments,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
    widened: &mut [i16],
) -> Result<(), ShapeMismatch> {
    let channels = span(channels, 0, output.len())?;
    let weights = filters(weights, output.len(), input.len())?;
    // Zeros stay behind the last value, so the weights beyond the last do not matter.
    widened.fill(0);
    for (to, &from) in widened.iter_mut().zip(input) {
        *to = i16::from(from).wrapping_add(arguments.input_offset as i16);
    }
    let (input, _) = widened.as_chunks::<CHUNK>();
    let length = weights.len().checked_div(output.len()).unwrap_or(0).max(1);
    let units = output.chunks_mut(UNITS).zip(channels.chunks(UNITS)).zip(weights.chunks(UNITS * length));
    for ((output, channels), weights) in units {
        // At the end the last unit's weights stand in for those that are missing.
        let unit = |index: usize| span(weights, index.min(output.len() - 1) * length, length);
        let sums = dot(input, [unit(0)?, unit(1)?, unit(2)?, unit(3)?]);
        for ((out, channel), sum) in output.iter_mut().zip(channels).zip(sums) {
            *out = arguments.store(channel.requantize(sum));
        }
    }
    Ok(())
}

/// The dot products of four runs of weights with the widened activations.
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
#[inline]
fn dot(x: &[[i16; CHUNK]], weights: [&[i8]; UNITS]) -> [i32; UNITS] {
    let mut sums = [vector::zero(); UNITS];
    let (chunks, rests) = (weights.map(|w| w.as_chunks::<CHUNK>().0), weights.map(|w| w.as_chunks::<CHUNK>().1));
    let length = chunks[0].len().min(x.len());
    let (whole, last) = x.split_at(length);
    let chunks = chunks.map(|chunks| &chunks[..length]);
    for (at, x) in whole.iter().enumerate() {
        let x = cast(*x);
        for (sum, chunks) in sums.iter_mut().zip(&chunks) {
            *sum = vector::add_words(*sum, vector::multiply_pairs(x, widen(&chunks[at])));
        }
    }
    if let [x] = last {
        for (sum, rest) in sums.iter_mut().zip(rests) {
            let mut weights = [0; CHUNK];
            weights.iter_mut().zip(rest).for_each(|(to, &from)| *to = from);
            *sum = vector::add_words(*sum, vector::multiply_pairs(cast(*x), widen(&weights)));
        }
    }
    sums.map(|sum| cast::<_, [i32; LANES]>(sum).iter().fold(0i32, |total, &part| total.wrapping_add(part)))
}
