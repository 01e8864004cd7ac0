//! A few pixels times a few filters, in the registers.

use super::{
    LANES,
    vector::{self, Vector},
};

/// Two values of eight filters each, as they are stored in the scratch: `[filter][value]` in 16 bits.
pub(super) type Pairs = [i32; LANES];

/// The sums of `PIXELS` windows, which begin `step` words apart and are as long as the weights, with `VECTORS` times eight
/// filters.
///
/// # Panics
/// If the windows reach beyond `stripe`, or the weights are of different lengths.
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
#[inline]
pub(super) fn tile<const PIXELS: usize, const VECTORS: usize>(
    stripe: &[i32],
    step: usize,
    weights: [&[Pairs]; VECTORS],
) -> [[Vector; VECTORS]; PIXELS] {
    let length = weights[0].len();
    assert!(weights.iter().all(|weights| weights.len() == length) && (PIXELS - 1) * step + length <= stripe.len());
    let (stripe, pointers) = (stripe.as_ptr(), weights.map(|weights| weights.as_ptr()));
    let mut sums = [[vector::zero(); VECTORS]; PIXELS];
    for at in 0..length {
        let mut weights = [vector::zero(); VECTORS];
        for (weights, pointer) in weights.iter_mut().zip(pointers) {
            // SAFETY: `at` is less than the length of all weights. Checks of each access would take as long as the products.
            *weights = unsafe { vector::load(pointer.add(at)) };
        }
        for (pixel, sums) in sums.iter_mut().enumerate() {
            // SAFETY: at most `(PIXELS - 1) * step + length - 1`, which lies in the stripe.
            let pair = vector::of_word(unsafe { stripe.add(pixel * step + at).read() });
            for (sum, weights) in sums.iter_mut().zip(weights) {
                *sum = vector::add_words(*sum, vector::multiply_pairs(pair, weights));
            }
        }
    }
    sums
}
