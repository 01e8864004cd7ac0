//! A few pixels times a few filters, in the registers.

use core::arch::x86_64::*;

use super::requantize::LANES;

/// Pixels of a tile. With two vectors of filters there are twelve sums, two weights and an activation: all but one of the
/// registers.
pub(super) const PIXELS: usize = 6;

/// Two values of eight filters each, as they are stored in the scratch: `[filter][value]` in 16 bits.
pub(super) type Pairs = [i32; LANES];

/// The sums of `PIXELS` windows, which begin `step` words apart and are as long as the weights, with `VECTORS` times eight
/// filters.
///
/// # Panics
/// If the windows reach beyond `stripe`, or the weights are of different lengths.
#[target_feature(enable = "avx2")]
#[inline]
pub(super) fn tile<const PIXELS: usize, const VECTORS: usize>(
    stripe: &[i32],
    step: usize,
    weights: [&[Pairs]; VECTORS],
) -> [[__m256i; VECTORS]; PIXELS] {
    let length = weights[0].len();
    assert!(weights.iter().all(|weights| weights.len() == length) && (PIXELS - 1) * step + length <= stripe.len());
    let (stripe, pointers) = (stripe.as_ptr(), weights.map(|weights| weights.as_ptr().cast::<__m256i>()));
    let mut sums = [[_mm256_setzero_si256(); VECTORS]; PIXELS];
    for at in 0..length {
        let mut weights = [_mm256_setzero_si256(); VECTORS];
        for (weights, pointer) in weights.iter_mut().zip(pointers) {
            // SAFETY: `at` is less than the length of all weights. Checks of each access would take as long as the products.
            *weights = unsafe { _mm256_loadu_si256(pointer.add(at)) };
        }
        for (pixel, sums) in sums.iter_mut().enumerate() {
            // SAFETY: at most `(PIXELS - 1) * step + length - 1`, which lies in the stripe.
            let pair = _mm256_set1_epi32(unsafe { stripe.add(pixel * step + at).read() });
            for (sum, weights) in sums.iter_mut().zip(weights) {
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(pair, weights));
            }
        }
    }
    sums
}
