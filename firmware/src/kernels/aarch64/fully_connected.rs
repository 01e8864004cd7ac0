//! Fully connected operator.

use core::arch::aarch64::*;

use shared::quantization::ChannelParameters;

use super::{
    super::{FullyConnectedArguments, ShapeMismatch, filters, span},
    load, widen,
};

/// Values of a vector.
const CHUNK: usize = 8;

/// Outputs that share the widened activations.
const UNITS: usize = 4;

/// Words of scratch that so many inputs take.
pub const fn fully_connected_words(inputs: usize) -> usize {
    inputs.next_multiple_of(CHUNK) / 2
}

/// [`fully_connected`](crate::kernels::fully_connected), or `None` if the scratch is too small.
pub fn fully_connected(
    arguments: &FullyConnectedArguments,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
    scratch: &mut [i32],
) -> Option<Result<(), ShapeMismatch>> {
    let widened = scratch.get_mut(..fully_connected_words(input.len()))?;
    Some(run(arguments, input, weights, channels, output, bytemuck::cast_slice_mut(widened)))
}

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
    for (to, &from) in widened.iter_mut().zip(input) {
        *to = i16::from(from).wrapping_add(arguments.input_offset as i16);
    }
    let (activations, length) = (widened.get(..input.len()).ok_or(ShapeMismatch)?, input.len());
    let units = output.chunks_mut(UNITS).zip(channels.chunks(UNITS)).zip(weights.chunks((UNITS * length).max(1)));
    for ((output, channels), weights) in units {
        // At the end the last unit's weights stand in for those that are missing.
        let unit = |index: usize| span(weights, index.min(output.len() - 1) * length, length);
        let sums = dot(activations, [unit(0)?, unit(1)?, unit(2)?, unit(3)?]);
        for ((out, channel), sum) in output.iter_mut().zip(channels).zip(sums) {
            *out = arguments.store(channel.requantize(sum));
        }
    }
    Ok(())
}

/// The dot products of four runs of weights with the widened activations, all of one length.
fn dot(x: &[i16], weights: [&[i8]; UNITS]) -> [i32; UNITS] {
    let (chunks, rest) = x.as_chunks::<CHUNK>();
    let mut totals = weights.map(|weights| {
        let weights = weights.get(chunks.len() * CHUNK..).unwrap_or(&[]);
        rest.iter().zip(weights).fold(0i32, |sum, (&x, &w)| sum.wrapping_add(i32::from(x) * i32::from(w)))
    });
    let weights = weights.map(|weights| &weights.as_chunks::<CHUNK>().0[..chunks.len()]);
    // SAFETY: every AArch64 target that this is compiled for has NEON.
    unsafe {
        let mut sums = [vdupq_n_s32(0); UNITS];
        for (at, x) in chunks.iter().enumerate() {
            let x = load(x);
            for (sum, weights) in sums.iter_mut().zip(&weights) {
                let weights = widen(&weights[at]);
                *sum = vmlal_s16(*sum, vget_low_s16(x), vget_low_s16(weights));
                *sum = vmlal_high_s16(*sum, x, weights);
            }
        }
        for (total, sum) in totals.iter_mut().zip(sums) {
            *total = total.wrapping_add(vaddvq_s32(sum));
        }
    }
    totals
}
