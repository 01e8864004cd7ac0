//! Products of bytes, for processors with the dot-product extension: `sdot` adds the products of four values of four
//! filters each with a lane of a register, which holds four activations.
//!
//! Bytes have no room for the offset: `sum (x + offset) w` is computed as `sum x w`, to which the filter's weights, added up
//! and multiplied by the offset, are added with the bias. Padding is the zero point, to which the same addition gives zero.
//! All of it wraps as the sum itself does, so that the result is the same bit for bit.

use core::arch::{aarch64::*, asm};

use super::{super::ShapeMismatch, conv2d::Value, load_4, load_16, load_64, requantize::LANES};

/// Values of a window that share a lane.
const FOUR: usize = 4;

impl Value for i8 {
    const CHUNK: usize = FOUR;

    fn activation(value: i8, _: i32) -> Self {
        value
    }

    /// `[window / 4][8][4]`.
    fn place_weights(values: &[i8], first: usize, filter: usize, to: &mut [Self]) -> Result<(), ShapeMismatch> {
        let place = |value: usize| (value / FOUR * LANES + filter) * FOUR + value % FOUR;
        if first.is_multiple_of(FOUR) && values.len().is_multiple_of(FOUR) {
            let to = to.get_mut(place(first)..).ok_or(ShapeMismatch)?.chunks_mut(LANES * FOUR);
            for (to, values) in to.zip(values.as_chunks::<FOUR>().0) {
                *to.first_chunk_mut().ok_or(ShapeMismatch)? = *values;
            }
            return Ok(());
        }
        for (value, &weight) in (first..).zip(values) {
            *to.get_mut(place(value)).ok_or(ShapeMismatch)? = weight;
        }
        Ok(())
    }

    fn correction(weights: &[i8], input_offset: i32) -> i32 {
        let sum = weights.iter().fold(0i32, |sum, &weight| sum.wrapping_add(weight.into()));
        sum.wrapping_mul(input_offset)
    }

    #[inline(always)]
    unsafe fn tile<const PIXELS: usize>(windows: [&[Self]; PIXELS], weights: &[Self]) -> [[int32x4_t; 2]; PIXELS] {
        // Four values of four filters each, twice for every four of the window.
        let weights = weights.as_chunks::<16>().0;
        let fours = windows.iter().map(|window| window.len() / FOUR).min().unwrap_or(0).min(weights.len() / 2);
        let (chunks, rest) = weights[..2 * fours].as_chunks::<8>();
        let starts = windows.map(|window| &window.as_chunks::<16>().0[..chunks.len()]);
        let ends = windows.map(|window| &window.as_chunks::<FOUR>().0[4 * chunks.len()..fours]);
        // SAFETY: every AArch64 target that this is compiled for has NEON.
        let mut sums = [[unsafe { vdupq_n_s32(0) }; 2]; PIXELS];
        for (at, weights) in chunks.iter().enumerate() {
            let activations = starts.map(|window| load_16(&window[at]));
            let [first, second] = weights.as_chunks::<4>().0 else { continue };
            // SAFETY: as the caller says, the processor has the dot-product extension.
            unsafe {
                let [a, b, c, d] = load_64(first);
                multiply::<0, PIXELS>(&mut sums, [a, b], &activations);
                multiply::<1, PIXELS>(&mut sums, [c, d], &activations);
                let [a, b, c, d] = load_64(second);
                multiply::<2, PIXELS>(&mut sums, [a, b], &activations);
                multiply::<3, PIXELS>(&mut sums, [c, d], &activations);
            }
        }
        for (at, weights) in rest.as_chunks::<2>().0.iter().enumerate() {
            let activations = ends.map(|window| load_4(&window[at]));
            let weights = [load_16(&weights[0]), load_16(&weights[1])];
            // SAFETY: as above.
            unsafe { multiply::<0, PIXELS>(&mut sums, weights, &activations) };
        }
        sums
    }
}

/// Adds the products of four values of eight filters with those in `LANE` of the activations of each pixel.
///
/// # Safety
/// The processor has the dot-product extension.
#[inline(always)]
unsafe fn multiply<const LANE: usize, const PIXELS: usize>(
    sums: &mut [[int32x4_t; 2]; PIXELS],
    weights: [int8x16_t; 2],
    activations: &[int8x16_t; PIXELS],
) {
    for (sums, activations) in sums.iter_mut().zip(activations) {
        for (sum, weights) in sums.iter_mut().zip(weights) {
            // SAFETY: a multiplication of registers, by an instruction that the processor has, as the caller says.
            unsafe {
                asm!(
                    ".arch_extension dotprod",
                    "sdot {sum:v}.4s, {weights:v}.16b, {activations:v}.4b[{lane}]",
                    sum = inout(vreg) *sum, weights = in(vreg) weights, activations = in(vreg) *activations,
                    lane = const LANE, options(pure, nomem, nostack, preserves_flags),
                );
            }
        }
    }
}

/// Adds the products of sixteen pairs of bytes, four to a sum.
///
/// # Safety
/// The processor has the dot-product extension.
#[inline(always)]
pub(super) unsafe fn multiply_pairs(sum: &mut int32x4_t, a: int8x16_t, b: int8x16_t) {
    // SAFETY: a multiplication of registers, by an instruction that the processor has, as the caller says.
    unsafe {
        asm!(
            ".arch_extension dotprod", "sdot {sum:v}.4s, {a:v}.16b, {b:v}.16b",
            sum = inout(vreg) *sum, a = in(vreg) a, b = in(vreg) b, options(pure, nomem, nostack, preserves_flags),
        );
    }
}
