//! A batch correlated with kernels: the forward pass, and the input gradient with turned kernels.

use burn_std::bf16;
use rayon::prelude::*;

use super::plan::{Plan, blocks};
use super::stream::{Layout, copy_plus};
use super::unit::{Correlation, ROW_BYTES, Shape, TILE_BYTES, Tiles};
use super::{BUFFERS, Buffers};
use crate::number::Number;

/// Outputs of a channel that a loop computes: the columns of two tiles.
const CHUNK: usize = 32;

/// Writes to `target` (`[n, outputs, height, width]`) the correlation of `source` (`[n, channels, height, width]`) with the
/// kernels whose tap of an output for a channel is `kernel(output, channel, tap)`, and `bias` added if there is one.
///
/// # Panics
/// If there are no tiles, or other numbers of images.
pub(in crate::convolution) fn correlate<S: Number, T: Number>(
    plan: &Plan,
    source: &[S],
    kernel: impl Fn(usize, usize, usize) -> f32 + Sync,
    bias: Option<&[f32]>,
    target: &mut [T],
) {
    let kernels = Kernels::new(plan, kernel);
    let (source_len, target_len, images) = (plan.input_len(), plan.output_len(), plan.images());
    assert!(source.len() / source_len == target.len() / target_len, "as many images of each");
    let layout = plan.inputs(images, CHUNK);
    let offsets: Vec<usize> = (0..plan.taps())
        .flat_map(|tap| (0..kernels.depth).map(move |block| (tap, block)))
        .map(|(tap, block)| (block * kernels.shape.pairs * layout.plane + plan.offset(tap)) * size_of::<u32>())
        .collect();
    target.par_chunks_mut(images * target_len).zip(source.par_chunks(images * source_len)).for_each(
        |(target, source)| {
            BUFFERS.with_borrow_mut(|buffers| {
                let images =
                    Images { plan, layout: &layout, kernels: &kernels, offsets: &offsets, source, bias, target };
                // SAFETY: where tiles are available these vectors are; without tiles it panics before it uses them.
                unsafe { images.correlate(buffers) };
            });
        },
    );
}

/// The left factors.
struct Kernels {
    /// `[blocks of outputs][taps][blocks of pairs of channels][a tile]`.
    pairs: Vec<u32>,
    shape: Shape,
    /// Blocks of outputs.
    blocks: usize,
    /// Blocks of pairs of channels.
    depth: usize,
}

impl Kernels {
    fn new(plan: &Plan, kernel: impl Fn(usize, usize, usize) -> f32 + Sync) -> Self {
        let [output_blocks, rows] = blocks(plan.outputs);
        let [depth, pairs] = blocks(plan.channels.div_ceil(2));
        let tile_len = TILE_BYTES / size_of::<u32>();
        let block_len = plan.taps() * depth * tile_len;
        let value = |output: usize, channel: usize, tap: usize| match channel < plan.channels {
            true => u32::from(bf16::nearest(kernel(output, channel, tap)).to_bits()),
            false => 0,
        };
        let mut values = vec![0; output_blocks * block_len];
        values.par_chunks_mut(block_len).enumerate().for_each(|(block, tiles)| {
            for (at, tile) in tiles.chunks_exact_mut(tile_len).enumerate() {
                let (tap, first) = (at / depth, at % depth * pairs);
                for (output, row) in (block * rows..plan.outputs.min((block + 1) * rows))
                    .zip(tile.chunks_exact_mut(ROW_BYTES / size_of::<u32>()))
                {
                    for (channel, pair) in (first * 2..).step_by(2).zip(&mut row[..pairs]) {
                        *pair = value(output, channel, tap) | value(output, channel + 1, tap) << 16;
                    }
                }
            }
        });
        Self { pairs: values, shape: Shape { rows, pairs }, blocks: output_blocks, depth }
    }

    fn block(&self, block: usize) -> *const u8 {
        self.pairs[block * (self.pairs.len() / self.blocks)..].as_ptr().cast()
    }
}

/// Some images.
struct Images<'a, S, T> {
    plan: &'a Plan,
    layout: &'a Layout,
    kernels: &'a Kernels,
    /// Where the right factors of each step begin, in bytes.
    offsets: &'a [usize],
    source: &'a [S],
    bias: Option<&'a [f32]>,
    target: &'a mut [T],
}

impl<S: Number, T: Number> Images<'_, S, T> {
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
    fn correlate(mut self, buffers: &mut Buffers) {
        let Self { plan, layout, kernels, offsets, source, .. } = self;
        let Shape { rows, pairs } = kernels.shape;
        let tiles = Tiles::of(kernels.shape);
        let planes = buffers.pairs.pairs(layout, plan.channels, kernels.depth * pairs, source);
        let block_len = rows * CHUNK;
        buffers.sums.resize(kernels.blocks * block_len, 0.0);
        let images = source.len() / plan.input_len();
        for first in (0..plan.places(images)).step_by(CHUNK) {
            for (at, sums) in buffers.sums.chunks_mut(2 * block_len).enumerate() {
                let (block, both) = (at * 2, sums.len() > block_len);
                let second = block + usize::from(both);
                let last = sums.len() - block_len;
                let correlation = Correlation {
                    left: [kernels.block(block), kernels.block(second)],
                    right: planes[first..].as_ptr().cast(),
                    offsets: offsets.as_ptr(),
                    steps: offsets.len(),
                    right_row: layout.plane * size_of::<u32>(),
                    sums: [sums.as_mut_ptr().cast(), sums[last..].as_mut_ptr().cast()],
                    sums_row: CHUNK * size_of::<f32>(),
                };
                // SAFETY: kernels and sums are whole tiles; the layout has room for all taps of all chunks, and as many planes
                // as the steps read.
                unsafe { if both { correlation.two(&tiles) } else { correlation.one(&tiles) } }
            }
            self.write(first, &buffers.sums);
        }
    }

    /// Writes the sums (`[outputs][CHUNK]`) of the places from `first` on to the images they belong to.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
    fn write(&mut self, first: usize, sums: &[f32]) {
        let Self { plan, layout, bias, .. } = *self;
        let ([height, width], target_len) = (plan.output, plan.output_len());
        let mut at = 0;
        while at < CHUNK {
            let (image, place) = ((first + at) / layout.image, (first + at) % layout.image);
            let (y, x) = (place / layout.pitch, place % layout.pitch);
            let images = &mut *self.target;
            if y < height && x < width && image * target_len < images.len() {
                let count = (width - x).min(CHUNK - at);
                let planes = images[image * target_len..][..target_len].chunks_exact_mut(height * width);
                for (output, (plane, sums)) in planes.zip(sums.chunks_exact(CHUNK)).enumerate() {
                    let bias = bias.map_or(0.0, |bias| bias[output]);
                    copy_plus(&sums[at..][..count], bias, &mut plane[y * width + x..][..count]);
                }
            }
            at += layout.pitch - x;
        }
    }
}
