//! Convolutions on Cortex-M processors.
//!
//! For a row of output pixels, the rows of the input that its windows see are widened once into a *stripe*: column after
//! column, the window's rows below one another in each, so that every window of the row is one run of memory and its
//! neighbour's begins some columns later. The weights of a few filters are widened into the same order, interleaved, and
//! kept in RAM while the whole image passes. The inner loop then reads both with multiple-register loads, whatever the
//! shape of the window.
//!
//! ```text
//! base.rs  processors without it (Cortex-M0, M0+): one product an instruction
//! mod.rs   how windows lie in a stripe
//! dsp/     processors with the DSP extension (Cortex-M4, M7, M33): two products an instruction
//! ```

#[cfg(cortex_m_base)]
mod base;
#[cfg(cortex_m_dsp)]
mod dsp;

#[cfg(cortex_m_base)]
pub(super) use base::*;
#[cfg(cortex_m_dsp)]
pub(super) use dsp::*;

#[cfg(cortex_m_dsp)]
use shared::shape::{Shape, Window};

/// Values that the inner loop takes at a time.
#[cfg(cortex_m_dsp)]
const CHUNK: usize = 8;

/// How the windows of a row of output pixels lie in a stripe.
#[cfg(cortex_m_dsp)]
#[derive(Clone, Copy, Debug)]
struct Layout {
    /// Values from one column to the next: the window's rows, one after the other, in whole quadruples.
    column: usize,
    /// Values of a window, in whole chunks.
    window: usize,
    /// Columns.
    columns: usize,
}

#[cfg(cortex_m_dsp)]
impl Layout {
    const fn new(window: &Window, input: Shape, output: Shape) -> Self {
        let column = (window.kernel_height as usize * input.channels as usize).next_multiple_of(4);
        let between = (output.width as usize).saturating_sub(1) * window.stride_width as usize;
        let columns = between + window.kernel_width as usize;
        Self { column, window: (window.kernel_width as usize * column).next_multiple_of(CHUNK), columns }
    }

    /// Values of the stripe; the last window's chunks may end behind its last column.
    const fn values(&self) -> usize {
        self.columns * self.column + CHUNK
    }
}
