//! Batch normalization by the statistics of a batch or the running ones (Ioffe and Szegedy 2015, algorithms 1 and 2), with `max(0, .)` behind it if asked for.
//!
//! A task is a few whole images, so that memory is read as it lies; what the tasks found is added up in the order of the
//! batch, in double precision.

use super::wide::{Loop, sums, wide};
use crate::number::Number;
use rayon::prelude::*;

/// Images of one task.
const CHUNK_IMAGES: usize = 4;

/// What a batch is normalized with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Normalization<'a> {
    /// Pixels of a plane; planes lie channel by channel, image after image.
    pub pixels: usize,
    /// Learned scale, one value per channel.
    pub gamma: &'a [f32],
    /// Learned shift, one value per channel.
    pub beta: &'a [f32],
    /// `[2][channels]`, as [`statistics`] gives them.
    pub statistics: &'a [f32],
    /// Added to the variance.
    pub epsilon: f64,
    /// Whether `max(0, .)` follows.
    pub rectify: bool,
}

/// Mean of each channel of `x` (`[n, channels, pixels]`), then its biased variance: `[2][channels]`.
pub(super) fn statistics<T: Number>(x: &[T], channels: usize, pixels: usize) -> Vec<f32> {
    let moments = per_channel(x, x, channels, pixels, |_, values, _| {
        let [mean, rest, squares] = wide(Moments(values)).map(f64::from);
        let count = pixels as f64;
        [mean * count + rest, squares + 2.0 * mean * rest + mean * mean * count]
    });
    let count = (x.len() / channels.max(1)) as f64;
    let mean = moments.iter().map(|[sum, _]| (sum / count) as f32);
    let variance = moments.iter().map(|[sum, squares]| (squares / count - (sum / count).powi(2)).max(0.0) as f32);
    mean.chain(variance).collect()
}

/// A plane's rounded mean, and the sums of the values and of their squares around it, which keep the digits that the squares
/// of large values would lose.
struct Moments<'a, T>(&'a [T]);

impl<T: Number> Loop for Moments<'_, T> {
    type Found = [f32; 3];

    #[inline(always)]
    fn run(self) -> [f32; 3] {
        let values = self.0;
        let mean = sums(values, values, |x, _| [x])[0] / values.len() as f32;
        let [rest, squares] = sums(values, values, |x, _| [x - mean, (x - mean) * (x - mean)]);
        [mean, rest, squares]
    }
}

/// `output = (x - mean) * scale + shift`, nothing below `floor`.
#[derive(Clone, Copy)]
struct Line {
    mean: f32,
    scale: f32,
    shift: f32,
    floor: f32,
}

impl Line {
    #[inline(always)]
    fn at(self, x: f32) -> f32 {
        let value = (x - self.mean) * self.scale + self.shift;
        // A comparison that not-a-number fails, unlike `max`: it must reach the loss.
        if value <= self.floor { self.floor } else { value }
    }

    /// The output's gradient, where the output is above the floor.
    #[inline(always)]
    fn passes(self, x: f32, gradient: f32) -> f32 {
        let value = (x - self.mean) * self.scale + self.shift;
        if value <= self.floor { 0.0 } else { gradient }
    }
}

struct Apply<'a, T> {
    line: Line,
    x: &'a [T],
    output: &'a mut [T],
}

impl<T: Number> Loop for Apply<'_, T> {
    type Found = ();

    #[inline(always)]
    fn run(self) {
        for (output, x) in self.output.iter_mut().zip(self.x) {
            *output = T::nearest(self.line.at(x.widen()));
        }
    }
}

/// The sums of the gradients, and of the gradients times `x - mean`.
struct Products<'a, T> {
    line: Line,
    x: &'a [T],
    gradient: &'a [T],
}

impl<T: Number> Loop for Products<'_, T> {
    type Found = [f32; 2];

    #[inline(always)]
    fn run(self) -> [f32; 2] {
        let line = self.line;
        sums(self.x, self.gradient, |x, gradient| {
            let passed = line.passes(x, gradient);
            [passed, passed * (x - line.mean)]
        })
    }
}

/// Replaces the output's gradient by the input's.
struct Differentiate<'a, T> {
    line: Line,
    /// Slope over `x - mean`, and constant.
    correction: [f32; 2],
    x: &'a [T],
    gradient: &'a mut [T],
}

impl<T: Number> Loop for Differentiate<'_, T> {
    type Found = ();

    #[inline(always)]
    fn run(self) {
        let Self { line, correction: [slope, constant], x, gradient } = self;
        for (gradient, x) in gradient.iter_mut().zip(x) {
            let x = x.widen();
            let passed = line.passes(x, gradient.widen());
            *gradient = T::nearest(passed * line.scale + (x - line.mean) * slope + constant);
        }
    }
}

