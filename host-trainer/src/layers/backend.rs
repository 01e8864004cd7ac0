//! The operations on burn's backends, and how `flex` computes them.

use super::batch_norm::{self, Normalization};
use super::{fake_quantize::Steps, pooling, relu};
use crate::memory::{Numbers, changed, tensor, values};
use crate::number::by_number;
use burn::backend::{Backend, TensorMetadata, backend_extension, tensor::FloatTensor};
use burn::tensor::DType;
use burn_flex::{Flex, FlexTensor};
use pooling::Pool;

/// Operations that a backend computes itself. Images are `[n, channels, height, width]`, of 32-bit floats or bfloat16; so are their
/// gradients. All else are 32-bit floats.
#[backend_extension(Flex, Autodiff)]
pub trait LayerBackend: Backend {
    /// Mean and biased variance of each channel, `[2, channels]`; never differentiated.
    fn channel_statistics(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// `gamma (x - mean) / sqrt(variance + epsilon) + beta`, then `max(0, .)` if `rectify`, where `statistics` are those
    /// of `x`, and its gradient takes them so; without autodiff they may be the running ones.
    fn normalize(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        statistics: FloatTensor<Self>,
        epsilon: f64,
        rectify: bool,
    ) -> FloatTensor<Self>;

    /// The gradients of `x`, `gamma` and `beta` from that of the output of [`normalize`](Self::normalize).
    fn normalize_backward(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        statistics: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        epsilon: f64,
        rectify: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// `max(0, x)`.
    fn rectify(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// The gradient of `x` from the output of [`rectify`](Self::rectify) and its gradient.
    fn rectify_backward(output: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Each value rounded to the nearest of `steps`.
    fn round_to_steps(x: FloatTensor<Self>, steps: Steps) -> FloatTensor<Self>;

    /// The gradient of `x` from that of the output of [`round_to_steps`](Self::round_to_steps): the same where it was not held.
    fn round_to_steps_backward(x: FloatTensor<Self>, gradient: FloatTensor<Self>, steps: Steps) -> FloatTensor<Self>;

    /// The largest value of each window.
    fn largest_of_windows(x: FloatTensor<Self>, pool: Pool) -> FloatTensor<Self>;

    /// The gradient of `x` from that of the output of [`largest_of_windows`](Self::largest_of_windows).
    fn largest_of_windows_backward(x: FloatTensor<Self>, gradient: FloatTensor<Self>, pool: Pool) -> FloatTensor<Self>;

    /// The mean of each plane, `[n, channels, 1, 1]`.
    fn plane_means(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// The gradient of `images` from that of the output of [`plane_means`](Self::plane_means).
    fn plane_means_backward(gradient: FloatTensor<Self>, images: Planes) -> FloatTensor<Self>;
}

/// Height, width and numbers of images.
#[derive(Clone, Copy, Debug)]
pub struct Planes {
    /// Height and width.
    pub size: [usize; 2],
    /// What the images hold.
    pub dtype: DType,
}

fn dims(tensor: &FlexTensor) -> [usize; 4] {
    tensor.shape().dims()
}

/// Calls `work` with what a batch is normalized with.
fn with_normalization<R>(
    x: &FlexTensor,
    [gamma, beta, statistics]: [FlexTensor; 3],
    epsilon: f64,
    rectify: bool,
    work: impl FnOnce(&Normalization<'_>) -> R,
) -> R {
    let [_, _, height, width] = dims(x);
    let [gamma, beta, statistics] = [gamma, beta, statistics].map(|tensor| tensor.to_contiguous());
    let (gamma, beta, statistics) = (values(&gamma), values(&beta), values(&statistics));
    work(&Normalization { pixels: height * width, gamma, beta, statistics, epsilon, rectify })
}

fn pooled(x: &FlexTensor, pool: Pool) -> [[usize; 2]; 2] {
    let [_, _, height, width] = dims(x);
    let output = pool.output([height, width]);
    [[height, width], output.unwrap_or_else(|| panic!("no {pool:?} of {height} by {width}"))]
}

impl LayerBackend for Flex {
    fn channel_statistics(x: FlexTensor) -> FlexTensor {
        let [_, channels, height, width] = dims(&x);
        let x = x.to_contiguous();
        let statistics = by_number!(x.dtype(), T => batch_norm::statistics::<T>(values(&x), channels, height * width));
        tensor(statistics, [2, channels])
    }

    fn normalize(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        statistics: FlexTensor,
        epsilon: f64,
        rectify: bool,
    ) -> FlexTensor {
        let x = x.to_contiguous();
        with_normalization(&x, [gamma, beta, statistics], epsilon, rectify, |normalization| {
            by_number!(x.dtype(), T => {
                let mut output = Numbers::<T>::new(values::<T>(&x).len());
                normalization.forward(values(&x), &mut output);
                output.into_tensor(dims(&x))
            })
        })
    }

    fn normalize_backward(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        statistics: FlexTensor,
        gradient: FlexTensor,
        epsilon: f64,
        rectify: bool,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let x = x.to_contiguous();
        let channels = dims(&x)[1];
        with_normalization(&x, [gamma, beta, statistics], epsilon, rectify, |normalization| {
            let mut learned = [Vec::new(), Vec::new()];
            let gradient = by_number!(x.dtype(), T => changed::<T, 4>(gradient, |gradient| {
                learned = normalization.backward(values(&x), gradient);
            }));
            let [gamma, beta] = learned.map(|gradient| tensor(gradient, [channels]));
            (gradient, gamma, beta)
        })
    }

    fn rectify(x: FlexTensor) -> FlexTensor {
        by_number!(x.dtype(), T => changed::<T, 4>(x, relu::forward))
    }

    fn rectify_backward(output: FlexTensor, gradient: FlexTensor) -> FlexTensor {
        let output = output.to_contiguous();
        by_number!(output.dtype(), T => changed::<T, 4>(gradient, |gradient| relu::backward(values(&output), gradient)))
    }

    fn round_to_steps(x: FlexTensor, steps: Steps) -> FlexTensor {
        changed::<f32, 4>(x, |values| steps.forward(values))
    }

    fn round_to_steps_backward(x: FlexTensor, gradient: FlexTensor, steps: Steps) -> FlexTensor {
        let x = x.to_contiguous();
        changed::<f32, 4>(gradient, |gradient| steps.backward(values(&x), gradient))
    }

    fn largest_of_windows(x: FlexTensor, pool: Pool) -> FlexTensor {
        let x = x.to_contiguous();
        let [images, channels, _, _] = dims(&x);
        let [input, [height, width]] = pooled(&x, pool);
        by_number!(x.dtype(), T => {
            let mut output = Numbers::<T>::new(images * channels * height * width);
            pool.forward(values(&x), input, [height, width], &mut output);
            output.into_tensor([images, channels, height, width])
        })
    }

    fn largest_of_windows_backward(x: FlexTensor, gradient: FlexTensor, pool: Pool) -> FlexTensor {
        let (x, gradient) = (x.to_contiguous(), gradient.to_contiguous());
        let [input, output] = pooled(&x, pool);
        by_number!(x.dtype(), T => {
            let mut result = Numbers::<T>::new(values::<T>(&x).len());
            pool.backward(values(&x), values(&gradient), input, output, &mut result);
            result.into_tensor(dims(&x))
        })
    }

    fn plane_means(x: FlexTensor) -> FlexTensor {
        let [images, channels, height, width] = dims(&x);
        let x = x.to_contiguous();
        let means = by_number!(x.dtype(), T => pooling::means::<T>(values(&x), height * width));
        tensor(means, [images, channels, 1, 1])
    }

    fn plane_means_backward(gradient: FlexTensor, Planes { size: [height, width], dtype }: Planes) -> FlexTensor {
        let gradient = gradient.to_contiguous();
        let [images, channels, _, _] = dims(&gradient);
        by_number!(dtype, T => {
            let mut result = Numbers::<T>::new(images * channels * height * width);
            pooling::means_backward(values(&gradient), height * width, &mut result);
            result.into_tensor([images, channels, height, width])
        })
    }
}
