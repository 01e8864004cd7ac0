//! Fully connected operator.

use core::arch::aarch64::*;

use shared::quantization::ChannelParameters;

use super::{
    super::{FullyConnectedArguments, ShapeMismatch, filters, span},
    has_dotprod, load, load_sixteen, sdot, widen,
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
    if has_dotprod() {
        return Some(run(arguments, input.len(), weights, channels, output, |weights| {
            // SAFETY: the processor has the dot-product extension.
            unsafe { dot_bytes(input, weights, arguments.input_offset) }
        }));
    }
    let widened: &mut [i16] = bytemuck::cast_slice_mut(scratch.get_mut(..fully_connected_words(input.len()))?);
    for (to, &from) in widened.iter_mut().zip(input) {
        *to = i16::from(from).wrapping_add(arguments.input_offset as i16);
    }
    let activations = widened.get(..input.len())?;
    Some(run(arguments, input.len(), weights, channels, output, |weights| dot(activations, weights)))
}

/// All outputs from the sums of four units at a time.
#[inline(always)]
fn run(
    arguments: &FullyConnectedArguments,
    length: usize,
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
    sums: impl Fn([&[i8]; UNITS]) -> [i32; UNITS],
) -> Result<(), ShapeMismatch> {
    let channels = span(channels, 0, output.len())?;
    let weights = filters(weights, output.len(), length)?;
    let units = output.chunks_mut(UNITS).zip(channels.chunks(UNITS)).zip(weights.chunks((UNITS * length).max(1)));
    for ((output, channels), weights) in units {
        // At the end the last unit's weights stand in for those that are missing.
        let unit = |index: usize| span(weights, index.min(output.len() - 1) * length, length);
        let sums = sums([unit(0)?, unit(1)?, unit(2)?, unit(3)?]);
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

/// The sums of four runs of weights with the activations, `sum (x + offset) w` made as `sum x w + offset sum w`, all slices
/// of one length.
///
/// # Safety
/// The processor has the dot-product extension.
unsafe fn dot_bytes(x: &[i8], weights: [&[i8]; UNITS], input_offset: i32) -> [i32; UNITS] {
    let (chunks, rest) = x.as_chunks::<16>();
    let mut totals = weights.map(|weights| {
        let weights = weights.get(chunks.len() * 16..).unwrap_or(&[]);
        super::super::dot(rest, weights, input_offset)
    });
    let weights = weights.map(|weights| &weights.as_chunks::<16>().0[..chunks.len()]);
    // SAFETY: every AArch64 target that this is compiled for has NEON, and the caller knows of the extension.
    unsafe {
        let mut products = [vdupq_n_s32(0); UNITS];
        let mut sums = [vdupq_n_s32(0); UNITS];
        let ones = vdupq_n_s8(1);
        for (at, x) in chunks.iter().enumerate() {
            let x = load_sixteen(x);
            for ((products, sums), weights) in products.iter_mut().zip(&mut sums).zip(&weights) {
                let weights = load_sixteen(&weights[at]);
                sdot::multiply_pairs(products, x, weights);
                sdot::multiply_pairs(sums, ones, weights);
            }
        }
        for ((total, products), sums) in totals.iter_mut().zip(products).zip(sums) {
            let sums = vaddvq_s32(sums).wrapping_mul(input_offset);
            *total = total.wrapping_add(vaddvq_s32(products)).wrapping_add(sums);
        }
    }
    totals
}
