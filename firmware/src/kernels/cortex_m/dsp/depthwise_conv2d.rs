//! Depthwise convolution, four channels at a time.
//!
//! A word of the stripe holds a channel of two rows of the window below one another: `[columns][pairs of rows][channels]`.

use shared::{quantization::ChannelParameters, shape::Window};

use super::{
    super::super::{
        ConvArguments, ShapeMismatch, filters,
        scratch::dsp::{DepthwiseLayout as Layout, depthwise_conv2d_words},
        span,
        taps::Axis,
        tensor, tensor_mut,
    },
    row::{BLOCK, Block, Row},
    widen::widen_rows,
};

/// [`depthwise_conv2d`](crate::kernels::depthwise_conv2d), or `None` if the channels are no multiple of four, a parameter
/// is too large for the fast arithmetic, or the scratch is too small.
pub fn depthwise_conv2d(
    arguments: &ConvArguments,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
    scratch: &mut [u32],
) -> Option<Result<(), ShapeMismatch>> {
    let ConvArguments { window, input_shape, output_shape, output_offset, .. } = *arguments;
    let layout = Layout::new(&window, input_shape, output_shape);
    let taps = window.taps() as usize;
    if !layout.depth.is_multiple_of(BLOCK)
        || !Block::can_be(channels, taps, output_offset)
        || scratch.len() < depthwise_conv2d_words(&window, input_shape, output_shape)
    {
        return None;
    }
    let (blocks, rest) = scratch.split_at_mut_checked(layout.blocks())?;
    let (widened, rest) = rest.split_at_mut_checked(layout.weights())?;
    let (stripe, blank) = rest.split_at_mut_checked(layout.stripe())?;
    Some(run(arguments, layout, input, weights, channels, output, [blocks, widened, stripe, blank]))
}

fn run(
    arguments: &ConvArguments,
    layout: Layout,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
    [blocks, widened, stripe, blank]: [&mut [u32]; 4],
) -> Result<(), ShapeMismatch> {
    let ConvArguments { window, input_shape, output_shape, input_offset, output_offset, .. } = *arguments;
    Axis::both(&window, input_shape, output_shape)?;
    let (input, output) = (tensor(input, input_shape)?, tensor_mut(output, output_shape)?);
    let weights = filters(weights, layout.depth, window.taps() as usize)?;
    let channels = span(channels, 0, layout.depth)?;
    if output_shape.channels != input_shape.channels {
        return Err(ShapeMismatch);
    }
    widen_weights(&window, layout, weights, widened)?;
    let blocks: &mut [Block] = bytemuck::cast_slice_mut(blocks);
    for (block, channels) in blocks.iter_mut().zip(channels.chunks(BLOCK)) {
        *block = Block::new(channels, output_offset);
    }
    let (top, left) = window.padding_before(input_shape.height, input_shape.width);
    let (width, left) = (usize::from(input_shape.width), usize::from(left));
    let seen = layout.columns.saturating_sub(left).min(width);
    let blank: &mut [i8] = bytemuck::cast_slice_mut(blank);
    blank.fill(input_offset.wrapping_neg() as i8);
    stripe.fill(0);
    let row_length = usize::from(output_shape.width) * layout.depth;
    for (y, output) in output.chunks_exact_mut(row_length.max(1)).enumerate() {
        for pair in 0..layout.pairs {
            let row = |ky: usize| {
                let row = (y * usize::from(window.stride_height) + ky).wrapping_sub(top.into());
                let inside = row < input_shape.height.into() && ky < window.kernel_height.into();
                let values = if inside { input.get(row * width * layout.depth..) } else { Some(&*blank) };
                values.and_then(|values| values.get(..seen * layout.depth)).ok_or(ShapeMismatch)
            };
            let to = stripe.get_mut(left * layout.column() + pair * layout.depth..).ok_or(ShapeMismatch)?;
            widen_rows([row(2 * pair)?, row(2 * pair + 1)?], layout.depth, to, layout.column(), input_offset)?;
        }
        let fours = layout.weights() / layout.depth;
        for (index, (weights, block)) in widened.chunks_exact(fours * BLOCK).zip(&*blocks).enumerate() {
            let first = index * BLOCK;
            let row = Row {
                stripe: stripe.get(first..).ok_or(ShapeMismatch)?,
                window: fours * layout.depth,
                step: usize::from(window.stride_width) * layout.column(),
                weights,
                block,
            };
            row.convolve_depthwise(arguments, layout.depth, output.get_mut(first..).ok_or(ShapeMismatch)?)?;
        }
    }
    Ok(())
}

/// Widens weights `[KERNEL_H][KERNEL_W][depth]` to `[blocks][KERNEL_W][pairs of rows][BLOCK]` words.
fn widen_weights(window: &Window, layout: Layout, weights: &[i8], widened: &mut [u32]) -> Result<(), ShapeMismatch> {
    let Layout { depth, pairs, kernel_width, .. } = layout;
    widened.fill(0);
    let halves: &mut [i16] = bytemuck::cast_slice_mut(widened);
    let mut taps = weights.chunks_exact(depth.max(1));
    for ky in 0..usize::from(window.kernel_height) {
        for kx in 0..kernel_width {
            let (fours, _) = taps.next().ok_or(ShapeMismatch)?.as_chunks::<BLOCK>();
            let start = ((kx * pairs + ky / 2) * BLOCK) * 2 + ky % 2;
            for (block, weights) in halves.chunks_exact_mut(kernel_width * pairs * BLOCK * 2).zip(fours) {
                let block = block.get_mut(start..).and_then(|rest| rest.first_chunk_mut::<{ 2 * BLOCK - 1 }>());
                let [a, _, b, _, c, _, d] = block.ok_or(ShapeMismatch)?;
                [*a, *b, *c, *d] = weights.map(i16::from);
            }
        }
    }
    Ok(())
}
