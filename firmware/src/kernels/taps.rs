//! Which taps of a window lie inside the input.

use core::ops::Range;

use shared::shape::{Shape, Window};

use super::ShapeMismatch;

/// A window that slides along one axis of an input.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    length: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    padding: usize,
}

/// Taps of one window along one axis that fall inside the input, and the input position of the first of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Taps {
    pub kernel: Range<usize>,
    pub first: usize,
    /// From the position of one tap to that of the next.
    pub dilation: usize,
}

impl Axis {
    /// The vertical and the horizontal axis; an error if the output does not follow from window and input, or one of them
    /// has no channels. Every kernel with a window calls it first, so that all kernels refuse the same.
    pub fn both(window: &Window, input: Shape, output: Shape) -> Result<[Self; 2], ShapeMismatch> {
        let size = window.output_size(input.height, input.width);
        if size != Some((output.height, output.width)) || input.channels == 0 || output.channels == 0 {
            return Err(ShapeMismatch);
        }
        let (top, left) = window.padding_before(input.height, input.width);
        let axis = |length: u16, kernel: u8, stride: u8, dilation: u8, padding: u16| Self {
            length: length.into(),
            kernel: kernel.into(),
            stride: stride.into(),
            dilation: dilation.into(),
            padding: padding.into(),
        };
        Ok([
            axis(input.height, window.kernel_height, window.stride_height, window.dilation_height, top),
            axis(input.width, window.kernel_width, window.stride_width, window.dilation_width, left),
        ])
    }

    /// The taps of the window of output position `output`.
    pub fn taps(&self, output: usize) -> Taps {
        let (start, dilation) = (output * self.stride, self.dilation);
        let before = self.padding.saturating_sub(start);
        let inside = (self.length + self.padding).saturating_sub(start);
        // Small processors divide slowly.
        let taps = |positions: usize| if dilation == 1 { positions } else { positions.div_ceil(dilation.max(1)) };
        let (begin, end) = (taps(before), taps(inside).min(self.kernel));
        let first = (start + begin * dilation).saturating_sub(self.padding);
        // With a wide dilation, no tap at all may fall inside.
        Taps { kernel: begin.min(end)..end, first, dilation }
    }
}

impl Taps {
    /// Positions in the input, of a window that is not dilated.
    pub fn input(&self) -> Range<usize> {
        self.first..self.first + self.kernel.len()
    }

    /// Positions in the kernel, each with its position in the input.
    pub fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (first, dilation) = (self.first, self.dilation);
        self.kernel.clone().enumerate().map(move |(index, tap)| (tap, first + index * dilation))
    }
}
