//! What lies between the convolutions, in few passes over the activations.
//!
//! burn composes batch normalization, its gradient and pooling of elementwise operations, each with a tensor of its own
//! and most of them on one core. Here each is one or two passes over the images, on all cores, in place where nobody
//! else holds the tensor. Images are of 32-bit floats or of bfloat16, and results are what the images are. Tensors on other devices
//! than burn's `flex` go to burn's own operations. The same inputs give the same bits on any number of threads.
//!
//! ```text
//! mod.rs         the operations on tensors
//! backend.rs     the same on burn's backends
//! autodiff.rs    their place in the autodiff graph
//! batch_norm.rs  pooling.rs  relu.rs  fake_quantize.rs    the passes
//! wide.rs        the widest vectors that the processor turns out to have
//! ```

mod autodiff;
mod backend;
mod batch_norm;
mod fake_quantize;
mod pooling;
mod relu;
pub(crate) mod wide;

pub use backend::{LayerBackend, Planes};
pub use fake_quantize::Steps;
pub use pooling::Pool;

use burn::backend::Dispatch;
use burn::nn::BatchNorm;
use burn::tensor::{DType, Tensor, activation, module, ops::MaxPoolOptions};
use shared::quantization::Quantization;

use crate::device::on_processor;

/// `layer` applied to `x` (`[n, channels, height, width]`), as [`BatchNorm::forward`], then `max(0, .)` if `rectify`.
///
/// In training (on a device with autodiff, when the layer is not frozen) it normalizes by the batch's mean and biased
/// variance, and moves the running statistics towards them by the layer's momentum; differentiable in `x`, `gamma` and
/// `beta`. Otherwise it normalizes by the running statistics.
///
/// # Panics
/// If the channels are not the layer's.
pub fn batch_norm(layer: &BatchNorm, x: Tensor<4>, rectify: bool) -> Tensor<4> {
    let (differentiable, training) = (x.device().is_autodiff(), layer.training.is_enabled());
    if !on_processor(&x) || (differentiable && !training) {
        let output = layer.forward(widened(x));
        return if rectify { relu(output) } else { output };
    }
    let [_, channels, _, _] = x.dims();
    assert_eq!(layer.gamma.dims(), [channels], "a batch normalization of as many channels as its input");
    if !differentiable {
        let running = [&layer.running_mean, &layer.running_var].map(|running| running.value_sync());
        let output = Dispatch::normalize(
            x.into_dispatch(),
            layer.gamma.val().into_dispatch(),
            layer.beta.val().into_dispatch(),
            Tensor::stack::<2>(running.into(), 0).into_dispatch(),
            layer.epsilon,
            rectify,
        );
        return Tensor::from_dispatch(output);
    }
    let x = x.into_dispatch();
    let statistics = Dispatch::channel_statistics(x.clone());
    let output = Dispatch::normalize(
        x,
        layer.gamma.val().into_dispatch(),
        layer.beta.val().into_dispatch(),
        statistics.clone(),
        layer.epsilon,
        rectify,
    );
    let statistics = Tensor::<2>::from_dispatch(statistics);
    for (row, running) in [&layer.running_mean, &layer.running_var].into_iter().enumerate() {
        let batch = statistics.clone().narrow(0, row, 1).reshape([channels]);
        let before = running.value_sync().to_device(&batch.device());
        let after = before.mul_scalar(1.0 - layer.momentum).add(batch.mul_scalar(layer.momentum));
        running.update(after.detach());
    }
    Tensor::from_dispatch(output)
}

/// `x` in 32-bit floats.
pub fn widened<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if x.dtype() == DType::F32 { x } else { x.cast(DType::F32) }
}

/// `max(0, x)` (any four dimensions); where `x` is zero its gradient is zero.
pub fn relu(x: Tensor<4>) -> Tensor<4> {
    if !on_processor(&x) {
        return activation::relu(x);
    }
    Tensor::from_dispatch(Dispatch::rectify(x.into_dispatch()))
}

/// `x` (any four dimensions) as the core holds it: rounded to the steps of `quantization` and held to its 256 values. The
/// gradient passes as if nothing were rounded, and is zero where a value was held (Jacob et al. 2018, "Quantization and
/// Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", section 3).
pub fn fake_quantize(x: Tensor<4>, quantization: Quantization) -> Tensor<4> {
    let x = widened(x);
    if on_processor(&x) {
        return Tensor::from_dispatch(Dispatch::round_to_steps(x.into_dispatch(), quantization.into()));
    }
    let Quantization { scale, .. } = quantization;
    let held = x.clamp(quantization.dequantize(i8::MIN), quantization.dequantize(i8::MAX));
    let rounded = (held.clone() / scale).round() * scale;
    held.clone() + (rounded - held).detach()
}

/// The largest value of each window of `x` (`[n, channels, height, width]`): `[n, channels, out_height, out_width]`,
/// with `out_height = (height + top + bottom - kernel[0]) / stride[0] + 1`. Padding never wins. The gradient goes to a
/// window's first largest value.
///
/// # Panics
/// If a kernel side or stride is zero, the padding is not smaller than the kernel, or the kernel larger than the padded
/// image.
pub fn max_pool2d(x: Tensor<4>, pool: Pool) -> Tensor<4> {
    if !on_processor(&x) {
        let mut options = MaxPoolOptions::new(pool.kernel).with_stride(pool.stride);
        options.padding = pool.padding.map(|[before, after]| (before, after));
        return module::max_pool2d(x, options);
    }
    Tensor::from_dispatch(Dispatch::largest_of_windows(x.into_dispatch(), pool))
}

/// The mean of each channel of `x` (`[n, channels, height, width]`): `[n, channels, 1, 1]`, always in 32-bit floats.
pub fn global_average_pool(x: Tensor<4>) -> Tensor<4> {
    if !on_processor(&x) {
        return x.mean_dim(2).mean_dim(3);
    }
    Tensor::from_dispatch(Dispatch::plane_means(x.into_dispatch()))
}

#[cfg(test)]
mod tests;
