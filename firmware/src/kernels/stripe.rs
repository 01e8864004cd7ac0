//! Convolutions by stripes: the code that the versions for particular processors share.
//!
//! A *stripe* holds the rows of the input that the windows of one row of output pixels see: column after column, the
//! window's rows below one another in each, so that every window of the row is one run of memory and its neighbour's begins
//! some columns later.

use shared::{quantization::ChannelParameters, shape::Shape};

pub(super) use super::scratch::Layout;
use super::{ConvArguments, Region, ShapeMismatch, filters, span, taps::Axis, tensor, tensor_mut};

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

impl Layout {
    /// Which columns of the input the stripe holds. Its first column is column `first` of the padded input, which has
    /// `padding` columns of padding before its `width` columns.
    pub fn seen(&self, first: usize, padding: usize, width: usize) -> Columns {
        let blank = padding.saturating_sub(first).min(self.columns);
        let first = first.saturating_sub(padding).min(width);
        Columns { blank, first, count: (self.columns - blank).min(width - first) }
    }
}

/// A convolution of a part of an output. Its operands fit each other.
pub(super) struct Convolution<'a> {
    pub arguments: &'a ConvArguments,
    pub region: Region,
    pub layout: Layout,
    /// What the stripe shows of a row of the input.
    pub columns: Columns,
    /// `[C_OUT, KERNEL_H, KERNEL_W, C_IN]`.
    pub weights: &'a [i8],
    /// One per output channel.
    pub channels: &'a [ChannelParameters],
    input: &'a [i8],
    /// Padding above the first row.
    top: usize,
}

impl<'a> Convolution<'a> {
    /// `layout` is for an output as wide as the region.
    ///
    /// # Errors
    /// [`ShapeMismatch`].
    pub fn new(
        arguments: &'a ConvArguments,
        region: Region,
        layout: Layout,
        input: &'a [i8],
        weights: &'a [i8],
        channels: &'a [ChannelParameters],
    ) -> Result<Self, ShapeMismatch> {
        let ConvArguments { window, input_shape, output_shape, .. } = *arguments;
        Axis::both(&window, input_shape, output_shape)?;
        let (top, left) = window.padding_before(input_shape.height, input_shape.width);
        let channels = span(channels, 0, output_shape.channels.into())?;
        let weights = filters(weights, channels.len(), window.taps() as usize * usize::from(input_shape.channels))?;
        let input = tensor(input, input_shape)?;
        region.rows(output_shape)?;
        let first = region.columns(output_shape)?.start * usize::from(window.stride_width);
        let columns = layout.seen(first, left.into(), input_shape.width.into());
        Ok(Self { arguments, region, layout, columns, weights, channels, input, top: top.into() })
    }

    /// The rows of `output`, each with its number in the whole output, and from the region's first pixel on.
    ///
    /// # Errors
    /// [`ShapeMismatch`] if `output` is shorter than the region's rows.
    pub fn rows<'o>(
        &self,
        output: &'o mut [i8],
    ) -> Result<impl Iterator<Item = (usize, &'o mut [i8])> + use<'o>, ShapeMismatch> {
        let Region { top, left, height, width } = self.region;
        let height = if width == 0 { 0 } else { height };
        let Shape { width, channels, .. } = self.arguments.output_shape;
        let output = tensor_mut(output, Shape { height, width, channels })?;
        let first = usize::from(left) * usize::from(channels);
        let rows = output.chunks_exact_mut((usize::from(width) * usize::from(channels)).max(1));
        Ok((usize::from(top)..).zip(rows.map(move |row| row.get_mut(first..).unwrap_or(&mut []))))
    }

    /// The pixels that row `ky` of the windows of output row `y` sees; `None` where it is padding.
    ///
    /// # Errors
    /// None for the rows of the region.
    pub fn input_row(&self, y: usize, ky: usize) -> Result<Option<&'a [i8]>, ShapeMismatch> {
        let ConvArguments { window, input_shape, .. } = *self.arguments;
        let (depth, width) = (usize::from(input_shape.channels), usize::from(input_shape.width));
        let row = (y * usize::from(window.stride_height) + ky).wrapping_sub(self.top);
        if row >= input_shape.height.into() {
            return Ok(None);
        }
        let Columns { first, count, .. } = self.columns;
        span(self.input, (row * width + first) * depth, count * depth).map(Some)
    }
}
