//! `max(0, x)`, in place.

use super::wide::{Loop, wide};
use rayon::prelude::*;

/// Values of one task: a share of the cache, and large enough to be worth another thread.
const CHUNK: usize = 1 << 15;

/// Sets what is below zero to zero; a value that is no number stays one.
pub(super) fn forward(values: &mut [f32]) {
    values.par_chunks_mut(CHUNK).for_each(|values| wide(Rectify(values)));
}

struct Rectify<'a>(&'a mut [f32]);

impl Loop for Rectify<'_> {
    type Found = ();

    #[inline(always)]
    fn run(self) {
        for value in self.0 {
            *value = if *value <= 0.0 { 0.0 } else { *value };
        }
    }
}

/// Sets the gradient to zero where the `output` of [`forward`] is.
pub(super) fn backward(output: &[f32], gradient: &mut [f32]) {
    gradient
        .par_chunks_mut(CHUNK)
        .zip(output.par_chunks(CHUNK))
        .for_each(|(gradient, output)| wide(Mask { output, gradient }));
}

struct Mask<'a> {
    output: &'a [f32],
    gradient: &'a mut [f32],
}

impl Loop for Mask<'_> {
    type Found = ();

    #[inline(always)]
    fn run(self) {
        for (gradient, output) in self.gradient.iter_mut().zip(self.output) {
            *gradient = if *output <= 0.0 { 0.0 } else { *gradient };
        }
    }
}
