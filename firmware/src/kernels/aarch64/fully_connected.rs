//! Fully connected operator.

use core::arch::{aarch64::*, asm};

use shared::quantization::ChannelParameters;

use super::{
    super::{FullyConnectedArguments, ShapeMismatch, dot, filters, span},
    has_dotprod, load_16, load_64,
    requantize::requantize_four,
    sdot,
};

/// Outputs that share the loaded activations.
const UNITS: usize = 4;

/// Words of scratch for this number of inputs.
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
    // SAFETY: the processor has dot products where they are chosen.
    Some(unsafe { run(arguments, input, weights, channels, output) })
}

/// With the instruction `sdot` or without it.
///
/// # Safety
/// With it, the processor has the dot-product extension.
unsafe fn run<const SDOT: bool>(
    arguments: &FullyConnectedArguments,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
) -> Result<(), ShapeMismatch> {
    let FullyConnectedArguments { input_offset, output_offset, activation_min, activation_max } = *arguments;
    let (channels, length) = (span(channels, 0, output.len())?, input.len());
    let weights = filters(weights, output.len(), length)?;
    let (units, clamp) = (output.len(), [activation_min, activation_max]);
    for first in (0..units).step_by(UNITS) {
        // The last four begin early enough to be whole. Where there are fewer, the last one's weights stand in.
        let first = first.min(units.saturating_sub(UNITS));
        let unit = |index: usize| span(weights, (first + index).min(units - 1) * length, length);
        let weights = [unit(0)?, unit(1)?, unit(2)?, unit(3)?];
        // SAFETY: as the caller says.
        let sums = unsafe { dots::<SDOT>(input, weights, input_offset) };
        let (channels, output) = (span(channels, first, units - first)?, output.get_mut(first..).ok_or(ShapeMismatch)?);
        if let (Some(channels), Some(output)) = (channels.first_chunk(), output.first_chunk_mut()) {
            *output = requantize_four(sums, channels, output_offset, clamp);
            continue;
        }
        let mut four = [ChannelParameters::default(); UNITS];
        four.iter_mut().zip(channels).for_each(|(to, channel)| *to = *channel);
        output.iter_mut().zip(requantize_four(sums, &four, output_offset, clamp)).for_each(|(to, value)| *to = value);
    }
    Ok(())
}

/// `sum (x + offset) w` of four runs of weights; all slices are of one length. It is computed as `sum x w + offset sum w`; each
/// step wraps, so that the result is the same bit for bit.
///
/// # Safety
/// See [`run`].
#[inline(always)]
unsafe fn dots<const SDOT: bool>(x: &[i8], weights: [&[i8]; UNITS], input_offset: i32) -> int32x4_t {
    let (sixteens, rest) = x.as_chunks::<16>();
    let (chunks, last) = sixteens.as_chunks::<4>();
    let rests = if rest.is_empty() {
        [0; UNITS]
    } else {
        weights.map(|weights| dot(rest, weights.get(sixteens.len() * 16..).unwrap_or(&[]), input_offset))
    };
    let weights = weights.map(|weights| weights.as_chunks::<16>().0[..sixteens.len()].as_chunks::<4>());
    let mut sums = Sums::default();
    for (at, x) in chunks.iter().enumerate() {
        let x = load_64(x).map(activations::<SDOT>);
        for (unit, (weights, _)) in weights.iter().enumerate() {
            if SDOT {
                // SAFETY: as the caller says.
                x.into_iter().zip(load_64(&weights[at])).for_each(|(x, w)| unsafe { sums.add::<SDOT>(unit, x, w) });
            } else {
                sums.add_64(unit, x, &weights[at]);
            }
        }
    }
    for (at, x) in last.iter().enumerate() {
        let x = activations::<SDOT>(load_16(x));
        for (unit, (_, weights)) in weights.iter().enumerate() {
            // SAFETY: as the caller says.
            unsafe { sums.add::<SDOT>(unit, x, load_16(&weights[at])) };
        }
    }
    let Sums { products: [a, b, c, d], weights } = sums;
    // What the second half of the activations lacks, see `activations`.
    let lacking = if SDOT { 0 } else { 1 };
    let factors = [input_offset, input_offset, input_offset - lacking, input_offset - lacking];
    // SAFETY: every AArch64 target that this is compiled for has NEON; the loads are inside the arrays.
    unsafe {
        let factors = vld1q_s32(factors.as_ptr());
        let [a, b, c, d] = [(a, 0), (b, 1), (c, 2), (d, 3)].map(|(sums, unit)| vmlaq_s32(sums, weights[unit], factors));
        let sums = vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d));
        vaddq_s32(sums, vld1q_s32(rests.as_ptr()))
    }
}

