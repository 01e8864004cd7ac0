//! The inner loops, with the vector instructions that the processor turns out to have.
//!
//! Everything unsafe in the convolution lies in this folder. Its functions are safe to call: they check that every
//! operand lies inside its slice once an image, before any pointer is made.

mod correlate;
mod lanes;
mod weight_gradient;

pub(super) use correlate::{Kernels, SLACK, Walk};
pub(super) use lanes::LANES;
pub(super) use weight_gradient::{Correlated, STRIP_PIXELS};

#[cfg(target_arch = "aarch64")]
use lanes::Neon as Certain;
/// What the target has for certain.
#[cfg(not(target_arch = "aarch64"))]
use lanes::Portable as Certain;

/// Whether the processor has AVX2 and fused multiply-add; the standard library caches the answer.
#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
}

/// Writes `start(channel) + sum over taps of weight * source[operand]` to every output pixel of one image; see [`Walk`].
///
/// # Panics
/// When the walk leaves `source` or `target`.
pub(super) fn correlate(kernels: &Kernels, walk: &Walk, source: &[f32], start: Option<&[f32]>, target: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2,fma")]
        fn with_avx2(kernels: &Kernels, walk: &Walk, source: &[f32], start: Option<&[f32]>, target: &mut [f32]) {
            correlate::correlate::<lanes::Avx2>(kernels, walk, source, start, target);
        }
        if has_avx2() {
            // SAFETY: the processor was just found to have AVX2 and FMA.
            return unsafe { with_avx2(kernels, walk, source, start, target) };
        }
    }
    correlate::correlate::<Certain>(kernels, walk, source, start, target);
}

/// Adds some images' share of the weight gradient to `sums` (`[outputs][taps]`).
///
/// # Panics
/// When a part lies outside its slice.
pub(super) fn accumulate_weight_gradient(images: &Correlated<'_>, sums: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2,fma")]
        fn with_avx2(images: &Correlated<'_>, sums: &mut [f32]) {
            weight_gradient::accumulate::<lanes::Avx2>(images, sums);
        }
        if has_avx2() {
            // SAFETY: the processor was just found to have AVX2 and FMA.
            return unsafe { with_avx2(images, sums) };
        }
    }
    weight_gradient::accumulate::<Certain>(images, sums);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values with all their digits, the same every time.
    fn values(count: usize) -> Vec<f32> {
        (0..count).map(|at| (at as f32 * 0.731).sin()).collect()
    }

    fn assert_close(found: &[f32], expected: &[f32]) {
        for (at, (a, b)) in found.iter().zip(expected).enumerate() {
            assert!((a - b).abs() < 1e-4, "{a} for {b} at {at}");
        }
    }

    #[test]
    fn processors_with_and_without_vectors_agree_but_for_the_rounding() {
        let (source, weights) = (values(4 * 12 * 16 + SLACK), values(7 * 12));
        let offsets: Vec<usize> = (0..12).map(|tap| tap / 3 * 12 * 16 + tap % 3).collect();
        for channels in 1..8 {
            let kernels = Kernels::pack(offsets.clone(), channels, |channel, tap| weights[channel * 12 + tap]);
            let walk = Walk::new([12, 13], 16, 0, [12 * 13, 13, 1]);
            let (mut found, mut expected) = (vec![0.0; channels * 12 * 13], vec![0.0; channels * 12 * 13]);
            correlate(&kernels, &walk, &source, None, &mut found);
            correlate::correlate::<Certain>(&kernels, &walk, &source, None, &mut expected);
            assert_close(&found, &expected);

            let gradient = values(channels * 12 * 16);
            let correlated = Correlated {
                images: 1,
                input: &source,
                input_image: 0,
                input_offsets: &offsets,
                input_row: 16,
                gradient: &gradient,
                gradient_image: 0,
                gradient_start: 0,
                gradient_steps: [12 * 16, 16],
                output: [channels, 12, 8],
            };
            let (mut found, mut expected) = (vec![0.0; channels * 12], vec![0.0; channels * 12]);
            accumulate_weight_gradient(&correlated, &mut found);
            weight_gradient::accumulate::<Certain>(&correlated, &mut expected);
            assert_close(&found, &expected);
        }
    }
}
