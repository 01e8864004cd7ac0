//! Convolutions of factors that are rounded to bfloat16, with outputs in bfloat16: on tiles where the processor has them, elsewhere by
//! the ways of 32-bit floats.

use burn_std::bf16;
use rayon::prelude::*;

use super::direct::{self, Gradients, add};
use super::geometry::Geometry;
use crate::layers::wide::sum;
use crate::memory::{Buffer, Numbers};
use crate::number::Number;

/// [`direct::forward`] of rounded factors.
pub(super) fn forward<T: Number>(geometry: &Geometry, input: &[T], weight: &[f32], bias: &[f32]) -> Numbers<bf16> {
    #[cfg(target_arch = "x86_64")]
    if super::tiles::available() {
        return on_tiles::forward(geometry, input, weight, bias);
    }
    forward_without_tiles(geometry, input, weight, bias)
}

/// What a backward pass begins with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operands<'a, T> {
    /// The forward pass's, `[n, channels, height, width]`.
    pub input: &'a [T],
    /// `[outputs, channels, kernel_height, kernel_width]`.
    pub weight: &'a [f32],
    /// Of the output, `[n, outputs, out_height, out_width]`.
    pub gradient: &'a [bf16],
}

/// [`direct::backward`] of rounded factors.
pub(super) fn backward<T: Number>(geometry: &Geometry, operands: Operands<'_, T>, with_input: bool) -> Gradients<T> {
    #[cfg(target_arch = "x86_64")]
    if super::tiles::available() {
        return on_tiles::backward(geometry, operands, with_input);
    }
    backward_without_tiles(geometry, operands, with_input)
}

fn forward_without_tiles<T: Number>(geometry: &Geometry, input: &[T], weight: &[f32], bias: &[f32]) -> Numbers<bf16> {
    converted(&direct::forward(geometry, &rounded(input), &rounded(weight), bias))
}

fn backward_without_tiles<T: Number>(
    geometry: &Geometry,
    Operands { input, weight, gradient }: Operands<'_, T>,
    with_input: bool,
) -> Gradients<T> {
    let (input, weight, gradient) = (rounded(input), rounded(weight), rounded(gradient));
    let Gradients { input, weight, bias } = direct::backward(geometry, &input, &weight, &gradient, with_input);
    Gradients { input: input.map(|input| converted(&input)), weight, bias }
}

/// The nearest bfloat16 of each value.
fn rounded<T: Number>(values: &[T]) -> Buffer {
    converted_by(values, |value| bf16::nearest(value).widen())
}

fn converted<T: Number>(values: &[f32]) -> Numbers<T> {
    converted_by(values, T::nearest)
}

fn converted_by<T: Number, U: Number>(values: &[T], convert: impl Fn(f32) -> U + Sync) -> Numbers<U> {
    const PART: usize = 1 << 14;
    let mut target = Numbers::new(values.len());
    target.par_chunks_mut(PART).zip(values.par_chunks(PART)).for_each(|(target, values)| {
        for (target, value) in target.iter_mut().zip(values) {
            *target = convert(value.widen());
        }
    });
    target
}

/// The gradient of the bias: the sum of each output's gradients, `area` to an output of an image.
fn bias_gradient(outputs: usize, area: usize, gradient: &[bf16]) -> Vec<f32> {
    const IMAGES: usize = 4;
    let chunks: Vec<Vec<f32>> = gradient
        .par_chunks((IMAGES * outputs * area).max(1))
        .map(|images| {
            let mut found = vec![0.0; outputs];
            for image in images.chunks_exact((outputs * area).max(1)) {
                found.iter_mut().zip(image.chunks_exact(area)).for_each(|(total, plane)| *total += sum(plane));
            }
            found
        })
        .collect();
    let mut bias = vec![0.0; outputs];
    chunks.iter().for_each(|chunk| add(&mut bias, chunk));
    bias
}

#[cfg(target_arch = "x86_64")]
mod on_tiles {
    use super::{Geometry, Gradients, Number, Numbers, Operands, bf16, bias_gradient};
    use crate::convolution::tiles::{self, Plan};

    pub fn forward<T: Number>(geometry: &Geometry, input: &[T], weight: &[f32], bias: &[f32]) -> Numbers<bf16> {
        let (channels, plan) = (geometry.channels, Plan::forward(geometry));
        let kernel =
            |output: usize, channel: usize, tap: usize| weight[(output * channels + channel) * plan.taps() + tap];
        let mut output = Numbers::new(input.len() / plan.input_len() * plan.output_len());
        tiles::correlate(&plan, input, kernel, Some(bias), &mut output);
        output
    }

    pub fn backward<T: Number>(
        geometry: &Geometry,
        Operands { input, weight, gradient }: Operands<'_, T>,
        with_input: bool,
    ) -> Gradients<T> {
        let input_gradient = with_input.then(|| {
            let plan = Plan::backward(geometry);
            let (channels, taps) = (geometry.channels, plan.taps());
            let turned = |channel: usize, output: usize, tap: usize| {
                weight[(output * channels + channel) * taps + taps - 1 - tap]
            };
            let mut target = Numbers::new(input.len());
            tiles::correlate(&plan, gradient, turned, None, &mut target);
            target
        });
        let weight = tiles::weight_gradient(&Plan::forward(geometry), input, gradient);
        let [height, width] = geometry.output;
        Gradients { input: input_gradient, weight, bias: bias_gradient(geometry.outputs, height * width, gradient) }
    }
}

#[cfg(test)]
mod tests;
