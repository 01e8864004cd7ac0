//! A whole model, step by step, every tensor in memory of its own.

use shared::{
    model::{Arithmetic, Model, Step, Tensor},
    operator::Operator,
};

use super::{
    Ends, add, average_pool2d, conv2d, depthwise_conv2d, folded_conv2d, fully_connected, global_average_pool,
    max_pool2d,
};

/// The logits of a face that is normalized already.
pub fn run(model: &Model<'_>, face: &[i8]) -> Vec<i8> {
    let mut tensors: Vec<(Tensor, Vec<i8>)> = vec![(model.input(), face.to_vec())];
    for step in model.steps() {
        // The latest tensor of this description is the one that the arena still holds.
        let value = |wanted: &Tensor| {
            let (_, values) = tensors.iter().rev().find(|(tensor, _)| tensor == wanted).expect("written before");
            values.clone()
        };
        let output = run_step(&step, &value(&step.input), step.second_input.as_ref().map(value));
        tensors.push((step.output, output));
    }
    tensors.pop().expect("a model has steps").1
}

fn run_step(step: &Step<'_>, input: &[i8], second: Option<Vec<i8>>) -> Vec<i8> {
    let ends = Ends {
        input_zero_point: step.input.quantization.zero_point,
        output_zero_point: step.output.quantization.zero_point,
        activation: (step.activation_min, step.activation_max),
    };
    let (shape, weights, channels) = (step.input.shape, step.weights, step.channels);
    match (step.operator, step.arithmetic) {
        (Operator::Conv2d { window, .. }, _) => {
            let output = match step.folding {
                None => conv2d(&ends, window, input, shape, weights, channels),
                Some(folding) => folded_conv2d(&ends, (window, folding), input, shape, weights, channels),
            };
            match step.pool.map(|pool| pool.operator) {
                None => output,
                Some(Operator::MaxPool2d { window }) => max_pool2d(window, &output, step.convolved, (-128, 127)),
                Some(Operator::AveragePool2d { window }) => {
                    average_pool2d(window, &output, step.convolved, (-128, 127))
                }
                Some(operator) => panic!("{operator:?} is no pool"),
            }
        }
        (Operator::DepthwiseConv2d { window }, _) => depthwise_conv2d(&ends, window, input, shape, weights, channels),
        (Operator::MaxPool2d { window }, _) => max_pool2d(window, input, shape, ends.activation),
        (Operator::AveragePool2d { window }, _) => average_pool2d(window, input, shape, ends.activation),
        (Operator::FullyConnected { .. }, _) => fully_connected(&ends, input, weights, channels),
        (Operator::GlobalAveragePool, Arithmetic::Mean(factor)) => {
            global_average_pool(&ends, factor, input, shape.channels.into())
        }
        (Operator::Add, Arithmetic::Add(factors)) => {
            let right = step.second_input.expect("an addition has two inputs").quantization.zero_point;
            let zero_points = (ends.input_zero_point, right);
            add(&ends, zero_points, &factors, input, &second.expect("an addition has two inputs"))
        }
        (operator, arithmetic) => panic!("{operator:?} with {arithmetic:?} is no step of a checked model"),
    }
}
