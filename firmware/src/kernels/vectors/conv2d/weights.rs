//! Weights as the multiplication reads them.

use bytemuck::cast;

use super::super::{
    super::{ConvArguments, ShapeMismatch, stripe::Convolution},
    LANES,
    tile::Pairs,
    vector::{self, transpose, widen},
};

/// Values of a vector of 16 bits.
const CHUNK: usize = 16;

impl Convolution<'_> {
    /// Widens the weights to `[filters / 8][window / 2][8][2]`, in the order of the stripe.
    #[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
    pub(super) fn widen_weights(&self, widened: &mut [Pairs]) -> Result<(), ShapeMismatch> {
        let ConvArguments { window, input_shape, .. } = *self.arguments;
        let depth = usize::from(input_shape.channels);
        let (rows, columns) = (usize::from(window.kernel_height), usize::from(window.kernel_width));
        let pairs = self.layout.window / 2;
        if depth.is_multiple_of(CHUNK) && depth > 0 && self.channels.len().is_multiple_of(LANES) {
            return self.widen_whole_weights(widened);
        }
        // Padding between columns and missing filters stay zero.
        widened.fill([0; LANES]);
        for (filter, weights) in self.weights.chunks_exact((rows * columns * depth).max(1)).enumerate() {
            let widened = widened
                .get_mut(filter / LANES * pairs..)
                .and_then(|rest| rest.get_mut(..pairs))
                .ok_or(ShapeMismatch)?;
            let lane = filter % LANES;
            if depth.is_multiple_of(2) {
                let mut taps = weights.chunks_exact(depth.max(1));
                for ky in 0..rows {
                    for (kx, values) in taps.by_ref().take(columns).enumerate() {
                        let start = (kx * self.layout.column + ky * depth) / 2;
                        let to = widened.get_mut(start..).ok_or(ShapeMismatch)?;
                        for (to, [a, b]) in to.iter_mut().zip(values.as_chunks::<2>().0) {
                            to[lane] = i32::from(*a) & 0xffff | i32::from(*b) << 16;
                        }
                    }
                }
                continue;
            }
            let halves: &mut [i16] = bytemuck::cast_slice_mut(widened);
            // Value `at` of a window lies at twice this, for even `at`; columns are of an even number of values.
            let place = |at: usize| (at / 2 * LANES + lane) * 2 + at % 2;
            for (ky, weights) in weights.chunks_exact((columns * depth).max(1)).enumerate() {
                if depth == 1 {
                    let halves = halves.get_mut(place(ky)..).ok_or(ShapeMismatch)?;
                    let halves = halves.iter_mut().step_by(self.layout.column.max(1) * LANES);
                    halves.zip(weights).for_each(|(half, &value)| *half = value.into());
                    continue;
                }
                for (kx, values) in weights.chunks_exact(depth.max(1)).enumerate() {
                    let start = kx * self.layout.column + ky * depth;
                    for (at, &value) in (start..).zip(values) {
                        *halves.get_mut(place(at)).ok_or(ShapeMismatch)? = value.into();
                    }
                }
            }
        }
        Ok(())
    }

    /// [`widen_weights`](Self::widen_weights) for channels by the sixteen and filters by the eight.
    #[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
    fn widen_whole_weights(&self, widened: &mut [Pairs]) -> Result<(), ShapeMismatch> {
        let ConvArguments { window, input_shape, .. } = *self.arguments;
        let depth = usize::from(input_shape.channels);
        let (columns, filter) = (usize::from(window.kernel_width), window.taps() as usize * depth);
        let eights = self.weights.chunks_exact((LANES * filter).max(1));
        for (weights, widened) in eights.zip(widened.chunks_exact_mut((self.layout.window / 2).max(1))) {
            for at in (0..filter).step_by(CHUNK) {
                let mut filters = [vector::zero(); LANES];
                for (lane, to) in filters.iter_mut().enumerate() {
                    let values = weights.get(lane * filter + at..).and_then(|weights| weights.first_chunk());
                    *to = widen(values.ok_or(ShapeMismatch)?);
                }
                let (tap, channel) = (at / depth, at % depth);
                let place = tap % columns * self.layout.column + tap / columns * depth + channel;
                let to = widened.get_mut(place / 2..).and_then(|to| to.first_chunk_mut::<LANES>());
                for (to, pairs) in to.ok_or(ShapeMismatch)?.iter_mut().zip(transpose(filters)) {
                    *to = cast(pairs);
                }
            }
        }
        Ok(())
    }
}
