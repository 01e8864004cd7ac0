//! Products of 16-bit values: `smlal` multiplies four of them, from eight filters' weights, with a lane of a register.

use core::arch::aarch64::*;

use super::{super::ShapeMismatch, conv2d::Value, load, requantize::LANES};

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
    fn tile<const PIXELS: usize>(windows: [&[Self]; PIXELS], weights: &[Self]) -> [[int32x4_t; 2]; PIXELS] {
        // SAFETY: every AArch64 target that this is compiled for has NEON.
        unsafe {
            let mut sums = [[vdupq_n_s32(0); 2]; PIXELS];
            let windows = windows.map(|window| window.as_chunks::<8>().0);
            let weights = weights.as_chunks::<LANES>().0.as_chunks::<8>().0;
            let chunks = windows.iter().map(|window| window.len()).min().unwrap_or(0).min(weights.len());
            let (windows, weights) = (windows.map(|window| &window[..chunks]), &weights[..chunks]);
            for (at, weights) in weights.iter().enumerate() {
                let activations = windows.map(|window| load(&window[at]));
                macro_rules! multiply {
                    ($($lane:literal)*) => {
                        $(
                            let weight = load(&weights[$lane]);
                            for (sums, activations) in sums.iter_mut().zip(&activations) {
                                sums[0] = vmlal_laneq_s16::<$lane>(sums[0], vget_low_s16(weight), *activations);
                                sums[1] = vmlal_high_laneq_s16::<$lane>(sums[1], weight, *activations);
                            }
                        )*
                    };
                }
                multiply!(0 1 2 3 4 5 6 7);
            }
            sums
        }
    }
}
