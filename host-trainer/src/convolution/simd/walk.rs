//! The output pixels of an image, and where each finds its operands.

use super::Across;
use super::lanes::LANES;

/// Where a vector of output pixels, or a single one, reads and writes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub source: usize,
    pub target: usize,
}

/// The output pixels of an image, vector by vector or one by one.
#[derive(Clone, Debug)]
pub(in crate::convolution) struct Walk {
    pub(super) places: Vec<Place>,
    /// Largest source and target of the places.
    pub(super) last: Place,
    /// Pixels of each place; fewer than [`LANES`] where rows are shorter.
    pub(super) columns: usize,
    pub(super) channel_step: usize,
    pub(super) column_step: usize,
}

impl Walk {
    /// The walk over `size` output rows and columns. `source_steps` are the distances in the source between
    /// operands of neighbouring output rows and columns; output `(0, 0)` of channel 0 lies at `target_start`, and
    /// channels, rows and columns lie `target_steps` apart.
    pub fn new(
        across: Across,
        [height, width]: [usize; 2],
        source_steps: [usize; 2],
        target_start: usize,
        target_steps: [usize; 3],
    ) -> Self {
        let [channel_step, row_step, column_step] = target_steps;
        let columns = if across == Across::Pixels { LANES } else { 1 };
        // The last vector of a row begins early enough to be whole, and writes again what the one before it wrote.
        let last = width.saturating_sub(columns);
        let place = |y: usize, x: usize| Place {
            source: y * source_steps[0] + x.min(last) * source_steps[1],
            target: target_start + y * row_step + x.min(last) * column_step,
        };
        let places = (0..height).flat_map(|y| (0..width).step_by(columns).map(move |x| (y, x)));
        let places = places.map(|(y, x)| place(y, x)).collect();
        let last = place(height.saturating_sub(1), last);
        Self { places, last, columns: width.min(columns), channel_step, column_step }
    }
}
