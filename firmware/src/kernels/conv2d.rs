//! Convolution.

use shared::{
    quantization::ChannelParameters,
    shape::{Shape, Window},
};

use super::{
    SliceTooShort,
    dot::{dot, dot_tile},
    store,
    taps::{Taps, columns, rows, span},
};

/// Geometry and offsets of a convolution, plain or depthwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvArguments {
    /// Kernel, stride and padding.
    pub window: Window,
    /// `[H, W, C_IN]`.
    pub input_shape: Shape,
    /// `[OUT_H, OUT_W, C_OUT]`, as the window makes it of the input.
    pub output_shape: Shape,
    /// Minus the input's zero point, `-127..=128`. Padding stands for real zeros: its taps are left out of the sum.
    pub input_offset: i32,
    /// The output's zero point, `-128..=127`.
    pub output_offset: i32,
    /// Lower end of the clamp.
    pub activation_min: i8,
    /// Upper end of the clamp.
    pub activation_max: i8,
}

/// Convolution of `input` (`[H, W, C_IN]`) with `weights` (`[C_OUT, KERNEL_H, KERNEL_W, C_IN]`, `-127..=127`) into
/// `output` (`[OUT_H, OUT_W, C_OUT]`); `channels` has `C_OUT` entries.
///
/// A row of the window is contiguous in the input and in the weights, so the sum is one dot product a row of the window;
/// four output channels share the activations. A 1x1 window is a single dot product a pixel.
///
/// # Errors
/// [`SliceTooShort`].
pub fn conv2d(
    arguments: &ConvArguments,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
) -> Result<(), SliceTooShort> {
    let (shape, window) = (arguments.output_shape, arguments.window);
    let depth = usize::from(arguments.input_shape.channels);
    let filter = window.taps() as usize * depth;
    let mut pixels = output.chunks_exact_mut(usize::from(shape.channels).max(1));
    for y in 0..usize::from(shape.height) {
        let rows = rows(&window, arguments.input_shape, y);
        for x in 0..usize::from(shape.width) {
            let patch = Patch { arguments, input, depth, rows: &rows, columns: columns(&window, arguments.input_shape, x) };
            let pixel = pixels.next().ok_or(SliceTooShort)?;
            let (tiles, rest) = pixel.as_chunks_mut::<4>();
            let (channel_tiles, channel_rest) = channels.as_chunks::<4>();
            if channels.len() < usize::from(shape.channels) {
                return Err(SliceTooShort);
            }
            let mut filters = weights.chunks_exact(filter.max(1));
            let mut next = || filters.next().ok_or(SliceTooShort);
            for (tile, channels) in tiles.iter_mut().zip(channel_tiles) {
                let sums = patch.sums([next()?, next()?, next()?, next()?])?;
                for ((out, channel), sum) in tile.iter_mut().zip(channels).zip(sums) {
                    *out = arguments.store(channel.requantize(sum));
                }
            }
            for (out, channel) in rest.iter_mut().zip(channel_rest) {
                *out = arguments.store(channel.requantize(patch.sum(next()?)?));
            }
        }
    }
    Ok(())
}

impl ConvArguments {
    pub(super) fn store(&self, requantized: i32) -> i8 {
        store(requantized, self.output_offset, self.activation_min, self.activation_max)
    }
}

/// The part of the input under one window.
struct Patch<'a> {
    arguments: &'a ConvArguments,
    input: &'a [i8],
    depth: usize,
    rows: &'a Taps,
    columns: Taps,
}

impl<'a> Patch<'a> {
    /// Every row of the window inside the input, with where its weights begin in a filter.
    fn lines(&self) -> impl Iterator<Item = Result<(&'a [i8], usize), SliceTooShort>> {
        let width = usize::from(self.arguments.input_shape.width);
        let kernel_width = usize::from(self.arguments.window.kernel_width);
        let length = self.columns.kernel.len() * self.depth;
        let (input, depth, first, tap) = (self.input, self.depth, self.columns.first, self.columns.kernel.start);
        self.rows.kernel.clone().zip(self.rows.input()).map(move |(kernel_row, row)| {
            let values = span(input, (row * width + first) * depth, length)?;
            Ok((values, (kernel_row * kernel_width + tap) * depth))
        })
    }

    fn sums(&self, filters: [&[i8]; 4]) -> Result<[i32; 4], SliceTooShort> {
        let mut sums = [0; 4];
        for line in self.lines() {
            let (values, start) = line?;
            let [a, b, c, d] = filters;
            let length = values.len();
            let weights = [
                span(a, start, length)?,
                span(b, start, length)?,
                span(c, start, length)?,
                span(d, start, length)?,
            ];
            for (sum, part) in sums.iter_mut().zip(dot_tile(values, weights, self.arguments.input_offset)) {
                *sum += part;
            }
        }
        Ok(sums)
    }

    fn sum(&self, filter: &[i8]) -> Result<i32, SliceTooShort> {
        let mut sum = 0;
        for line in self.lines() {
            let (values, start) = line?;
            sum += dot(values, span(filter, start, values.len())?, self.arguments.input_offset);
        }
        Ok(sum)
    }
}
