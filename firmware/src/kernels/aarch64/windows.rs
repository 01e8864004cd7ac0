//! Weights and activations in the order in which tiles multiply them.

use super::{
    super::{
        ConvArguments, ShapeMismatch,
        stripe::{Columns, Convolution},
    },
    conv2d::Value,
    requantize::LANES,
};

impl Convolution<'_> {
    /// The value of padding: the zero point, which stands for zero.
    pub(super) fn blank<T: Value>(&self) -> T {
        let offset = self.arguments.input_offset;
        T::activation(offset.wrapping_neg() as i8, offset)
    }

    /// Arranges the weights as `[filters / 8][window]`, in the order of the stripe, each value of eight filters together.
    pub(super) fn rearrange_weights<T: Value>(&self, rearranged: &mut [T]) -> Result<(), ShapeMismatch> {
        let ConvArguments { window, input_shape, .. } = *self.arguments;
        let depth = usize::from(input_shape.channels);
        let columns = usize::from(window.kernel_width);
        let filter_length = window.taps() as usize * depth;
        // The ends of windows and missing filters stay zero.
        rearranged.fill(T::zeroed());
        for (filter, weights) in self.weights.chunks_exact(filter_length.max(1)).enumerate() {
            let start = filter / LANES * LANES * self.layout.window;
            let to = rearranged.get_mut(start..).ok_or(ShapeMismatch)?;
            let to = to.get_mut(..LANES * self.layout.window).ok_or(ShapeMismatch)?;
            for (ky, weights) in weights.chunks_exact((columns * depth).max(1)).enumerate() {
                for (kx, values) in weights.chunks_exact(depth.max(1)).enumerate() {
                    T::place_weights(values, kx * self.layout.column + ky * depth, filter % LANES, to)?;
                }
            }
        }
        Ok(())
    }

    /// Turns the stripe of the output row before into that of row `y`: all rows of the input move up by one, and the last is
    /// filled.
    pub(super) fn move_on<T: Value>(&self, y: usize, stripe: &mut [T]) -> Result<(), ShapeMismatch> {
        let ConvArguments { window, input_shape, .. } = *self.arguments;
        let depth = usize::from(input_shape.channels);
        if depth > stripe.len() {
            return Err(ShapeMismatch);
        }
        stripe.copy_within(depth.., 0);
        // The end of each column now holds the beginning of the next column.
        let last = usize::from(window.kernel_height).saturating_sub(1);
        let Columns { blank, count, .. } = self.columns;
        let columns = stripe.chunks_exact_mut(self.layout.column.max(1)).enumerate();
        for (_, column) in columns.filter(|(index, _)| !(blank..blank + count).contains(index)) {
            column.get_mut(last * depth..).ok_or(ShapeMismatch)?.fill(self.blank());
        }
        self.fill_row(y, last, stripe)
    }

    /// Fills row `ky` of the input that the windows of output row `y` see.
    pub(super) fn fill_row<T: Value>(&self, y: usize, ky: usize, stripe: &mut [T]) -> Result<(), ShapeMismatch> {
        let ConvArguments { input_shape, input_offset, .. } = *self.arguments;
        let depth = usize::from(input_shape.channels);
        let to = stripe.get_mut(self.columns.blank * self.layout.column + ky * depth..).ok_or(ShapeMismatch)?;
        let columns = to.chunks_mut(self.layout.column.max(1)).take(self.columns.count);
        let Some(pixels) = self.input_row(y, ky)? else {
            let blank = self.blank();
            columns.for_each(|column| column.iter_mut().take(depth).for_each(|value| *value = blank));
            return Ok(());
        };
        if depth == 1 {
            let to = to.iter_mut().step_by(self.layout.column.max(1));
            to.zip(pixels).for_each(|(to, &pixel)| *to = T::activation(pixel, input_offset));
            return Ok(());
        }
        for (to, from) in columns.zip(pixels.chunks_exact(depth.max(1))) {
            to.iter_mut().zip(from).for_each(|(to, &from)| *to = T::activation(from, input_offset));
        }
        Ok(())
    }
}
