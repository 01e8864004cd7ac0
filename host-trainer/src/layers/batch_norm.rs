//! Batch normalization in training (Ioffe and Szegedy 2015, algorithm 1), with `max(0, .)` behind it if asked for.
//!
//! A task is a few whole images, so that memory is read as it lies; what the tasks found is added up in the order of the
//! batch, in double precision.

use super::wide::{sums, wide};
use rayon::prelude::*;

/// Images of one task.
const CHUNK_IMAGES: usize = 4;

/// What a batch is normalized with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Normalization<'a> {
    /// Pixels of a plane; planes lie channel by channel, image after image.
    pub pixels: usize,
    /// Learned scale, one value a channel.
    pub gamma: &'a [f32],
    /// Learned shift, one value a channel.
    pub beta: &'a [f32],
    /// `[2][channels]`, as [`statistics`] gives them.
    pub statistics: &'a [f32],
    /// Added to the variance.
    pub epsilon: f64,
    /// Whether `max(0, .)` follows.
    pub rectify: bool,
}

/// Mean of each channel of `x` (`[n, channels, pixels]`), then its biased variance: `[2][channels]`.
pub(super) fn statistics(x: &[f32], channels: usize, pixels: usize) -> Vec<f32> {
    let moments = per_channel(x, x, channels, pixels, |_, values, _| {
        let mean = sums(values, values, |x, _| [x])[0] / pixels as f32;
        // Around the plane's own mean, which keeps the digits that the squares of large values would lose.
        let [rest, squares] = sums(values, values, |x, _| [x - mean, (x - mean) * (x - mean)]);
        let (mean, rest, count) = (f64::from(mean), f64::from(rest), pixels as f64);
        [mean * count + rest, f64::from(squares) + 2.0 * mean * rest + mean * mean * count]
    });
    let count = (x.len() / channels.max(1)) as f64;
    let mean = moments.iter().map(|[sum, _]| (sum / count) as f32);
    let variance = moments.iter().map(|[sum, squares]| (squares / count - (sum / count).powi(2)).max(0.0) as f32);
    mean.chain(variance).collect()
}

/// The sums, over the images, of what `of_plane(channel, plane of a, plane of b)` finds.
fn per_channel(
    a: &[f32],
    b: &[f32],
    channels: usize,
    pixels: usize,
    of_plane: impl Fn(usize, &[f32], &[f32]) -> [f64; 2] + Sync,
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
            wide(|| {
                let mut found = vec![[0.0; 2]; channels];
                for (plane, (a, b)) in a.chunks_exact(pixels).zip(b.chunks_exact(pixels)).enumerate() {
                    add(&mut found[plane % channels], of_plane(plane % channels, a, b));
                }
                found
            })
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

    fn mean(&self, channel: usize) -> f32 {
        self.statistics[channel]
    }

    fn inverse_deviation(&self, channel: usize) -> f64 {
        (f64::from(self.statistics[self.channels() + channel]) + self.epsilon).sqrt().recip()
    }

    /// `(scale, shift)` with `output = (x - mean) * scale + shift`.
    fn scale_and_shift(&self, channel: usize) -> [f32; 2] {
        [(f64::from(self.gamma[channel]) * self.inverse_deviation(channel)) as f32, self.beta[channel]]
    }

    /// No output is below it.
    fn floor(&self) -> f32 {
        if self.rectify { 0.0 } else { f32::NEG_INFINITY }
    }

    /// Writes the normalized `x` to `output`, both `[n, channels, pixels]`.
    pub fn forward(&self, x: &[f32], output: &mut [f32]) {
        let (channels, pixels) = (self.channels(), self.pixels.max(1));
        let chunk = (CHUNK_IMAGES * channels * pixels).max(1);
        let floor = self.floor();
        output.par_chunks_mut(chunk).zip(x.par_chunks(chunk)).for_each(|(output, x)| {
            wide(|| {
                for (plane, (output, x)) in output.chunks_exact_mut(pixels).zip(x.chunks_exact(pixels)).enumerate() {
                    let ([scale, shift], mean) = (self.scale_and_shift(plane % channels), self.mean(plane % channels));
                    for (output, x) in output.iter_mut().zip(x) {
                        let value = (x - mean) * scale + shift;
                        // A comparison that not-a-number fails, unlike `max`: it must reach the loss.
                        *output = if value <= floor { floor } else { value };
                    }
                }
            });
        });
    }

    /// Replaces `gradient`, of the output, by the gradient of `x`; the gradients of `gamma` and `beta`.
    ///
    /// With g the output's gradient, x' the normalized x and N the values of a channel:
    /// `gamma / sqrt(variance + epsilon) * (g - sum(g) / N - x' * sum(g x') / N)`.
    pub fn backward(&self, x: &[f32], gradient: &mut [f32]) -> [Vec<f32>; 2] {
        let (channels, pixels) = (self.channels(), self.pixels.max(1));
        // The forward pass's own expression, so that both see the same sign.
        let floor = self.floor();
        let passes = move |x: f32, mean: f32, [scale, shift]: [f32; 2], gradient: f32| {
            if (x - mean) * scale + shift <= floor { 0.0 } else { gradient }
        };
        let found = per_channel(x, gradient, channels, self.pixels, |channel, x, gradient| {
            let (linear, mean) = (self.scale_and_shift(channel), self.mean(channel));
            let products = sums(x, gradient, |x, gradient| {
                let gradient = passes(x, mean, linear, gradient);
                [gradient, gradient * (x - mean)]
            });
            products.map(f64::from)
        });
        let count = (x.len() / channels.max(1)) as f64;
        let factors: Vec<[f32; 2]> = found
            .iter()
            .enumerate()
            .map(|(channel, [sum, product])| {
                let inverse = self.inverse_deviation(channel);
                let scale = f64::from(self.gamma[channel]) * inverse;
                [(-scale * inverse * inverse * product / count) as f32, (-scale * sum / count) as f32]
            })
            .collect();
        let chunk = (CHUNK_IMAGES * channels * pixels).max(1);
        gradient.par_chunks_mut(chunk).zip(x.par_chunks(chunk)).for_each(|(gradient, x)| {
            wide(|| {
                for (plane, (gradient, x)) in gradient.chunks_exact_mut(pixels).zip(x.chunks_exact(pixels)).enumerate()
                {
                    let channel = plane % channels;
                    let (linear, mean) = (self.scale_and_shift(channel), self.mean(channel));
                    let [slope, constant] = factors[channel];
                    for (gradient, x) in gradient.iter_mut().zip(x) {
                        let passed = passes(*x, mean, linear, *gradient);
                        *gradient = passed * linear[0] + (x - mean) * slope + constant;
                    }
                }
            });
        });
        let gamma = found.iter().enumerate().map(|(c, [_, product])| (product * self.inverse_deviation(c)) as f32);
        [gamma.collect(), found.iter().map(|[sum, _]| *sum as f32).collect()]
    }
}
