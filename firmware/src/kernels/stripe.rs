//! How the windows of a row of output pixels lie in a stripe.
//!
//! A *stripe* holds the rows of the input that the windows of one row of output pixels see: column after column, the
//! window's rows below one another in each, so that every window of the row is one run of memory and its neighbour's begins
//! some columns later.

use shared::shape::{Shape, Window};

/// Columns of an input in a stripe; those behind them are padding again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns {
    /// Columns of padding that come first.
    pub blank: usize,
    /// The first column of the input.
    pub first: usize,
    /// Columns of the input.
    pub count: usize,
}

/// Distances in a stripe, in values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// Values from one column to the next: the window's rows, one after the other.
    pub column: usize,
    /// Values of a window.
    pub window: usize,
    /// Columns.
    pub columns: usize,
    chunk: usize,
}

impl Layout {
    /// With columns of a multiple of `quantum` values, and windows of a multiple of `chunk`.
    pub const fn new(window: &Window, input: Shape, output: Shape, quantum: usize, chunk: usize) -> Self {
        let column = (window.kernel_height as usize * input.channels as usize).next_multiple_of(quantum);
        let between = (output.width as usize).saturating_sub(1) * window.stride_width as usize;
        let columns = between + window.kernel_width as usize;
        Self { column, window: (window.kernel_width as usize * column).next_multiple_of(chunk), columns, chunk }
    }

    /// What the stripe's columns show when the first of them lies `first` columns, padding of `padding` included, into an
    /// input of `width` columns.
    pub fn seen(&self, first: usize, padding: usize, width: usize) -> Columns {
        let blank = padding.saturating_sub(first).min(self.columns);
        let first = first.saturating_sub(padding).min(width);
        Columns { blank, first, count: (self.columns - blank).min(width - first) }
    }

    /// Values of the stripe; the last window's chunks may end behind its last column.
    pub const fn values(&self) -> usize {
        self.columns * self.column + self.chunk
    }
}
