//! The weight gradient of a batch.

use rayon::prelude::*;

use super::correlate::Transformed;
use super::plan::{Plan, slab};
use super::tile::{Four, Three, Tile};
use super::transform;
use crate::convolution::direct::{add, sum_of};
use crate::convolution::matrix::{BUFFERS, Buffers, LANES, Lanes, Outer, Work, at_least, padded};
use crate::memory::Buffer;

/// The gradient of the kernels, `[outputs, channels, 3, 3]`, and of the bias, `[outputs]`, of [`correlate`](super::correlate())
/// from its `source` and the `gradient` of its output.
///
/// # Panics
/// If a slice is too short.
pub(in crate::convolution) fn weight_gradient(plan: &Plan, source: &[f32], gradient: &[f32]) -> (Buffer, Vec<f32>) {
    let plan = &plan.for_weights();
    let shape = plan.shape;
    let pixels = shape.output[0] * shape.output[1];
    let source_len = shape.channels * shape.input[0] * shape.input[1];
    let gradient_len = shape.outputs * pixels;
    let images = source.len() / source_len;
    assert!(images == gradient.len() / gradient_len, "as many images of each");
    let chunk = plan.chunk(images);
    let (kernels, biases): (Vec<Buffer>, Vec<Vec<f32>>) = source
        .par_chunks(chunk * source_len)
        .zip(gradient.par_chunks(chunk * gradient_len))
        .map(|(source, gradient)| {
            let mut target = Buffer::new(shape.channels * 9 * padded(shape.outputs));
            BUFFERS.with_borrow_mut(|buffers| {
                plan.vectors.run(Chunk { plan, source, gradient, target: &mut target, buffers });
            });
            let mut bias = vec![0.0; shape.outputs];
            for (plane, values) in gradient.chunks_exact(pixels).enumerate() {
                bias[plane % shape.outputs] += sum_of(values);
            }
            (target, bias)
        })
        .unzip();

    let mut bias = vec![0.0; shape.outputs];
    for chunk in &biases {
        add(&mut bias, chunk);
    }
    let mut weight = Buffer::zeros(shape.outputs * shape.channels * 9);
    let outputs = padded(shape.outputs);
    weight.par_chunks_mut(shape.channels * 9).enumerate().for_each(|(output, weight)| {
        for chunk in &kernels {
            for (sum, row) in weight.iter_mut().zip(chunk.chunks_exact(outputs)) {
                *sum += row[output];
            }
        }
    });
    (weight, bias)
}

/// Some images and their share of the gradient, `[channels][9][outputs]`.
struct Chunk<'a> {
    plan: &'a Plan,
    source: &'a [f32],
    gradient: &'a [f32],
    target: &'a mut [f32],
    buffers: &'a mut Buffers,
}

impl Work for Chunk<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes, const ROWS: usize, const OUTER: usize, const BLOCKS: usize>(self) {
        // SAFETY: the caller vouches for `L`.
        unsafe {
            match self.plan.tile {
                3 => self.accumulate::<L, Three, 3, 5, OUTER, BLOCKS>(),
                _ => self.accumulate::<L, Four, 4, 6, OUTER, BLOCKS>(),
            }
        }
    }
}

impl Chunk<'_> {
    #[inline(always)]
    unsafe fn accumulate<
        L: Lanes,
        T: Tile<OUTPUTS, POINTS>,
        const OUTPUTS: usize,
        const POINTS: usize,
        const OUTER: usize,
        const BLOCKS: usize,
    >(
        self,
    ) {
        let Self { plan, source, gradient, target, buffers } = self;
        let shape = plan.shape;
        let (channels, outputs) = (padded(shape.channels), padded(shape.outputs));
        let points = POINTS * POINTS;
        let [input_slab, output_slab] = [channels, outputs].map(|channels| slab(plan.block_tiles(), channels));
        let sum_slab = slab(channels, outputs);
        let sums = at_least(&mut buffers.sums, points * sum_slab);
        let mut add = false;
        let source_len = plan.images * shape.channels * shape.input[0] * shape.input[1];
        let gradient_len = plan.images * shape.outputs * shape.output[0] * shape.output[1];
        for (source, gradient) in source.chunks(source_len).zip(gradient.chunks(gradient_len)) {
            for [first_row, rows] in plan.strips() {
                let inputs = at_least(&mut buffers.inputs, points * input_slab);
                let gradients = at_least(&mut buffers.outputs, points * output_slab);
                let tiles = source.len() / (source_len / plan.images) * rows * plan.tiles[1];
                let part = |slab: usize| Transformed { plan, first_row, rows, tiles, slab };
                // SAFETY: the caller vouches for `L`.
                unsafe {
                    part(input_slab).inputs::<L, T, OUTPUTS, POINTS>(source, &mut buffers.copy, inputs);
                    part(output_slab).gradients::<L, T, OUTPUTS, POINTS>(gradient, &mut buffers.copy, gradients);
                }
                for point in 0..points {
                    let outer = Outer {
                        inputs: &inputs[point * input_slab..][..input_slab],
                        input_blocks: channels / LANES,
                        gradients: &gradients[point * output_slab..][..output_slab],
                        blocks: outputs / LANES,
                        tiles,
                        target: &mut sums[point * sum_slab..][..sum_slab],
                        add,
                    };
                    // SAFETY: the caller vouches for `L`.
                    unsafe { outer.run::<L, OUTER, BLOCKS>() };
                }
                add = true;
            }
        }
        for (channel, target) in target.chunks_exact_mut(9 * outputs).enumerate() {
            for first in (0..outputs).step_by(LANES) {
                let at = channel * outputs + first;
                assert!(at + LANES <= sum_slab);
                // SAFETY: the vector lies inside each of the slabs; slices bound what is written; the caller vouches for `L`.
                unsafe {
                    let taps = transform::kernel_gradient::<L, T, OUTPUTS, POINTS>(sums[at..].as_ptr(), sum_slab);
                    for (tap, value) in taps.into_iter().flatten().enumerate() {
                        value.store(target[tap * outputs + first..][..LANES].as_mut_ptr());
                    }
                }
            }
        }
    }
}
