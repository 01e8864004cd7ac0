//! The passes of an image, block by block.

use super::Plan;
use crate::convolution::matrix::{Buffers, LANES, Lanes, Outer, Pixels, Product, Work, at_least};

/// An image whose taps are copied side by side.
pub(super) struct Columns<'a> {
    pub plan: &'a Plan,
    /// `[channels][height][width]`.
    pub input: &'a [f32],
}

impl Columns<'_> {
    /// Writes what the taps of `rows` output rows from `first` on read to `columns`: `[taps][blocks of channels][pixels][LANES]`,
    /// `pixels` for each block.
    ///
    /// # Safety
    /// The processor has the instructions of `L`.
    #[inline(always)]
    unsafe fn copy<L: Lanes>(
        &self,
        [first, rows]: [usize; 2],
        pixels: usize,
        copy: &mut Vec<f32>,
        columns: &mut [f32],
    ) {
        let plan = self.plan;
        let source = plan.input_pixels(first, rows);
        let copy = at_least(copy, source.len());
        for block in 0..plan.blocks[0] {
            // SAFETY: the caller vouches for `L`.
            unsafe { source.gather::<L>(self.input, block * LANES, copy) };
            each_row(plan, rows, &source, |tap, row, from, steps| {
                let target = &mut columns[((tap * plan.blocks[0] + block) * pixels + row) * LANES..];
                let places = copy[from..].chunks(steps);
                for (target, source) in target.chunks_exact_mut(LANES).zip(places).take(plan.geometry.output[1]) {
                    target.copy_from_slice(&source[..LANES]);
                }
            });
        }
    }
}

/// Calls `work(tap, pixel, at, step)` for each tap and output row: its first pixel in the block, where that pixel's operand
/// lies in a copy by `source`, and the floats between operands of neighbouring pixels.
#[inline(always)]
fn each_row(plan: &Plan, rows: usize, source: &Pixels, mut work: impl FnMut(usize, usize, usize, usize)) {
    let geometry = &plan.geometry;
    let [kernel_height, kernel_width] = geometry.kernel;
    for tap in 0..kernel_height * kernel_width {
        for y in 0..rows {
            let row = y * geometry.stride[0] + tap / kernel_width;
            let at = (row * source.pitch + tap % kernel_width) * LANES;
            work(tap, y * geometry.output[1], at, geometry.stride[1] * LANES);
        }
    }
}

/// The output of an image.
pub(super) struct Forward<'a> {
    pub columns: Columns<'a>,
    /// `[blocks of outputs][taps][blocks of channels * LANES][LANES]`.
    pub kernels: &'a [f32],
    /// The bias, in whole vectors.
    pub starts: &'a [f32],
    /// `[outputs][out_height][out_width]`.
    pub output: &'a mut [f32],
    pub buffers: &'a mut Buffers,
}

impl Work for Forward<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes, const ROWS: usize, const OUTER: usize, const BLOCKS: usize>(self) {
        let Self { columns, kernels, starts, output, buffers } = self;
        let plan = columns.plan;
        let [input_blocks, output_blocks] = plan.blocks;
        let depth = plan.taps() * input_blocks * LANES;
        for [first, rows] in plan.strips() {
            let pixels = (rows * plan.geometry.output[1]).max(ROWS);
            let inputs = at_least(&mut buffers.inputs, depth * pixels);
            let products = at_least(&mut buffers.outputs, output_blocks * pixels * LANES);
            // SAFETY: the caller vouches for `L`.
            unsafe {
                columns.copy::<L>([first, rows], pixels, &mut buffers.copy, inputs);
                let (tiles, block_step, blocks) = (pixels, depth * LANES, output_blocks);
                let start = Some(starts);
                let product =
                    Product { inputs, tiles, depth, kernels, block_step, blocks, start, target: &mut *products };
                product.run::<L, ROWS, BLOCKS>();
                let target = plan.output_pixels(first, rows);
                for (block, products) in products.chunks_exact(pixels * LANES).enumerate() {
                    target.scatter::<L>(products, output, block * LANES);
                }
            }
        }
    }
}

