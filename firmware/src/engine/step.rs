//! One step: its tensors in the arena, its arguments, its kernel.

use shared::{
    model::{Arithmetic, Step, Tensor},
    operator::Operator,
};

use super::{Caller, convolution::convolve, range};
use crate::kernels::{
    self, AddArguments, ConvArguments, FullyConnectedArguments, MeanArguments, PoolArguments, ShapeMismatch,
};

/// Working memory of a step.
pub(super) fn scratch_bytes(step: &Step<'_>) -> usize {
    match step.operator {
        Operator::Conv2d { window, .. } => kernels::conv2d_scratch(&window, step.input.shape, step.convolved),
        Operator::DepthwiseConv2d { window } => {
            kernels::depthwise_conv2d_scratch(&window, step.input.shape, step.convolved)
        }
        Operator::FullyConnected { .. } => {
            kernels::fully_connected_scratch(step.input.shape.elements().unwrap_or(0) as usize)
        }
        _ => 0,
    }
}

/// Runs a step in the arena; what lies behind [`Step::scratch_offset`] is working memory.
pub(super) fn run_step(step: &Step<'_>, arena: &mut [i8], caller: &mut impl Caller) -> Result<(), ShapeMismatch> {
    let (arena, scratch) = arena.split_at_mut_checked(step.scratch_offset as usize).ok_or(ShapeMismatch)?;
    let zero_point = |tensor: &Tensor| i32::from(tensor.quantization.zero_point);
    let (input_offset, output_offset) = (-zero_point(&step.input), zero_point(&step.output));
    let (input_shape, output_shape) = (step.input.shape, step.convolved);
    let (activation_min, activation_max) = (step.activation_min, step.activation_max);
    let convolution = |window| ConvArguments {
        window,
        input_shape,
        output_shape,
        input_offset,
        output_offset,
        activation_min,
        activation_max,
    };
    let pool = |window| PoolArguments { window, input_shape, output_shape, activation_min, activation_max };
    if let (Operator::Add, Some(second), Arithmetic::Add(factors)) = (step.operator, step.second_input, step.arithmetic)
    {
        let right_offset = -zero_point(&second);
        let arguments = AddArguments {
            left_offset: input_offset,
            right_offset,
            output_offset,
            factors,
            activation_min,
            activation_max,
        };
        if range(&step.input) == range(&step.output) {
            let [sum, right] = arena.get_disjoint_mut([range(&step.output), range(&second)])?;
            return caller.call(|| kernels::add_assign(&arguments, sum, right));
        }
        // The two inputs may be one tensor, which cannot be borrowed apart from itself.
        if step.input == second {
            let (input, output) = borrow(arena, &step.input, &step.output)?;
            return caller.call(|| kernels::add(&arguments, input, input, output));
        }
        let ranges = [range(&step.input), range(&second), range(&step.output)];
        let [left, right, output] = arena.get_disjoint_mut(ranges)?;
        return caller.call(|| kernels::add(&arguments, left, right, output));
    }
    let (input, output) = borrow(arena, &step.input, &step.output)?;
    let (weights, channels) = (step.weights, step.channels);
    match (step.operator, step.arithmetic) {
        (Operator::Conv2d { window, .. }, _) => convolve(step, &convolution(window), input, output, scratch, caller),
        (Operator::DepthwiseConv2d { window }, _) => {
            let arguments = convolution(window);
            caller.call(|| kernels::depthwise_conv2d(&arguments, input, weights, channels, output, scratch))
        }
        (Operator::MaxPool2d { window }, _) => caller.call(|| kernels::max_pool2d(&pool(window), input, output)),
        (Operator::AveragePool2d { window }, _) => {
            caller.call(|| kernels::average_pool2d(&pool(window), input, output))
        }
        (Operator::FullyConnected { .. }, _) => {
            let arguments = FullyConnectedArguments { input_offset, output_offset, activation_min, activation_max };
            caller.call(|| kernels::fully_connected(&arguments, input, weights, channels, output, scratch))
        }
        (Operator::GlobalAveragePool, Arithmetic::Mean(factor)) => {
            let arguments = MeanArguments { input_offset, output_offset, factor, activation_min, activation_max };
            caller.call(|| kernels::global_average_pool(&arguments, input, output))
        }
        (Operator::GlobalAveragePool | Operator::Add | Operator::Mul | Operator::Logistic, _) => Err(ShapeMismatch),
    }
}

/// A step's input and output at once; a checked model's never overlap.
fn borrow<'a>(arena: &'a mut [i8], input: &Tensor, output: &Tensor) -> Result<(&'a [i8], &'a mut [i8]), ShapeMismatch> {
    let [input, output] = arena.get_disjoint_mut([range(input), range(output)])?;
    Ok((input, output))
}
