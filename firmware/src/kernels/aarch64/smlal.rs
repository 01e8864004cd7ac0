//! Products of 16-bit values: `smlal` multiplies four of them, from eight filters' weights, with a lane of a register.

use core::arch::aarch64::*;

use super::{super::ShapeMismatch, conv2d::Value, load_16, load_64, requantize::LANES};

impl Value for i16 {
    const CHUNK: usize = 8;

    fn activation(value: i8, input_offset: i32) -> Self {
        Self::from(value).wrapping_add(input_offset as Self)
    }

    /// `[window][8]`.
    fn place_weights(values: &[i8], first: usize, filter: usize, to: &mut [Self]) -> Result<(), ShapeMismatch> {
        let to = to.get_mut(first * LANES..).ok_or(ShapeMismatch)?;
        to.as_chunks_mut::<LANES>().0.iter_mut().zip(values).for_each(|(to, &value)| to[filter] = value.into());
        Ok(())
    }

    /// The offset is in the activations.
    fn correction(_: &[i8], _: i32) -> i32 {
        0
    }

    #[inline(always)]
    unsafe fn tile<const PIXELS: usize>(windows: [&[Self]; PIXELS], weights: &[Self]) -> [[int32x4_t; 2]; PIXELS] {
        let windows = windows.map(|window| bytemuck::cast_slice(window).as_chunks::<16>().0);
        // Eight values of eight filters.
        let weights = bytemuck::cast_slice(weights).as_chunks::<16>().0.as_chunks::<8>().0;
        let chunks = windows.iter().map(|window| window.len()).min().unwrap_or(0).min(weights.len());
        let (windows, weights) = (windows.map(|window| &window[..chunks]), &weights[..chunks]);
        // SAFETY: every AArch64 target that this is compiled for has NEON.
        let mut sums = [[unsafe { vdupq_n_s32(0) }; 2]; PIXELS];
        for (at, weights) in weights.iter().enumerate() {
            let activations = windows.map(|window| load_16(&window[at]));
            let [first, second] = weights.as_chunks::<4>().0 else { continue };
            let [a, b, c, d] = load_64(first);
            multiply::<0, PIXELS>(&mut sums, a, &activations);
            multiply::<1, PIXELS>(&mut sums, b, &activations);
            multiply::<2, PIXELS>(&mut sums, c, &activations);
            multiply::<3, PIXELS>(&mut sums, d, &activations);
            let [a, b, c, d] = load_64(second);
            multiply::<4, PIXELS>(&mut sums, a, &activations);
            multiply::<5, PIXELS>(&mut sums, b, &activations);
            multiply::<6, PIXELS>(&mut sums, c, &activations);
            multiply::<7, PIXELS>(&mut sums, d, &activations);
        }
        sums
    }
}

/// Adds the products of a value of eight filters with that in `LANE` of the activations of each pixel, all in 16 bits.
#[inline(always)]
fn multiply<const LANE: i32, const PIXELS: usize>(
    sums: &mut [[int32x4_t; 2]; PIXELS],
    weights: int8x16_t,
    activations: &[int8x16_t; PIXELS],
) {
    for (sums, activations) in sums.iter_mut().zip(activations) {
        // SAFETY: every AArch64 target that this is compiled for has NEON.
        unsafe {
            let (weights, activations) = (vreinterpretq_s16_s8(weights), vreinterpretq_s16_s8(*activations));
            sums[0] = vmlal_laneq_s16::<LANE>(sums[0], vget_low_s16(weights), activations);
            sums[1] = vmlal_high_laneq_s16::<LANE>(sums[1], weights, activations);
        }
    }
}
