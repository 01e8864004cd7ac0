//! Convolutions that train several times as fast as burn's own on a processor.
//!
//! burn's `flex` backend takes most of a training step for the gradients of its convolutions. [`conv2d`] is the same
//! operation with the same gradients, computed in one of three ways, chosen by shape:
//!
//! - 3x3 with stride 1 by Winograd's minimal filtering, with a quarter of the multiplications;
//! - other strides as one matrix product, where channels fill the lanes;
//! - everything else directly: each image is copied once with zeros around it, and tiles of output channels by pixels are kept
//!   in vector registers over all taps.
//!
//! Where the [`Precision`] allows it, convolutions of stride 1 are computed on the tile unit of recent processors instead.
//!
//! The images of a batch are spread over the cores by rayon; the same inputs give the same bits on any number of them.
//!
//! ```text
//! mod.rs        conv2d on tensors
//! backend.rs    the operation on burn's backends, and its place in the autodiff graph
//! direct.rs     a batch, forward and backward: chooses the way, and has the direct one
//! winograd/     minimal filtering
//! columns/      one matrix product for a block of pixels
//! tiles/        bfloat16 on the tile unit
//! precision.rs  what is rounded to bfloat16
//! reduced.rs    the same sums of rounded factors, on tiles or without
//! matrix/       the products of both
//! geometry.rs   shapes, paddings, strides: where each tap finds its operand
//! scratch.rs    padded images, kept from call to call
//! simd/         the inner loops of the direct way
//! ```

mod backend;
mod columns;
mod direct;
mod geometry;
mod matrix;
mod precision;
mod reduced;
mod scratch;
mod simd;
#[cfg(target_arch = "x86_64")]
mod tiles;
mod winograd;

pub use backend::{ConvolutionBackend, Steps};
pub use precision::Precision;

use burn::backend::Dispatch;
use burn::tensor::{Tensor, ops::ConvOptions};

use self::geometry::Geometry;
use crate::{device::on_processor, layers::widened};

/// The two-dimensional convolution of `x` (`[n, channels, height, width]`) with `weight` (`[outputs, channels / groups,
/// kernel_height, kernel_width]`) plus `bias` (`[outputs]`): `[n, outputs, out_height, out_width]`, where
/// `out_height = (height + top + bottom - kernel_height) / stride[0] + 1`.
///
/// `padding` is `[[top, bottom], [left, right]]`, in zeros. With `groups` equal to `channels` it is depthwise.
/// Differentiable in `x`, `weight` and `bias`. All tensors are on one device, with or without autodiff; on another than burn's
/// `flex`, burn's own convolution is taken. They are of 32-bit floats, but `x` may be of bfloat16; the output is of bfloat16 where
/// `precision` rounds.
///
/// # Panics
/// As burn's own operations do: when the shapes do not fit, a stride is zero, or the tensors lie on different devices.
pub fn conv2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    stride: [usize; 2],
    padding: [[usize; 2]; 2],
    groups: usize,
    precision: Precision,
) -> Tensor<4> {
    if !on_processor(&x) {
        let [[top, bottom], [left, right]] = padding;
        let options = ConvOptions::new_with_padding(stride, [(top, bottom), (left, right)], [1, 1], groups);
        return burn::tensor::module::conv2d(x, weight, bias, options);
    }
    let bias = bias.unwrap_or_else(|| Tensor::zeros([weight.dims()[0]], &x.device()));
    let rounds = Geometry::new(x.dims(), weight.dims(), stride, padding, groups)
        .is_some_and(|geometry| precision.rounds(&geometry));
    let x = if rounds { x } else { widened(x) };
    let steps = Steps { stride, padding, groups, precision };
    Tensor::from_dispatch(Dispatch::direct_conv2d(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        steps,
    ))
}

#[cfg(test)]
mod tests;
