//! One step: its tensors in the arena, its arguments, its kernel.

use shared::{
    image::Processor,
    model::{Operation, Step, Tensor},
    operator::pool2d::PoolKind,
    shape::{Shape, Window},
};

use super::{Caller, convolution::convolve, range};
use crate::kernels::{
    self, AddArguments, ConvArguments, FullyConnectedArguments, MeanArguments, MulArguments, PoolArguments,
    ShapeMismatch,
};

/// Working memory of a step, on this processor or on another.
pub(super) fn scratch_bytes(step: &Step<'_>, processor: Option<Processor>) -> usize {
    match step.operation {
        Operation::Conv2d(conv) if conv.operator.is_plain() => {
            let (window, input, output) = (&conv.operator.window, conv.input.shape, conv.convolved);
            match processor {
                None => kernels::conv2d_scratch(window, input, output),
                Some(processor) => kernels::conv2d_scratch_on(processor, window, input, output),
            }
        }
        Operation::DepthwiseConv2d(conv) => {
            let (window, input, output) = (&conv.operator.window, conv.input.shape, step.output.shape);
            match processor {
                None => kernels::depthwise_conv2d_scratch(window, input, output),
                Some(processor) => kernels::depthwise_conv2d_scratch_on(processor, window, input, output),
            }
        }
        Operation::FullyConnected(dense) => {
            let inputs = dense.input.shape.elements().unwrap_or(0) as usize;
            match processor {
                None => kernels::fully_connected_scratch(inputs),
                Some(processor) => kernels::fully_connected_scratch_on(processor, inputs),
            }
        }
        Operation::Conv2d(_)
        | Operation::Pool2d(_)
        | Operation::GlobalAveragePool(_)
        | Operation::Add(_)
        | Operation::Mul(_)
        | Operation::Logistic(_) => 0,
    }
}

/// Runs a step in the arena; what lies behind [`Step::scratch_offset`] is working memory.
pub(super) fn run_step(step: &Step<'_>, arena: &mut [i8], caller: &mut impl Caller) -> Result<(), ShapeMismatch> {
    let (arena, scratch) = arena.split_at_mut_checked(step.scratch_offset as usize).ok_or(ShapeMismatch)?;
    let zero_point = |tensor: &Tensor| i32::from(tensor.quantization.zero_point);
    let output_offset = zero_point(&step.output);
    let (activation_min, activation_max) = (step.activation_min, step.activation_max);
    let convolution = |window: Window, input: &Tensor, output_shape: Shape, groups: u16| ConvArguments {
        window,
        input_shape: input.shape,
        output_shape,
        groups,
        input_offset: -zero_point(input),
        output_offset,
        activation_min,
        activation_max,
    };
    match step.operation {
        Operation::Conv2d(conv) => {
            let arguments = convolution(conv.operator.window, &conv.input, conv.convolved, conv.operator.groups);
            let (input, output) = borrow(arena, &conv.input, &step.output)?;
            convolve(&conv, &arguments, step.output.shape, input, output, scratch, caller)
        }
        Operation::DepthwiseConv2d(conv) => {
            let arguments = convolution(conv.operator.window, &conv.input, step.output.shape, 1);
            let (input, output) = borrow(arena, &conv.input, &step.output)?;
            caller.call(|| kernels::depthwise_conv2d(&arguments, input, conv.weights, conv.channels, output, scratch))
        }
        Operation::Pool2d(pool) => {
            let arguments = PoolArguments {
                window: pool.operator.window,
                input_shape: pool.input.shape,
                output_shape: step.output.shape,
                activation_min,
                activation_max,
            };
            let (input, output) = borrow(arena, &pool.input, &step.output)?;
            caller.call(|| run_pool(pool.operator.kind, &arguments, input, output))
        }
        Operation::GlobalAveragePool(mean) => {
            let input_offset = -zero_point(&mean.input);
            let factor = mean.factor;
            let arguments = MeanArguments { input_offset, output_offset, factor, activation_min, activation_max };
            let (input, output) = borrow(arena, &mean.input, &step.output)?;
            caller.call(|| kernels::global_average_pool(&arguments, input, output))
        }
        Operation::Add(add) => {
            let arguments = AddArguments {
                left_offset: -zero_point(&add.left),
                right_offset: -zero_point(&add.right),
                output_offset,
                factors: add.factors,
                activation_min,
                activation_max,
            };
            match borrow_two(arena, &add.left, &add.right, &step.output)? {
                Two::InPlace(sum, right) => caller.call(|| kernels::add_assign(&arguments, sum, right)),
                Two::Apart(left, right, output) => caller.call(|| kernels::add(&arguments, left, right, output)),
            }
        }
        Operation::Mul(mul) => {
            let arguments = MulArguments {
                left_offset: -zero_point(&mul.left),
                right_offset: -zero_point(&mul.right),
                output_offset,
                factor: mul.factor,
                activation_min,
                activation_max,
            };
            match borrow_two(arena, &mul.left, &mul.right, &step.output)? {
                Two::InPlace(product, right) => caller.call(|| kernels::mul_assign(&arguments, product, right)),
                Two::Apart(left, right, output) => caller.call(|| kernels::mul(&arguments, left, right, output)),
            }
        }
        Operation::Logistic(logistic) => {
            let (input, output) = borrow(arena, &logistic.input, &step.output)?;
            caller.call(|| kernels::logistic(logistic.table, input, output))
        }
        Operation::FullyConnected(dense) => {
            let input_offset = -zero_point(&dense.input);
            let arguments = FullyConnectedArguments { input_offset, output_offset, activation_min, activation_max };
            let (input, output) = borrow(arena, &dense.input, &step.output)?;
            caller.call(|| kernels::fully_connected(&arguments, input, dense.weights, dense.channels, output, scratch))
        }
    }
}

/// The pool of a kind.
pub(super) fn run_pool(
    kind: PoolKind,
    arguments: &PoolArguments,
    input: &[i8],
    output: &mut [i8],
) -> Result<(), ShapeMismatch> {
    match kind {
        PoolKind::Max => kernels::max_pool2d(arguments, input, output),
        PoolKind::Average => kernels::average_pool2d(arguments, input, output),
    }
}

/// A step's input and output at once; a checked model's never overlap.
fn borrow<'a>(arena: &'a mut [i8], input: &Tensor, output: &Tensor) -> Result<(&'a [i8], &'a mut [i8]), ShapeMismatch> {
    let [input, output] = arena.get_disjoint_mut([range(input), range(output)])?;
    Ok((input, output))
}

/// The operands of a step of two inputs.
enum Two<'a> {
    /// The output takes the place of the first input.
    InPlace(&'a mut [i8], &'a [i8]),
    /// All have places of their own.
    Apart(&'a [i8], &'a [i8], &'a mut [i8]),
}

fn borrow_two<'a>(
    arena: &'a mut [i8],
    left: &Tensor,
    right: &Tensor,
    output: &Tensor,
) -> Result<Two<'a>, ShapeMismatch> {
    if range(left) == range(output) {
        let [output, right] = arena.get_disjoint_mut([range(output), range(right)])?;
        return Ok(Two::InPlace(output, right));
    }
    // The two inputs may be one tensor, which cannot be borrowed apart from itself.
    if left == right {
        let (input, output) = borrow(arena, left, output)?;
        return Ok(Two::Apart(input, input, output));
    }
    let [left, right, output] = arena.get_disjoint_mut([range(left), range(right), range(output)])?;
    Ok(Two::Apart(left, right, output))
}
