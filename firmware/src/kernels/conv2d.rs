//! Convolution.

use core::ops::Range;

use shared::{
    quantization::ChannelParameters,
    shape::{Shape, Window},
};

use super::{
    ShapeMismatch,
    dot::{dot, dot_tile},
    filters,
    grouped_conv2d::grouped_conv2d,
    pointwise::{FullyConnectedArguments, pointwise},
    requantize, span, store,
    taps::{Axis, Taps},
    tensor, tensor_mut,
};

/// Geometry and offsets of a convolution, plain or depthwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvArguments {
    /// Kernel, stride and padding.
    pub window: Window,
    /// `[H, W, C_IN]`.
    pub input_shape: Shape,
    /// `[OUT_H, OUT_W, C_OUT]`, as window and input determine it.
    pub output_shape: Shape,
    /// Groups of channels that are convolved separately; divides the channels of input and output. A depthwise convolution
    /// ignores it.
    pub groups: u16,
    /// Minus the input's zero point, `-127..=128`. Padding stands for real zeros: its taps are left out of the sum.
    pub input_offset: i32,
    /// The output's zero point, `-128..=127`.
    pub output_offset: i32,
    /// Lower end of the clamp.
    pub activation_min: i8,
    /// Upper end of the clamp.
    pub activation_max: i8,
}

/// A rectangle of output pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// First row.
    pub top: u16,
    /// First column.
    pub left: u16,
    /// Rows.
    pub height: u16,
    /// Columns.
    pub width: u16,
}

impl Region {
    /// All of an output of this shape.
    pub const fn whole(output: Shape) -> Self {
        Self { top: 0, left: 0, height: output.height, width: output.width }
    }

    /// The rows, if the rectangle lies inside an output of this shape.
    pub(super) fn rows(&self, output: Shape) -> Result<Range<usize>, ShapeMismatch> {
        range(self.top, self.height, output.height)
    }

    /// The columns, likewise.
    pub(super) fn columns(&self, output: Shape) -> Result<Range<usize>, ShapeMismatch> {
        range(self.left, self.width, output.width)
    }
}

fn range(start: u16, length: u16, limit: u16) -> Result<Range<usize>, ShapeMismatch> {
    let (start, length) = (usize::from(start), usize::from(length));
    if start + length <= limit.into() { Ok(start..start + length) } else { Err(ShapeMismatch) }
}

/// If the rows of a window have fewer values, the window is gathered on the stack.
const SHORT_ROW: usize = 16;

/// Values of the largest window that is gathered, on the stack.
const LARGEST_GATHERED: usize = 128;

impl ConvArguments {
    /// The arguments of the same convolution at a single pixel, whose window is a vector.
    fn of_a_pixel(&self) -> FullyConnectedArguments {
        let Self { input_offset, output_offset, activation_min, activation_max, .. } = *self;
        FullyConnectedArguments { input_offset, output_offset, activation_min, activation_max }
    }

    pub(super) fn store(&self, requantized: i32) -> i8 {
        store(requantized, self.output_offset, self.activation_min, self.activation_max)
    }

    /// Whether it has one group and no dilation. The kernels for particular processors support nothing
    /// else.
    const fn is_plain(&self) -> bool {
        self.groups == 1 && !self.window.is_dilated()
    }
}

/// Bytes of working memory that [`conv2d`] takes on this processor, for an input and an output of these shapes.
pub const fn conv2d_scratch(window: &Window, input: Shape, output: Shape) -> usize {
    #[cfg(processor_kernels)]
    return super::scratch::bytes(super::processor::conv2d_words(window, input, output));
    #[cfg(not(processor_kernels))]
    {
        let _ = (window, input, output);
        0
    }
}