/// The input gradient of an image.
pub(super) struct InputGradient<'a> {
    pub plan: &'a Plan,
    /// `[outputs][out_height][out_width]`.
    pub gradient: &'a [f32],
    /// `[taps][blocks of channels][outputs][LANES]`.
    pub kernels: &'a [f32],
    /// `[channels][height][width]`.
    pub target: &'a mut [f32],
    pub buffers: &'a mut Buffers,
}

impl Work for InputGradient<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes, const ROWS: usize, const OUTER: usize, const BLOCKS: usize>(self) {
        let Self { plan, gradient, kernels, target, buffers } = self;
        let [input_blocks, output_blocks] = plan.blocks;
        let (depth, blocks) = (plan.geometry.outputs, plan.taps() * input_blocks);
        let [height, width] = plan.geometry.output;
        let whole = plan.input_pixels(0, height);
        let sums = at_least(&mut buffers.sums, input_blocks * whole.len());
        sums.fill(0.0);
        for [first, rows] in plan.strips() {
            let pixels = (rows * width).max(ROWS);
            let inputs = at_least(&mut buffers.inputs, output_blocks * pixels * LANES);
            let products = at_least(&mut buffers.outputs, blocks * pixels * LANES);
            // SAFETY: the caller vouches for `L`.
            unsafe {
                for (block, inputs) in inputs.chunks_exact_mut(pixels * LANES).enumerate() {
                    plan.output_pixels(first, rows).gather::<L>(gradient, block * LANES, inputs);
                }
                let (tiles, block_step) = (pixels, depth * LANES);
                let target = &mut *products;
                let product = Product { inputs, tiles, depth, kernels, block_step, blocks, start: None, target };
                product.run::<L, ROWS, BLOCKS>();
            }
            let below = first * plan.geometry.stride[0] * whole.pitch * LANES;
            for (block, sums) in sums.chunks_exact_mut(whole.len()).enumerate() {
                each_row(plan, rows, &whole, |tap, row, to, steps| {
                    let source = &products[((tap * input_blocks + block) * pixels + row) * LANES..];
                    let places = sums[below + to..].chunks_mut(steps);
                    for (sums, values) in places.zip(source.chunks_exact(LANES)).take(width) {
                        for (sum, value) in sums[..LANES].iter_mut().zip(values) {
                            *sum += value;
                        }
                    }
                });
            }
        }
        for (block, sums) in sums.chunks_exact(whole.len()).enumerate() {
            // SAFETY: the caller vouches for `L`.
            unsafe { whole.scatter::<L>(sums, target, block * LANES) };
        }
    }
}

/// An image's share of the weight gradient.
pub(super) struct WeightGradient<'a> {
    pub columns: Columns<'a>,
    /// `[outputs][out_height][out_width]`.
    pub gradient: &'a [f32],
    /// `[taps][blocks of channels * LANES][blocks of outputs * LANES]`.
    pub sums: &'a mut [f32],
    pub buffers: &'a mut Buffers,
}

impl Work for WeightGradient<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes, const ROWS: usize, const OUTER: usize, const BLOCKS: usize>(self) {
        let Self { columns, gradient, sums, buffers } = self;
        let plan = columns.plan;
        let [input_blocks, blocks] = plan.blocks;
        let input_blocks = plan.taps() * input_blocks;
        for [first, rows] in plan.strips() {
            let tiles = rows * plan.geometry.output[1];
            let inputs = at_least(&mut buffers.inputs, input_blocks * tiles * LANES);
            let gradients = at_least(&mut buffers.outputs, blocks * tiles * LANES);
            // SAFETY: the caller vouches for `L`.
            unsafe {
                columns.copy::<L>([first, rows], tiles, &mut buffers.copy, inputs);
                for (block, gradients) in gradients.chunks_exact_mut(tiles * LANES).enumerate() {
                    plan.output_pixels(first, rows).gather::<L>(gradient, block * LANES, gradients);
                }
                let outer = Outer { inputs, input_blocks, gradients, blocks, tiles, target: &mut *sums, add: true };
                outer.run::<L, OUTER, BLOCKS>();
            }
        }
    }
}
