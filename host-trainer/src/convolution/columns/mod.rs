//! Convolutions as one matrix product: what the taps of a block of output pixels read is copied side by side, `[taps][pixels]`,
//! with channels in the lanes ("im2col").
//!
//! For convolutions with a stride and channels that fill the lanes: no lane is idle, whatever the stride, and all three passes are
//! the products of [`matrix`](super::matrix). The same inputs give the same bits on any number of threads.
//!
//! ```text
//! mod.rs        which convolutions, in which blocks
//! passes.rs     forward, input gradient, weight gradient of a batch
//! blocks.rs     the same of a block
//! ```

mod blocks;
mod passes;

pub(super) use passes::{correlate, input_gradient, weight_gradient};

use super::geometry::Geometry;
use super::matrix::{LANES, Pixels, Vectors, padded};

/// Floats of the columns of a block: they should stay in the second-level cache.
const BLOCK_FLOATS: usize = 3 << 15;

/// Output pixels that a block has at least.
const FEWEST_PIXELS: usize = 24;

/// A convolution by columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    geometry: Geometry,
    /// Blocks of [`LANES`] channels, of inputs and of outputs.
    blocks: [usize; 2],
    /// Output rows of a block.
    rows: usize,
    /// The vectors that compute it.
    vectors: Vectors,
}

/// The plan for a convolution; `None` if another way is faster.
pub(super) fn plan(geometry: &Geometry) -> Option<Plan> {
    let Geometry { groups, channels, outputs, kernel, stride, .. } = *geometry;
    // Of all products, the share that lanes without a channel leave.
    let busy = (channels * outputs) as f32 / (padded(channels) * padded(outputs)).max(1) as f32;
    (groups == 1 && stride != [1, 1] && kernel != [1, 1] && busy > 0.7).then(|| Plan::new(geometry))
}

impl Plan {
    fn new(geometry: &Geometry) -> Self {
        let blocks = [geometry.channels, geometry.outputs].map(|channels| channels.div_ceil(LANES));
        let [height, width] = geometry.output;
        let floats = (geometry.kernel[0] * geometry.kernel[1] * blocks[0] + blocks[1]) * LANES;
        let most = (BLOCK_FLOATS / floats).max(FEWEST_PIXELS) / width;
        Self { geometry: *geometry, blocks, rows: most.clamp(1, height), vectors: Vectors::widest() }
    }

    /// Taps of a kernel.
    fn taps(&self) -> usize {
        self.geometry.kernel[0] * self.geometry.kernel[1]
    }

    /// First output row and number of output rows of each block of an image.
    fn strips(&self) -> impl Iterator<Item = [usize; 2]> + use<> {
        let (rows, height) = (self.rows, self.geometry.output[0]);
        (0..height).step_by(rows).map(move |first| [first, rows.min(height - first)])
    }

    /// The input pixels that `rows` output rows from `first` on read.
    fn input_pixels(&self, first: usize, rows: usize) -> Pixels {
        let Geometry { input, kernel, stride, padding: [[top, _], [left, _]], output, .. } = self.geometry;
        Pixels {
            size: input,
            pitch: ((output[1] - 1) * stride[1] + kernel[1]).max(left + input[1]),
            rows: (rows - 1) * stride[0] + kernel[0],
            top: (first * stride[0]) as isize - top as isize,
            left,
        }
    }

    /// All input pixels, those that no output reads too.
    fn all_input_pixels(&self) -> Pixels {
        let read = self.input_pixels(0, self.geometry.output[0]);
        Pixels { rows: read.rows.max(self.geometry.padding[0][0] + self.geometry.input[0]), ..read }
    }

    /// `rows` rows of output pixels from `first` on.
    fn output_pixels(&self, first: usize, rows: usize) -> Pixels {
        let output = self.geometry.output;
        Pixels { size: output, pitch: output[1], rows, top: first as isize, left: 0 }
    }
}

#[cfg(test)]
mod tests;
