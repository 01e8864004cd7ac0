//! One image correlated with a bank of kernels: the forward pass and, with the kernels turned round, the input gradient.
//!
//! Neighbouring output pixels of a row lie in the lanes, a tile of `R` channels by `V` vectors stays in registers over
//! all taps. The operand of a tap is the padded image at an offset, so no column matrix is ever built.

use super::lanes::{LANES, Lanes};

/// A bank of kernels, packed for the tiles: `[blocks][taps][rows of the block]`.
#[derive(Clone, Debug)]
pub(in crate::convolution) struct Kernels {
    /// Offset of each tap's operand from the first operand of an output pixel.
    offsets: Vec<usize>,
    /// Largest of `offsets`.
    reach: usize,
    /// Weights of the blocks, one after the other.
    weights: Vec<f32>,
    /// First channel and channel count of each block.
    blocks: Vec<(usize, usize)>,
    /// Vectors in a tile.
    vectors: usize,
}

impl Kernels {
    /// Packs `channels` kernels for rows of `width` output pixels; `weight(channel, tap)` is the weight that the tap
    /// with offset `offsets[tap]` has for `channel`.
    pub fn pack(offsets: Vec<usize>, channels: usize, width: usize, weight: impl Fn(usize, usize) -> f32) -> Self {
        let row_vectors = width.div_ceil(LANES);
        // Sixteen registers hold the tile, its V operands and one weight, with a few to spare: at exactly sixteen the
        // compiler spills one of the sums, and each addition to it waits for memory.
        let (vectors, most_rows) = match row_vectors {
            1 => (1, 8),
            n if n % 2 == 1 && n % 3 == 0 => (3, 3),
            _ => (2, 5),
        };
        let count = channels.div_ceil(most_rows);
        let blocks: Vec<_> = (0..count)
            .map(|block| (block * channels / count, (block + 1) * channels / count))
            .map(|(first, end)| (first, end - first))
            .collect();
        let taps = offsets.len();
        let weights = blocks
            .iter()
            .flat_map(|&(first, rows)| (0..taps).flat_map(move |tap| (first..first + rows).map(move |c| (c, tap))))
            .map(|(channel, tap)| weight(channel, tap))
            .collect();
        let reach = offsets.iter().copied().max().unwrap_or(0);
        Self { offsets, reach, weights, blocks, vectors }
    }
}

/// Where output pixel `(y, x)` reads and writes.
#[derive(Clone, Copy, Debug)]
pub(in crate::convolution) struct Walk {
    /// Output rows and columns.
    pub size: [usize; 2],
    /// Distance in the source between operands of neighbouring output rows (columns are neighbours).
    pub source_row: usize,
    /// Offset of output `(0, 0)` of channel 0 in the target.
    pub target_start: usize,
    /// Distance in the target between channels, rows and columns.
    pub target_steps: [usize; 3],
}

/// Floats that must follow the last operand in the source, since a row's last tile reads whole vectors.
pub(in crate::convolution) const SLACK: usize = 3 * LANES;

