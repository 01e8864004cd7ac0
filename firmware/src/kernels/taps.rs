//! Which taps of a window lie inside the input.

use core::ops::Range;

use shared::shape::{Shape, Window};

/// Taps of one window along one axis that fall inside the input, and the input position of the first of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Taps {
    pub kernel: Range<usize>,
    pub first: usize,
}

impl Taps {
    fn new(output: usize, stride: u8, padding: u16, kernel: u8, length: u16) -> Self {
        let start = output * usize::from(stride);
        let (padding, kernel, length) = (usize::from(padding), usize::from(kernel), usize::from(length));
        let begin = padding.saturating_sub(start);
        let end = (length + padding).saturating_sub(start).min(kernel);
        Self { kernel: begin..end.max(begin), first: (start + begin).saturating_sub(padding) }
    }

    /// Positions in the input.
    pub fn input(&self) -> Range<usize> {
        self.first..self.first + self.kernel.len()
    }
}

/// Row `y` of the output.
pub(super) fn rows(window: &Window, input: Shape, y: usize) -> Taps {
    let padding = window.padding_before(input.height, input.width).0;
    Taps::new(y, window.stride_height, padding, window.kernel_height, input.height)
}

/// Column `x` of the output.
pub(super) fn columns(window: &Window, input: Shape, x: usize) -> Taps {
    let padding = window.padding_before(input.height, input.width).1;
    Taps::new(x, window.stride_width, padding, window.kernel_width, input.width)
}

/// `length` values from `start`.
pub(super) fn span<T>(values: &[T], start: usize, length: usize) -> Result<&[T], super::SliceTooShort> {
    values.get(start..).and_then(|rest| rest.get(..length)).ok_or(super::SliceTooShort)
}
