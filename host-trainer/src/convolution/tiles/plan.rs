//! The places and tiles of a shape.

use super::{stream::Layout, unit::ROWS};
use crate::convolution::geometry::Geometry;

/// Places of the images that are convolved together: fewer leave tiles unfilled, more leave the caches.
const PLACES: usize = 512;

/// A convolution of one group with stride 1, as a correlation of `channels` padded planes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::convolution) struct Plan {
    /// Input channels.
    pub channels: usize,
    /// Output channels.
    pub outputs: usize,
    /// Kernel height and width.
    pub kernel: [usize; 2],
    /// Input height and width.
    pub input: [usize; 2],
    /// Output height and width.
    pub output: [usize; 2],
    /// Zeros above and to the left of the input.
    pub before: [usize; 2],
}

/// `count` rows in as few blocks as can be, all alike: the number of blocks and of the rows in each.
pub(super) fn blocks(count: usize) -> [usize; 2] {
    let blocks = count.div_ceil(ROWS);
    [blocks, count.div_ceil(blocks)]
}

impl Plan {
    /// The plan for a convolution's forward pass and weight gradient.
    pub fn forward(geometry: &Geometry) -> Self {
        let Geometry { channels, outputs, kernel, input, output, .. } = *geometry;
        Self { channels, outputs, kernel, input, output, before: geometry.padding.map(|[before, _]| before) }
    }

    /// The plan for its input gradient: a correlation of the output gradient with turned kernels. Padding must be smaller than
    /// the kernel.
    pub fn backward(geometry: &Geometry) -> Self {
        let Geometry { channels, outputs, kernel, input, output, padding, .. } = *geometry;
        let before = [0, 1].map(|axis| kernel[axis] - 1 - padding[axis][0]);
        Self { channels: outputs, outputs: channels, kernel, input: output, output: input, before }
    }

    /// Taps of a kernel.
    pub fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Values of an input image.
    pub fn input_len(&self) -> usize {
        self.channels * self.input[0] * self.input[1]
    }

    /// Values of an output image.
    pub fn output_len(&self) -> usize {
        self.outputs * self.output[0] * self.output[1]
    }

    /// Places from one row, and from one image, to the next. What an output reads to the right of its row are the zeros to the left of
    /// the next; likewise below.
    fn along(&self, axis: usize) -> usize {
        let Self { kernel, input, output, before, .. } = self;
        (before[axis] + input[axis]).max(output[axis] + (kernel[axis] - 1).saturating_sub(before[axis]))
    }

    fn image(&self) -> usize {
        self.along(0) * self.along(1)
    }

    /// Places from an output's to the input that it reads for a tap.
    pub fn offset(&self, tap: usize) -> usize {
        tap / self.kernel[1] * self.along(1) + tap % self.kernel[1]
    }

    /// Images that are convolved together.
    pub fn images(&self) -> usize {
        (PLACES / self.image()).max(1)
    }

    /// Places from the first output of some images to behind the last.
    pub fn places(&self, images: usize) -> usize {
        (images - 1) * self.image() + (self.output[0] - 1) * self.along(1) + self.output[1]
    }

    /// Where the inputs of some images lie, if `chunk` outputs are computed at once.
    pub(super) fn inputs(&self, images: usize, chunk: usize) -> Layout {
        let read = self.places(images).next_multiple_of(chunk) + self.offset(self.taps() - 1);
        self.layout(self.input, self.before, images, read)
    }

    /// Where their outputs lie.
    pub(super) fn outputs(&self, images: usize, chunk: usize) -> Layout {
        self.layout(self.output, [0, 0], images, self.places(images).next_multiple_of(chunk))
    }

    fn layout(&self, size: [usize; 2], before: [usize; 2], images: usize, read: usize) -> Layout {
        let (pitch, image) = (self.along(1), self.image());
        let written = (images - 1) * image + (before[0] + size[0] - 1) * pitch + before[1] + size[1];
        // Whole cache lines of 16-bit numbers.
        Layout { size, before, pitch, image, images, plane: read.max(written).next_multiple_of(32) }
    }
}
