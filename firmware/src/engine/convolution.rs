//! Convolutions in bands of rows, with a fused pool, and folded ones part by part.

use core::ops::Range;

use shared::{
    operator::{Pool2d, conv2d::Conv2dStep},
    shape::Shape,
};

use super::{Caller, step::run_pool};
use crate::kernels::{self, ConvArguments, PoolArguments, Region, ShapeMismatch};

/// Runs a convolution and its fused pool into an output of shape `output_shape`. `scratch` holds a band of the convolution
/// first, if there is a pool, and then working memory.
pub(super) fn convolve(
    step: &Conv2dStep<'_>,
    arguments: &ConvArguments,
    output_shape: Shape,
    input: &[i8],
    output: &mut [i8],
    scratch: &mut [i8],
    caller: &mut impl Caller,
) -> Result<(), ShapeMismatch> {
    let Some(band) = step.pool else {
        return convolve_rows(step, arguments, 0..step.convolved.height, input, output, scratch, caller);
    };
    let pool = band.fused;
    let (band, scratch) = scratch.split_at_mut_checked(band.bytes as usize).ok_or(ShapeMismatch)?;
    let Shape { width, channels, .. } = output_shape;
    let row = usize::from(width) * usize::from(channels);
    let bands = output.chunks_mut((usize::from(pool.band_rows) * row).max(1));
    for (index, output) in (0..).zip(bands) {
        let height = pool.rows() * output.len().checked_div(row).unwrap_or(0) as u16;
        let top = index * pool.rows() * pool.band_rows;
        convolve_rows(step, arguments, top..top + height, input, band, scratch, caller)?;
        pool_band(pool.pool, Shape { height, ..step.convolved }, band, output, caller)?;
    }
    Ok(())
}

/// Pools a band of `shape`.
fn pool_band(
    pool: Pool2d,
    shape: Shape,
    band: &[i8],
    output: &mut [i8],
    caller: &mut impl Caller,
) -> Result<(), ShapeMismatch> {
    let window = pool.window;
    let (height, width) = window.output_size(shape.height, shape.width).ok_or(ShapeMismatch)?;
    let output_shape = Shape { height, width, ..shape };
    // The convolution has clamped already.
    let (activation_min, activation_max) = (i8::MIN, i8::MAX);
    let arguments = PoolArguments { window, input_shape: shape, output_shape, activation_min, activation_max };
    caller.call(|| run_pool(pool.kind, &arguments, band, output))
}

/// The rows `rows` of the convolution's output, to the beginning of `output`.
fn convolve_rows(
    step: &Conv2dStep<'_>,
    arguments: &ConvArguments,
    rows: Range<u16>,
    input: &[i8],
    output: &mut [i8],
    scratch: &mut [i8],
    caller: &mut impl Caller,
) -> Result<(), ShapeMismatch> {
    let Shape { width, channels: filters, .. } = step.convolved;
    let Some(folding) = step.folding else {
        let region = region(rows, 0..width);
        return caller
            .call(|| kernels::conv2d_region(arguments, region, input, step.weights, step.channels, output, scratch));
    };
    let filters = usize::from(filters);
    let set_weights = step.weights.len().checked_div(folding.sets() as usize).ok_or(ShapeMismatch)?;
    let mut sets = step.weights.chunks_exact(set_weights.max(1)).zip(step.channels.chunks_exact(filters.max(1)));
    for part in folding.rows(step.convolved.height) {
        let part = part.start.max(rows.start)..part.end.min(rows.end);
        for columns in folding.columns(width) {
            let (weights, channels) = sets.next().ok_or(ShapeMismatch)?;
            if part.is_empty() {
                continue;
            }
            let first = usize::from(part.start - rows.start) * usize::from(width) * filters;
            let output = output.get_mut(first..).ok_or(ShapeMismatch)?;
            let region = region(part.clone(), columns);
            caller.call(|| kernels::conv2d_region(arguments, region, input, weights, channels, output, scratch))?;
        }
    }
    Ok(())
}

fn region(rows: Range<u16>, columns: Range<u16>) -> Region {
    let (height, width) = (rows.len() as u16, columns.len() as u16);
    Region { top: rows.start, left: columns.start, height, width }
}
