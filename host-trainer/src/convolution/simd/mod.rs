//! The inner loops, with the vector instructions that the processor turns out to have.
//!
//! Everything unsafe in the convolution lies in this folder. Its functions are safe to call: they check that every
//! operand lies inside its slice once an image, before any pointer is made.

//! What lies in the lanes of a vector is chosen by the shape, see [`Across`]: neighbouring pixels of a row
//! (`pixel_*.rs`) or channels (`channel_*.rs`).

mod channel_correlate;
mod channel_weight_gradient;
mod lanes;
mod pixel_correlate;
mod pixel_weight_gradient;
mod walk;

pub(super) use channel_weight_gradient::Blocked;
pub(super) use lanes::LANES;
pub(super) use pixel_correlate::SLACK;
pub(super) use pixel_weight_gradient::{Correlated, STRIP_PIXELS};
pub(super) use walk::Walk;

#[cfg(target_arch = "aarch64")]
use lanes::Neon as Certain;
/// The vectors that every processor of the target has.
#[cfg(not(target_arch = "aarch64"))]
use lanes::Portable as Certain;

/// Whether the processor has AVX2 and fused multiply-add; the standard library caches the answer.
#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
}

/// Whether the processor has AVX-512's encoding of AVX2's instructions, which reaches 32 registers.
#[cfg(target_arch = "x86_64")]
fn has_avx512vl() -> bool {
    std::arch::is_x86_feature_detected!("avx512f") && std::arch::is_x86_feature_detected!("avx512vl")
}

/// Vectors that fit into the registers of this processor.
fn registers() -> usize {
    #[cfg(target_arch = "x86_64")]
    if has_avx2() && has_avx512vl() {
        return 32;
    }
    <Certain as lanes::Lanes>::REGISTERS
}

/// What lies in the lanes of a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Across {
    /// Neighbouring output pixels of a row.
    Pixels,
    /// Output channels.
    Channels,
}

impl Across {
    /// The faster one for `channels` sums of `taps` products for each pixel of rows of `width`, where neighbouring
    /// results belong `column_step` apart.
    pub fn choose(channels: usize, taps: usize, width: usize, column_step: usize) -> Self {
        // Short sums are not worth the scattering of channels, unless pixels have to be scattered as well.
        let long = if column_step == 1 { 64 } else { 16 };
        let busy = |count: usize, whole: usize| count as f32 / count.next_multiple_of(whole) as f32;
        let channels_are_faster = taps >= long && 0.9 * busy(width, LANES) < busy(channels, 2 * LANES);
        if channels_are_faster { Self::Channels } else { Self::Pixels }
    }
}

/// A bank of kernels, packed for what lies in the lanes.
#[derive(Clone, Debug)]
pub(super) enum Kernels {
    /// For [`Across::Pixels`].
    Pixels(pixel_correlate::Kernels),
    /// For [`Across::Channels`].
    Channels(channel_correlate::Kernels),
}

impl Kernels {
    /// Packs `channels` kernels; `weight(channel, tap)` is the weight that the tap whose operand lies at
    /// `offsets[tap]` has for `channel`.
    pub fn pack(across: Across, offsets: Vec<usize>, channels: usize, weight: impl Fn(usize, usize) -> f32) -> Self {
        match across {
            Across::Pixels => Self::Pixels(pixel_correlate::Kernels::pack(offsets, channels, weight)),
            Across::Channels => Self::Channels(channel_correlate::Kernels::pack(offsets, channels, weight)),
        }
    }

    #[inline(always)]
    fn correlate<L: lanes::Lanes>(&self, walk: &Walk, source: &[f32], start: Option<&[f32]>, target: &mut [f32]) {
        match self {
            Self::Pixels(kernels) => pixel_correlate::correlate::<L>(kernels, walk, source, start, target),
            Self::Channels(kernels) => channel_correlate::correlate::<L>(kernels, walk, source, start, target),
        }
    }
}

/// Writes `start(channel) + sum over taps of weight * source[operand]` to every output pixel of one image; see [`Walk`],
/// which is for the same [`Across`] as `kernels`.
///
/// # Panics
/// If the walk leaves `source` or `target`.
pub(super) fn correlate(kernels: &Kernels, walk: &Walk, source: &[f32], start: Option<&[f32]>, target: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2,fma")]
        fn with_avx2(kernels: &Kernels, walk: &Walk, source: &[f32], start: Option<&[f32]>, target: &mut [f32]) {
            kernels.correlate::<lanes::Avx2<16>>(walk, source, start, target);
        }
        #[target_feature(enable = "avx2,fma,avx512f,avx512vl")]
        fn with_avx512vl(kernels: &Kernels, walk: &Walk, source: &[f32], start: Option<&[f32]>, target: &mut [f32]) {
            kernels.correlate::<lanes::Avx2<32>>(walk, source, start, target);
        }
        if has_avx2() && has_avx512vl() {
            // SAFETY: the processor was just found to have these.
            return unsafe { with_avx512vl(kernels, walk, source, start, target) };
        }
        if has_avx2() {
            // SAFETY: the processor was just found to have AVX2 and FMA.
            return unsafe { with_avx2(kernels, walk, source, start, target) };
        }
    }
    kernels.correlate::<Certain>(walk, source, start, target);
}