/// Convolution of `input` (`[H, W, C_IN]`) with `weights` (`[C_OUT, KERNEL_H, KERNEL_W, C_IN / GROUPS]`, `-128..=127`) into
/// `output` (`[OUT_H, OUT_W, C_OUT]`); `channels` has `C_OUT` entries. The contents of `scratch` ([`conv2d_scratch`] bytes) do
/// not matter; with fewer bytes, the portable version runs.
///
/// # Errors
/// [`ShapeMismatch`].
pub fn conv2d(
    arguments: &ConvArguments,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
    scratch: &mut [i8],
) -> Result<(), ShapeMismatch> {
    let region = Region::whole(arguments.output_shape);
    conv2d_region(arguments, region, input, weights, channels, output, scratch)
}

/// As [`conv2d`], for the output pixels of `region` alone: `output` holds the rows of the region at their whole width
/// (`[region.height, OUT_W, C_OUT]`), and what lies outside of its columns stays as it is.
///
/// # Errors
/// [`ShapeMismatch`].
pub fn conv2d_region(
    arguments: &ConvArguments,
    region: Region,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
    scratch: &mut [i8],
) -> Result<(), ShapeMismatch> {
    #[cfg(processor_kernels)]
    if arguments.is_plain() {
        let (_, words, _) = bytemuck::pod_align_to_mut(scratch);
        if let Some(result) = super::processor::conv2d(arguments, region, input, weights, channels, output, words) {
            return result;
        }
    }
    let _ = scratch;
    portable_region(arguments, region, input, weights, channels, output)
}

/// [`conv2d`] in plain Rust.
///
/// # Errors
/// [`ShapeMismatch`].
pub fn portable(
    arguments: &ConvArguments,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
) -> Result<(), ShapeMismatch> {
    portable_region(arguments, Region::whole(arguments.output_shape), input, weights, channels, output)
}

/// [`conv2d_region`] in plain Rust.
///
/// A row of the window is contiguous in the input and in the weights, so the sum is one dot product a row of the window;
/// four output channels share the activations. A 1x1 window is a single dot product a pixel, and so is a window of few
/// channels, whose rows would be too short: its values are gathered first.
///
/// # Errors
/// [`ShapeMismatch`].
pub fn portable_region(
    arguments: &ConvArguments,
    region: Region,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
) -> Result<(), ShapeMismatch> {
    if !arguments.is_plain() {
        return grouped_conv2d(arguments, region, input, weights, channels, output);
    }
    let ConvArguments { window, input_shape, output_shape, .. } = *arguments;
    let [rows, columns] = Axis::both(&window, input_shape, output_shape)?;
    let (ys, xs) = (region.rows(output_shape)?, region.columns(output_shape)?);
    let input = tensor(input, input_shape)?;
    let output = tensor_mut(output, Shape { height: region.height, ..output_shape })?;
    let channels = span(channels, 0, output_shape.channels.into())?;
    let depth = usize::from(input_shape.channels);
    let kernel_row = usize::from(window.kernel_width) * depth;
    let filter = kernel_row * usize::from(window.kernel_height);
    let weights = filters(weights, channels.len(), filter)?;
    let outputs = channels.len().max(1);
    if region == Region::whole(output_shape)
        && window.taps() == 1
        && window.stride_height == 1
        && window.stride_width == 1
    {
        return pointwise(&arguments.of_a_pixel(), depth, input, weights, channels, output);
    }
    let lines = ys.zip(output.chunks_exact_mut(usize::from(output_shape.width).max(1) * outputs));
    let mut gathered = [0; LARGEST_GATHERED];
    if let Some(gathered) = gathered.get_mut(..filter).filter(|_| kernel_row < SHORT_ROW) {
        for (y, line) in lines {
            let rows = rows.taps(y);
            for (x, pixel) in line.chunks_exact_mut(outputs).enumerate().skip(xs.start).take(xs.len()) {
                Patch::new(arguments, input, &rows, &columns.taps(x)).gather(gathered)?;
                pointwise(&arguments.of_a_pixel(), filter, gathered, weights, channels, pixel)?;
            }
        }
        return Ok(());
    }
    let (channel_tiles, channel_rest) = channels.as_chunks::<4>();
    for (y, line) in lines {
        let rows = rows.taps(y);
        for (x, pixel) in line.chunks_exact_mut(outputs).enumerate().skip(xs.start).take(xs.len()) {
            let columns = columns.taps(x);
            let patch = Patch::new(arguments, input, &rows, &columns);
            let (tiles, rest) = pixel.as_chunks_mut::<4>();
            let mut filters = weights.chunks_exact(filter.max(1));
            let mut next = || filters.next().ok_or(ShapeMismatch);
            for (tile, channels) in tiles.iter_mut().zip(channel_tiles) {
                let sums = patch.sums([next()?, next()?, next()?, next()?])?;
                for ((out, channel), sum) in tile.iter_mut().zip(channels).zip(sums) {
                    *out = arguments.store(requantize(channel, sum));
                }
            }
            for (out, channel) in rest.iter_mut().zip(channel_rest) {
                *out = arguments.store(requantize(channel, patch.sum(next()?)?));
            }
        }
    }
    Ok(())
}

