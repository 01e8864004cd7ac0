//! Largest values of windows, and means of planes.

use super::wide::{Loop, sums, wide};
use rayon::prelude::*;
use std::ops::Range;

/// Windows over an image: kernel, stride (down, across), and padding `[[top, bottom], [left, right]]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Height and width of a window.
    pub kernel: [usize; 2],
    /// Step between neighbouring windows, down and across.
    pub stride: [usize; 2],
    /// Pixels around the image that count for nothing, `[[top, bottom], [left, right]]`.
    pub padding: [[usize; 2]; 2],
}

/// Planes of one task.
const CHUNK_PLANES: usize = 8;

impl Pool {
    /// Output height and width for an `input` image; `None` where there is no window or one that holds padding alone.
    pub(super) fn output(&self, input: [usize; 2]) -> Option<[usize; 2]> {
        let along = |axis: usize| {
            let (kernel, stride, [before, after]) = (self.kernel[axis], self.stride[axis], self.padding[axis]);
            let padded = input[axis] + before + after;
            let sound = kernel > before.max(after) && stride > 0 && padded >= kernel && input[axis] > 0;
            sound.then(|| (padded - kernel) / stride + 1)
        };
        Some([along(0)?, along(1)?])
    }

    /// The rows or columns of an image of `size` that window `at` covers.
    #[inline(always)]
    fn covered(&self, axis: usize, at: usize, size: usize) -> Range<usize> {
        let start = at * self.stride[axis];
        let before = self.padding[axis][0];
        start.saturating_sub(before)..(start + self.kernel[axis]).saturating_sub(before).min(size)
    }

    /// Where a window's first largest value lies in its plane; a value that is no number is larger than any.
    #[inline(always)]
    fn largest(&self, plane: &[f32], [height, width]: [usize; 2], [y, x]: [usize; 2]) -> usize {
        let (rows, columns) = (self.covered(0, y, height), self.covered(1, x, width));
        let mut best = rows.start * width + columns.start;
        for row in rows {
            for at in row * width + columns.start..row * width + columns.end {
                // Written so that not-a-number wins and stays.
                if !(plane[at] <= plane[best] || plane[best].is_nan()) {
                    best = at;
                }
            }
        }
        best
    }

    /// Whether every window is a whole two by two of its own.
    fn halves(&self, input: [usize; 2]) -> bool {
        *self == Self { kernel: [2; 2], stride: [2; 2], padding: [[0; 2]; 2] } && input.iter().all(|n| n % 2 == 0)
    }

    /// The largest value of each window, plane by plane.
    pub(super) fn forward(&self, x: &[f32], input: [usize; 2], output: [usize; 2], result: &mut [f32]) {
        let sizes = [input[0] * input[1], output[0] * output[1]];
        result.par_chunks_mut(CHUNK_PLANES * sizes[1]).zip(x.par_chunks(CHUNK_PLANES * sizes[0])).for_each(
            |(result, x)| {
                for (result, plane) in result.chunks_exact_mut(sizes[1]).zip(x.chunks_exact(sizes[0])) {
                    if self.halves(input) {
                        wide(Halve { plane, width: input[1], result });
                        continue;
                    }
                    for (y, row) in result.chunks_exact_mut(output[1]).enumerate() {
                        for (x, value) in row.iter_mut().enumerate() {
                            *value = plane[self.largest(plane, input, [y, x])];
                        }
                    }
                }
            },
        );
    }

