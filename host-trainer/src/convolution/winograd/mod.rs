//! Convolutions of 3x3 with stride 1 by Winograd's minimal filtering: a quarter of the multiplications, and less.
//!
//! Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural Networks". An image is cut into tiles of 4x4 or 3x3 outputs.
//! What a tile reads is transformed to 36 or 25 points; at each point, channels are multiplied with transformed
//! kernels, a [matrix product](super::matrix) over all tiles of a block; the products are transformed to outputs. Rounding errors are some
//! ten times those of direct sums, about 1e-6 of the largest value.
//!
//! ```text
//! mod.rs        the passes: correlation (forward, input gradient) and weight gradient
//! plan.rs       tiles and blocks of a shape
//! tile.rs       the transforms, in one dimension
//! transform.rs  the same in two
//! ```
//!
//! The same inputs give the same bits on any number of threads: blocks and chunks are cut by shape alone.

mod correlate;
mod plan;
mod tile;
mod transform;
mod weight_gradient;

pub(super) use correlate::correlate;
pub(super) use weight_gradient::weight_gradient;

pub(super) use plan::Plan;
use plan::Shape;

use super::geometry::Geometry;
use super::matrix::padded;

/// The plan for a convolution's forward pass and weight gradient; `None` if another way is faster.
pub(super) fn forward_plan(geometry: &Geometry) -> Option<Plan> {
    let before = geometry.padding.map(|[before, _]| before);
    faster(
        geometry,
        Shape {
            channels: geometry.channels,
            outputs: geometry.outputs,
            input: geometry.input,
            output: geometry.output,
            before,
        },
    )
}

/// The plan for a convolution's input gradient: a correlation of the output gradient with turned kernels.
pub(super) fn backward_plan(geometry: &Geometry) -> Option<Plan> {
    let [[top, _], [left, _]] = geometry.padding;
    faster(
        geometry,
        Shape {
            channels: geometry.outputs,
            outputs: geometry.channels,
            input: geometry.output,
            output: geometry.input,
            before: [2usize.checked_sub(top)?, 2usize.checked_sub(left)?],
        },
    )
}

fn faster(geometry: &Geometry, shape: Shape) -> Option<Plan> {
    if geometry.kernel != [3, 3] || geometry.stride != [1, 1] || geometry.groups != 1 || shape.channels == 0 {
        return None;
    }
    // Work in lanes: products, and what the transforms of a tile cost a channel.
    let (channels, outputs) = (padded(shape.channels), padded(shape.outputs));
    let cost = |plan: &Plan| plan.products() * (shape.channels * outputs + TRANSFORM * (channels + outputs));
    let plan = [4, 3].map(|tile| Plan::new(shape, tile)).into_iter().min_by_key(cost)?;
    let [height, width] = shape.output;
    (shape.outputs > 0 && cost(&plan) < height * width * 9 * shape.channels * shape.outputs).then_some(plan)
}

/// What the transforms of a point cost, in products.
const TRANSFORM: usize = 7;

#[cfg(test)]
mod tests;
