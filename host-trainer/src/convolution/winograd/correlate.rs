//! A batch correlated with 3x3 kernels: the forward pass, and the input gradient with turned kernels.

use rayon::prelude::*;

use super::plan::{Plan, slab};
use super::tile::{Four, Three, Tile};
use super::transform::{self, Steps};
use crate::convolution::matrix::{BUFFERS, Buffers, LANES, Lanes, Pixels, Product, Work, at_least, padded};
use crate::memory::Buffer;

/// Writes to `target` (`[n, outputs, height, width]`) the correlation of `source` (`[n, channels, height, width]`) with the
/// kernels whose tap `3 y + x` of an output for a channel is `kernel(output, channel, tap)`, and `bias` added if there is one.
///
/// # Panics
/// If a slice is too short.
pub(in crate::convolution) fn correlate(
    plan: &Plan,
    source: &[f32],
    kernel: impl Fn(usize, usize, usize) -> f32 + Sync,
    bias: Option<&[f32]>,
    target: &mut [f32],
) {
    let shape = plan.shape;
    let kernels = transformed(plan, kernel);
    let mut starts = vec![0.0; padded(shape.outputs)];
    if let Some(bias) = bias {
        starts[..shape.outputs].copy_from_slice(&bias[..shape.outputs]);
    }
    let source_len = shape.channels * shape.input[0] * shape.input[1];
    let target_len = shape.outputs * shape.output[0] * shape.output[1];
    assert!(source.len() / source_len == target.len() / target_len, "as many images of each");
    target.par_chunks_mut(plan.images * target_len).zip(source.par_chunks(plan.images * source_len)).for_each(
        |(target, source)| {
            BUFFERS.with_borrow_mut(|buffers| {
                for [first_row, rows] in plan.strips() {
                    let (kernels, starts) = (&kernels[..], &starts[..]);
                    let strip = Strip { plan, source, kernels, starts, first_row, rows, target, buffers };
                    plan.vectors.run(strip);
                }
            });
        },
    );
}

/// The transformed kernels, `[blocks][points][channels][LANES]`.
fn transformed(plan: &Plan, kernel: impl Fn(usize, usize, usize) -> f32 + Sync) -> Buffer {
    let (channels, outputs, points) = (plan.shape.channels, plan.shape.outputs, plan.points());
    let mut kernels = Buffer::new(padded(outputs) * points * channels);
    kernels.par_chunks_mut(points * channels * LANES).enumerate().for_each(|(block, kernels)| {
        for channel in 0..channels {
            let mut taps = [[0.0; LANES]; 9];
            for lane in 0..LANES.min(outputs - block * LANES) {
                for (tap, lanes) in taps.iter_mut().enumerate() {
                    lanes[lane] = kernel(block * LANES + lane, channel, tap);
                }
            }
            plan.vectors.run(Kernels {
                tile: plan.tile,
                taps: &taps,
                target: &mut kernels[channel * LANES..],
                step: channels * LANES,
            });
        }
    });
    kernels
}

/// The nine taps of [`LANES`] kernels, transformed.
struct Kernels<'a> {
    tile: usize,
    taps: &'a [[f32; LANES]; 9],
    target: &'a mut [f32],
    /// Floats between points in `target`.
    step: usize,
}

impl Work for Kernels<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes, const ROWS: usize, const OUTER: usize, const BLOCKS: usize>(self) {
        // SAFETY: the caller vouches for `L`.
        unsafe {
            match self.tile {
                3 => self.transform::<L, Three, 3, 5>(),
                _ => self.transform::<L, Four, 4, 6>(),
            }
        }
    }
}

impl Kernels<'_> {
    #[inline(always)]
    unsafe fn transform<L: Lanes, T: Tile<OUTPUTS, POINTS>, const OUTPUTS: usize, const POINTS: usize>(self) {
        // SAFETY: the caller vouches for `L`; the slice bounds what is written.
        unsafe {
            for (y, row) in transform::kernel::<L, T, OUTPUTS, POINTS>(self.taps).into_iter().enumerate() {
                for (x, value) in row.into_iter().enumerate() {
                    value.store(self.target[(y * POINTS + x) * self.step..][..LANES].as_mut_ptr());
                }
            }
        }
    }
}