/// The part of the input under one window: `rows` runs of `length` values, one every `input_stride` values of the input and
/// every `weight_stride` weights of a filter.
struct Patch<'a> {
    input: &'a [i8],
    weights_start: usize,
    rows: usize,
    length: usize,
    input_stride: usize,
    weight_stride: usize,
    input_offset: i32,
}

impl<'a> Patch<'a> {
    fn new(arguments: &ConvArguments, input: &'a [i8], rows: &Taps, columns: &Taps) -> Self {
        let depth = usize::from(arguments.input_shape.channels);
        let input_stride = usize::from(arguments.input_shape.width) * depth;
        let weight_stride = usize::from(arguments.window.kernel_width) * depth;
        Self {
            input: input.get(rows.first * input_stride + columns.first * depth..).unwrap_or(&[]),
            weights_start: rows.kernel.start * weight_stride + columns.kernel.start * depth,
            rows: rows.kernel.len(),
            length: columns.kernel.len() * depth,
            input_stride,
            weight_stride,
            input_offset: arguments.input_offset,
        }
    }

    /// Every row of the window inside the input, with where its weights begin in a filter.
    fn lines(&self) -> impl Iterator<Item = Result<(&'a [i8], usize), ShapeMismatch>> {
        (0..self.rows).map(|row| {
            let values = span(self.input, row * self.input_stride, self.length)?;
            Ok((values, self.weights_start + row * self.weight_stride))
        })
    }

    /// Copies the window into `window`, row after row; what lies outside the input gets the zero point.
    fn gather(&self, window: &mut [i8]) -> Result<(), ShapeMismatch> {
        if self.rows * self.length < window.len() {
            window.fill(self.input_offset.wrapping_neg() as i8);
        }
        for line in self.lines() {
            let (values, start) = line?;
            let to = window.get_mut(start..).ok_or(ShapeMismatch)?;
            // Rows are too short for a call of `memcpy` to pay.
            for (to, &value) in to.iter_mut().zip(values) {
                *to = value;
            }
        }
        Ok(())
    }

    fn sums(&self, [a, b, c, d]: [&[i8]; 4]) -> Result<[i32; 4], ShapeMismatch> {
        let mut sums = [0i32; 4];
        for line in self.lines() {
            let (values, start) = line?;
            let length = values.len();
            let weights =
                [span(a, start, length)?, span(b, start, length)?, span(c, start, length)?, span(d, start, length)?];
            for (sum, part) in sums.iter_mut().zip(dot_tile(values, weights, self.input_offset)) {
                *sum = sum.wrapping_add(part);
            }
        }
        Ok(sums)
    }

    fn sum(&self, filter: &[i8]) -> Result<i32, ShapeMismatch> {
        let mut sum = 0i32;
        for line in self.lines() {
            let (values, start) = line?;
            sum = sum.wrapping_add(dot(values, span(filter, start, values.len())?, self.input_offset));
        }
        Ok(sum)
    }
}