/// Adds some images' share of the weight gradient to `sums` (`[outputs][taps]`).
///
/// # Panics
/// If a part lies outside its slice.
pub(super) fn accumulate_weight_gradient(
    across: Across,
    images: &Correlated<'_>,
    sums: &mut [f32],
    blocked: &mut Blocked,
) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2,fma")]
        fn with_avx2(across: Across, images: &Correlated<'_>, sums: &mut [f32], blocked: &mut Blocked) {
            accumulate::<lanes::Avx2<16>>(across, images, sums, blocked);
        }
        #[target_feature(enable = "avx2,fma,avx512f,avx512vl")]
        fn with_avx512vl(across: Across, images: &Correlated<'_>, sums: &mut [f32], blocked: &mut Blocked) {
            accumulate::<lanes::Avx2<32>>(across, images, sums, blocked);
        }
        if has_avx2() && has_avx512vl() {
            // SAFETY: the processor was just found to have these.
            return unsafe { with_avx512vl(across, images, sums, blocked) };
        }
        if has_avx2() {
            // SAFETY: the processor was just found to have AVX2 and FMA.
            return unsafe { with_avx2(across, images, sums, blocked) };
        }
    }
    accumulate::<Certain>(across, images, sums, blocked);
}

#[inline(always)]
fn accumulate<L: lanes::Lanes>(across: Across, images: &Correlated<'_>, sums: &mut [f32], blocked: &mut Blocked) {
    match across {
        Across::Pixels => pixel_weight_gradient::accumulate::<L>(images, sums),
        Across::Channels => channel_weight_gradient::accumulate::<L>(images, sums, blocked),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values with all their digits, the same every time.
    fn values(count: usize) -> Vec<f32> {
        (0..count).map(|at| (at as f32 * 0.731).sin()).collect()
    }

    fn assert_close(found: &[f32], expected: &[f32], what: &str) {
        assert_eq!(found.len(), expected.len());
        for (at, (a, b)) in found.iter().zip(expected).enumerate() {
            assert!((a - b).abs() < 1e-4, "{what}: {a} for {b} at {at}");
        }
    }

    /// Twelve taps over four planes of 12 rows and 16 columns.
    fn offsets() -> Vec<usize> {
        (0..12).map(|tap| tap / 3 * 12 * 16 + tap % 3).collect()
    }

    #[test]
    fn sums_are_those_of_the_definition_with_and_without_vectors_whatever_lies_in_the_lanes() {
        let (source, weights, offsets) = (values(4 * 12 * 16 + SLACK), values(40 * 12), offsets());
        for (across, channels) in
            [Across::Pixels, Across::Channels].into_iter().flat_map(|a| (1..40).map(move |c| (a, c)))
        {
            let weight = |channel: usize, tap: usize| weights[channel * 12 + tap];
            let kernels = Kernels::pack(across, offsets.clone(), channels, weight);
            let walk = Walk::new(across, [11, 13], [16, 1], 0, [11 * 13, 13, 1]);
            let expected: Vec<f32> = (0..channels * 11 * 13)
                .map(|at| {
                    let (channel, y, x) = (at / (11 * 13), at / 13 % 11, at % 13);
                    let products = (0..12).map(|tap| weight(channel, tap) * source[y * 16 + x + offsets[tap]]);
                    weights[channel] + products.sum::<f32>()
                })
                .collect();
            let mut found = vec![0.0; expected.len()];
            correlate(&kernels, &walk, &source, Some(&weights), &mut found);
            assert_close(&found, &expected, &format!("{across:?}, {channels} channels"));
            found.fill(0.0);
            kernels.correlate::<Certain>(&walk, &source, Some(&weights), &mut found);
            assert_close(&found, &expected, &format!("{across:?}, {channels} channels, without AVX2"));
        }
    }

    #[test]
    fn weight_gradients_are_those_of_the_definition_with_and_without_vectors_whatever_lies_in_the_lanes() {
        let (source, offsets) = (values(2 * 4 * 12 * 16 + SLACK), offsets());
        for (across, outputs) in
            [Across::Pixels, Across::Channels].into_iter().flat_map(|a| (1..40).map(move |c| (a, c)))
        {
            let gradient = values(2 * outputs * 12 * 16);
            let correlated = Correlated {
                images: 2,
                input: &source,
                input_image: 4 * 12 * 16,
                input_offsets: &offsets,
                input_steps: [16, 1],
                gradient: &gradient,
                gradient_image: outputs * 12 * 16,
                gradient_start: 0,
                gradient_steps: [12 * 16, 16],
                output: [outputs, 11, 8],
            };
            let expected: Vec<f32> = (0..outputs * 12)
                .map(|at| {
                    let pixels = (0..2 * 11 * 8).map(|pixel| [pixel / (11 * 8), pixel / 8 % 11, pixel % 8]);
                    let products = pixels.map(|[image, y, x]| {
                        let input = source[image * 4 * 12 * 16 + y * 16 + x + offsets[at % 12]];
                        f64::from(input * gradient[(image * outputs + at / 12) * 12 * 16 + y * 16 + x])
                    });
                    products.sum::<f64>() as f32
                })
                .collect();
            let (mut found, mut blocked) = (vec![0.0; outputs * 12], Blocked::default());
            accumulate_weight_gradient(across, &correlated, &mut found, &mut blocked);
            assert_close(&found, &expected, &format!("{across:?}, {outputs} outputs"));
            found.fill(0.0);
            accumulate::<Certain>(across, &correlated, &mut found, &mut blocked);
            assert_close(&found, &expected, &format!("{across:?}, {outputs} outputs, without AVX2"));
        }
    }
}
