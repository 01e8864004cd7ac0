//! Rounding to the steps of a quantization, and the gradient that passes it by.

use super::wide::{Loop, wide};
use rayon::prelude::*;
use shared::quantization::Quantization;

/// Values of one task: a share of the cache, and large enough to be worth another thread.
const CHUNK: usize = 1 << 15;

const LOWEST: f32 = i8::MIN as f32;
const HIGHEST: f32 = i8::MAX as f32;

/// What is added to a half before rounding, in steps: a mean of two neighbours is a half whatever rounding in single precision
/// made of it, and halves go away from zero, as in the core.
const HALF: f32 = 0.5 + 1e-4;

/// The 256 values that an `i8` can stand for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Steps {
    scale: f32,
    zero_point: f32,
}

impl From<Quantization> for Steps {
    fn from(Quantization { scale, zero_point }: Quantization) -> Self {
        Self { scale, zero_point: zero_point.into() }
    }
}

impl Steps {
    /// The nearest integer to what stands for `value`, without a limit.
    #[inline(always)]
    fn nearest(self, value: f32) -> f32 {
        let q = value / self.scale + self.zero_point;
        (q + HALF.copysign(q)).trunc()
    }

    /// Takes every value to the nearest of the 256; what is no number stays so.
    pub(super) fn forward(self, values: &mut [f32]) {
        values.par_chunks_mut(CHUNK).for_each(|values| wide(Round { values, steps: self }));
    }

    /// Sets the gradient to zero where the `input` of [`forward`](Self::forward) lay outside and was held.
    pub(super) fn backward(self, input: &[f32], gradient: &mut [f32]) {
        gradient
            .par_chunks_mut(CHUNK)
            .zip(input.par_chunks(CHUNK))
            .for_each(|(gradient, input)| wide(Mask { input, gradient, steps: self }));
    }
}

struct Round<'a> {
    values: &'a mut [f32],
    steps: Steps,
}

impl Loop for Round<'_> {
    type Found = ();

    #[inline(always)]
    fn run(self) {
        let Steps { scale, zero_point } = self.steps;
        for value in self.values {
            let nearest = self.steps.nearest(*value);
            // Comparisons that a value that is no number fails.
            let held = if nearest <= LOWEST { LOWEST } else { nearest };
            let held = if held >= HIGHEST { HIGHEST } else { held };
            *value = scale * (held - zero_point);
        }
    }
}

struct Mask<'a> {
    input: &'a [f32],
    gradient: &'a mut [f32],
    steps: Steps,
}

impl Loop for Mask<'_> {
    type Found = ();

    #[inline(always)]
    fn run(self) {
        for (gradient, &input) in self.gradient.iter_mut().zip(self.input) {
            let nearest = self.steps.nearest(input);
            *gradient = if (LOWEST..=HIGHEST).contains(&nearest) { *gradient } else { 0.0 };
        }
    }
}
