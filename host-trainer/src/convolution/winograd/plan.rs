//! How the images of a batch are cut into tiles, and tiles into blocks that stay in a core's cache.

use crate::convolution::matrix::{LANES, Vectors, padded};

/// Floats of transformed inputs and outputs of one block: they should stay in the second-level cache.
const BLOCK_FLOATS: usize = 3 << 16;

/// Tiles below which a block of a correlation would read the transformed kernels too often.
const FEWEST_TILES: usize = 24;

/// Tiles below which a block of a weight gradient would read and write its sums too often.
const FEWEST_SUMMED_TILES: usize = 72;

/// Chunks of a batch for the weight gradient, at least where images are large: as many cores may work.
const CHUNKS: usize = 8;

/// Tiles that a chunk has at least, since each chunk sums and transforms a gradient of its own.
const CHUNK_TILES: usize = 48;

/// The same where these sums do not stay in the second-level cache.
const LARGE_CHUNK_TILES: usize = 144;

/// A convolution of 3x3 with stride 1, as a correlation of `channels` padded planes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::convolution) struct Shape {
    /// Input channels.
    pub channels: usize,
    /// Output channels.
    pub outputs: usize,
    /// Input height and width.
    pub input: [usize; 2],
    /// Output height and width.
    pub output: [usize; 2],
    /// Zeros above and to the left of the input.
    pub before: [usize; 2],
}

/// The tiles of an image, and how many of them make a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::convolution) struct Plan {
    pub shape: Shape,
    /// Outputs of a tile, down and across.
    pub tile: usize,
    /// Tiles of an image, down and across.
    pub tiles: [usize; 2],
    /// Images of one block; more than one only if they are whole.
    pub images: usize,
    /// Rows of tiles of one block.
    pub rows: usize,
    /// The vectors that compute it.
    pub vectors: Vectors,
}

impl Plan {
    /// The plan for tiles of `tile` outputs.
    pub fn new(shape: Shape, tile: usize) -> Self {
        Self::with_blocks(shape, tile, FEWEST_TILES, Vectors::widest())
    }

    /// The same tiles in blocks for the weight gradient.
    pub fn for_weights(&self) -> Self {
        Self::with_blocks(self.shape, self.tile, FEWEST_SUMMED_TILES, self.vectors)
    }

    fn with_blocks(shape: Shape, tile: usize, fewest: usize, vectors: Vectors) -> Self {
        let tiles = shape.output.map(|size| size.div_ceil(tile));
        let area = tiles[0] * tiles[1];
        let points = (tile + 2) * (tile + 2);
        let floats = points * (padded(shape.channels) + padded(shape.outputs));
        let most = (BLOCK_FLOATS / floats).max(fewest);
        if area <= most {
            return Self { shape, tile, tiles, images: (most / area).max(1), rows: tiles[0], vectors };
        }
        let strips = tiles[0].div_ceil((most / tiles[1]).max(1));
        Self { shape, tile, tiles, images: 1, rows: tiles[0].div_ceil(strips), vectors }
    }

    /// Products of an input and a kernel value that a channel and an output share.
    pub fn products(&self) -> usize {
        self.tiles[0] * self.tiles[1] * (self.tile + 2) * (self.tile + 2)
    }

    /// Points of a tile: `(tile + 2)` squared.
    pub fn points(&self) -> usize {
        (self.tile + 2) * (self.tile + 2)
    }

    /// Maximum number of tiles in a block.
    pub fn block_tiles(&self) -> usize {
        self.images * self.rows * self.tiles[1]
    }

    /// Images of a task of the weight gradient, the same on any number of threads.
    pub fn chunk(&self, images: usize) -> usize {
        let large = self.points() * padded(self.shape.channels) * padded(self.shape.outputs) > BLOCK_FLOATS;
        let tiles = if large { LARGE_CHUNK_TILES } else { CHUNK_TILES };
        let enough = tiles.div_ceil(self.tiles[0] * self.tiles[1]);
        images.div_ceil(CHUNKS).max(enough)
    }

    /// The first tile row and the number of tile rows of each strip of an image.
    pub fn strips(&self) -> impl Iterator<Item = [usize; 2]> + use<> {
        let (rows, all) = (self.rows, self.tiles[0]);
        (0..all).step_by(rows).map(move |first| [first, rows.min(all - first)])
    }
}

/// Distance between the matrices of neighbouring points: an odd number of cache lines, so that the same place in all of
/// them does not fall into one set of the cache.
pub(super) fn slab(rows: usize, columns: usize) -> usize {
    let lines = (rows * columns).div_ceil(LANES);
    (lines | 1) * LANES
}
