//! The gradients of kernels.

use rayon::prelude::*;

use super::plan::{Plan, blocks};
use super::unit::{Outer, ROWS, Shape, TILE_BYTES, Tiles};
use super::{BUFFERS, Buffers};
use crate::convolution::direct::add;
use crate::convolution::matrix::{Avx512, Lanes};
use crate::memory::Buffer;
use crate::number::Number;

/// Places of a step: the columns of a left factor.
const STEP: usize = 32;

/// Chunks of a batch: as many cores may work.
const CHUNKS: usize = 8;

/// Values of a tile of sums.
const TILE: usize = TILE_BYTES / size_of::<f32>();

/// The gradient of the kernels, `[outputs, channels, kernel_height, kernel_width]`, from the forward pass's `input` and the
/// `gradient` of its output.
///
/// # Panics
/// If there are no tiles.
pub(in crate::convolution) fn weight_gradient<S: Number, G: Number>(
    plan: &Plan,
    input: &[S],
    gradient: &[G],
) -> Buffer {
    let sums = Sums::of(plan);
    let chunk = (input.len() / plan.input_len()).div_ceil(CHUNKS).max(1);
    let chunks: Vec<Buffer> = input
        .par_chunks(chunk * plan.input_len())
        .zip(gradient.par_chunks(chunk * plan.output_len()))
        .map(|(input, gradient)| {
            let mut values = Buffer::zeros(sums.row_tiles * sums.column_tiles * TILE);
            BUFFERS.with_borrow_mut(|buffers| {
                // SAFETY: where tiles are available these vectors are; without tiles it panics before it uses them.
                unsafe { sums.accumulate(input, gradient, &mut values, buffers) }
            });
            values
        })
        .collect();
    let row_len = sums.column_tiles * TILE;
    let mut total = Buffer::zeros(sums.row_tiles * row_len);
    total.par_chunks_mut(row_len).enumerate().for_each(|(row, total)| {
        for chunk in &chunks {
            add(total, &chunk[row * row_len..][..row_len]);
        }
    });
    let mut weight = Buffer::new(plan.outputs * plan.channels * plan.taps());
    weight.par_chunks_mut(plan.channels * plan.taps()).enumerate().for_each(|(output, weight)| {
        for (channel, taps) in weight.chunks_exact_mut(plan.taps()).enumerate() {
            let (block, row) = (channel / sums.rows, channel % sums.rows);
            let mut at = block * row_len + output / ROWS * TILE + row * ROWS + output % ROWS;
            for value in taps {
                *value = total[at];
                at += sums.blocks * row_len;
            }
        }
    });
    weight
}

/// How the sums lie: `[taps][blocks of channels][blocks of outputs][a tile, channels by outputs]`.
struct Sums<'a> {
    plan: &'a Plan,
    /// Blocks of channels.
    blocks: usize,
    /// Channels of a block.
    rows: usize,
    /// Tiles down and across, in whole pairs: what lies beyond the last of taps and outputs is summed and never read.
    row_tiles: usize,
    column_tiles: usize,
}

impl<'a> Sums<'a> {
    fn of(plan: &'a Plan) -> Self {
        let [blocks, rows] = blocks(plan.channels);
        let [row_tiles, column_tiles] =
            [plan.taps() * blocks, plan.outputs.div_ceil(ROWS)].map(|n| n.next_multiple_of(2));
        Self { plan, blocks, rows, row_tiles, column_tiles }
    }

    /// Adds what some images give to `values`.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
    fn accumulate<S: Number, G: Number>(&self, input: &[S], gradient: &[G], values: &mut [f32], buffers: &mut Buffers) {
        let Self { plan, .. } = self;
        let tiles = Tiles::of(Shape { rows: self.rows, pairs: ROWS });
        let images = plan.images() * 2;
        for (input, gradient) in
            input.chunks(images * plan.input_len()).zip(gradient.chunks(images * plan.output_len()))
        {
            let images = input.len() / plan.input_len();
            let (inputs, outputs) = (plan.inputs(images, STEP), plan.outputs(images, STEP));
            let left = buffers.inputs.channels(&inputs, plan.channels, self.blocks * self.rows, input);
            let gradients =
                buffers.gradients.channels(&outputs, plan.outputs, plan.outputs.next_multiple_of(ROWS), gradient);
            let pairs = outputs.plane / 2;
            turn(gradients, pairs, &mut buffers.turned);
            let right = &buffers.turned[..];
            let steps = plan.places(images).div_ceil(STEP);
            let last_row = plan.taps() * self.blocks - 1;
            let last_column = plan.outputs.div_ceil(ROWS) - 1;
            for row in (0..self.row_tiles).step_by(2) {
                for column in (0..self.column_tiles).step_by(2) {
                    let outer = Outer {
                        left: [row, row + 1].map(|row| {
                            let (tap, block) = (row.min(last_row) / self.blocks, row.min(last_row) % self.blocks);
                            left[block * self.rows * inputs.plane + plan.offset(tap)..].as_ptr().cast()
                        }),
                        left_row: inputs.plane * size_of::<u16>(),
                        right: [column, column + 1]
                            .map(|column| right[column.min(last_column) * pairs * ROWS..].as_ptr().cast()),
                        steps,
                        sums: [[row, column], [row, column + 1], [row + 1, column], [row + 1, column + 1]].map(
                            |[row, column]| {
                                values[(row * self.column_tiles + column) * TILE..][..TILE].as_mut_ptr().cast()
                            },
                        ),
                    };
                    // SAFETY: the sums are whole tiles, each named once; the layouts have room for all taps of all steps.
                    unsafe { outer.add(&tiles) };
                }
            }
        }
    }
}

/// Pairs of places of planes (`[blocks * ROWS][2 * pairs]`), with the planes of a block side by side: `[blocks][pairs][ROWS]`.
#[target_feature(enable = "avx512f")]
fn turn(planes: &[u16], pairs: usize, target: &mut Vec<u32>) {
    assert!(pairs.is_multiple_of(ROWS) && planes.len().is_multiple_of(2 * pairs * ROWS));
    target.resize(planes.len() / 2, 0);
    for (planes, target) in planes.chunks_exact(2 * pairs * ROWS).zip(target.chunks_exact_mut(pairs * ROWS)) {
        for (first, target) in (0..pairs).step_by(ROWS).zip(target.chunks_exact_mut(ROWS * ROWS)) {
            // SAFETY: squares of ROWS pairs, which move as floats do, inside both slices; AVX-512 is enabled.
            unsafe {
                let source = planes.as_ptr().cast::<f32>().add(first);
                Avx512::transpose(source, pairs, target.as_mut_ptr().cast(), ROWS);
            }
        }
    }
}