/// Without `sdot`, the upper eight activations are `-1 - x`. Their products are subtracted from those of the lower eight:
/// two products of bytes can add up to `2^15`, one more than 16 bits hold, but of these differences none does.
#[inline(always)]
fn activations<const SDOT: bool>(mut x: int8x16_t) -> int8x16_t {
    if !SDOT {
        // SAFETY: every AArch64 target that this is compiled for has NEON. In assembly, or else the compiler takes the halves
        // apart first.
        unsafe {
            let mask = vcombine_s8(vdup_n_s8(0), vdup_n_s8(-1));
            asm!(
                "eor {x:v}.16b, {x:v}.16b, {mask:v}.16b", x = inout(vreg) x, mask = in(vreg) mask,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
    }
    x
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
    /// Adds the products of sixteen values.
    ///
    /// # Safety
    /// See [`run`].
    #[inline(always)]
    unsafe fn add<const SDOT: bool>(&mut self, unit: usize, x: int8x16_t, w: int8x16_t) {
        let (products, weights) = (&mut self.products[unit], &mut self.weights[unit]);
        // SAFETY: every AArch64 target that this is compiled for has NEON, and dot products as the caller says.
        unsafe {
            if SDOT {
                sdot::multiply_pairs(products, x, w);
                sdot::multiply_pairs(weights, vdupq_n_s8(1), w);
            } else {
                let differences = vmlsl_high_s8(vmull_s8(vget_low_s8(x), vget_low_s8(w)), x, w);
                *products = vpadalq_s16(*products, differences);
                // The lower and the upper half stay apart.
                *weights = vpadalq_s16(*weights, vpaddlq_s8(w));
            }
        }
    }

    /// Adds the products of 64 values without `sdot`, in assembly: the compiler would take up all four units at once, for
    /// which there are too few registers.
    #[inline(always)]
    fn add_64(&mut self, unit: usize, [x0, x1, x2, x3]: [int8x16_t; 4], w: &[[i8; 16]; 4]) {
        // SAFETY: reads the 64 weights.
        unsafe {
            asm!(
                "ldp {w0:q}, {w1:q}, [{w}]",
                "ldp {w2:q}, {w3:q}, [{w}, #32]",
                "smull {t0:v}.8h, {x0:v}.8b, {w0:v}.8b",
                "smull {t1:v}.8h, {x1:v}.8b, {w1:v}.8b",
                "smlsl2 {t0:v}.8h, {x0:v}.16b, {w0:v}.16b",
                "smlsl2 {t1:v}.8h, {x1:v}.16b, {w1:v}.16b",
                // Eight weights fit 16 bits.
                "saddlp {w0:v}.8h, {w0:v}.16b",
                "sadalp {products:v}.4s, {t0:v}.8h",
                "sadalp {w0:v}.8h, {w1:v}.16b",
                "sadalp {products:v}.4s, {t1:v}.8h",
                "smull {t0:v}.8h, {x2:v}.8b, {w2:v}.8b",
                "smull {t1:v}.8h, {x3:v}.8b, {w3:v}.8b",
                "smlsl2 {t0:v}.8h, {x2:v}.16b, {w2:v}.16b",
                "smlsl2 {t1:v}.8h, {x3:v}.16b, {w3:v}.16b",
                "sadalp {w0:v}.8h, {w2:v}.16b",
                "sadalp {products:v}.4s, {t0:v}.8h",
                "sadalp {w0:v}.8h, {w3:v}.16b",
                "sadalp {products:v}.4s, {t1:v}.8h",
                "sadalp {weights:v}.4s, {w0:v}.8h",
                products = inout(vreg) self.products[unit], weights = inout(vreg) self.weights[unit],
                x0 = in(vreg) x0, x1 = in(vreg) x1, x2 = in(vreg) x2, x3 = in(vreg) x3, w = in(reg) w,
                w0 = out(vreg) _, w1 = out(vreg) _, w2 = out(vreg) _, w3 = out(vreg) _,
                t0 = out(vreg) _, t1 = out(vreg) _,
                options(pure, readonly, nostack, preserves_flags),
            );
        }
    }
}
