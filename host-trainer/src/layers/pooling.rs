//! Largest values of windows, and means of planes.

use super::wide::{Loop, sum, wide};
use crate::number::Number;
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
    fn largest<T: Number>(&self, plane: &[T], [height, width]: [usize; 2], [y, x]: [usize; 2]) -> usize {
        let (rows, columns) = (self.covered(0, y, height), self.covered(1, x, width));
        let mut best = rows.start * width + columns.start;
        for row in rows {
            for at in row * width + columns.start..row * width + columns.end {
                // Written so that not-a-number wins and stays.
                let (value, most) = (plane[at].widen(), plane[best].widen());
                if !(value <= most || most.is_nan()) {
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
    pub(super) fn forward<T: Number>(&self, x: &[T], input: [usize; 2], output: [usize; 2], result: &mut [T]) {
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
    pub(super) fn backward<T: Number>(
        &self,
        x: &[T],
        gradient: &[T],
        input: [usize; 2],
        output: [usize; 2],
        result: &mut [T],
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
                    result.fill(T::nearest(0.0));
                    for (y, row) in gradient.chunks_exact(output[1]).enumerate() {
                        for (x, gradient) in row.iter().enumerate() {
                            let sum = &mut result[self.largest(plane, input, [y, x])];
                            *sum = T::nearest(sum.widen() + gradient.widen());
                        }
                    }
                }
            });
    }
}

/// Whether the second value is the larger one: not of equals; not-a-number is larger than any. Without branches, so that loops
/// become vectors.
#[inline(always)]
fn second([a, b]: [f32; 2]) -> bool {
    !((b <= a) | a.is_nan())
}

/// The larger value.
#[inline(always)]
fn larger(pair: [f32; 2]) -> f32 {
    let mask = 0u32.wrapping_sub(second(pair).into());
    f32::from_bits(pair[0].to_bits() & !mask | pair[1].to_bits() & mask)
}

/// The largest values of two by two.
struct Halve<'a, T> {
    plane: &'a [T],
    width: usize,
    result: &'a mut [T],
}

impl<T: Number> Loop for Halve<'_, T> {
    type Found = ();

    #[inline(always)]
    fn run(self) {
        let Self { plane, width, result } = self;
        for (rows, result) in plane.chunks_exact(2 * width).zip(result.chunks_exact_mut(width / 2)) {
            let (upper, lower) = rows.split_at(width);
            for ((upper, lower), result) in upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0).zip(result) {
                *result = T::nearest(larger([larger(upper.map(T::widen)), larger(lower.map(T::widen))]));
            }
        }
    }
}

/// Windows whose gradients are spread at once.
const WINDOWS: usize = 32;

/// The gradient of [`Halve`].
struct HalveBackward<'a, T> {
    plane: &'a [T],
    gradient: &'a [T],
    width: usize,
    result: &'a mut [T],
}

impl<T: Number> Loop for HalveBackward<'_, T> {
    type Found = ();

    #[inline(always)]
    fn run(self) {
        let Self { plane, gradient, width, result } = self;
        let rows = plane.chunks_exact(2 * width).zip(result.chunks_exact_mut(2 * width));
        for ((rows, results), gradient) in rows.zip(gradient.chunks_exact(width / 2)) {
            let (upper, lower) = rows.split_at(width);
            let (upper_result, lower_result) = results.split_at_mut(width);
            let [upper, lower] = [upper, lower].map(|row| row.as_chunks::<2>().0.chunks(WINDOWS));
            let [upper_result, lower_result] =
                [upper_result, lower_result].map(|row| row.as_chunks_mut::<2>().0.chunks_mut(WINDOWS));
            let rows = upper.zip(lower).zip(gradient.chunks(WINDOWS)).zip(upper_result).zip(lower_result);
            for ((((upper, lower), gradient), upper_result), lower_result) in rows {
                // In arrays of their own, which nothing else can overlap, results are computed in vectors.
                let [mut above, mut below] = [[[T::nearest(0.0); 2]; WINDOWS]; 2];
                for (at, ((upper, lower), gradient)) in upper.iter().zip(lower).zip(gradient).enumerate() {
                    let (upper, lower) = (upper.map(T::widen), lower.map(T::widen));
                    let (second_above, second_below) = (second(upper), second(lower));
                    let is_below = second([larger(upper), larger(lower)]);
                    above[at] = [!second_above, second_above].map(|here| gradient.masked(here & !is_below));
                    below[at] = [!second_below, second_below].map(|here| gradient.masked(here & is_below));
                }
                upper_result.copy_from_slice(&above[..upper_result.len()]);
                lower_result.copy_from_slice(&below[..lower_result.len()]);
            }
        }
    }
}

/// The mean of each plane of `pixels`.
pub(super) fn means<T: Number>(x: &[T], pixels: usize) -> Vec<f32> {
    let planes: Vec<&[T]> = x.chunks_exact(pixels.max(1)).collect();
    planes.par_iter().with_min_len(64).map(|plane| sum(plane) / pixels as f32).collect()
}

/// The gradient of [`means`]: each plane's, spread evenly.
pub(super) fn means_backward<T: Number>(gradient: &[f32], pixels: usize, result: &mut [T]) {
    result.par_chunks_mut(64 * pixels.max(1)).zip(gradient.par_chunks(64)).for_each(|(result, gradient)| {
        for (plane, gradient) in result.chunks_exact_mut(pixels.max(1)).zip(gradient) {
            plane.fill(T::nearest(gradient / pixels as f32));
        }
    });
}