    /// Adds the gradient of each window to its first largest value in `result`, which begins as zeros.
    pub(super) fn backward(
        &self,
        x: &[f32],
        gradient: &[f32],
        input: [usize; 2],
        output: [usize; 2],
        result: &mut [f32],
    ) {
        let sizes = [input[0] * input[1], output[0] * output[1]];
        result
            .par_chunks_mut(CHUNK_PLANES * sizes[0])
            .zip(x.par_chunks(CHUNK_PLANES * sizes[0]))
            .zip(gradient.par_chunks(CHUNK_PLANES * sizes[1]))
            .for_each(|((result, x), gradient)| {
                let images = result.chunks_exact_mut(sizes[0]).zip(x.chunks_exact(sizes[0]));
                for ((result, plane), gradient) in images.zip(gradient.chunks_exact(sizes[1])) {
                    if self.halves(input) {
                        wide(HalveBackward { plane, gradient, width: input[1], result });
                        continue;
                    }
                    result.fill(0.0);
                    for (y, row) in gradient.chunks_exact(output[1]).enumerate() {
                        for (x, gradient) in row.iter().enumerate() {
                            result[self.largest(plane, input, [y, x])] += gradient;
                        }
                    }
                }
            });
    }
}

/// The larger value, the first of equals; not-a-number is larger than any.
#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if b <= a || a.is_nan() { a } else { b }
}

/// The largest values of two by two.
struct Halve<'a> {
    plane: &'a [f32],
    width: usize,
    result: &'a mut [f32],
}

impl Loop for Halve<'_> {
    type Found = ();

    #[inline(always)]
    fn run(self) {
        let Self { plane, width, result } = self;
        for (rows, result) in plane.chunks_exact(2 * width).zip(result.chunks_exact_mut(width / 2)) {
            let (upper, lower) = rows.split_at(width);
            for ((upper, lower), result) in upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0).zip(result) {
                *result = larger(larger(upper[0], upper[1]), larger(lower[0], lower[1]));
            }
        }
    }
}

/// The gradient of [`Halve`].
struct HalveBackward<'a> {
    plane: &'a [f32],
    gradient: &'a [f32],
    width: usize,
    result: &'a mut [f32],
}

impl Loop for HalveBackward<'_> {
    type Found = ();

    #[inline(always)]
    fn run(self) {
        let Self { plane, gradient, width, result } = self;
        let rows = plane.chunks_exact(2 * width).zip(result.chunks_exact_mut(2 * width));
        for ((rows, results), gradient) in rows.zip(gradient.chunks_exact(width / 2)) {
            let (upper, lower) = rows.split_at(width);
            let (upper_result, lower_result) = results.split_at_mut(width);
            let values = upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0);
            let results = upper_result.as_chunks_mut::<2>().0.iter_mut().zip(lower_result.as_chunks_mut::<2>().0);
            for (((upper, lower), (upper_result, lower_result)), gradient) in values.zip(results).zip(gradient) {
                let second_above = !(upper[1] <= upper[0] || upper[0].is_nan());
                let second_below = !(lower[1] <= lower[0] || lower[0].is_nan());
                let above = if second_above { upper[1] } else { upper[0] };
                let below = if second_below { lower[1] } else { lower[0] };
                let is_below = !(below <= above || above.is_nan());
                let pick = |here: bool| if here { *gradient } else { 0.0 };
                *upper_result = [pick(!is_below & !second_above), pick(!is_below & second_above)];
                *lower_result = [pick(is_below & !second_below), pick(is_below & second_below)];
            }
        }
    }
}

/// The mean of each plane of `pixels`.
pub(super) fn means(x: &[f32], pixels: usize) -> Vec<f32> {
    let planes: Vec<&[f32]> = x.chunks_exact(pixels.max(1)).collect();
    planes.par_iter().with_min_len(64).map(|plane| wide(Sum(plane)) / pixels as f32).collect()
}

struct Sum<'a>(&'a [f32]);

impl Loop for Sum<'_> {
    type Found = f32;

    #[inline(always)]
    fn run(self) -> f32 {
        sums(self.0, self.0, |value, _| [value])[0]
    }
}

/// The gradient of [`means`]: each plane's, spread evenly.
pub(super) fn means_backward(gradient: &[f32], pixels: usize, result: &mut [f32]) {
    result.par_chunks_mut(64 * pixels.max(1)).zip(gradient.par_chunks(64)).for_each(|(result, gradient)| {
        for (plane, gradient) in result.chunks_exact_mut(pixels.max(1)).zip(gradient) {
            plane.fill(gradient / pixels as f32);
        }
    });
}