/// Writes `start(channel) + sum over taps of weight * source[operand]` to every output pixel.
///
/// # Panics
/// When the walk leaves `source` or `target`.
#[inline(always)]
pub(super) fn correlate<L: Lanes>(
    kernels: &Kernels,
    walk: &Walk,
    source: &[f32],
    start: Option<&[f32]>,
    target: &mut [f32],
) {
    let [height, width] = walk.size;
    let [channel_step, row_step, column_step] = walk.target_steps;
    let channels = kernels.blocks.last().map_or(0, |&(first, rows)| first + rows);
    if channels == 0 || height == 0 || width == 0 {
        return;
    }
    let tile = kernels.vectors * LANES;
    let last_operand = (height - 1) * walk.source_row + kernels.reach + width.next_multiple_of(tile);
    assert!(last_operand <= source.len(), "the padded image is shorter than the convolution's reach");
    let last_target =
        walk.target_start + (channels - 1) * channel_step + (height - 1) * row_step + (width - 1) * column_step;
    assert!(last_target < target.len(), "the output image is shorter than the convolution's output");
    assert!(start.is_none_or(|start| start.len() >= channels), "a bias for every output channel");

    let mut weights = kernels.weights.as_slice();
    for &(first, rows) in &kernels.blocks {
        let (block, rest) = weights.split_at(rows * kernels.offsets.len());
        weights = rest;
        for y in 0..height {
            for x in (0..width).step_by(tile) {
                let out = walk.target_start + first * channel_step + y * row_step + x * column_step;
                let tile = Tile {
                    weights: block,
                    offsets: &kernels.offsets,
                    source: &source[y * walk.source_row + x..],
                    start: start.map(|start| &start[first..first + rows]),
                    target: &mut target[out..],
                    columns: (width - x).min(tile),
                    channel_step,
                    column_step,
                };
                // SAFETY: the assertions above bound every operand and every output pixel of every tile; `L` is what
                // the caller found the processor to have.
                unsafe {
                    match (kernels.vectors, rows) {
                        (1, 1) => tile.run::<L, 1, 1>(),
                        (1, 2) => tile.run::<L, 1, 2>(),
                        (1, 3) => tile.run::<L, 1, 3>(),
                        (1, 4) => tile.run::<L, 1, 4>(),
                        (1, 5) => tile.run::<L, 1, 5>(),
                        (1, 6) => tile.run::<L, 1, 6>(),
                        (1, 7) => tile.run::<L, 1, 7>(),
                        (1, _) => tile.run::<L, 1, 8>(),
                        (2, 1) => tile.run::<L, 2, 1>(),
                        (2, 2) => tile.run::<L, 2, 2>(),
                        (2, 3) => tile.run::<L, 2, 3>(),
                        (2, 4) => tile.run::<L, 2, 4>(),
                        (2, _) => tile.run::<L, 2, 5>(),
                        (_, 1) => tile.run::<L, 3, 1>(),
                        (_, 2) => tile.run::<L, 3, 2>(),
                        (_, _) => tile.run::<L, 3, 3>(),
                    }
                }
            }
        }
    }
}

/// Some channels of some neighbouring output pixels.
struct Tile<'a> {
    /// `[taps][rows]`.
    weights: &'a [f32],
    offsets: &'a [usize],
    source: &'a [f32],
    start: Option<&'a [f32]>,
    target: &'a mut [f32],
    columns: usize,
    channel_step: usize,
    column_step: usize,
}

impl Tile<'_> {
    /// # Safety
    /// `L`'s instructions exist; `weights` holds `ROWS` values for each offset; every offset is followed by `VECTORS`
    /// whole vectors in `source`; `ROWS` channels of `columns <= VECTORS * LANES` pixels lie inside `target`.
    #[inline(always)]
    unsafe fn run<L: Lanes, const VECTORS: usize, const ROWS: usize>(self) {
        let mut row_start = [0.0; ROWS];
        if let Some(start) = self.start {
            row_start.copy_from_slice(&start[..ROWS]);
        }
        // SAFETY: the contract above, for every pointer made here.
        unsafe {
            let mut sums = row_start.map(|value| [L::splat(value); VECTORS]);
            let mut weight = self.weights.as_ptr();
            for &offset in self.offsets {
                let source = self.source.as_ptr().add(offset);
                let operands: [L; VECTORS] = std::array::from_fn(|v| L::load(source.add(v * LANES)));
                for (row, sums) in sums.iter_mut().enumerate() {
                    let factor = L::splat(*weight.add(row));
                    for (sum, operand) in sums.iter_mut().zip(operands) {
                        *sum = sum.add_product(factor, operand);
                    }
                }
                weight = weight.add(ROWS);
            }
            for (row, sums) in sums.iter().enumerate() {
                let target = self.target.as_mut_ptr().add(row * self.channel_step);
                if self.column_step == 1 && self.columns == VECTORS * LANES {
                    for (v, sum) in sums.iter().enumerate() {
                        sum.store(target.add(v * LANES));
                    }
                } else {
                    let mut values = [[0.0; LANES]; VECTORS];
                    for (values, sum) in values.iter_mut().zip(sums) {
                        sum.store(values.as_mut_ptr());
                    }
                    for (x, value) in values.as_flattened()[..self.columns].iter().enumerate() {
                        *target.add(x * self.column_step) = *value;
                    }
                }
            }
        }
    }
}