/// Some rows of tiles of some images.
struct Strip<'a> {
    plan: &'a Plan,
    /// Whole images.
    source: &'a [f32],
    kernels: &'a [f32],
    starts: &'a [f32],
    first_row: usize,
    rows: usize,
    /// Whole images.
    target: &'a mut [f32],
    buffers: &'a mut Buffers,
}

impl Work for Strip<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes, const ROWS: usize, const OUTER: usize, const BLOCKS: usize>(self) {
        // SAFETY: the caller vouches for `L`.
        unsafe {
            match self.plan.tile {
                3 => self.correlate::<L, Three, 3, 5, ROWS, BLOCKS>(),
                _ => self.correlate::<L, Four, 4, 6, ROWS, BLOCKS>(),
            }
        }
    }
}

impl Strip<'_> {
    #[inline(always)]
    unsafe fn correlate<
        L: Lanes,
        T: Tile<OUTPUTS, POINTS>,
        const OUTPUTS: usize,
        const POINTS: usize,
        const ROWS: usize,
        const BLOCKS: usize,
    >(
        self,
    ) {
        let Self { plan, source, kernels, starts, first_row, rows, target, buffers } = self;
        let shape = plan.shape;
        let (channels, outputs) = (padded(shape.channels), padded(shape.outputs));
        let source_len = shape.channels * shape.input[0] * shape.input[1];
        let target_len = shape.outputs * shape.output[0] * shape.output[1];
        let images = source.len() / source_len;
        let tiles = (images * rows * plan.tiles[1]).max(ROWS);
        let points = POINTS * POINTS;
        let [input_slab, output_slab] = [slab(tiles, channels), slab(tiles, outputs)];
        let inputs = at_least(&mut buffers.inputs, points * input_slab);
        let products = at_least(&mut buffers.outputs, points * output_slab);

        let before = Transformed { plan, first_row, rows, tiles, slab: input_slab };
        // SAFETY: the caller vouches for `L`.
        unsafe { before.inputs::<L, T, OUTPUTS, POINTS>(source, &mut buffers.copy, inputs) };
        for point in 0..points {
            let product = Product {
                inputs: &inputs[point * input_slab..][..input_slab],
                tiles,
                depth: shape.channels,
                kernels: &kernels[point * shape.channels * LANES..],
                block_step: points * shape.channels * LANES,
                blocks: outputs / LANES,
                start: None,
                target: &mut products[point * output_slab..][..output_slab],
            };
            // SAFETY: the caller vouches for `L`.
            unsafe { product.run::<L, ROWS, BLOCKS>() };
        }

        let pixels = Pixels {
            size: shape.output,
            pitch: plan.tiles[1] * OUTPUTS,
            rows: rows * OUTPUTS,
            top: (first_row * OUTPUTS) as isize,
            left: 0,
        };
        let copy = at_least(&mut buffers.copy, pixels.len());
        let steps = Steps { row: pixels.pitch * LANES, slab: output_slab };
        for (image, target) in target.chunks_exact_mut(target_len).enumerate() {
            for first in (0..shape.outputs).step_by(LANES) {
                // SAFETY: tile `(y, x)` is the product's row `(image * rows + y) * tiles + x` and lies whole in the copy;
                // `starts` has whole vectors; the caller vouches for `L`.
                unsafe {
                    let start = L::load(starts[first..first + LANES].as_ptr());
                    for y in 0..rows {
                        for x in 0..plan.tiles[1] {
                            let row = (image * rows + y) * plan.tiles[1] + x;
                            let source = products[first * tiles + row * LANES..].as_ptr();
                            let target = copy[(y * pixels.pitch + x) * OUTPUTS * LANES..].as_mut_ptr();
                            transform::output::<L, T, OUTPUTS, POINTS>(source, target, steps, start);
                        }
                    }
                    pixels.scatter::<L>(copy, target, first);
                }
            }
        }
    }
}

/// Transformed tiles of some rows, `[points][slab]`, each slab `[blocks of channels][tiles][LANES]`.
pub(super) struct Transformed<'a> {
    pub plan: &'a Plan,
    pub first_row: usize,
    pub rows: usize,
    pub tiles: usize,
    pub slab: usize,
}

