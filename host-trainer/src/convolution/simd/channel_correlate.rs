//! One image correlated with a bank of kernels, as in [`pixel_correlate`](super::pixel_correlate), but with channels in the lanes.
//!
//! The sums of a tile are some vectors of neighbouring channels by some output pixels; each tap's operand is one float,
//! spread over a vector. No lane is idle however narrow the image, and a stride costs nothing; in return the results are
//! scattered float by float, which only long sums are worth.

use super::lanes::{LANES, Lanes};
use super::walk::Walk;

/// A bank of kernels, packed for the tiles: `[blocks][taps][lanes of the block]`.
#[derive(Clone, Debug)]
pub(in crate::convolution) struct Kernels {
    /// Offset of each tap's operand from the first operand of an output pixel.
    offsets: Vec<usize>,
    /// Largest of `offsets`.
    reach: usize,
    /// Weights of the blocks, one after the other; zeros in the lanes behind the last channel.
    weights: Vec<f32>,
    channels: usize,
}

/// Vectors of channels in a block, but for the last block.
const VECTORS: usize = 2;

impl Kernels {
    /// Packs `channels` kernels; `weight(channel, tap)` is the weight that the tap with offset `offsets[tap]` has for
    /// `channel`.
    pub fn pack(offsets: Vec<usize>, channels: usize, weight: impl Fn(usize, usize) -> f32) -> Self {
        let reach = offsets.iter().copied().max().unwrap_or(0);
        let mut weights = Vec::with_capacity(offsets.len() * channels.next_multiple_of(LANES));
        for (first, vectors) in blocks(channels) {
            for tap in 0..offsets.len() {
                let lanes = first..first + vectors * LANES;
                weights.extend(lanes.map(|channel| if channel < channels { weight(channel, tap) } else { 0.0 }));
            }
        }
        Self { offsets, reach, weights, channels }
    }
}

/// First channel and vectors of each block.
fn blocks(channels: usize) -> impl Iterator<Item = (usize, usize)> {
    let vectors = channels.div_ceil(LANES);
    (0..vectors).step_by(VECTORS).map(move |first| (first * LANES, VECTORS.min(vectors - first)))
}

/// Writes `start(channel) + sum over taps of weight * source[operand]` to every output pixel of a walk over single pixels.
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
    let channels = kernels.channels;
    if channels == 0 || walk.places.is_empty() {
        return;
    }
    assert!(
        walk.last.source + kernels.reach < source.len(),
        "the padded image is shorter than the convolution's reach"
    );
    let last_target = walk.last.target + (channels - 1) * walk.channel_step;
    assert!(last_target < target.len(), "the output image is shorter than the convolution's output");
    assert!(start.is_none_or(|start| start.len() >= channels), "a bias for every output channel");

    let mut weights = kernels.weights.as_slice();
    for (first, vectors) in blocks(channels) {
        let (block, rest) = weights.split_at(vectors * LANES * kernels.offsets.len());
        weights = rest;
        let mut row_start = [0.0; VECTORS * LANES];
        if let Some(start) = start {
            let start = &start[first..channels.min(first + vectors * LANES)];
            row_start[..start.len()].copy_from_slice(start);
        }
        let tiles = Tiles {
            weights: block,
            offsets: &kernels.offsets,
            source,
            start: row_start,
            target: &mut target[first * walk.channel_step..],
            channels: (channels - first).min(vectors * LANES),
            walk,
        };
        // SAFETY: the assertions above bound every operand and every output pixel of every place; `L` is what the
        // caller found the processor to have.
        unsafe {
            match (vectors, L::REGISTERS >= 32) {
                (1, _) => tiles.run::<L, 1, 8>(),
                (_, false) => tiles.run::<L, VECTORS, 6>(),
                (_, true) => tiles.run::<L, VECTORS, 12>(),
            }
        }
    }
}

/// A block of channels.
struct Tiles<'a> {
    /// `[taps][lanes]`.
    weights: &'a [f32],
    offsets: &'a [usize],
    source: &'a [f32],
    start: [f32; VECTORS * LANES],
    /// From the block's first channel on.
    target: &'a mut [f32],
    channels: usize,
    walk: &'a Walk,
}

impl Tiles<'_> {
    /// # Safety
    /// `L`'s instructions exist; `weights` holds `BLOCK` vectors for each offset; each place's source is followed by a
    /// float at every offset in `source`; `channels` channels lie inside `target` from each place's target on.
    #[inline(always)]
    unsafe fn run<L: Lanes, const BLOCK: usize, const PIXELS: usize>(self) {
        // SAFETY: the contract above, for every pointer made here.
        unsafe {
            let mut start = [L::splat(0.0); BLOCK];
            for (v, value) in start.iter_mut().enumerate() {
                *value = L::load(self.start.as_ptr().add(v * LANES));
            }
            for places in self.walk.places.chunks(PIXELS) {
                // The last tile does its last pixel several times.
                let mut tile = [places[places.len() - 1]; PIXELS];
                tile[..places.len()].copy_from_slice(places);
                let mut sources = [self.source.as_ptr(); PIXELS];
                for (source, place) in sources.iter_mut().zip(tile) {
                    *source = source.add(place.source);
                }
                let mut sums = [start; PIXELS];
                let mut weight = self.weights.as_ptr();
                for &offset in self.offsets {
                    let mut factors = [L::splat(0.0); BLOCK];
                    for (v, value) in factors.iter_mut().enumerate() {
                        *value = L::load(weight.add(v * LANES));
                    }
                    for (sums, source) in sums.iter_mut().zip(sources) {
                        let operand = L::splat(*source.add(offset));
                        for (sum, factor) in sums.iter_mut().zip(factors) {
                            *sum = sum.add_product(factor, operand);
                        }
                    }
                    weight = weight.add(BLOCK * LANES);
                }
                for (sums, place) in sums.iter().zip(tile) {
                    let mut values = [0.0; VECTORS * LANES];
                    for (v, sum) in sums.iter().enumerate() {
                        sum.store(values.as_mut_ptr().add(v * LANES));
                    }
                    let target = self.target.as_mut_ptr().add(place.target);
                    for (channel, value) in values[..self.channels].iter().enumerate() {
                        *target.add(channel * self.walk.channel_step) = *value;
                    }
                }
            }
        }
    }
}
