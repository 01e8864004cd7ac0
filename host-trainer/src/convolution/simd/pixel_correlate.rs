//! One image correlated with a bank of kernels: the forward pass and, with the kernels turned round, the input gradient.
//!
//! Neighbouring output pixels of a row lie in the lanes of a vector; a tile of some channels by some vectors, of one row
//! or several, stays in registers over all taps. The operand of a tap is the padded image at an offset, so no column
//! matrix is ever built.

use super::lanes::{LANES, Lanes};
use super::walk::{Place, Walk};

/// Channels of a block at most. Of 16 registers, five channels of two vectors each fill thirteen with their sums, the
/// operands and a weight; at exactly sixteen the compiler spills one of the sums, and each addition to it waits for memory. Of 32,
/// eight channels of three vectors fill 28.
const fn most_rows(registers: usize) -> usize {
    if registers >= 32 { 8 } else { 5 }
}

/// Vectors whose operands stay in the first-level cache while one block of channels after the other uses them; a multiple
/// of the vectors of every tile.
const GROUP: usize = 12;

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
}

impl Kernels {
    /// Packs `channels` kernels; `weight(channel, tap)` is the weight that the tap with offset `offsets[tap]` has for
    /// `channel`.
    pub fn pack(offsets: Vec<usize>, channels: usize, weight: impl Fn(usize, usize) -> f32) -> Self {
        let count = channels.div_ceil(most_rows(super::registers()));
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
        Self { offsets, reach, weights, blocks }
    }
}

/// Floats that may be read behind the last operand of an image whose rows are shorter than a vector.
pub(in crate::convolution) const SLACK: usize = LANES;

/// Writes `start(channel) + sum over taps of weight * source[operand]` to every output pixel.
///
/// # Panics
/// If the walk leaves `source` or `target`.
#[inline(always)]
pub(super) fn correlate<L: Lanes>(
    kernels: &Kernels,
    walk: &Walk,
    source: &[f32],
    start: Option<&[f32]>,
    target: &mut [f32],
) {
    let channels = kernels.blocks.last().map_or(0, |&(first, rows)| first + rows);
    if channels == 0 || walk.places.is_empty() {
        return;
    }
    let last_operand = walk.last.source + kernels.reach + LANES;
    assert!(last_operand <= source.len(), "the padded image is shorter than the convolution's reach");
    let last_target = walk.last.target + (channels - 1) * walk.channel_step + (walk.columns - 1) * walk.column_step;
    assert!(last_target < target.len(), "the output image is shorter than the convolution's output");
    assert!(start.is_none_or(|start| start.len() >= channels), "a bias for every output channel");

    let group = if kernels.blocks.len() == 1 { walk.places.len() } else { GROUP };
    for places in walk.places.chunks(group) {
        let mut weights = kernels.weights.as_slice();
        for &(first, rows) in &kernels.blocks {
            let (block, rest) = weights.split_at(rows * kernels.offsets.len());
            weights = rest;
            let tiles = Tiles {
                weights: block,
                offsets: &kernels.offsets,
                source,
                start: start.map(|start| &start[first..first + rows]),
                target: &mut target[first * walk.channel_step..],
                walk,
            };
            // SAFETY: the assertions above bound every operand and every output pixel of every place; `L` is what
            // the caller found the processor to have.
            unsafe {
                tiles.run_as::<L>(rows, places);
            }
        }
    }
}

/// A block of channels.
struct Tiles<'a> {
    /// `[taps][rows]`.
    weights: &'a [f32],
    offsets: &'a [usize],
    source: &'a [f32],
    start: Option<&'a [f32]>,
    /// From the block's first channel on.
    target: &'a mut [f32],
    walk: &'a Walk,
}

impl Tiles<'_> {
    /// # Safety
    /// As [`run`](Self::run), for this number of rows.
    #[inline(always)]
    unsafe fn run_as<L: Lanes>(self, rows: usize, places: &[Place]) {
        // SAFETY: the caller's.
        unsafe {
            if L::REGISTERS >= 32 {
                return match rows {
                    1 => self.run::<L, 12, 1>(places),
                    2 => self.run::<L, 6, 2>(places),
                    3 => self.run::<L, 6, 3>(places),
                    4 => self.run::<L, 6, 4>(places),
                    5 => self.run::<L, 4, 5>(places),
                    6 => self.run::<L, 4, 6>(places),
                    7 => self.run::<L, 3, 7>(places),
                    _ => self.run::<L, 3, 8>(places),
                };
            }
            match rows {
                1 => self.run::<L, 8, 1>(places),
                2 => self.run::<L, 4, 2>(places),
                3 => self.run::<L, 3, 3>(places),
                4 => self.run::<L, 2, 4>(places),
                5 => self.run::<L, 2, 5>(places),
                // Blocks that were packed for more registers.
                6 => self.run::<L, 1, 6>(places),
                7 => self.run::<L, 1, 7>(places),
                _ => self.run::<L, 1, 8>(places),
            }
        }
    }

    /// # Safety
    /// `L`'s instructions exist; `weights` holds `ROWS` values for each offset; each place's source is followed by a
    /// whole vector at every offset in `source`; `ROWS` channels of the walk's columns lie inside `target` from each
    /// place's target on.
    #[inline(always)]
    unsafe fn run<L: Lanes, const VECTORS: usize, const ROWS: usize>(self, places: &[Place]) {
        let mut row_start = [0.0; ROWS];
        if let Some(start) = self.start {
            row_start.copy_from_slice(&start[..ROWS]);
        }
        for places in places.chunks(VECTORS) {
            // The last tile does its last vector several times.
            let last = places.len() - 1;
            let mut tile = [places[last]; VECTORS];
            tile[..places.len()].copy_from_slice(places);
            // SAFETY: the contract above, for every pointer made here.
            unsafe {
                let mut sources = [self.source.as_ptr(); VECTORS];
                for (source, place) in sources.iter_mut().zip(tile) {
                    *source = source.add(place.source);
                }
                let mut sums = [[L::splat(0.0); VECTORS]; ROWS];
                for (sums, value) in sums.iter_mut().zip(row_start) {
                    *sums = [L::splat(value); VECTORS];
                }
                let mut weight = self.weights.as_ptr();
                for &offset in self.offsets {
                    let mut operands = [L::splat(0.0); VECTORS];
                    for (operand, source) in operands.iter_mut().zip(sources) {
                        *operand = L::load(source.add(offset));
                    }
                    for (row, sums) in sums.iter_mut().enumerate() {
                        let factor = L::splat(*weight.add(row));
                        for (sum, operand) in sums.iter_mut().zip(operands) {
                            *sum = sum.add_product(factor, operand);
                        }
                    }
                    weight = weight.add(ROWS);
                }
                for (row, sums) in sums.iter().enumerate() {
                    for (sum, place) in sums.iter().zip(tile) {
                        let target = self.target.as_mut_ptr().add(place.target + row * self.walk.channel_step);
                        self.store(*sum, target);
                    }
                }
            }
        }
    }

    /// # Safety
    /// As [`run`](Self::run), for one place and channel.
    #[inline(always)]
    unsafe fn store<L: Lanes>(&self, sum: L, target: *mut f32) {
        let Walk { columns, column_step, .. } = *self.walk;
        // SAFETY: the contract above.
        unsafe {
            if column_step == 1 && columns == LANES {
                return sum.store(target);
            }
            let mut values = [0.0; LANES];
            sum.store(values.as_mut_ptr());
            for (x, value) in values[..columns].iter().enumerate() {
                *target.add(x * column_step) = *value;
            }
        }
    }
}