impl Transformed<'_> {
    /// Transforms what the tiles of whole images read.
    ///
    /// # Panics
    /// If a slice is too short.
    ///
    /// # Safety
    /// The processor has the instructions of `L`.
    #[inline(always)]
    pub unsafe fn inputs<L: Lanes, T: Tile<OUTPUTS, POINTS>, const OUTPUTS: usize, const POINTS: usize>(
        &self,
        source: &[f32],
        copy: &mut Vec<f32>,
        target: &mut [f32],
    ) {
        let Self { plan, first_row, rows, tiles, slab } = *self;
        let (shape, across) = (plan.shape, plan.tiles[1]);
        let [top, left] = shape.before;
        let pixels = Pixels {
            size: shape.input,
            // What the last tile does not need of the image must have room as well.
            pitch: (across * OUTPUTS + 2).max(left + shape.input[1]),
            rows: rows * OUTPUTS + 2,
            top: (first_row * OUTPUTS) as isize - top as isize,
            left,
        };
        let copy = at_least(copy, pixels.len());
        let steps = Steps { row: pixels.pitch * LANES, slab };
        assert!(target.len() >= POINTS * POINTS * slab);
        for (image, source) in source.chunks_exact(shape.channels * shape.input[0] * shape.input[1]).enumerate() {
            for first in (0..shape.channels).step_by(LANES) {
                // SAFETY: tile `(y, x)` reads `POINTS` rows and columns from `OUTPUTS * (y, x)` on, which the copy has,
                // and its vector lies inside each slab; the caller vouches for `L`.
                unsafe {
                    pixels.gather::<L>(source, first, copy);
                    for y in 0..rows {
                        for x in 0..across {
                            let row = (image * rows + y) * across + x;
                            let at = first * tiles + row * LANES;
                            assert!(at + LANES <= slab);
                            let source = copy[(y * pixels.pitch + x) * OUTPUTS * LANES..].as_ptr();
                            let target = target[at..].as_mut_ptr();
                            transform::input::<L, T, OUTPUTS, POINTS>(source, target, steps);
                        }
                    }
                }
            }
        }
    }

    /// Transforms the output gradients of the tiles of whole images.
    ///
    /// # Panics
    /// If a slice is too short.
    ///
    /// # Safety
    /// The processor has the instructions of `L`.
    #[inline(always)]
    pub unsafe fn gradients<L: Lanes, T: Tile<OUTPUTS, POINTS>, const OUTPUTS: usize, const POINTS: usize>(
        &self,
        gradient: &[f32],
        copy: &mut Vec<f32>,
        target: &mut [f32],
    ) {
        let Self { plan, first_row, rows, tiles, slab } = *self;
        let (shape, across) = (plan.shape, plan.tiles[1]);
        let pixels = Pixels {
            size: shape.output,
            pitch: across * OUTPUTS,
            rows: rows * OUTPUTS,
            top: (first_row * OUTPUTS) as isize,
            left: 0,
        };
        let copy = at_least(copy, pixels.len());
        let steps = Steps { row: pixels.pitch * LANES, slab };
        assert!(target.len() >= POINTS * POINTS * slab);
        for (image, gradient) in gradient.chunks_exact(shape.outputs * shape.output[0] * shape.output[1]).enumerate() {
            for first in (0..shape.outputs).step_by(LANES) {
                // SAFETY: tile `(y, x)` reads `OUTPUTS` rows and columns from `OUTPUTS * (y, x)` on, which the copy has,
                // and its vector lies inside each slab; the caller vouches for `L`.
                unsafe {
                    pixels.gather::<L>(gradient, first, copy);
                    for y in 0..rows {
                        for x in 0..across {
                            let row = (image * rows + y) * across + x;
                            let at = first * tiles + row * LANES;
                            assert!(at + LANES <= slab);
                            let source = copy[(y * pixels.pitch + x) * OUTPUTS * LANES..].as_ptr();
                            let target = target[at..].as_mut_ptr();
                            transform::gradient::<L, T, OUTPUTS, POINTS>(source, target, steps);
                        }
                    }
                }
            }
        }
    }
}
