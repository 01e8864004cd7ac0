//! Fully connected operator.

use core::arch::aarch64::*;

use shared::quantization::ChannelParameters;

use super::{
    super::{FullyConnectedArguments, ShapeMismatch, dot, filters, span},
    has_dotprod, load_16, load_64, sdot,
};

/// Outputs that share the loaded activations.
const UNITS: usize = 4;

/// Words of scratch that so many inputs take.
pub const fn fully_connected_words(_: usize) -> usize {
    0
}

/// [`fully_connected`](crate::kernels::fully_connected).
pub fn fully_connected(
    arguments: &FullyConnectedArguments,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
    _: &mut [i32],
) -> Option<Result<(), ShapeMismatch>> {
    let run = if has_dotprod() { run::<true> } else { run::<false> };
    Some(run(arguments, input, weights, channels, output))
}

/// With the instruction `sdot` or without it.
fn run<const SDOT: bool>(
    arguments: &FullyConnectedArguments,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
) -> Result<(), ShapeMismatch> {
    let (channels, length) = (span(channels, 0, output.len())?, input.len());
    let weights = filters(weights, output.len(), length)?;
    let units = output.chunks_mut(UNITS).zip(channels.chunks(UNITS)).zip(weights.chunks((UNITS * length).max(1)));
    for ((output, channels), weights) in units {
        // At the end the last unit's weights stand in for those that are missing.
        let unit = |index: usize| span(weights, index.min(output.len() - 1) * length, length);
        let sums = dots::<SDOT>(input, [unit(0)?, unit(1)?, unit(2)?, unit(3)?], arguments.input_offset);
        for ((out, channel), sum) in output.iter_mut().zip(channels).zip(sums) {
            *out = arguments.store(channel.requantize(sum));
        }
    }
    Ok(())
}

/// `sum (x + offset) w` of four runs of weights, made as `sum x w + offset sum w`; all slices are of one length. Each of
/// the steps wraps, so that the result is the same bit for bit.
#[inline(always)]
fn dots<const SDOT: bool>(x: &[i8], weights: [&[i8]; UNITS], input_offset: i32) -> [i32; UNITS] {
    let (sixteens, rest) = x.as_chunks::<16>();
    let (chunks, last) = sixteens.as_chunks::<4>();
    let mut totals = weights.map(|weights| dot(rest, weights.get(sixteens.len() * 16..).unwrap_or(&[]), input_offset));
    let weights = weights.map(|weights| weights.as_chunks::<16>().0[..sixteens.len()].as_chunks::<4>());
    let mut sums = Sums::default();
    for (at, x) in chunks.iter().enumerate() {
        let x = load_64(x);
        for (unit, (weights, _)) in weights.iter().enumerate() {
            sums.add::<SDOT, 4>(unit, x, load_64(&weights[at]));
        }
    }
    for (at, x) in last.iter().enumerate() {
        let x = [load_16(x)];
        for (unit, (_, weights)) in weights.iter().enumerate() {
            sums.add::<SDOT, 1>(unit, x, [load_16(&weights[at])]);
        }
    }
    for (total, (products, weights)) in totals.iter_mut().zip(sums.products.into_iter().zip(sums.weights)) {
        // SAFETY: every AArch64 target that this is compiled for has NEON.
        let (products, weights) = unsafe { (vaddvq_s32(products), vaddvq_s32(weights)) };
        *total = total.wrapping_add(products).wrapping_add(weights.wrapping_mul(input_offset));
    }
    totals
}

/// Sums of products and of weights, for each unit four that belong together.
struct Sums {
    products: [int32x4_t; UNITS],
    weights: [int32x4_t; UNITS],
}

impl Default for Sums {
    fn default() -> Self {
        // SAFETY: every AArch64 target that this is compiled for has NEON.
        let zero = unsafe { vdupq_n_s32(0) };
        Self { products: [zero; UNITS], weights: [zero; UNITS] }
    }
}

impl Sums {
    /// Adds the products of `VECTORS` vectors of sixteen values, at most four.
    #[inline(always)]
    fn add<const SDOT: bool, const VECTORS: usize>(
        &mut self,
        unit: usize,
        x: [int8x16_t; VECTORS],
        w: [int8x16_t; VECTORS],
    ) {
        let (products, weights) = (&mut self.products[unit], &mut self.weights[unit]);
        // SAFETY: every AArch64 target that this is compiled for has NEON, and who says `SDOT` has looked for it.
        unsafe {
            if SDOT {
                for (x, w) in x.into_iter().zip(w) {
                    sdot::multiply_pairs(products, x, w);
                    sdot::multiply_pairs(weights, vdupq_n_s8(1), w);
                }
                return;
            }
            // A product fits 16 bits, two of them do not; of weights, eight do.
            let mut pairs = vdupq_n_s16(0);
            for (x, w) in x.into_iter().zip(w) {
                *products = vpadalq_s16(*products, vmull_s8(vget_low_s8(x), vget_low_s8(w)));
                *products = vpadalq_s16(*products, vmull_high_s8(x, w));
                pairs = vpadalq_s8(pairs, w);
            }
            *weights = vpadalq_s16(*weights, pairs);
        }
    }
}
