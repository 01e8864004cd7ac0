//! The three passes of a batch, image by image over the cores.

use rayon::prelude::*;

use super::Plan;
use super::blocks::{Columns, Forward, InputGradient, WeightGradient};
use crate::convolution::direct::{add, sum_of};
use crate::convolution::matrix::{BUFFERS, LANES};
use crate::memory::Buffer;

/// Chunks of a batch for the weight gradient: as many cores may work.
const CHUNKS: usize = 8;

/// Writes the convolution of `input` (`[n, channels, height, width]`) with `weight` (`[outputs, channels, kernel_height,
/// kernel_width]`) plus `bias` to `output` (`[n, outputs, out_height, out_width]`).
///
/// # Panics
/// If a slice is too short.
pub(in crate::convolution) fn correlate(plan: &Plan, input: &[f32], weight: &[f32], bias: &[f32], output: &mut [f32]) {
    let geometry = &plan.geometry;
    let (taps, [input_blocks, output_blocks]) = (plan.taps(), plan.blocks);
    let depth = taps * input_blocks * LANES;
    let mut kernels = Buffer::new(output_blocks * depth * LANES);
    kernels.par_chunks_mut(LANES).enumerate().for_each(|(at, lanes)| {
        let (block, row) = (at / depth, at % depth);
        let (tap, channel) = (row / (input_blocks * LANES), row % (input_blocks * LANES));
        for (lane, value) in lanes.iter_mut().enumerate() {
            let output = block * LANES + lane;
            let exists = output < geometry.outputs && channel < geometry.channels;
            *value = if exists { weight[(output * geometry.channels + channel) * taps + tap] } else { 0.0 };
        }
    });
    let mut starts = vec![0.0; output_blocks * LANES];
    starts[..geometry.outputs].copy_from_slice(&bias[..geometry.outputs]);
    let images = output.par_chunks_mut(geometry.output_len()).zip(input.par_chunks(geometry.input_len()));
    images.for_each(|(output, input)| {
        BUFFERS.with_borrow_mut(|buffers| {
            plan.vectors.run(Forward {
                columns: Columns { plan, input },
                kernels: &kernels,
                starts: &starts,
                output,
                buffers,
            });
        });
    });
}

/// Writes the gradient of [`correlate`]'s input to `target` from that of its output.
///
/// # Panics
/// If a slice is too short.
pub(in crate::convolution) fn input_gradient(plan: &Plan, weight: &[f32], gradient: &[f32], target: &mut [f32]) {
    let geometry = &plan.geometry;
    let (taps, input_blocks, depth) = (plan.taps(), plan.blocks[0], geometry.outputs);
    let mut kernels = Buffer::new(taps * input_blocks * depth * LANES);
    kernels.par_chunks_mut(LANES).enumerate().for_each(|(at, lanes)| {
        let (block, output) = (at / depth, at % depth);
        let (tap, first) = (block / input_blocks, block % input_blocks * LANES);
        for (lane, value) in lanes.iter_mut().enumerate() {
            let channel = first + lane;
            let exists = channel < geometry.channels;
            *value = if exists { weight[(output * geometry.channels + channel) * taps + tap] } else { 0.0 };
        }
    });
    let images = target.par_chunks_mut(geometry.input_len()).zip(gradient.par_chunks(geometry.output_len()));
    images.for_each(|(target, gradient)| {
        BUFFERS.with_borrow_mut(|buffers| {
            plan.vectors.run(InputGradient { plan, gradient, kernels: &kernels, target, buffers });
        });
    });
}

/// The gradients of [`correlate`]'s weight and bias from its `input` and the `gradient` of its output.
///
/// # Panics
/// If a slice is too short.
pub(in crate::convolution) fn weight_gradient(plan: &Plan, input: &[f32], gradient: &[f32]) -> (Buffer, Vec<f32>) {
    let geometry = &plan.geometry;
    let (taps, [input_blocks, output_blocks]) = (plan.taps(), plan.blocks);
    let (rows, width) = (taps * input_blocks * LANES, output_blocks * LANES);
    let (input_len, output_len) = (geometry.input_len(), geometry.output_len());
    let pixels = geometry.output[0] * geometry.output[1];
    let chunk = (input.len() / input_len).div_ceil(CHUNKS).max(1);
    let (weights, biases): (Vec<Buffer>, Vec<Vec<f32>>) = input
        .par_chunks(chunk * input_len)
        .zip(gradient.par_chunks(chunk * output_len))
        .map(|(input, gradient)| {
            let mut sums = Buffer::zeros(rows * width);
            let mut bias = vec![0.0; geometry.outputs];
            for (input, gradient) in input.chunks_exact(input_len).zip(gradient.chunks_exact(output_len)) {
                BUFFERS.with_borrow_mut(|buffers| {
                    let columns = Columns { plan, input };
                    plan.vectors.run(WeightGradient { columns, gradient, sums: &mut sums, buffers });
                });
                for (sum, plane) in bias.iter_mut().zip(gradient.chunks_exact(pixels)) {
                    *sum += sum_of(plane);
                }
            }
            (sums, bias)
        })
        .unzip();
    let mut bias = vec![0.0; geometry.outputs];
    for chunk in &biases {
        add(&mut bias, chunk);
    }
    let mut weight = Buffer::zeros(geometry.outputs * geometry.channels * taps);
    weight.par_chunks_mut(geometry.channels * taps).enumerate().for_each(|(output, weight)| {
        for sums in &weights {
            for (at, value) in weight.iter_mut().enumerate() {
                let (channel, tap) = (at / taps, at % taps);
                *value += sums[(tap * input_blocks * LANES + channel) * width + output];
            }
        }
    });
    (weight, bias)
}