/// The sums, over the images, of what `of_plane(channel, plane of a, plane of b)` finds.
fn per_channel<T: Number>(
    a: &[T],
    b: &[T],
    channels: usize,
    pixels: usize,
    of_plane: impl Fn(usize, &[T], &[T]) -> [f64; 2] + Sync,
) -> Vec<[f64; 2]> {
    let mut total = vec![[0.0; 2]; channels];
    if channels == 0 || pixels == 0 {
        return total;
    }
    let chunk = CHUNK_IMAGES * channels * pixels;
    let chunks: Vec<Vec<[f64; 2]>> = a
        .par_chunks(chunk)
        .zip(b.par_chunks(chunk))
        .map(|(a, b)| {
            let mut found = vec![[0.0; 2]; channels];
            for (plane, (a, b)) in a.chunks_exact(pixels).zip(b.chunks_exact(pixels)).enumerate() {
                add(&mut found[plane % channels], of_plane(plane % channels, a, b));
            }
            found
        })
        .collect();
    for chunk in &chunks {
        for (total, found) in total.iter_mut().zip(chunk) {
            add(total, *found);
        }
    }
    total
}

fn add(sums: &mut [f64; 2], values: [f64; 2]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}

impl Normalization<'_> {
    fn channels(&self) -> usize {
        self.gamma.len()
    }

    fn inverse_deviation(&self, channel: usize) -> f64 {
        (f64::from(self.statistics[self.channels() + channel]) + self.epsilon).sqrt().recip()
    }

    fn lines(&self) -> Vec<Line> {
        let line = |channel: usize| Line {
            mean: self.statistics[channel],
            scale: (f64::from(self.gamma[channel]) * self.inverse_deviation(channel)) as f32,
            shift: self.beta[channel],
            floor: if self.rectify { 0.0 } else { f32::NEG_INFINITY },
        };
        (0..self.channels()).map(line).collect()
    }

    /// Writes the normalized `x` to `output`, both `[n, channels, pixels]`.
    pub fn forward<T: Number>(&self, x: &[T], output: &mut [T]) {
        let (lines, pixels) = (self.lines(), self.pixels.max(1));
        let chunk = (CHUNK_IMAGES * lines.len() * pixels).max(1);
        output.par_chunks_mut(chunk).zip(x.par_chunks(chunk)).for_each(|(output, x)| {
            let planes = output.chunks_exact_mut(pixels).zip(x.chunks_exact(pixels));
            for ((output, x), line) in planes.zip(lines.iter().cycle()) {
                wide(Apply { line: *line, x, output });
            }
        });
    }

    /// Replaces `gradient`, of the output, by the gradient of `x`; the gradients of `gamma` and `beta`.
    ///
    /// With g the output's gradient, x' the normalized x and N the values of a channel:
    /// `gamma / sqrt(variance + epsilon) * (g - sum(g) / N - x' * sum(g x') / N)`.
    pub fn backward<T: Number>(&self, x: &[T], gradient: &mut [T]) -> [Vec<f32>; 2] {
        let (lines, pixels) = (self.lines(), self.pixels.max(1));
        let found = per_channel(x, gradient, lines.len(), self.pixels, |channel, x, gradient| {
            wide(Products { line: lines[channel], x, gradient }).map(f64::from)
        });
        let count = (x.len() / lines.len().max(1)) as f64;
        let corrections: Vec<[f32; 2]> = found
            .iter()
            .enumerate()
            .map(|(channel, [sum, product])| {
                let inverse = self.inverse_deviation(channel);
                let scale = f64::from(self.gamma[channel]) * inverse;
                [(-scale * inverse * inverse * product / count) as f32, (-scale * sum / count) as f32]
            })
            .collect();
        let chunk = (CHUNK_IMAGES * lines.len() * pixels).max(1);
        gradient.par_chunks_mut(chunk).zip(x.par_chunks(chunk)).for_each(|(gradient, x)| {
            let planes = gradient.chunks_exact_mut(pixels).zip(x.chunks_exact(pixels));
            for ((gradient, x), (line, correction)) in planes.zip(lines.iter().zip(&corrections).cycle()) {
                wide(Differentiate { line: *line, correction: *correction, x, gradient });
            }
        });
        let gamma = found.iter().enumerate().map(|(c, [_, product])| (product * self.inverse_deviation(c)) as f32);
        [gamma.collect(), found.iter().map(|[sum, _]| *sum as f32).collect()]
    }
}
