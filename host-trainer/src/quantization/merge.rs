//! Branches that a network has for training alone: convolutions of the same input whose outputs are added, with nothing in
//! between, are one convolution with the sum of their kernels (Ding et al. 2021, "RepVGG: Making VGG-style ConvNets Great
//! Again", section 3.3, with kernels of any size).

use shared::{
    operator::{Conv2d, Operator},
    shape::{Padding, Shape, Window},
};

use super::{
    fold::{sole_writer, without_unused_tensors},
    lower::{FloatOperator, Lowered},
};

/// Merges branches where that saves work. In exact arithmetic the network stays the same function; each weight is a sum in
/// `f64`, rounded once a pair.
pub fn merge_branches(mut lowered: Lowered) -> Lowered {
    let mut sum = 0;
    while sum < lowered.operators.len() {
        match merged(&lowered, sum) {
            Some((writers, operator)) => {
                lowered.operators[sum] = operator;
                // The operator behind first, so that the other keeps its place.
                writers.into_iter().rev().for_each(|writer| drop(lowered.operators.remove(writer)));
                // Three branches are two additions, of which the second may come before.
                sum = 0;
            }
            None => sum += 1,
        }
    }
    without_unused_tensors(lowered)
}

/// The two convolutions, in their order, that the addition `sum` adds, and all three as one, if that saves work.
fn merged(lowered: &Lowered, sum: usize) -> Option<([usize; 2], FloatOperator)> {
    let addition = &lowered.operators[sum];
    let (Operator::Add, &[left, right]) = (addition.operator, addition.inputs.as_slice()) else { return None };
    let mut writers = [sole_writer(lowered, left, sum)?, sole_writer(lowered, right, sum)?];
    writers.sort_unstable();
    let [a, b] = writers.map(|writer| &lowered.operators[writer]);
    let (Operator::Conv2d(first), Operator::Conv2d(second)) = (a.operator, b.operator) else { return None };
    if !(first.is_plain() && second.is_plain()) {
        return None;
    }
    let filters = first.filters;
    let (first, second) = (first.window, second.window);
    if a.inputs != b.inputs || ![a, b].into_iter().all(FloatOperator::is_linear) {
        return None;
    }
    let input = lowered.tensors[a.inputs[0]].shape;
    let window = together(first, second, input)?;
    let operator = Operator::Conv2d(Conv2d::new(window, filters));
    if operator.macs(input) >= a.operator.macs(input) + b.operator.macs(input) {
        return None;
    }
    let depth = usize::from(input.channels);
    let mut weights = vec![0f64; operator.weight_count(input) as usize];
    for (branch, of) in [(a, first), (b, second)] {
        let offset = offset(window, of, input)?;
        add_kernel(&mut weights, window, &branch.weights, of, offset, depth);
    }
    let biases = a.biases.iter().zip(&b.biases).map(|(&a, &b)| (f64::from(a) + f64::from(b)) as f32).collect();
    let weights = weights.into_iter().map(|weight| weight as f32).collect();
    Some((writers, FloatOperator { operator, inputs: a.inputs.clone(), weights, biases, ..addition.clone() }))
}

/// The smallest window that sees what both see, at the same places; `None` if there is none.
fn together(first: Window, second: Window, input: Shape) -> Option<Window> {
    let window = Window {
        kernel_height: first.kernel_height.max(second.kernel_height),
        kernel_width: first.kernel_width.max(second.kernel_width),
        padding: if first.padding == second.padding { first.padding } else { Padding::Same },
        ..first
    };
    let size = |window: Window| window.output_size(input.height, input.width);
    let same_grid = (first.stride_height, first.stride_width) == (second.stride_height, second.stride_width)
        && size(first) == size(window)
        && size(second) == size(window);
    let fits = offset(window, first, input).is_some() && offset(window, second, input).is_some();
    (same_grid && fits).then_some(window)
}

/// Rows and columns between the beginning of `window` and that of `part`, if the one lies inside the other.
fn offset(window: Window, part: Window, input: Shape) -> Option<(usize, usize)> {
    let (top, left) = window.padding_before(input.height, input.width);
    let (part_top, part_left) = part.padding_before(input.height, input.width);
    let (down, across) = (top.checked_sub(part_top)?, left.checked_sub(part_left)?);
    let inside = down + u16::from(part.kernel_height) <= u16::from(window.kernel_height)
        && across + u16::from(part.kernel_width) <= u16::from(window.kernel_width);
    inside.then_some((down.into(), across.into()))
}

/// Adds a smaller kernel to a larger one; both are `[C_OUT][KERNEL_H][KERNEL_W][C_IN]`.
fn add_kernel(
    sums: &mut [f64],
    window: Window,
    weights: &[f32],
    part: Window,
    (down, across): (usize, usize),
    depth: usize,
) {
    let (columns, part_columns) = (usize::from(window.kernel_width), usize::from(part.kernel_width));
    let filters = sums.chunks_exact_mut(window.taps() as usize * depth);
    for (sums, weights) in filters.zip(weights.chunks_exact(part.taps() as usize * depth)) {
        for (row, weights) in weights.chunks_exact(part_columns * depth).enumerate() {
            let start = ((row + down) * columns + across) * depth;
            sums[start..].iter_mut().zip(weights).for_each(|(sum, &weight)| *sum += f64::from(weight));
        }
    }
}
