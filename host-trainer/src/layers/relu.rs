//! `max(0, x)`, in place.

use super::wide::{Loop, wide};
use crate::number::Number;
use rayon::prelude::*;

/// Values of one task: a share of the cache, and large enough to be worth another thread.
const CHUNK: usize = 1 << 15;

/// Sets what is below zero to zero; a value that is no number stays one.
pub(super) fn forward<T: Number>(values: &mut [T]) {
    values.par_chunks_mut(CHUNK).for_each(|values| wide(Rectify(values)));
}

struct Rectify<'a, T>(&'a mut [T]);

impl<T: Number> Loop for Rectify<'_, T> {
    type Found = ();

    #[inline(always)]
    fn run(self) {
        for value in self.0 {
            *value = if value.widen() <= 0.0 { T::nearest(0.0) } else { *value };
        }
    }
}

/// Sets the gradient to zero where the `output` of [`forward`] is.
pub(super) fn backward<T: Number>(output: &[T], gradient: &mut [T]) {
    gradient
        .par_chunks_mut(CHUNK)
        .zip(output.par_chunks(CHUNK))
        .for_each(|(gradient, output)| wide(Mask { output, gradient }));
}

struct Mask<'a, T> {
    output: &'a [T],
    gradient: &'a mut [T],
}

impl<T: Number> Loop for Mask<'_, T> {
    type Found = ();

    #[inline(always)]
    fn run(self) {
        for (gradient, output) in self.gradient.iter_mut().zip(self.output) {
            *gradient = if output.widen() <= 0.0 { T::nearest(0.0) } else { *gradient };
        }
    }
}
